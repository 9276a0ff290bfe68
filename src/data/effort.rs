//! How much is to be moved out of pages of which little is used, and what came of it: see [`slab::lies_sparse`](super::slab::lies_sparse).

/// A budget of allocations to look at.
#[derive(Default)]
pub struct Effort {
    left: usize,
    /// Allocations that were moved, and those that lie well.
    pub hits: u64,
    pub misses: u64,
    /// The same of keys.
    pub key_hits: u64,
    pub key_misses: u64,
}

impl Effort {
    pub fn new(allocations: usize) -> Effort {
        Effort { left: allocations, ..Effort::default() }
    }

    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// An allocation was looked at, and `moved` or not.
    #[inline]
    pub fn looked(&mut self, moved: bool) {
        self.left = self.left.saturating_sub(1);
        *if moved { &mut self.hits } else { &mut self.misses } += 1;
    }

    /// Looks at a row of items, the first of which is number `from`; the number to go on with, unless that was the last.
    pub fn spend_on<T>(
        &mut self,
        row: impl Iterator<Item = T>,
        from: u64,
        mut look: impl FnMut(T, &mut Effort),
    ) -> Option<u64> {
        for (item, next) in row.zip(from + 1..) {
            look(item, self);
            if self.is_spent() {
                return Some(next);
            }
        }
        None
    }

    /// A key was, and something of it moved or not.
    pub fn looked_at_key(&mut self, moved: bool) {
        *if moved { &mut self.key_hits } else { &mut self.key_misses } += 1;
    }
}
