//! RDB: the format of snapshots, of DUMP's payloads and of full synchronization.
//!
//! ```text
//!  file      "REDIS" and a version of 4 digits, or "VALKEY" and 3 | records | 255 | CRC-64 of all before, 8 bytes
//!            (no checksum below version 5; all zeros: not computed)
//!  record    250 name value (aux)      254 n (database)          251 n n (its keys, those that expire)
//!            245 code (functions)      244 n n n (cluster slot)  247 module aux
//!            [253 seconds u32 | 252 milliseconds i64] [248 idle seconds | 249 frequency u8] type key value
//!  n         00nnnnnn | 01nnnnnn n:8 | 0x80 n:32be | 0x81 n:64be
//!  string    n bytes | 0xc0 i8 | 0xc1 i16le | 0xc2 i32le | 0xc3 n(compressed) n(length) LZF
//!  payload   type value | version u16le | CRC-64 of all before
//! ```
//!
//! [`Reader`] turns bytes into [`Event`]s, one at a time and in bounded memory; there is no other decoder. [`Loader`] makes
//! values of the events; the inspectors print them. [`mod@write`] is the way back: values to bytes in steps of any size, in the
//! version that the [`Target`] reads. [`payload`] frames one value for DUMP and RESTORE.
//!
//! Nothing here opens a file or knows a key's owner. What is read is foreign: a count or length in it is never a reason to
//! allocate, a wrong byte is a [`Fault`] with its offset and never a panic.

mod compact;
mod event;
mod fault;
pub mod kind;
mod load;
mod pass;
pub mod payload;
mod read;
mod read_stream;
mod read_value;
mod sound;
mod source;
mod target;
pub mod write;
pub mod ziplist;

pub use compact::{Elements, Form};
pub use event::{Event, Header, KeyHead, ModuleId, Part, StreamFigures};
pub use fault::{Fault, Why};
pub use kind::ValueKind;
pub use load::{Loaded, LoadedKey, Loader, Thresholds, Value};
pub use read::{Doing, Reader};
pub use sound::Checker;
pub use target::Target;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_old;
