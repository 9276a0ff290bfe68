//! FUNCTION DUMP's payload: a piece of an RDB file.
//!
//! ```text
//! ( 0xf5 string )*    one library's text each, as RDB writes strings
//! u16                 RDB version, little endian
//! u64                 CRC-64 of all that stands before it, little endian
//! ```

use crate::base::crc64::crc64;
use crate::base::lzf;
use crate::engine::errors::Error;

const LIBRARY: u8 = 245;
/// What the release candidates of Redis 7 wrote.
const EARLY_LIBRARY: u8 = 246;
/// The oldest version that has libraries, so that every server which has them reads ours.
const VERSION: u16 = 10;
/// Newer payloads are not understood (80: Valkey 9).
const NEWEST: u16 = 80;
const FOOTER: usize = 10;

const FORMAT: Error = Error::err("payload can not be read: a library's text is cut or badly packed");

pub fn write<'a>(codes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for code in codes {
        out.push(LIBRARY);
        match code.len() {
            n @ 0..64 => out.push(n as u8),
            n @ 64..16384 => out.extend_from_slice(&(0x4000 | n as u16).to_be_bytes()),
            n => {
                out.push(0x80);
                out.extend_from_slice(&(n as u32).to_be_bytes());
            }
        }
        out.extend_from_slice(code);
    }
    out.extend_from_slice(&VERSION.to_le_bytes());
    let crc = crc64(0, &out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// The libraries' texts, or why there are none.
pub fn read(payload: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let body = payload.len().checked_sub(FOOTER).ok_or(Error::DUMP_PAYLOAD)?;
    let version = u16::from_le_bytes([payload[body], payload[body + 1]]);
    let crc = payload[body + 2..].try_into().map(u64::from_le_bytes).unwrap_or_default();
    if version > NEWEST || (12 < version && version < 80) || crc != crc64(0, &payload[..body + 2]) {
        return Err(Error::DUMP_PAYLOAD);
    }
    let mut rest = &payload[..body];
    let mut codes = Vec::new();
    while let Some((kind, after)) = rest.split_first() {
        match *kind {
            LIBRARY => {}
            EARLY_LIBRARY => return Err(Error::err("Pre-GA function format not supported")),
            _ => return Err(Error::err("given type is not a function")),
        }
        rest = after;
        codes.push(string(&mut rest).ok_or(FORMAT)?);
    }
    Ok(codes)
}

/// A length, or how the string is packed.
enum Length {
    Plain(usize),
    Packed(u8),
}

fn length(rest: &mut &[u8]) -> Option<Length> {
    let first = take(rest, 1)?[0];
    Some(match first >> 6 {
        0 => Length::Plain(usize::from(first)),
        1 => Length::Plain(usize::from(first & 0x3f) << 8 | usize::from(take(rest, 1)?[0])),
        2 if first == 0x80 => Length::Plain(u32::from_be_bytes(take(rest, 4)?.try_into().ok()?) as usize),
        2 if first == 0x81 => Length::Plain(usize::try_from(u64::from_be_bytes(take(rest, 8)?.try_into().ok()?)).ok()?),
        2 => return None,
        _ => Length::Packed(first & 0x3f),
    })
}

fn string(rest: &mut &[u8]) -> Option<Vec<u8>> {
    match length(rest)? {
        Length::Plain(n) => Some(take(rest, n)?.to_vec()),
        // A text that is a number.
        Length::Packed(0) => Some((take(rest, 1)?[0] as i8).to_string().into_bytes()),
        Length::Packed(1) => Some(i16::from_le_bytes(take(rest, 2)?.try_into().ok()?).to_string().into_bytes()),
        Length::Packed(2) => Some(i32::from_le_bytes(take(rest, 4)?.try_into().ok()?).to_string().into_bytes()),
        Length::Packed(3) => {
            let (Length::Plain(packed), Length::Plain(plain)) = (length(rest)?, length(rest)?) else { return None };
            let bytes = take(rest, packed)?;
            // LZF makes at most 264 bytes of three: more was announced than can come.
            if plain > packed.saturating_mul(264) {
                return None;
            }
            lzf::decompress(bytes, plain)
        }
        Length::Packed(_) => None,
    }
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(n)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(codes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..4)) {
            let payload = write(codes.iter().map(Vec::as_slice));
            prop_assert_eq!(read(&payload), Ok(codes));
        }

        /// No payload, however broken, does harm; the checksum is made good so that the inside is reached.
        #[test]
        fn rubbish_is_refused(mut body in proptest::collection::vec(any::<u8>(), 0..80)) {
            body.insert(0, LIBRARY);
            body.extend_from_slice(&VERSION.to_le_bytes());
            let crc = crc64(0, &body);
            body.extend_from_slice(&crc.to_le_bytes());
            let _ = read(&body);
        }
    }

    #[test]
    fn payloads_of_real_servers_are_read() {
        let code = b"#!lua name=mylib\nredis.register_function(\"f1\",function(k,a) return 1 end)";
        let mut redis = [b"\xf5\x40\x49".as_slice(), code].concat();
        redis.extend_from_slice(b"\x0a\x00\x43\x16\x62\x6a\xde\x7e\xc2\x73");
        assert_eq!(read(&redis), Ok(vec![code.to_vec()]));
        redis[5] ^= 1;
        assert_eq!(read(&redis), Err(Error::DUMP_PAYLOAD));
    }
}
