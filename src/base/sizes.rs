//! The allocator's size classes, so that a growing block asks for sizes of which no byte is lost.

/// The smallest size class that holds `n` bytes: multiples of 8 up to 64, then four classes to every doubling.
#[inline]
pub fn size_class(n: usize) -> usize {
    if n <= 64 {
        return n.max(8).next_multiple_of(8);
    }
    let step = 1 << ((n - 1).ilog2() - 2);
    n.next_multiple_of(step)
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
