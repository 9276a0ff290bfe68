//! What a row of the command table says. One row per command, in the family's file under `commands/`, above its
//! handler; everything that knows about commands (dispatch, COMMAND INFO and DOCS, key extraction, ACL categories,
//! REPL hints, README) is derived from it.
//!
//! The legend of a row:
//!
//! - `name`    lower case; a subcommand's row carries its own word only (`"kill"` below `"client"`).
//! - `arity`   words including the name (for a subcommand: including the container's name); negative: at least.
//! - `flags`   COMMAND INFO's flags by name (`"write denyoom fast"`), then words of our own, which COMMAND does not show:
//!   `world` takes the whole keyspace, `unlocked` takes no key locks itself (the handler locks as it goes),
//!   `may_replicate` no write but may append to the write log, `protected` needs enable-debug-command or
//!   enable-module-command, `syscmd` servers send it to each other. `movablekeys` follows from `keys`.
//! - `acl`     ACL categories beyond those that the flags imply (`write` → @write, `readonly` → @read unless it is in
//!   @scripting, `fast`/not → @fast/@slow, `admin` → @admin @dangerous, `pubsub`, `blocking`).
//! - `keys`    where the keys are: see [`crate::engine::keyspec`]. `"1 RO access"`, `"1..-1/2 OW update"`, `"2 num RO access"`.
//! - `channels` which words are channels that it publishes or subscribes to: `"1"`, `"1..-1"`, `"1..-1 patterns"`.
//! - `syntax`  the arguments, in the small language of [`crate::engine::syntax`].
//! - `tips`    COMMAND's tips, separated by blanks.

use super::{call::Call, errors::Error};

pub type Handler = fn(&mut Call<'_>) -> Result<(), Error>;

#[derive(Clone, Copy)]
pub struct Spec {
    pub name: &'static str,
    pub arity: i32,
    pub flags: &'static str,
    pub acl: &'static str,
    pub keys: &'static str,
    pub channels: &'static str,
    pub group: &'static str,
    pub since: &'static str,
    pub syntax: &'static str,
    pub summary: &'static str,
    pub complexity: &'static str,
    pub tips: &'static str,
    /// `"2.6.12 SET with the NX argument"`: deprecated since, and what replaces it.
    pub deprecated: &'static str,
    pub run: Handler,
    pub subs: &'static [Spec],
}

/// The row that others are written against: `Spec { name: "get", …, ..BLANK }`.
pub const BLANK: Spec = Spec {
    name: "",
    arity: 0,
    flags: "",
    acl: "",
    keys: "",
    channels: "",
    group: "",
    since: "1.0.0",
    syntax: "",
    summary: "",
    complexity: "",
    tips: "",
    deprecated: "",
    run: container,
    subs: &[],
};

/// What a container (`CLIENT`, `CONFIG`, …) runs when dispatch found no subcommand; dispatch answers before this.
fn container(_: &mut Call<'_>) -> Result<(), Error> {
    Err(Error::Syntax)
}
