//! The reader: bytes to events. Records are here; values in `read_value`, and those that are streams in `read_stream`.

use super::compact::Form;
use super::event::{Event, Header, KeyHead, ModuleId, Part};
use super::fault::{Fault, Why};
use super::kind::{self, ValueKind};
use super::read_stream::StreamStep;
use super::source::{Piece, Source};
use std::io::{Empty, Read};

/// Redis versions up to this are read, and Valkey's 80.
const NEWEST_REDIS: u32 = 13;
const VALKEY: std::ops::RangeInclusive<u32> = 80..=80;

/// Whether a version is one that is read, of Valkey's own or of all others.
pub(super) fn is_known(version: u32, valkey: bool) -> bool {
    if valkey { VALKEY.contains(&version) } else { (1..=NEWEST_REDIS).contains(&version) }
}

/// Reads a file, a stream or a payload, and stops behind its last byte.
///
/// ```text
/// let mut reader = Reader::new(file);
/// loop {
///     match reader.next()? {
///         Event::Key(key) => …,
///         Event::End { .. } => break,
///         _ => {}
///     }
/// }
/// ```
pub struct Reader<R> {
    pub(super) source: Source<R>,
    pub(super) step: Step,
    header: Header,
    key: Vec<u8>,
    pub(super) kind: Option<ValueKind>,
    verify: bool,
    pub(super) doing: Doing,
}

/// What is expected next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Magic,
    Record,
    Count(ValueKind),
    Text,
    Items(u64),
    Scored {
        left: u64,
        text: bool,
    },
    Fields {
        left: u64,
        expiry: FieldExpiry,
    },
    Packed(Form),
    Nodes {
        left: u64,
        marked: bool,
    },
    Stream(StreamStep),
    Module,
    /// What a module wrote beside the keys.
    ModuleAux,
    KeyEnd,
    End,
}

/// Where a field's expiry lies.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldExpiry {
    None,
    /// A number before the field, 1 more than the distance from this first one; 0: none.
    Before(i64),
    /// A number before the field; 0: none.
    BeforeWhole,
    /// 8 bytes behind the value; -1: none.
    Behind,
}

/// What the reader was about, in redis-check-rdb's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    Start,
    Type,
    Expiry,
    Key,
    Value,
    Checksum,
    Length,
    Aux,
    ModuleAux,
    Function,
}

impl Doing {
    pub fn word(self) -> &'static str {
        match self {
            Doing::Start => "start",
            Doing::Type => "read-type",
            Doing::Expiry => "read-expire",
            Doing::Key => "read-key",
            Doing::Value => "read-object-value",
            Doing::Checksum => "check-sum",
            Doing::Length => "read-len",
            Doing::Aux => "read-aux",
            Doing::ModuleAux => "read-module-aux",
            Doing::Function => "read-function",
        }
    }
}

/// A step that gives an event as soon as its pieces can be looked up.
pub(super) enum Told {
    Aux(Piece, Piece),
    SelectDb(u64),
    ResizeDb(u64, u64),
    SlotInfo(u64, u64, u64),
    SlotImport(Piece, u64),
    Function(Piece),
    ModuleAux(ModuleId),
    Key(Head),
    Count(u64),
    Text(Piece),
    Item(Piece),
    Scored(Piece, f64),
    Field(Piece, Piece, Option<i64>),
    Packed(Form, Piece),
    Module(ModuleId),
    /// A part of a stream whose texts are this piece.
    Stream(super::read_stream::Told),
    KeyEnd,
    End(Option<u64>),
    Header,
}

/// A key's head but for its name.
#[derive(Clone, Copy)]
pub(super) struct Head {
    kind: ValueKind,
    expires_at_ms: Option<i64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
    at: u64,
}

impl Reader<Empty> {
    /// Reads a value alone: what lies behind the type byte in a payload. `valkey` tells whose numbers of types are meant.
    pub fn of_value(kind: ValueKind, bytes: &[u8]) -> Reader<Empty> {
        let mut reader = Reader::over(bytes);
        reader.begin_value(kind);
        reader
    }

    /// Reads a whole file that lies in memory.
    pub fn over(bytes: &[u8]) -> Reader<Empty> {
        Reader::on_source(Source::with_window(std::io::empty(), bytes.to_vec(), bytes.len()))
    }
}

impl<R: Read> Reader<R> {
    pub fn new(inner: R) -> Reader<R> {
        Reader::on_source(Source::new(inner))
    }

    /// The same with a small window, for many short looks.
    pub fn within_window(inner: R, offset: u64, header: Header) -> Reader<R> {
        let mut reader = Reader::on_source(Source::with_window(inner, vec![0; 512], 0));
        reader.source.set_offset(offset);
        (reader.header, reader.step, reader.verify) = (header, Step::Record, false);
        reader
    }

    /// Goes on in the middle of a file, at the beginning of a record: for what is past a broken one. No checksum is computed.
    pub fn within(inner: R, offset: u64, header: Header) -> Reader<R> {
        let mut reader = Reader::on_source(Source::new(inner));
        reader.source.set_offset(offset);
        (reader.header, reader.step, reader.verify) = (header, Step::Record, false);
        reader
    }

    fn on_source(source: Source<R>) -> Reader<R> {
        let header = Header { version: 0, valkey: false };
        Reader { source, step: Step::Magic, header, key: Vec::new(), kind: None, verify: true, doing: Doing::Start }
    }

    /// Whether a wrong checksum is a fault (it is unless this says no).
    pub fn verify_checksum(&mut self, yes: bool) {
        self.verify = yes;
    }

    /// How many bytes were taken in.
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }

    /// What the file says it is, once [`Event::Header`] was told.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The key at hand, or the last one.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The kind of its value; `None` before the first key.
    pub fn kind(&self) -> Option<ValueKind> {
        self.kind
    }

    /// What it was doing when a fault stopped it.
    pub fn doing(&self) -> Doing {
        self.doing
    }

    /// The source, and the bytes that were read from it and lie behind the end.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        self.source.into_rest()
    }

    /// The next event; [`Event::End`] again and again at the end. After a fault nothing sensible comes.
    #[allow(clippy::should_implement_trait)] // it lends
    #[inline]
    pub fn next(&mut self) -> Result<Event<'_>, Fault> {
        let told = self.step()?;
        Ok(self.event(told))
    }

    /// A record is what comes next.
    pub(super) fn is_between_records(&self) -> bool {
        matches!(self.step, Step::Record)
    }

    /// Takes what is left of the value at hand without unpacking it, up to and with its [`Event::KeyEnd`].
    pub fn skip_value(&mut self) -> Result<(), Fault> {
        while !matches!(self.step, Step::Record | Step::Magic | Step::ModuleAux | Step::End) {
            self.source.forget();
            match self.step {
                Step::Text | Step::Packed(_) => {
                    if matches!(self.kind, Some(ValueKind::HashListpackEx)) {
                        self.source.i64_le()?;
                    }
                    self.source.skip_string()?;
                    self.step = Step::KeyEnd;
                }
                Step::Items(left) if left > 0 => {
                    self.source.skip_string()?;
                    self.step = Step::Items(left - 1);
                }
                _ => {
                    self.step()?;
                }
            }
        }
        Ok(())
    }

    /// Ends the value at hand, all of whose parts were told.
    pub(super) fn end_key(&mut self) {
        self.step = Step::Record;
    }

    pub(super) fn event(&self, told: Told) -> Event<'_> {
        let item = |piece| self.source.item(piece);
        match told {
            Told::Header => Event::Header(self.header),
            Told::Aux(name, value) => Event::Aux { name: item(name), value: item(value) },
            Told::SelectDb(n) => Event::SelectDb(n),
            Told::ResizeDb(keys, expiring) => Event::ResizeDb { keys, expiring },
            Told::SlotInfo(slot, keys, expiring) => Event::SlotInfo { slot, keys, expiring },
            Told::SlotImport(job, ranges) => Event::SlotImport { job: item(job), ranges },
            Told::Function(code) => Event::Function(item(code)),
            Told::ModuleAux(id) => Event::ModuleAux(id),
            Told::Key(Head { kind, expires_at_ms, idle_s, freq, at }) => {
                Event::Key(KeyHead { name: &self.key, kind, expires_at_ms, idle_s, freq, at })
            }
            Told::Count(n) => Event::Part(Part::Count(n)),
            Told::Text(text) => Event::Part(Part::Text(item(text))),
            Told::Item(text) => Event::Part(Part::Item(item(text))),
            Told::Scored(member, score) => Event::Part(Part::Scored(item(member), score)),
            Told::Field(name, value, expires_at_ms) => {
                Event::Part(Part::Field { name: item(name), value: item(value), expires_at_ms })
            }
            Told::Packed(form, piece) => Event::Part(Part::Packed(form, self.source.bytes(piece))),
            Told::Module(id) => Event::Part(Part::Module(id)),
            Told::Stream(told) => Event::Part(told.part(&self.source)),
            Told::KeyEnd => Event::KeyEnd,
            Told::End(checksum) => Event::End { checksum },
        }
    }

    #[inline]
    pub(super) fn step(&mut self) -> Result<Told, Fault> {
        self.source.forget();
        loop {
            return Ok(match self.step {
                Step::Magic => self.magic()?,
                Step::Record => self.record()?,
                Step::Text => {
                    let text = self.source.string()?;
                    self.step = Step::KeyEnd;
                    Told::Text(text)
                }
                Step::KeyEnd => {
                    self.step = Step::Record;
                    Told::KeyEnd
                }
                Step::Items(0)
                | Step::Scored { left: 0, .. }
                | Step::Fields { left: 0, .. }
                | Step::Nodes { left: 0, .. } => {
                    self.step = Step::KeyEnd;
                    continue;
                }
                Step::Items(left) => {
                    let item = self.source.string()?;
                    self.step = Step::Items(left - 1);
                    Told::Item(item)
                }
                Step::Scored { left, text } => {
                    let member = self.source.string()?;
                    let score =
                        if text { self.source.text_double()? } else { f64::from_le_bytes(self.source.array()?) };
                    self.step = Step::Scored { left: left - 1, text };
                    Told::Scored(member, score)
                }
                Step::Fields { left, expiry } => self.field(left, expiry)?,
                Step::Packed(form) => {
                    if matches!(self.kind, Some(ValueKind::HashListpackEx)) {
                        // The first expiry, which the listpack tells as well.
                        self.source.i64_le()?;
                    }
                    let piece = self.source.string()?;
                    self.step = Step::KeyEnd;
                    Told::Packed(form, self.source.spell(piece))
                }
                Step::Nodes { left, marked } => self.node(left, marked)?,
                Step::Count(kind) => self.count(kind)?,
                Step::Stream(step) => match self.stream(step)? {
                    Some(told) => Told::Stream(told),
                    None => continue,
                },
                Step::Module => {
                    let id = self.module()?;
                    self.step = Step::KeyEnd;
                    Told::Module(id)
                }
                Step::ModuleAux => {
                    self.module_items()?;
                    self.step = Step::Record;
                    continue;
                }
                Step::End => Told::End(None),
            });
        }
    }

    pub(super) fn set_step(&mut self, step: Option<StreamStep>) {
        self.step = step.map_or(Step::KeyEnd, Step::Stream);
    }

    fn magic(&mut self) -> Result<Told, Fault> {
        let magic: [u8; 9] = self.source.array()?;
        let (digits, valkey) = match &magic {
            [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (&digits[..], false),
            [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (&digits[..], true),
            _ => return Err(self.source.fault(Why::Magic)),
        };
        // As C's atoi: what is no number is 0.
        let version =
            digits.iter().map_while(|c| c.is_ascii_digit().then(|| u32::from(c - b'0'))).fold(0, |n, d| n * 10 + d);
        self.header = Header { version, valkey };
        if !is_known(version, valkey) {
            return Err(self.source.fault(Why::Version(version)));
        }
        self.step = Step::Record;
        Ok(Told::Header)
    }

    fn record(&mut self) -> Result<Told, Fault> {
        let at = self.source.offset();
        let (mut expires_at_ms, mut idle_s, mut freq) = (None, None, None);
        loop {
            self.doing = Doing::Type;
            let byte = self.source.byte()?;
            match byte {
                kind::EXPIRY_MS => {
                    self.doing = Doing::Expiry;
                    expires_at_ms = Some(self.source.i64_le()?);
                    continue;
                }
                kind::EXPIRY_S => {
                    self.doing = Doing::Expiry;
                    expires_at_ms = Some(i64::from(i32::from_le_bytes(self.source.array()?)) * 1000);
                    continue;
                }
                kind::IDLE => {
                    idle_s = Some(self.source.length()?);
                    continue;
                }
                kind::FREQ => {
                    freq = Some(self.source.byte()?);
                    continue;
                }
                // Numbers of types are low, of opcodes high: none is both.
                kind::SLOT_IMPORT.. => {
                    if let Some(told) = self.opcode(byte)? {
                        return Ok(told);
                    }
                }
                _ => {
                    let kind = ValueKind::of(byte, self.header.valkey);
                    let kind = kind.ok_or_else(|| self.source.fault(Why::Type(byte)))?;
                    self.doing = Doing::Key;
                    self.kind = None;
                    let name = self.source.string()?;
                    self.key.clear();
                    self.source.item(name).write_to(&mut self.key);
                    self.source.forget();
                    self.begin_value(kind);
                    return Ok(Told::Key(Head { kind, expires_at_ms, idle_s, freq, at }));
                }
            }
        }
    }

    fn opcode(&mut self, byte: u8) -> Result<Option<Told>, Fault> {
        Ok(Some(match byte {
            kind::EOF => {
                self.step = Step::End;
                Told::End(self.end()?)
            }
            kind::SELECT_DB => {
                self.doing = Doing::Length;
                Told::SelectDb(self.source.length()?)
            }
            kind::RESIZE_DB => {
                self.doing = Doing::Length;
                Told::ResizeDb(self.source.length()?, self.source.length()?)
            }
            kind::AUX => {
                self.doing = Doing::Aux;
                Told::Aux(self.source.string()?, self.source.string()?)
            }
            kind::MODULE_AUX => {
                self.doing = Doing::ModuleAux;
                Told::ModuleAux(self.module_aux()?)
            }
            kind::FUNCTION2 => {
                self.doing = Doing::Function;
                Told::Function(self.source.string()?)
            }
            kind::FUNCTION_PRE_GA => {
                self.doing = Doing::Function;
                return Err(self.source.fault("Pre-release function format not supported"));
            }
            kind::SLOT_INFO => {
                self.doing = Doing::Length;
                Told::SlotInfo(self.source.length()?, self.source.length()?, self.source.length()?)
            }
            kind::SLOT_IMPORT if self.header.valkey => {
                self.doing = Doing::Length;
                let (job, ranges) = (self.source.string()?, self.source.length()?);
                // A cluster has 16384 slots, so more ranges than half of them there are not.
                if ranges > 16_384 {
                    return Err(self.source.fault("more ranges of slots than slots"));
                }
                for _ in 0..2 * ranges {
                    self.source.length()?;
                }
                Told::SlotImport(job, ranges)
            }
            _ => return Err(self.source.fault(Why::Type(byte))),
        }))
    }

    fn end(&mut self) -> Result<Option<u64>, Fault> {
        if self.header.version < 5 {
            return Ok(None);
        }
        self.doing = Doing::Checksum;
        let computed = self.source.checksum();
        let stored = u64::from_le_bytes(self.source.array()?);
        match stored {
            0 => Ok(None),
            _ if stored == computed || !self.verify => Ok(Some(stored)),
            _ => Err(self.source.fault(Why::Checksum { stored, computed })),
        }
    }
}
