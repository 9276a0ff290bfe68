//! Who may do what.

use super::super::cells::Words;
use super::super::choices::{Protected, PubsubDefault};
use super::super::row::Row;
use super::super::value::Kind;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::text("requirepass", "", |f| &f.requirepass).sensitive(),
    Row::text("aclfile", "", |f| &f.aclfile).startup(),
    Row::choice("acl-pubsub-default", "resetchannels", PubsubDefault::NAMES, |f| f.acl_pubsub_default.cell()),
    Row::int("acllog-max-len", "128", 0, i64::MAX, |f| &f.acllog_max_len),
    Row::choice("enable-protected-configs", "no", Protected::NAMES, |f| f.enable_protected_configs.cell()).startup(),
    Row::choice("enable-debug-command", "no", Protected::NAMES, |f| f.enable_debug_command.cell()).startup(),
    Row::choice("enable-module-command", "no", Protected::NAMES, |f| f.enable_module_command.cell()).startup(),
    Row::accepted("sanitize-dump-payload", "no", Kind::Choice(&["no", "yes", "clients"]))
        .because("payloads are always checked whole"),
];
