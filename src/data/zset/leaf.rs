//! A leaf of the ranked tree: up to 128 words, each a pointer to a member and a 16-bit hint of its score.
//!
//! ```text
//!  63       48 47                    0
//! +-----------+----------------------+
//! | hint      | pointer              |    hint: where the score lies between the leaf's least and greatest
//! +-----------+----------------------+
//! ```
//!
//! The hint grows with the score, so that a search stays in the leaf's few cache lines and looks at a member only where hints
//! are equal. It says where a score lies in the leaf's own window (`base`, `shift`); a member outside it gets the first or
//! last hint, which stays right, and has the window drawn anew, wider to that side, so that ascending scores do not do so
//! each time.
//!
//! Invariant: words ascend by (score, member), hints therefore too; every hint is [`Leaf::hint`] of its score.

use super::scored::Link;
use crate::base::sizes::size_class;
use crate::data::table::prefetch;
use std::ops::Range;
use std::ptr::NonNull;

pub(super) const MAX_WORDS: usize = 128;
const PTR: u64 = (1 << 48) - 1;

pub(super) struct Leaf {
    words: Vec<u64>,
    base: u64,
    shift: u32,
}

/// A place in the order: before or after all members of a score, or at a member.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    /// The score's order; `None` compares members only (lexicographic ranges, in which scores are equal).
    pub order: Option<u64>,
    pub tie: Tie<'a>,
}

/// Which of the members of the probe's score go before it.
#[derive(Clone, Copy)]
pub(super) enum Tie<'a> {
    None,
    All,
    Below(&'a [u8]),
    UpTo(&'a [u8]),
}

impl<'a> Probe<'a> {
    /// The place of a member.
    pub fn at(order: u64, member: &'a [u8]) -> Probe<'a> {
        Probe { order: Some(order), tie: Tie::Below(member) }
    }

    /// Does a member of the probe's own score go before it?
    #[inline]
    pub fn tied_before(&self, link: Link) -> bool {
        match self.tie {
            Tie::None => false,
            Tie::All => true,
            Tie::Below(m) => link.member() < m,
            Tie::UpTo(m) => link.member() <= m,
        }
    }

    #[inline]
    fn before(&self, link: Link) -> bool {
        let Some(order) = self.order else { return self.tied_before(link) };
        let other = link.order();
        other < order || (other == order && self.tied_before(link))
    }
}

#[inline]
fn link(word: u64) -> Link {
    // SAFETY: every word was made of a non-null pointer.
    Link(unsafe { NonNull::new_unchecked((word & PTR) as *mut u8) })
}

/// Words that an allocation for `len` of them has.
fn room(len: usize) -> usize {
    (size_class(len * 8) / 8).min(MAX_WORDS)
}

impl Leaf {
    pub fn new(first: Link) -> Leaf {
        let mut leaf = Leaf { words: Vec::with_capacity(8), base: first.order(), shift: 0 };
        leaf.words.push(leaf.word(first));
        leaf
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn is_full(&self) -> bool {
        self.words.len() == MAX_WORDS
    }

    pub fn heap_bytes(&self) -> usize {
        size_class(self.words.capacity() * 8)
    }

    #[inline]
    pub fn get(&self, i: usize) -> Link {
        link(self.words[i])
    }

    /// The members at these places (clamped), each asked for when the one `ahead` of it is seen.
    #[inline]
    pub fn links(&self, places: Range<usize>, ahead: usize) -> impl ExactSizeIterator<Item = Link> {
        let words = &self.words[places.start..places.end.min(self.words.len())];
        words.iter().take(ahead).for_each(|w| prefetch((w & PTR) as *const u8));
        words.iter().enumerate().map(move |(i, &word)| {
            if let Some(w) = words.get(i + ahead) {
                prefetch((w & PTR) as *const u8);
            }
            link(word)
        })
    }

    #[inline]
    pub fn first(&self) -> Link {
        self.get(0)
    }

    /// Asks for the member at `i`, if there is one.
    #[inline]
    pub fn prefetch(&self, i: usize) {
        if let Some(w) = self.words.get(i) {
            prefetch((w & PTR) as *const u8);
        }
    }

    #[inline]
    fn hint(&self, order: u64) -> u64 {
        (order.saturating_sub(self.base) >> self.shift).min(0xffff)
    }

    #[inline]
    fn word(&self, link: Link) -> u64 {
        let address = link.0.as_ptr() as u64;
        assert!(address & !PTR == 0, "the allocator gave an address beyond 48 bits");
        self.hint(link.order()) << 48 | address
    }

    fn covers(&self, order: u64) -> bool {
        order >= self.base && (order - self.base) >> self.shift <= 0xffff
    }

    /// How many members go before the probe.
    #[inline]
    pub fn find(&self, probe: &Probe<'_>) -> usize {
        let (mut low, mut high) = (0, self.words.len());
        if let Some(order) = probe.order {
            let hint = self.hint(order);
            low = self.words.partition_point(|w| w >> 48 < hint);
            high = low + self.words[low..].partition_point(|w| w >> 48 == hint);
        }
        low + self.words[low..high].partition_point(|w| probe.before(link(*w)))
    }

    pub fn insert(&mut self, at: usize, link: Link) {
        if self.words.len() == self.words.capacity() {
            self.words.reserve_exact(room(self.words.len() + 1) - self.words.len());
        }
        let word = self.word(link);
        self.words.insert(at, word);
        if !self.covers(link.order()) {
            self.redraw(true);
        }
    }

    /// Draws the window anew: around all members, and with `wider` as much again at both ends.
    fn redraw(&mut self, wider: bool) {
        for w in &self.words {
            prefetch((w & PTR) as *const u8);
        }
        let (low, high) = (self.first().order(), self.get(self.len() - 1).order());
        let slack = if wider { high - low } else { (high - low) / 8 };
        self.base = low.saturating_sub(slack);
        let span = high.saturating_add(slack) - self.base;
        self.shift = (64 - span.leading_zeros()).saturating_sub(16);
        for i in 0..self.words.len() {
            self.words[i] = self.word(link(self.words[i]));
        }
    }

    /// See [`Tree::relink`](super::tree::Tree::relink).
    pub fn relink(&mut self, upto: &Probe<'_>, old: Link, new: Link) {
        let word = self.find(upto).checked_sub(1).map(|at| &mut self.words[at]).filter(|word| link(**word) == old);
        let word = word.expect("the leaf that holds the member");
        *word = (*word & !PTR) | (new.0.as_ptr() as u64 & PTR);
    }

    /// Gives the upper part from `at` on to a new leaf.
    pub fn split_off(&mut self, at: usize) -> Leaf {
        let mut words = Vec::with_capacity(room(self.len() - at + 1));
        words.extend_from_slice(&self.words[at..]);
        self.words.truncate(at);
        self.words.shrink_to(room(at + 1));
        let mut upper = Leaf { words, base: self.base, shift: self.shift };
        self.redraw(false);
        upper.redraw(false);
        upper
    }

    /// Takes all of the next leaf.
    pub fn append(&mut self, next: Leaf) {
        let len = self.len() + next.len();
        if self.words.capacity() < len {
            self.words.reserve_exact(room(len) - self.len());
        }
        self.words.extend_from_slice(&next.words);
        self.redraw(false);
    }

    /// Removes the members of `range`, handing them out.
    pub fn remove(&mut self, range: std::ops::Range<usize>, mut out: impl FnMut(Link)) {
        for w in self.words.drain(range) {
            out(link(w));
        }
        if !self.words.is_empty() && room(self.len() + self.len() / 2) < self.words.capacity() {
            self.words.shrink_to(room(self.len() + self.len() / 4));
        }
    }

    /// Panics where an invariant is broken. For tests.
    pub fn check(&self) {
        assert!(!self.words.is_empty());
        for (i, w) in self.words.iter().enumerate() {
            assert_eq!(*w, self.word(link(*w)), "a hint is stale");
            if i > 0 {
                let (a, b) = (self.get(i - 1), self.get(i));
                assert!((a.order(), a.member()) < (b.order(), b.member()), "members out of order");
            }
        }
    }
}
