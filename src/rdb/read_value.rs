//! Reading values: what a type's byte announces, and the steps of those that come in several.

use super::compact::Form;
use super::event::ModuleId;
use super::fault::Fault;
use super::kind::ValueKind;
use super::read::{Doing, FieldExpiry, Reader, Step, Told};
use super::read_stream::StreamStep;
use std::io::Read;

impl<R: Read> Reader<R> {
    pub(super) fn begin_value(&mut self, kind: ValueKind) {
        use ValueKind::*;
        (self.kind, self.doing) = (Some(kind), Doing::Value);
        self.step = match kind {
            String => Step::Text,
            HashZipmap => Step::Packed(Form::Zipmap),
            ListZiplist | ZsetZiplist | HashZiplist => Step::Packed(Form::Ziplist),
            SetIntset => Step::Packed(Form::Intset),
            HashListpack | ZsetListpack | SetListpack => Step::Packed(Form::Listpack),
            HashListpackEx | HashListpackExPreGa => Step::Packed(Form::ListpackEx),
            ModulePreGa | Module2 => Step::Module,
            _ => Step::Count(kind),
        };
    }

    pub(super) fn count(&mut self, kind: ValueKind) -> Result<Told, Fault> {
        use ValueKind::*;
        let first = if kind == HashMetadata { self.source.i64_le()? } else { 0 };
        let left = self.source.length()?;
        self.step = match kind {
            Zset | Zset2 => Step::Scored { left, text: kind == Zset },
            Hash => Step::Fields { left, expiry: FieldExpiry::None },
            HashMetadata => Step::Fields { left, expiry: FieldExpiry::Before(first) },
            HashMetadataPreGa => Step::Fields { left, expiry: FieldExpiry::BeforeWhole },
            Hash2 => Step::Fields { left, expiry: FieldExpiry::Behind },
            ListQuicklist | ListQuicklist2 => Step::Nodes { left, marked: kind == ListQuicklist2 },
            StreamListpacks | StreamListpacks2 | StreamListpacks3 => Step::Stream(StreamStep::begin(kind, left)),
            _ => Step::Items(left),
        };
        Ok(Told::Count(left))
    }

    pub(super) fn field(&mut self, left: u64, expiry: FieldExpiry) -> Result<Told, Fault> {
        let before = match expiry {
            FieldExpiry::Before(_) | FieldExpiry::BeforeWhole => self.source.length()?,
            FieldExpiry::None | FieldExpiry::Behind => 0,
        };
        let (name, value) = (self.source.string()?, self.source.string()?);
        let at = match expiry {
            FieldExpiry::None => None,
            FieldExpiry::Before(first) if before > 0 => Some(first.wrapping_add(before as i64).wrapping_sub(1)),
            FieldExpiry::BeforeWhole if before > 0 => Some(before as i64),
            FieldExpiry::Before(_) | FieldExpiry::BeforeWhole => None,
            FieldExpiry::Behind => Some(self.source.i64_le()?).filter(|at| *at != -1),
        };
        if at.is_some_and(|at| at < 0) {
            return Err(self.source.fault("a field that expires before 1970"));
        }
        self.step = Step::Fields { left: left - 1, expiry };
        Ok(Told::Field(name, value, at))
    }

    pub(super) fn node(&mut self, left: u64, marked: bool) -> Result<Told, Fault> {
        let container = if marked { self.source.length()? } else { 0 };
        let piece = self.source.string()?;
        self.step = Step::Nodes { left: left - 1, marked };
        Ok(match container {
            0 if !marked => Told::Packed(Form::Ziplist, self.source.spell(piece)),
            1 => Told::Item(piece),
            2 => Told::Packed(Form::Listpack, self.source.spell(piece)),
            _ => return Err(self.source.fault("Quicklist integrity check failed.")),
        })
    }

    pub(super) fn module(&mut self) -> Result<ModuleId, Fault> {
        let id = ModuleId(self.source.length()?);
        if self.kind == Some(ValueKind::ModulePreGa) {
            return Err(self.source.fault("a module's value in a pre-release format, which nothing can skip"));
        }
        self.module_items()?;
        Ok(id)
    }

    pub(super) fn module_aux(&mut self) -> Result<ModuleId, Fault> {
        let id = ModuleId(self.source.length()?);
        // When it was saved: before or after the keys.
        if self.source.length()? != 2 {
            return Err(self.source.fault("a module's data without its time"));
        }
        self.source.length()?;
        self.step = Step::ModuleAux;
        Ok(id)
    }

    /// What a module wrote tells its own shape, so that it can be skipped.
    pub(super) fn module_items(&mut self) -> Result<(), Fault> {
        loop {
            match self.source.length()? {
                0 => return Ok(()),
                1 | 2 => {
                    self.source.length()?;
                }
                3 => self.source.skip(4)?,
                4 => self.source.skip(8)?,
                5 => self.source.skip_string()?,
                _ => return Err(self.source.fault("a module's value of unknown shape")),
            }
        }
    }
}
