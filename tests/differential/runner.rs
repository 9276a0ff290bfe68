//! Plays generated sequences on two servers, compares, and shrinks what differs.

use std::{collections::BTreeSet, fmt::Write as _, time::Instant};

use crate::{
    common::{Conn, Kind, Node, Options, Rng, Server, command, env_number, escape, find, skip, subject},
    dataset, differences,
    families::Family,
    grammar::{self, Against, Row, Step, Words},
    rules,
};

/// Steps of one sequence: long enough to reach states, short enough to shrink fast. Each begins on empty servers.
const SEQUENCE: usize = 150;
/// Commands sent ahead of their replies.
const CHUNK: usize = 40;

/// One server of a pair. Restarted when it died, so that the next sequence says more than "connection refused".
struct Side {
    kind: Kind,
    options: Options,
    server: Server,
    control: Conn,
}

impl Side {
    fn start(kind: Kind, options: Options) -> Side {
        let server = Server::start(kind, &options);
        let control = server.connect();
        Side { kind, options, server, control }
    }

    /// Empty, with the settings of a fresh server plus `setup`, and a new connection speaking `proto`.
    fn fresh(&mut self, family: &Family, proto: u8) -> Conn {
        if !self.server.alive() || self.control.send(&["PING"]).is_err() || self.control.read_reply().is_err() {
            *self = Side::start(self.kind, self.options.clone());
        }
        self.control.ask(&["FLUSHALL"]);
        for line in family.setup {
            self.control.line(line);
        }
        let mut conn = self.server.connect();
        if proto == 3 {
            conn.ask(&["HELLO", "3"]);
        }
        conn
    }

    fn commands(&mut self) -> BTreeSet<String> {
        let list = self.control.tree(&["COMMAND", "LIST"]);
        assert!(!list.is_error(), "{:?} does not answer COMMAND LIST: {}", self.kind, list.string());
        list.items.iter().map(|name| name.string().to_lowercase()).collect()
    }
}

struct Mismatch {
    /// What tells this difference from others when shrinking and when listing: the command and what came back.
    signature: String,
    report: String,
}

/// Runs a family against both peers, in both protocols; panics with all that differed.
pub fn run(family: &Family) {
    // What has not landed differs in ways that are known and open: it runs when it is named.
    if !family.landed && std::env::var("DIFF_FAMILY").is_err() {
        println!("{}: has not landed; DIFF_FAMILY={0} runs it", family.name);
        return;
    }
    if let Ok(only) = std::env::var("DIFF_FAMILY")
        && !only.is_empty()
        && !only.split(',').any(|name| name == family.name)
    {
        return;
    }
    let mut failures = Vec::new();
    for oracle in [Kind::Redis, Kind::Valkey] {
        if std::env::var("DIFF_ORACLE").is_ok_and(|only| only != format!("{oracle:?}").to_lowercase()) {
            continue;
        }
        if find(oracle).is_none() {
            skip(&format!("{oracle:?}, which {} is compared with,", family.name), oracle.how_to_install());
            continue;
        }
        against(family, oracle, &mut failures);
    }
    assert!(failures.is_empty(), "\n{}\n{} difference(s) in {}", failures.join("\n"), failures.len(), family.name);
}

fn against(family: &Family, oracle: Kind, failures: &mut Vec<String>) {
    let base = env_number("DIFF_SEED", 1);
    // One worker works without locks, several with them: both are tried, and which against whom changes with the seed.
    let threads = env_number("DIFF_THREADS", 1 + (base + u64::from(oracle == Kind::Redis)) % 2);
    let own = match subject() {
        Kind::Rustredis => Options::args(&format!("--threads {threads}")),
        _ => Options::default(),
    };
    let (mut ours, mut theirs) = (Side::start(subject(), own), Side::start(oracle, Options::default()));
    let unserved: BTreeSet<String> = theirs.commands().difference(&ours.commands()).cloned().collect();
    let all = family.rows();
    let rows = usable(family, &all, &mut ours, &mut theirs);
    if rows.iter().all(|row| row.helper) {
        eprintln!("{}: nothing to compare with {oracle:?}", family.name);
        return;
    }

    let steps = env_number("DIFF_STEPS", 9_000) as usize;
    let most = env_number("DIFF_FAILURES", 5) as usize;
    for proto in [2, 3] {
        let (began, mut sent) = (Instant::now(), 0);
        let mut seen = BTreeSet::new();
        let mut played = 0;
        while played < steps && failures.len() < most {
            // The seed of a sequence is the base plus its number, so that DIFF_SEED of a report begins with it.
            let seed = base + (played / SEQUENCE) as u64;
            let mut rng = Rng::new(seed.wrapping_mul(2) + u64::from(proto));
            let length = SEQUENCE.min(steps.max(1));
            let sequence: Vec<Step> = (0..length)
                .map(|_| grammar::generate(&rows, &mut rng))
                .filter(|step| step.iter().all(|words| differences::sendable(oracle, words)))
                .filter(|step| step.iter().all(|words| !names_one_of(&unserved, words)))
                .collect();
            played += length;
            sent += sequence.iter().map(Vec::len).sum::<usize>();
            let Err(first) = play(family, &mut ours, &mut theirs, proto, &sequence) else {
                continue;
            };
            if !seen.insert(first.signature.clone()) {
                continue;
            }
            let (smallest, mismatch) = shrink(family, &mut ours, &mut theirs, proto, sequence, first);
            let mut text = format!(
                "--- {} over RESP{proto}, {:?} against {oracle:?}, DIFF_SEED={seed} DIFF_THREADS={threads} DIFF_FAMILY={}\n",
                family.name, ours.kind, family.name
            );
            for words in smallest.iter().flatten() {
                let _ = writeln!(text, "    {}", show(words));
            }
            text.push_str(&mismatch.report);
            eprintln!("{text}");
            failures.push(text);
        }
        let seconds = began.elapsed().as_secs_f64();
        eprintln!(
            "{} RESP{proto} against {oracle:?}: {sent} commands in {seconds:.1} s, seed {base}, threads {threads}",
            family.name
        );
    }
}

/// Whether a command, a subcommand, or the command that COMMAND GETKEYS is asked about, is one of these.
fn names_one_of(names: &BTreeSet<String>, words: &Words) -> bool {
    let lower = |at: usize| words.get(at).map(|word| String::from_utf8_lossy(word).to_lowercase());
    let at = match lower(0).as_deref() {
        Some("walk") => 1,
        Some("command") if lower(1).is_some_and(|sub| sub.starts_with("getkeys")) => 2,
        _ => 0,
    };
    let Some(name) = lower(at) else {
        return false;
    };
    names.contains(&name) || lower(at + 1).is_some_and(|sub| names.contains(&format!("{name}|{sub}")))
}

/// The rows that both servers know. A family that is said to be served must be known whole.
fn usable<'a>(family: &Family, rows: &'a [Row], ours: &mut Side, theirs: &mut Side) -> Vec<&'a Row> {
    let (mine, its) = (ours.commands(), theirs.commands());
    let meant = |row: &&Row| match row.against {
        Against::Both => true,
        Against::Redis => theirs.kind == Kind::Redis,
        Against::Valkey => theirs.kind == Kind::Valkey,
    };
    // The plain word must exist; words that no server has are there to be refused.
    let lacks = |known: &BTreeSet<String>, row: &Row| {
        row.commands.iter().find(|name| !known.contains(*name) && !name.starts_with("no-such")).cloned()
    };
    let offered: Vec<&Row> = rows.iter().filter(meant).filter(|row| lacks(&its, row).is_none()).collect();
    let missing: BTreeSet<String> =
        offered.iter().filter(|row| !row.helper).filter_map(|row| lacks(&mine, row)).collect();
    if !missing.is_empty() {
        let list = missing.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        assert!(
            !family.landed || env_number("DIFF_PARTIAL", 0) > 0,
            "{}: commands of a family that is served are missing: {list}",
            family.name
        );
        eprintln!("{}: not served yet: {list}", family.name);
    }
    offered.into_iter().filter(|row| lacks(&mine, row).is_none()).collect()
}

/// Plays a sequence from empty; the first difference, if any.
fn play(family: &Family, ours: &mut Side, theirs: &mut Side, proto: u8, steps: &[Step]) -> Result<(), Mismatch> {
    let oracle = theirs.kind;
    let (mut a, mut b) = (ours.fresh(family, proto), theirs.fresh(family, proto));
    let commands: Vec<&Words> = steps.iter().flatten().collect();
    for chunk in commands.chunks(CHUNK) {
        let plain: Vec<u8> = chunk.iter().filter(|words| !is_walk(words)).flat_map(|words| command(words)).collect();
        let _ = a.send_raw(&plain);
        b.send_raw(&plain).expect("the peer takes commands");
        for words in chunk.iter().filter(|words| !is_walk(words)) {
            let peer = b.read_reply().unwrap_or_else(|e| panic!("{oracle:?} failed at {}: {e}", show(words)));
            let own = a.read_reply().map_err(|e| broken(ours, words, &peer, &e.to_string()))?;
            if !rules::same(words, &own, &peer) && !differences::excused(oracle, words, &own, &peer) {
                return Err(differs(words, &own, &peer));
            }
        }
        for words in chunk.iter().filter(|words| is_walk(words)) {
            let (own, peer) = (walk(&mut a, words), walk(&mut b, words));
            let text = |walk: &Result<_, String>| match walk {
                Ok(_) => "+walked\r\n".to_owned(),
                Err(error) => format!("-{error}\r\n"),
            };
            let (said, heard) = (text(&own), text(&peer));
            if own != peer && !differences::excused(oracle, &words[1..], said.as_bytes(), heard.as_bytes()) {
                return Err(differs(words, format!("{own:?}").as_bytes(), format!("{peer:?}").as_bytes()));
            }
        }
    }
    let difference = dataset::compare(oracle, &mut ours.control, &mut theirs.control);
    difference.map_or(Ok(()), |(signature, text)| {
        Err(Mismatch { signature, report: format!("  dataset afterwards: {text}\n") })
    })
}

/// `WALK SCAN 0 …` is no command: it stands for following a cursor to its end, on each server by itself.
fn is_walk(words: &Words) -> bool {
    words[0] == b"WALK"
}

/// All that a scan meets, as a set: a scan may return an element twice, in any order, in any number of calls.
fn walk(conn: &mut Conn, words: &Words) -> Result<BTreeSet<Vec<Node>>, String> {
    let mut ask: Words = words[1..].to_vec();
    let cursor = if ask[0].eq_ignore_ascii_case(b"SCAN") { 1 } else { 2 };
    let pairs = !ask.iter().any(|word| word.eq_ignore_ascii_case(b"NOVALUES"));
    let width = if matches!(ask[0].to_ascii_uppercase().as_slice(), b"HSCAN" | b"ZSCAN") && pairs { 2 } else { 1 };
    let mut met = BTreeSet::new();
    for _ in 0..100_000 {
        let reply = conn.tree(&ask);
        if reply.is_error() || reply.items.len() != 2 {
            return Err(reply.string());
        }
        met.extend(reply.items[1].items.chunks(width).map(<[Node]>::to_vec));
        if reply.items[0].text == b"0" {
            return Ok(met);
        }
        ask[cursor] = reply.items[0].text.clone();
    }
    Err("the cursor never came back to 0".to_owned())
}

fn differs(words: &Words, own: &[u8], peer: &[u8]) -> Mismatch {
    let kind = |reply: &[u8]| match reply.first() {
        Some(b'-') => escape(reply),
        Some(first) => char::from(*first).to_string(),
        None => String::new(),
    };
    Mismatch {
        signature: format!("{} {} {}", escape(&words[0]).to_uppercase(), kind(own), kind(peer)),
        report: format!("  at     {}\n  ours   {}\n  theirs {}\n", show(words), escape(own), escape(peer)),
    }
}

fn broken(ours: &mut Side, words: &Words, peer: &[u8], error: &str) -> Mismatch {
    std::thread::sleep(std::time::Duration::from_millis(50));
    let state = if ours.server.alive() { "still runs" } else { "died" };
    let log = ours.server.log();
    let tail = log.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n    ");
    Mismatch {
        signature: format!("{} broken", escape(&words[0]).to_uppercase()),
        report: format!(
            "  at     {}\n  ours   no reply: {error}; the server {state}; its log ends:\n    {tail}\n  theirs {}\n",
            show(words),
            escape(peer)
        ),
    }
}

/// Drops steps for as long as the same difference stays: halves first, then ever smaller pieces.
fn shrink(
    family: &Family,
    ours: &mut Side,
    theirs: &mut Side,
    proto: u8,
    mut steps: Vec<Step>,
    mut mismatch: Mismatch,
) -> (Vec<Step>, Mismatch) {
    let began = Instant::now();
    let mut piece = steps.len().div_ceil(2);
    loop {
        let mut at = 0;
        let mut dropped = false;
        while at < steps.len() && began.elapsed().as_secs() < 20 {
            let end = (at + piece).min(steps.len());
            let fewer: Vec<Step> = steps[..at].iter().chain(&steps[end..]).cloned().collect();
            match play(family, ours, theirs, proto, &fewer) {
                Err(still) if still.signature == mismatch.signature => {
                    (steps, mismatch, dropped) = (fewer, still, true);
                }
                _ => at = end,
            }
        }
        if piece == 1 && !dropped || began.elapsed().as_secs() >= 20 {
            return (steps, mismatch);
        }
        piece = piece.div_ceil(2);
    }
}

pub fn show(words: &[Vec<u8>]) -> String {
    let quoted = words.iter().map(|word| {
        let text = escape(word);
        if text.is_empty() || text.contains([' ', '\\']) { format!("\"{text}\"") } else { text }
    });
    let line: Vec<String> = quoted.take(40).collect();
    let more = if words.len() > 40 { format!(" …({} words)", words.len()) } else { String::new() };
    line.join(" ") + &more
}
