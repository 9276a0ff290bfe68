//! SCAN cursors: where a walk over all shards stands, in one number that clients hand back.
//!
//! ```text
//!  47            48-bits  47-bits                          0
//! +------------------------+-------------------------------+
//! | shard                  | position in the shard's table |
//! +------------------------+-------------------------------+
//! ```
//!
//! Together that is the first 48 bits of a hash: the cursor says "everything below this hash was visited". Tables walk their
//! elements in the order of hashes, and splitting or joining segments does not change that order, so whatever is there
//! from the start of a walk to its end is visited. 48 bits are enough (a table's positions are coarser) and few enough for clients
//! that keep cursors in a double.

/// Bits of a cursor.
pub const CURSOR_BITS: u32 = 48;

/// The cursor of a walk that goes on at `position` (left-aligned, as [`Table::scan`](crate::data::table::Table::scan)
/// has it) in `shard`, one of 2^`bits`. A walk that is over has the cursor 0, which no place but the very first has.
pub fn cursor(bits: u32, shard: usize, position: u64) -> u64 {
    debug_assert!(position.trailing_zeros() >= 16 + bits, "a position finer than cursors");
    ((shard as u64) << (CURSOR_BITS - bits)) | (position >> (16 + bits))
}

/// The shard and position that a cursor stands for. Bits that no cursor of ours has are ignored: what a client makes up may
/// start a walk anywhere, but must do no harm.
pub fn place(bits: u32, cursor: u64) -> (usize, u64) {
    let prefix = cursor << (64 - CURSOR_BITS);
    // Shifting in two steps keeps a single shard (a shift by 64) defined.
    (((prefix >> 1) >> (63 - bits)) as usize, prefix << bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursors_and_places_are_the_same_thing(bits in 0u32..=10, cursor in 0u64..1 << CURSOR_BITS) {
            let (shard, position) = place(bits, cursor);
            prop_assert!(shard < 1 << bits);
            prop_assert_eq!(super::cursor(bits, shard, position), cursor);
        }

        #[test]
        fn a_cursor_is_the_start_of_a_hash(bits in 0u32..=10, hash: u64) {
            let shard = ((hash >> 1) >> (63 - bits)) as usize;
            let position = (hash << bits) & (!0 << (16 + bits));
            prop_assert_eq!(cursor(bits, shard, position), hash >> 16);
        }

        #[test]
        fn made_up_cursors_lead_somewhere(bits in 0u32..=10, cursor: u64) {
            prop_assert!(place(bits, cursor).0 < 1 << bits);
        }
    }

    #[test]
    fn clients_may_keep_cursors_in_doubles() {
        let last = cursor(10, 1023, !0 << 26);
        assert_eq!(last, (1 << 48) - 1);
        assert_eq!(last as f64 as u64, last);
    }
}
