//! Several sets at once: intersection, union, difference, and their stores.

use crate::base::numbers::parse_i64;
use crate::commands::elements::{bulk, store};
use crate::data::{Item, Limits, Set};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::value::Held;
use crate::keyspace::{Entry, Key, Type};
use crate::resp::Reply;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Inter,
    Union,
    Diff,
}

pub fn sinter(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Op::Inter)
}

pub fn sunion(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Op::Union)
}

pub fn sdiff(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Op::Diff)
}

pub fn sinterstore(c: &mut Call<'_>) -> Result<(), Error> {
    keep(c, Op::Inter, "sinterstore")
}

pub fn sunionstore(c: &mut Call<'_>) -> Result<(), Error> {
    keep(c, Op::Union, "sunionstore")
}

pub fn sdiffstore(c: &mut Call<'_>) -> Result<(), Error> {
    keep(c, Op::Diff, "sdiffstore")
}

fn answer(c: &mut Call<'_>, op: Op) -> Result<(), Error> {
    let keys: Vec<Key<'_>> = (1..c.args.len()).map(|i| c.key(i)).collect();
    let entries = c.ks.get_many(&keys, is_set);
    let sets = sets(&entries)?;
    let (at, mut count) = (c.reply.defer(), 0);
    let reply: &mut Reply = c.reply;
    compute(op, &sets, |member| {
        bulk(reply, member);
        count += 1;
        true
    });
    reply.finish_set(at, count);
    Ok(())
}

fn keep(c: &mut Call<'_>, op: Op, event: &'static str) -> Result<(), Error> {
    let (to, limits) = (c.key(1), c.limits());
    let keys: Vec<Key<'_>> = (2..c.args.len()).map(|i| c.key(i)).collect();
    let entries = c.ks.get_many(&keys, is_set);
    let sets = sets(&entries)?;
    let smallest = sets.iter().flatten().min_by_key(|s| s.len());
    // As Redis begins, which decides where it ends.
    let mut out = match op {
        Op::Inter if smallest.is_none_or(|s| s.encoding() != "intset") => Set::new_listpack(),
        _ => Set::new_intset(),
    };
    match difference(&sets).filter(|_| op == Op::Diff) {
        Some((first, others, true)) => {
            first.iter().for_each(|m| _ = m.with(|text| out.add(text, &limits)));
            others.iter().flat_map(|s| s.iter()).for_each(|m| _ = m.with(|text| out.remove(text)));
        }
        _ => compute(op, &sets, |member| {
            member.with(|text| out.add(text, &limits));
            true
        }),
    }
    if op == Op::Inter {
        out.try_intset(&limits);
    }
    drop(sets);
    drop(entries);
    let len = out.len();
    store(c, to, len, out.into(), (crate::keyspace::journal::class::SET, event));
    Ok(())
}

pub fn sintercard(c: &mut Call<'_>) -> Result<(), Error> {
    let keys = parse_i64(c.args.at(1)).filter(|n| *n > 0).ok_or(Error::NUMKEYS_NOT_POSITIVE)?;
    if keys > c.args.len() as i64 - 2 {
        return Err(errors::NUMKEYS_ARGS);
    }
    let (mut limit, mut i) = (0, 2 + keys as usize);
    while i < c.args.len() {
        if !c.args.is(i, "limit") || i + 1 >= c.args.len() {
            return Err(Error::Syntax);
        }
        limit = parse_i64(c.args.at(i + 1)).filter(|n| *n >= 0).ok_or(errors::LIMIT_NEGATIVE)?;
        i += 2;
    }
    let keys: Vec<Key<'_>> = (2..2 + keys as usize).map(|i| c.key(i)).collect();
    let entries = c.ks.get_many(&keys, is_set);
    let sets = sets(&entries)?;
    let mut count = 0;
    compute(Op::Inter, &sets, |_| {
        count += 1;
        count != limit
    });
    c.reply.int(count);
    Ok(())
}

type Sets<'e> = Vec<Option<Held<'e, Set>>>;

fn is_set(entry: &Entry) -> bool {
    entry.type_() == Type::Set
}

fn sets<'e>(entries: &'e [Option<crate::data::table::Ref<'_, Entry>>]) -> Result<Sets<'e>, Error> {
    entries.iter().map(|e| e.as_deref().map(Call::typed::<Set>).transpose()).collect()
}

/// The set to take from, those to take away, and whether that is cheaper done member by member of those than by asking them
/// for each member of the first.
fn difference<'s>(sets: &'s Sets<'_>) -> Option<(&'s Set, Vec<&'s Set>, bool)> {
    let (first, others) = sets.split_first()?;
    let first = first.as_deref()?;
    let others: Vec<&Set> = others.iter().flatten().map(|s| &**s).collect();
    let all: usize = first.len() + others.iter().map(|s| s.len()).sum::<usize>();
    let removing = first.len() * (others.len() + 1) / 2 > all;
    Some((first, others, removing))
}

/// Above this many sets, asking all those before costs more than keeping what was seen.
const MANY: usize = 8;

/// Calls `f` with every member of the outcome, until it returns false.
fn compute(op: Op, sets: &Sets<'_>, mut f: impl FnMut(Item<'_>) -> bool) {
    match op {
        Op::Inter => {
            let Some(mut sets) = sets.iter().map(Option::as_deref).collect::<Option<Vec<&Set>>>() else { return };
            sets.sort_by_key(|s| s.len());
            let Some((first, others)) = sets.split_first() else { return };
            for member in first.iter() {
                if others.iter().all(|s| s.contains_item(member)) && !f(member) {
                    return;
                }
            }
        }
        Op::Union if sets.len() > MANY => {
            let mut seen = Set::new_table();
            for member in sets.iter().flatten().flat_map(|s| s.iter()) {
                if member.with(|text| seen.add(text, &Limits::default())) {
                    f(member);
                }
            }
        }
        Op::Union => {
            let sets: Vec<&Set> = sets.iter().flatten().map(|s| &**s).collect();
            for (i, set) in sets.iter().enumerate() {
                for member in set.iter().filter(|m| !sets[..i].iter().any(|s| s.contains_item(*m))) {
                    f(member);
                }
            }
        }
        Op::Diff => {
            let Some((first, mut others, removing)) = difference(sets) else { return };
            if removing {
                let mut left = first.clone();
                others.iter().flat_map(|s| s.iter()).for_each(|m| _ = m.with(|text| left.remove(text)));
                left.iter().for_each(|m| _ = f(m));
                return;
            }
            others.sort_by_key(|s| std::cmp::Reverse(s.len()));
            for member in first.iter().filter(|m| !others.iter().any(|s| s.contains_item(*m))) {
                f(member);
            }
        }
    }
}
