//! A copy and the stream in one: what two servers of this kind agree on, so that the primary has to keep no writes for a replica
//! that is still being copied to. Others get copy and stream one after the other, as Redis sends them.
//!
//! A replica that can take it says `REPLCONF capa rustredis-interleave`. The copy, if it goes straight from memory to the
//! replica, is then announced by [`HEADER`] instead of `$EOF:…`, and comes in frames:
//!
//! ```text
//! tag (1 byte)  length (4 bytes, big endian)  bytes
//! C  bytes of the copy
//! S  bytes of the stream, which follow those of the last such frame; the first ones follow the offset of +FULLRESYNC
//! E  the copy ends; length 0
//! R  no more frames: the stream goes on as it is; length 0. Answers the first REPLCONF ACK, which says that the copy is loaded
//! ```
//!
//! The replica says how far it got through the copy (`REPLCONF rustredis-taken bytes`): no more than [`WINDOW`] bytes of the copy
//! are ever under way beyond that, so those of the stream never wait behind them. If it can keep no more of the stream, it says
//! `REPLCONF rustredis-hold 1`, and gets what follows after the copy, as others do.

/// The word of REPLCONF capa.
pub const CAPA: &str = "rustredis-interleave";
/// What announces the copy, without the line's end.
pub const HEADER: &str = "$RUSTREDIS-INTERLEAVED:1";
/// Bytes of the copy that the replica may have received and not used.
pub const WINDOW: u64 = 8 << 20;
/// Bytes of tag and length.
pub const HEAD: usize = 5;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tag {
    Copy,
    Stream,
    End,
    Raw,
}

impl Tag {
    fn letter(self) -> u8 {
        match self {
            Tag::Copy => b'C',
            Tag::Stream => b'S',
            Tag::End => b'E',
            Tag::Raw => b'R',
        }
    }

    /// Tag and length, if they can be.
    pub fn of(head: [u8; HEAD]) -> Option<(Tag, u32)> {
        let [letter, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        let tag = match letter {
            b'C' => Tag::Copy,
            b'S' => Tag::Stream,
            b'E' => Tag::End,
            b'R' => Tag::Raw,
            _ => return None,
        };
        (matches!(tag, Tag::Copy | Tag::Stream) || length == 0).then_some((tag, length))
    }

    /// A frame of these bytes, which are less than 4 GiB: the backlog's blocks and pieces of a copy are far smaller.
    pub fn frame(self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + bytes.len());
        out.push(self.letter());
        out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        out.extend_from_slice(bytes);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_what_they_were_made_of() {
        for (tag, bytes) in [(Tag::Copy, &b"REDIS"[..]), (Tag::Stream, &[0; 300]), (Tag::End, b""), (Tag::Raw, b"")] {
            let frame = tag.frame(bytes);
            let head = frame[..HEAD].try_into().expect("a head");
            assert_eq!(Tag::of(head), Some((tag, bytes.len() as u32)));
            assert_eq!(&frame[HEAD..], bytes);
        }
        for wrong in [*b"X\0\0\0\0", *b"E\0\0\0\x01", *b"R\x01\0\0\0", *b"+OK\r\n", [0; 5]] {
            assert_eq!(Tag::of(wrong), None, "{wrong:?}");
        }
    }
}
