//! The allocator's size classes, so that a growing block asks for sizes of which no byte is lost.

/// The smallest size class that holds `n` bytes: multiples of 8 up to 64, then four classes to every doubling.
///
/// Ask with an alignment of 1 where that will do: for larger alignments mimalloc adds the alignment less one to a size that
/// is neither small nor a power of two, and with that a size class. See [`aligned_size_class`].
#[inline]
pub fn size_class(n: usize) -> usize {
    if n <= 64 {
        return n.max(8).next_multiple_of(8);
    }
    let step = 1 << ((n - 1).ilog2() - 2);
    n.next_multiple_of(step)
}

/// The same for blocks aligned to 8: what is left of the class for the asker.
#[inline]
pub fn aligned_size_class(n: usize) -> usize {
    if n <= 1024 { size_class(n) } else { size_class(n + 8) - 8 }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn classes() {
        let mut found: Vec<usize> = (1..=512).map(size_class).collect();
        found.dedup();
        let expected = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512];
        assert_eq!(found, expected);
        assert_eq!((size_class(8192), size_class(8193)), (8192, 10240));
    }
}
