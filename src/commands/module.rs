//! MODULE: there is no module interface, and these say so.

use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::help::help;
use crate::engine::protect;
use crate::engine::spec::{BLANK, Spec};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "module", arity: -2, group: "server", since: "4.0.0",
        summary: "Groups the commands about modules.", complexity: "Depends on the subcommand", subs: MODULE, ..BLANK
    },
];

#[rustfmt::skip]
const MODULE: &[Spec] = &[
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "server", since: "5.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: module_help, ..BLANK
    },
    Spec {
        name: "list", arity: 2, flags: "admin noscript", group: "server", since: "4.0.0",
        summary: "Lists the modules loaded.", complexity: "O(N) in the modules", tips: "nondeterministic_output_order",
        run: module_list, ..BLANK
    },
    Spec {
        name: "load", arity: -3, flags: "admin noscript no_async_loading protected", group: "server", since: "4.0.0",
        syntax: "path [arg...]",
        summary: "Loads a module.", complexity: "O(1)", run: module_load, ..BLANK
    },
    Spec {
        name: "loadex", arity: -3, flags: "admin noscript no_async_loading protected", group: "server", since: "7.0.0",
        syntax: "path [CONFIG... configs(name value)] [ARGS args...]",
        summary: "Loads a module with configuration.", complexity: "O(1)", run: module_loadex, ..BLANK
    },
    Spec {
        name: "unload", arity: 3, flags: "admin noscript no_async_loading protected", group: "server", since: "4.0.0",
        syntax: "name",
        summary: "Unloads a module.", complexity: "O(1)", run: module_unload, ..BLANK
    },
];

fn module_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "module")
}

fn module_list(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.array(0);
    Ok(())
}

/// MODULE LOAD path [arg …]
fn module_load(c: &mut Call<'_>) -> Result<(), Error> {
    check_allowed(c)?;
    Err(Error::NO_MODULES)
}

/// MODULE LOADEX path [CONFIG name value …] [ARGS arg …]
fn module_loadex(c: &mut Call<'_>) -> Result<(), Error> {
    check_allowed(c)?;
    Err(Error::NO_MODULES)
}

fn module_unload(c: &mut Call<'_>) -> Result<(), Error> {
    check_allowed(c)?;
    Err(Error::NO_SUCH_MODULE)
}

fn check_allowed(c: &Call<'_>) -> Result<(), Error> {
    if protect::is_allowed(c.engine.config.enable_module_command.get(), c.session) {
        Ok(())
    } else {
        Err(Error::protected("MODULE", "enable-module-command"))
    }
}
