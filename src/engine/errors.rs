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
