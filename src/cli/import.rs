//! `--import FILE|-`: the commands of a file, as lines or as RESP, sent in batches to the server or, with `-c`, to the node
//! that each one's key belongs to. Errors are told with the line they stand on. Exit codes: 0 every command was taken, 1 some
//! were refused or the input ends within a command, or the server could not be reached.
//!
//! `--pipe -c` is this too, with `--pipe`'s words.

use super::{
    format::harmless,
    host_of, on_terminal, out,
    scan::fail,
    session::{Failed, Session},
};
use crate::{
    base::crc16::key_slot,
    client::{
        Conn, Target,
        cluster::{Redirect, SlotMap},
        push_command, reason,
    },
    engine::{keyspec::KeyPos, table},
    resp::{OwnedArgs, inline::split_args},
};
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::Path,
    time::{Duration, Instant},
};

/// Commands in flight to one node.
const BATCH: usize = 1000;
/// Bytes of a batch.
const BATCH_BYTES: usize = 1 << 20;
/// The longest argument, and the most of them: a file is not trusted either.
const MOST_BYTES: usize = 512 << 20;
const MOST_WORDS: u64 = 1 << 20;

/// A command of the input, and the line on which it begins.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub line: u64,
    pub words: Vec<Vec<u8>>,
}

/// Commands out of bytes.
pub struct Feed<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    line: u64,
    pub bytes: u64,
}

impl<R: Read> Feed<R> {
    pub fn new(input: R) -> Feed<R> {
        Feed { input, buffer: Vec::new(), at: 0, line: 1, bytes: 0 }
    }

    fn fill(&mut self) -> Result<bool, String> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let have = self.buffer.len();
        self.buffer.resize(have + (64 << 10).max(have.min(4 << 20)), 0);
        let got = loop {
            match self.input.read(&mut self.buffer[have..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(have + *got.as_ref().unwrap_or(&0));
        let got = got.map_err(|error| format!("cannot read: {}", reason(&error)))?;
        self.bytes += got as u64;
        Ok(got > 0)
    }

    /// A line without its end; `None` at the end of the input.
    fn line(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut looked = 0;
        loop {
            let rest = &self.buffer[self.at..];
            if let Some(end) = memchr::memchr(b'\n', &rest[looked..]).map(|n| n + looked) {
                let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]).to_vec();
                self.at += end + 1;
                self.line += 1;
                return Ok(Some(line));
            }
            looked = rest.len();
            if looked > MOST_BYTES {
                return Err("a line is too long".into());
            }
            if !self.fill()? {
                if self.at == self.buffer.len() {
                    return Ok(None);
                }
                self.line += 1;
                let line = self.buffer.split_off(self.at);
                self.at = self.buffer.len();
                return Ok(Some(line));
            }
        }
    }

    /// The next command; `None` at the end. An `Err` with a line that makes no words is of that line only; what is not
    /// RESP within RESP ends the input.
    pub fn next(&mut self) -> Result<Option<Request>, (u64, String, bool)> {
        loop {
            let start = self.line;
            let Some(line) = self.line().map_err(|text| (start, text, true))? else { return Ok(None) };
            let Some(count) = line.strip_prefix(b"*") else {
                if line.iter().all(u8::is_ascii_whitespace) || line.starts_with(b"#") {
                    continue;
                }
                let words = split_args(&line).ok_or((start, "unbalanced quotes".to_owned(), false))?;
                if words.is_empty() {
                    continue;
                }
                return Ok(Some(Request { line: start, words }));
            };
            let words = self.multibulk(count).map_err(|text| (start, text, true))?;
            if !words.is_empty() {
                return Ok(Some(Request { line: start, words }));
            }
        }
    }

    fn multibulk(&mut self, count: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let number = |digits: &[u8]| crate::base::numbers::parse_u64(digits);
        let count = number(count).filter(|n| *n <= MOST_WORDS).ok_or("a count of words that is none")?;
        let mut words = Vec::new();
        for _ in 0..count {
            let line = self.line()?.ok_or("the input ends within a command")?;
            let length = line.strip_prefix(b"$").and_then(number).and_then(|n| usize::try_from(n).ok());
            let length = length.filter(|n| *n <= MOST_BYTES).ok_or("expected '$' and a length")?;
            while self.buffer.len() - self.at < length + 2 {
                if !self.fill()? {
                    return Err("the input ends within a command".into());
                }
            }
            let word = self.buffer[self.at..self.at + length].to_vec();
            if &self.buffer[self.at + length..self.at + length + 2] != b"\r\n" {
                return Err("a word does not end where it said".into());
            }
            self.line += 1 + memchr::memchr_iter(b'\n', &word).count() as u64;
            self.at += length + 2;
            words.push(word);
        }
        Ok(words)
    }
}

struct Node {
    target: Target,
    conn: Option<Conn>,
    out: Vec<u8>,
    /// Sent or queued, oldest first.
    pending: VecDeque<Request>,
}

/// Sends commands to whom they belong.
pub struct Router<'r> {
    nodes: Vec<Node>,
    map: Option<SlotMap>,
    home: Target,
    pub replies: u64,
    pub errors: u64,
    on_error: &'r mut dyn FnMut(&Request, &[u8]),
}

impl<'r> Router<'r> {
    pub fn new(session: &mut Session<'_>, on_error: &'r mut dyn FnMut(&Request, &[u8])) -> Result<Router<'r>, Failed> {
        let home = session.target.clone();
        let map = if session.options.cluster {
            crate::commands::install();
            let reply = session.ask(&[b"CLUSTER", b"SLOTS"])?;
            SlotMap::parse(&reply, &host_of(&home.addr)).filter(|map| !map.nodes.is_empty())
        } else {
            None
        };
        let targets: Vec<Target> = match &map {
            Some(map) => map.nodes.iter().map(|node| home.at(&node.host, node.port)).collect(),
            None => vec![home.clone()],
        };
        let nodes = targets.into_iter().map(new_node).collect();
        Ok(Router { nodes, map, home, replies: 0, errors: 0, on_error })
    }

    pub fn send(&mut self, request: Request) -> Result<(), Failed> {
        let at = match &self.map {
            Some(map) => first_key(&request.words).and_then(|key| map.index_of_slot(key_slot(key))).unwrap_or(0),
            None => 0,
        };
        let node = &mut self.nodes[at];
        push_command(&mut node.out, &request.words);
        node.pending.push_back(request);
        if node.pending.len() >= BATCH || node.out.len() >= BATCH_BYTES {
            self.drain(at)?;
        }
        Ok(())
    }

    pub fn finish(&mut self) -> Result<(), Failed> {
        (0..self.nodes.len()).try_for_each(|at| self.drain(at))
    }

    fn drain(&mut self, at: usize) -> Result<(), Failed> {
        let node = &mut self.nodes[at];
        if node.pending.is_empty() {
            return Ok(());
        }
        if node.conn.is_none() {
            node.conn = Some(node.target.open().map_err(|error| {
                eprintln!("Could not connect to Redis at {}: {error}", node.target.addr);
                Failed
            })?);
        }
        let Some(conn) = &mut node.conn else { return Err(Failed) };
        conn.send_raw(&node.out).map_err(fail)?;
        node.out.clear();
        let mut moved = Vec::new();
        while let Some(request) = node.pending.pop_front() {
            let reply = conn.read().map_err(fail)?.plain();
            match reply.error() {
                None => self.replies += 1,
                Some(text) => match Redirect::parse(text).filter(|_| self.map.is_some()) {
                    Some(redirect) => moved.push((request, redirect)),
                    None => {
                        self.replies += 1;
                        self.errors += 1;
                        (self.on_error)(&request, text);
                    }
                },
            }
        }
        moved.into_iter().try_for_each(|(request, redirect)| self.resend(request, redirect))
    }

    /// One by one: slots that move are few.
    fn resend(&mut self, request: Request, mut redirect: Redirect) -> Result<(), Failed> {
        for _ in 0..5 {
            let host = if redirect.host.is_empty() { host_of(&self.home.addr) } else { redirect.host.clone() };
            let mut conn = self.home.at(&host, redirect.port).open().map_err(fail)?;
            if redirect.ask {
                conn.ask(&[b"ASKING"]).map_err(fail)?;
            } else if let Some(map) = conn.ask(&["CLUSTER", "SLOTS"]).ok().and_then(|r| SlotMap::parse(&r, &host))
                && !map.nodes.is_empty()
                && self.nodes.iter().all(|node| node.pending.is_empty())
            {
                self.nodes = map.nodes.iter().map(|node| new_node(self.home.at(&node.host, node.port))).collect();
                self.map = Some(map);
            }
            let reply = conn.ask(&request.words).map_err(fail)?;
            match reply.error().map(|text| (text, Redirect::parse(text))) {
                Some((_, Some(again))) => redirect = again,
                Some((text, None)) => {
                    self.replies += 1;
                    self.errors += 1;
                    (self.on_error)(&request, text);
                    return Ok(());
                }
                None => {
                    self.replies += 1;
                    return Ok(());
                }
            }
        }
        self.replies += 1;
        self.errors += 1;
        (self.on_error)(&request, b"ERR redirected five times over");
        Ok(())
    }
}

fn new_node(target: Target) -> Node {
    Node { target, conn: None, out: Vec::new(), pending: VecDeque::new() }
}

/// The first key of a command, by the command table; a command that the table does not know has its key in the usual
/// place.
pub fn first_key(words: &[Vec<u8>]) -> Option<&[u8]> {
    let args = OwnedArgs::new(words);
    let Some(command) = table::find_words(args.args()) else { return words.get(1).map(Vec::as_slice) };
    let mut places: Vec<KeyPos> = Vec::new();
    command.keys.positions(args.args(), &mut places).ok()?;
    words.get(places.first()?.index as usize).map(Vec::as_slice)
}

pub fn run(session: &mut Session<'_>, file: &[u8]) -> Result<(), Failed> {
    session.conn()?;
    let name = if file == b"-" { "stdin".to_owned() } else { String::from_utf8_lossy(file).into_owned() };
    let path = Path::new(std::ffi::OsStr::from_bytes(file));
    let (input, size): (Box<dyn Read>, Option<u64>) = if file == b"-" {
        (Box::new(io::stdin().lock()), None)
    } else {
        let opened = File::open(path).map_err(|error| {
            eprintln!("{name}: {}", reason(&error));
            Failed
        })?;
        let size = opened.metadata().ok().map(|meta| meta.len());
        (Box::new(opened), size)
    };
    let mut say = |request: &Request, text: &[u8]| {
        eprintln!("{name}:{}: {}", request.line, String::from_utf8_lossy(&harmless(text)));
    };
    let mut router = Router::new(session, &mut say)?;
    let mut feed = Feed::new(input);
    let (mut wrong, mut told, start) = (0u64, Instant::now(), Instant::now());
    let progress = on_terminal();
    loop {
        match feed.next() {
            Ok(Some(request)) => router.send(request)?,
            Ok(None) => break,
            Err((line, text, fatal)) => {
                eprintln!("{name}:{line}: {text}");
                wrong += 1;
                if fatal {
                    break;
                }
            }
        }
        if progress && told.elapsed() > Duration::from_millis(200) {
            told = Instant::now();
            let share =
                size.map_or(String::new(), |size| format!("{:5.1}% ", 100.0 * feed.bytes as f64 / size.max(1) as f64));
            eprint!("\r{share}{} commands, {} errors", router.replies, router.errors);
        }
    }
    router.finish()?;
    if progress {
        eprint!("\r\x1b[2K");
    }
    let seconds = start.elapsed().as_secs_f64();
    out::text(&format!(
        "commands: {}, errors: {}, unreadable: {wrong}, seconds: {seconds:.2}\n",
        router.replies, router.errors
    ));
    if router.errors + wrong == 0 { Ok(()) } else { Err(Failed) }
}

/// `--pipe -c`: routed by slot, in `--pipe`'s words.
pub fn pipe(session: &mut Session<'_>) -> Result<(), Failed> {
    session.conn()?;
    let mut say = |_: &Request, text: &[u8]| eprintln!("{}", String::from_utf8_lossy(&harmless(text)));
    let mut router = Router::new(session, &mut say)?;
    let mut feed = Feed::new(io::stdin().lock());
    let mut wrong = 0;
    loop {
        match feed.next() {
            Ok(Some(request)) => router.send(request)?,
            Ok(None) => break,
            Err((line, text, fatal)) => {
                eprintln!("stdin:{line}: {text}");
                wrong += 1;
                if fatal {
                    break;
                }
            }
        }
    }
    out::text("All data transferred. Waiting for the last reply...\n");
    router.finish()?;
    out::text("Last reply received from server.\n");
    let errors = router.errors + wrong;
    out::text(&format!("errors: {errors}, replies: {}\n", router.replies));
    if errors == 0 { Ok(()) } else { Err(Failed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Vec<Result<Request, (u64, String, bool)>> {
        let mut feed = Feed::new(input);
        let mut found = Vec::new();
        loop {
            match feed.next() {
                Ok(Some(request)) => found.push(Ok(request)),
                Ok(None) => return found,
                Err(error) => {
                    let fatal = error.2;
                    found.push(Err(error));
                    if fatal {
                        return found;
                    }
                }
            }
        }
    }

    #[test]
    fn lines_and_resp_with_their_numbers() {
        let found = all(b"# words\n\nSET a \"b c\"\r\n*2\r\n$3\r\nGET\r\n$3\r\na\nb\r\nPING");
        let words = |line, list: &[&[u8]]| Ok(Request { line, words: list.iter().map(|w| w.to_vec()).collect() });
        assert_eq!(found, [words(3, &[b"SET", b"a", b"b c"]), words(4, &[b"GET", b"a\nb"]), words(10, &[b"PING"])]);
    }

    #[test]
    fn wrong_input_is_told_and_never_taken() {
        assert!(matches!(all(b"set \"a\nping").as_slice(), [Err((1, _, false)), Ok(Request { line: 2, .. })]));
        for input in [
            "*1\r\n$99999999999\r\n",
            "*1\r\n:1\r\n",
            "*x\r\n",
            "*1\r\n$5\r\nab",
            "*1\r\n$1\r\nabc\r\n",
            "*99999999\r\n",
        ] {
            assert!(matches!(all(input.as_bytes()).as_slice(), [Err((1, _, true))]), "{input:?}");
        }
    }
}
