//! The sizes of blocks: multiples of 8 up to 256 bytes in small pages, and from there those of which a number fills a large page.

use super::HEADER;

pub(super) const SMALL_PAGE: usize = 16 * 1024;
pub(super) const LARGE_PAGE: usize = 64 * 1024;

/// The largest block in a small page.
const FINE: usize = 256;
/// How many blocks of each further class fill a large page: what a value loses to its class is 2% on average.
const A_PAGE: [usize; 54] = [
    243, 230, 218, 206, 195, 185, 175, 166, 157, 149, 141, 134, 127, 120, 114, 108, 102, 97, 92, 87, 82, 78, 74, 70,
    66, 63, 60, 57, 54, 51, 48, 46, 44, 42, 40, 38, 36, 34, 32, 31, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
    16,
];
pub(super) const CLASSES: usize = FINE / 8 + A_PAGE.len();

const SIZES: [u16; CLASSES] = {
    let mut sizes = [0; CLASSES];
    let mut i = 0;
    while i < CLASSES {
        let size = if i < FINE / 8 { 8 * (i + 1) } else { ((LARGE_PAGE - HEADER) / A_PAGE[i - FINE / 8]) & !7 };
        sizes[i] = size as u16;
        i += 1;
    }
    sizes
};

/// Blocks above this size come from the global allocator.
pub const MAX: usize = SIZES[CLASSES - 1] as usize;

/// The class of each multiple of 8.
static OF: [u8; MAX / 8 + 1] = {
    let mut of = [0; MAX / 8 + 1];
    let (mut eights, mut class) = (1, 0);
    while eights < of.len() {
        while (SIZES[class] as usize) < eights * 8 {
            class += 1;
        }
        of[eights] = class as u8;
        eights += 1;
    }
    of
};

/// The class of blocks of this size, which is between 1 and [`MAX`].
#[inline]
pub(super) fn class_of(size: usize) -> usize {
    if size <= FINE { (size - 1) / 8 } else { usize::from(OF[size.div_ceil(8)]) }
}

/// What a block of `size` bytes really takes.
#[inline]
pub fn block_size(size: usize) -> usize {
    if size <= FINE || size > MAX { (size + 7) & !7 } else { usize::from(SIZES[class_of(size)]) }
}

/// Bytes of the pages in which blocks of this size lie.
#[inline]
pub(super) const fn page_bytes(size: usize) -> usize {
    if size <= FINE { SMALL_PAGE } else { LARGE_PAGE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_ascend_and_lose_little() {
        assert!(SIZES.is_sorted_by(|a, b| a < b), "{SIZES:?}");
        assert_eq!(MAX, 4088);
        for size in 1..=MAX {
            let block = block_size(size);
            assert!(block >= size && block.is_multiple_of(8) && block_size(block) == block);
            assert!((block - size) * 100 <= 8 * size || block - size < 8, "{size}: {block}");
            assert_eq!(class_of(size), class_of(block));
            // What is left over of a page at its end.
            let blocks = (page_bytes(block) - HEADER) / block;
            assert!(page_bytes(block) - HEADER - blocks * block <= if size <= FINE { 256 } else { LARGE_PAGE / 100 });
        }
    }
}
