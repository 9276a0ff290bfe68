//! HRANDFIELD and HSCAN.

use super::read::live_len;
use crate::base::rng::Rng;
use crate::commands::elements::{Walk, address, bulk, cursor, empty_walk, random_count, sample};
use crate::data::Hash;
use crate::data::hash::Entry;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::resp::{Proto, Reply};

pub fn hrandfield(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    let mut rng = Rng::new(c.ks.rng.next_u64());
    if c.args.len() == 2 {
        let found = c.ks.get(key);
        let hash = found.as_deref().map(Call::typed::<Hash>).transpose()?;
        match hash.as_ref().and_then(|h| h.random(now_ms, &mut rng)) {
            Some(field) => bulk(c.reply, field.name),
            None => c.reply.null(),
        }
        return Ok(());
    }
    let count = random_count(c, 2, false)?;
    let values = c.args.is(3, "withvalues");
    if c.args.len() > 4 || (c.args.len() == 4 && !values) {
        return Err(Error::Syntax);
    }
    random_count(c, 2, values)?;
    let found = c.ks.get(key);
    let hash = found.as_deref().map(Call::typed::<Hash>).transpose()?;
    let Some(hash) = hash.filter(|_| count != 0) else {
        c.reply.array(0);
        return Ok(());
    };
    let len = live_len(&hash, now_ms);
    if count > 0 && count as u64 >= len as u64 {
        head(c.reply, len, values);
        hash.iter(now_ms).for_each(|field| show(c.reply, field, values));
    } else if count > 0 {
        let count = count as usize;
        head(c.reply, count, values);
        let compact = hash.as_listpack().is_some();
        let draw = |rng: &mut Rng| hash.random(now_ms, rng);
        sample(
            (count, len),
            &mut rng,
            hash.iter(now_ms),
            draw,
            |f| address(f.name),
            compact,
            |field| {
                show(c.reply, field, values);
            },
        );
    } else {
        let count = count.unsigned_abs() as usize;
        head(c.reply, if len == 0 { 0 } else { count }, values);
        for _ in 0..count {
            let Some(field) = hash.random(now_ms, &mut rng) else { break };
            show(c.reply, field, values);
        }
    }
    Ok(())
}

/// Pairs are arrays of their own in RESP3, and one flat array in RESP2.
fn head(reply: &mut Reply, len: usize, values: bool) {
    reply.array(if values && reply.proto == Proto::Resp2 { 2 * len } else { len });
}

fn show(reply: &mut Reply, field: Entry<'_>, values: bool) {
    if values && reply.proto == Proto::Resp3 {
        reply.array(2);
    }
    bulk(reply, field.name);
    if values {
        bulk(reply, field.value);
    }
}

pub fn hscan(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, now_ms, cursor) = (c.key(1), c.ks.fields_now_ms(), cursor(c)?);
    let walk = Walk::parse(c, true);
    let Some(e) = c.ks.get(key) else {
        empty_walk(c.reply);
        return Ok(());
    };
    let hash = Call::typed::<Hash>(&e)?;
    let walk = walk?;
    walk.run(cursor, c.reply, |position, reply| {
        let (mut seen, mut written) = (0, 0);
        let next = hash.scan(position, now_ms, |field| {
            seen += 1;
            if walk.fits(field.name) {
                bulk(reply, field.name);
                written += 1;
                if walk.values {
                    bulk(reply, field.value);
                    written += 1;
                }
            }
        });
        (next, seen, written)
    })
}
