//! Which clients are meant: the filters of CLIENT LIST and CLIENT KILL, and the line that describes a client.
//!
//! Redis 8.0 has TYPE and ID for LIST, and ID, TYPE, USER, ADDR, LADDR, SKIPME and MAXAGE for KILL. Valkey 9.1 has more of
//! them, and each for both commands, most of them also with `NOT-` in front; that does not conflict, so all are taken.

use super::clients::{Client, capa, flag};
use super::{Engine, auth, errors::Error, table};
use crate::base::numbers::parse_i64;
use crate::resp::Args;
use std::fmt::Write as _;
use std::mem::discriminant;
use std::sync::atomic::Ordering::Relaxed;

/// CLIENT LIST TYPE and CLIENT KILL TYPE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientType {
    Normal,
    Primary,
    Replica,
    Pubsub,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Test {
    Ids(Vec<i64>),
    Type(ClientType),
    Addr(Vec<u8>),
    Laddr(Vec<u8>),
    User(Vec<u8>),
    /// Seconds connected, at least.
    MaxAge(i64),
    /// Seconds without a command, at least.
    Idle(i64),
    Flags(Vec<u8>),
    Name(Vec<u8>),
    LibName(Vec<u8>),
    LibVer(Vec<u8>),
    Db(i64),
    Capa(u32),
    Ip(Vec<u8>),
}

/// Which of the two commands asks: they word one refusal differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asker {
    List,
    Kill,
}

/// All tests must agree.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Filter {
    tests: Vec<(Test, bool)>,
    /// `SKIPME`, if given.
    pub skip_me: Option<bool>,
}

impl Filter {
    /// Parses the words after `CLIENT LIST` or `CLIENT KILL`.
    pub fn parse(engine: &Engine, words: Args<'_>, asker: Asker) -> Result<Filter, Error> {
        let mut filter = Filter::default();
        let mut i = 0;
        while i < words.len() {
            let Some(value) = words.get(i + 1) else { return Err(Error::Syntax) };
            let (name, wanted) = match words.at(i) {
                [b'n' | b'N', b'o' | b'O', b't' | b'T', b'-', name @ ..] => (name, false),
                name => (name, true),
            };
            let name = name.to_ascii_lowercase();
            i += 2;
            if name == b"id" {
                let mut ids = vec![client_id(value, asker)?];
                // As many as follow; what is no number is the next filter.
                while let Some(id) = words.get(i).and_then(parse_i64) {
                    ids.push(usable_id(id, asker)?);
                    i += 1;
                }
                // LIST has nothing after its ids in Redis: one more word was meant as one.
                if asker == Asker::List && words.len() == i + 1 {
                    return Err(Error::INVALID_CLIENT_ID);
                }
                filter.add(Test::Ids(ids), wanted);
                continue;
            }
            if name == b"skipme" && wanted {
                filter.skip_me = Some(yes_or_no(value)?);
                continue;
            }
            // LIST has one pair of words in Redis: one more word is a fault before any value is.
            if asker == Asker::List && words.len() == i + 1 {
                return Err(Error::Syntax);
            }
            filter.add(test(engine, &name, value, wanted)?, wanted);
        }
        Ok(filter)
    }

    /// As Redis, the last one of a kind counts; ids add up.
    fn add(&mut self, test: Test, wanted: bool) {
        let same = |(t, w): &&mut (Test, bool)| discriminant(t) == discriminant(&test) && *w == wanted;
        match (self.tests.iter_mut().find(same), test) {
            (Some((Test::Ids(old), _)), Test::Ids(new)) => old.extend(new),
            (Some((old, _)), new) => *old = new,
            (None, new) => self.tests.push((new, wanted)),
        }
    }

    pub fn fits(&self, client: &Client, now_ms: i64) -> bool {
        self.tests.iter().all(|(test, wanted)| test.fits(client, now_ms) == *wanted)
    }
}

fn client_id(word: &[u8], asker: Asker) -> Result<i64, Error> {
    match (parse_i64(word), asker) {
        (Some(id), _) => usable_id(id, asker),
        (None, Asker::List) => Err(Error::INVALID_CLIENT_ID),
        (None, Asker::Kill) => Err(Error::CLIENT_ID_NOT_POSITIVE),
    }
}

/// LIST looks for any number, and finds nobody by one below 1.
fn usable_id(id: i64, asker: Asker) -> Result<i64, Error> {
    if id > 0 || asker == Asker::List { Ok(id) } else { Err(Error::CLIENT_ID_NOT_POSITIVE) }
}

fn yes_or_no(word: &[u8]) -> Result<bool, Error> {
    match word.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(Error::Syntax),
    }
}

/// The type of this name; MASTER and SLAVE are the old words.
pub fn client_type(word: &[u8]) -> Result<ClientType, Error> {
    Ok(match word.to_ascii_lowercase().as_slice() {
        b"normal" => ClientType::Normal,
        b"slave" | b"replica" => ClientType::Replica,
        b"pubsub" => ClientType::Pubsub,
        b"master" | b"primary" => ClientType::Primary,
        _ => return Err(Error::quoting("Unknown client type '", word, "'")),
    })
}

fn test(engine: &Engine, name: &[u8], value: &[u8], wanted: bool) -> Result<Test, Error> {
    let seconds = |what: &str| match parse_i64(value) {
        None => Err(Error::quoting(what, b"", " is not an integer or out of range")),
        Some(n) if n <= 0 => Err(Error::quoting(what, b"", " should be greater than 0")),
        Some(n) => Ok(n),
    };
    let owned = value.to_vec();
    Ok(match name {
        b"type" => Test::Type(client_type(value)?),
        b"addr" => Test::Addr(owned),
        b"laddr" => Test::Laddr(owned),
        b"user" if !auth::user_exists(engine, value) => return Err(Error::quoting("No such user '", value, "'")),
        b"user" => Test::User(owned),
        b"maxage" if wanted => Test::MaxAge(seconds("maxage")?),
        b"idle" if wanted => Test::Idle(seconds("idle")?),
        b"flags" => match value.iter().all(|b| b"OSMPxbtRBdcuAUreTINi".contains(b)) {
            true => Test::Flags(owned),
            false => return Err(Error::quoting("Unknown flags found in the provided filter: ", value, "")),
        },
        b"name" => Test::Name(owned),
        b"lib-name" => Test::LibName(owned),
        b"lib-ver" => Test::LibVer(owned),
        b"db" => {
            let last = engine.world.databases() as i64 - 1;
            match parse_i64(value) {
                None => return Err(Error::quoting("DB", b"", " is not an integer or out of range")),
                Some(n) if (0..=last).contains(&n) => Test::Db(n),
                Some(_) => {
                    return Err(Error::quoting("DB number should be between 0 and ", last.to_string().as_bytes(), ""));
                }
            }
        }
        b"capa" => match value.iter().all(|b| *b == b'r') {
            true => Test::Capa(if value.is_empty() { 0 } else { capa::REDIRECT }),
            false => return Err(Error::quoting("Unknown capa found in the provided filter: ", value, "")),
        },
        b"ip" => Test::Ip(owned),
        _ => return Err(Error::Syntax),
    })
}

impl Test {
    fn fits(&self, c: &Client, now_ms: i64) -> bool {
        match self {
            Test::Ids(ids) => i64::try_from(c.id).is_ok_and(|id| ids.contains(&id)),
            Test::Type(t) => type_of(c) == *t,
            Test::Addr(a) => c.addr.as_bytes() == a,
            Test::Laddr(a) => c.laddr.as_bytes() == a,
            Test::User(u) => c.about.lock().user == *u,
            Test::MaxAge(s) => (now_ms - c.created_ms) / 1000 >= *s,
            Test::Idle(s) => (now_ms - c.last_active_ms.load(Relaxed)) / 1000 >= *s,
            Test::Flags(f) => {
                let has = letters(c);
                f.iter().all(|b| has.as_bytes().contains(b))
            }
            Test::Name(n) => c.about.lock().name == *n,
            Test::LibName(n) => c.about.lock().lib_name == *n,
            Test::LibVer(v) => c.about.lock().lib_ver == *v,
            Test::Db(n) => i64::from(c.db.load(Relaxed)) == *n,
            Test::Capa(bits) => c.capa.load(Relaxed) & bits == *bits,
            Test::Ip(ip) => {
                c.addr.rsplit_once(':').is_some_and(|(host, _)| host.trim_matches(['[', ']']).as_bytes() == ip)
            }
        }
    }
}

pub fn type_of(c: &Client) -> ClientType {
    if c.has(flag::PRIMARY) {
        ClientType::Primary
    } else if c.has(flag::REPLICA) && !c.has(flag::MONITOR) {
        ClientType::Replica
    } else if c.has(flag::PUBSUB) {
        ClientType::Pubsub
    } else {
        ClientType::Normal
    }
}

/// The `flags` field of CLIENT LIST.
fn letters(c: &Client) -> String {
    let flags = c.shown_flags();
    let out: String = flag::LETTERS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| letter).collect();
    if out.is_empty() { "N".to_owned() } else { out }
}

/// What a connection costs besides its buffers: its task, its session, its face.
const CONNECTION_BYTES: u64 = 1024;

/// Redis keeps unread replies in blocks of this size, of which `oll` is the number.
const REPLY_BLOCK: u64 = 16 * 1024;

/// Bytes that a client takes.
pub fn memory_of(c: &Client) -> u64 {
    let about = c.about.lock();
    let words = about.name.len() + about.lib_name.len() + about.lib_ver.len() + about.user.len();
    let fixed = CONNECTION_BYTES + (size_of::<Client>() + words + c.addr.len() + c.laddr.len()) as u64;
    fixed
        + [&c.query_bytes, &c.output_bytes, &c.posted_bytes, &c.queued_bytes]
            .map(|n| n.load(Relaxed))
            .iter()
            .sum::<u64>()
}

/// A client's line in CLIENT LIST, without its line end: the fields of Redis 8.0 and, at the end, those of 8.2. `running` is
/// the command that it is just running and the bytes of its words, if it is the one that asks.
pub fn line(c: &Client, now_ms: i64, running: Option<(&str, usize)>) -> String {
    let about = c.about.lock().clone();
    let text = String::from_utf8_lossy;
    let n = |cell: &std::sync::atomic::AtomicU64| cell.load(Relaxed);
    let idle_ms = if running.is_some() { 0 } else { now_ms - c.last_active_ms.load(Relaxed) };
    let last = (c.command.load(Relaxed) as usize).checked_sub(1).and_then(|id| table::all().get(id));
    let (command, argv) = running.unwrap_or((last.map_or("NULL", |c| &*c.name), 0));
    let [sub, psub, ssub] = [0, 1, 2].map(|i| c.subscriptions[i].load(Relaxed));
    // What replicas wait for is theirs to look at, as in Redis, but nobody's own memory.
    let shared = n(&c.shared_bytes);
    let output = c.unread_bytes() + shared;
    let mut out = String::with_capacity(400);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={sub} psub={psub} ssub={ssub} multi={} watch={} ",
        c.id,
        c.addr,
        c.laddr,
        c.fd,
        text(&about.name),
        (now_ms - c.created_ms).max(0) / 1000,
        idle_ms.max(0) / 1000,
        letters(c),
        c.db.load(Relaxed),
        c.queued.load(Relaxed),
        c.watching(),
    );
    // Replies go through the worker's buffer, so a client has none of its own (rbs, rbp), only what it did not read yet.
    let _ = write!(
        out,
        "qbuf={} qbuf-free=0 argv-mem={argv} multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={output} tot-mem={} events={} cmd={command} ",
        n(&c.query_bytes),
        n(&c.queued_bytes),
        output.div_ceil(REPLY_BLOCK),
        memory_of(c) + shared + argv as u64,
        if output > 0 { "rw" } else { "r" },
    );
    let _ = write!(
        out,
        "user={} redir={} resp={} lib-name={} lib-ver={} io-thread={} tot-net-in={} tot-net-out={} tot-cmds={}",
        text(&about.user),
        if c.has(flag::TRACKING) { c.redirect.load(Relaxed) as i64 } else { -1 },
        c.resp.load(Relaxed),
        text(&about.lib_name),
        text(&about.lib_ver),
        c.worker.load(Relaxed),
        n(&c.net_in),
        n(&c.net_out),
        // One that waits for a key has not run yet.
        n(&c.commands).saturating_sub(u64::from(c.has(flag::BLOCKED))),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    fn engine() -> std::sync::Arc<Engine> {
        crate::commands::install();
        Engine::new(Default::default(), 1, 16, 0)
    }

    fn parse(words: &str, asker: Asker) -> Result<Filter, String> {
        let words = OwnedArgs::new(words.split_whitespace());
        Filter::parse(&engine(), words.args(), asker).map_err(|e| e.text().into_owned())
    }

    #[test]
    fn refusals_are_the_peers() {
        for (asker, words, want) in [
            (Asker::List, "foo", "ERR syntax error"),
            (Asker::List, "foo bar", "ERR syntax error"),
            (Asker::List, "id", "ERR syntax error"),
            (Asker::List, "id x", "ERR Invalid client ID"),
            (Asker::List, "id 3 x", "ERR Invalid client ID"),
            (Asker::List, "id 3 name", "ERR Invalid client ID"),
            (Asker::List, "type foo", "ERR Unknown client type 'foo'"),
            (Asker::Kill, "id x", "ERR client-id should be greater than 0"),
            (Asker::Kill, "id 0", "ERR client-id should be greater than 0"),
            (Asker::Kill, "id 1 id", "ERR syntax error"),
            (Asker::Kill, "user foo", "ERR No such user 'foo'"),
            (Asker::Kill, "skipme foo", "ERR syntax error"),
            (Asker::Kill, "not-skipme yes", "ERR syntax error"),
            (Asker::Kill, "maxage x", "ERR maxage is not an integer or out of range"),
            (Asker::Kill, "maxage 0", "ERR maxage should be greater than 0"),
            (Asker::List, "idle -1", "ERR idle should be greater than 0"),
            (Asker::List, "flags !", "ERR Unknown flags found in the provided filter: !"),
            (Asker::List, "db 99", "ERR DB number should be between 0 and 15"),
            (Asker::List, "db x", "ERR DB is not an integer or out of range"),
            (Asker::List, "capa x", "ERR Unknown capa found in the provided filter: x"),
        ] {
            assert_eq!(parse(words, asker).err().as_deref(), Some(want), "{words}");
        }
    }

    #[test]
    fn all_tests_must_agree_and_the_last_of_a_kind_counts() {
        let c = Client::new(7, "127.0.0.1:5000", "127.0.0.1:6379", 9, 0);
        c.about.lock().name = b"bob".to_vec();
        let fits = |words: &str| parse(words, Asker::Kill).is_ok_and(|f| f.fits(&c, 5_000));
        for words in [
            "id 1 7 9",
            "id 1 id 7",
            "type normal",
            "type pubsub type normal",
            "addr 127.0.0.1:5000",
            "ip 127.0.0.1",
            "not-id 1 2",
            "user default",
            "name bob laddr 127.0.0.1:6379",
            "maxage 5",
            "idle 5",
            "flags N",
            "db 0",
            "not-flags b",
            "not-type replica",
        ] {
            assert!(fits(words), "{words}");
        }
        for words in
            ["id 1", "type replica", "not-ip 127.0.0.1", "maxage 6", "name bob id 8", "flags P", "db 1", "capa r"]
        {
            assert!(!fits(words), "{words}");
        }
        assert_eq!(parse("skipme no id 1", Asker::Kill).map(|f| f.skip_me), Ok(Some(false)));
    }

    #[test]
    fn a_line_has_the_fields_of_redis_in_its_order() {
        crate::commands::install();
        let c = Client::new(7, "127.0.0.1:5000", "127.0.0.1:6379", 9, 1_000);
        assert_eq!(
            line(&c, 3_500, Some(("client|list", 10))).replace(&format!("tot-mem={}", memory_of(&c) + 10), "tot-mem=?"),
            "id=7 addr=127.0.0.1:5000 laddr=127.0.0.1:6379 fd=9 name= age=2 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 \
             qbuf=0 qbuf-free=0 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=? events=r cmd=client|list user=default \
             redir=-1 resp=2 lib-name= lib-ver= io-thread=0 tot-net-in=0 tot-net-out=0 tot-cmds=0"
        );
    }
}
