//! Strings.
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use crate::keyspace::{NewValue, Str};

pub const COMMANDS: &[Spec] = &[
    Spec { name: "get", arity: 2, flags: "readonly fast", keys: "1 RO access", run: get, ..BLANK },
    Spec { name: "set", arity: -3, flags: "write denyoom", keys: "1 RW access update", run: set, ..BLANK },
    Spec { name: "incr", arity: 2, flags: "write denyoom", keys: "1 RW access update", run: incr, ..BLANK },
    Spec { name: "mset", arity: -3, flags: "write denyoom", keys: "1..-1/2 OW update", run: mset, ..BLANK },
];
fn get(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    c.with_string(key, |s, reply| match s {
        None => reply.null(),
        Some(Str::Int(n)) => reply.bulk_int(n),
        Some(Str::Bytes { bytes, .. }) => reply.bulk(bytes),
        Some(Str::Shared(a)) => reply.bulk_shared(&a),
    })
}
fn set(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let ex = if c.args.len() > 4 { Some(c.now_ms() + c.int(4)? * 1000) } else { None };
    c.ks.set(key, NewValue::Set(c.args.at(2)), ex);
    c.reply.ok();
    Ok(())
}
fn incr(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let n = match c.ks.get_mut(key) {
        None => None,
        Some(mut k) => {
            let n = k.string().and_then(|s| s.as_int()).ok_or(Error::NotInteger)? + 1;
            let e = k.expiry();
            k.change().set_value(NewValue::Counter(n), e);
            Some(n)
        }
    };
    let n = n.unwrap_or_else(|| {
        c.ks.add(key, NewValue::Counter(1), None);
        1
    });
    c.reply.int(n);
    Ok(())
}
fn mset(c: &mut Call<'_>) -> Result<(), Error> {
    for i in (1..c.args.len()).step_by(2) {
        let key = c.key(i);
        c.ks.set(key, NewValue::Set(c.args.at(i + 1)), None);
    }
    c.reply.ok();
    Ok(())
}
