//! Snapshots and the append-only file.

use super::super::cells::Words;
use super::super::choices::{AppendFsync, FieldExpiryFormat};
use super::super::row::Row;
use super::super::value::{Kind, Reason, Value};
use super::INT_MAX;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::save("save", "3600 1 300 100 60 10000", |f| &f.save),
    Row::text("dbfilename", "dump.rdb", |f| &f.dbfilename).protected().check(dbfilename),
    Row::flag("rdbcompression", "yes", |f| &f.rdbcompression),
    Row::flag("rdbchecksum", "yes", |f| &f.rdbchecksum).startup(),
    Row::flag("rdb-save-incremental-fsync", "yes", |f| &f.rdb_save_incremental_fsync),
    Row::flag("rdb-del-sync-files", "no", |f| &f.rdb_del_sync_files),
    Row::choice("field-expiry-format", "valkey-9", FieldExpiryFormat::NAMES, |f| f.field_expiry_format.cell()),
    Row::flag("stop-writes-on-bgsave-error", "yes", |f| &f.stop_writes_on_bgsave_error),
    Row::accepted("rdb-version-check", "strict", Kind::Choice(&["strict", "relaxed"])),
    Row::flag("appendonly", "no", |f| &f.appendonly).deny_loading(),
    Row::text("appendfilename", "appendonly.aof", |f| &f.appendfilename).startup().check(appendfilename),
    Row::text("appenddirname", "appendonlydir", |f| &f.appenddirname).startup().check(appenddirname),
    Row::choice("appendfsync", "everysec", AppendFsync::NAMES, |f| f.appendfsync.cell()),
    Row::flag("no-appendfsync-on-rewrite", "no", |f| &f.no_appendfsync_on_rewrite),
    Row::int("auto-aof-rewrite-percentage", "100", 0, INT_MAX, |f| &f.auto_aof_rewrite_percentage),
    Row::memory("auto-aof-rewrite-min-size", "67108864", 0, |f| &f.auto_aof_rewrite_min_size),
    Row::flag("aof-load-truncated", "yes", |f| &f.aof_load_truncated),
    Row::flag("aof-use-rdb-preamble", "yes", |f| &f.aof_use_rdb_preamble),
    Row::flag("aof-timestamp-enabled", "no", |f| &f.aof_timestamp_enabled),
    Row::flag("aof-rewrite-incremental-fsync", "yes", |f| &f.aof_rewrite_incremental_fsync),
    Row::flag("aof-disable-auto-gc", "no", |f| &f.aof_disable_auto_gc).hidden(),
    Row::int("rdb-key-save-delay", "0", i32::MIN as i64, INT_MAX, |f| &f.rdb_key_save_delay).hidden(),
    Row::int("key-load-delay", "0", i32::MIN as i64, INT_MAX, |f| &f.key_load_delay).hidden(),
];

fn dbfilename(value: Value) -> Result<Value, Reason> {
    just_a_name(value, true, "dbfilename can't be a path, just a filename")
}

fn appendfilename(value: Value) -> Result<Value, Reason> {
    just_a_name(value, false, "appendfilename can't be a path, just a filename")
}

fn appenddirname(value: Value) -> Result<Value, Reason> {
    just_a_name(value, false, "appenddirname can't be a path, just a dirname")
}

/// A name within `dir`; with anything that leads elsewhere, CONFIG SET could overwrite any file of the user.
fn just_a_name(value: Value, may_be_empty: bool, refusal: &'static str) -> Result<Value, Reason> {
    let Value::Text(text) = &value else { return Ok(value) };
    if text.contains(&b'/') || text == b".." || (text.is_empty() && !may_be_empty) {
        return Err(refusal.into());
    }
    Ok(value)
}
