//! Deleting entries with a say about groups that still remember them: XDELEX, XACKDEL and trimming, as Redis 8.2.

use super::{Groups, Stream, StreamId};

/// What becomes of groups' pending references to an entry that is to be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RefPolicy {
    /// KEEPREF: they stay, and point nowhere.
    #[default]
    Keep,
    /// DELREF: they go too.
    Delete,
    /// ACKED: the entry only goes when every group has read and acknowledged it.
    Acked,
}

/// What became of one id of XDELEX or XACKDEL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deletion {
    /// -1: no such entry, or for XACKDEL none that is pending.
    NotFound,
    /// 1: deleted.
    Deleted,
    /// 2: acknowledged where asked, but kept because somebody still refers to it.
    Kept,
}

impl Stream {
    /// XDELEX of one id.
    pub fn delete_with(&mut self, id: StreamId, policy: RefPolicy) -> Deletion {
        if !self.contains(id) {
            return Deletion::NotFound;
        }
        if policy == RefPolicy::Acked && is_referenced(self.0.groups.as_deref(), id) {
            return Deletion::Kept;
        }
        self.delete(id);
        if policy == RefPolicy::Delete {
            forget(self.0.groups.as_deref_mut(), id);
        }
        Deletion::Deleted
    }

    /// XACKDEL of one id for the group `group`.
    pub fn ack_delete(&mut self, group: &[u8], id: StreamId, policy: RefPolicy) -> Deletion {
        if !self.group_mut(group).is_some_and(|group| group.ack(id)) {
            return Deletion::NotFound;
        }
        // An entry that is gone already had nothing but this reference left to lose.
        match self.delete_with(id, policy) {
            Deletion::NotFound => {
                if policy == RefPolicy::Delete {
                    forget(self.0.groups.as_deref_mut(), id);
                }
                Deletion::Deleted
            }
            other => other,
        }
    }
}

/// Whether a group has yet to read or to acknowledge `id`.
pub(super) fn is_referenced(groups: Option<&Groups>, id: StreamId) -> bool {
    groups.is_some_and(|groups| groups.values().any(|group| id > group.last_id || group.nack(id).is_some()))
}

/// Takes `id` off every group's pending entries.
pub(super) fn forget(groups: Option<&mut Groups>, id: StreamId) {
    if let Some(groups) = groups {
        groups.values_mut().for_each(|group| {
            group.ack(id);
        });
    }
}
