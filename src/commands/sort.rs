//! SORT and SORT_RO: the elements of a list, set or sorted set in another order, by keys outside if wanted.

use crate::base::double::parse_double;
use crate::base::pqsort::pqsort;
use crate::data::{List, Set, Zset, list::End};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::engine::spec::{BLANK, Spec};
use crate::keyspace::journal::class;
use crate::keyspace::{Entry, Key, NewValue, Type};
use std::cmp::Ordering;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "sort", arity: -2, flags: "write denyoom world", acl: "set sortedset list dangerous",
        keys: "1 RO access; ? RO access; ? OW update; via sort", group: "generic",
        syntax: "key [BY by-pattern:pattern1] [LIMIT limit(offset:int count:int)] [GET... get-pattern:pattern1] \
            [order<ASC|DESC>] [sorting=ALPHA] [STORE destination:key2]",
        summary: "Sorts a list, set or sorted set, by outside keys if wanted, and can store the outcome.",
        complexity: "O(N+M*log(M)), N elements in all and M returned", run: sort, ..BLANK
    },
    Spec {
        name: "sort_ro", arity: -2, flags: "readonly world", acl: "set sortedset list dangerous",
        keys: "1 RO access; ? RO access; via sort_ro", group: "generic", since: "7.0.0",
        syntax: "key [BY by-pattern:pattern1] [LIMIT limit(offset:int count:int)] [GET... get-pattern:pattern1] \
            [order<ASC|DESC>] [sorting=ALPHA]",
        summary: "Sorts a list, set or sorted set and only returns the outcome.",
        complexity: "O(N+M*log(M)), N elements in all and M returned", run: sort_ro, ..BLANK
    },
];

fn sort(c: &mut Call<'_>) -> Result<(), Error> {
    run(c, false)
}

fn sort_ro(c: &mut Call<'_>) -> Result<(), Error> {
    run(c, true)
}

/// What was asked for.
#[derive(Default)]
struct Ask<'a> {
    descending: bool,
    alpha: bool,
    offset: i64,
    /// Negative: all.
    count: i64,
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    /// The word of the key to store in.
    store: Option<usize>,
}

impl<'a> Ask<'a> {
    fn parse(c: &Call<'a>, readonly: bool) -> Result<Ask<'a>, Error> {
        let args = c.args;
        let mut ask = Ask { count: -1, ..Ask::default() };
        let mut i = 2;
        while i < args.len() {
            let left = args.len() - i - 1;
            if args.is(i, "asc") || args.is(i, "desc") {
                ask.descending = args.is(i, "desc");
            } else if args.is(i, "alpha") {
                ask.alpha = true;
            } else if args.is(i, "limit") && left >= 2 {
                (ask.offset, ask.count) = (c.int(i + 1)?, c.int(i + 2)?);
                i += 2;
            } else if args.is(i, "store") && left >= 1 && !readonly {
                i += 1;
                ask.store = Some(i);
            } else if args.is(i, "by") && left >= 1 {
                i += 1;
                ask.by = Some(args.at(i));
            } else if args.is(i, "get") && left >= 1 {
                i += 1;
                ask.get.push(args.at(i));
            } else {
                return Err(Error::Syntax);
            }
            i += 1;
        }
        Ok(ask)
    }

    /// The part of `len` elements that LIMIT leaves.
    fn range(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let end = usize::try_from(self.count).map_or(len, |n| start.saturating_add(n).min(len));
        start..end
    }
}

/// An element on its way, with what it is compared by.
struct Element {
    text: Vec<u8>,
    score: f64,
    /// With BY and ALPHA: the other key's value, if it has one.
    weight: Option<Vec<u8>>,
}

fn run(c: &mut Call<'_>, readonly: bool) -> Result<(), Error> {
    let mut ask = Ask::parse(c, readonly)?;
    // Names of keys that are computed are known to nobody before: whoever has them looked up must be allowed to read all.
    if !c.engine.acl.reads_all_keys(c.session, c.command, c.args) {
        if ask.by.is_some_and(|pattern| star(pattern).is_some()) {
            return Err(errors::SORT_BY_DENIED);
        }
        if !ask.get.is_empty() {
            return Err(errors::SORT_GET_DENIED);
        }
    }
    let key = c.key(1);
    // Sorting by a pattern that is the same for all means: not sorting.
    let mut unsorted = ask.by.is_some_and(|pattern| star(pattern).is_none());
    let limits = c.limits();
    if let Some(mut open) = c.ks.get_mut(key)
        && let Some(mut zset) = open.maybe_change().object_mut::<Zset>()
    {
        // Redis leaves a sorted set that it has sorted in its large encoding, which clients can see.
        zset.prepare(usize::MAX, &limits);
    }
    let (texts, type_) = match c.ks.get(key) {
        None => (Vec::new(), None),
        Some(e) => (elements(&e)?, Some(e.type_())),
    };
    if unsorted && type_ == Some(Type::Set) && (ask.store.is_some() || c.session.internal) {
        // A set has no order of its own, so that which is stored, or seen by a script, is given one.
        (unsorted, ask.alpha, ask.by) = (false, true, None);
    }
    let mut elements: Vec<Element> = texts.into_iter().map(|text| Element { text, score: 0.0, weight: None }).collect();
    if unsorted {
        if ask.descending && type_ != Some(Type::Set) {
            elements.reverse();
        }
    } else {
        weigh(c, &ask, &mut elements)?;
        let order = |a: &Element, b: &Element| {
            let order = compare(&ask, a, b);
            if ask.descending { order.reverse() } else { order }
        };
        // Elements of equal weights come as they do from Redis, which sorts only the part that was asked for if it is told by BY
        // what to sort by.
        let range = ask.range(elements.len());
        if ask.by.is_some() && range.len() < elements.len() {
            let last = range.end.saturating_sub(1);
            pqsort(&mut elements, range.start, last, order);
        } else {
            elements.sort_by(order);
        }
    }
    let range = ask.range(elements.len());
    match ask.store {
        None => answer(c, &ask, &elements[range]),
        Some(word) => {
            let to = c.key(word);
            keep(c, &ask, to, &elements[range]);
        }
    }
    Ok(())
}

fn elements(entry: &Entry) -> Result<Vec<Vec<u8>>, Error> {
    if let Some(list) = entry.object::<List>() {
        let mut out = Vec::with_capacity(list.len());
        let mut iter = list.iter(0, list.len());
        while let Some(value) = iter.next() {
            out.push(value.to_vec());
        }
        Ok(out)
    } else if let Some(set) = entry.object::<Set>() {
        Ok(set.iter().map(|m| m.to_vec()).collect())
    } else if let Some(zset) = entry.object::<Zset>() {
        Ok(zset.iter().map(|(m, _)| m.to_vec()).collect())
    } else {
        Err(Error::WrongType)
    }
}

/// Finds what each element is compared by.
fn weigh(c: &mut Call<'_>, ask: &Ask<'_>, elements: &mut [Element]) -> Result<(), Error> {
    for element in elements {
        let other = match ask.by {
            None if ask.alpha => continue,
            None => None,
            Some(pattern) => match look_up(c, pattern, &element.text) {
                Some(value) => Some(value),
                None => continue,
            },
        };
        if ask.alpha {
            element.weight = other;
        } else {
            element.score = score(other.as_ref().unwrap_or(&element.text)).ok_or(errors::SORT_SCORE)?;
        }
    }
    Ok(())
}

/// A number as C reads it: up to a NUL, and nothing at all is 0.
fn score(text: &[u8]) -> Option<f64> {
    let text = c_string(text);
    if text.is_empty() { Some(0.0) } else { parse_double(text) }
}

fn c_string(text: &[u8]) -> &[u8] {
    text.split(|b| *b == 0).next().unwrap_or_default()
}

fn compare(ask: &Ask<'_>, a: &Element, b: &Element) -> Ordering {
    // What is stored is compared whole, what is only shown as C strings, in the order of the C locale.
    let texts = |a: &[u8], b: &[u8]| {
        if ask.store.is_some() { a.cmp(b) } else { c_string(a).cmp(c_string(b)) }
    };
    match (ask.alpha, ask.by) {
        (false, _) => a.score.partial_cmp(&b.score).unwrap_or(Ordering::Equal).then_with(|| a.text.cmp(&b.text)),
        (true, None) => texts(&a.text, &b.text),
        (true, Some(_)) => match (&a.weight, &b.weight) {
            (Some(a), Some(b)) => texts(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        },
    }
}

fn star(pattern: &[u8]) -> Option<usize> {
    c_string(pattern).iter().position(|b| *b == b'*')
}

/// What a pattern stands for, for one element: `#` for itself; else the string under the key that results from putting the
/// element in the place of `*`; with `->field` behind, that field of the hash there.
fn look_up(c: &mut Call<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if c_string(pattern) == b"#" {
        return Some(element.to_vec());
    }
    let at = star(pattern)?;
    let behind = &pattern[at + 1..];
    let arrow = c_string(behind).windows(2).position(|w| w == b"->");
    let arrow = arrow.filter(|i| behind.get(i + 2).is_some_and(|b| *b != 0));
    let (rest, field) = match arrow {
        Some(i) => (&behind[..i], Some(&behind[i + 2..])),
        None => (behind, None),
    };
    let name = [&pattern[..at], element, rest].concat();
    let now_ms = c.ks.fields_now_ms();
    let entry = c.ks.get(Key::new(&name))?;
    match field {
        None => entry.string().map(|s| s.to_vec()),
        Some(field) => entry.object::<crate::data::Hash>()?.get(field, now_ms).map(|v| v.to_vec()),
    }
}

fn answer(c: &mut Call<'_>, ask: &Ask<'_>, elements: &[Element]) {
    c.reply.array(elements.len() * ask.get.len().max(1));
    for element in elements {
        if ask.get.is_empty() {
            c.reply.bulk(&element.text);
        }
        for pattern in &ask.get {
            match look_up(c, pattern, &element.text) {
                Some(value) => c.reply.bulk(&value),
                None => c.reply.null(),
            }
        }
    }
}

/// Stores the outcome as a list, or removes the key if there is none.
fn keep(c: &mut Call<'_>, ask: &Ask<'_>, to: Key<'_>, elements: &[Element]) {
    let mut out = Vec::with_capacity(elements.len() * ask.get.len().max(1));
    for element in elements {
        if ask.get.is_empty() {
            out.push(element.text.clone());
        }
        for pattern in &ask.get {
            out.push(look_up(c, pattern, &element.text).unwrap_or_default());
        }
    }
    c.reply.int(out.len() as i64);
    if out.is_empty() {
        c.ks.delete(to, class::GENERIC, "del");
        return;
    }
    let mut list = List::new();
    list.push_all(End::Tail, out.iter().map(|text| &text[..]), &c.list_limits());
    c.ks.set(to, NewValue::Object(list.into()), None);
    c.ks.journal.dirty += out.len() as u64 - 1;
    c.ks.event(class::LIST, "sortstore", to);
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::TestEngine;

    #[test]
    fn patterns() {
        let mut t = TestEngine::new();
        for line in ["SADD s 1 2 3", "SET w_1 9", "SET w_2 1", "HSET h_1 f x", "HSET h_2 f y"] {
            t.line(line);
        }
        for (line, want) in [
            ("SORT s BY w_* GET # GET h_*->f", "3 _ 2 y 1 x"),
            ("SORT s DESC LIMIT 1 1", "2"),
            ("SORT s LIMIT -5 2", "1 2"),
            ("SORT s LIMIT 9 2", ""),
            ("SORT_RO s BY w_* ALPHA", "3 2 1"),
            ("SORT s GET w_*->", "_ _ _"),
        ] {
            let reply = t.line(line).replace("$-1", "_");
            let words: Vec<&str> = reply.split("\r\n").filter(|w| !w.starts_with(['$', '*'])).collect();
            assert_eq!(words.join(" ").trim(), want, "{line}");
        }
    }
}
