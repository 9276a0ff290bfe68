//! What can be wrong with bytes, and where.

use std::borrow::Cow;
use std::fmt;

/// The first thing wrong with what was read.
#[derive(Debug)]
pub struct Fault {
    /// Offset of the byte after the last one that was taken in before it showed.
    pub at: u64,
    pub why: Why,
}

#[derive(Debug)]
pub enum Why {
    /// The source failed.
    Io(std::io::Error),
    /// The bytes end in the middle of something.
    Short,
    /// Neither `REDIS` nor `VALKEY` and digits in front.
    Magic,
    /// A format of a later time (or none).
    Version(u32),
    /// A byte where an opcode or a type belongs, and neither.
    Type(u8),
    Checksum {
        stored: u64,
        computed: u64,
    },
    /// Anything else that no server writes.
    Corrupt(Cow<'static, str>),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Io(error) => write!(f, "{error}"),
            Why::Short => f.write_str("the file ends unexpectedly"),
            Why::Magic => f.write_str("wrong signature: not an RDB file"),
            Why::Version(n) => write!(f, "format version {n} is not known"),
            Why::Type(n) => write!(f, "unknown type {n}"),
            Why::Checksum { stored, computed } => {
                write!(f, "the checksum is {computed:016x}, and the file says {stored:016x}")
            }
            Why::Corrupt(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}: {}", self.at, self.why)
    }
}

impl std::error::Error for Fault {}

impl From<&'static str> for Why {
    fn from(what: &'static str) -> Why {
        Why::Corrupt(Cow::Borrowed(what))
    }
}
