//! Several sorted sets (or sets, whose members count 1) at once: union, intersection, difference, and their stores.

use super::read::{head, show};
use crate::base::double::parse_double;
use crate::base::numbers::parse_i64;
use crate::commands::elements::store;
use crate::data::zset::Upserted;
use crate::data::{Item, Limits, Set, Zset};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::journal::class;
use crate::keyspace::value::Held;
use crate::keyspace::{Entry, Key, Type};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Union,
    Inter,
    Diff,
}

pub fn zunion(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Op::Union)
}

pub fn zinter(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Op::Inter)
}

pub fn zdiff(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Op::Diff)
}

pub fn zunionstore(c: &mut Call<'_>) -> Result<(), Error> {
    keep(c, Op::Union, "zunionstore")
}

pub fn zinterstore(c: &mut Call<'_>) -> Result<(), Error> {
    keep(c, Op::Inter, "zinterstore")
}

pub fn zdiffstore(c: &mut Call<'_>) -> Result<(), Error> {
    keep(c, Op::Diff, "zdiffstore")
}

fn answer(c: &mut Call<'_>, op: Op) -> Result<(), Error> {
    let (out, scores) = compute(c, op, 1, Options { weights: op != Op::Diff, scores: true })?;
    head(c.reply, out.len(), scores);
    out.iter().for_each(|(member, score)| show(c.reply, member, score, scores));
    Ok(())
}

fn keep(c: &mut Call<'_>, op: Op, event: &'static str) -> Result<(), Error> {
    let (to, limits) = (c.key(1), c.limits());
    let (mut out, _) = compute(c, op, 2, Options { weights: op != Op::Diff, scores: false })?;
    out.try_listpack(&limits);
    let len = out.len();
    store(c, to, len, out.into(), (class::ZSET, event));
    Ok(())
}

pub fn zintercard(c: &mut Call<'_>) -> Result<(), Error> {
    let keys = keys(c, 1)?;
    let mut i = 2 + keys.len();
    let entries = c.ks.get_many(&keys, has_members);
    let inputs = inputs(&entries)?;
    let mut limit = 0;
    while i < c.args.len() {
        if !c.args.is(i, "limit") || i + 1 >= c.args.len() {
            return Err(Error::Syntax);
        }
        limit = parse_i64(c.args.at(i + 1)).filter(|n| *n >= 0).ok_or(errors::LIMIT_NEGATIVE)?;
        i += 2;
    }
    let mut count = 0;
    intersect(inputs, Aggregate::Sum, |_, _| {
        count += 1;
        count != limit
    });
    c.reply.int(count);
    Ok(())
}

/// The keys whose number is in word `at`.
fn keys<'a>(c: &Call<'a>, at: usize) -> Result<Vec<Key<'a>>, Error> {
    let n = c.int(at)?;
    if n < 1 {
        return Err(Error::Err(format!("at least 1 input key is needed for '{}' command", c.name()).into()));
    }
    if n > (c.args.len() - at - 1) as i64 {
        return Err(Error::Syntax);
    }
    Ok((at + 1..=at + n as usize).map(|i| c.key(i)).collect())
}

/// Which options a command has.
struct Options {
    weights: bool,
    scores: bool,
}

#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// As Redis compares, which decides what NaN leaves.
    #[inline]
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            // inf - inf
            Aggregate::Sum if (a + b).is_nan() => 0.0,
            Aggregate::Sum => a + b,
            Aggregate::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Aggregate::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

enum Members<'e> {
    Zset(Held<'e, Zset>),
    Set(Held<'e, Set>),
    Nothing,
}

struct Input<'e> {
    members: Members<'e>,
    /// The same for inputs that are the same key.
    id: usize,
    weight: f64,
}

impl Input<'_> {
    fn len(&self) -> usize {
        match &self.members {
            Members::Zset(z) => z.len(),
            Members::Set(s) => s.len(),
            Members::Nothing => 0,
        }
    }

    fn score(&self, member: Item<'_>) -> Option<f64> {
        match &self.members {
            Members::Zset(z) => member.with(|m| z.score(m)),
            Members::Set(s) => s.contains_item(member).then_some(1.0),
            Members::Nothing => None,
        }
    }

    /// Calls `f` with every member, until it returns false.
    fn each(&self, mut f: impl FnMut(Item<'_>, f64) -> bool) {
        match &self.members {
            Members::Zset(z) => _ = z.iter().all(|(member, score)| f(member, score)),
            Members::Set(s) => _ = s.iter().all(|member| f(member, 1.0)),
            Members::Nothing => {}
        }
    }

    fn weighted(&self, score: f64) -> f64 {
        let score = self.weight * score;
        if score.is_nan() { 0.0 } else { score }
    }
}

fn has_members(entry: &Entry) -> bool {
    matches!(entry.type_(), Type::Zset | Type::Set)
}

fn inputs<'e>(entries: &'e [Option<crate::data::table::Ref<'_, Entry>>]) -> Result<Vec<Input<'e>>, Error> {
    let input = |entry: &'e Option<crate::data::table::Ref<'_, Entry>>| {
        let Some(e) = entry.as_deref() else {
            return Ok(Input { members: Members::Nothing, id: 0, weight: 1.0 });
        };
        let members = match (e.object::<Zset>(), e.object::<Set>()) {
            (Some(z), _) => Members::Zset(z),
            (_, Some(s)) => Members::Set(s),
            _ => return Err(Error::WrongType),
        };
        Ok(Input { members, id: e.key().as_ptr() as usize, weight: 1.0 })
    };
    entries.iter().map(input).collect()
}

/// The outcome, and whether scores are to be shown. Word `at` is the number of keys.
fn compute(c: &mut Call<'_>, op: Op, at: usize, options: Options) -> Result<(Zset, bool), Error> {
    let keys = keys(c, at)?;
    let args = c.args;
    let entries = c.ks.get_many(&keys, has_members);
    let mut inputs = inputs(&entries)?;
    let (mut aggregate, mut scores) = (Aggregate::Sum, false);
    let mut i = at + 1 + keys.len();
    while i < args.len() {
        if options.weights && args.is(i, "weights") && args.len() - i > keys.len() {
            for (input, word) in inputs.iter_mut().zip(args.skip(i + 1).iter()) {
                input.weight = parse_double(word).ok_or(errors::WEIGHT)?;
            }
            i += keys.len();
        } else if options.weights && args.is(i, "aggregate") && i + 1 < args.len() {
            i += 1;
            aggregate = match () {
                () if args.is(i, "sum") => Aggregate::Sum,
                () if args.is(i, "min") => Aggregate::Min,
                () if args.is(i, "max") => Aggregate::Max,
                () => return Err(Error::Syntax),
            };
        } else if options.scores && args.is(i, "withscores") {
            scores = true;
        } else {
            return Err(Error::Syntax);
        }
        i += 1;
    }
    let (mut out, limits) = (Zset::new_ranked(), Limits::default());
    match op {
        Op::Union => {
            // Sums of doubles depend on their order: the smallest input first, as in Redis.
            inputs.sort_by_key(Input::len);
            for input in &inputs {
                input.each(|member, score| {
                    let score = input.weighted(score);
                    let new = |old: Option<f64>| Some(old.map_or(score, |old| aggregate.of(old, score)));
                    member.with(|m| {
                        let done = out.upsert(m, &limits, new);
                        // -0 and 0 are equal to an update, but not to who reads the sum.
                        if let Upserted { old: Some(old), new: Some(sum) } = done
                            && old == sum
                            && old.is_sign_negative() != sum.is_sign_negative()
                        {
                            out.remove(m);
                            out.set(m, sum, &limits);
                        }
                    });
                    true
                });
            }
        }
        Op::Inter => intersect(inputs, aggregate, |member, score| {
            member.with(|m| out.set(m, score, &limits));
            true
        }),
        Op::Diff => {
            let Some((first, others)) = inputs.split_first() else { return Ok((out, scores)) };
            first.each(|member, score| {
                if others.iter().all(|o| o.id != first.id && o.score(member).is_none()) {
                    member.with(|m| out.set(m, score, &limits));
                }
                true
            });
        }
    }
    Ok((out, scores))
}

/// Calls `f` with what all inputs have, until it returns false.
fn intersect(mut inputs: Vec<Input<'_>>, aggregate: Aggregate, mut f: impl FnMut(Item<'_>, f64) -> bool) {
    inputs.sort_by_key(Input::len);
    let Some((first, others)) = inputs.split_first() else { return };
    first.each(|member, score| {
        let mut sum = first.weighted(score);
        for other in others {
            let there = if other.id == first.id { Some(score) } else { other.score(member) };
            let Some(there) = there else { return true };
            sum = aggregate.of(sum, there * other.weight);
        }
        f(member, sum)
    });
}
