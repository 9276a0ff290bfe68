//! Every error text that a client can see, once. Texts are Redis 8.0's unless a comment says otherwise.

use std::borrow::Cow;

/// A refusal. Its text (see [`Error::text`]) is what follows the `-` on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    Syntax,
    WrongType,
    NotInteger,
    NotFloat,
    NoSuchKey,
    OutOfRange,
    SameObject,
    NanOrInfinity,
    Overflow,
    InvalidExpire(Cow<'static, str>),
    Oom,
    /// `ERR ` and this sentence.
    Err(Cow<'static, str>),
    /// A whole text with its own code in front: `NOAUTH Authentication required.`
    Coded(Cow<'static, str>),
}

impl Error {
    pub const fn err(text: &'static str) -> Self {
        Error::Err(Cow::Borrowed(text))
    }

    pub const fn coded(text: &'static str) -> Self {
        Error::Coded(Cow::Borrowed(text))
    }

    pub fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Error::Syntax => "ERR syntax error",
            Error::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Error::NotInteger => "ERR value is not an integer or out of range",
            Error::NotFloat => "ERR value is not a valid float",
            Error::NoSuchKey => "ERR no such key",
            Error::OutOfRange => "ERR index out of range",
            Error::SameObject => "ERR source and destination objects are the same",
            Error::NanOrInfinity => "ERR increment would produce NaN or Infinity",
            Error::Overflow => "ERR increment or decrement would overflow",
            Error::Oom => "OOM command not allowed when used memory > 'maxmemory'.",
            Error::InvalidExpire(command) => {
                return Cow::Owned(format!("ERR invalid expire time in '{command}' command"));
            }
            Error::Err(s) => return Cow::Owned(format!("ERR {s}")),
            Error::Coded(s) => return s.clone(),
        })
    }
}

// ---- strings and bitmaps -------------------------------------------------------------------------------------------

pub const STRING_TOO_LONG: Error = Error::err("string exceeds maximum allowed size (proto-max-bulk-len)");
pub const OFFSET: Error = Error::err("offset is out of range");
pub const DECREMENT_OVERFLOW: Error = Error::err("decrement would overflow");
pub const LCS_TYPES: Error = Error::err("The specified keys must contain string values");
pub const LCS_LEN_AND_IDX: Error = Error::err("If you want both the length and indexes, please just use IDX.");
pub const LCS_TOO_LONG: Error = Error::err("String too long for LCS");
pub const LCS_MEMORY: Error = Error::err("Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
// These five are Redis 8.4's.
pub const NUMKEYS: Error = Error::err("invalid numkeys value");
pub const PAIRS: Error = Error::err("wrong number of key-value pairs");
pub const DELEX_TYPE: Error = Error::err("Key should be of string type if conditions are specified");
pub const DELEX_CONDITION: Error = Error::err("Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
pub const DIGEST_LENGTH: Error = Error::err("must be exactly 16 hexadecimal characters");
pub const BIT_OFFSET: Error = Error::err("bit offset is not an integer or out of range");
pub const NOT_A_BIT: Error = Error::err("bit is not an integer or out of range");
pub const BITPOS_BIT: Error = Error::err("The bit argument must be 1 or 0.");
pub const BITOP_NOT: Error = Error::err("BITOP NOT must be called with a single source key.");
pub const BITFIELD_TYPE: Error =
    Error::err("Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
pub const BITFIELD_OVERFLOW: Error = Error::err("Invalid OVERFLOW type specified");
pub const BITFIELD_RO: Error = Error::err("BITFIELD_RO only supports the GET subcommand");

/// Redis 8.2: BITOP DIFF and its like with one source.
pub fn bitop_sources(operation: &str) -> Error {
    Error::Err(Cow::Owned(format!("BITOP {operation} must be called with at least two source keys.")))
}
