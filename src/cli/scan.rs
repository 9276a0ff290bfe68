//! `--scan`, and the walk over all keys that the other modes share: one node, or with `-c` every primary of a cluster.
//! The next page is asked for before the last one is worked on.

use super::{
    host_of, out,
    session::{Failed, Session},
};
use crate::{
    args::cli::Output,
    client::{Conn, Error, Target, cluster::SlotMap},
    resp::{Value, inline::quote},
};

pub fn fail(error: Error) -> Failed {
    eprintln!("Error: {error}");
    Failed
}

/// The servers that together have all keys.
pub fn targets(session: &mut Session<'_>) -> Result<Vec<Target>, Failed> {
    let here = session.target.clone();
    if !session.options.cluster {
        return Ok(vec![here]);
    }
    let reply = session.ask(&[b"CLUSTER", b"SLOTS"])?;
    let nodes = SlotMap::parse(&reply, &host_of(&here.addr)).map(|map| map.nodes).unwrap_or_default();
    Ok(if nodes.is_empty() { vec![here] } else { nodes.iter().map(|node| here.at(&node.host, node.port)).collect() })
}

/// Walks over the keys of a server.
pub struct Walk<'s> {
    pub pattern: Option<&'s [u8]>,
    pub key_type: Option<&'s [u8]>,
    pub count: u64,
    pub cursor: Vec<u8>,
    asked: bool,
}

impl<'s> Walk<'s> {
    pub fn new(pattern: Option<&'s [u8]>, count: u64, cursor: u64) -> Walk<'s> {
        Walk { pattern, key_type: None, count, cursor: cursor.to_string().into_bytes(), asked: false }
    }

    fn ask(&mut self, conn: &mut Conn) {
        let count = self.count.to_string();
        let mut words: Vec<&[u8]> = vec![b"SCAN", &self.cursor];
        words.extend(self.pattern.iter().flat_map(|pattern| [b"MATCH".as_slice(), pattern]));
        words.extend(self.key_type.iter().flat_map(|kind| [b"TYPE".as_slice(), kind]));
        if self.count != 0 {
            words.extend([b"COUNT".as_slice(), count.as_bytes()]);
        }
        conn.push(&words);
        self.asked = true;
    }

    /// The next page. With `ahead` the page behind it is asked for at once: the caller then sends nothing else on this
    /// connection. `None` after the last one.
    pub fn next(&mut self, conn: &mut Conn, ahead: bool) -> Result<Option<Vec<Value>>, Failed> {
        if !self.asked {
            if self.cursor.is_empty() {
                return Ok(None);
            }
            self.ask(conn);
        }
        conn.flush().map_err(fail)?;
        let reply = conn.read().map_err(fail)?.plain();
        self.asked = false;
        let (cursor, keys) = match reply {
            Value::Array(page) => match <[Value; 2]>::try_from(page) {
                Ok([cursor, Value::Array(keys)]) => (cursor, keys),
                _ => return Err(wrong()),
            },
            Value::Error(text) => {
                eprintln!("ERROR: {}", String::from_utf8_lossy(&super::format::harmless(&text)));
                return Err(Failed);
            }
            _ => return Err(wrong()),
        };
        // A cursor is digits: anything else would be sent back as it came.
        self.cursor = cursor.text().filter(|text| text.iter().all(u8::is_ascii_digit)).ok_or_else(wrong)?.to_vec();
        if self.cursor == b"0" {
            self.cursor.clear();
        } else if ahead {
            self.ask(conn);
            conn.flush().map_err(fail)?;
        }
        Ok(Some(keys))
    }
}

fn wrong() -> Failed {
    eprintln!("Non ARRAY response from SCAN!");
    Failed
}

/// How many keys a page has when the user does not say: redis-cli's 10 spend most of the time on round trips.
pub const PAGE: u64 = 500;

pub fn run(session: &mut Session<'_>) -> Result<(), Failed> {
    session.conn()?;
    let options = session.options;
    for target in targets(session)? {
        if target.addr != session.target.addr {
            session.target = target;
            session.connect()?;
        }
        let mut walk = Walk::new(options.pattern.as_deref(), options.count.unwrap_or(PAGE), options.cursor);
        walk.key_type = options.key_type.as_deref();
        let output = session.output;
        let mut line = Vec::new();
        let conn = session.conn()?;
        while let Some(keys) = walk.next(conn, options.interval.is_zero())? {
            line.clear();
            for key in &keys {
                let key = key.text().unwrap_or_default();
                match output {
                    Output::Standard => line.extend(quote(key)),
                    _ => line.extend_from_slice(key),
                }
                line.push(b'\n');
            }
            out::bytes(&line);
            if !options.interval.is_zero() {
                out::flush();
                std::thread::sleep(options.interval);
            }
        }
    }
    Ok(())
}
