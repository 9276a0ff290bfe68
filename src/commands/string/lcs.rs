//! LCS: the longest common subsequence of two strings.
//!
//! Redis keeps a table of 32-bit lengths and walks back through it. The walk only asks which of two neighbours is longer, so
//! here a row of lengths and one bit a cell do: a 32nd of the memory, the same path. The limit is still Redis's.

use super::{raw::max_len, read::keep};
use crate::engine::{
    call::Call,
    errors::{self, Error},
};
use std::sync::Arc;

/// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]
pub(super) fn lcs(c: &mut Call<'_>) -> Result<(), Error> {
    let (a, b) = (operand(c, 1), operand(c, 2));
    let (a, b) = (a?, b?);
    let (mut len, mut idx, mut with_len, mut min) = (false, false, false, 0);
    let mut i = 3;
    while i < c.args.len() {
        if c.args.is(i, "idx") {
            idx = true;
        } else if c.args.is(i, "len") {
            len = true;
        } else if c.args.is(i, "withmatchlen") {
            with_len = true;
        } else if c.args.is(i, "minmatchlen") && i + 1 < c.args.len() {
            i += 1;
            min = c.int(i)?.max(0);
        } else {
            return Err(Error::Syntax);
        }
        i += 1;
    }
    if len && idx {
        return Err(errors::LCS_LEN_AND_IDX);
    }
    if a.len().max(b.len()) >= u32::MAX as usize - 1 {
        return Err(errors::LCS_TOO_LONG);
    }
    // What Redis would need: 4 bytes a cell.
    if (a.len() as u128 + 1) * (b.len() as u128 + 1) * 4 > max_len(c).max(0) as u128 {
        return Err(errors::LCS_MEMORY);
    }
    let table = Table::new(&a, &b, !len);
    if len {
        c.reply.int(i64::from(table.len));
    } else if idx {
        c.reply.map(2);
        c.reply.bulk(b"matches");
        let at = c.reply.defer();
        let mut matches = 0;
        table.walk(&a, &b, |run| {
            if i64::from(run.len) >= min {
                matches += 1;
                c.reply.array(if with_len { 3 } else { 2 });
                for start in [run.a, run.b] {
                    c.reply.array(2);
                    c.reply.int(start as i64);
                    c.reply.int(start as i64 + i64::from(run.len) - 1);
                }
                if with_len {
                    c.reply.int(i64::from(run.len));
                }
            }
        });
        c.reply.finish_array(at, matches);
        c.reply.bulk(b"len");
        c.reply.int(i64::from(table.len));
    } else {
        c.reply.bulk(&table.subsequence(&a, &b));
    }
    Ok(())
}

fn operand(c: &mut Call<'_>, word: usize) -> Result<Arc<Vec<u8>>, Error> {
    let key = c.key(word);
    match c.ks.get(key) {
        None => Ok(Arc::default()),
        Some(e) => Ok(keep(Some(e.string().ok_or(errors::LCS_TYPES)?))),
    }
}

/// A stretch that both strings share: where it starts in each, and how long it is.
#[derive(Clone, Copy, Debug)]
struct Run {
    a: usize,
    b: usize,
    len: u32,
}

struct Table {
    /// The length of the longest common subsequence.
    len: u32,
    /// A bit for each cell (i, j), rows one after the other: set if the prefix without `a[i]` has more in common with the
    /// other's than the one without `b[j]`.
    drop_a: Vec<u64>,
}

impl Table {
    /// `walkable`: keeps what the way back needs.
    fn new(a: &[u8], b: &[u8], walkable: bool) -> Table {
        if a.is_empty() || b.is_empty() {
            return Table { len: 0, drop_a: Vec::new() };
        }
        let mut drop_a = if walkable { vec![0u64; (a.len() * b.len()).div_ceil(64)] } else { Vec::new() };
        // row[j]: the length for the first i bytes of `a` and the first j of `b`.
        let mut row = vec![0u32; b.len() + 1];
        for (i, x) in a.iter().enumerate() {
            let (mut diagonal, mut left) = (0, 0);
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                if walkable && above > left {
                    let cell = i * b.len() + j;
                    drop_a[cell / 64] |= 1 << (cell % 64);
                }
                left = if x == y { diagonal + 1 } else { above.max(left) };
                diagonal = above;
                row[j + 1] = left;
            }
        }
        Table { len: row[b.len()], drop_a }
    }

    /// Hands the shared stretches to `f`, the last one first.
    fn walk(&self, a: &[u8], b: &[u8], mut f: impl FnMut(Run)) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut run: Option<Run> = None;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                run = Some(Run { a: i, b: j, len: run.map_or(1, |r| r.len + 1) });
                continue;
            }
            if let Some(r) = run.take() {
                f(r);
            }
            let cell = (i - 1) * b.len() + j - 1;
            if self.drop_a[cell / 64] >> (cell % 64) & 1 == 1 { i -= 1 } else { j -= 1 }
        }
        if let Some(r) = run {
            f(r);
        }
    }

    fn subsequence(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut out = vec![0; self.len as usize];
        let mut end = out.len();
        self.walk(a, b, |run| {
            let start = end.saturating_sub(run.len as usize);
            out[start..end].copy_from_slice(&a[run.a..run.a + end - start]);
            end = start;
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(a: &[u8], b: &[u8]) -> usize {
        match (a, b) {
            ([], _) | (_, []) => 0,
            ([x, a @ ..], [y, b @ ..]) if x == y => 1 + naive(a, b),
            ([_, a2 @ ..], [_, b2 @ ..]) => naive(a2, b).max(naive(a, b2)),
        }
    }

    fn is_subsequence(of: &[u8], what: &[u8]) -> bool {
        let mut bytes = of.iter();
        what.iter().all(|w| bytes.any(|b| b == w))
    }

    #[test]
    fn the_example_of_the_documentation() {
        let (a, b) = (b"ohmytext", b"mynewtext");
        let table = Table::new(a, b, true);
        assert_eq!(table.subsequence(a, b), b"mytext");
        let mut runs = Vec::new();
        table.walk(a, b, |r| runs.push((r.a, r.b, r.len)));
        assert_eq!(runs, [(4, 5, 4), (2, 0, 2)]);
    }

    proptest! {
        #[test]
        fn is_the_longest(a in "[abc]{0,11}", b in "[abc]{0,11}") {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let table = Table::new(a, b, true);
            let common = table.subsequence(a, b);
            prop_assert_eq!(common.len(), naive(a, b));
            prop_assert!(is_subsequence(a, &common) && is_subsequence(b, &common));
            prop_assert_eq!(Table::new(a, b, false).len, table.len);
        }
    }
}
