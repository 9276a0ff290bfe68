//! Up to which size a collection stays compact.

use super::super::row::Row;
use super::INT_MAX;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::int("hash-max-listpack-entries", "512", 0, i64::MAX, |f| &f.hash_max_listpack_entries)
        .aliases(&["hash-max-ziplist-entries"]),
    Row::memory("hash-max-listpack-value", "64", 0, |f| &f.hash_max_listpack_value).aliases(&["hash-max-ziplist-value"]),
    Row::int("zset-max-listpack-entries", "128", 0, i64::MAX, |f| &f.zset_max_listpack_entries)
        .aliases(&["zset-max-ziplist-entries"]),
    Row::memory("zset-max-listpack-value", "64", 0, |f| &f.zset_max_listpack_value).aliases(&["zset-max-ziplist-value"]),
    Row::int("set-max-intset-entries", "512", 0, i64::MAX, |f| &f.set_max_intset_entries),
    Row::int("set-max-listpack-entries", "128", 0, i64::MAX, |f| &f.set_max_listpack_entries),
    Row::int("set-max-listpack-value", "64", 0, i64::MAX, |f| &f.set_max_listpack_value),
    Row::int("list-max-listpack-size", "-2", i32::MIN as i64, INT_MAX, |f| &f.list_max_listpack_size)
        .aliases(&["list-max-ziplist-size"]),
    Row::int("list-compress-depth", "0", 0, INT_MAX, |f| &f.list_compress_depth),
    Row::memory("stream-node-max-bytes", "4096", 0, |f| &f.stream_node_max_bytes),
    Row::int("stream-node-max-entries", "100", 0, i64::MAX, |f| &f.stream_node_max_entries),
    Row::memory("hll-sparse-max-bytes", "3000", 0, |f| &f.hll_sparse_max_bytes),
];
