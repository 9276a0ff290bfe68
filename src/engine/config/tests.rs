//! The table against what Redis 8.0 and Valkey 9.1 show, and the whole way of a value: text, field, text.

use super::load::{Files, LoadError, Loaded, from_command_line, from_text};
use super::rewrite::rewrite;
use super::row::When;
use super::set::{Caller, ConfigHooks, Refusal};
use super::{Config, table};
use crate::engine::errors::Error;
use crate::resp::inline::{quote, split_args};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// Files by name; `*` in a pattern is the only wildcard.
#[derive(Default)]
struct Fake(HashMap<&'static str, &'static str>);

impl Files for Fake {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let text = self.0.get(path).ok_or("No such file or directory")?;
        Ok(text.as_bytes().to_vec())
    }
    fn stdin(&self) -> Result<Vec<u8>, String> {
        self.read("-")
    }
    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let prefix = pattern.split('*').next().unwrap_or_default();
        let mut all: Vec<String> = self.0.keys().filter(|p| p.starts_with(prefix)).map(|p| p.to_string()).collect();
        all.sort();
        Ok(all)
    }
    fn absolute(&self, path: &str) -> String {
        path.to_owned()
    }
}

fn load(text: &str) -> Loaded {
    from_text("test.conf", text.as_bytes(), &Fake::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn start(words: &[&str], files: &Fake) -> Result<Loaded, LoadError> {
    let words: Vec<Vec<u8>> = words.iter().map(|w| w.as_bytes().to_vec()).collect();
    from_command_line(&words, files)
}

fn shown(config: &Config, name: &str) -> String {
    String::from_utf8(config.shown(name).expect(name)).expect("utf-8")
}

fn facts(text: &str) -> BTreeMap<&str, &str> {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, value)| (name, if value == "\"\"" { "" } else { value })).collect()
}

const REDIS: &str = include_str!("../../../fixtures/config/redis-8.0.2.txt");
const VALKEY: &str = include_str!("../../../fixtures/config/valkey-9.1.2.txt");

/// Defaults that differ from the fixture, and why.
const DIFFERENT: &[(&str, &str)] = &[("save", "the server that was asked had been started with an empty save")];

/// Names that neither server shows.
const OURS: &[&str] = &["threads", "metrics-port", "metrics-page", "field-expiry-format", "dir", "port", "pidfile"];

#[test]
fn names_and_defaults_are_those_of_redis_8() {
    let config = Config::new();
    let ours: BTreeMap<String, String> = config
        .get_matching([b"*".as_slice()])
        .into_iter()
        .map(|(n, v)| (String::from_utf8(n).unwrap(), String::from_utf8(v).unwrap()))
        .collect();
    for (name, value) in facts(REDIS) {
        let mine = ours.get(name).unwrap_or_else(|| panic!("no directive {name}"));
        if DIFFERENT.iter().all(|(different, _)| *different != name) {
            assert_eq!(mine, value, "default of {name}");
        }
    }
    let valkey = facts(VALKEY);
    for name in valkey.keys() {
        assert!(ours.contains_key(*name), "no directive {name}");
    }
    for name in ours.keys() {
        let known = facts(REDIS).contains_key(name.as_str()) || valkey.contains_key(name.as_str());
        assert!(known || OURS.contains(&name.as_str()), "{name} is nobody's");
    }
}

#[test]
fn every_row_is_sound() {
    let mut names = std::collections::HashSet::new();
    for row in table::rows() {
        for name in row.aliases.iter().chain([&row.name]) {
            assert!(names.insert(*name), "{name} twice");
            assert_eq!(name.to_ascii_lowercase(), *name);
        }
        let default = row.default_value();
        assert_eq!(row.load(&Config::new()), default, "{}: field and default", row.name);
        for line in row.kind.lines(&default) {
            let words = split_args(&line).expect(row.name);
            row.read(&words).unwrap_or_else(|e| panic!("{}: {e}", row.name));
        }
    }
}

/// A copied accessor would make two directives one.
#[test]
fn no_two_rows_share_a_field() {
    for row in table::rows() {
        let config = Config::new();
        let Some(other) = another_value(row.name) else { continue };
        row.store(&config, row.read(&other).unwrap_or_else(|e| panic!("{}: {e}", row.name)));
        for second in table::rows().filter(|second| second.name != row.name) {
            assert_eq!(second.load(&config), second.default_value(), "setting {} changes {}", row.name, second.name);
        }
    }
}

/// Words that are acceptable for a directive and not its default.
fn another_value(name: &str) -> Option<Vec<Vec<u8>>> {
    let row = table::find(name.as_bytes())?;
    let default = row.default_value();
    let tries = [
        "yes",
        "no",
        "2",
        "20000",
        "77",
        "always",
        "local",
        "1mb",
        "other",
        "127.0.0.1 1",
        "1 2 3",
        "1 2",
        "KEx",
        "now",
        "verbose",
        "auto",
        "user",
        "relative",
        "allchannels",
        "clients",
        "swapdb",
        "panic",
        "optional",
        "json",
        "iso8601",
        "CN",
        "hostname",
        "best-effort",
        "relaxed",
        "volatile-ttl",
        "normal 1 2 3",
        "C",
    ];
    let tries = tries.iter().map(|t| t.split(' ').map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>());
    tries.into_iter().find(|words| row.read(words).is_ok_and(|value| value != default))
}

#[test]
fn the_stock_debian_file_loads_and_rewrites_to_itself() {
    // Debian's own text is not ours to keep here: it is read where the package is installed, as in CI.
    let Ok(stock) = std::fs::read("/etc/redis/redis.conf") else { return };
    let stock = stock.as_slice();
    let loaded = from_text("redis.conf", stock, &Fake::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(loaded.notices, Vec::<String>::new());
    assert_eq!(shown(&loaded.config, "logfile"), "/var/log/redis/redis-server.log");
    let again = rewrite(stock, &loaded.config, None);
    assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(stock));
}

#[test]
fn lines_mean_what_redis_means_by_them() {
    let c =
        load("SAVE 900 1\nsave 300 10\nslave-priority 7\nbind 127.0.0.1 -::1\n  # x\nrequirepass \"a \\x41\"\n").config;
    assert_eq!(shown(&c, "save"), "900 1 300 10");
    assert_eq!(shown(&c, "replica-priority"), "7");
    assert_eq!(shown(&c, "bind"), "127.0.0.1 -::1");
    assert_eq!(shown(&c, "requirepass"), "a A");
    let c = load(
        "client-output-buffer-limit slave 1kb 2kb 3\nmaxmemory-clients 5%\nmaxmemory 1gb\nnotify-keyspace-events KEg",
    )
    .config;
    assert_eq!(shown(&c, "client-output-buffer-limit"), "normal 0 0 0 slave 1024 2048 3 pubsub 33554432 8388608 60");
    assert_eq!(shown(&c, "maxmemory-clients"), "5%");
    assert_eq!(c.maxmemory_clients_bytes(), (1 << 30) / 20);
    assert_eq!(shown(&c, "notify-keyspace-events"), "gKE");
    let c = load("user alice on >p ~*\nrename-command FLUSHALL \"\"\nsave \"\"\nreplicaof no one").config;
    assert_eq!(c.lines.user.read()[0][0], b"alice");
    assert_eq!(c.lines.rename_command.read()[0], [b"FLUSHALL".to_vec(), Vec::new()]);
    assert_eq!(shown(&c, "save"), "");
    assert_eq!(c.replicaof_address(), None);
}

#[test]
fn command_lines_as_redis_7_reads_them() {
    let files = Fake(HashMap::from([("s.conf", "save 900 1\nmaxmemory 5\n"), ("-", "maxmemory 77\n")]));
    let run = |words: &[&str]| start(words, &files).unwrap_or_else(|e| panic!("{words:?}: {e}")).config;
    for (words, name, want) in [
        (&["s.conf", "--save", "10", "5"][..], "save", "900 1 10 5"),
        (&["s.conf", "--save", ""], "save", ""),
        (&["s.conf", "--save", "", "--save", "5", "6"], "save", "5 6"),
        (&["--save"], "save", ""),
        (&["--save", "--maxmemory", "7"], "maxmemory", "7"),
        (&["--save", "900", "1", "300", "10"], "save", "900 1 300 10"),
        (&["--save", "900 1 300 10"], "save", "900 1 300 10"),
        (&["--replicaof", "127.0.0.1 1"], "replicaof", "127.0.0.1 1"),
        (&["--replicaof", "127.0.0.1", "1"], "slaveof", "127.0.0.1 1"),
        (&["--bind", "a", "::1", "--maxmemory", "8"], "bind", "a ::1"),
        (&["--maxmemory 9"], "maxmemory", "9"),
        (&["--requirepass", "--x"], "requirepass", "--x"),
        (&["s.conf", "-"], "maxmemory", "77"),
        (&["-"], "maxmemory", "77"),
        (&["s.conf", "--maxmemory", "1kb"], "maxmemory", "1024"),
    ] {
        assert_eq!(shown(&run(words), name), want, "{words:?}");
    }
    assert_eq!(run(&["s.conf"]).file(), Some("s.conf".to_owned()));
    assert_eq!(run(&["--io-threads", "4"]).wanted_threads(), 4);
    assert_eq!(run(&["--io-threads", "4", "--threads", "2"]).wanted_threads(), 2);
}

#[test]
fn refusals_name_the_place_and_what_was_meant() {
    let files = Fake(HashMap::from([
        ("a.conf", "port 1\ninclude b.conf\n"),
        ("b.conf", "# nothing\nmaxmemmory 1\n"),
        ("loop.conf", "include loop.conf\n"),
        ("away.conf", "# one\ninclude no.conf\n"),
        ("globs.conf", "include none*.conf\ninclude part*\n"),
        ("part1", "hz 20\n"),
        ("part2", "hz 30\n"),
    ]));
    let text = |words: &[&str]| start(words, &files).err().map(|e| e.to_string()).expect("refused");
    assert_eq!(
        text(&["a.conf"]),
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\nReading the configuration file, at line 2\n>>> 'maxmemmory 1'\n\
         Bad directive or wrong number of arguments\n(in b.conf)\ndid you mean 'maxmemory'?"
    );
    assert!(text(&["--maxmemory=5"]).ends_with("A blank goes between name and value: 'maxmemory 5'"));
    assert!(text(&["-port", "5"]).contains("(in the command line)"));
    assert_eq!(text(&["no.conf"]), "Fatal error, can't open config file 'no.conf': No such file or directory");
    assert!(text(&["loop.conf"]).ends_with("it includes itself\n(included in loop.conf, at line 1)"));
    assert!(text(&["away.conf"]).ends_with("'no.conf': No such file or directory\n(included in away.conf, at line 2)"));
    assert_eq!(shown(&start(&["globs.conf"], &files).unwrap_or_else(|e| panic!("{e}")).config, "hz"), "30");
    for (line, reason) in [
        ("foo \"bar", "Unbalanced quotes in configuration line"),
        ("loadmodule /a.so x", "modules cannot be loaded: there is no module interface"),
        ("a.b 1", "this is a parameter of a module, and modules cannot be loaded"),
        ("maxmemory 1 2", "wrong number of arguments"),
        ("maxmemory", "wrong number of arguments"),
        ("databases 0", "argument must be between 1 and 2147483647 inclusive"),
        ("unixsocketperm 9999", "argument couldn't be parsed as an octal number"),
        ("appendfilename a/b", "appendfilename can't be a path, just a filename"),
        ("replicaof a x", "Invalid master port"),
        ("save 900", "Invalid save parameters"),
        ("proc-title-template {foo}", "template format is invalid or contains unknown variables"),
        ("user", "Bad directive or wrong number of arguments"),
        ("sentinel monitor a", "sentinel directive while not in sentinel mode"),
    ] {
        let error = from_text("t", line.as_bytes(), &Fake::default()).err().expect(line).to_string();
        assert!(error.contains(&format!("\n{reason}\n")), "{line}: {error}");
    }
}

#[test]
fn what_has_no_effect_is_said_once_at_start() {
    let loaded = load("jemalloc-bg-thread no\nlua-replicate-commands yes\nactiverehashing yes\n");
    assert_eq!(loaded.notices.len(), 2, "{:?}", loaded.notices);
}

/// Records what it is told and refuses what it is told to refuse.
#[derive(Default)]
struct Hooks {
    refuse: Option<&'static str>,
    told: Mutex<Vec<String>>,
}

impl ConfigHooks for Hooks {
    fn read_file(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("not here".into())
    }

    fn changed(&self, names: &[&'static str]) -> Result<(), Refusal> {
        self.told.lock().push(names.join(","));
        match self.refuse {
            Some(name) if names.contains(&name) => {
                Err(Refusal { name, why: "Failed to bind to specified addresses.".to_owned() })
            }
            _ => Ok(()),
        }
    }
    fn rewrite_file(&self, _: &str, _: &dyn Fn(&[u8]) -> Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

fn set(config: &Config, words: &[&str], hooks: &Hooks) -> Result<Vec<&'static str>, Error> {
    let pairs: Vec<(&[u8], &[u8])> = words.chunks_exact(2).map(|p| (p[0].as_bytes(), p[1].as_bytes())).collect();
    config.set(&pairs, Caller::default(), hooks)
}

#[test]
fn set_refuses_in_redis_words() {
    let config = Config::new();
    for (words, want) in [
        (
            &["maxclients", "0"][..],
            "(possibly related to argument 'maxclients') - argument must be between 1 and 4294967295 inclusive",
        ),
        (&["port", "x"], "(possibly related to argument 'port') - argument couldn't be parsed into an integer"),
        (&["Databases", "3"], "(possibly related to argument 'Databases') - can't set immutable config"),
        (&["maxclients", "9", "MAXCLIENTS", "9"], "(possibly related to argument 'MAXCLIENTS') - duplicate parameter"),
        (
            &["slave-priority", "8", "replica-priority", "9", "Slave-Priority", "9"],
            "(possibly related to argument 'Slave-Priority') - duplicate parameter",
        ),
        (&["dir", "/tmp"], "(possibly related to argument 'dir') - can't set protected config"),
        (
            &["maxmemory-clients", "101%"],
            "(possibly related to argument 'maxmemory-clients') - percentage argument must be less or equal to 100",
        ),
        (
            &["hz", "20", "maxmemory", "abc"],
            "(possibly related to argument 'maxmemory') - argument must be a memory value",
        ),
        (&["save", "1  2"], "(possibly related to argument 'save') - Invalid save parameters"),
        (
            &["loglevel", "loud"],
            "(possibly related to argument 'loglevel') - argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
        ),
        (
            &["slave-priority", "x"],
            "(possibly related to argument 'replica-priority') - argument couldn't be parsed into an integer",
        ),
    ] {
        let error = set(&config, words, &Hooks::default()).expect_err("refused");
        assert_eq!(error.text(), format!("ERR CONFIG SET failed {want}"));
        assert_eq!(shown(&config, "hz"), "10", "rolled back");
    }
    let error = set(&config, &["foo", "bar"], &Hooks::default()).expect_err("refused");
    assert_eq!(error.text(), "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
}

#[test]
fn set_tells_what_changed_and_takes_back_what_fails() {
    let config = Config::new();
    let hooks = Hooks::default();
    assert_eq!(set(&config, &["hz", "10", "slave-priority", "9"], &hooks), Ok(vec!["replica-priority"]));
    assert_eq!(set(&config, &["replica-priority", "9"], &hooks), Ok(vec![]));
    assert_eq!(*hooks.told.lock(), ["replica-priority"], "nothing is told if nothing changed");
    set(&config, &["slave-priority", "7", "replica-priority", "6"], &hooks).expect("a directive and its alias are two");
    assert_eq!(shown(&config, "slave-priority"), "6");
    let stubborn = Hooks { refuse: Some("bind"), ..Hooks::default() };
    let error = set(&config, &["hz", "99", "bind", "1.2.3.4"], &stubborn).expect_err("refused");
    assert!(error.text().ends_with("argument 'bind') - Failed to bind to specified addresses."), "{}", error.text());
    assert_eq!((shown(&config, "bind"), shown(&config, "hz")), ("* -::*".to_owned(), "10".to_owned()));
    assert_eq!(*stubborn.told.lock(), ["hz,bind", "hz,bind"], "told again, to return");
    set(&config, &["save", "", "client-output-buffer-limit", "normal 1 2 3"], &hooks).expect("accepted");
    assert_eq!(shown(&config, "save"), "");
    assert!(shown(&config, "client-output-buffer-limit").starts_with("normal 1 2 3 slave 268435456"));
    let local = load("enable-protected-configs local").config;
    let caller = Caller { is_local: true, is_loading: false };
    assert_eq!(local.set(&[(b"dir", b"/tmp")], caller, &hooks), Ok(vec!["dir"]));
}

#[test]
fn get_lists_by_name_and_answers_exact_names_as_spelled() {
    let config = Config::new();
    let get = |patterns: &[&str]| -> Vec<String> {
        let found = config.get_matching(patterns.iter().map(|p| p.as_bytes()));
        found.into_iter().map(|(name, _)| String::from_utf8_lossy(&name).into_owned()).collect()
    };
    assert_eq!(
        get(&["HZ", "maxmemory", "MAXMEM*"]),
        [
            "HZ",
            "maxmemory",
            "maxmemory-clients",
            "maxmemory-eviction-tenacity",
            "maxmemory-policy",
            "maxmemory-samples"
        ]
    );
    assert_eq!(get(&["slave-prio*"]), ["slave-priority"]);
    assert_eq!(get(&["nosuch", "key-load*"]), Vec::<String>::new());
    assert_eq!(get(&["key-load-delay"]), ["key-load-delay"]);
}

fn rewritten(old: &str, config: &Config) -> String {
    String::from_utf8(rewrite(old.as_bytes(), config, None)).expect("utf-8")
}

#[test]
fn rewriting_changes_only_what_changed() {
    let old = "# top\nport 7000\nsave 900 1\nsave 300 10\nmaxmemory 100mb\n\nslave-priority 50\ntimeout 5\ntimeout 6\n\
               hz 20\nrequirepass old\nrename-command FLUSHALL \"\"\nuser a on\n";
    let config = load(old).config;
    assert_eq!(rewritten(old, &config), old.replace("timeout 5\n", ""));
    set(
        &config,
        &[
            "maxmemory",
            "1gb",
            "hz",
            "10",
            "save",
            "",
            "slave-priority",
            "51",
            "requirepass",
            "",
            "repl-timeout",
            "61",
            "client-output-buffer-limit",
            "slave 1mb 1mb 3",
        ],
        &Hooks::default(),
    )
    .expect("set");
    let new = rewritten(old, &config);
    assert_eq!(
        new,
        "# top\nport 7000\nsave \"\"\nmaxmemory 1gb\n\nreplica-priority 51\ntimeout 6\nhz 10\n\
        rename-command FLUSHALL \"\"\nuser a on\n\n# Generated by CONFIG REWRITE\n\
        client-output-buffer-limit replica 1mb 1mb 3\nrepl-timeout 61\n"
    );
    assert_eq!(rewritten(&new, &config), new);
    let users = rewrite(b"user a on\nuser b on\n", &Config::new(), Some(&[b"default on nopass".to_vec()]));
    assert_eq!(users, b"user default on nopass\n");
    // A class back at its default must lose its line, or the line would bring the old limit back.
    set(&config, &["client-output-buffer-limit", "slave 256mb 64mb 60"], &Hooks::default()).expect("set");
    assert!(!rewritten(&new, &config).contains("output-buffer"));
}

#[test]
fn rewriting_an_empty_file_keeps_every_changed_value() {
    let config = Config::new();
    for row in table::rows() {
        if let Some(words) = another_value(row.name) {
            row.store(&config, row.read(&words).unwrap_or_else(|e| panic!("{}: {e}", row.name)));
        }
    }
    let text = rewritten("", &config);
    let again = load(&text).config;
    for row in table::rows() {
        assert_eq!(row.load(&again), row.load(&config), "{}", row.name);
    }
    assert_eq!(rewritten(&text, &again), text);
}

proptest! {
    #[test]
    fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_text("t", &text, &Fake::default());
        let _ = rewrite(&text, &Config::new(), None);
    }

    #[test]
    fn no_directive_panics(at in 0..table::names().len(), words in proptest::collection::vec("[ -~]{0,8}", 0..5)) {
        let name = table::names().keys().nth(at).copied().unwrap_or("port");
        let words: Vec<String> = words.iter().map(|w| String::from_utf8_lossy(&quote(w.as_bytes())).into_owned()).collect();
        let _ = from_text("t", format!("{name} {}", words.join(" ")).as_bytes(), &Fake::default());
    }

    #[test]
    fn what_is_set_survives_a_rewrite(at in 0..table::names().len(), value in "[ -~]{0,12}|[0-9]{1,6}|yes|no|[1-9]{1,3} [1-9]{1,4}") {
        let name = table::names().keys().nth(at).copied().unwrap_or("port");
        let Some(row) = table::find(name.as_bytes()).filter(|row| row.when == When::Live) else { return Ok(()) };
        let config = Config::new();
        if set(&config, &[name, &value], &Hooks::default()).is_err() { return Ok(()) }
        let text = rewritten(&format!("# kept\n{} {}\n", row.name, row.default), &config);
        let text = rewritten(&text, &config);
        let again = load(&text).config;
        prop_assert_eq!(row.load(&again), row.load(&config), "{}", text);
        prop_assert_eq!(rewritten(&text, &again), text);
    }
}
