//! CRC16 of the XMODEM kind, and the hash slot of a key that Redis Cluster derives from it.

/// How many hash slots a cluster has.
pub const SLOTS: u16 = 16384;

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &b| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ b)])
}

/// The slot of `key`: of what stands between the first `{` and the next `}` if that is not empty, else of all of it.
pub fn key_slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|&b| b == b'{').and_then(|open| {
        let inside = &key[open + 1..];
        let len = inside.iter().position(|&b| b == b'}')?;
        (len > 0).then(|| &inside[..len])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // As CLUSTER KEYSLOT of Redis 7.0.15 says.
        for (key, slot) in [
            ("foo", 12182),
            ("foo{bar}baz", 5061),
            ("bar", 5061),
            ("{}x", 10595),
            ("a{b", 13340),
            ("", 0),
            ("{a}{b}", 15495),
            ("a", 15495),
        ] {
            assert_eq!(key_slot(key.as_bytes()), slot, "{key}");
        }
    }
}
