//! LPUSH, RPUSH and those that want the list to exist.

use super::push_event;
use crate::data::List;
use crate::data::list::End;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::keyspace::NewValue;
use crate::keyspace::journal::class;

pub fn lpush(c: &mut Call<'_>) -> Result<(), Error> {
    push(c, End::Head, true)
}

pub fn rpush(c: &mut Call<'_>) -> Result<(), Error> {
    push(c, End::Tail, true)
}

pub fn lpushx(c: &mut Call<'_>) -> Result<(), Error> {
    push(c, End::Head, false)
}

pub fn rpushx(c: &mut Call<'_>) -> Result<(), Error> {
    push(c, End::Tail, false)
}

fn push(c: &mut Call<'_>, end: End, create: bool) -> Result<(), Error> {
    let (key, limits) = (c.key(1), c.list_limits());
    let items = c.args.skip(2);
    let len;
    if let Some(mut k) = c.ks.get_mut(key) {
        let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
        if items.len() == 1 {
            list.push(end, items.at(0), &limits);
        } else {
            list.push_all(end, items.iter(), &limits);
        }
        len = list.len();
        drop(list);
        k.count_changes(items.len() as u64);
        k.event(class::LIST, push_event(end));
    } else if create {
        let mut list = List::new();
        list.push_all(end, items.iter(), &limits);
        len = list.len();
        c.ks.add(key, NewValue::Object(list.into()), None);
        c.ks.journal.dirty += items.len() as u64 - 1;
        c.ks.event(class::LIST, push_event(end), key);
    } else {
        len = 0;
    }
    c.reply.int(len as i64);
    Ok(())
}
