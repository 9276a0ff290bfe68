//! What rustyline asks while somebody types: hints, completions, colours, and whether a quote is still open.

use super::hints;
use crate::{
    base::terminal::columns,
    client::{Conn, Target},
    engine::{keyspec::KeyPos, syntax, table},
    resp::{OwnedArgs, Value, harmless::harmless_text, inline::split_args},
};
use rustyline::{
    Context, Helper,
    completion::{Completer, Pair},
    highlight::{CmdKind, Highlighter},
    hint::{Hint, Hinter},
    validate::{ValidationContext, ValidationResult, Validator},
};
use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long Tab and hints may keep a user waiting for the server.
const PATIENCE: Duration = Duration::from_millis(300);
/// Keys that Tab offers.
const MOST_KEYS: usize = 100;

/// What the helper asks the server on a connection of its own; the session's must not see it.
pub struct Side {
    pub target: Target,
    conn: Option<Conn>,
    /// Usage of commands that our table does not have.
    usages: HashMap<String, Option<String>>,
    asleep_until: Option<Instant>,
}

impl Side {
    fn ask(&mut self, words: &[&[u8]]) -> Option<Value> {
        if self.asleep_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let target = Target { connect_timeout: Some(PATIENCE), resp3: false, ..self.target.clone() };
        if self.conn.is_none() {
            self.conn = target.open().ok();
        }
        let answer = self.conn.as_mut().and_then(|conn| {
            conn.send(words).ok()?;
            conn.read_within(PATIENCE).ok()?
        });
        if answer.is_none() {
            // A server that is away or busy is left alone for a while.
            self.conn = None;
            self.asleep_until = Some(Instant::now() + Duration::from_secs(5));
        }
        answer
    }

    /// Keys that begin so, as far as the first pages of SCAN know.
    fn keys(&mut self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let mut pattern: Vec<u8> = Vec::new();
        for b in prefix {
            if b"*?[]\\^".contains(b) {
                pattern.push(b'\\');
            }
            pattern.push(*b);
        }
        pattern.push(b'*');
        let (mut found, mut cursor) = (Vec::new(), b"0".to_vec());
        let start = Instant::now();
        while found.len() < MOST_KEYS && start.elapsed() < PATIENCE {
            let Some(page) = self.ask(&[b"SCAN", &cursor, b"MATCH", &pattern, b"COUNT", b"1000"]) else { break };
            let Some([next, keys]) = page.items() else { break };
            found.extend(keys.items().unwrap_or_default().iter().filter_map(|key| key.text().map(<[u8]>::to_vec)));
            match next.text() {
                Some(next) if next != b"0" => cursor = next.to_vec(),
                _ => break,
            }
        }
        found.sort();
        found.dedup();
        found.truncate(MOST_KEYS);
        found
    }

    /// A command's arguments by the server's COMMAND DOCS.
    fn usage(&mut self, name: &str) -> Option<String> {
        if let Some(known) = self.usages.get(name) {
            return known.clone();
        }
        let docs = self.ask(&[b"COMMAND", b"DOCS", name.as_bytes()])?;
        let usage =
            docs.items().and_then(|pair| pair.get(1)).and_then(|doc| field(doc, "arguments")).map(|arguments| {
                arguments.items().unwrap_or_default().iter().map(|arg| usage_of(arg, 0)).collect::<Vec<_>>().join(" ")
            });
        // The server's words go to the terminal.
        let usage =
            usage.map(|usage| harmless_text(usage.replace(['\n', '\t'], " ").as_bytes()).chars().take(300).collect());
        if self.usages.len() < 1000 {
            self.usages.insert(name.to_owned(), usage.clone());
        }
        usage
    }
}

fn field<'v>(doc: &'v Value, name: &str) -> Option<&'v Value> {
    doc.pairs()?.into_iter().find(|(key, _)| key.text() == Some(name.as_bytes())).map(|(_, value)| value)
}

fn usage_of(arg: &Value, depth: usize) -> String {
    let text = |name: &str| field(arg, name).and_then(Value::text).map(|t| String::from_utf8_lossy(t).into_owned());
    let inner = || {
        let args = field(arg, "arguments").and_then(Value::items).unwrap_or_default();
        if depth > 8 { Vec::new() } else { args.iter().map(|arg| usage_of(arg, depth + 1)).collect::<Vec<_>>() }
    };
    let flags: Vec<String> = field(arg, "flags")
        .and_then(Value::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|flag| flag.text().map(|t| String::from_utf8_lossy(t).into_owned()))
        .collect();
    let has = |flag: &str| flags.iter().any(|known| known == flag);
    let name = text("display_text").or_else(|| text("name")).unwrap_or_default();
    let body = match text("type").as_deref() {
        Some("pure-token") => String::new(),
        Some("oneof") => inner().join("|"),
        Some("block") => inner().join(" "),
        _ => name,
    };
    let mut usage = match text("token") {
        Some(token) if body.is_empty() => token,
        Some(token) => format!("{token} {body}"),
        None => body,
    };
    if has("multiple") {
        usage = format!("{usage} [{usage} ...]");
    }
    if has("optional") { format!("[{usage}]") } else { usage }
}

pub struct Typing {
    pub side: RefCell<Side>,
    pub hints: bool,
    pub colours: bool,
    pub complete_keys: bool,
    /// Columns that the prompt takes.
    pub prompt: Cell<usize>,
}

/// The syntax still to come, behind the cursor. It is there to be read: no key makes it part of the line.
pub struct Ahead(String);

impl Hint for Ahead {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Typing {
    pub fn new(target: Target, colours: bool, complete_keys: bool) -> Typing {
        let side = Side { target, conn: None, usages: HashMap::new(), asleep_until: None };
        Typing { side: RefCell::new(side), hints: true, colours, complete_keys, prompt: Cell::new(0) }
    }

    pub fn retarget(&self, target: &Target) {
        let mut side = self.side.borrow_mut();
        if side.target != *target {
            (side.target, side.conn, side.asleep_until) = (target.clone(), None, None);
        }
    }
}

impl Helper for Typing {}

/// The words before the cursor's own, and where that one starts.
fn split_at_cursor(line: &str) -> Option<(Vec<Vec<u8>>, usize)> {
    let start =
        line.rfind(char::is_whitespace).map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    Some((split_args(&line.as_bytes()[..start])?, start))
}

impl Completer for Typing {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Some((words, start)) = line.get(..pos).and_then(split_at_cursor) else { return Ok((pos, Vec::new())) };
        let typed = &line[start..pos];
        let lower = typed.bytes().any(|b| b.is_ascii_lowercase())
            || typed.is_empty() && words.iter().flatten().any(u8::is_ascii_lowercase);
        let upper = typed.to_ascii_uppercase();
        let as_typed = |word: &str| if lower { word.to_ascii_lowercase() } else { word.to_ascii_uppercase() };
        let mut found: Vec<String> = Vec::new();
        let mut offer = |word: &str| {
            if word.to_ascii_uppercase().starts_with(&upper) {
                found.push(as_typed(word));
            }
        };
        let asks_help = words.first().is_some_and(|word| super::super::help::is_asked(word));
        match words.as_slice() {
            [] => {
                table::top().iter().for_each(|command| offer(command.spec.name));
                ["help", "quit", "exit", "connect", "clear", "peek"].iter().for_each(|word| offer(word));
                [":set ", ":view ", ":help"]
                    .iter()
                    .filter(|word| word.starts_with(typed) && !typed.is_empty())
                    .for_each(|word| found.push((*word).to_owned()));
            }
            [_] if asks_help => {
                table::top().iter().for_each(|command| offer(command.spec.name));
                let mut groups: Vec<String> = table::top().iter().map(|c| format!("@{}", c.spec.group)).collect();
                groups.sort();
                groups.dedup();
                groups.iter().for_each(|group| offer(group));
            }
            words => {
                if let [name] = words
                    && let Some(command) = table::find(name).filter(|command| command.is_container())
                {
                    command.subs.iter().for_each(|sub| offer(sub.spec.name));
                } else if let Some((command, named)) = hints::command_of(words)
                    && let Some(args) = hints::remaining(command, &words[named..])
                {
                    hints::tokens(&args).iter().for_each(|token| offer(token));
                }
                if found.is_empty() && self.complete_keys && is_key_place(words) {
                    let plain = |key: &Vec<u8>| {
                        !key.is_empty() && key.iter().all(|b| b.is_ascii_graphic() && !b"\"'\\".contains(b))
                    };
                    let keys = self.side.borrow_mut().keys(typed.as_bytes());
                    found.extend(
                        keys.iter().filter(|key| plain(key)).map(|key| String::from_utf8_lossy(key).into_owned()),
                    );
                }
            }
        }
        found.sort();
        found.dedup();
        let pairs = found
            .into_iter()
            .map(|word| Pair { display: word.clone(), replacement: format!("{word} ").replace("  ", " ") });
        Ok((start, pairs.collect()))
    }
}

/// True if the word that comes next is a key.
fn is_key_place(words: &[Vec<u8>]) -> bool {
    if words.first().is_some_and(|word| word.eq_ignore_ascii_case(b"peek")) {
        return words.len() == 1;
    }
    // With enough words behind it for the arity, and a number that counts one.
    let mut all: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    all.extend([b"1".as_slice(); 4]);
    let args = OwnedArgs::new(&all);
    let Some(command) = table::find_words(args.args()) else { return false };
    let mut places: Vec<KeyPos> = Vec::new();
    // Places that do not add up are no places.
    let _ = command.keys.positions(args.args(), &mut places);
    places.iter().any(|place| place.index as usize == words.len())
}

impl Hinter for Typing {
    type Hint = Ahead;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<Ahead> {
        if !self.hints || pos < line.len() || line.is_empty() {
            return None;
        }
        let words = split_args(line.as_bytes())?;
        let ends = line.ends_with(char::is_whitespace);
        let gap = if ends { "" } else { " " };
        let usage = match hints::command_of(&words) {
            Some((command, named)) => {
                let args = hints::remaining(command, &words[named..])?;
                if command.is_container() { return None } else { syntax::usage(&args) }
            }
            None if ends && words.len() == 1 && table::find(&words[0]).is_none() => {
                let name = std::str::from_utf8(&words[0]).ok()?.to_ascii_lowercase();
                if name.starts_with(':')
                    || ["help", "quit", "exit", "clear", "connect", "peek"].contains(&name.as_str())
                {
                    return None;
                }
                self.side.borrow_mut().usage(&name)?
            }
            None => return None,
        };
        // What does not fit beside the line would push it about.
        let room = columns().saturating_sub(self.prompt.get() + line.chars().count() + 1);
        let hint: String = format!("{gap}{usage}").chars().take(room).collect();
        (!usage.is_empty() && !hint.trim().is_empty()).then_some(Ahead(hint))
    }
}

impl Highlighter for Typing {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if !self.colours || line.is_empty() {
            return Cow::Borrowed(line);
        }
        let mut out = String::with_capacity(line.len() + 32);
        let mut first = true;
        let mut rest = line;
        while !rest.is_empty() {
            let blank = rest.len() - rest.trim_start().len();
            out.push_str(&rest[..blank]);
            rest = &rest[blank..];
            let end = word_end(rest);
            let word = &rest[..end];
            rest = &rest[end..];
            if word.is_empty() {
                continue;
            }
            let colour = if first {
                if table::find(word.as_bytes()).is_some() { "1;36" } else { "0" }
            } else if word.starts_with(['"', '\'']) {
                "32"
            } else if word.parse::<f64>().is_ok() {
                "33"
            } else if word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase()) {
                "35"
            } else {
                "0"
            };
            first = false;
            out.push_str(&format!("\x1b[{colour}m{word}\x1b[0m"));
        }
        Cow::Owned(out)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.colours { Cow::Owned(format!("\x1b[90m{hint}\x1b[0m")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.colours && !matches!(kind, CmdKind::MoveCursor)
    }
}

/// Where a word ends, quotes taken together.
fn word_end(text: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => return at,
            None => {}
        }
    }
    text.len()
}

/// True if a quote is open at the end: the line goes on.
pub fn is_open(line: &str) -> bool {
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return false;
        }
        let end = word_end(rest);
        if end == rest.len() {
            let Some(at) = rest.find(['"', '\'']) else { return false };
            let quote = rest[at..].chars().next().unwrap_or('"');
            let mut escaped = false;
            for c in rest[at + 1..].chars() {
                if escaped {
                    escaped = false;
                } else if c == '\\' {
                    escaped = true;
                } else if c == quote {
                    return false;
                }
            }
            return true;
        }
        rest = &rest[end..];
    }
}

impl Validator for Typing {
    fn validate(&self, ctx: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_open(ctx.input()) { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_while_a_quote_is_open() {
        for line in ["", "get a", "set a \"b\"", "set a 'b \" c'", "set a \"b\\\"c\"", "a\"b c\""] {
            assert!(!is_open(line), "{line}");
        }
        for line in ["set a \"b", "set a 'b \"c\"", "set a \"b\\\"", "set \"x y\" \"z"] {
            assert!(is_open(line), "{line}");
        }
    }
}
