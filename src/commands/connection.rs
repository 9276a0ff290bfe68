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
        2 if c.engine.acl.needs_no_password() => return Err(Error::NO_PASSWORD_SET),
        2 => (auth::DEFAULT_USER, c.args.at(1)),
        3 => (c.args.at(1), c.args.at(2)),
        _ => return Err(Error::Syntax),
    };
    let asked = (c.args.at(0), c.now_ms());
    auth::login(c.engine, c.session, (user, password), asked)?;
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
        let asked = (c.args.at(0), c.now_ms());
        auth::login(c.engine, c.session, (user, password), asked)?;
    }
    if !c.session.authenticated && !auth::is_open(c.engine) {
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
    let role = if c.engine.is_replica() { "replica" } else { "master" };
    for (name, value) in [("mode", "standalone"), ("role", role)] {
        r.bulk(name.as_bytes());
        r.bulk(value.as_bytes());
    }
    r.bulk(b"modules");
    r.array(0);
}

fn select(c: &mut Call<'_>) -> Result<(), Error> {
    // As Redis, which reads an `int` here.
    let index = i32::try_from(c.int(1)?).map_err(|_| Error::NOT_INT32)?;
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
    c.session.unsubscribe_all(&c.engine.pubsub);
    c.session.stop_tracking(c.engine);
    c.engine.monitors.remove(c.engine, &c.session.client);
    c.session.reset();
    c.engine.acl.begin(c.session);
    speak(c, Proto::Resp2);
    c.reply.simple("RESET");
    Ok(())
}

fn quit(c: &mut Call<'_>) -> Result<(), Error> {
    c.session.close = true;
    c.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::clients::Client;
    use crate::engine::config::{Config, Protected};
    use crate::engine::session::Session;
    use crate::engine::worker::{Ended, Worker};
    use crate::engine::{Engine, gates};
    use std::sync::Arc;
    use std::sync::atomic::Ordering::Relaxed;

    /// A server with this password (or none), and its clients.
    struct Server {
        engine: Arc<Engine>,
        worker: Worker,
    }

    impl Server {
        fn new(password: &str, debug: Protected) -> Server {
            crate::commands::install();
            let config = Config::default();
            config.proto_max_bulk_len.set(512 << 20);
            config.requirepass.set(password.as_bytes());
            config.enable_debug_command.set(debug);
            let engine = Engine::new(config, 1, 16, 1_000);
            Server { worker: Worker::new(engine.clone(), 0, 1), engine }
        }

        fn client(&self, addr: &str) -> Session {
            let client = Arc::new(Client::new(self.engine.clients.next_id(), addr, "127.0.0.1:6379", 9, 1_000));
            self.engine.clients.add(&client);
            Session::new(client, crate::engine::auth::is_open(&self.engine))
        }

        /// Sends these lines as one pipeline at this time.
        fn at(&mut self, now_ms: i64, session: &mut Session, lines: &[&str]) -> (String, Ended) {
            let mut buf = Vec::new();
            for line in lines {
                let words: Vec<&str> = line.split(' ').collect();
                buf.extend(format!("*{}\r\n", words.len()).bytes());
                words.iter().for_each(|w| buf.extend(format!("${}\r\n{w}\r\n", w.len()).bytes()));
            }
            self.worker.reply.clear();
            self.worker.reply.proto = session.proto;
            let ended = self.worker.turn(session, &buf, &mut 0, &mut None, now_ms);
            (String::from_utf8_lossy(&self.worker.reply.to_bytes()).into_owned(), ended)
        }

        fn ask(&mut self, session: &mut Session, lines: &[&str]) -> String {
            self.at(2_000, session, lines).0
        }
    }

    #[test]
    fn strangers_get_in_by_auth_or_hello_only() {
        let mut s = Server::new("sesame", Protected::No);
        let mut c = s.client("10.0.0.1:1");
        assert_eq!(s.ask(&mut c, &["PING"]), "-NOAUTH Authentication required.\r\n");
        assert!(
            s.ask(&mut c, &["HELLO 3"])
                .starts_with("-NOAUTH HELLO must be called with the client already authenticated")
        );
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
        assert_eq!(s.ask(&mut c, &["AUTH x"]) + &s.ask(&mut c, &["AUTH other sesame"]), wrong.repeat(2));
        assert!(s.ask(&mut c, &[&format!("ECHO {}", "x ".repeat(20))]).contains("unauthenticated multibulk length"));
        // What follows AUTH in one pipeline is no stranger's any more.
        let long = format!("CLIENT KILL ID{}", " 77".repeat(20));
        assert_eq!(s.ask(&mut c, &["AUTH sesame", &long]), "+OK\r\n:0\r\n");
        assert_eq!(s.ask(&mut c, &["RESET", "PING"]), "+RESET\r\n-NOAUTH Authentication required.\r\n");
        let hello = s.ask(&mut c, &["HELLO 3 AUTH default sesame SETNAME me", "CLIENT GETNAME"]);
        assert!(
            hello.starts_with("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n") && hello.ends_with("$2\r\nme\r\n"),
            "{hello}"
        );
        assert_eq!(s.engine.acl.denied[3].load(Relaxed), 2);
    }

    #[test]
    fn replies_can_be_switched_off() {
        let mut s = Server::new("", Protected::No);
        let mut c = s.client("10.0.0.1:1");
        assert_eq!(
            s.ask(&mut c, &["CLIENT REPLY OFF", "PING", "NOSUCH", "CLIENT REPLY SKIP", "PING", "CLIENT REPLY ON"]),
            "+OK\r\n"
        );
        assert_eq!(s.ask(&mut c, &["CLIENT REPLY SKIP", "PING", "ECHO x"]), "$1\r\nx\r\n");
    }

    #[test]
    fn a_pause_holds_writes_back_until_it_ends() {
        let mut s = Server::new("", Protected::No);
        let mut c = s.client("10.0.0.1:1");
        assert_eq!(s.ask(&mut c, &["CLIENT PAUSE 500 WRITE", "GET k"]), "+OK\r\n$-1\r\n");
        let (reply, ended) = s.at(2_100, &mut c, &["PING", "SET k v", "PING"]);
        assert!(reply == "+PONG\r\n" && matches!(ended, Ended::Paused(2_500)), "{reply} {ended:?}");
        // A shorter or milder pause changes nothing, a stricter one does; all of it ends with UNPAUSE.
        assert_eq!(s.at(2_100, &mut c, &["CLIENT PAUSE 1 ALL"]).0, "+OK\r\n");
        assert!(matches!(s.at(2_200, &mut c, &["PING"]).1, Ended::Paused(2_500)));
        assert_eq!(s.at(2_200, &mut c, &["CLIENT UNPAUSE", "SET k v"]).0, "+OK\r\n+OK\r\n");
        assert_eq!(s.engine.gates.load(Relaxed) & gates::PAUSED, 0);
        assert_eq!(s.at(2_300, &mut c, &["CLIENT PAUSE 100"]).0, "+OK\r\n");
        assert_eq!(s.at(2_500, &mut c, &["SET k v"]).0, "+OK\r\n");
    }

    #[test]
    fn debug_is_for_those_whom_the_configuration_names() {
        let refused = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
                       local connection, otherwise you need to set this option in the configuration file, and then restart the \
                       server.\r\n";
        for (setting, addr, open) in [
            (Protected::No, "127.0.0.1:9", false),
            (Protected::Yes, "10.0.0.1:9", true),
            (Protected::Local, "10.0.0.1:9", false),
            (Protected::Local, "127.0.0.1:9", true),
            (Protected::Local, "[::1]:9", true),
        ] {
            let mut s = Server::new("", setting);
            let mut c = s.client(addr);
            let want = if open { "+0000000000000000000000000000000000000000\r\n" } else { refused };
            assert_eq!(s.ask(&mut c, &["DEBUG DIGEST"]), want, "{setting:?} {addr}");
        }
    }

    #[test]
    fn flushing_touches_who_watches_keys_that_were_there() {
        let mut s = Server::new("", Protected::Yes);
        let mut c = s.client("127.0.0.1:9");
        assert_eq!(s.ask(&mut c, &["DEBUG POPULATE 1000", "SET k v", "SELECT 3", "SET k v"]), "+OK\r\n".repeat(4));
        let flags: Vec<crate::keyspace::watch::Flag> = (0..3).map(|_| Default::default()).collect();
        s.worker.begin(2_000);
        for (flag, (db, key)) in flags.iter().zip([(0, "k"), (0, "nosuch"), (3, "k")]) {
            let shard = s.engine.world.shard_of(crate::base::hash::hash_bytes(key.as_bytes()));
            s.worker.access.shard(shard).watchers.add(db, key.as_bytes(), flag);
        }
        s.worker.access.leave();
        let touched = || flags.iter().map(|f| f.load(Relaxed)).collect::<Vec<_>>();
        assert_eq!(s.ask(&mut c, &["SELECT 0", "FLUSHDB ASYNC"]), "+OK\r\n+OK\r\n");
        assert_eq!(touched(), [true, false, false]);
        assert_eq!(s.engine.shared_stats.lazyfree.freed(), 1001);
        assert_eq!(
            s.ask(&mut c, &["FLUSHALL FOO", "FLUSHALL", "DEBUG DIGEST"]),
            format!("-ERR syntax error\r\n+OK\r\n+{}\r\n", "0".repeat(40))
        );
        assert_eq!(touched(), [true, false, true]);
    }
}
