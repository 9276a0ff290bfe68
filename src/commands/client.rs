//! CLIENT: what there is to know about connections, and what can be done to them.

use super::tracking::{client_caching, client_getredir, client_tracking, client_trackinginfo};
use crate::engine::call::Call;
use crate::engine::client_filter::{Asker, Filter, line};
use crate::engine::clients::{capa, flag};
use crate::engine::errors::Error;
use crate::engine::gates;
use crate::engine::help::help;
use crate::engine::session::ReplyMode;
use crate::engine::spec::{BLANK, Spec};
use crate::resp::Reply;
use std::sync::atomic::Ordering::Relaxed;

#[rustfmt::skip]
pub const CLIENT: &[Spec] = &[
    Spec {
        name: "caching", arity: 3, flags: "noscript loading stale", acl: "connection", group: "connection", since: "6.0.0",
        syntax: "mode<YES|NO>",
        summary: "Says whether the keys of the next command are to be tracked.", complexity: "O(1)", run: client_caching, ..BLANK
    },
    Spec {
        name: "capa", arity: -3, flags: "noscript loading stale allow_busy", acl: "connection", group: "connection",
        since: "8.0.0",
        syntax: "capability...",
        summary: "Declares what the client can handle.", complexity: "O(1)", run: client_capa, ..BLANK
    },
    Spec {
        name: "getname", arity: 2, flags: "noscript loading stale", acl: "connection", group: "connection", since: "2.6.9",
        summary: "Tells the name of this connection.", complexity: "O(1)", run: client_getname, ..BLANK
    },
    Spec {
        name: "getredir", arity: 2, flags: "noscript loading stale", acl: "connection", group: "connection", since: "6.0.0",
        summary: "Tells which connection receives this one's invalidation messages.", complexity: "O(1)", run: client_getredir,
        ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", acl: "connection", group: "connection", since: "5.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: client_help, ..BLANK
    },
    Spec {
        name: "id", arity: 2, flags: "noscript loading stale", acl: "connection", group: "connection", since: "5.0.0",
        summary: "Tells the number of this connection.", complexity: "O(1)", run: client_id, ..BLANK
    },
    Spec {
        name: "import-source", arity: 3, flags: "noscript loading stale", acl: "connection", group: "connection", since: "8.1.0",
        syntax: "enabled<ON|OFF>",
        summary: "Marks this connection as the one that imports data, for which keys do not expire.", complexity: "O(1)",
        run: client_import_source, ..BLANK
    },
    Spec {
        name: "info", arity: 2, flags: "noscript loading stale", acl: "connection", group: "connection", since: "6.2.0",
        summary: "Describes this connection.", complexity: "O(1)", tips: "nondeterministic_output", run: client_info, ..BLANK
    },
    Spec {
        name: "kill", arity: -3, flags: "admin noscript loading stale", acl: "connection", group: "connection", since: "2.4.0",
        syntax: "filter<old-format!2.8.12|new-format<[ID client-id:int@2.8.12]|\
            [TYPE client-type<NORMAL|MASTER@3.2.0|SLAVE|REPLICA@5.0.0|PUBSUB>@2.8.12]|[USER username]|[ADDR addr]|\
            [LADDR laddr@6.2.0]|[SKIPME skipme<YES|NO>]|[MAXAGE maxage:int@7.4.0]>...>",
        summary: "Closes the connections that fit the filters.", complexity: "O(N) in the connections", run: client_kill, ..BLANK
    },
    Spec {
        name: "list", arity: -2, flags: "admin noscript loading stale", acl: "connection", group: "connection", since: "2.4.0",
        syntax: "[TYPE client-type<NORMAL|MASTER|REPLICA|PUBSUB>@5.0.0] [ID client-id:int...@6.2.0]",
        summary: "Describes the connections, one a line.", complexity: "O(N) in the connections", tips: "nondeterministic_output",
        run: client_list, ..BLANK
    },
    Spec {
        name: "no-evict", arity: 3, flags: "admin noscript loading stale", acl: "connection", group: "connection", since: "7.0.0",
        syntax: "enabled<ON|OFF>",
        summary: "Exempts this connection from being closed when clients use too much memory.", complexity: "O(1)",
        run: client_no_evict, ..BLANK
    },
    Spec {
        name: "no-touch", arity: 3, flags: "noscript loading stale", acl: "connection", group: "connection", since: "7.2.0",
        syntax: "enabled<ON|OFF>",
        summary: "Says whether this connection's commands mark keys as just used.", complexity: "O(1)", run: client_no_touch,
        ..BLANK
    },
    Spec {
        name: "pause", arity: -3, flags: "admin noscript loading stale", acl: "connection", group: "connection", since: "3.0.0",
        syntax: "timeout:int [mode<WRITE|ALL>@6.2.0]",
        summary: "Holds back all commands, or writes only, for some time.", complexity: "O(1)", run: client_pause, ..BLANK
    },
    Spec {
        name: "reply", arity: 3, flags: "noscript loading stale", acl: "connection", group: "connection", since: "3.2.0",
        syntax: "action<ON|OFF|SKIP>",
        summary: "Switches replies to this connection on, off, or off for one command.", complexity: "O(1)", run: client_reply,
        ..BLANK
    },
    Spec {
        name: "setinfo", arity: 4, flags: "noscript loading stale", acl: "connection", group: "connection", since: "7.2.0",
        syntax: "attr<LIB-NAME libname|LIB-VER libver>",
        summary: "Records which library, in which version, drives this connection.", complexity: "O(1)",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: client_setinfo, ..BLANK
    },
    Spec {
        name: "setname", arity: 3, flags: "noscript loading stale", acl: "connection", group: "connection", since: "2.6.9",
        syntax: "connection-name",
        summary: "Names this connection.", complexity: "O(1)", tips: "request_policy:all_nodes response_policy:all_succeeded",
        run: client_setname, ..BLANK
    },
    Spec {
        name: "tracking", arity: -3, flags: "noscript loading stale", acl: "connection", group: "connection", since: "6.0.0",
        syntax: "status<ON|OFF> [REDIRECT client-id:int] [PREFIX... prefix] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        summary: "Switches invalidation messages for client-side caches on or off.", complexity: "O(1), or O(N) in the prefixes",
        run: client_tracking, ..BLANK
    },
    Spec {
        name: "trackinginfo", arity: 2, flags: "noscript loading stale", acl: "connection", group: "connection", since: "6.2.0",
        summary: "Tells how this connection tracks keys.", complexity: "O(1)", run: client_trackinginfo, ..BLANK
    },
    Spec {
        name: "unblock", arity: -3, flags: "admin noscript loading stale", acl: "connection", group: "connection", since: "5.0.0",
        syntax: "client-id:int [unblock-type<TIMEOUT|ERROR>]",
        summary: "Wakes a connection that a blocking command holds.", complexity: "O(log N) in the connections",
        run: client_unblock, ..BLANK
    },
    Spec {
        name: "unpause", arity: 2, flags: "admin noscript loading stale", acl: "connection", group: "connection", since: "6.2.0",
        summary: "Ends a CLIENT PAUSE.", complexity: "O(N) in the connections held back", run: client_unpause, ..BLANK
    },
];

fn client_id(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.int(c.session.client.id as i64);
    Ok(())
}

fn client_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "client")
}

fn client_info(c: &mut Call<'_>) -> Result<(), Error> {
    let text = own_line(c) + "\n";
    c.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// CLIENT LIST [TYPE …] [ID …], and Valkey's filters.
fn client_list(c: &mut Call<'_>) -> Result<(), Error> {
    let filter = Filter::parse(c.engine, c.args.skip(2), Asker::List)?;
    let (me, now) = (c.session.client.id, c.now_ms());
    let mut out = String::new();
    for client in c.engine.clients.list() {
        if (client.id == me && filter.skip_me == Some(true)) || !filter.fits(&client, now) {
            continue;
        }
        out += &if client.id == me { own_line(c) } else { line(&client, now, None) };
        out.push('\n');
    }
    c.reply.verbatim("txt", out.as_bytes());
    Ok(())
}

/// The asker's line: it is running this very command.
fn own_line(c: &Call<'_>) -> String {
    let bytes = c.args.iter().map(<[u8]>::len).sum();
    line(&c.session.client, c.now_ms(), Some((&c.command.name, bytes)))
}

/// CLIENT KILL addr (the old form, which answers OK), or CLIENT KILL with filters (which answers how many).
fn client_kill(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len() == 3 {
        let addr = c.args.at(2);
        let found = c.engine.clients.list().into_iter().find(|client| client.addr.as_bytes() == addr);
        kill(c, &*found.ok_or(Error::NO_SUCH_CLIENT)?);
        c.reply.ok();
        return Ok(());
    }
    let filter = Filter::parse(c.engine, c.args.skip(2), Asker::Kill)?;
    let (me, now) = (c.session.client.id, c.now_ms());
    let mut killed = 0;
    for client in c.engine.clients.list() {
        if (client.id == me && filter.skip_me != Some(false)) || !filter.fits(&client, now) {
            continue;
        }
        kill(c, &client);
        killed += 1;
    }
    c.reply.int(killed);
    Ok(())
}

/// The asker still gets its answer; others are cut off.
fn kill(c: &mut Call<'_>, client: &crate::engine::clients::Client) {
    if client.id == c.session.client.id {
        c.session.close = true;
    } else {
        client.post(|m| m.kill = Some(false));
    }
}

/// CLIENT PAUSE milliseconds [WRITE|ALL]
fn client_pause(c: &mut Call<'_>) -> Result<(), Error> {
    let writes_only = match c.args.len() {
        3 => false,
        4 if c.args.is(3, "write") => true,
        4 if c.args.is(3, "all") => false,
        4 => return Err(Error::PAUSE_MODE),
        _ => return Err(Error::Syntax),
    };
    let ms = crate::base::numbers::parse_i64(c.args.at(2)).ok_or(Error::TIMEOUT_NOT_INTEGER)?;
    if ms < 0 {
        return Err(Error::TIMEOUT_NEGATIVE);
    }
    let until = c.now_ms().checked_add(ms).ok_or(Error::TIMEOUT_OUT_OF_RANGE)?;
    c.engine.clients.pause(c.now_ms(), until, writes_only);
    c.engine.set_gate(gates::PAUSED, true);
    c.reply.ok();
    Ok(())
}

fn client_unpause(c: &mut Call<'_>) -> Result<(), Error> {
    c.engine.set_gate(gates::PAUSED, false);
    c.engine.clients.unpause();
    c.reply.ok();
    Ok(())
}

/// CLIENT REPLY ON|OFF|SKIP: only ON is answered.
fn client_reply(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.is(2, "on") {
        c.session.reply_mode = ReplyMode::On;
        c.reply.ok();
    } else if c.args.is(2, "off") {
        c.session.reply_mode = ReplyMode::Off;
    } else if c.args.is(2, "skip") {
        if c.session.reply_mode != ReplyMode::Off {
            c.session.reply_mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(Error::Syntax);
    }
    c.session.client.set_flag(flag::NO_REPLY, c.session.reply_mode == ReplyMode::Off);
    Ok(())
}

/// CLIENT UNBLOCK id [TIMEOUT|ERROR]: 1 if that client was waiting for keys.
fn client_unblock(c: &mut Call<'_>) -> Result<(), Error> {
    let with_error = match c.args.len() {
        3 => false,
        4 if c.args.is(3, "timeout") => false,
        4 if c.args.is(3, "error") => true,
        4 => return Err(Error::UNBLOCK_REASON),
        _ => return Err(Error::unknown_or_arity(c.args.at(1), "CLIENT")),
    };
    let id = c.int(2)?;
    let client = u64::try_from(id).ok().and_then(|id| c.engine.clients.get(id));
    // Whoever ends the wait answers for it: this command, the writer who serves, or time.
    let wait = client.and_then(|client| client.wait.lock().clone()).filter(|w| w.interrupt());
    if let Some(wait) = &wait {
        let mut reply = Reply::new(wait.proto);
        if with_error {
            reply.error(&Error::UNBLOCKED.text())
        } else {
            wait.timed_out.write(c.engine, &mut reply)
        }
        wait.client.post(|m| m.unblocked = Some(reply.to_bytes()));
    }
    c.reply.int(i64::from(wait.is_some()));
    Ok(())
}

/// A name must be printable and without blanks, so that CLIENT LIST stays readable.
fn is_printable(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_graphic)
}

/// Names the connection, for CLIENT SETNAME and HELLO; an empty name takes it away.
pub fn set_name(c: &mut Call<'_>, name: &[u8]) -> Result<(), Error> {
    check_name(name)?;
    c.session.client.about.lock().name = name.to_vec();
    Ok(())
}

pub fn check_name(name: &[u8]) -> Result<(), Error> {
    if is_printable(name) { Ok(()) } else { Err(Error::CLIENT_NAME) }
}

fn client_setname(c: &mut Call<'_>) -> Result<(), Error> {
    let name = c.args.at(2);
    set_name(c, name)?;
    c.reply.ok();
    Ok(())
}

fn client_getname(c: &mut Call<'_>) -> Result<(), Error> {
    let about = c.session.client.about.lock();
    if about.name.is_empty() {
        c.reply.null()
    } else {
        c.reply.bulk(&about.name)
    }
    Ok(())
}

/// CLIENT SETINFO LIB-NAME|LIB-VER value
fn client_setinfo(c: &mut Call<'_>) -> Result<(), Error> {
    let (what, value) = (c.args.at(2), c.args.at(3));
    let is_name = c.args.is(2, "lib-name");
    if !is_name && !c.args.is(2, "lib-ver") {
        return Err(Error::quoting("Unrecognized option '", what, "'"));
    }
    if !is_printable(value) {
        return Err(Error::quoting("", what, " cannot contain spaces, newlines or special characters."));
    }
    let mut about = c.session.client.about.lock();
    *if is_name { &mut about.lib_name } else { &mut about.lib_ver } = value.to_vec();
    c.reply.ok();
    Ok(())
}

fn on_or_off(c: &Call<'_>) -> Result<bool, Error> {
    match (c.args.is(2, "on"), c.args.is(2, "off")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Error::Syntax),
    }
}

fn client_no_evict(c: &mut Call<'_>) -> Result<(), Error> {
    let on = on_or_off(c)?;
    c.session.no_evict = on;
    c.session.client.set_flag(flag::NO_EVICT, on);
    c.reply.ok();
    Ok(())
}

fn client_no_touch(c: &mut Call<'_>) -> Result<(), Error> {
    let on = on_or_off(c)?;
    c.session.no_touch = on;
    c.session.client.set_flag(flag::NO_TOUCH, on);
    c.reply.ok();
    Ok(())
}

/// CLIENT CAPA capability … (Valkey): those that are unknown mean nothing.
fn client_capa(c: &mut Call<'_>) -> Result<(), Error> {
    for i in 2..c.args.len() {
        if c.args.is(i, "redirect") {
            c.session.client.capa.fetch_or(capa::REDIRECT, Relaxed);
        }
    }
    c.reply.ok();
    Ok(())
}

/// CLIENT IMPORT-SOURCE ON|OFF (Valkey): there is no import mode here, which Valkey words so.
fn client_import_source(_: &mut Call<'_>) -> Result<(), Error> {
    Err(Error::NOT_IMPORTING)
}
