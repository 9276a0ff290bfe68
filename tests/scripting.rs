//! Scripts on several worker threads: atomic whatever they touch, stopped when somebody asks, harmless whatever they try, and
//! refused in the same states and with the same words as Redis refuses them.

mod common;

use common::{Conn, Kind, Options, Rng, Server, env_number, escape, find, skip, subject};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn server(threads: usize, more: &str) -> Server {
    Server::start(Kind::Rustredis, &Options::args(&format!("--threads {threads} {more}")))
}

fn eval(conn: &mut Conn, script: &str, words: &[&str]) -> String {
    escape(&conn.ask(&[&["EVAL", script], words].concat()))
}

/// Asks until the answer is as wanted.
fn until(conn: &mut Conn, line: &str, wanted: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + common::PATIENCE;
    loop {
        let reply = conn.line(line);
        if wanted(&reply) {
            return reply;
        }
        assert!(Instant::now() < deadline, "{line}: still {reply}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

// ---- atomic -------------------------------------------------------------------------------------------------------------

const ACCOUNTS: usize = 30;

/// Moves some money from one account to another by scripts and transactions; whoever looks, in whatever way, finds the same sum.
#[test]
fn money_is_neither_made_nor_lost() {
    let declared = "local a = tonumber(redis.call('GET', KEYS[1])) local n = tonumber(ARGV[1])
        if a < n then return 0 end
        redis.call('DECRBY', KEYS[1], n) redis.call('INCRBY', KEYS[2], n) return 1";
    // The accounts' names are made in the script: nobody could lock them before.
    let undeclared = "local a, b = 'account:' .. ARGV[1], 'account:' .. ARGV[2]
        redis.call('DECRBY', a, ARGV[3])
        for i = 1, 200 do local x = i * i end
        redis.call('INCRBY', b, ARGV[3]) return 1";
    let sum = "local s = 0 for i = 0, ARGV[1] - 1 do s = s + redis.call('GET', 'account:' .. i) end return s";
    for threads in [1, 4] {
        let server = server(threads, "");
        let mut first = server.connect();
        let start: Vec<String> = (0..ACCOUNTS).flat_map(|i| [format!("account:{i}"), "100".into()]).collect();
        first.ask(&[vec!["MSET".to_string()], start].concat());
        let every: Vec<String> = (0..ACCOUNTS).map(|i| format!("account:{i}")).collect();
        let (done, seed) = (AtomicBool::new(false), env_number("SEED", 1));
        let looked = [const { AtomicUsize::new(0) }; 3];
        std::thread::scope(|s| {
            let writers: Vec<_> = (0..6u64)
                .map(|w| {
                    let (server, looked) = (&server, &looked);
                    s.spawn(move || {
                        let (mut conn, mut rng) = (server.connect(), Rng::new(seed + w));
                        // Until everybody has looked some times.
                        let enough = || looked.iter().all(|n| n.load(Relaxed) > 5);
                        for _ in (0..).take_while(|n| *n < 400 || *n < 100_000 && !enough()) {
                            let (a, b, n) = (rng.below(ACCOUNTS), rng.below(ACCOUNTS), rng.below(20).to_string());
                            let (from, to) = (format!("account:{a}"), format!("account:{b}"));
                            let reply = match w % 3 {
                                0 => eval(&mut conn, declared, &["2", &from, &to, &n]),
                                1 => eval(&mut conn, undeclared, &["0", &a.to_string(), &b.to_string(), &n]),
                                _ => {
                                    let lines =
                                        ["MULTI".into(), format!("DECRBY {from} {n}"), format!("INCRBY {to} {n}")];
                                    lines.iter().for_each(|line: &String| drop(conn.line(line)));
                                    conn.line("EXEC")
                                }
                            };
                            assert!(!reply.contains('-') || reply.starts_with('*'), "seed {seed}: {reply}");
                        }
                    })
                })
                .collect();
            let readers: Vec<_> = (0..3)
                .map(|r| {
                    let (server, done, every, looked) = (&server, &done, &every, &looked[r]);
                    s.spawn(move || {
                        let mut conn = server.connect();
                        while !done.load(Relaxed) {
                            let found = match r {
                                0 => sum_of(&conn.ask(&[vec!["MGET".to_string()], every.clone()].concat())),
                                1 => sum_of(&conn.ask(&["EVAL", sum, "0", &ACCOUNTS.to_string()])),
                                _ => {
                                    conn.line("MULTI");
                                    every.iter().for_each(|key| drop(conn.line(&format!("GET {key}"))));
                                    sum_of(&conn.ask(&["EXEC"]))
                                }
                            };
                            assert_eq!(found, 100 * ACCOUNTS as i64, "reader {r}, {threads} threads, seed {seed}");
                            looked.fetch_add(1, Relaxed);
                        }
                    })
                })
                .collect();
            writers.into_iter().for_each(|w| w.join().unwrap());
            done.store(true, Relaxed);
            readers.into_iter().for_each(|r| r.join().unwrap());
        });
    }
}

/// The sum of the numbers in a reply; a reply that is one number is it.
fn sum_of(reply: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(reply);
    if let Some(n) = text.strip_prefix(':') {
        return n.trim().parse().unwrap();
    }
    text.split("\r\n").filter(|l| !l.starts_with(['$', '*'])).flat_map(str::parse::<i64>).sum()
}

// ---- stopped ------------------------------------------------------------------------------------------------------------

const LIBRARY: &str = "#!lua name=slow\n\
    redis.register_function('forever', function() while true do end end)\n\
    redis.register_function('writes', function() redis.call('SET', 'f', 1) while true do end end)\n\
    redis.register_function{function_name='reads', callback=function() while true do redis.call('GET','f') end end, \
    flags={'no-writes'}}";

/// A connection that has sent this and waits for its end, when others are told that the server is busy.
fn begun(server: &Server, judge: &mut Conn, words: &[&str]) -> Conn {
    let mut conn = server.connect();
    conn.send(words).unwrap();
    until(judge, "GET x", |reply| reply.starts_with("-BUSY"));
    conn
}

#[test]
fn who_overruns_is_stopped_unless_it_has_written() {
    const BUSY: &str = r"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
    const BUSY_FUNCTION: &str =
        r"-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n";
    const UNKILLABLE: &str = "-UNKILLABLE Sorry the script already executed write commands against the dataset. You can either \
        wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.\\r\\n";
    for threads in [1, 4] {
        let mut server = server(threads, "--busy-reply-threshold 50");
        let mut judge = server.connect();
        let mut other = server.connect();
        assert_eq!(judge.line("SCRIPT KILL"), r"-NOTBUSY No scripts in execution right now.\r\n");
        assert_eq!(judge.line("FUNCTION KILL"), r"-NOTBUSY No scripts in execution right now.\r\n");
        assert!(!judge.ask(&["FUNCTION", "LOAD", LIBRARY]).starts_with(b"-"));
        let scripts = [
            "while true do end",
            "while true do pcall(function() while true do end end) end",
            "local function f() pcall(f) return f() end f()",
            "while true do redis.pcall('GET', 'x') end",
            "while true do string.rep('x', 100):find('(x*)(x*)y') end",
            "return string.rep('a', 30):find(string.rep('a?', 30) .. string.rep('a', 30))",
            "local t = {} for i = 1, 60 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end",
            "while true do cjson.encode({1, 2, {3}}) end",
            "return coroutine.wrap(function() while true do end end)()",
        ];
        for script in scripts {
            let mut conn = begun(&server, &mut judge, &["EVAL", script, "0"]);
            assert_eq!(other.line("SET y 1"), BUSY, "{script}");
            assert!(other.line("FUNCTION KILL").starts_with("-BUSY"), "{script}");
            assert_eq!(other.line("SCRIPT KILL"), r"+OK\r\n", "{script}");
            let end = escape(&conn.read_reply().unwrap());
            assert!(
                end.starts_with("-ERR ") && end.contains("Script killed by user with SCRIPT KILL"),
                "{script}: {end}"
            );
            until(&mut judge, "PING", |reply| reply == r"+PONG\r\n");
        }
        for function in ["forever", "reads"] {
            let mut conn = begun(&server, &mut judge, &["FCALL", function, "0"]);
            assert_eq!(other.line("SET y 1"), BUSY_FUNCTION);
            assert!(other.line("SCRIPT KILL").starts_with("-BUSY"));
            assert!(other.line("FUNCTION STATS").contains(function));
            assert_eq!(other.line("FUNCTION KILL"), r"+OK\r\n");
            assert!(conn.read_reply().unwrap().starts_with(b"-ERR "));
            until(&mut judge, "PING", |reply| reply == r"+PONG\r\n");
        }
        // New connections are heard as well, and what waited goes on.
        let mut waits = server.connect();
        waits.send(&["BLPOP", "queue", "0"]).unwrap();
        until(&mut judge, "INFO clients", |reply| reply.contains("blocked_clients:1"));
        let mut conn = begun(&server, &mut judge, &["EVAL", "while true do end", "0"]);
        let mut late = server.connect();
        assert_eq!(late.line("SCRIPT KILL"), r"+OK\r\n");
        assert!(conn.read_reply().unwrap().starts_with(b"-ERR "));
        until(&mut judge, "RPUSH queue x", |reply| reply.starts_with(':'));
        assert_eq!(waits.read_reply().unwrap(), b"*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n");
        // Half a script's work is worse than none: once it has written it goes on. SHUTDOWN NOSAVE ends it with the server.
        let mut conn = begun(&server, &mut judge, &["EVAL", "redis.call('SET', 's', 1) while true do end", "0"]);
        assert_eq!(other.line("SCRIPT KILL"), UNKILLABLE);
        assert_eq!(other.line("SHUTDOWN SAVE").get(..5), Some("-BUSY"));
        other.send(&["SHUTDOWN", "NOSAVE"]).unwrap();
        let status = server.wait(common::PATIENCE);
        assert!(status.is_some_and(|s| s.success()), "{status:?}");
        conn.read_to_close();
    }
}

#[test]
fn a_function_that_has_written_is_not_stopped() {
    let mut server = server(2, "--busy-reply-threshold 50");
    let mut judge = server.connect();
    judge.ask(&["FUNCTION", "LOAD", LIBRARY]);
    let _conn = begun(&server, &mut judge, &["FCALL", "writes", "0"]);
    assert!(judge.line("FUNCTION KILL").starts_with("-UNKILLABLE "));
    judge.send(&["SHUTDOWN", "NOSAVE"]).unwrap();
    assert!(server.wait(common::PATIENCE).is_some());
}

// ---- harmless -----------------------------------------------------------------------------------------------------------

/// What a script must not be able to do, whatever it is: it ends in an answer, and the server goes on.
const RUNAWAYS: &[&str] = &[
    "local t = {} while true do t[#t + 1] = {#t} end",
    "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
    "local s = 'x' while true do s = s .. s end",
    "local function f(n) return 1 + f(n + 1) end return f(0)",
    "local function f() return pcall(f) end return f()",
    "local t = {} t[1] = t return t",
    "local t = {} for i = 1, 3000 do t = {t} end return t",
    "local t = {} for i = 1, 100000 do t = {t} end return cjson.encode(t)",
    "local t = {} t.t = t return cmsgpack.pack(t)",
    "local t = {} t.t = t return cjson.encode(t)",
    "return cjson.decode(string.rep('[', 1000000))",
    "return cjson.decode(string.rep('{\"a\":', 1000000))",
    "return cmsgpack.unpack(string.rep('\\145', 1000000))",
    "return string.rep('x', 2^40)",
    "return string.rep('x', 2^31)",
    "return string.rep(string.rep('x', 1000), 2^60)",
    "return ('x'):rep(1e300)",
    "return unpack({}, 1, 1e7)",
    "return unpack({}, 1, 2^31)",
    "return select(-1, unpack({}, 1, 1e6))",
    "return string.char(unpack({}, 1, 7900))",
    "return string.format('%99999d', 1)",
    "return string.format(string.rep('%s', 300))",
    "return string.format('%q', string.rep('\\0', 1e8))",
    "return table.concat({}, string.rep('x', 1e6), 1, 1e6)",
    "local t = {} for i = 1, 200 do t[i] = i end table.sort(t, function() return true end) return #t",
    "local t = {} table.insert(t, 2^53, 1) return #t",
    "local t = {} table.insert(t, -2^31, 1) return #t",
    "return string.rep('a', 5000):gsub('', string.rep('b', 1e6)):len()",
    "return string.rep('(', 100000):find(string.rep('(', 100000))",
    "return string.find(string.rep('a', 100000), string.rep('a?', 10000) .. 'b')",
    "return string.find(string.rep('a', 200000), '%b()')",
    "return string.find('x', string.rep('[', 100000))",
    "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]",
    "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
    "local f = coroutine.wrap(function() error('x') end) return f()",
    "local function f() return coroutine.wrap(f)() end return f()",
    "local co co = coroutine.create(function() return coroutine.resume(co) end) return tostring(coroutine.resume(co))",
    "return loadstring(string.rep('(', 100000) .. '1' .. string.rep(')', 100000))",
    "return loadstring('return ' .. string.rep('-', 1000000) .. '1')()",
    "return loadstring(string.rep('a=', 100000) .. '1')",
    "return loadstring('local ' .. string.rep('a,', 1000) .. 'a = 1')",
    "return struct.pack('i99999999999', 1)",
    "return struct.unpack('c2000000000', 'x')",
    "return struct.pack(string.rep('i4', 1000000))",
    "return redis.call('SET', 'x', string.rep('x', 600 * 1024 * 1024))",
    "return redis.call(unpack({}, 1, 8000))",
    "return redis.sha1hex(string.rep('x', 2^29))",
    "return bit.tohex(1, -2^31)",
    "return redis.call('SETRANGE', 'x', 536870911, 'y')",
    "while true do redis.call('RPUSH', 'list', string.rep('x', 1e6)) if #redis.pcall('LRANGE', 'list', 0, -1) > 300 then return 1 end end",
    "error({})",
    "error(nil)",
    "error(setmetatable({}, {__tostring = function() error('y') end}))",
    "return redis.error_reply(string.rep('x', 1e7))",
    "return {err = string.rep('x', 1e7)}",
    "return {map = {[{}] = {}}, 1}",
    "return {verbatim_string = {string = 'x', format = '\\195\\169\\195\\169'}}",
    "return setmetatable({}, {__index = function() error('z') end})",
    "return tostring(newproxy) .. tostring(require) .. tostring(io) .. tostring(dofile)",
    "return string.dump(function() end)",
    "return loadstring('\\27Lua')",
    "local t = {} for i = 1, 1e5 do t[i] = i end return redis.call('DEL', unpack(t, 1, 7000))",
];

#[test]
fn no_script_takes_the_server_down() {
    let mut server = server(2, "--busy-reply-threshold 400");
    let mut judge = server.connect();
    for (i, script) in RUNAWAYS.iter().enumerate() {
        for protocol in [["2"], ["3"]][i % 2] {
            let mut conn = server.connect();
            conn.line(&format!("HELLO {protocol}"));
            conn.stream().set_read_timeout(Some(5 * common::PATIENCE)).unwrap();
            conn.send(&["EVAL", script, "0"]).unwrap();
            let started = Instant::now();
            // Most end by themselves; what takes too long is stopped, as its user would.
            let stop = std::thread::scope(|s| {
                let judge = &mut judge;
                let reply = s.spawn(move || conn.read_reply().unwrap());
                while !reply.is_finished() {
                    if started.elapsed() > Duration::from_secs(2) {
                        judge.line("SCRIPT KILL");
                    }
                    assert!(started.elapsed() < 4 * common::PATIENCE, "{script} does not end");
                    std::thread::sleep(Duration::from_millis(2));
                }
                reply.join().unwrap()
            });
            assert!(!stop.is_empty());
            assert_eq!(judge.line("PING"), r"+PONG\r\n", "after {script}");
        }
    }
    assert!(server.alive());
    judge.line("FLUSHALL");
    // Nothing is left of it but what machines keep.
    judge.line("SCRIPT FLUSH SYNC");
    let until = Instant::now() + common::PATIENCE;
    while server.memory_kib("VmRSS") > 1400 * 1024 {
        assert!(Instant::now() < until, "{} KiB are still held", server.memory_kib("VmRSS"));
        std::thread::sleep(Duration::from_millis(50));
    }
}

// ---- refused ------------------------------------------------------------------------------------------------------------

/// A state that a server can be in: what brings it there, and back.
struct State {
    name: &'static str,
    enter: &'static [&'static [&'static str]],
    leave: &'static [&'static [&'static str]],
}

const STATES: &[State] = &[
    State { name: "none", enter: &[], leave: &[] },
    State {
        name: "out of memory",
        enter: &[&["CONFIG", "SET", "maxmemory", "1"]],
        leave: &[&["CONFIG", "SET", "maxmemory", "0"]],
    },
    State {
        name: "stale",
        enter: &[&["CONFIG", "SET", "replica-serve-stale-data", "no"], &["REPLICAOF", "127.0.0.1", "1"]],
        leave: &[&["REPLICAOF", "NO", "ONE"], &["CONFIG", "SET", "replica-serve-stale-data", "yes"]],
    },
    State { name: "replica", enter: &[&["REPLICAOF", "127.0.0.1", "1"]], leave: &[&["REPLICAOF", "NO", "ONE"]] },
    State {
        name: "few replicas",
        enter: &[&["CONFIG", "SET", "min-replicas-to-write", "1"]],
        leave: &[&["CONFIG", "SET", "min-replicas-to-write", "0"]],
    },
    State {
        name: "unable to save",
        enter: &[&["CONFIG", "SET", "save", "3600 1000000"], &["CONFIG", "SET", "dir", "/proc"], &["BGSAVE"]],
        leave: &[&["CONFIG", "SET", "save", ""]],
    },
];

const FLAGS: &[&str] = &[
    "",
    "no-writes",
    "allow-oom",
    "allow-stale",
    "no-cluster",
    "allow-cross-slot-keys",
    "no-writes,allow-oom",
    "allow-oom,allow-stale",
    "no-writes,allow-stale",
];

const BODIES: &[&str] = &[
    "return redis.call('set','x','1')",
    "return redis.pcall('set','x','1')",
    "return redis.call('get','x')",
    "redis.call('get','x') return redis.call('set','x','2')",
    "redis.call('del','nosuch') return redis.call('set','x','3')",
    "return redis.pcall('set','x','1')['err']",
    "return 1",
    "return redis.call('del','x')",
    "return redis.call('publish','c','m')",
    "return redis.call('time')[3]",
    "return redis.call('config','get','nosuch')",
    "return redis.call('pfcount','x')",
    "return redis.call('eval','return 1',0)",
    "return redis.call('ping')",
    "return redis.pcall('bgsave')",
    "return redis.call('echo')",
    "return redis.acl_check_cmd('set','x','y')",
    "return redis.call('object','freq','x')",
    "return redis.pcall('nosuch')",
    "return redis.call('flushall')",
    "return redis.call('copy','x','y')",
    "return redis.call('lastsave') and 1",
];

/// Every answer of a server to every script in every state, with what was asked.
fn answers(server: &Server) -> Vec<(String, String)> {
    let mut conn = server.connect();
    let mut library = "#!lua name=lib\n".to_owned();
    let mut functions = Vec::new();
    for (i, (flags, body)) in FLAGS.iter().flat_map(|f| BODIES.iter().map(move |b| (f, b))).enumerate() {
        let list: Vec<String> = flags.split(',').filter(|f| !f.is_empty()).map(|f| format!("'{f}'")).collect();
        library.push_str(&format!(
            "redis.register_function{{function_name='f{i}',callback=function(k,a) {body} end,flags={{{}}}}}\n",
            list.join(",")
        ));
        functions.push((format!("f{i}"), format!("{flags}: {body}")));
    }
    let mut all = vec![("loading".to_owned(), escape(&conn.ask(&["FUNCTION", "LOAD", &library])))];
    for state in STATES {
        conn.line("FLUSHALL");
        conn.line("SET x v0");
        let was: Vec<Vec<u8>> = state.enter.iter().map(|words| conn.ask(words)).collect();
        assert!(was.iter().all(|reply| !reply.starts_with(b"-")), "{}", state.name);
        if state.name == "unable to save" {
            until(&mut conn, "INFO persistence", |info| info.contains("rdb_last_bgsave_status:err"));
        }
        let mut note = |what: String, reply: Vec<u8>| all.push((format!("{}: {what}", state.name), escape(&reply)));
        for command in ["EVAL", "EVAL_RO"] {
            for body in BODIES {
                note(format!("{command} {body}"), conn.ask(&[command, body, "0"]));
                for flags in FLAGS {
                    let head = if flags.is_empty() { "#!lua".into() } else { format!("#!lua flags={flags}") };
                    note(format!("{command} {head} {body}"), conn.ask(&[command, &format!("{head}\n{body}"), "0"]));
                }
            }
        }
        for command in ["FCALL", "FCALL_RO"] {
            for (name, what) in &functions {
                note(format!("{command} {what}"), conn.ask(&[command, name.as_str(), "0"]));
            }
        }
        // When it is queued, and when it runs.
        for script in ["return redis.call('set','x','1')", "#!lua\nreturn 1", "#!lua flags=no-writes\nreturn 1"] {
            for words in [
                &["MULTI"][..],
                &["EVAL", script, "0"],
                &["FCALL", "f0", "0"],
                &["EXEC"],
                &["MULTI"],
                &["GET", "x"],
                &["EXEC"],
            ] {
                note(format!("{words:?} after {script}"), conn.ask(words));
            }
        }
        for words in state.leave {
            assert!(!conn.ask(words).starts_with(b"-"), "{}", state.name);
        }
        note("left".into(), conn.ask(&["SET", "x", "back"]));
    }
    all
}

#[test]
fn scripts_are_refused_as_redis_refuses_them() {
    if find(Kind::Redis).is_none() {
        return skip("Redis", Kind::Redis.how_to_install());
    }
    let options = || Options::args("--enable-protected-configs yes --repl-ping-replica-period 10");
    let ours = answers(&Server::start(subject(), &options()));
    let theirs = answers(&Server::start(Kind::Redis, &options()));
    assert_eq!(ours.len(), theirs.len());
    let differ: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|(a, b)| a != b)
        .map(|(a, b)| format!("{}\n  ours  {}\n  Redis {}", a.0, a.1, b.1))
        .collect();
    assert!(
        differ.is_empty(),
        "{} of {} differ:\n{}",
        differ.len(),
        ours.len(),
        differ[..differ.len().min(30)].join("\n")
    );
}

// ---- counted ------------------------------------------------------------------------------------------------------------

/// Commands that fail in every way there is, and what INFO is to count of it.
const FAILURES: &[&[&str]] = &[
    &["SET", "a", "1"],
    &["LPUSH", "a", "x"],
    &["INCR", "a", "b"],
    &["NOSUCH"],
    &["CONFIG", "NOSUCH"],
    &["AUTH", "x", "y"],
    &["EVAL", "return redis.call('get','a')", "0"],
    &["EVAL", "return redis.call('lpush','a','b')", "0"],
    &["EVAL", "return redis.pcall('lpush','a','b')", "0"],
    &["EVAL", "redis.pcall('lpush','a','b') return 1", "0"],
    &["EVAL", "return {1, redis.pcall('lpush','a','b')}", "0"],
    &["EVAL", "return redis.error_reply('MY err')", "0"],
    &["EVAL", "return {err='YOUR err'}", "0"],
    &["EVAL", "return {err='one'}", "0"],
    &["EVAL", "error('x')", "0"],
    &["EVAL", "error({err='THEIR e'})", "0"],
    &["EVAL", "return redis.call('nosuch')", "0"],
    &["EVAL", "return redis.call('get')", "0"],
    &["EVAL", "return redis.pcall('get')", "0"],
    &["EVAL", "return redis.call('auth','a')", "0"],
    &["EVALSHA", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0"],
    &["EVAL", "syntax error", "0"],
    &["EVAL", "return 1", "x"],
    &["EVAL_RO", "return redis.call('set','a','b')", "0"],
    &["EVAL_RO", "return redis.pcall('set','a','b')", "0"],
    &["MULTI"],
    &["LPUSH", "a", "1"],
    &["SET", "a"],
    &["EXEC"],
    &["MULTI"],
    &["LPUSH", "a", "1"],
    &["GET", "a"],
    &["EVAL", "return redis.call('lpush','a','b')", "0"],
    &["EXEC"],
    &["EXEC"],
    &["DISCARD"],
    &["SUBSCRIBE"],
    &["XADD", "s", "*", "a"],
    &["SELECT", "99"],
    &["CLIENT", "KILL", "x"],
    &["EXPIRE", "a", "x"],
    &["FCALL", "nosuch", "0"],
    &["SCRIPT", "KILL"],
    &["FUNCTION", "KILL"],
    &[
        "FUNCTION",
        "LOAD",
        "#!lua name=l\nredis.register_function('f', function() return redis.call('lpush','a','x') end)",
    ],
    &["FCALL", "f", "0"],
    &["FCALL_RO", "f", "0"],
    &["HELLO", "9"],
    &["WATCH"],
    &["SETRANGE", "a", "-1", "x"],
    &["ACL", "SETUSER", "u", "on", "nopass", "+get", "~a*"],
    &["AUTH", "u", "x"],
    &["SET", "a", "1"],
    &["GET", "b"],
    &["AUTH", "default", ""],
    &["CONFIG", "SET", "maxmemory", "1"],
    &["SET", "a", "2"],
    &["EVAL", "return redis.call('set','a','b')", "0"],
    &["EVAL", "#!lua\nreturn 1", "0"],
    &["CONFIG", "SET", "maxmemory", "0"],
];

#[test]
fn failures_are_counted_as_redis_counts_them() {
    if find(Kind::Redis).is_none() {
        return skip("Redis", Kind::Redis.how_to_install());
    }
    let counted = |kind: Kind| -> Vec<String> {
        let server = Server::start(kind, &Options::default());
        let mut conn = server.connect();
        conn.line("CONFIG RESETSTAT");
        FAILURES.iter().for_each(|words| drop(conn.ask(words)));
        let mut lines = Vec::new();
        for section in ["errorstats", "commandstats", "stats"] {
            let text = String::from_utf8_lossy(&conn.ask(&["INFO", section])).into_owned();
            let wanted = |l: &&str| {
                ["errorstat_", "cmdstat_", "total_error_replies", "total_commands"].iter().any(|p| l.starts_with(p))
            };
            for line in text.lines().filter(wanted) {
                // How long it took is nobody's business here.
                let kept = line.split(',').filter(|part| !part.starts_with("usec"));
                lines.push(kept.collect::<Vec<_>>().join(","));
            }
        }
        lines.sort();
        lines
    };
    let (ours, theirs) = (counted(subject()), counted(Kind::Redis));
    let only = |a: &[String], b: &[String]| a.iter().filter(|l| !b.contains(l)).cloned().collect::<Vec<_>>();
    assert!(ours == theirs, "ours: {:#?}\nRedis: {:#?}", only(&ours, &theirs), only(&theirs, &ours));
}
