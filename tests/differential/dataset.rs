//! The whole dataset of two servers, read through ordinary commands and compared key by key.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    common::{Conn, Kind, Node, command, escape},
    differences,
};

/// The databases that generators use.
const DATABASES: u8 = 3;
/// Keys that are asked about before the replies are read.
const PIPELINE: usize = 50;
/// Expiries set by a relative time differ by what lies between the two servers' clocks at that command.
const EXPIRY_TOLERANCE_MS: i64 = 5_000;

struct Key {
    kind: String,
    encoding: String,
    expires_at_ms: i64,
    value: Vec<Node>,
    /// Of a hash: when each of its fields expires.
    fields: BTreeMap<Vec<u8>, i64>,
}

/// The first difference: a short name of it, and its description.
pub fn compare(oracle: Kind, ours: &mut Conn, theirs: &mut Conn) -> Option<(String, String)> {
    let mut kinds = Vec::new();
    for db in 0..DATABASES {
        let (mine, its) = (read(ours, db), read(theirs, db));
        kinds.extend(mine.values().map(|key| key.kind.clone()));
        let names: BTreeSet<&Vec<u8>> = mine.keys().chain(its.keys()).collect();
        for name in names {
            let difference = match (mine.get(name), its.get(name)) {
                (Some(a), Some(b)) => compare_key(oracle, a, b),
                (Some(a), None) => Some(("key".to_owned(), format!("only ours has it, a {}", a.kind))),
                (None, Some(b)) => Some(("key".to_owned(), format!("only theirs has it, a {}", b.kind))),
                (None, None) => None,
            };
            if let Some((what, text)) = difference {
                return Some((format!("dataset {what}"), format!("db{db} {}: {text}", escape(name))));
            }
        }
    }
    // What is dead but not yet reclaimed is in a digest; a scan reclaims it.
    for conn in [&mut *ours, &mut *theirs] {
        for db in 0..DATABASES {
            conn.ask(&["SELECT", &db.to_string()]);
            conn.ask(&["SCAN", "0", "COUNT", "1000000"]);
        }
        conn.ask(&["SELECT", "0"]);
    }
    (!differences::digest_excused(oracle, &kinds)).then(|| digest(ours, theirs)).flatten()
}

fn compare_key(oracle: Kind, a: &Key, b: &Key) -> Option<(String, String)> {
    let found = |what: &str, ours: &str, theirs: &str| {
        Some((format!("{what} {}", a.kind), format!("{what}: ours {ours}, theirs {theirs}")))
    };
    if a.kind != b.kind {
        return found("type", &a.kind, &b.kind);
    }
    if !differences::same_value(oracle, &a.kind, &a.value, &b.value) {
        return found("value", &show(&a.value), &show(&b.value));
    }
    if a.encoding != b.encoding && !differences::encoding_excused(oracle, &a.kind, &a.encoding, &b.encoding) {
        return found("encoding", &a.encoding, &b.encoding);
    }
    if !near(a.expires_at_ms, b.expires_at_ms) {
        return found("expiry", &a.expires_at_ms.to_string(), &b.expires_at_ms.to_string());
    }
    let apart = a.fields.iter().find(|(field, at)| !b.fields.get(*field).is_some_and(|other| near(**at, *other)));
    apart.and_then(|(field, at)| {
        found(&format!("expiry of field {}", escape(field)), &at.to_string(), &format!("{:?}", b.fields.get(field)))
    })
}

fn near(a: i64, b: i64) -> bool {
    a == b || (a > 0 && b > 0 && (a - b).abs() <= EXPIRY_TOLERANCE_MS)
}

fn show(value: &[Node]) -> String {
    let mut out = Vec::new();
    value.iter().for_each(|node| node.encode(&mut out));
    escape(&out)
}

fn read(conn: &mut Conn, db: u8) -> BTreeMap<Vec<u8>, Key> {
    conn.ask(&["SELECT", &db.to_string()]);
    let names: Vec<Vec<u8>> = conn.tree(&["KEYS", "*"]).items.into_iter().map(|key| key.text).collect();
    // Many keys at a time: a dialogue about each would take longer than everything else together.
    let mut keys = BTreeMap::new();
    for names in names.chunks(PIPELINE) {
        let asked = names.iter().flat_map(|name| {
            let about: [&[&[u8]]; 4] =
                [&[b"TYPE", name], &[b"OBJECT", b"ENCODING", name], &[b"PEXPIRETIME", name], &[b"GET", name]];
            about.map(command)
        });
        conn.send_raw(&asked.flatten().collect::<Vec<u8>>()).expect("the server takes commands");
        let heads: Vec<[Node; 4]> = names.iter().map(|_| [(); 4].map(|()| reply(conn))).collect();
        keys.extend(names.iter().zip(heads).map(|(name, head)| (name.clone(), read_key(conn, name, head))));
    }
    conn.ask(&["SELECT", "0"]);
    keys
}

fn reply(conn: &mut Conn) -> Node {
    Node::parse(&conn.read_reply().expect("a reply about a key"))
}

/// `head` is what TYPE, OBJECT ENCODING, PEXPIRETIME and GET said.
fn read_key(conn: &mut Conn, name: &[u8], head: [Node; 4]) -> Key {
    let [kind, encoding, expires, string] = head;
    let (kind, encoding) = (kind.string(), encoding.string());
    let expires_at_ms = expires.int().unwrap_or(-9);
    let sorted = |mut node: Node, width| {
        node.sort(width);
        vec![node]
    };
    let mut fields = BTreeMap::new();
    let value = match kind.as_str() {
        "string" => vec![string],
        "list" => vec![conn.tree(&[&b"LRANGE"[..], name, b"0", b"-1"])],
        "set" => sorted(conn.tree(&[b"SMEMBERS", name]), 1),
        "zset" => vec![conn.tree(&[&b"ZRANGE"[..], name, b"0", b"-1", b"WITHSCORES"])],
        "hash" => {
            fields = field_expiries(conn, name);
            sorted(conn.tree(&[b"HGETALL", name]), 2)
        }
        "stream" => {
            let mut info = conn.tree(&[&b"XINFO"[..], b"STREAM", name]);
            // How the radix tree is laid out is the server's own affair.
            let own = [b"radix-tree-keys".as_slice(), b"radix-tree-nodes"];
            info.items = info
                .items
                .chunks(2)
                .filter(|pair| !own.contains(&pair[0].text.as_slice()))
                .flatten()
                .cloned()
                .collect();
            vec![conn.tree(&[&b"XRANGE"[..], name, b"-", b"+"]), info, conn.tree(&[&b"XINFO"[..], b"GROUPS", name])]
        }
        _ => Vec::new(),
    };
    Key { kind, encoding, expires_at_ms, value, fields }
}

/// Nothing where no field expires, or where the server knows no expiry of fields.
fn field_expiries(conn: &mut Conn, name: &[u8]) -> BTreeMap<Vec<u8>, i64> {
    let fields: Vec<Vec<u8>> = conn.tree(&[b"HKEYS", name]).items.into_iter().map(|field| field.text).collect();
    let count = fields.len().to_string();
    let mut ask: Vec<&[u8]> = vec![b"HPEXPIRETIME", name, b"FIELDS", count.as_bytes()];
    ask.extend(fields.iter().map(Vec::as_slice));
    let times: Vec<i64> = conn.tree(&ask).items.iter().filter_map(Node::int).collect();
    fields.iter().cloned().zip(times).filter(|(_, at)| *at > 0).collect()
}

/// DEBUG DIGEST, where both answer it.
fn digest(ours: &mut Conn, theirs: &mut Conn) -> Option<(String, String)> {
    let (a, b) = (ours.tree(&["DEBUG", "DIGEST"]), theirs.tree(&["DEBUG", "DIGEST"]));
    let comparable = !a.is_error() && !b.is_error();
    (comparable && a != b)
        .then(|| ("dataset digest".to_owned(), format!("DEBUG DIGEST: ours {}, theirs {}", a.string(), b.string())))
}
