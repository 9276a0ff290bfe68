//! ACL: users, what they may do, and what was refused to whom. Rules and their meaning are in [`crate::engine::acl`].

use super::config::hooks;
use crate::engine::acl::log::Entry;
use crate::engine::acl::rules::Rules;
use crate::engine::acl::selector::{Selector, has_spaces};
use crate::engine::acl::{Acl, Refusal};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::engine::flags::{CATEGORIES, Categories};
use crate::engine::help::help;
use crate::engine::spec::{BLANK, Spec};
use crate::engine::{LogLevel, dispatch, table};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "acl", arity: -2, group: "server", since: "6.0.0",
        summary: "Groups the commands about users and what they may do.", complexity: "Depends on the subcommand", subs: ACL,
        ..BLANK
    },
];

#[rustfmt::skip]
const ACL: &[Spec] = &[
    Spec {
        name: "cat", arity: -2, flags: "noscript loading stale", group: "server", since: "6.0.0",
        syntax: "[category]",
        summary: "Lists the categories, or the commands of one.", complexity: "O(1), there are few categories and commands",
        run: acl_cat, ..BLANK
    },
    Spec {
        name: "deluser", arity: -3, flags: "admin noscript loading stale", group: "server", since: "6.0.0",
        syntax: "username...",
        summary: "Removes users and closes their connections.", complexity: "O(1) amortized per user",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: acl_deluser, ..BLANK
    },
    Spec {
        name: "dryrun", arity: -4, flags: "admin noscript loading stale", group: "server", since: "7.0.0",
        syntax: "username command [arg...]",
        summary: "Tells whether a user could run a command, without running it.", complexity: "O(1)", run: acl_dryrun, ..BLANK
    },
    Spec {
        name: "genpass", arity: -2, flags: "noscript loading stale", group: "server", since: "6.0.0",
        syntax: "[bits:int]",
        summary: "Makes up a password that cannot be guessed.", complexity: "O(1)", run: acl_genpass, ..BLANK
    },
    Spec {
        name: "getuser", arity: 3, flags: "admin noscript loading stale", group: "server", since: "6.0.0",
        syntax: "username",
        summary: "Shows the rules of a user.", complexity: "O(N) in the user's rules", run: acl_getuser, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "server", since: "6.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: acl_help, ..BLANK
    },
    Spec {
        name: "list", arity: 2, flags: "admin noscript loading stale", group: "server", since: "6.0.0",
        summary: "Shows all users as lines of an ACL file.", complexity: "O(N) in the users", run: acl_list, ..BLANK
    },
    Spec {
        name: "load", arity: 2, flags: "admin noscript loading stale", group: "server", since: "6.0.0",
        summary: "Reads the users from the ACL file again.", complexity: "O(N) in the users", run: acl_load, ..BLANK
    },
    Spec {
        name: "log", arity: -2, flags: "admin noscript loading stale", group: "server", since: "6.0.0",
        syntax: "[operation<count:int|RESET>]",
        summary: "Lists what was refused to whom, or forgets it.", complexity: "O(N) in the entries returned", run: acl_log,
        ..BLANK
    },
    Spec {
        name: "save", arity: 2, flags: "admin noscript loading stale", group: "server", since: "6.0.0",
        summary: "Writes the users to the ACL file.", complexity: "O(N) in the users",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: acl_save, ..BLANK
    },
    Spec {
        name: "setuser", arity: -3, flags: "admin noscript loading stale", group: "server", since: "6.0.0",
        syntax: "username [rule...]",
        summary: "Creates a user or changes what it may do.", complexity: "O(N) in the rules",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: acl_setuser, ..BLANK
    },
    Spec {
        name: "users", arity: 2, flags: "admin noscript loading stale", group: "server", since: "6.0.0",
        summary: "Names all users.", complexity: "O(N) in the users", run: acl_users, ..BLANK
    },
    Spec {
        name: "whoami", arity: 2, flags: "noscript loading stale", group: "server", since: "6.0.0",
        summary: "Names the user of this connection.", complexity: "O(1)", run: acl_whoami, ..BLANK
    },
];

/// ACL CAT [category]
fn acl_cat(c: &mut Call<'_>) -> Result<(), Error> {
    match c.args.len() {
        2 => {
            c.reply.array(CATEGORIES.len());
            CATEGORIES.iter().for_each(|(_, name)| c.reply.bulk(name.as_bytes()));
        }
        3 => {
            let name = c.args.at(2);
            let shown = &name[..name.len().min(128)];
            let category = Categories::named(name).ok_or_else(|| Error::quoting("Unknown category '", shown, "'"))?;
            let found: Vec<_> = table::all().iter().filter(|cmd| cmd.categories.has(category)).collect();
            c.reply.array(found.len());
            found.iter().for_each(|cmd| c.reply.bulk(cmd.name.as_bytes()));
        }
        _ => return Err(Error::unknown_or_arity(c.args.at(1), "ACL")),
    }
    Ok(())
}

/// ACL DELUSER username ...: how many there were. Their connections are closed, one's own after the reply.
fn acl_deluser(c: &mut Call<'_>) -> Result<(), Error> {
    let names = c.args.skip(2);
    if names.iter().any(Acl::is_default) {
        return Err(errors::ACL_DEFAULT_STAYS);
    }
    let deleted = names.iter().filter(|name| c.engine.acl.delete(c.engine, name, c.session)).count();
    c.reply.int(deleted as i64);
    Ok(())
}

/// ACL DRYRUN username command [arg ...]: OK, or the sentence of the refusal (which is no error).
fn acl_dryrun(c: &mut Call<'_>) -> Result<(), Error> {
    let (name, line) = (c.args.at(2), c.args.skip(3));
    let user = c.engine.acl.user(name).ok_or_else(|| Error::quoting("User '", name, "' not found"))?;
    let command = table::find_words(line).ok_or_else(|| Error::quoting("Command '", line.at(0), "' not found"))?;
    if !command.takes(line.len()) {
        return Err(dispatch::wrong_arity(&command.name));
    }
    match user.check(command, line) {
        Ok(()) => c.reply.ok(),
        Err(denied) => {
            let refusal = Refusal { denied, user: user.name.clone() };
            c.reply.bulk(&refusal.verbose(command, line));
        }
    }
    Ok(())
}

/// Bits of a password if nothing else is said, and at most.
const PASSWORD_BITS: i64 = 256;
const MOST_PASSWORD_BITS: i64 = 4096;

/// ACL GENPASS [bits]: hexadecimal digits, four bits each.
fn acl_genpass(c: &mut Call<'_>) -> Result<(), Error> {
    let bits = match c.args.len() {
        2 => PASSWORD_BITS,
        3 => c.int(2)?,
        _ => return Err(Error::unknown_or_arity(c.args.at(1), "ACL")),
    };
    if !(1..=MOST_PASSWORD_BITS).contains(&bits) {
        return Err(errors::ACL_GENPASS);
    }
    let digits = (bits as usize).div_ceil(4);
    let mut random = vec![0; digits.div_ceil(2)];
    crate::base::rng::fill_entropy(&mut random);
    let text: String = random.iter().map(|b| format!("{b:02x}")).collect();
    c.reply.bulk(&text.as_bytes()[..digits]);
    Ok(())
}

/// ACL GETUSER username
fn acl_getuser(c: &mut Call<'_>) -> Result<(), Error> {
    match c.engine.acl.user(c.args.at(2)) {
        None => c.reply.null(),
        Some(user) => describe(c, &user.rules()),
    }
    Ok(())
}

fn describe(c: &mut Call<'_>, rules: &Rules) {
    let r = &mut *c.reply;
    r.map(6);
    r.bulk(b"flags");
    let flags = rules.flags();
    r.set(flags.len());
    flags.iter().for_each(|f| r.bulk(f.as_bytes()));
    r.bulk(b"passwords");
    r.array(rules.passwords().len());
    rules.passwords().iter().for_each(|p| r.bulk(p));
    let one = |r: &mut crate::resp::Reply, s: &Selector| {
        r.bulk(b"commands");
        r.bulk(s.shown_commands().as_bytes());
        r.bulk(b"keys");
        r.bulk(&s.shown_keys());
        r.bulk(b"channels");
        r.bulk(&s.shown_channels());
    };
    let (root, rest) = rules.selectors().split_at(1);
    root.iter().for_each(|s| one(r, s));
    r.bulk(b"selectors");
    r.array(rest.len());
    for s in rest {
        r.map(3);
        one(r, s);
    }
}

fn acl_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "acl")
}

fn acl_list(c: &mut Call<'_>) -> Result<(), Error> {
    let lines = c.engine.acl.lines();
    c.reply.array(lines.len());
    lines.iter().for_each(|line| c.reply.bulk(line));
    Ok(())
}

fn acl_users(c: &mut Call<'_>) -> Result<(), Error> {
    let users = c.engine.acl.users();
    c.reply.array(users.len());
    users.iter().for_each(|u| c.reply.bulk(&u.name));
    Ok(())
}

fn acl_whoami(c: &mut Call<'_>) -> Result<(), Error> {
    let user = c.engine.acl.user_of(c.session);
    c.reply.bulk(&user.name);
    Ok(())
}

/// ACL SETUSER username [rule ...]
fn acl_setuser(c: &mut Call<'_>) -> Result<(), Error> {
    let name = c.args.at(2);
    if has_spaces(name) {
        return Err(errors::ACL_NAME);
    }
    let rules: Vec<&[u8]> = c.args.skip(3).iter().collect();
    c.engine.acl.set_user(c.engine, name, &rules)?;
    c.reply.ok();
    Ok(())
}

/// The path of the ACL file, if the users are there.
fn acl_file(c: &Call<'_>) -> Result<String, Error> {
    let path = c.engine.config.aclfile.get();
    if path.is_empty() { Err(errors::ACL_NO_FILE) } else { Ok(path) }
}

fn acl_load(c: &mut Call<'_>) -> Result<(), Error> {
    let path = acl_file(c)?;
    let failed = |e: String| Error::Err(e.into());
    let text = hooks(c).read_file(&path);
    let text = text.map_err(|e| failed(format!("Error loading ACLs, opening file '{path}': {e}")))?;
    c.engine.acl.load(c.engine, &path, &text, c.session).map_err(failed)?;
    c.reply.ok();
    Ok(())
}

fn acl_save(c: &mut Call<'_>) -> Result<(), Error> {
    let path = acl_file(c)?;
    let mut text = c.engine.acl.lines().join(&b'\n');
    text.push(b'\n');
    if let Err(e) = hooks(c).rewrite_file(&path, &|_| text.clone()) {
        c.engine.log(LogLevel::Warning, &format!("Opening temp ACL file for ACL SAVE: {e}"));
        return Err(errors::ACL_SAVE);
    }
    c.reply.ok();
    Ok(())
}

/// ACL LOG [count | RESET]
fn acl_log(c: &mut Call<'_>) -> Result<(), Error> {
    let count = match c.args.len() {
        2 => 10,
        3 if c.args.is(2, "reset") => {
            c.engine.acl.log.lock().clear();
            c.reply.ok();
            return Ok(());
        }
        3 => c.int(2)?,
        _ => return Err(Error::unknown_or_arity(c.args.at(1), "ACL")),
    };
    let entries = c.engine.acl.log.lock().entries(usize::try_from(count).unwrap_or(0));
    c.reply.array(entries.len());
    entries.iter().for_each(|e| log_entry(c, e));
    Ok(())
}

fn log_entry(c: &mut Call<'_>, e: &Entry) {
    let age_ms = (c.now_ms() - e.updated_ms).max(0);
    let r = &mut *c.reply;
    r.map(10);
    let number = |r: &mut crate::resp::Reply, name: &str, n: i64| {
        r.bulk(name.as_bytes());
        r.int(n);
    };
    number(r, "count", e.count as i64);
    let texts = [
        ("reason", e.reason.name().as_bytes()),
        ("context", e.context.name().as_bytes()),
        ("object", &e.object),
        ("username", &e.user),
    ];
    for (name, value) in texts {
        r.bulk(name.as_bytes());
        r.bulk(value);
    }
    r.bulk(b"age-seconds");
    r.double(age_ms as f64 / 1000.0);
    r.bulk(b"client-info");
    r.bulk(e.client.as_bytes());
    number(r, "entry-id", e.id as i64);
    number(r, "timestamp-created", e.created_ms);
    number(r, "timestamp-last-updated", e.updated_ms);
}
