//! The append-only file: a directory of a manifest, a base and increments, as Redis 7 has it.
//!
//! ```text
//!  appendonlydir/appendonly.aof.manifest        one line a file, in the order in which they are read:
//!      file appendonly.aof.2.base.rdb seq 2 type b      b: the base, a snapshot (RDB) or commands (.aof)
//!      file appendonly.aof.1.incr.aof seq 1 type h      h: of the past, to be removed
//!      file appendonly.aof.2.incr.aof seq 2 type i      i: what was written since, in rising order
//!
//!  commands      requests one after another, as a client sends them:   *3 $3 SET $1 k $1 v
//!                lines "#TS:seconds" between them tell the time; a file may begin with a whole RDB
//! ```
//!
//! [`Manifest`] is the first, [`Reader`] turns the second into commands with their offsets, in bounded memory. Loader and
//! inspector read through the same. Nothing here opens a file or runs a command.

mod manifest;
mod read;
#[cfg(test)]
mod tests;

pub use manifest::{Info, Kind, Manifest};
pub use read::{Command, Fault, Reader, Start, Told, Why, sniff};
