//! LMOVE, RPOPLPUSH, and BLMOVE and BRPOPLPUSH, which wait.

use super::{end, pop_event, push_event};
use crate::commands::parts::bulk;
use crate::data::List;
use crate::data::list::{End, Limits};
use crate::engine::blocking::{Block, TimedOut, timeout_seconds};
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::keyspace::journal::class;
use crate::keyspace::{Key, NewValue, Type};

pub fn lmove(c: &mut Call<'_>) -> Result<(), Error> {
    let (from, to) = (end(c, 3)?, end(c, 4)?);
    if !move_one(c, from, to)? {
        c.reply.null();
    }
    Ok(())
}

pub fn rpoplpush(c: &mut Call<'_>) -> Result<(), Error> {
    if !move_one(c, End::Tail, End::Head)? {
        c.reply.null();
    }
    Ok(())
}

pub fn blmove(c: &mut Call<'_>) -> Result<(), Error> {
    let (from, to) = (end(c, 3)?, end(c, 4)?);
    let until_ms = timeout_seconds(c, 5)?;
    if !move_one(c, from, to)? {
        return wait(c, until_ms);
    }
    c.log_instead(&[b"LMOVE", c.args.at(1), c.args.at(2), c.args.at(3), c.args.at(4)]);
    Ok(())
}

pub fn brpoplpush(c: &mut Call<'_>) -> Result<(), Error> {
    let until_ms = timeout_seconds(c, 3)?;
    if !move_one(c, End::Tail, End::Head)? {
        return wait(c, until_ms);
    }
    c.log_instead(&[b"RPOPLPUSH", c.args.at(1), c.args.at(2)]);
    Ok(())
}

fn wait(c: &mut Call<'_>, until_ms: Option<i64>) -> Result<(), Error> {
    if !c.may_block() {
        // Where it may not wait Redis answers with another null than when time is up.
        c.reply.null();
        return Ok(());
    }
    c.block(Block { keys: vec![1], wants: Type::List, until_ms, words: None, timed_out: TimedOut::NullArray })
}

/// Moves an element from the list in word 1 to the one in word 2 and answers with it. False if there is none.
fn move_one(c: &mut Call<'_>, from: End, to: End) -> Result<bool, Error> {
    let (source, target, limits) = (c.key(1), c.key(2), c.list_limits());
    if source.bytes == target.bytes {
        return turn(c, source, from, to, &limits);
    }
    let dirty = c.ks.journal.dirty;
    let mark = c.reply.buf.len();
    match c.ks.peek(source) {
        Some(e) => Call::typed::<List>(&e)?.peek(from, |v| bulk(c.reply, v)),
        None => return Ok(false),
    };
    // The element is read from the reply, where it was just put: it needs no other place on its way.
    let item = item_of(&c.reply.buf[mark..]);
    if let Some(mut k) = c.ks.get_mut(target) {
        let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
        list.push(to, item, &limits);
        drop(list);
        k.mark_changed();
    } else {
        let mut list = List::new();
        list.push(to, item, &limits);
        c.ks.add(target, NewValue::Object(list.into()), None);
    }
    c.ks.event(class::LIST, push_event(to), target);
    if let Some(mut k) = c.ks.get_mut(source) {
        if let Some(mut list) = k.change().object_mut::<List>() {
            list.pop(from, &limits, |_| ());
        }
        k.event(class::LIST, pop_event(from));
    }
    c.ks.journal.dirty = dirty + 1;
    Ok(true)
}

/// Moves an element within one list.
fn turn(c: &mut Call<'_>, key: Key<'_>, from: End, to: End, limits: &Limits) -> Result<bool, Error> {
    let Some(mut k) = c.ks.get_mut(key) else {
        return Ok(false);
    };
    let mark = c.reply.buf.len();
    let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
    list.peek(from, |v| bulk(c.reply, v));
    list.turn(from, to, item_of(&c.reply.buf[mark..]), limits);
    drop(list);
    k.mark_changed();
    k.event(class::LIST, push_event(to));
    k.event(class::LIST, pop_event(from));
    Ok(true)
}

/// The bytes of a bulk string as it was written.
fn item_of(bulk: &[u8]) -> &[u8] {
    let body = bulk.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
    &bulk[body..bulk.len().saturating_sub(2).max(body)]
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_element_is_read_back() {
        for item in [&b""[..], b"a", b"a\r\nb\r\n", b"0123456789"] {
            let mut reply = crate::resp::Reply::default();
            reply.bulk(item);
            assert_eq!(super::item_of(&reply.buf), item);
        }
    }
}
