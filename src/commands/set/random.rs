//! Members by chance: SPOP and SRANDMEMBER.

use crate::base::numbers::parse_i64;
use crate::base::rng::Rng;
use crate::commands::elements::{address, bulk, random_count, sample};
use crate::data::Set;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::keyspace::journal::class;

/// Members named in one logged SREM.
const BATCH: usize = 1024;

/// The log gets what chance took: an SREM, or a DEL if that was all.
pub fn spop(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let count = match c.args.len() {
        2 => None,
        3 => Some(parse_i64(c.args.at(2)).filter(|n| *n >= 0).ok_or(Error::NOT_POSITIVE)? as u64),
        _ => return Err(Error::Syntax),
    };
    let mut rng = Rng::new(c.ks.rng.next_u64());
    let logging = c.ks.journal.logging;
    let Some(mut open) = c.ks.get_mut(key) else {
        if count.is_none() {
            c.reply.null()
        } else {
            c.reply.set(0)
        }
        return Ok(());
    };
    let mut set = open.maybe_change().object_mut::<Set>().ok_or(Error::WrongType)?;
    let mut popped: Vec<Vec<u8>> = Vec::new();
    let taken = match count {
        None => 1,
        Some(count) => {
            let taken = count.min(set.len() as u64);
            c.reply.set(taken as usize);
            taken
        }
    };
    let all = taken == set.len() as u64;
    if all && count.is_some() {
        set.iter().for_each(|member| bulk(c.reply, member));
    } else {
        for _ in 0..taken {
            set.pop(&mut rng, |member| {
                bulk(c.reply, member);
                if logging {
                    popped.push(member.to_vec());
                }
            });
        }
    }
    drop(set);
    open.count_changes(taken);
    if taken > 0 {
        open.event(class::SET, "spop");
    }
    if all && count.is_some() {
        open.event(class::GENERIC, "del");
        open.remove();
        c.log_instead(&[&b"DEL"[..], key.bytes]);
        return Ok(());
    }
    drop(open);
    for batch in popped.chunks(BATCH) {
        let words: Vec<&[u8]> = [b"SREM", key.bytes].into_iter().chain(batch.iter().map(|m| &**m)).collect();
        c.log_instead(&words);
    }
    Ok(())
}

pub fn srandmember(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let count = match c.args.len() {
        2 => None,
        3 => Some(random_count(c, 2, false)?),
        _ => return Err(Error::Syntax),
    };
    let mut rng = Rng::new(c.ks.rng.next_u64());
    let found = c.ks.get(key);
    let set = found.as_deref().map(Call::typed::<Set>).transpose()?;
    let Some(set) = set.filter(|_| count != Some(0)) else {
        if count.is_none() {
            c.reply.null()
        } else {
            c.reply.array(0)
        }
        return Ok(());
    };
    let len = set.len();
    match count {
        None => match set.random(&mut rng) {
            Some(member) => bulk(c.reply, member),
            None => c.reply.null(),
        },
        Some(count) if count < 0 => {
            let count = count.unsigned_abs();
            c.reply.array(count as usize);
            for _ in 0..count {
                if let Some(member) = set.random(&mut rng) {
                    bulk(c.reply, member);
                }
            }
        }
        Some(count) if count as u64 >= len as u64 => {
            c.reply.array(len);
            set.iter().for_each(|member| bulk(c.reply, member));
        }
        Some(count) => {
            let count = count as usize;
            c.reply.array(count);
            let compact = set.encoding() != "hashtable";
            let draw = |rng: &mut Rng| set.random(rng);
            sample((count, len), &mut rng, set.iter(), draw, |m| address(*m), compact, |m| bulk(c.reply, m));
        }
    }
    Ok(())
}
