//! Lists. A list is one word: a pointer whose low bits tell the form.
//!
//! | tag | form | OBJECT ENCODING | pointer |
//! |---|---|---|---|
//! | 0 | small | `listpack` | one [`Block`] whose 8-byte head holds its figures: cap / 8, start, used, count (16 bits each) |
//! | 1 | large | `quicklist` | a boxed [`Quick`] |
//! | 2 | empty | | none. Only while a list is built or after its last item went: Redis has no empty lists |
//!
//! Invariants that the unsafe code here rests on:
//! 1. The tag is right, and the word is the only owner of what it points to.
//! 2. While a small list's block is being changed, the word says empty: a panic then leaks the block, no more.

mod iter;
mod limits;
mod node;
mod quick;
#[cfg(test)]
mod tests;

use super::block::Block;
use crate::data::effort::Effort;
use crate::data::lpentry::{self, Value};
pub use iter::Iter;
use limits::FRAME;
pub use limits::Limits;
use node::Node;
use quick::Quick;
use std::borrow::Cow;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

type Small = Block<8>;

const SMALL: usize = 0;
const QUICK: usize = 1;
const EMPTY: usize = 2;
const TAG: usize = 7;

/// Largest run of a small list, whose head counts in 16 bits. Only with 64 KB listpacks can a list reach it.
const SMALL_MAX: usize = 65_528 - 8;

/// Which end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Head,
    Tail,
}

/// A list value. See the module's text.
#[repr(transparent)]
pub struct List(NonNull<u8>);

// SAFETY: plain owned memory without interior mutability.
unsafe impl Send for List {}
// SAFETY: as above.
unsafe impl Sync for List {}

enum Form<'a> {
    Small(ManuallyDrop<Small>),
    Quick(&'a Quick),
    Empty,
}

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

impl List {
    /// An empty list; it owns no memory yet.
    pub fn new() -> List {
        List(NonNull::<u64>::dangling().cast().map_addr(|addr| addr | EMPTY))
    }

    /// Gives the word away. Only [`List::from_raw`] frees it then.
    pub fn into_raw(self) -> NonNull<u8> {
        ManuallyDrop::new(self).0
    }

    /// Takes a word back.
    ///
    /// # Safety
    /// `raw` came from [`List::into_raw`] and is used once.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> List {
        List(raw)
    }

    fn tag(&self) -> usize {
        self.0.addr().get() & TAG
    }

    fn form(&self) -> Form<'_> {
        match self.tag() {
            // SAFETY: invariant 1.
            SMALL => Form::Small(unsafe { load_small(self.0) }),
            // SAFETY: invariant 1; the borrow is of self.
            QUICK => Form::Quick(unsafe { &*self.0.as_ptr().byte_sub(QUICK).cast::<Quick>() }),
            _ => Form::Empty,
        }
    }

    fn quick_mut(&mut self) -> Option<&mut Quick> {
        // SAFETY: invariant 1; the borrow is of self.
        (self.tag() == QUICK).then(|| unsafe { &mut *self.0.as_ptr().byte_sub(QUICK).cast::<Quick>() })
    }

    /// Changes the block of a small or empty list; `room` is for a list that has none.
    fn change_small<R>(&mut self, room: usize, change: impl FnOnce(&mut Small) -> R) -> R {
        let mut block = match self.tag() {
            // SAFETY: invariant 1.
            SMALL => unsafe { load_small(self.0) },
            _ => ManuallyDrop::new(Small::with_room(room)),
        };
        std::mem::forget(std::mem::take(self));
        let result = change(&mut block);
        if block.count == 0 {
            drop(ManuallyDrop::into_inner(block));
        } else {
            *self = List(store_small(block));
        }
        result
    }

    fn set_quick(&mut self, quick: Quick) {
        let word = Box::into_raw(Box::new(quick)).cast::<u8>().wrapping_byte_add(QUICK);
        *self = NonNull::new(word).map_or(List::new(), List);
    }

    /// Moves what lies in pages of which little is used, from node number `from` on, for as long as the effort lasts; returns where
    /// to go on.
    pub fn compact(&mut self, from: u64, effort: &mut Effort) -> Option<u64> {
        match self.tag() {
            SMALL => self.change_small(0, |block| block.compact(effort)),
            _ => return self.quick_mut()?.compact(from, effort),
        }
        None
    }

    /// Items.
    pub fn len(&self) -> usize {
        match self.form() {
            Form::Small(block) => block.count as usize,
            Form::Quick(quick) => quick.len,
            Form::Empty => 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name that OBJECT ENCODING shows.
    pub fn encoding(&self) -> &'static str {
        if self.tag() == QUICK { "quicklist" } else { "listpack" }
    }

    /// Bytes taken from the allocator.
    pub fn heap_bytes(&self) -> usize {
        match self.form() {
            Form::Small(block) => block.heap_bytes(),
            Form::Quick(quick) => {
                size_of::<Quick>()
                    + quick.nodes.capacity() * size_of::<Node>()
                    + quick.nodes.iter().map(Node::heap_bytes).sum::<usize>()
            }
            Form::Empty => 0,
        }
    }

    /// Roughly how many allocations dropping the list gives back.
    pub fn free_effort(&self) -> usize {
        match self.form() {
            Form::Quick(quick) => quick.nodes.len(),
            _ => 1,
        }
    }

    /// What Redis does before it adds `count` items of `bytes` bytes in all: a listpack that would get too large becomes a
    /// quicklist. [`List::push_all`], [`List::insert`] and [`List::set`] call it themselves.
    pub fn prepare(&mut self, bytes: usize, count: usize, limits: &Limits) {
        let (used, len) = match self.form() {
            Form::Small(block) => (block.used as usize, block.count as usize),
            Form::Empty => (0, 0),
            Form::Quick(_) => return,
        };
        // 11 bytes more an item is more than any encoding of it adds.
        if limits.exceeds(used + FRAME + bytes, len + count) || used + bytes + 11 * count > SMALL_MAX {
            self.make_quick(limits);
        }
    }

    fn make_quick(&mut self, limits: &Limits) {
        let mut quick = Quick { limits: *limits, ..Quick::default() };
        if let Form::Small(block) = self.form() {
            quick.len = block.count as usize;
            quick.nodes.push_back(Node::of_run(block.bytes(), block.count as usize));
        }
        self.set_quick(quick);
    }

    /// Turns a quicklist that has become one small node into a listpack, and one of nothing into the empty list.
    fn shrink(&mut self, limits: &Limits, shrinking: bool) {
        let Form::Quick(quick) = self.form() else { return };
        match quick.nodes.len() {
            0 => *self = List::new(),
            1 => {
                let node = &quick.nodes[0];
                let (bytes, count) = (node.run_len(), node.count());
                if bytes <= SMALL_MAX && limits.suits_listpack(bytes + FRAME, count, shrinking) {
                    let block = Small::of_run(&node.run(), count);
                    *self = List(store_small(ManuallyDrop::new(block)));
                }
            }
            _ => {}
        }
    }

    /// Adds one item at an end.
    #[inline]
    pub fn push(&mut self, end: End, item: &[u8], limits: &Limits) {
        self.prepare(item.len(), 1, limits);
        self.push_prepared(end, item);
    }

    /// Adds items at an end, one after the other, as one command does.
    pub fn push_all<'i>(&mut self, end: End, items: impl Iterator<Item = &'i [u8]> + Clone, limits: &Limits) {
        let (bytes, count) = items.clone().fold((0, 0), |(b, n), item| (b + item.len(), n + 1));
        self.prepare(bytes, count, limits);
        for item in items {
            self.push_prepared(end, item);
        }
    }

    #[inline]
    fn push_prepared(&mut self, end: End, item: &[u8]) {
        if let Some(quick) = self.quick_mut() {
            return quick.push(end == End::Head, item, &quick.limits.clone());
        }
        let value = Value::of(item);
        self.change_small(value.entry_len(), |block| match end {
            End::Head => block.push_front(value),
            End::Tail => block.push_back(value),
        });
    }

    /// The item at an end.
    pub fn peek<R>(&self, end: End, look: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        let run = match self.form() {
            Form::Small(ref block) => return peek_run(block.bytes(), end).map(look),
            Form::Quick(quick) => quick.end(end == End::Head)?.run(),
            Form::Empty => return None,
        };
        peek_run(&run, end).map(look)
    }

    /// Removes the item at an end, after `look` has seen it.
    pub fn pop<R>(&mut self, end: End, limits: &Limits, look: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        let seen = self.peek(end, look)?;
        if let Some(quick) = self.quick_mut() {
            quick.pop(end == End::Head, &quick.limits.clone());
            if quick.nodes.len() <= 1 {
                self.shrink(limits, true);
            }
            return Some(seen);
        }
        self.change_small(0, |block| {
            let (used, bytes) = (block.used as usize, block.bytes());
            match end {
                End::Head => block.remove(0, lpentry::entry_len_at(bytes), 1),
                End::Tail => {
                    let len = lpentry::prev_len(bytes);
                    block.remove(used - len, len, 1);
                }
            }
        });
        Some(seen)
    }

    /// Moves the item at one end to another (LMOVE within a list). `item` is what [`List::peek`] showed there. As in Redis the
    /// encoding is chosen once both is done.
    pub fn turn(&mut self, from: End, to: End, item: &[u8], limits: &Limits) {
        let Some(quick) = self.quick_mut() else {
            self.pop(from, limits, |_| ());
            return self.push(to, item, limits);
        };
        let own = quick.limits;
        quick.pop(from == End::Head, &own);
        quick.push(to == End::Head, item, &own);
        if quick.nodes.len() <= 1 {
            self.shrink(limits, true);
        }
    }

    /// The item at `index`. O(nodes), and inside a node from its nearer end.
    pub fn get<R>(&self, index: usize, look: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        if index >= self.len() {
            return None;
        }
        let mut iter = self.iter(index, 1);
        iter.next().map(look)
    }

    /// Up to `count` items from number `index` on, forward.
    pub fn iter(&self, index: usize, count: usize) -> Iter<'_> {
        Iter::new(self, index, count, false)
    }

    /// Up to `count` items from number `index` on, towards the head.
    pub fn iter_rev(&self, index: usize, count: usize) -> Iter<'_> {
        Iter::new(self, index, count, true)
    }

    /// Replaces the item at `index` (LSET). False when there is none; the encoding may have changed even then, as in Redis.
    pub fn set(&mut self, index: usize, item: &[u8], limits: &Limits) -> bool {
        self.prepare(item.len(), 1, limits);
        if index >= self.len() {
            return false;
        }
        if let Some(quick) = self.quick_mut() {
            quick.set(index, item, &quick.limits.clone());
            self.shrink(limits, true);
        } else {
            self.change_small(0, |block| {
                let at = block.offset(index);
                block.replace(at, Value::of(item));
            });
        }
        true
    }

    /// Puts `item` before or behind the first item equal to `pivot` (LINSERT). False when there is none; the encoding may
    /// have changed even then, as in Redis.
    pub fn insert(&mut self, pivot: &[u8], before: bool, item: &[u8], limits: &Limits) -> bool {
        self.prepare(item.len(), 1, limits);
        let mut found = None;
        self.positions(pivot, false, 0, usize::MAX, |index| {
            found = Some(index);
            false
        });
        let Some(index) = found else { return false };
        if let Some(quick) = self.quick_mut() {
            quick.insert(index, !before, item, &quick.limits.clone());
        } else {
            self.change_small(0, |block| {
                let at = block.offset(index + usize::from(!before));
                block.insert(at, Value::of(item));
            });
        }
        true
    }

    /// Tells `found` the index of every item equal to `needle`, until it says false (LPOS). `skip` matches are passed over,
    /// and at most `most` items compared.
    pub fn positions(
        &self,
        needle: &[u8],
        backward: bool,
        mut skip: usize,
        most: usize,
        mut found: impl FnMut(usize) -> bool,
    ) {
        let int = lpentry::parse_int(needle);
        let len = self.len();
        let mut iter = if backward { self.iter_rev(len.saturating_sub(1), most) } else { self.iter(0, most) };
        let mut nth = 0;
        while let Some(value) = iter.next() {
            if value.is(needle, int) {
                if skip > 0 {
                    skip -= 1;
                } else if !found(if backward { len - 1 - nth } else { nth }) {
                    return;
                }
            }
            nth += 1;
        }
    }

    /// Removes up to `most` items equal to `needle`, first ones first or last ones first (LREM). Says how many went.
    pub fn remove(&mut self, needle: &[u8], most: usize, backward: bool, limits: &Limits) -> usize {
        if let Some(quick) = self.quick_mut() {
            let removed = quick.remove_equal(needle, most, backward, &quick.limits.clone());
            if removed > 0 {
                self.shrink(limits, true);
            }
            return removed;
        }
        if self.is_empty() || most == 0 {
            return 0;
        }
        self.change_small(0, |block| quick::remove_from_block(block, needle, most, backward))
    }

    /// Removes `count` items from number `index` on; both are cut to what there is.
    pub fn remove_range(&mut self, index: usize, count: usize) {
        let count = count.min(self.len().saturating_sub(index));
        if count == 0 {
            return;
        }
        if let Some(quick) = self.quick_mut() {
            quick.remove_range(index, count, &quick.limits.clone());
            return;
        }
        self.change_small(0, |block| {
            let at = block.offset(index);
            let end = block.offset(index + count);
            block.remove(at, end - at, count);
        });
    }

    /// Keeps `count` items from number `index` on (LTRIM).
    pub fn trim(&mut self, index: usize, count: usize, limits: &Limits) {
        let len = self.len();
        let index = index.min(len);
        let end = index.saturating_add(count).min(len);
        self.remove_range(end, len - end);
        self.remove_range(0, if end == index { end } else { index });
        self.shrink(limits, true);
    }

    /// The runs of entries that make the list, in order, for RDB: a listpack without frame each.
    pub fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        let (small, quick) = match self.form() {
            // SAFETY: the bytes belong to the block that self owns and self is borrowed.
            Form::Small(block) => (
                Some(Run {
                    entries: Cow::Borrowed(unsafe { &*std::ptr::from_ref(block.bytes()) }),
                    count: block.count as usize,
                    packed: None,
                }),
                None,
            ),
            Form::Quick(quick) => (None, Some(quick)),
            Form::Empty => (None, None),
        };
        small.into_iter().chain(quick.into_iter().flat_map(|quick| {
            quick.nodes.iter().map(|node| Run { entries: node.run(), count: node.count(), packed: node.packed_run() })
        }))
    }

    /// How many runs make the list.
    pub fn runs_len(&self) -> usize {
        match self.form() {
            Form::Small(_) => 1,
            Form::Quick(quick) => quick.nodes.len(),
            Form::Empty => 0,
        }
    }

    /// The run number `n` of those that make the list, as it is held; `None` behind the last one.
    pub fn held_run(&self, n: usize) -> Option<HeldRun<'_>> {
        match self.form() {
            Form::Small(block) if n == 0 => Some(HeldRun {
                // SAFETY: the bytes belong to the block that self owns and self is borrowed.
                bytes: unsafe { &*std::ptr::from_ref(block.bytes()) },
                count: block.count as usize,
                unpacked_len: None,
            }),
            Form::Quick(quick) => quick.nodes.get(n).map(|node| {
                let (bytes, unpacked_len) = node.held();
                HeldRun { bytes, count: node.count(), unpacked_len }
            }),
            _ => None,
        }
    }

    /// Adds a run of `count` entries behind, as a node of its own: how a loaded list is built. The run must have passed
    /// [`lpentry::validate_run`]. [`List::loaded`] finishes.
    pub fn append_run(&mut self, run: &[u8], count: usize) {
        if count == 0 {
            return;
        }
        if self.tag() != QUICK {
            self.make_quick(&Limits::default());
        }
        if let Some(quick) = self.quick_mut() {
            quick.nodes.push_back(Node::of_run(run, count));
            quick.len += count;
        }
    }

    /// Chooses the encoding of a list built by [`List::append_run`], as Redis does after loading, and compresses.
    pub fn loaded(&mut self, limits: &Limits) {
        self.shrink(limits, false);
        if let Some(quick) = self.quick_mut() {
            quick.limits = *limits;
            quick.settle_all(limits);
        }
    }
}

/// One packed run of a list, not unpacked for the look.
pub struct HeldRun<'a> {
    pub bytes: &'a [u8],
    pub count: usize,
    /// Length of the entries, if the bytes are their LZF form.
    pub unpacked_len: Option<usize>,
}

/// One packed run of a list.
pub struct Run<'a> {
    pub entries: Cow<'a, [u8]>,
    pub count: usize,
    /// The run's LZF form, if the list holds it compressed. (It is of the bare run.)
    pub packed: Option<&'a [u8]>,
}

fn peek_run(run: &[u8], end: End) -> Option<Value<'_>> {
    match end {
        End::Head => lpentry::Entries(run).next(),
        End::Tail => lpentry::Entries(run).next_back(),
    }
}

/// Reads the figures of a small list's block.
///
/// # Safety
/// `base` is a small list's word, and the block is not dropped while the word lives.
unsafe fn load_small(base: NonNull<u8>) -> ManuallyDrop<Small> {
    // SAFETY: the head is 8 bytes, written by `store_small`.
    let [units, start, used, count] = unsafe { base.cast::<[u16; 4]>().read() };
    ManuallyDrop::new(Block {
        base,
        cap: u32::from(units) * 8 - 8,
        start: u32::from(start),
        used: u32::from(used),
        count: u32::from(count),
    })
}

fn store_small(block: ManuallyDrop<Small>) -> NonNull<u8> {
    debug_assert!(block.cap <= u32::from(u16::MAX));
    let head = [(block.cap + 8) / 8, block.start, block.used, block.count].map(|n| n as u16);
    // SAFETY: a block of 8 bytes of head has room for it, aligned to 8.
    unsafe { block.base.cast::<[u16; 4]>().write(head) };
    block.base
}

impl Drop for List {
    fn drop(&mut self) {
        match self.tag() {
            // SAFETY: invariant 1; the word is not used again.
            SMALL => drop(ManuallyDrop::into_inner(unsafe { load_small(self.0) })),
            // SAFETY: as above; `set_quick` made the box.
            QUICK => drop(unsafe { Box::from_raw(self.0.as_ptr().byte_sub(QUICK).cast::<Quick>()) }),
            _ => {}
        }
    }
}

impl Clone for List {
    fn clone(&self) -> List {
        match self.form() {
            Form::Small(block) => List(store_small(ManuallyDrop::new(Small::clone(&block)))),
            Form::Quick(quick) => {
                let mut copy = List::new();
                copy.set_quick(quick.clone());
                copy
            }
            Form::Empty => List::new(),
        }
    }
}
