//! What a script may not do in the state that the server is in: a replica, short of memory, unable to save. What its first line
//! promises decides about the script as a whole; without one, each of its commands is judged when it is called.

use super::shebang::{self, ScriptFlags};
use crate::engine::errors::{Error, MASTERDOWN, NOREPLICAS, READONLY};
use crate::engine::flags::Flags;
use crate::engine::session::Session;
use crate::engine::table::Command;
use crate::engine::{Engine, gates};
use crate::resp::Args;
use std::sync::atomic::Ordering::Relaxed;

/// What of the server's state speaks against some commands.
pub const STATE: u32 = gates::OUT_OF_MEMORY | gates::MISCONF | gates::REPLICA | gates::FEW_REPLICAS | gates::LOADING;

/// What a command is about to do, as far as that state is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Needs {
    pub writes: bool,
    /// It may take memory, and may be refused if there is none.
    pub memory: bool,
    /// It may run on a replica that lost its primary.
    pub stale: bool,
}

impl Needs {
    pub fn of(command: &Command) -> Needs {
        Needs {
            writes: command.flags.has(Flags::WRITE),
            memory: command.flags.has(Flags::DENYOOM),
            stale: command.flags.has(Flags::STALE),
        }
    }

    /// The same of a call, which for scripts is what they promise (Redis 7.0).
    pub fn of_call(engine: &Engine, command: &Command, args: Args<'_>) -> Needs {
        match declared(engine, command, args) {
            None => Needs::of(command),
            Some(flags) => Needs {
                writes: !flags.has(ScriptFlags::NO_WRITES),
                memory: !flags.has(ScriptFlags::ALLOW_OOM) && !flags.has(ScriptFlags::NO_WRITES),
                stale: flags.has(ScriptFlags::ALLOW_STALE),
            },
        }
    }
}

/// What the script that these words call promises, if it does. Where scripts are in use at this moment, that is found out when
/// it runs.
fn declared(engine: &Engine, command: &Command, args: Args<'_>) -> Option<ScriptFlags> {
    let flags = match &*command.name {
        "eval" | "eval_ro" => shebang::of_script(args.get(1)?).ok()?.0,
        "evalsha" | "evalsha_ro" => {
            let mut name: super::cache::Name = args.get(1)?.try_into().ok()?;
            name.make_ascii_lowercase();
            engine.scripts.scripts.try_lock()?.scripts.get(&name)?.flags
        }
        "fcall" | "fcall_ro" => engine.scripts.functions.try_lock()?.find(args.get(1)?)?.1.flags,
        _ => return None,
    };
    (!flags.has(ScriptFlags::COMPATIBLE)).then_some(flags)
}

/// True for what a primary sends, or a log: it happened already, and has to happen here.
pub fn is_obeyed(session: &Session) -> bool {
    session.link.is_some() || session.expiry == crate::keyspace::db::ExpiryMode::Ignore
}

/// True on a replica that has no link to its primary and is not to serve what it has.
pub fn is_stale(engine: &Engine) -> bool {
    engine.gates.load(Relaxed) & gates::REPLICA != 0
        && !engine.config.replica_serve_stale_data.get()
        && engine.replication.with_link(|l| l.state) != crate::engine::replication::LinkState::Connected
}

/// Whether memory is short beyond help. (Once `maxmemory` is taken back, nobody looks again.)
pub fn is_short_of_memory(engine: &Engine) -> bool {
    engine.gates.load(Relaxed) & gates::OUT_OF_MEMORY != 0 && engine.config.maxmemory.get() != 0
}

/// Why nobody may write at this moment: not as a replica's client, not where it cannot be kept or is wanted by more replicas.
fn why_not_write(engine: &Engine) -> Option<Error> {
    let gates = engine.gates.load(Relaxed);
    if gates & gates::REPLICA != 0 && engine.config.replica_read_only.get() {
        return Some(READONLY);
    }
    if gates & gates::MISCONF != 0
        && let Some(error) = engine.disk_error()
    {
        return Some(error);
    }
    (gates & gates::FEW_REPLICAS != 0).then_some(NOREPLICAS)
}

/// Before a script starts, in Redis's order. `read_only`: by EVAL_RO and the like.
pub fn of_script(engine: &Engine, flags: ScriptFlags, read_only: bool, obeyed: bool) -> Result<(), Error> {
    let stale = is_stale(engine);
    if flags.has(ScriptFlags::COMPATIBLE) {
        return if stale { Err(MASTERDOWN) } else { Ok(()) };
    }
    if stale && !flags.has(ScriptFlags::ALLOW_STALE) {
        return Err(MASTERDOWN);
    }
    if flags.has(ScriptFlags::NO_WRITES) {
        return Ok(());
    }
    if read_only {
        return Err(Error::SCRIPT_MAY_WRITE);
    }
    if obeyed {
        return Ok(());
    }
    if let Some(error) = why_not_write(engine) {
        return Err(error);
    }
    if is_short_of_memory(engine) && !flags.has(ScriptFlags::ALLOW_OOM) { Err(Error::Oom) } else { Ok(()) }
}

/// Before a command of a script that may not run on a stale replica.
pub fn of_stale(engine: &Engine, command: &Command) -> Result<(), Error> {
    if is_stale(engine) && !command.flags.has(Flags::STALE) {
        return Err(Error::err("Can not execute the command on a stale replica"));
    }
    Ok(())
}

/// Before a command that a script calls. A script that has begun to write goes on: half of its work helps nobody.
pub fn of_command(engine: &Engine, command: &Command, allow_oom: bool) -> Result<(), Error> {
    if command.flags.has(Flags::WRITE)
        && let Some(error) = why_not_write(engine)
    {
        return Err(error);
    }
    if command.flags.has(Flags::DENYOOM) && !allow_oom && is_short_of_memory(engine) {
        return Err(Error::Oom);
    }
    Ok(())
}
