//! How replies are compared: byte by byte, unless a command's reply depends on a clock, on chance or on the order of
//! a hash table. Which commands those are is said once, in the table.
//!
//! Errors are always compared byte by byte, and an error never equals anything else.

use crate::common::Node;

#[derive(Clone, Copy)]
pub enum Rule {
    /// Elements in any order, `1` by one or `2` by two (flat pairs; a RESP3 map is pairs by itself).
    Unordered(usize),
    /// A cursor and elements in any order, in groups. For scans that are over after one call.
    Scan(usize),
    /// Numbers may lie this far apart.
    Near(i64),
    /// Only the shape: types, and how many elements.
    Shape,
    /// What DUMP gives.
    Payload,
    /// Something of the command's own is made equal first.
    By(fn(&mut Node)),
}

use Rule::{By, Near, Payload, Scan, Shape, Unordered};

/// By command, or by command and subcommand. What is not here is compared byte by byte.
const RULES: &[(&str, Rule)] = &[
    // Order of hash tables.
    ("KEYS", Unordered(1)),
    ("DUMP", Payload),
    ("SMEMBERS", Unordered(1)),
    ("SINTER", Unordered(1)),
    ("SUNION", Unordered(1)),
    ("SDIFF", Unordered(1)),
    ("HKEYS", Unordered(1)),
    ("HVALS", Unordered(1)),
    ("HGETALL", Unordered(2)),
    ("SCAN", Scan(1)),
    ("SSCAN", Scan(1)),
    ("HSCAN", Scan(2)),
    ("ZSCAN", Scan(2)),
    ("COMMAND LIST", Unordered(1)),
    ("COMMAND GETKEYSANDFLAGS", By(sort_deep)),
    ("PUBSUB CHANNELS", Unordered(1)),
    ("FUNCTION LIST", By(sort_lists)),
    ("ACL CAT", Unordered(1)),
    ("ACL GETUSER", By(forget_databases)),
    ("ACL LIST", By(forget_databases)),
    ("ACL LOG", By(forget_circumstances)),
    ("ACL GENPASS", By(forget_digits)),
    ("CONFIG GET", Unordered(2)),
    ("GEORADIUS", By(sort_top)),
    ("GEORADIUS_RO", By(sort_top)),
    ("GEORADIUSBYMEMBER", By(sort_top)),
    ("GEORADIUSBYMEMBER_RO", By(sort_top)),
    ("GEOSEARCH", By(sort_top)),
    // Chance.
    ("RANDOMKEY", Shape),
    ("SRANDMEMBER", Shape),
    ("HRANDFIELD", Shape),
    ("ZRANDMEMBER", Shape),
    ("SPOP", Shape),
    // Clocks.
    ("TTL", Near(5)),
    ("EXPIRETIME", Near(5)),
    ("PTTL", Near(5_000)),
    ("PEXPIRETIME", Near(5_000)),
    ("HTTL", Near(5)),
    ("HEXPIRETIME", Near(5)),
    ("HPTTL", Near(5_000)),
    ("HPEXPIRETIME", Near(5_000)),
    ("TIME", Shape),
    ("LASTSAVE", Shape),
    ("OBJECT IDLETIME", Near(5)),
    ("OBJECT FREQ", Near(5)),
    ("XPENDING", By(forget_idle)),
    ("XINFO CONSUMERS", By(forget_consumer_times)),
    ("XINFO STREAM", By(forget_stream_internals)),
    ("SLOWLOG LEN", Shape),
    // What names this server, or this build.
    ("HELLO", By(forget_identity)),
    ("CLIENT ID", Shape),
    ("CLIENT INFO", By(forget_text)),
    ("CLIENT LIST", By(forget_text)),
    ("INFO", By(forget_text)),
    ("MEMORY USAGE", Near(i64::MAX)),
    ("COMMAND COUNT", Near(i64::MAX)),
    ("DEBUG OBJECT", By(forget_text)),
    ("LOLWUT", By(forget_text)),
];

pub fn same(words: &[Vec<u8>], ours: &[u8], theirs: &[u8]) -> bool {
    if ours == theirs {
        return true;
    }
    let Some(rule) = rule(words) else {
        return false;
    };
    let (mut a, mut b) = (Node::parse(ours), Node::parse(theirs));
    if a.is_error() || b.is_error() {
        return false;
    }
    match rule {
        Payload => return crate::payloads::same(&a, &b),
        Unordered(width) => {
            for node in [&mut a, &mut b] {
                node.sort(if node.kind == b'%' { 2 } else { width });
            }
        }
        Scan(width) => {
            // What one step of a cursor returns is the server's own affair; whole walks are compared as `WALK`.
            let done = |node: &Node| node.items.first().is_some_and(|cursor| cursor.text == b"0");
            let at = if words[0].eq_ignore_ascii_case(b"SCAN") { 1 } else { 2 };
            if !done(&a) || !done(&b) || words.get(at).is_none_or(|cursor| cursor != b"0") {
                return a.items.len() == b.items.len();
            }
            let plain = words.iter().any(|word| word.eq_ignore_ascii_case(b"NOVALUES"));
            for node in [&mut a, &mut b].into_iter().filter_map(|node| node.items.get_mut(1)) {
                node.sort(if plain { 1 } else { width });
            }
        }
        Near(far) => return near(&a, &b, far),
        Shape => [&mut a, &mut b].into_iter().for_each(shape),
        By(change) => [&mut a, &mut b].into_iter().for_each(change),
    }
    a == b
}

fn rule(words: &[Vec<u8>]) -> Option<Rule> {
    let upper = |word: &Vec<u8>| String::from_utf8_lossy(word).to_uppercase();
    let name = upper(&words[0]);
    let both = words.get(1).map(|sub| format!("{name} {}", upper(sub)));
    if words.len() == 2 && upper(&words[1]) == "HELP" {
        return Some(By(forget_help));
    }
    RULES.iter().find(|(row, _)| *row == name || both.as_deref() == Some(row)).map(|(_, rule)| *rule)
}

fn near(a: &Node, b: &Node, far: i64) -> bool {
    let numbers = || Some(a.int()?.abs_diff(b.int()?));
    // -1 and -2 mean something: they are near to nothing.
    let signs = |x: &Node, y: &Node| x.int().is_some_and(|n| n < 0) == y.int().is_some_and(|n| n < 0);
    a.kind == b.kind
        && a.null == b.null
        && a.items.len() == b.items.len()
        && (a.text == b.text || signs(a, b) && numbers().is_some_and(|n| n <= far as u64))
        && a.items.iter().zip(&b.items).all(|(x, y)| near(x, y, far))
}

fn shape(node: &mut Node) {
    if matches!(node.kind, b'$' | b':' | b',' | b'+' | b'=') && !node.null {
        node.text.clear();
    }
    node.items.iter_mut().for_each(shape);
}

fn sort_top(node: &mut Node) {
    node.sort(1);
}

/// Lists of maps, and sets, at any depth.
fn sort_lists(node: &mut Node) {
    node.items.iter_mut().for_each(sort_lists);
    let maps = node.items.iter().all(|item| matches!(item.kind, b'*' | b'%'));
    if node.kind == b'~' || node.kind == b'*' && maps {
        node.sort(1);
    }
}

fn sort_deep(node: &mut Node) {
    node.items.iter_mut().for_each(sort_deep);
    if node.kind == b'~' {
        node.sort(1);
    }
}

/// What the subcommands do is said in words of our own.
fn forget_help(node: &mut Node) {
    node.items.truncate(1);
}

fn forget_text(node: &mut Node) {
    node.text.clear();
}

/// XPENDING's long form: id, consumer, idle milliseconds, deliveries.
fn forget_idle(node: &mut Node) {
    for entry in node.items.iter_mut().filter(|entry| entry.items.len() == 4) {
        entry.items[2].text.clear();
    }
}

fn forget_consumer_times(node: &mut Node) {
    node.items.iter_mut().for_each(|consumer| forget_values(consumer, &["idle", "inactive"]));
}

pub fn forget_stream_internals(node: &mut Node) {
    const OWN: &[&str] =
        &["radix-tree-keys", "radix-tree-nodes", "seen-time", "active-time", "delivery-time", "idle", "inactive"];
    forget_values(node, OWN);
    // Pending entries of a group: id, consumer, delivery time, count; of a consumer: id, delivery time, count.
    let keys: Vec<Vec<u8>> = node.items.iter().step_by(2).map(|key| key.text.clone()).collect();
    for (i, key) in keys.iter().enumerate().filter(|(_, key)| matches!(key.as_slice(), b"pel" | b"pending")) {
        let time = if key == b"pel" { 2 } else { 1 };
        for entry in &mut node.items[2 * i + 1].items {
            let at = if entry.items.len() == 4 { 2 } else { time.min(1) };
            if let Some(time) = entry.items.get_mut(at) {
                time.text.clear();
            }
        }
    }
    for item in &mut node.items {
        if !item.items.is_empty() {
            forget_stream_internals(item);
        }
    }
}

/// Users have databases in Valkey; and whether payloads are checked is not shown there.
pub fn forget_databases(node: &mut Node) {
    const CHECKED: [&str; 2] = ["skip-sanitize-payload", "sanitize-payload"];
    for word in CHECKED {
        node.text = String::from_utf8_lossy(&node.text).replace(&format!(" {word}"), "").into_bytes();
    }
    if let Some(at) = node.items.iter().position(|n| n.text == b"databases") {
        node.items.drain(at..at + 2);
    }
    node.items.retain(|n| !CHECKED.iter().any(|word| n.text == word.as_bytes()));
    node.items.iter_mut().for_each(forget_databases);
}

fn forget_circumstances(node: &mut Node) {
    for entry in &mut node.items {
        // Which entry it is and when it was made is shown since 7.2.
        entry.items.truncate(14);
        forget_values(entry, &["age-seconds", "client-info"]);
    }
}

/// Of random digits, how many they are.
fn forget_digits(node: &mut Node) {
    node.text.iter_mut().for_each(|digit| *digit = b'0');
}

fn forget_identity(node: &mut Node) {
    forget_values(node, &["server", "version", "id", "availability_zone"]);
}

/// Clears the values of these keys in a map, or in a flat list of keys and values.
fn forget_values(node: &mut Node, names: &[&str]) {
    for pair in node.items.chunks_mut(2) {
        if let [key, value] = pair
            && names.iter().any(|name| key.text == name.as_bytes())
        {
            value.text.clear();
        }
    }
}
