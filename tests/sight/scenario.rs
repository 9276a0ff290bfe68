//! Scenarios: lines that go to three servers at once, over connections that have names, and whose replies are compared.
//!
//! | line | means |
//! |---|---|
//! | `a: WORDS` | ask over connection `a`, compare the replies |
//! | `a:r WORDS`, `a:v WORDS` | … with Redis's alone, with Valkey's alone: the other's dialect is another here |
//! | `a. WORDS` | ask, whatever comes |
//! | `a! WORDS` | send, and wait until CLIENT LIST says that it came; its reply is read by a later `a?` |
//! | `a?` | compare what comes next |
//! | `a$` | compare what comes until the server closes the connection |
//! | `a~ TEXT` | send raw bytes (escapes as in a quoted word), and wait until the server has them |
//! | `file TEXT` | write TEXT into each server's ACL file |
//! | `# …` | a remark |

use crate::common::{Conn, Kind, Node, Options, PATIENCE, Server, escape, find, skip};
use rustredis::resp::inline::split_args;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Makes equal what may differ in a reply to a line.
pub type Mask = fn(&str, &mut Node);

struct Side {
    server: Server,
    file: PathBuf,
    conns: HashMap<String, (Conn, i64)>,
}

impl Side {
    fn start(kind: Kind, args: &str, name: &str) -> Side {
        let file = std::env::temp_dir().join(format!("rustredis-sight-{}-{name}-{kind:?}", std::process::id()));
        std::fs::write(&file, "").expect("an ACL file");
        let args = args.replace("FILE", &file.to_string_lossy());
        Side { server: Server::start(kind, &Options::args(&args)), file, conns: HashMap::new() }
    }

    fn conn(&mut self, name: &str) -> &mut (Conn, i64) {
        if !self.conns.contains_key(name) {
            let mut conn = self.server.connect();
            let id = conn.tree(&["CLIENT", "ID"]).int().unwrap_or(-1);
            self.conns.insert(name.to_owned(), (conn, id));
        }
        self.conns.get_mut(name).expect("it was just put there")
    }

    /// Waits until the line of `name`'s client holds a text.
    fn until(&mut self, name: &str, what: impl Fn(&str) -> bool) {
        let id = self.conn(name).1.to_string();
        let mut control = self.server.connect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = control.tree(&["CLIENT", "LIST", "ID", &id]).string();
            if what(&line) {
                return;
            }
            assert!(Instant::now() < deadline, "{:?} never came so far: {line}", self.server.kind);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn send(&mut self, name: &str, words: &[Vec<u8>]) {
        // One that was closed says so when it is read.
        let _ = self.conn(name).0.send(words);
    }

    fn read(&mut self, name: &str) -> Node {
        match self.conn(name).0.read_reply() {
            Ok(reply) => Node::parse(&reply),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                Node::parse(b"+(silence)\r\n")
            }
            Err(_) => Node::parse(b"+(closed)\r\n"),
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file); // it lies in the temporary directory
    }
}

/// Plays a scenario on all servers, each started with `args` (`FILE`: a file of its own); panics with all that differed.
pub fn play(name: &str, scenario: &str, args: &str, mask: Mask) {
    let missing: Vec<Kind> = [Kind::Redis, Kind::Valkey].into_iter().filter(|kind| find(*kind).is_none()).collect();
    if let Some(kind) = missing.first() {
        return skip(&format!("{kind:?}"), kind.how_to_install());
    }
    let mut sides = [Kind::Rustredis, Kind::Redis, Kind::Valkey].map(|kind| Side::start(kind, args, name));
    let (mut compared, mut faults) = (0, Vec::new());
    for line in scenario.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let replies = step(&mut sides, line);
        let Some(replies) = replies else { continue };
        compared += 1;
        let masked = replies.map(|mut node| {
            mask(line, &mut node);
            node
        });
        let against = line.split_whitespace().next().unwrap_or_default();
        for (i, peer) in [(1, "r"), (2, "v")] {
            let meant = against.ends_with([':', '?', '$']) || against.ends_with(peer);
            if meant && masked[0] != masked[i] {
                let show = |node: &Node| {
                    let mut out = Vec::new();
                    node.encode(&mut out);
                    escape(&out)
                };
                let kind = sides[i].server.kind;
                faults.push(format!("{line}\n  ours   {}\n  {kind:?} {}", show(&masked[0]), show(&masked[i])));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n{} difference(s) in {name}", faults.join("\n"), faults.len());
    assert!(compared > 0, "nothing was compared");
    eprintln!("{name}: {compared} replies are the same");
}

/// Does what a line says on all servers; the replies, if they are to be compared.
fn step(sides: &mut [Side; 3], line: &str) -> Option<[Node; 3]> {
    if let Some(text) = line.strip_prefix("file") {
        let text = split_args(format!("\"{}\"", text.trim()).as_bytes()).expect("a text").concat();
        sides.iter().for_each(|side| std::fs::write(&side.file, &text).expect("an ACL file"));
        return None;
    }
    let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
    let at = head.find(|c: char| !c.is_alphanumeric()).unwrap_or_else(|| panic!("not a line: {line}"));
    let (name, sign) = (&head[..at], &head[at..=at]);
    let words = || split_args(rest.as_bytes()).unwrap_or_else(|| panic!("quotes of {line}"));
    match sign {
        ":" | "." => {
            let words = words();
            sides.iter_mut().for_each(|side| side.send(name, &words));
            let replies = [0, 1, 2].map(|i| sides[i].read(name));
            (sign == ":").then_some(replies)
        }
        "!" => {
            let words = words();
            let command = String::from_utf8_lossy(&words[0]).to_lowercase();
            for side in sides {
                side.send(name, &words);
                side.until(name, |l| {
                    l.contains(&format!(" cmd={command} ")) || l.contains(&format!(" cmd={command}|"))
                });
            }
            None
        }
        "~" => {
            let bytes = split_args(format!("\"{rest}\"").as_bytes()).expect("a text").concat();
            for side in sides {
                side.conn(name).0.send_raw(&bytes).expect("it is sent");
                side.until(name, |l| !l.contains(" qbuf=0 "));
            }
            None
        }
        "?" => Some([0, 1, 2].map(|i| sides[i].read(name))),
        "$" => {
            let rest = [0, 1, 2].map(|i| sides[i].conn(name).0.read_to_close());
            Some(rest.map(|bytes| Node { kind: b'$', text: bytes, items: Vec::new(), null: false }))
        }
        _ => panic!("not a line: {line}"),
    }
}
