//! The connection itself: who it is, what it speaks, which database it is in.

use super::client::{CLIENT, check_name, set_name};
use crate::base::numbers::parse_i64;
use crate::engine::auth;
use crate::engine::call::Call;
use crate::engine::clients::flag;
use crate::engine::config::REDIS_VERSION;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use crate::resp::Proto;
use std::sync::atomic::Ordering::Relaxed;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "auth", arity: -2, flags: "noscript loading stale fast no_auth allow_busy", acl: "connection", group: "connection",
        syntax: "[username@6.0.0] password",
        summary: "Logs the connection in.", complexity: "O(N) in the user's passwords", run: auth, ..BLANK
    },
    Spec {
        name: "client", arity: -2, group: "connection", since: "2.4.0",
        summary: "Groups the commands about connections.", complexity: "Depends on the subcommand", subs: CLIENT, ..BLANK
    },
    Spec {
        name: "echo", arity: 2, flags: "loading stale fast", acl: "connection", group: "connection",
        syntax: "message",
        summary: "Returns what it was given.", complexity: "O(1)", run: echo, ..BLANK
    },
    Spec {
        name: "hello", arity: -1, flags: "noscript loading stale fast no_auth allow_busy", acl: "connection", group: "connection",
        since: "6.0.0",
        syntax: "[arguments(protover:int [AUTH auth(username password)] [SETNAME clientname])]",
        summary: "Chooses the protocol version, logs in and names the connection in one step, and describes the server.",
        complexity: "O(1)", run: hello, ..BLANK
    },
    Spec {
        name: "ping", arity: -1, flags: "fast", acl: "connection", group: "connection",
        syntax: "[message]",
        summary: "Tells that the server is there.", complexity: "O(1)",
        tips: "request_policy:all_shards response_policy:all_succeeded", run: ping, ..BLANK
    },
    Spec {
        name: "quit", arity: -1, flags: "noscript loading stale fast no_auth allow_busy", acl: "connection", group: "connection",
        summary: "Closes the connection after its replies.", complexity: "O(1)", deprecated: "7.2.0 just closing the connection",
        run: quit, ..BLANK
    },
    Spec {
        name: "reset", arity: 1, flags: "noscript loading stale fast no_auth allow_busy unlocked", acl: "connection", group: "connection",
        since: "6.2.0",
        summary: "Puts the connection back into the state it began in.", complexity: "O(1)", run: reset, ..BLANK
    },
    Spec {
        name: "select", arity: 2, flags: "loading stale fast", acl: "connection", group: "connection",
        syntax: "index:int",
        summary: "Chooses the database of this connection.", complexity: "O(1)", run: select, ..BLANK
    },
];

/// PING [message]; subscribers of RESP2 get it in the shape of a message.
fn ping(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len() > 2 {
        return Err(crate::engine::dispatch::wrong_arity("ping"));
    }
    if c.session.client.has(flag::PUBSUB) && c.session.proto == Proto::Resp2 {
        c.reply.array(2);
        c.reply.bulk(b"pong");
        c.reply.bulk(c.args.get(1).unwrap_or_default());
    } else if let Some(message) = c.args.get(1) {
        c.reply.bulk(message);
    } else {
        c.reply.simple("PONG");
    }
    Ok(())
}

fn echo(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.bulk(c.args.at(1));
    Ok(())
}

/// AUTH [username] password
fn auth(c: &mut Call<'_>) -> Result<(), Error> {
    let (user, password) = match c.args.len() {
        2 if auth::is_open(c.engine) => return Err(Error::NO_PASSWORD_SET),
        2 => (auth::DEFAULT_USER, c.args.at(1)),
        3 => (c.args.at(1), c.args.at(2)),
        _ => return Err(Error::Syntax),
    };
    auth::login(c.engine, c.session, user, password)?;
    c.reply.ok();
    Ok(())
}

/// HELLO [2|3 [AUTH username password] [SETNAME name]]: nothing happens unless all of it can.
fn hello(c: &mut Call<'_>) -> Result<(), Error> {
    let mut proto = c.session.proto;
    if let Some(word) = c.args.get(1) {
        proto = match parse_i64(word).ok_or(Error::PROTO_NOT_INTEGER)? {
            2 => Proto::Resp2,
            3 => Proto::Resp3,
            _ => return Err(Error::NOPROTO),
        };
    }
    let (mut login, mut name) = (None, None);
    let mut i = 2;
    while i < c.args.len() {
        let left = c.args.len() - 1 - i;
        if c.args.is(i, "auth") && left >= 2 {
            login = Some((c.args.at(i + 1), c.args.at(i + 2)));
            i += 3;
        } else if c.args.is(i, "setname") && left >= 1 {
            check_name(c.args.at(i + 1))?;
            name = Some(c.args.at(i + 1));
            i += 2;
        } else {
            return Err(Error::quoting("Syntax error in HELLO option '", c.args.at(i), "'"));
        }
    }
    if let Some((user, password)) = login {
        auth::login(c.engine, c.session, user, password)?;
    }
    if !c.session.authenticated {
        return Err(Error::HELLO_NOAUTH);
    }
    if let Some(name) = name {
        set_name(c, name)?;
    }
    speak(c, proto);
    describe_server(c);
    Ok(())
}

fn speak(c: &mut Call<'_>, proto: Proto) {
    c.session.proto = proto;
    c.reply.proto = proto;
    c.session.client.resp.store(if proto == Proto::Resp3 { 3 } else { 2 }, Relaxed);
}

fn describe_server(c: &mut Call<'_>) {
    let (id, resp) = (c.session.client.id as i64, i64::from(c.session.client.resp.load(Relaxed)));
    let r = &mut *c.reply;
    r.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        r.bulk(name.as_bytes());
        r.bulk(value.as_bytes());
    }
    r.bulk(b"proto");
    r.int(resp);
    r.bulk(b"id");
    r.int(id);
    for (name, value) in [("mode", "standalone"), ("role", "master")] {
        r.bulk(name.as_bytes());
        r.bulk(value.as_bytes());
    }
    r.bulk(b"modules");
    r.array(0);
}

fn select(c: &mut Call<'_>) -> Result<(), Error> {
    // As Redis, which reads an `int` here.
    let index = i32::try_from(c.int(1)?).map_err(|_| Error::NotInteger)?;
    let index =
        u32::try_from(index).ok().filter(|n| (*n as usize) < c.engine.world.databases()).ok_or(Error::DB_INDEX)?;
    c.session.db = index;
    c.session.client.db.store(index, Relaxed);
    c.reply.ok();
    Ok(())
}

/// RESET: as if it had just connected, but for its id and its library. Runs without locks, to take its watches off.
fn reset(c: &mut Call<'_>) -> Result<(), Error> {
    let multi = std::mem::take(&mut c.session.multi);
    for (db, key) in &multi.watched {
        let shard = c.engine.world.shard_of(crate::base::hash::hash_bytes(key));
        c.ks.access.shard(shard).watchers.remove(*db, key, &multi.touched);
    }
    c.session.reset(auth::is_open(c.engine));
    speak(c, Proto::Resp2);
    c.reply.simple("RESET");
    Ok(())
}

fn quit(c: &mut Call<'_>) -> Result<(), Error> {
    c.session.close = true;
    c.reply.ok();
    Ok(())
}
