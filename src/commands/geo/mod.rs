//! Places on the globe: sorted sets whose scores are geohashes.

mod search;
#[cfg(test)]
mod tests;

use super::zset::place;
use crate::base::double::parse_double;
use crate::data::Zset;
use crate::data::geo::{self, Point};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::engine::spec::{BLANK, Spec};
use crate::resp::{Args, Reply};
use search::{georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "geoadd", arity: -5, flags: "write denyoom", acl: "geo",
        keys: "1 RW update", group: "geo", since: "3.2.0",
        syntax: "key [condition<NX|XX>@6.2.0] [change=CH@6.2.0] data(longitude:double latitude:double member)...",
        summary: "Adds members at places on the globe, or moves them.", complexity: "O(log N) per member", run: geoadd, ..BLANK
    },
    Spec {
        name: "geodist", arity: -4, flags: "readonly", acl: "geo",
        keys: "1 RO access", group: "geo", since: "3.2.0",
        syntax: "key member1 member2 [unit<M|KM|FT|MI>]",
        summary: "Tells how far apart two members are.", complexity: "O(1)", run: geodist, ..BLANK
    },
    Spec {
        name: "geohash", arity: -2, flags: "readonly", acl: "geo",
        keys: "1 RO access", group: "geo", since: "3.2.0",
        syntax: "key [member...]",
        summary: "Tells the geohash texts of members.", complexity: "O(1) per member", run: geohash, ..BLANK
    },
    Spec {
        name: "geopos", arity: -2, flags: "readonly", acl: "geo",
        keys: "1 RO access", group: "geo", since: "3.2.0",
        syntax: "key [member...]",
        summary: "Tells the longitude and latitude of members.", complexity: "O(1) per member", run: geopos, ..BLANK
    },
    Spec {
        name: "georadius", arity: -6, flags: "write denyoom", acl: "geo",
        keys: "1 RO access; STORE@6 OW update; STOREDIST@6 OW update; via georadius", group: "geo", since: "3.2.0",
        syntax: "key longitude:double latitude:double radius:double unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [count-block(COUNT count:int [ANY@6.2.0])] [order<ASC|DESC>] \
            [store<STORE storekey:key1|STOREDIST storedistkey:key2>]",
        summary: "Finds the members around a point, and can store them.",
        complexity: "O(N+log(M)), N in the box around the area, M inside it",
        deprecated: "6.2.0 `GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument", run: georadius, ..BLANK
    },
    Spec {
        name: "georadius_ro", arity: -6, flags: "readonly", acl: "geo",
        keys: "1 RO access", group: "geo", since: "3.2.10",
        syntax: "key longitude:double latitude:double radius:double unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [count-block(COUNT count:int [ANY@6.2.0])] [order<ASC|DESC>]",
        summary: "Finds the members around a point.", complexity: "O(N+log(M)), N in the box around the area, M inside it",
        deprecated: "6.2.0 `GEOSEARCH` with the `BYRADIUS` argument", run: georadius_ro, ..BLANK
    },
    Spec {
        name: "georadiusbymember", arity: -5, flags: "write denyoom", acl: "geo",
        keys: "1 RO access; STORE@5 OW update; STOREDIST@5 OW update; via georadius", group: "geo", since: "3.2.0",
        syntax: "key member radius:double unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [count-block(COUNT count:int [ANY])] [order<ASC|DESC>] [store<STORE storekey:key1|STOREDIST storedistkey:key2>]",
        summary: "Finds the members around a member, and can store them.",
        complexity: "O(N+log(M)), N in the box around the area, M inside it",
        deprecated: "6.2.0 `GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        run: georadiusbymember, ..BLANK
    },
    Spec {
        name: "georadiusbymember_ro", arity: -5, flags: "readonly", acl: "geo",
        keys: "1 RO access", group: "geo", since: "3.2.10",
        syntax: "key member radius:double unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [count-block(COUNT count:int [ANY])] [order<ASC|DESC>]",
        summary: "Finds the members around a member.", complexity: "O(N+log(M)), N in the box around the area, M inside it",
        deprecated: "6.2.0 `GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments", run: georadiusbymember_ro, ..BLANK
    },
    Spec {
        name: "geosearch", arity: -7, flags: "readonly", acl: "geo",
        keys: "1 RO access", group: "geo", since: "6.2.0",
        syntax: "key from<FROMMEMBER member|FROMLONLAT fromlonlat(longitude:double latitude:double)> \
            by<circle(BYRADIUS radius:double unit<M|KM|FT|MI>)|box(BYBOX width:double height:double unit<M|KM|FT|MI>)> \
            [order<ASC|DESC>] [count-block(COUNT count:int [ANY])] [WITHCOORD] [WITHDIST] [WITHHASH]",
        summary: "Finds the members inside a circle or a box.",
        complexity: "O(N+log(M)), N in the box around the area, M inside it", run: geosearch, ..BLANK
    },
    Spec {
        name: "geosearchstore", arity: -8, flags: "write denyoom", acl: "geo",
        keys: "1 OW update; 2 RO access", group: "geo", since: "6.2.0",
        syntax: "destination:key0 source:key1 from<FROMMEMBER member|FROMLONLAT fromlonlat(longitude:double latitude:double)> \
            by<circle(BYRADIUS radius:double unit<M|KM|FT|MI>)|box(BYBOX width:double height:double unit<M|KM|FT|MI>)> \
            [order<ASC|DESC>] [count-block(COUNT count:int [ANY])] [STOREDIST]",
        summary: "Stores the members inside a circle or a box.",
        complexity: "O(N+log(M)), N in the box around the area, M inside it", run: geosearchstore, ..BLANK
    },
];

pub fn geoadd(c: &mut Call<'_>) -> Result<(), Error> {
    let (mut first, mut nx, mut xx) = (2, false, false);
    let mut flags: Vec<&[u8]> = Vec::new();
    while let Some(word) = c.args.get(first) {
        match () {
            () if c.args.is(first, "nx") => nx = true,
            () if c.args.is(first, "xx") => xx = true,
            () if c.args.is(first, "ch") => {}
            () => break,
        }
        flags.push(word);
        first += 1;
    }
    let places = c.args.skip(first);
    if !places.len().is_multiple_of(3) || nx && xx {
        return Err(Error::Syntax);
    }
    let mut scores = Vec::with_capacity(places.len() / 3);
    for i in 0..places.len() / 3 {
        scores.push(point(places, 3 * i)?.score() as f64);
    }
    if scores.is_empty() {
        return Err(Error::Syntax);
    }
    if c.ks.journal.logging {
        // A log gets scores, as Redis's does: whoever reads it need not round coordinates as we do.
        let mut words: Vec<Vec<u8>> = vec![b"ZADD".to_vec(), c.args.at(1).to_vec()];
        words.extend(flags.iter().map(|flag| flag.to_vec()));
        for (i, score) in scores.iter().enumerate() {
            words.extend([(*score as u64).to_string().into_bytes(), places.at(3 * i + 2).to_vec()]);
        }
        c.log_instead(&words);
    }
    let ch = flags.iter().any(|flag| flag.eq_ignore_ascii_case(b"ch"));
    let changed = place(c, &scores, |i| places.at(3 * i + 2), (nx, xx, ch))?;
    c.reply.int(changed);
    Ok(())
}

/// Words `i` and `i + 1` as longitude and latitude.
fn point(args: Args<'_>, i: usize) -> Result<Point, Error> {
    let number = |i| parse_double(args.at(i)).ok_or(Error::NotFloat);
    let point = Point { lon: number(i)?, lat: number(i + 1)? };
    if point.is_valid() { Ok(point) } else { Err(errors::coordinates(point.lon, point.lat)) }
}

/// Word `i` as a unit of length: its metres.
fn unit(args: Args<'_>, i: usize) -> Result<f64, Error> {
    geo::unit(args.at(i)).ok_or(errors::GEO_UNIT)
}

/// Where a score lies. Any number can be one, so this converts as C does on x86-64.
fn place_of(score: f64) -> Point {
    const HALF: f64 = (1u64 << 63) as f64;
    let bits = match score {
        s if s < HALF => s as i64 as u64,
        s if s < 2.0 * HALF => s as u64,
        _ => 0,
    };
    Point::of_score(bits)
}

fn find(zset: &Zset, member: &[u8]) -> Option<Point> {
    zset.score(member).map(place_of)
}

/// A distance with four decimals, which Redis 7.2 and later round as a whole number of ten thousandths.
fn distance(reply: &mut Reply, distance: f64) {
    let n = (distance * 1e4).round_ties_even() as u64;
    reply.bulk(format!("{}.{:04}", n / 10_000, n % 10_000).as_bytes());
}

fn coordinates(reply: &mut Reply, point: Point) {
    reply.array(2);
    reply.double(point.lon);
    reply.double(point.lat);
}

pub fn geodist(c: &mut Call<'_>) -> Result<(), Error> {
    let metres = match c.args.len() {
        4 => 1.0,
        5 => unit(c.args, 4)?,
        _ => return Err(Error::Syntax),
    };
    let (key, a, b) = (c.key(1), c.args.at(2), c.args.at(3));
    let found = c.ks.get(key);
    let zset = found.as_deref().map(Call::typed::<Zset>).transpose()?;
    match zset.and_then(|z| Some((find(&z, a)?, find(&z, b)?))) {
        Some((a, b)) => distance(c.reply, a.distance(b) / metres),
        None => c.reply.null(),
    }
    Ok(())
}

pub fn geohash(c: &mut Call<'_>) -> Result<(), Error> {
    each(c, |reply, point| match point {
        Some(point) => reply.bulk(&point.geohash()),
        None => reply.null(),
    })
}

pub fn geopos(c: &mut Call<'_>) -> Result<(), Error> {
    each(c, |reply, point| match point {
        Some(point) => coordinates(reply, point),
        None => reply.null_array(),
    })
}

/// An array of what `show` writes for each member from word 2 on.
fn each(c: &mut Call<'_>, show: impl Fn(&mut Reply, Option<Point>)) -> Result<(), Error> {
    let (key, members) = (c.key(1), c.args.skip(2));
    let found = c.ks.get(key);
    let zset = found.as_deref().map(Call::typed::<Zset>).transpose()?;
    c.reply.array(members.len());
    for member in members.iter() {
        show(c.reply, zset.as_ref().and_then(|z| find(z, member)));
    }
    Ok(())
}
