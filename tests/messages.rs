//! Messages between many clients on several worker threads: order, completeness, what comes after an unsubscription (nothing),
//! and listeners that do not read.

mod common;

use common::{Conn, Kind, Node, Options, Server};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn server(threads: usize, more: &str) -> Server {
    Server::start(Kind::Rustredis, &Options::args(&format!("--threads {threads} {more}")))
}

/// A listener to these channels and patterns, whose confirmations are read.
fn listener(server: &Server, resp3: bool, channels: &[&str], patterns: &[&str]) -> Conn {
    let mut conn = server.connect();
    if resp3 {
        conn.ask(&["HELLO", "3"]);
    }
    for (command, names) in [("SUBSCRIBE", channels), ("PSUBSCRIBE", patterns)] {
        if !names.is_empty() {
            conn.send(&[&[command], names].concat()).expect("to send");
            names.iter().for_each(|_| drop(conn.read_reply().expect("a confirmation")));
        }
    }
    conn
}

fn next(conn: &mut Conn) -> Vec<String> {
    let reply = conn.read_reply().expect("a message");
    common::Node::parse(&reply).items.iter().map(|item| item.string()).collect()
}

#[test]
fn every_listener_gets_all_of_a_publishers_messages_in_order() {
    const MESSAGES: usize = 3_000;
    for threads in [1, 4] {
        let server = server(threads, "");
        let listeners: Vec<Conn> = (0..9)
            .map(|i| listener(&server, i % 2 == 0, &["news"], if i % 3 == 0 { &["n*", "x*"] } else { &[] }))
            .collect();
        std::thread::scope(|s| {
            for (i, mut conn) in listeners.into_iter().enumerate() {
                s.spawn(move || {
                    let kinds = if i % 3 == 0 { 2 } else { 1 };
                    let mut seen = [[0usize; 3]; 2];
                    for _ in 0..3 * MESSAGES * kinds {
                        let words = next(&mut conn);
                        let kind = usize::from(words[0] == "pmessage");
                        let (publisher, n) = words.last().and_then(|m| m.split_once(':')).expect("a message of ours");
                        let publisher: usize = publisher.parse().expect("a number");
                        assert_eq!(n, seen[kind][publisher].to_string(), "listener {i}, {threads} threads");
                        seen[kind][publisher] += 1;
                    }
                });
            }
            for publisher in 0..3 {
                let mut conn = server.connect();
                s.spawn(move || {
                    for chunk in (0..MESSAGES).collect::<Vec<_>>().chunks(50) {
                        for n in chunk {
                            conn.send(&["PUBLISH", "news", &format!("{publisher}:{n}")]).expect("to send");
                        }
                        chunk.iter().for_each(|_| assert_eq!(conn.read_reply().expect("a count"), b":12\r\n"));
                    }
                });
            }
        });
    }
}

#[test]
fn nothing_comes_after_an_unsubscription_is_confirmed() {
    let server = server(4, "");
    let done = AtomicBool::new(false);
    std::thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let mut conn = server.connect();
                while !done.load(Relaxed) {
                    conn.ask(&["PUBLISH", "c", "m"]);
                }
            });
        }
        for resp3 in [false, true] {
            let mut conn = listener(&server, resp3, &[], &[]);
            for _ in 0..400 {
                conn.send(&["SUBSCRIBE", "c"]).expect("to send");
                assert_eq!(next(&mut conn)[0], "subscribe");
                conn.send(&["UNSUBSCRIBE", "c"]).expect("to send");
                while next(&mut conn)[0] != "unsubscribe" {}
                assert_eq!(conn.ask(&["PING"]), b"+PONG\r\n");
            }
        }
        done.store(true, Relaxed);
    });
}

#[test]
fn who_does_not_read_is_cut_off_and_nobody_waits_for_them() {
    for threads in [1, 4] {
        let server = server(threads, "");
        let mut admin = server.connect();
        admin.ask(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 1mb 60"]);
        let _deaf: Vec<Conn> = (0..4).map(|_| listener(&server, false, &["c"], &[])).collect();
        let mut reader = listener(&server, true, &["c"], &[]);
        let before = server.memory_kib("VmRSS");
        let message = vec![b'x'; 100_000];
        for _ in 0..100 {
            (0..10).for_each(|_| drop(admin.ask(&[b"PUBLISH", b"c".as_slice(), &message])));
            (0..10).for_each(|_| assert_eq!(next(&mut reader)[2].len(), message.len()));
        }
        let grown = server.memory_kib("VmRSS").saturating_sub(before);
        assert!(grown < 64 * 1024, "{grown} KiB more, {threads} threads");
        assert_eq!(admin.line("PUBLISH c x"), ":1\\r\\n");
        let log = server.log();
        let told = log.matches("scheduled to be closed ASAP for overcoming of output buffer limits.").count();
        assert_eq!(told, 4, "{log}");
        assert!(
            String::from_utf8_lossy(&admin.ask(&["INFO", "stats"]))
                .contains("client_output_buffer_limit_disconnections:4")
        );
    }
}

#[test]
fn a_soft_limit_counts_while_nobody_sends() {
    let server = server(2, "");
    let mut admin = server.connect();
    admin.ask(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 100kb 3600"]);
    let _deaf = listener(&server, false, &["c"], &[]);
    // More than the system buffers for the connection.
    (0..100).for_each(|_| drop(admin.ask(&[b"PUBLISH", b"c".as_slice(), &vec![b'x'; 100_000]])));
    assert_eq!(admin.line("PUBSUB NUMSUB c"), "*2\\r\\n$1\\r\\nc\\r\\n:1\\r\\n");
    // It lasted for longer than this already, or soon will have.
    admin.ask(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 100kb 1"]);
    let deadline = Instant::now() + common::PATIENCE;
    while admin.line("PUBSUB NUMSUB c") != "*2\\r\\n$1\\r\\nc\\r\\n:0\\r\\n" {
        assert!(Instant::now() < deadline, "it is not cut off");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn each_name_is_confirmed_by_itself() {
    let server = server(2, "");
    let mut conn = server.connect();
    conn.send_raw(b"SUBSCRIBE a b a\r\nPSUBSCRIBE a\r\nUNSUBSCRIBE x b a\r\nUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\n")
        .expect("to send");
    for want in
        ["subscribe a 1", "subscribe b 2", "subscribe a 2", "psubscribe a 3", "unsubscribe x 3", "unsubscribe b 2"]
    {
        assert_eq!(next(&mut conn).join(" "), want);
    }
    for want in ["unsubscribe a 1", "unsubscribe -1 1", "punsubscribe a 0"] {
        assert_eq!(next(&mut conn).join(" "), want);
    }
    // A message to the sender follows the reply to its command (Redis 7.2 and later), also to that of EXEC.
    conn.send_raw(b"HELLO 3\r\nSUBSCRIBE a\r\nPUBLISH a 1\r\nMULTI\r\nPUBLISH a 2\r\nPING\r\nEXEC\r\n")
        .expect("to send");
    conn.read_reply().expect("HELLO's reply");
    assert_eq!(next(&mut conn).join(" "), "subscribe a 1");
    let message = |n: u8| format!(">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n{n}\r\n");
    for want in [":1\r\n", &message(1), "+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "*2\r\n:1\r\n+PONG\r\n", &message(2)] {
        assert_eq!(String::from_utf8_lossy(&conn.read_reply().expect("a reply")), want);
    }
}

#[test]
fn confirmations_come_even_to_who_wants_no_replies() {
    let server = server(1, "");
    let mut conn = server.connect();
    conn.send_raw(b"CLIENT REPLY OFF\r\nSUBSCRIBE a\r\nGET x\r\nUNSUBSCRIBE\r\nGET x\r\nCLIENT REPLY ON\r\n")
        .expect("to send");
    assert_eq!(next(&mut conn), ["subscribe", "a", "1"]);
    // Also the refusal of GET is no push.
    assert_eq!(next(&mut conn), ["unsubscribe", "a", "0"]);
    assert_eq!(conn.read_reply().expect("a reply"), b"+OK\r\n");
    conn.send_raw(b"CLIENT REPLY SKIP\r\nSUBSCRIBE a\r\nPING\r\n").expect("to send");
    assert_eq!(next(&mut conn), ["subscribe", "a", "1"]);
    assert_eq!(next(&mut conn), ["pong", ""]);
}

#[test]
fn clients_show_what_they_listen_to() {
    let server = server(2, "");
    let mut admin = server.connect();
    let mut conn = listener(&server, true, &["a", "b"], &["p*"]);
    conn.ask(&["SSUBSCRIBE", "s"]);
    let list = String::from_utf8_lossy(&admin.ask(&["CLIENT", "LIST", "TYPE", "pubsub"])).into_owned();
    assert!(list.contains(" flags=P ") && list.contains(" sub=2 psub=1 ssub=1 "), "{list}");
    let stats = String::from_utf8_lossy(&admin.ask(&["INFO", "stats", "clients"])).into_owned();
    for line in ["pubsub_channels:2", "pubsub_patterns:1", "pubsubshard_channels:1", "pubsub_clients:1"] {
        assert!(stats.contains(&format!("{line}\r\n")), "{line}: {stats}");
    }
    assert_eq!(admin.line("CLIENT KILL TYPE pubsub"), ":1\\r\\n");
    assert!(conn.read_reply().is_err());
    assert_eq!(admin.line("PUBLISH a x"), ":0\\r\\n");
    assert_eq!(admin.line("PUBSUB SHARDCHANNELS"), "*0\\r\\n");
}

#[test]
fn events_of_keys_that_nobody_asks_for() {
    for threads in [1, 4] {
        let server = server(threads, "--notify-keyspace-events Ex");
        let mut ear = listener(&server, threads == 4, &[], &["__key*"]);
        let mut admin = server.connect();
        for i in 0..20 {
            admin.ask(&["SET", &format!("k{i}"), "v", "PX", "20"]);
        }
        let mut gone: Vec<String> = (0..20).map(|_| next(&mut ear).split_off(2).join(" ")).collect();
        gone.sort();
        let mut want: Vec<String> = (0..20).map(|i| format!("__keyevent@0__:expired k{i}")).collect();
        want.sort();
        assert_eq!(gone, want);
    }
}

#[test]
fn events_within_one_pipeline_and_one_transaction() {
    let server = server(2, "");
    let mut conn = server.connect();
    // The subscription and the directive count from the next command on, also in the same pipeline.
    conn.send_raw(
        b"HELLO 3\r\nPSUBSCRIBE __key*\r\nCONFIG SET notify-keyspace-events KEA\r\nSET k v\r\nMULTI\r\nINCR n\r\nDEL k\r\nEXEC\r\n",
    )
    .expect("to send");
    conn.read_reply().expect("HELLO's reply");
    assert_eq!(next(&mut conn)[0], "psubscribe");
    let said: Vec<String> = (0..12)
        .map(|_| {
            let reply = common::Node::parse(&conn.read_reply().expect("a reply"));
            if reply.items.len() == 4 {
                format!("{} {}", reply.items[2].string(), reply.items[3].string())
            } else {
                reply.string()
            }
        })
        .collect();
    let event =
        |key: &str, event: &str| [format!("__keyspace@0__:{key} {event}"), format!("__keyevent@0__:{event} {key}")];
    let replies = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let want = [
        replies(&["OK", "OK"]),
        event("k", "set").to_vec(),
        replies(&["OK", "QUEUED", "QUEUED", ""]),
        event("n", "incrby").to_vec(),
        event("k", "del").to_vec(),
    ];
    assert_eq!(said, want.concat());
}

/// A client of RESP3 that tracks as `how` says.
fn tracker(server: &Server, how: &str) -> Conn {
    let mut conn = listener(server, true, &[], &[]);
    assert_eq!(conn.line(&format!("CLIENT TRACKING ON {how}")), "+OK\\r\\n");
    conn
}

fn invalidated(conn: &mut Conn) -> String {
    let push = common::Node::parse(&conn.read_reply().expect("an invalidation"));
    assert_eq!(push.items[0].string(), "invalidate");
    push.items[1].items.iter().map(|k| k.string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn caches_are_told_of_what_changes_expires_and_is_given_up() {
    for threads in [1, 4] {
        let server = server(threads, "");
        let (mut reader, mut writer) = (tracker(&server, ""), server.connect());
        writer.line("MSET a 1 b 2");
        reader.line("MGET a b");
        writer.line("SET a 3");
        assert_eq!(invalidated(&mut reader), "a");
        // Once only, until it is read again.
        writer.line("SET a 4");
        writer.line("INCR b");
        assert_eq!(invalidated(&mut reader), "b");
        reader.line("GET a");
        writer.line("PEXPIRE a 100000");
        assert_eq!(invalidated(&mut reader), "a");
        reader.line("GET a");
        // A key that lives for long enough to be read.
        common::in_one_of(4, |n| {
            let (mut reader, mut writer) = (tracker(&server, ""), server.connect());
            writer.line(&format!("SET short v PX {}", 2 * 10u32.pow(n)));
            assert_eq!(reader.line("GET short"), "$1\\r\\nv\\r\\n", "it was gone already");
            assert_eq!(invalidated(&mut reader), "short");
        });
        writer.line("FLUSHALL");
        assert_eq!(invalidated(&mut reader), "");
        // More keys than may be remembered: some are given up.
        writer.line("CONFIG SET tracking-table-max-keys 10");
        reader.send(&[vec!["MGET".to_owned()], (0..30).map(|i| format!("m{i}")).collect()].concat()).expect("to send");
        reader.read_reply().expect("the values, or what was given up");
        (0..20).for_each(|_| drop(reader.read_reply().expect("what was given up, or the values")));
        assert!(reader.ask(&["PING"]).starts_with(b"+PONG"));
        let stats = String::from_utf8_lossy(&writer.ask(&["INFO", "stats"])).into_owned();
        assert!(stats.contains("tracking_total_keys:10\r\n"), "{stats}");
    }
}

#[test]
fn caches_of_prefixes_hear_of_a_transaction_at_once() {
    let server = server(4, "");
    let (mut all, mut own, mut writer) =
        (tracker(&server, "BCAST"), tracker(&server, "BCAST PREFIX a PREFIX b NOLOOP"), server.connect());
    writer.send_raw(b"MULTI\r\nSET a1 x\r\nSET b1 x\r\nSET c1 x\r\nSET a1 y\r\nEXEC\r\n").expect("to send");
    (0..6).for_each(|_| drop(writer.read_reply().expect("a reply")));
    assert_eq!(invalidated(&mut all), "a1 b1 c1");
    assert_eq!([invalidated(&mut own), invalidated(&mut own)], ["a1", "b1"]);
    // Of their own changes they do not hear.
    assert_eq!(own.line("SET a2 x"), "+OK\\r\\n");
    assert_eq!(invalidated(&mut all), "a2");
    assert_eq!(own.line("PING"), "+PONG\\r\\n");
}

#[test]
fn an_old_client_is_told_through_another_connection() {
    let server = server(4, "");
    let (mut ear, mut reader, mut writer) = (server.connect(), server.connect(), server.connect());
    let id = String::from_utf8_lossy(&ear.ask(&["CLIENT", "ID"])[1..]).trim().to_owned();
    ear.line("SUBSCRIBE __redis__:invalidate");
    assert_eq!(reader.line(&format!("CLIENT TRACKING ON REDIRECT {id}")), "+OK\\r\\n");
    assert_eq!(reader.line("CLIENT GETREDIR"), format!(":{id}\\r\\n"));
    reader.line("GET k");
    writer.line("SET k v");
    assert_eq!(
        ear.read_reply().expect("a message"),
        b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n"
    );
    writer.line("FLUSHALL");
    assert_eq!(ear.read_reply().expect("a message"), b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n");
}

/// A cache that drops what it is told to is never older than the message that is still under way: after the last write and a round
/// trip, each cached value is the server's.
#[test]
fn no_change_slips_past_a_cache() {
    let server = server(4, "");
    let writing = AtomicU32::new(3);
    std::thread::scope(|s| {
        for w in 0..3u32 {
            let (server, writing) = (&server, &writing);
            s.spawn(move || {
                let mut conn = server.connect();
                for i in 0..3_000u32 {
                    conn.ask(&["SET", &format!("k{}", (i * 7 + w) % 20), &format!("{w}:{i}")]);
                }
                writing.fetch_sub(1, Relaxed);
            });
        }
        for _ in 0..2 {
            s.spawn(|| {
                let mut conn = tracker(&server, "");
                let mut cache: std::collections::HashMap<String, Vec<u8>> = Default::default();
                let ask = |conn: &mut Conn, cache: &mut std::collections::HashMap<String, Vec<u8>>, words: &[&str]| {
                    conn.send(words).expect("to send");
                    loop {
                        let reply = conn.read_reply().expect("a reply");
                        if reply[0] != b'>' {
                            return reply;
                        }
                        for key in &common::Node::parse(&reply).items[1].items {
                            cache.remove(&key.string());
                        }
                    }
                };
                let mut rounds = 0;
                while writing.load(Relaxed) > 0 || rounds < 50 {
                    for i in 0..20 {
                        let key = format!("k{i}");
                        if !cache.contains_key(&key) {
                            let value = ask(&mut conn, &mut cache, &["GET", &key]);
                            cache.insert(key, value);
                        }
                    }
                    rounds += 1;
                }
                // What is under way comes; what is not never does.
                let mut plain = server.connect();
                let deadline = Instant::now() + common::PATIENCE;
                loop {
                    ask(&mut conn, &mut cache, &["PING"]);
                    let stale: Vec<&String> = cache
                        .iter()
                        .filter(|(key, value)| plain.ask(&["GET", key]) != **value)
                        .map(|(key, _)| key)
                        .collect();
                    if stale.is_empty() {
                        break;
                    }
                    assert!(Instant::now() < deadline, "nobody was told of {stale:?}");
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
        }
    });
}

#[test]
fn monitors_see_what_others_do_but_no_secrets() {
    let server = server(4, "");
    let (mut eye, mut conn) = (server.connect(), server.connect());
    assert_eq!(eye.line("MONITOR"), "+OK\\r\\n");
    conn.ask(&[b"SET".as_slice(), b"k", b"a \"\x00\xff\r\n"]);
    for line in ["AUTH me secret", "CONFIG GET port", "NO-SUCH", "MULTI", "GET k", "EXEC", "HELLO 3 AUTH me secret"] {
        conn.line(line);
    }
    let mut seen = Vec::new();
    for _ in 0..6 {
        let line = String::from_utf8(eye.read_reply().expect("a line")).expect("text");
        let (time, rest) = line[1..].split_once(" [0 127.0.0.1:").expect("time and address");
        assert!(time.split_once('.').is_some_and(|(s, us)| s.parse::<u64>().is_ok() && us.len() == 6), "{line}");
        seen.push(rest.split_once("] ").expect("an address").1.trim_end().to_owned());
    }
    assert_eq!(
        seen,
        [
            r#""SET" "k" "a \"\x00\xff\r\n""#,
            r#""AUTH" "(redacted)" "(redacted)""#,
            r#""MULTI""#,
            r#""GET" "k""#,
            r#""EXEC""#,
            r#""HELLO" "3" "AUTH" "(redacted)" "(redacted)""#
        ]
    );
    assert_eq!(eye.line("GET k"), "-ERR Replica can\\'t interact with the keyspace\\r\\n");
    assert!(String::from_utf8_lossy(&conn.ask(&["CLIENT", "LIST"])).contains(" flags=O "));
    assert_eq!(eye.line("RESET"), "+RESET\\r\\n");
    conn.line("PING");
    assert_eq!(eye.line("GET nosuch"), "$-1\\r\\n");
}

#[test]
fn logs_of_slow_and_large_commands() {
    let server = server(2, "");
    let mut conn = server.connect();
    for line in [
        "CONFIG SET slowlog-log-slower-than 2000 latency-monitor-threshold 2",
        "CLIENT SETNAME me",
        "DEBUG SLEEP 0.004",
    ] {
        assert_eq!(conn.line(line), "+OK\\r\\n");
    }
    // From here on nothing is logged: any command may take 2 ms, and the machine knows why.
    assert_eq!(conn.line("CONFIG SET slowlog-log-slower-than -1 latency-monitor-threshold 3600000"), "+OK\\r\\n");
    let words = |entry: &Node| entry.items[3].items.iter().map(Node::string).collect::<Vec<_>>().join(" ");
    let entries = conn.tree(&["SLOWLOG", "GET"]).items;
    let entry = entries.iter().find(|entry| words(entry) == "DEBUG SLEEP 0.004").expect("4 ms are slow");
    let e = &entry.items;
    assert!(e[0].int() < Some(4) && e[2].int() >= Some(4_000) && e[5].string() == "me", "{entries:?}");
    assert_eq!(
        conn.line("SLOWLOG LEN") + &conn.line("SLOWLOG RESET") + &conn.line("SLOWLOG LEN"),
        format!(":{}\\r\\n+OK\\r\\n:0\\r\\n", entries.len())
    );
    let latest = conn.tree(&["LATENCY", "LATEST"]).items;
    assert!(latest.iter().any(|event| event.items[0].string() == "command"), "{latest:?}");
    assert!(conn.line("LATENCY GRAPH command").contains("command - high "));
    let doctor = conn.line("LATENCY DOCTOR");
    assert!(doctor.contains(". command: ") && doctor.contains(" latency spikes (average "), "{doctor}");
    assert_eq!(conn.line("LATENCY RESET command") + &conn.line("LATENCY HISTORY command"), ":1\\r\\n*0\\r\\n");

    conn.line("CONFIG SET commandlog-request-larger-than 10000 commandlog-reply-larger-than 10000");
    conn.ask(&[b"SET".as_slice(), b"big", &vec![b'x'; 20_000]]);
    conn.line("GET big");
    let request = conn.tree(&["COMMANDLOG", "GET", "-1", "large-request"]).items;
    let reply = conn.tree(&["COMMANDLOG", "GET", "-1", "large-reply"]).items;
    assert_eq!((request.len(), reply.len()), (1, 1));
    assert_eq!(request[0].items[3].items[2].string(), format!("{}... (19872 more bytes)", "x".repeat(128)));
    assert!(
        request[0].items[2].int().is_some_and(|n| n > 20_000) && reply[0].items[2].int().is_some_and(|n| n > 20_000)
    );

    let stats = String::from_utf8_lossy(&conn.ask(&["INFO", "latencystats"])).into_owned();
    assert!(stats.contains("latency_percentiles_usec_get:p50=") && stats.contains(",p99.9="), "{stats}");
    let histogram = conn.tree(&["LATENCY", "HISTOGRAM", "debug", "nosuch"]);
    assert_eq!((histogram.items.len(), histogram.items[0].string()), (2, "debug".to_owned()));
    assert_eq!(histogram.items[1].items[1].int(), Some(1));
}

/// What the server does of itself is seen by the latency monitor as well, under Redis's names.
#[test]
fn the_monitor_sees_what_no_command_did() {
    let server = server(1, "--lazyfree-lazy-eviction no --maxmemory-policy allkeys-lru");
    let mut conn = server.connect();
    let members: Vec<String> = (0..300_000).map(|i| format!("member:{i}")).collect();
    for chunk in members.chunks(10_000) {
        conn.ask(&[&["SADD".to_owned(), "large".into()], chunk].concat());
    }
    conn.line("CONFIG SET latency-monitor-threshold 1");
    conn.line("CONFIG SET maxmemory 1mb");
    conn.line("SET x 1");
    let latest = conn.tree(&["LATENCY", "LATEST"]).items;
    let names: Vec<String> = latest.iter().map(|e| e.items[0].string()).collect();
    for event in ["eviction-cycle", "eviction-del"] {
        assert!(names.iter().any(|name| name == event), "{event} is not among {names:?}");
    }
    assert!(conn.line("LATENCY HISTORY eviction-del").starts_with("*1"));
}
