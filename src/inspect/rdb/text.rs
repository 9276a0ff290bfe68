//! A value as text, part by part.
//!
//! ```text
//!  string  "…"            list, set  ["…", …]         zset  [{"member":"…","score":1.5}, …]
//!  hash    [{"field":"…","value":"…"[,"expires_at_ms":n]}, …]
//!  stream  {"entries":[{"id":"1-1","fields":[["…","…"], …]}, …],"length":n,"last_id":"…", …,"groups":[…]}
//! ```

use crate::data::stream::{Stream, StreamId};
use crate::data::{Item, parse_int};
use crate::inspect::json;
use crate::rdb::{Elements, Form, Part, ValueKind, Why};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Json,
    /// For eyes: `{"field": "value"}`, and texts as redis-cli shows them.
    Shown,
}

pub struct ValueText {
    style: Style,
    kind: ValueKind,
    text: Vec<u8>,
    /// A string's own bytes.
    raw: Option<Vec<u8>>,
    int: bool,
    elements: u64,
    level: Level,
    /// Spare memory for whoever prints.
    pub line: Vec<u8>,
}

/// How deep in a stream's groups the text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Groups,
    Pending,
    Consumers,
    ConsumerPending,
}

impl ValueText {
    pub fn new(style: Style) -> ValueText {
        ValueText {
            style,
            kind: ValueKind::String,
            text: Vec::new(),
            raw: None,
            int: false,
            elements: 0,
            level: Level::Top,
            line: Vec::new(),
        }
    }

    pub fn begin(&mut self, kind: ValueKind) {
        (self.kind, self.raw, self.int, self.elements, self.level) = (kind, None, false, 0, Level::Top);
        self.text.clear();
        let open: &[u8] = match (kind.type_name(), self.style) {
            ("string" | "module", _) => b"",
            ("stream", _) => b"{\"entries\":[",
            ("hash" | "zset", Style::Shown) => b"{",
            _ => b"[",
        };
        self.text.extend_from_slice(open);
    }

    /// What OBJECT ENCODING would say of what lies in the file; strings are told apart by their bytes.
    pub fn encoding(&self) -> &'static str {
        match (&self.raw, self.kind) {
            (Some(_), ValueKind::String) if self.int => "int",
            (Some(raw), ValueKind::String) => {
                if raw.len() <= 44 {
                    "embstr"
                } else {
                    "raw"
                }
            }
            (_, kind) => kind.encoding(),
        }
    }

    pub fn elements(&self) -> u64 {
        if self.raw.is_some() { 1 } else { self.elements }
    }

    /// The bytes, if the value is a string.
    pub fn whole_text(&self) -> Option<&[u8]> {
        self.raw.as_deref()
    }

    /// The text, complete.
    pub fn finish(&mut self) -> &[u8] {
        let close: &[u8] = match (self.kind.type_name(), self.style) {
            ("string", _) => {
                if let Some(raw) = &self.raw {
                    write_text(self.style, raw, &mut self.text);
                }
                b""
            }
            ("module", _) => b"",
            ("stream", _) => {
                self.up_to(Level::Top);
                b"}"
            }
            ("hash" | "zset", Style::Shown) => b"}",
            _ => b"]",
        };
        self.text.extend_from_slice(close);
        &self.text
    }

    pub fn add(&mut self, part: &Part<'_>) -> Result<(), Why> {
        match *part {
            Part::Count(_) => {}
            Part::Text(item) => {
                self.int = matches!(item, Item::Int(_)) || item.as_int().is_some();
                let mut raw = self.raw.take().unwrap_or_default();
                raw.clear();
                item.write_to(&mut raw);
                self.raw = Some(raw);
            }
            Part::Item(item) => self.element(item),
            Part::Scored(member, score) => self.scored(member, |out| json::score(score, out)),
            Part::Field { name, value, expires_at_ms } => self.field(name, value, expires_at_ms),
            Part::Packed(form, bytes) => self.packed(form, bytes)?,
            Part::Module(id) => {
                let about = format!("{id} version {}", id.version());
                self.text.extend_from_slice(b"{\"module\":");
                json::text(about.as_bytes(), &mut self.text);
                self.text.push(b'}');
            }
            _ => self.stream(part)?,
        }
        Ok(())
    }

    fn comma(&mut self) {
        if !matches!(self.text.last(), Some(b'[' | b'{') | None) {
            self.text.extend_from_slice(if self.style == Style::Shown { b", " } else { b"," });
        }
    }

    fn text(&mut self, item: Item<'_>) {
        item.with(|bytes| write_text(self.style, bytes, &mut self.text));
    }

    fn element(&mut self, item: Item<'_>) {
        self.comma();
        self.text(item);
        self.elements += 1;
    }

    fn scored(&mut self, member: Item<'_>, score: impl FnOnce(&mut Vec<u8>)) {
        self.comma();
        if self.style == Style::Shown {
            self.text(member);
            self.text.extend_from_slice(b": ");
            score(&mut self.text);
        } else {
            self.text.extend_from_slice(b"{\"member\":");
            self.text(member);
            self.text.extend_from_slice(b",\"score\":");
            score(&mut self.text);
            self.text.push(b'}');
        }
        self.elements += 1;
    }

    fn field(&mut self, name: Item<'_>, value: Item<'_>, expires_at_ms: Option<i64>) {
        self.comma();
        if self.style == Style::Shown {
            self.text(name);
            self.text.extend_from_slice(b": ");
            self.text(value);
            if let Some(at) = expires_at_ms {
                self.text.extend_from_slice(format!(" until {}", json::time(at)).as_bytes());
            }
        } else {
            self.text.extend_from_slice(b"{\"field\":");
            self.text(name);
            self.text.extend_from_slice(b",\"value\":");
            self.text(value);
            if let Some(at) = expires_at_ms {
                self.text.extend_from_slice(b",\"expires_at_ms\":");
                json::int(at, &mut self.text);
            }
            self.text.push(b'}');
        }
        self.elements += 1;
    }

    fn packed(&mut self, form: Form, bytes: &[u8]) -> Result<(), Why> {
        let mut elements = Elements::open(form, bytes).ok_or("a packed value that is broken inside")?;
        match self.kind.type_name() {
            "zset" => {
                while let Some(member) = elements.next() {
                    let score = elements.next().ok_or("a member without its score")?;
                    let number = score_of(score).ok_or("a score that is no number")?;
                    self.scored(member, |out| json::score(number, out));
                }
            }
            "hash" => {
                while let Some(name) = elements.next() {
                    let (value, expiry) = super::field_of(&mut elements, form)?;
                    self.field(name, value, expiry);
                }
            }
            _ => elements.for_each(|item| self.element(item)),
        }
        Ok(())
    }

    fn stream(&mut self, part: &Part<'_>) -> Result<(), Why> {
        match *part {
            Part::StreamNode { first, listpack } => {
                let mut node = Stream::new();
                if !node.append_node(first, listpack) {
                    return Err("a stream's node that is broken inside".into());
                }
                for entry in node.range(StreamId::MIN, StreamId::MAX) {
                    self.comma();
                    self.text.extend_from_slice(b"{\"id\":\"");
                    json::id(entry.id, &mut self.text);
                    self.text.extend_from_slice(b"\",\"fields\":[");
                    let mut digits = (itoa::Buffer::new(), itoa::Buffer::new());
                    for (field, value) in entry.fields() {
                        self.comma();
                        self.text.push(b'[');
                        json::text(field.text(&mut digits.0), &mut self.text);
                        self.text.push(b',');
                        json::text(value.text(&mut digits.1), &mut self.text);
                        self.text.push(b']');
                    }
                    self.text.extend_from_slice(b"]}");
                    self.elements += 1;
                }
            }
            Part::StreamFigures(figures) => {
                self.text.extend_from_slice(
                    format!("],\"length\":{},\"last_id\":\"{}\"", figures.len, figures.last_id).as_bytes(),
                );
                if let Some((first, max_deleted, added)) = figures.since_2 {
                    let more = format!(
                        ",\"first_id\":\"{first}\",\"max_deleted_id\":\"{max_deleted}\",\"entries_added\":{added}"
                    );
                    self.text.extend_from_slice(more.as_bytes());
                }
                self.text.extend_from_slice(b",\"groups\":[");
                self.level = Level::Groups;
            }
            Part::Group { name, last_id, entries_read } => {
                self.up_to(Level::Groups);
                self.comma();
                self.text.extend_from_slice(b"{\"name\":");
                json::item(name, &mut self.text);
                self.text.extend_from_slice(format!(",\"last_id\":\"{last_id}\"").as_bytes());
                if let Some(read) = entries_read {
                    self.text.extend_from_slice(format!(",\"entries_read\":{read}").as_bytes());
                }
                self.text.extend_from_slice(b",\"pending\":[");
                self.level = Level::Pending;
            }
            Part::Pending { id, delivered_ms, count } => {
                self.comma();
                self.text.extend_from_slice(
                    format!("{{\"id\":\"{id}\",\"delivered_ms\":{delivered_ms},\"deliveries\":{count}}}").as_bytes(),
                );
            }
            Part::Consumer { name, seen_ms, active_ms } => {
                self.up_to(Level::Consumers);
                self.comma();
                self.text.extend_from_slice(b"{\"name\":");
                json::item(name, &mut self.text);
                self.text.extend_from_slice(format!(",\"seen_ms\":{seen_ms}").as_bytes());
                if let Some(Some(at)) = active_ms {
                    self.text.extend_from_slice(format!(",\"active_ms\":{at}").as_bytes());
                }
                self.text.extend_from_slice(b",\"pending\":[");
                self.level = Level::ConsumerPending;
            }
            Part::ConsumerPending(id) => {
                self.comma();
                self.text.extend_from_slice(format!("\"{id}\"").as_bytes());
            }
            _ => return Err("a part that a stream has no place for".into()),
        }
        Ok(())
    }

    /// Closes (and, for consumers, opens) what lies between the level at hand and another.
    fn up_to(&mut self, wanted: Level) {
        while self.level != wanted {
            let (close, next): (&[u8], _) = match (self.level, wanted) {
                (Level::ConsumerPending, _) => (b"]}", Level::Consumers),
                (Level::Consumers, _) => (b"]}", Level::Groups),
                (Level::Pending, _) => (b"],\"consumers\":[", Level::Consumers),
                (Level::Groups, Level::Top) => (b"]", Level::Top),
                _ => return,
            };
            self.text.extend_from_slice(close);
            self.level = next;
        }
    }
}

fn write_text(style: Style, bytes: &[u8], out: &mut Vec<u8>) {
    match style {
        Style::Json => json::text(bytes, out),
        Style::Shown => json::quoted(bytes, out),
    }
}

/// The score that a packed sorted set holds as text or number.
pub fn score_of(item: Item<'_>) -> Option<f64> {
    match item {
        Item::Int(n) => Some(n as f64),
        Item::Bytes(text) => parse_int(text).map(|n| n as f64).or_else(|| crate::base::double::parse_double(text)),
    }
}
