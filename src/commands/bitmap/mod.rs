//! Bitmaps: strings seen as bits. The rows and the simple handlers are here; `bits` computes and knows nothing of commands,
//! `field` is BITFIELD, `op` is BITOP.

mod bits;
mod field;
mod op;

use super::string::{raw, read::bytes_of};
use crate::engine::{
    call::Call,
    errors::{self, Error},
    spec::{BLANK, Spec},
};
use crate::keyspace::journal::class;
use field::{bitfield, bitfield_ro};
use op::bitop;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "bitcount", arity: -2, flags: "readonly", acl: "bitmap",
        keys: "1 RO access", group: "bitmap", since: "2.6.0",
        syntax: "key [range(start:int end:int [unit<BYTE|BIT>@7.0.0])]",
        summary: "Counts the bits that are set in a string or in a range of it.", complexity: "O(N) in the bytes looked at",
        run: bitcount, ..BLANK
    },
    Spec {
        name: "bitfield", arity: -2, flags: "write denyoom", acl: "bitmap",
        keys: "1 RW access update variable_flags; via bitfield", group: "bitmap", since: "3.2.0",
        syntax: "key [operation<GET get-block(encoding offset:int)|\
            write([OVERFLOW overflow-block<WRAP|SAT|FAIL>] write-operation<SET set-block(encoding offset:int value:int)|\
            INCRBY incrby-block(encoding offset:int increment:int)>)>...]",
        summary: "Reads, writes and increments integers of any width inside a string.", complexity: "O(1) per operation",
        run: bitfield, ..BLANK
    },
    Spec {
        name: "bitfield_ro", arity: -2, flags: "readonly fast", acl: "bitmap",
        keys: "1 RO access", group: "bitmap", since: "6.0.0",
        syntax: "key [GET... get-block(encoding offset:int)]",
        summary: "Reads integers of any width inside a string.", complexity: "O(1) per operation", run: bitfield_ro, ..BLANK
    },
    Spec {
        name: "bitop", arity: -4, flags: "write denyoom", acl: "bitmap",
        keys: "2 OW update; 3..-1 RO access", group: "bitmap", since: "2.6.0",
        syntax: "operation<AND|OR|XOR|NOT> destkey:key0 key:key1...",
        summary: "Combines strings bit by bit and stores the outcome.", complexity: "O(N) in the longest string", run: bitop,
        ..BLANK
    },
    Spec {
        name: "bitpos", arity: -3, flags: "readonly", acl: "bitmap",
        keys: "1 RO access", group: "bitmap", since: "2.8.7",
        syntax: "key bit:int [range(start:int [end-unit-block(end:int [unit<BYTE|BIT>@7.0.0])])]",
        summary: "Finds the first bit of a string that is set, or clear.", complexity: "O(N) in the bytes looked at", run: bitpos,
        ..BLANK
    },
    Spec {
        name: "getbit", arity: 3, flags: "readonly fast", acl: "bitmap",
        keys: "1 RO access", group: "bitmap", since: "2.2.0",
        syntax: "key offset:int",
        summary: "Reads one bit of a string.", complexity: "O(1)", run: getbit, ..BLANK
    },
    Spec {
        name: "setbit", arity: 4, flags: "write denyoom", acl: "bitmap",
        keys: "1 RW access update", group: "bitmap", since: "2.2.0",
        syntax: "key offset:int value:int",
        summary: "Writes one bit of a string and returns what it was; the string grows as needed.", complexity: "O(1)",
        run: setbit, ..BLANK
    },
];

/// SETBIT key offset 0|1
fn setbit(c: &mut Call<'_>) -> Result<(), Error> {
    let offset = bit_offset(c, c.args.at(2))?;
    let on = match c.args.at(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(errors::NOT_A_BIT),
    };
    let key = c.key(1);
    let (byte, mask) = ((offset / 8) as usize, 0x80u8 >> (offset % 8));
    // A bit that is already so changes nothing, says Redis, unless the string had to grow for it.
    let edit = raw::edit(c, key, byte + 1, |bytes| {
        let was = bytes[byte] & mask != 0;
        bytes[byte] = if on { bytes[byte] | mask } else { bytes[byte] & !mask };
        (was, was != on)
    })?;
    if edit.changed {
        c.ks.event(class::STRING, "setbit", key);
    }
    c.reply.int(i64::from(edit.value));
    Ok(())
}

/// GETBIT key offset
fn getbit(c: &mut Call<'_>) -> Result<(), Error> {
    let offset = bit_offset(c, c.args.at(2))?;
    let key = c.key(1);
    c.with_string(key, |s, reply| {
        let bit =
            bytes_of(s, |bytes| bytes.get((offset / 8) as usize).is_some_and(|b| b & (0x80 >> (offset % 8)) != 0));
        reply.int(i64::from(bit));
    })
}

/// BITCOUNT key [start end [BYTE|BIT]]
fn bitcount(c: &mut Call<'_>) -> Result<(), Error> {
    let range = match c.args.len() {
        2 => None,
        4 | 5 => Some((c.int(2)?, c.int(3)?, in_bits(c, 4)?)),
        _ => return Err(Error::Syntax),
    };
    let key = c.key(1);
    c.with_string(key, |s, reply| {
        let count = bytes_of(s, |bytes| match range {
            None => bits::count(bytes),
            // Both from the end and crossed: nothing, even where cutting them to the string would leave its first byte.
            Some((start, end, _)) if start < 0 && end < 0 && start > end => 0,
            Some((start, end, in_bits)) => match bit_range(bytes.len(), start, end, in_bits) {
                Some((from, to)) => bits::count_range(bytes, from, to),
                None => 0,
            },
        });
        reply.int(count as i64);
    })
}

/// BITPOS key bit [start [end [BYTE|BIT]]]
fn bitpos(c: &mut Call<'_>) -> Result<(), Error> {
    let bit = match c.int(2)? {
        0 => false,
        1 => true,
        _ => return Err(errors::BITPOS_BIT),
    };
    if c.args.len() > 6 {
        return Err(Error::Syntax);
    }
    // As Redis, the unit is looked at before the end.
    let start = if c.args.len() > 3 { c.int(3)? } else { 0 };
    let in_bits = in_bits(c, 5)?;
    let end = if c.args.len() > 4 { Some(c.int(4)?) } else { None };
    let key = c.key(1);
    c.with_string(key, |s, reply| {
        let Some(s) = s else {
            return reply.int(if bit { -1 } else { 0 });
        };
        let at = s.with(|bytes| {
            let (from, to) = bit_range(bytes.len(), start, end.unwrap_or(-1), in_bits)?;
            bits::find(bytes, from, to, bit).or_else(|| {
                // Without an end, a string goes on with zeros for ever.
                (!bit && end.is_none()).then_some(bytes.len() as u64 * 8)
            })
        });
        reply.int(at.map_or(-1, |n| n as i64));
    })
}

/// The unit in word `i`, if it is there: true for BIT.
fn in_bits(c: &Call<'_>, i: usize) -> Result<bool, Error> {
    match c.args.get(i) {
        None => Ok(false),
        Some(w) if w.eq_ignore_ascii_case(b"byte") => Ok(false),
        Some(w) if w.eq_ignore_ascii_case(b"bit") => Ok(true),
        Some(_) => Err(Error::Syntax),
    }
}

/// The first and the last bit of a range that a client gave, cut to the string; `None` if nothing is left.
fn bit_range(bytes: usize, start: i64, end: i64, in_bits: bool) -> Option<(u64, u64)> {
    let total = if in_bits { bytes as i64 * 8 } else { bytes as i64 };
    let from_end = |i: i64| if i < 0 { (i + total).max(0) } else { i };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    if start > end {
        return None;
    }
    Some(if in_bits { (start as u64, end as u64) } else { (start as u64 * 8, end as u64 * 8 + 7) })
}

/// A bit's offset as a client spells it; its byte must be one that a string may have.
fn bit_offset(c: &Call<'_>, word: &[u8]) -> Result<u64, Error> {
    let n = crate::base::numbers::parse_i64(word).ok_or(errors::BIT_OFFSET)?;
    checked_offset(c, Some(n))
}

fn checked_offset(c: &Call<'_>, n: Option<i64>) -> Result<u64, Error> {
    match n {
        Some(n) if n >= 0 && n >> 3 < raw::max_len(c) => Ok(n as u64),
        _ => Err(errors::BIT_OFFSET),
    }
}
