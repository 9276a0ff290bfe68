//! GEOSEARCH, GEOSEARCHSTORE and the GEORADIUS family, which are one search with different ways to ask.

use super::{coordinates, distance, find, place_of, point, unit};
use crate::base::double::parse_double;
use crate::base::numbers::parse_i64;
use crate::base::pqsort::pqsort;
use crate::commands::elements::store;
use crate::data::geo::{Point, Shape, cover};
use crate::data::zset::ScoreEdge;
use crate::data::{Limits, Zset};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::journal::class;
use crate::resp::Args;
use std::cmp::Ordering;

pub fn geosearch(c: &mut Call<'_>) -> Result<(), Error> {
    search(c, &Kind { key: 1, options: 2, from: None, search: true, target: None, stores: false })
}

pub fn geosearchstore(c: &mut Call<'_>) -> Result<(), Error> {
    search(c, &Kind { key: 2, options: 3, from: None, search: true, target: Some(1), stores: true })
}

pub fn georadius(c: &mut Call<'_>) -> Result<(), Error> {
    radius(c, 6, From::Point, true)
}

pub fn georadius_ro(c: &mut Call<'_>) -> Result<(), Error> {
    radius(c, 6, From::Point, false)
}

pub fn georadiusbymember(c: &mut Call<'_>) -> Result<(), Error> {
    radius(c, 5, From::Member, true)
}

pub fn georadiusbymember_ro(c: &mut Call<'_>) -> Result<(), Error> {
    radius(c, 5, From::Member, false)
}

fn radius(c: &mut Call<'_>, options: usize, from: From, stores: bool) -> Result<(), Error> {
    search(c, &Kind { key: 1, options, from: Some(from), search: false, target: None, stores })
}

/// What a command's name says.
struct Kind {
    /// The word of the searched key, and of the first option.
    key: usize,
    options: usize,
    /// Where GEORADIUS finds its center, in front of the options.
    from: Option<From>,
    search: bool,
    /// The word of the key that GEOSEARCHSTORE stores under.
    target: Option<usize>,
    stores: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum From {
    Point,
    Member,
}

#[derive(Clone, Copy, PartialEq)]
enum By {
    Radius,
    Box,
    Polygon,
}

/// What was asked for.
struct Ask {
    from: Option<From>,
    center: Option<Point>,
    by: Option<By>,
    shape: Shape,
    /// Metres in the unit of the answer.
    unit: f64,
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    /// 0: all.
    count: usize,
    any: bool,
    /// Nearest first, or farthest.
    order: Option<Ordering>,
    target: Option<usize>,
    store_distance: bool,
}

impl Ask {
    fn new(kind: &Kind) -> Ask {
        Ask {
            from: kind.from,
            center: None,
            by: None,
            shape: Shape::Circle { radius: 0.0 },
            unit: 1.0,
            with_distance: false,
            with_hash: false,
            with_place: false,
            count: 0,
            any: false,
            order: None,
            target: kind.target,
            store_distance: false,
        }
    }

    /// Reads everything; errors come in Redis's order, which looks members up as it meets them. Where there is no key, no member
    /// is missed.
    fn parse(args: Args<'_>, kind: &Kind, zset: Option<&Zset>) -> Result<Ask, Error> {
        let mut ask = Ask::new(kind);
        match kind.from {
            Some(From::Point) => {
                ask.center = Some(point(args, 2)?);
                ask.circle(args, 4)?;
            }
            Some(From::Member) if zset.is_some() => {
                ask.center = member(zset, args.at(2))?;
                ask.circle(args, 3)?;
            }
            _ => {}
        }
        let mut i = kind.options;
        while i < args.len() {
            let left = args.len() - i - 1;
            let stores = !kind.search && kind.stores;
            match () {
                () if args.is(i, "withdist") => ask.with_distance = true,
                () if args.is(i, "withhash") => ask.with_hash = true,
                () if args.is(i, "withcoord") => ask.with_place = true,
                () if args.is(i, "any") => ask.any = true,
                () if args.is(i, "asc") => ask.order = Some(Ordering::Less),
                () if args.is(i, "desc") => ask.order = Some(Ordering::Greater),
                () if args.is(i, "count") && left >= 1 => {
                    i += 1;
                    ask.count = usize::try_from(parse_i64(args.at(i)).ok_or(Error::NotInteger)?)
                        .ok()
                        .filter(|n| *n > 0)
                        .ok_or(errors::GEO_COUNT)?;
                }
                () if stores && left >= 1 && (args.is(i, "store") || args.is(i, "storedist")) => {
                    ask.store_distance = args.is(i, "storedist");
                    i += 1;
                    ask.target = Some(i);
                }
                () if kind.search && left >= 1 && ask.takes(From::Member) && args.is(i, "frommember") => {
                    i += 1;
                    ask.from = Some(From::Member);
                    ask.center = member(zset, args.at(i))?;
                }
                () if kind.search && left >= 2 && ask.takes(From::Point) && args.is(i, "fromlonlat") => {
                    ask.from = Some(From::Point);
                    ask.center = Some(point(args, i + 1)?);
                    i += 2;
                }
                () if kind.search
                    && left >= 2
                    && ask.by.is_none_or(|by| by == By::Radius)
                    && args.is(i, "byradius") =>
                {
                    ask.circle(args, i + 1)?;
                    i += 2;
                }
                () if kind.search && left >= 3 && ask.by.is_none_or(|by| by == By::Box) && args.is(i, "bybox") => {
                    ask.rectangle(args, i + 1)?;
                    i += 3;
                }
                // Valkey 9.1's.
                () if kind.search && left >= 2 && ask.takes_polygon() && args.is(i, "bypolygon") => {
                    i += ask.polygon(args, i + 1)?;
                }
                () if kind.search && kind.stores && args.is(i, "storedist") => ask.store_distance = true,
                () => return Err(Error::Syntax),
            }
            i += 1;
        }
        ask.check(args.at(0), kind)?;
        Ok(ask)
    }

    fn check(&mut self, name: &[u8], kind: &Kind) -> Result<(), Error> {
        if self.target.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            return Err(if kind.search { errors::GEOSEARCHSTORE_WITH } else { errors::GEORADIUS_STORE_WITH });
        }
        if self.from.is_none() && self.by != Some(By::Polygon) {
            return Err(errors::exactly_one("FROMMEMBER or FROMLONLAT", name));
        }
        if kind.search && self.by.is_none() {
            return Err(errors::exactly_one("BYRADIUS and BYBOX", name));
        }
        if self.any && self.count == 0 {
            return Err(errors::GEO_ANY);
        }
        // Some of many: the nearest, unless it does not matter which.
        if self.count > 0 && !self.any {
            self.order.get_or_insert(Ordering::Less);
        }
        Ok(())
    }

    /// Words `i` and `i + 1` as a radius and its unit.
    fn circle(&mut self, args: Args<'_>, i: usize) -> Result<(), Error> {
        let radius = parse_double(args.at(i)).ok_or(errors::GEO_RADIUS)?;
        if radius < 0.0 {
            return Err(errors::GEO_RADIUS_NEGATIVE);
        }
        self.unit = unit(args, i + 1)?;
        self.by = Some(By::Radius);
        self.shape = Shape::Circle { radius: radius * self.unit };
        Ok(())
    }

    /// Words from `i` on as width, height and their unit.
    fn rectangle(&mut self, args: Args<'_>, i: usize) -> Result<(), Error> {
        let width = parse_double(args.at(i)).ok_or(errors::GEO_WIDTH)?;
        let height = parse_double(args.at(i + 1)).ok_or(errors::GEO_HEIGHT)?;
        if width < 0.0 || height < 0.0 {
            return Err(errors::GEO_BOX_NEGATIVE);
        }
        self.unit = unit(args, i + 2)?;
        self.by = Some(By::Box);
        self.shape = Shape::Box { width: width * self.unit, height: height * self.unit };
        Ok(())
    }

    /// A center is named in one of two ways, and a polygon has its own.
    fn takes(&self, from: From) -> bool {
        self.from.is_none_or(|f| f == from) && self.by != Some(By::Polygon)
    }

    fn takes_polygon(&self) -> bool {
        self.from.is_none() && self.by.is_none_or(|by| by == By::Polygon)
    }

    /// Words from `i` on as a number of vertices and that many places; how many words that is.
    fn polygon(&mut self, args: Args<'_>, i: usize) -> Result<usize, Error> {
        let n = parse_i64(args.at(i)).filter(|n| i32::try_from(*n).is_ok()).ok_or(errors::GEO_VERTICES)?;
        let n = usize::try_from(n).unwrap_or(0);
        if n < 3 || n > (args.len() - i - 1) / 2 {
            return Err(errors::GEO_FEW_VERTICES);
        }
        let vertices = (0..n).map(|v| point(args, i + 1 + 2 * v)).collect::<Result<Vec<_>, _>>()?;
        (self.by, self.unit, self.center) = (Some(By::Polygon), 1.0, Some(Point::middle(&vertices)));
        self.shape = Shape::Polygon { vertices };
        Ok(1 + 2 * n)
    }

    /// What lies in the shape, cut and ordered as wanted.
    fn hits(&self, zset: &Zset, center: Point) -> Vec<Hit> {
        let mut hits = Vec::new();
        let enough = if self.any { self.count } else { usize::MAX };
        'ranges: for range in cover(center, &self.shape) {
            let (min, max) = (ScoreEdge::Inclusive(range.min as f64), ScoreEdge::Exclusive(range.max as f64));
            let span = zset.span_by_score(min, max);
            for (member, score) in zset.iter_from(span.start).take(span.len()) {
                let place = place_of(score);
                if let Some(distance) = center.distance_within(&self.shape, place) {
                    hits.push(Hit { member: member.to_vec(), score, place, distance });
                    if hits.len() >= enough {
                        break 'ranges;
                    }
                }
            }
        }
        let wanted = if self.count == 0 { hits.len() } else { self.count.min(hits.len()) };
        if let Some(order) = self.order {
            let compare = |a: &Hit, b: &Hit| {
                let nearer = a.distance.total_cmp(&b.distance);
                if order == Ordering::Less { nearer } else { nearer.reverse() }
            };
            if wanted == hits.len() {
                hits.sort_by(compare);
            } else {
                pqsort(&mut hits, 0, wanted - 1, compare);
            }
        }
        hits.truncate(wanted);
        hits
    }
}

/// A member in the shape.
struct Hit {
    member: Vec<u8>,
    score: f64,
    place: Point,
    /// Metres from the center.
    distance: f64,
}

fn member(zset: Option<&Zset>, name: &[u8]) -> Result<Option<Point>, Error> {
    zset.map(|zset| find(zset, name).ok_or(errors::GEO_MEMBER)).transpose()
}

fn search(c: &mut Call<'_>, kind: &Kind) -> Result<(), Error> {
    let (key, args) = (c.key(kind.key), c.args);
    let (ask, hits) = {
        let found = c.ks.get_many(&[key], |_| true);
        let zset = found[0].as_deref().map(Call::typed::<Zset>).transpose()?;
        let zset = zset.as_deref();
        let ask = Ask::parse(args, kind, zset)?;
        let hits = zset.zip(ask.center).map(|(zset, center)| ask.hits(zset, center)).unwrap_or_default();
        (ask, hits)
    };
    match ask.target {
        Some(word) => {
            let event = if kind.search { "geosearchstore" } else { "georadiusstore" };
            keep(c, word, &ask, &hits, event);
        }
        None => answer(c, &ask, &hits),
    }
    Ok(())
}

fn answer(c: &mut Call<'_>, ask: &Ask, hits: &[Hit]) {
    let parts = [ask.with_distance, ask.with_hash, ask.with_place].into_iter().filter(|with| *with).count();
    c.reply.array(hits.len());
    for hit in hits {
        if parts > 0 {
            c.reply.array(parts + 1);
        }
        c.reply.bulk(&hit.member);
        if ask.with_distance {
            distance(c.reply, hit.distance / ask.unit);
        }
        if ask.with_hash {
            c.reply.int(hit.score as i64);
        }
        if ask.with_place {
            coordinates(c.reply, hit.place);
        }
    }
}

/// Stores the hits as a sorted set, of geohashes or of distances in the unit asked for.
fn keep(c: &mut Call<'_>, word: usize, ask: &Ask, hits: &[Hit], event: &'static str) {
    let (to, limits): (_, Limits) = (c.key(word), c.limits());
    let mut out = Zset::new_ranked();
    for hit in hits {
        let score = if ask.store_distance { hit.distance / ask.unit } else { hit.score };
        out.set(&hit.member, score, &limits);
    }
    out.try_listpack(&limits);
    store(c, to, hits.len(), out.into(), (class::ZSET, event));
    c.ks.journal.dirty += (hits.len() as u64).saturating_sub(1);
}
