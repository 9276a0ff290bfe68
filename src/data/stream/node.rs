//! A node of a stream: up to a hundred entries, packed as Redis packs them, whose ids and field names are told once.
//!
//! ```text
//!  master     number of fields, field ..., 0
//!  entry      flags, ms - master.ms, seq - master.seq, [number of fields, field, value ... | value ...], entries back
//! ```
//!
//! All are listpack entries. The flags tell that the entry was deleted ([`DELETED`], it stays as it is otherwise) and that
//! its fields are the master's ([`SAME`], so that only values follow). The last number is how many listpack entries to step
//! back over to get to the flags. Redis's node begins with two more, the numbers of live and of deleted entries: they
//! are kept outside here, so that adding an entry only appends, and are put in front when a node is written.

use super::id::StreamId;
use crate::data::block::Block;
use crate::data::effort::Effort;
use crate::data::lpentry::{self, Entries, Value};

/// Bytes that an item takes in a node beside its own, at most.
pub(super) const BESIDE: usize = 11;

const DELETED: u8 = 1;
const SAME: u8 = 2;

/// Longer foreign nodes are refused. Redis ends its own at 1 GiB, and with one entry more that is below 2.
const MAX_FOREIGN: usize = 2 << 30;

#[derive(Clone)]
pub(super) struct Node {
    pub master: StreamId,
    run: Block<0>,
    /// Live entries.
    pub count: u32,
    pub deleted: u32,
}

/// An entry of a stream.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub id: StreamId,
    /// Names of the fields, when they are the master's; else they are among the values.
    names: Option<&'a [u8]>,
    values: &'a [u8],
    len: usize,
}

impl<'a> Entry<'a> {
    /// Number of fields.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fields and values.
    pub fn fields(&self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> + use<'a> {
        let mut names = self.names.map(Entries);
        let mut values = Entries(self.values);
        std::iter::from_fn(move || {
            let name = match &mut names {
                Some(names) => names.next()?,
                None => values.next()?,
            };
            Some((name, values.next()?))
        })
    }
}

/// Where an entry lies in a node.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub at: usize,
    pub end: usize,
}

/// The master entry, parsed.
#[derive(Clone, Copy)]
pub(super) struct Master<'a> {
    pub names: &'a [u8],
    pub len: usize,
    /// Where the first entry begins.
    pub body: usize,
}

fn int_at(run: &[u8], at: &mut usize) -> i64 {
    let (value, len) = lpentry::decode(&run[*at..]);
    *at += len;
    match value {
        Value::Int(n) => n,
        Value::Str(_) => 0, // validated on load, never written
    }
}

impl Node {
    /// A node whose master has the field names of `items` (field, value, field, value …).
    pub fn new<'i>(master: StreamId, items: impl Iterator<Item = &'i [u8]> + Clone, first_len: usize) -> Node {
        let names = || items.clone().step_by(2);
        let room: usize = names().map(|n| Value::of(n).entry_len()).sum::<usize>() + 8;
        let mut run = Block::with_room(room + first_len + first_len / 2);
        run.push_back(Value::Int(names().count() as i64));
        names().for_each(|name| run.push_back(Value::of(name)));
        run.push_back(Value::Int(0));
        Node { master, run, count: 0, deleted: 0 }
    }

    #[inline]
    pub fn run(&self) -> &[u8] {
        self.run.bytes()
    }

    /// Bytes of the node as Redis counts them against `stream-node-max-bytes`.
    #[inline]
    pub fn listpack_len(&self) -> usize {
        let head = |n: u32| Value::Int(i64::from(n)).entry_len();
        7 + head(self.count) + head(self.deleted) + self.run().len()
    }

    pub fn heap_bytes(&self) -> usize {
        self.run.heap_bytes()
    }

    pub fn shrink_to_fit(&mut self) {
        self.run.shrink_to_fit();
    }

    pub fn compact(&mut self, effort: &mut Effort) {
        self.run.compact(effort);
    }

    #[inline]
    pub fn master_entry(&self) -> Master<'_> {
        let (run, mut at) = (self.run(), 0);
        let len = int_at(run, &mut at) as usize;
        let names = at;
        for _ in 0..len {
            at += lpentry::entry_len_at(&run[at..]);
        }
        let end = at;
        int_at(run, &mut at);
        Master { names: &run[names..end], len, body: at }
    }

    /// Adds an entry behind.
    pub fn push<'i>(&mut self, id: StreamId, items: impl Iterator<Item = &'i [u8]> + Clone) {
        let master = self.master_entry();
        let mut names = Entries(master.names);
        let mut n = 0;
        let mut bytes = 0;
        let mut same = true;
        let mut is_name = true;
        for item in items.clone() {
            if is_name {
                n += 1;
                same = same && names.next().is_some_and(|name| name == Value::of(item));
            }
            is_name = !is_name;
            bytes += item.len() + BESIDE;
        }
        same = same && n == master.len;
        let need = self.run().len() + bytes + 48; // more than flags, diffs and counts can take
        if need > self.run.cap as usize {
            self.run.reserve(need + need / 4);
        }
        let run = &mut self.run;
        run.push_back(Value::Int(i64::from(if same { SAME } else { 0 })));
        run.push_back(Value::Int(id.ms.wrapping_sub(self.master.ms) as i64));
        run.push_back(Value::Int(id.seq.wrapping_sub(self.master.seq) as i64));
        if same {
            items.skip(1).step_by(2).for_each(|value| run.push_back(Value::of(value)));
        } else {
            run.push_back(Value::Int(n as i64));
            items.for_each(|item| run.push_back(Value::of(item)));
        }
        let back = 3 + if same { n } else { 2 * n + 1 };
        run.push_back(Value::Int(back as i64));
        self.count += 1;
    }

    /// The entry that begins at `at`, where it ends, and whether it was deleted.
    #[inline]
    pub fn read<'a>(&'a self, master: &Master<'a>, mut at: usize) -> (Entry<'a>, Place, bool) {
        let run = self.run();
        let begin = at;
        let flags = int_at(run, &mut at) as u8;
        let ms = self.master.ms.wrapping_add(int_at(run, &mut at) as u64);
        let seq = self.master.seq.wrapping_add(int_at(run, &mut at) as u64);
        let same = flags & SAME != 0;
        let (len, elements) = if same {
            (master.len, master.len)
        } else {
            let len = int_at(run, &mut at) as usize;
            (len, 2 * len)
        };
        let values = at;
        for _ in 0..elements {
            at += lpentry::entry_len_at(&run[at..]);
        }
        let values = &run[values..at];
        int_at(run, &mut at);
        let names = same.then_some(master.names);
        (Entry { id: StreamId { ms, seq }, names, values, len }, Place { at: begin, end: at }, flags & DELETED != 0)
    }

    /// Where the entry that ends at `end` begins.
    #[inline]
    pub fn before(&self, end: usize) -> usize {
        let run = self.run();
        let mut at = end - lpentry::prev_len(&run[..end]);
        let back = int_at(run, &mut { at });
        for _ in 0..back {
            at -= lpentry::prev_len(&run[..at]);
        }
        at
    }

    /// All entries, live and deleted ones, in order.
    pub fn entries(&self) -> impl Iterator<Item = (Entry<'_>, Place, bool)> {
        let master = self.master_entry();
        let mut at = master.body;
        std::iter::from_fn(move || {
            (at < self.run().len()).then(|| {
                let read = self.read(&master, at);
                at = read.1.end;
                read
            })
        })
    }

    /// Id of the last entry, be it live or deleted: what decides whether a node lies before a minimal id, as in Redis.
    pub fn last_id(&self) -> StreamId {
        let master = self.master_entry();
        if self.run().len() == master.body {
            return self.master;
        }
        self.read(&master, self.before(self.run().len())).0.id
    }

    /// The live entry `id`.
    pub fn find(&self, id: StreamId) -> Option<(Entry<'_>, Place)> {
        let (entry, place, deleted) = self.entries().find(|(entry, ..)| entry.id >= id)?;
        (entry.id == id && !deleted).then_some((entry, place))
    }

    /// Marks the live entry at `place` deleted.
    pub fn delete(&mut self, place: Place) {
        self.run.bytes_mut()[place.at] |= DELETED;
        self.count -= 1;
        self.deleted += 1;
    }

    /// Appends the node to `out` as the listpack that Redis would hold.
    pub fn write_listpack(&self, out: &mut Vec<u8>) {
        let mut head = Vec::with_capacity(16);
        Value::Int(i64::from(self.count)).append_to(&mut head);
        Value::Int(i64::from(self.deleted)).append_to(&mut head);
        let (run, elements) = (self.run(), 2 + self.run.count as usize);
        out.reserve(head.len() + run.len() + 7);
        out.extend_from_slice(&lpentry::listpack_header(head.len() + run.len(), elements));
        out.extend_from_slice(&head);
        out.extend_from_slice(run);
        out.push(lpentry::END);
    }

    /// The node that a foreign listpack holds. None unless it is one that Redis could have written, with ids that rise from
    /// `master` on.
    pub fn from_listpack(master: StreamId, bytes: &[u8]) -> Option<Node> {
        if bytes.len() > MAX_FOREIGN {
            return None;
        }
        let (run, _) = lpentry::open_listpack(bytes)?;
        let mut rest = Entries(run);
        let number = |rest: &mut Entries<'_>| match rest.next()? {
            Value::Int(n) => Some(n),
            Value::Str(_) => None,
        };
        let count = u32::try_from(number(&mut rest)?).ok()?;
        let deleted = u32::try_from(number(&mut rest)?).ok()?;
        let body = rest.0;
        let names = usize::try_from(number(&mut rest)?).ok()?;
        for _ in 0..names {
            rest.next()?;
        }
        if number(&mut rest)? != 0 {
            return None;
        }
        let (mut live, mut dead) = (0, 0);
        let mut last = None;
        while !rest.0.is_empty() {
            let one_byte = rest.0[0] < 0x80; // deletion changes the flags in place
            let flags = number(&mut rest)?;
            let ms = master.ms.wrapping_add(number(&mut rest)? as u64);
            let seq = master.seq.wrapping_add(number(&mut rest)? as u64);
            let id = StreamId { ms, seq };
            if !one_byte || !(0..=3).contains(&flags) || last.is_some_and(|last| id <= last) || id < master {
                return None;
            }
            last = Some(id);
            if flags as u8 & DELETED != 0 {
                dead += 1
            } else {
                live += 1
            }
            let (elements, back) = if flags as u8 & SAME != 0 {
                (names, names + 3)
            } else {
                let n = usize::try_from(number(&mut rest)?).ok()?;
                (n.checked_mul(2)?, n.checked_mul(2)?.checked_add(4)?)
            };
            for _ in 0..elements {
                rest.next()?;
            }
            if usize::try_from(number(&mut rest)?).ok()? != back {
                return None;
            }
        }
        (live == count && dead == deleted && last.is_some()).then(|| Node {
            master,
            run: Block::of_run(body, Entries(body).count()),
            count,
            deleted,
        })
    }
}
