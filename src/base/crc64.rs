//! The checksum that ends RDB files and DUMP payloads: CRC-64 with Jones's polynomial, reflected, starting from 0.
//!
//! What is short goes sixteen bytes a step, each through its own table ("slicing"); what is long goes to a library that uses
//! the processor's carry-less products and is as fast as memory.

use crc_fast::{CrcAlgorithm, Digest};

const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5; // 0xad93d23594c935a9 with its bits reversed
const STEP: usize = 16;
/// From here on the library is faster.
const LONG: usize = 256;

static TABLES: [[u64; 256]; STEP] = tables();

const fn tables() -> [[u64; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < STEP {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[n - 1][byte];
            tables[n][byte] = tables[0][(before & 0xff) as usize] ^ before >> 8;
            byte += 1;
        }
        n += 1;
    }
    tables
}

/// The checksum of what had `crc` and is followed by `bytes`. Begin with 0.
pub fn crc64(crc: u64, bytes: &[u8]) -> u64 {
    if bytes.len() < LONG {
        return by_tables(crc, bytes);
    }
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc64Redis, crc);
    digest.update(bytes);
    digest.get_state()
}

fn by_tables(mut crc: u64, bytes: &[u8]) -> u64 {
    let (steps, rest) = bytes.as_chunks::<STEP>();
    for step in steps {
        let low = u64::from_le_bytes([step[0], step[1], step[2], step[3], step[4], step[5], step[6], step[7]]) ^ crc;
        crc = 0;
        for (i, byte) in low.to_le_bytes().into_iter().chain(step[8..].iter().copied()).enumerate() {
            crc ^= TABLES[STEP - 1 - i][byte as usize];
        }
    }
    for byte in rest {
        crc = TABLES[0][(crc as u8 ^ byte) as usize] ^ crc >> 8;
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(0, b""), 0);
    }

    #[test]
    fn any_cut_gives_the_same() {
        let bytes: Vec<u8> = (0..1500u32).map(|n| n.wrapping_mul(n).wrapping_mul(37).to_be_bytes()[2]).collect();
        let whole = bytes.iter().fold(0, |crc, byte| crc64(crc, &[*byte]));
        assert_eq!(by_tables(0, &bytes), whole);
        for cut in 0..bytes.len() {
            assert_eq!(crc64(crc64(0, &bytes[..cut]), &bytes[cut..]), whole);
        }
    }
}
