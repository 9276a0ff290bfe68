//! Which keys are wanted.

use crate::args::rdb::{Filter, Ttl};
use crate::base::glob::glob_match;
use crate::rdb::KeyHead;
use anyhow::Result;

const TYPES: &[&str] = &["string", "list", "set", "zset", "hash", "stream", "module"];

pub struct Select<'f> {
    filter: &'f Filter,
    now_ms: i64,
    taken: u64,
}

impl<'f> Select<'f> {
    pub fn new(filter: &'f Filter, now_ms: i64) -> Result<Select<'f>> {
        for kind in &filter.kind {
            anyhow::ensure!(TYPES.contains(&kind.as_str()), "no such type: {kind} (there are {})", TYPES.join(", "));
        }
        Ok(Select { filter, now_ms, taken: 0 })
    }

    /// Whether a key is wanted, for all that is known before its value.
    pub fn wants(&self, db: u64, key: &KeyHead<'_>) -> bool {
        let f = self.filter;
        let fits = |globs: &[String]| globs.iter().any(|glob| glob_match(glob.as_bytes(), key.name, false));
        let ttl = match f.ttl {
            None => true,
            Some(Ttl::None) => key.expires_at_ms.is_none(),
            Some(Ttl::Any) => key.expires_at_ms.is_some(),
            Some(Ttl::Range(low, high)) => {
                key.expires_at_ms.is_some_and(|at| (low..=high).contains(&at.saturating_sub(self.now_ms)))
            }
        };
        (f.db.is_empty() || f.db.contains(&db))
            && (f.kind.is_empty() || f.kind.iter().any(|kind| kind == key.kind.type_name()))
            && (f.key.is_empty() || fits(&f.key))
            && !fits(&f.not_key)
            && ttl
    }

    /// Whether a key whose record takes so many bytes is wanted, the rest being decided; counts it if so.
    pub fn takes(&mut self, size: u64) -> bool {
        let wanted = self.filter.min_size.is_none_or(|least| size >= least);
        self.taken += u64::from(wanted);
        wanted
    }

    /// Whether as many were taken as are wanted.
    pub fn is_full(&self) -> bool {
        self.filter.limit.is_some_and(|limit| self.taken >= limit)
    }
}
