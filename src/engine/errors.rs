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

    // Keys and databases.
    pub const DB_INDEX: Error = Error::err("DB index is out of range");
    pub const FIRST_DB_INDEX: Error = Error::err("invalid first DB index");
    pub const SECOND_DB_INDEX: Error = Error::err("invalid second DB index");
    pub const INVALID_CURSOR: Error = Error::err("invalid cursor");
    pub const NOVALUES_ONLY_HSCAN: Error = Error::err("NOVALUES option can only be used in HSCAN");
    pub const NOT_INT32: Error = Error::err("value is out of range, value must between -2147483648 and 2147483647");
    pub const EXPIRE_NX_AND_OTHERS: Error =
        Error::err("NX and XX, GT or LT options at the same time are not compatible");
    pub const EXPIRE_GT_AND_LT: Error = Error::err("GT and LT options at the same time are not compatible");
    pub const NO_LFU: Error = Error::err(
        "An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between \
         policies at runtime LRU and LFU data will take some time to adjust.",
    );
    pub const NO_LRU: Error = Error::err(
        "An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at \
         runtime LRU and LFU data will take some time to adjust.",
    );

    /// An option that EXPIRE and its kin do not know.
    pub fn unsupported_option(word: &[u8]) -> Error {
        // As C prints it: up to a NUL.
        let word = word.split(|b| *b == 0).next().unwrap_or_default();
        Error::Err(Cow::Owned(format!("Unsupported option {}", String::from_utf8_lossy(word))))
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
