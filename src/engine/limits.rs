//! The thresholds of compact encodings, as they are set at this moment.

use super::Engine;
use super::call::Call;
use crate::data::{Limits, list, stream};

impl Engine {
    /// A few relaxed loads; nothing is locked or allocated.
    #[inline]
    pub fn limits(&self) -> Limits {
        let c = &self.config;
        let size = |n: i64| usize::try_from(n).unwrap_or(0);
        Limits {
            hash_max_listpack_entries: size(c.hash_max_listpack_entries.get()),
            hash_max_listpack_value: size(c.hash_max_listpack_value.get()),
            set_max_intset_entries: size(c.set_max_intset_entries.get()),
            set_max_listpack_entries: size(c.set_max_listpack_entries.get()),
            set_max_listpack_value: size(c.set_max_listpack_value.get()),
            zset_max_listpack_entries: size(c.zset_max_listpack_entries.get()),
            zset_max_listpack_value: size(c.zset_max_listpack_value.get()),
        }
    }

    /// All that matters to values read from elsewhere.
    pub fn thresholds(&self) -> crate::rdb::Thresholds {
        crate::rdb::Thresholds { collections: self.limits(), lists: self.list_limits() }
    }

    /// The same for lists.
    #[inline]
    pub fn list_limits(&self) -> list::Limits {
        let c = &self.config;
        list::Limits {
            max_listpack_size: c.list_max_listpack_size.get() as i32,
            compress_depth: c.list_compress_depth.get() as u32,
        }
    }
    /// The same for the nodes of streams.
    #[inline]
    pub fn stream_limits(&self) -> stream::NodeLimits {
        let c = &self.config;
        let size = |n: i64| usize::try_from(n).unwrap_or(0);
        stream::NodeLimits {
            max_bytes: size(c.stream_node_max_bytes.get()),
            max_entries: size(c.stream_node_max_entries.get()),
        }
    }
}

impl Call<'_> {
    #[inline]
    pub fn limits(&self) -> Limits {
        self.engine.limits()
    }

    #[inline]
    pub fn list_limits(&self) -> list::Limits {
        self.engine.list_limits()
    }

    #[inline]
    pub fn stream_limits(&self) -> stream::NodeLimits {
        self.engine.stream_limits()
    }

    pub fn thresholds(&self) -> crate::rdb::Thresholds {
        self.engine.thresholds()
    }
}
