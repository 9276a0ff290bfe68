//! The ranked order of a large sorted set: a counted B+tree whose [leaves](super::leaf) point to the members.
//!
//! A branch keeps, for each of its up to 64 children, the order of its least member's score and how many members it has;
//! leaves lie in the lowest branches themselves (their headers are there, their words apart). So an insertion into a
//! million touches two branches and one leaf, and ranks are sums of a few counts.
//!
//! The tree owns no member. Whoever owns it removes a member here before freeing or changing it.

use super::leaf::{Leaf, Probe, Tie};
use super::scored::Link;

const MAX_CHILDREN: usize = 64;
/// Neighbours that together have no more than this are joined when one of them shrinks.
const JOIN_WORDS: usize = 96;
const JOIN_CHILDREN: usize = 48;

pub(super) struct Tree {
    root: Branch,
}

struct Branch {
    /// The order of each child's least member.
    keys: Vec<u64>,
    counts: Vec<u64>,
    below: Below,
}

enum Below {
    Leaves(Vec<Leaf>),
    Branches(Vec<Branch>),
}

/// Is this subtree at the lower or the upper edge of the whole? There, leaves are split so that the old one stays full.
#[derive(Clone, Copy)]
struct Edge {
    low: bool,
    high: bool,
}

impl Tree {
    pub fn new() -> Tree {
        Tree { root: Branch::new(Below::Leaves(Vec::new())) }
    }

    pub fn len(&self) -> usize {
        self.root.counts.iter().sum::<u64>() as usize
    }

    pub fn heap_bytes(&self) -> usize {
        self.root.heap_bytes()
    }

    /// Adds a member that is not in yet.
    pub fn insert(&mut self, link: Link) {
        let probe = Probe::at(link.order(), link.member());
        if let Some(upper) = self.root.insert(link, &probe, Edge { low: true, high: true }) {
            let lower = std::mem::replace(&mut self.root, Branch::new(Below::Branches(Vec::new())));
            let keys = vec![lower.keys[0], upper.keys[0]];
            let counts = vec![lower.count(), upper.count()];
            self.root = Branch { keys, counts, below: Below::Branches(vec![lower, upper]) };
        }
    }

    /// Removes a member, which must be in.
    pub fn remove(&mut self, link: Link) {
        let order = link.order();
        let upto = Probe { order: Some(order), tie: Tie::UpTo(link.member()) };
        let gone = self.root.remove(&upto);
        assert_eq!(gone, Some(link), "the tree and its set disagree");
        self.collapse();
    }

    /// The member lies elsewhere now: `new` is a copy of `old`, which is still there.
    pub fn relink(&mut self, old: Link, new: Link) {
        let upto = Probe { order: Some(old.order()), tie: Tie::UpTo(old.member()) };
        let mut branch = &mut self.root;
        while let Some(i) = branch.child(&upto) {
            match &mut branch.below {
                Below::Leaves(leaves) => return leaves[i].relink(&upto, old, new),
                Below::Branches(kids) => branch = &mut kids[i],
            }
        }
        unreachable!("the tree and its set disagree");
    }

    /// Removes members from `rank` on, up to `most` of those that lie in the same leaf; returns how many.
    pub fn remove_some(&mut self, rank: usize, most: usize, mut out: impl FnMut(Link)) -> usize {
        let n = self.root.remove_some(rank, most, &mut out);
        self.collapse();
        n
    }

    /// Drops roots that have one child only.
    fn collapse(&mut self) {
        while let Below::Branches(kids) = &mut self.root.below
            && kids.len() == 1
            && let Some(only) = kids.pop()
        {
            self.root = only;
        }
    }

    /// How many members go before the probe.
    #[inline]
    pub fn rank(&self, probe: &Probe<'_>) -> usize {
        let (mut branch, mut rank) = (&self.root, 0);
        loop {
            let Some(i) = branch.child(probe) else { return rank };
            rank += branch.counts[..i].iter().sum::<u64>() as usize;
            match &branch.below {
                Below::Leaves(leaves) => return rank + leaves[i].find(probe),
                Below::Branches(kids) => branch = &kids[i],
            }
        }
    }

    /// The leaf that holds the member of this rank, and its place there.
    pub fn seek(&self, rank: usize) -> Option<(&Leaf, usize)> {
        let (mut branch, mut rank) = (&self.root, rank);
        loop {
            let i = branch.child_of_rank(&mut rank)?;
            match &branch.below {
                Below::Leaves(leaves) => return Some((&leaves[i], rank)),
                Below::Branches(kids) => branch = &kids[i],
            }
        }
    }

    /// Panics where an invariant is broken. For tests.
    pub fn check(&self) {
        let depth = self.root.check();
        assert!(depth < 8);
        let mut last: Option<Link> = None;
        let mut rank = 0;
        while let Some((leaf, at)) = self.seek(rank) {
            assert_eq!(at, 0);
            leaf.check();
            for i in 0..leaf.len() {
                let now = leaf.get(i);
                assert!(last.is_none_or(|l| (l.order(), l.member()) < (now.order(), now.member())));
                last = Some(now);
            }
            rank += leaf.len();
        }
        assert_eq!(rank, self.len());
    }
}

impl Branch {
    fn new(below: Below) -> Branch {
        Branch { keys: Vec::new(), counts: Vec::new(), below }
    }

    fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn first(&self) -> Link {
        match &self.below {
            Below::Leaves(leaves) => leaves[0].first(),
            Below::Branches(kids) => kids[0].first(),
        }
    }

    fn first_of(&self, i: usize) -> Link {
        match &self.below {
            Below::Leaves(leaves) => leaves[i].first(),
            Below::Branches(kids) => kids[i].first(),
        }
    }

    /// The last child whose least member goes before the probe: the one in which the probe falls. `None` without children
    /// or when all go after it.
    #[inline]
    fn child(&self, probe: &Probe<'_>) -> Option<usize> {
        let (mut low, mut high) = (0, self.keys.len());
        if let Some(order) = probe.order {
            low = self.keys.partition_point(|k| *k < order);
            high = low + self.keys[low..].partition_point(|k| *k == order);
        }
        // Equal keys: their least members decide.
        while low < high {
            let mid = (low + high) / 2;
            if probe.tied_before(self.first_of(mid)) {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        low.checked_sub(1)
    }

    /// The child that holds the member of this rank; `rank` becomes that within it.
    #[inline]
    fn child_of_rank(&self, rank: &mut usize) -> Option<usize> {
        self.counts.iter().position(|&n| {
            let here = *rank < n as usize;
            if !here {
                *rank -= n as usize;
            }
            here
        })
    }

    /// Inserts, and returns the upper half if this branch had to split.
    fn insert(&mut self, link: Link, probe: &Probe<'_>, edge: Edge) -> Option<Branch> {
        if self.keys.is_empty() {
            self.keys.push(link.order());
            self.counts.push(1);
            self.below = Below::Leaves(vec![Leaf::new(link)]);
            return None;
        }
        let i = self.child(probe).unwrap_or(0);
        let edge = Edge { low: edge.low && i == 0, high: edge.high && i + 1 == self.keys.len() };
        self.counts[i] += 1;
        // Only the very least member can go before the first child's.
        self.keys[i] = self.keys[i].min(link.order());
        match &mut self.below {
            Below::Leaves(leaves) => {
                let leaf = &mut leaves[i];
                let at = leaf.find(probe);
                if !leaf.is_full() {
                    leaf.insert(at, link);
                    return None;
                }
                let upper = match at {
                    0 if edge.low => {
                        let lower = Leaf::new(link);
                        std::mem::replace(leaf, lower)
                    }
                    n if edge.high && n == leaf.len() => Leaf::new(link),
                    _ => {
                        let half = leaf.len() / 2;
                        let mut upper = leaf.split_off(half);
                        if at <= half {
                            leaf.insert(at, link);
                        } else {
                            upper.insert(at - half, link);
                        }
                        upper
                    }
                };
                self.counts[i] = leaf.len() as u64;
                self.keys[i] = leaf.first().order();
                self.keys.insert(i + 1, upper.first().order());
                self.counts.insert(i + 1, upper.len() as u64);
                leaves.insert(i + 1, upper);
            }
            Below::Branches(kids) => {
                let upper = kids[i].insert(link, probe, edge)?;
                self.counts[i] = kids[i].count();
                self.keys.insert(i + 1, upper.keys[0]);
                self.counts.insert(i + 1, upper.count());
                kids.insert(i + 1, upper);
            }
        }
        (self.keys.len() > MAX_CHILDREN).then(|| {
            let half = match edge {
                Edge { high: true, .. } => MAX_CHILDREN - 2,
                Edge { low: true, .. } => 2,
                _ => MAX_CHILDREN / 2,
            };
            self.split_off(half)
        })
    }

    fn split_off(&mut self, at: usize) -> Branch {
        let below = match &mut self.below {
            Below::Leaves(leaves) => Below::Leaves(leaves.split_off(at)),
            Below::Branches(kids) => Below::Branches(kids.split_off(at)),
        };
        Branch { keys: self.keys.split_off(at), counts: self.counts.split_off(at), below }
    }

    fn remove_some(&mut self, rank: usize, most: usize, out: &mut dyn FnMut(Link)) -> usize {
        let mut rank = rank;
        let Some(i) = self.child_of_rank(&mut rank) else { return 0 };
        let (n, left) = match &mut self.below {
            Below::Leaves(leaves) => {
                let n = most.min(leaves[i].len() - rank);
                leaves[i].remove(rank..rank + n, out);
                (n, leaves[i].len())
            }
            Below::Branches(kids) => (kids[i].remove_some(rank, most, out), kids[i].keys.len()),
        };
        self.shrunk(i, n, left);
        n
    }

    /// Removes the last member that goes before the probe.
    fn remove(&mut self, probe: &Probe<'_>) -> Option<Link> {
        let i = self.child(probe)?;
        let (gone, left) = match &mut self.below {
            Below::Leaves(leaves) => {
                let at = leaves[i].find(probe).checked_sub(1)?;
                let mut gone = None;
                leaves[i].remove(at..at + 1, |link| gone = Some(link));
                (gone, leaves[i].len())
            }
            Below::Branches(kids) => (kids[i].remove(probe), kids[i].keys.len()),
        };
        self.shrunk(i, usize::from(gone.is_some()), left);
        gone
    }

    /// Puts things right after child `i` lost `n` members and has `left` children or words.
    fn shrunk(&mut self, i: usize, n: usize, left: usize) {
        self.counts[i] -= n as u64;
        if left == 0 {
            self.drop_child(i);
        } else {
            self.keys[i] = self.first_of(i).order();
            self.join(i, left);
        }
    }

    fn drop_child(&mut self, i: usize) {
        self.keys.remove(i);
        self.counts.remove(i);
        match &mut self.below {
            Below::Leaves(leaves) => drop(leaves.remove(i)),
            Below::Branches(kids) => drop(kids.remove(i)),
        }
    }

    /// Joins child `i`, which shrank to `left`, with a neighbour if both are small.
    fn join(&mut self, i: usize, left: usize) {
        let most = if matches!(self.below, Below::Leaves(_)) { JOIN_WORDS } else { JOIN_CHILDREN };
        if left > most / 3 {
            return;
        }
        let size = |i: usize| match &self.below {
            Below::Leaves(leaves) => leaves.get(i).map_or(usize::MAX / 2, Leaf::len),
            Below::Branches(kids) => kids.get(i).map_or(usize::MAX / 2, |k| k.keys.len()),
        };
        let i = match i {
            _ if size(i + 1) + left <= most => i,
            1.. if size(i - 1) + left <= most => i - 1,
            _ => return,
        };
        self.keys.remove(i + 1);
        self.counts[i] += self.counts.remove(i + 1);
        match &mut self.below {
            Below::Leaves(leaves) => {
                let next = leaves.remove(i + 1);
                leaves[i].append(next);
            }
            Below::Branches(kids) => {
                let mut next = kids.remove(i + 1);
                kids[i].keys.append(&mut next.keys);
                kids[i].counts.append(&mut next.counts);
                match (&mut kids[i].below, next.below) {
                    (Below::Leaves(a), Below::Leaves(mut b)) => a.append(&mut b),
                    (Below::Branches(a), Below::Branches(mut b)) => a.append(&mut b),
                    _ => unreachable!("all leaves are at one depth"),
                }
            }
        }
    }

    fn heap_bytes(&self) -> usize {
        (self.keys.capacity() + self.counts.capacity()) * 8
            + match &self.below {
                Below::Leaves(leaves) => {
                    leaves.capacity() * size_of::<Leaf>() + leaves.iter().map(Leaf::heap_bytes).sum::<usize>()
                }
                Below::Branches(kids) => {
                    kids.capacity() * size_of::<Branch>() + kids.iter().map(Branch::heap_bytes).sum::<usize>()
                }
            }
    }

    fn check(&self) -> usize {
        let n = self.keys.len();
        assert_eq!(n, self.counts.len());
        let depth = match &self.below {
            Below::Leaves(leaves) => {
                assert_eq!(n, leaves.len());
                assert!(leaves.iter().zip(&self.counts).all(|(l, n)| l.len() as u64 == *n));
                1
            }
            Below::Branches(kids) => {
                assert!(n == kids.len() && n > 0);
                assert!(kids.iter().zip(&self.counts).all(|(k, n)| k.count() == *n));
                let depths: Vec<usize> = kids.iter().map(Branch::check).collect();
                assert!(depths.windows(2).all(|w| w[0] == w[1]));
                depths[0] + 1
            }
        };
        assert!((0..n).all(|i| self.first_of(i).order() == self.keys[i]), "a key is stale");
        depth
    }
}
