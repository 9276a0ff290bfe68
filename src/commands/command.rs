//! COMMAND: what there is to know about commands, for client libraries, `cli` and people.
//!
//! Everything is read off the command table. Shapes and order are Redis 8.0's (the map and set types of RESP3 degrade to
//! arrays inside the reply). Words are ours: summaries, complexities and HELP; what would only be prose (a command's
//! history, the notes of key specs) is not kept.

use crate::{
    base::glob,
    engine::{
        call::Call,
        errors::Error,
        flags::{Categories, Flags},
        help::help,
        keyspec::{Begin, Find, KeyFlags, KeySpec},
        spec::{BLANK, Spec},
        syntax::{self, Arg, Kind},
        table::{self, Command},
    },
    resp::reply::Reply,
};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "command", arity: -1, flags: "loading stale", acl: "connection", group: "server", since: "2.8.13",
        summary: "Describes all commands.", complexity: "O(N) in the commands", tips: "nondeterministic_output_order",
        subs: COMMAND, run: command, ..BLANK
    },
];

#[rustfmt::skip]
const COMMAND: &[Spec] = &[
    Spec {
        name: "count", arity: 2, flags: "loading stale", acl: "connection", group: "server", since: "2.8.13",
        summary: "Counts the commands.", complexity: "O(1)", run: command_count, ..BLANK
    },
    Spec {
        name: "docs", arity: -2, flags: "loading stale", acl: "connection", group: "server", since: "7.0.0",
        syntax: "[command-name...]",
        summary: "Documents commands: purpose, history and arguments.", complexity: "O(N) in the commands asked for",
        tips: "nondeterministic_output_order", run: command_docs, ..BLANK
    },
    Spec {
        name: "getkeys", arity: -3, flags: "loading stale", acl: "connection", group: "server", since: "2.8.13",
        syntax: "command [arg...]",
        summary: "Lists the keys in a command line.", complexity: "O(N) in the words", run: command_getkeys, ..BLANK
    },
    Spec {
        name: "getkeysandflags", arity: -3, flags: "loading stale", acl: "connection", group: "server", since: "7.0.0",
        syntax: "command [arg...]",
        summary: "Lists the keys in a command line and what happens to each.", complexity: "O(N) in the words",
        run: command_getkeysandflags, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", acl: "connection", group: "server", since: "5.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: command_help, ..BLANK
    },
    Spec {
        name: "info", arity: -2, flags: "loading stale", acl: "connection", group: "server", since: "2.8.13",
        syntax: "[command-name...]",
        summary: "Describes commands to client libraries: arity, flags and key positions.",
        complexity: "O(N) in the commands asked for", tips: "nondeterministic_output_order", run: command_info, ..BLANK
    },
    Spec {
        name: "list", arity: -2, flags: "loading stale", acl: "connection", group: "server", since: "7.0.0",
        syntax: "[FILTERBY filterby<MODULE module-name|ACLCAT category|PATTERN pattern:pattern>]",
        summary: "Names the commands, filtered if wanted.", complexity: "O(N) in the commands",
        tips: "nondeterministic_output_order", run: command_list, ..BLANK
    },
];

/// COMMAND: everything.
fn command(c: &mut Call<'_>) -> Result<(), Error> {
    infos(c.reply, table::top());
    Ok(())
}

/// COMMAND COUNT: subcommands do not count.
fn command_count(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.int(table::top().len() as i64);
    Ok(())
}

/// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob]: full names, subcommands included.
fn command_list(c: &mut Call<'_>) -> Result<(), Error> {
    let filter: Box<dyn Fn(&Command) -> bool> = match c.args.len() {
        2 => Box::new(|_| true),
        5 if c.args.is(2, "filterby") => {
            let what = c.args.at(4);
            if c.args.is(3, "module") {
                Box::new(|_| false)
            } else if c.args.is(3, "aclcat") {
                let category = Categories::named(what).unwrap_or(Categories::NONE);
                Box::new(move |cmd| cmd.categories.has(category))
            } else if c.args.is(3, "pattern") {
                Box::new(move |cmd| glob::glob_match(what, cmd.name.as_bytes(), true))
            } else {
                return Err(Error::Syntax);
            }
        }
        _ => return Err(Error::Syntax),
    };
    let found: Vec<&Command> =
        table::all().iter().copied().filter(|cmd| table::is_served(cmd) && filter(cmd)).collect();
    c.reply.array(found.len());
    found.iter().for_each(|cmd| c.reply.bulk(cmd.name.as_bytes()));
    Ok(())
}

/// COMMAND INFO [name ...]: null for names that are none.
fn command_info(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len() == 2 {
        infos(c.reply, table::top());
        return Ok(());
    }
    c.reply.array(c.args.len() - 2);
    for name in c.args.skip(2).iter() {
        match table::find_full(name) {
            Some(cmd) => info(c.reply, cmd),
            None => c.reply.null(),
        }
    }
    Ok(())
}

/// COMMAND DOCS [name ...]: names that are none are left out.
fn command_docs(c: &mut Call<'_>) -> Result<(), Error> {
    let asked: Vec<&'static Command> = match c.args.len() {
        2 => table::top().to_vec(),
        _ => c.args.skip(2).iter().filter_map(table::find_full).collect(),
    };
    docs_of(c.reply, &asked);
    Ok(())
}

/// COMMAND GETKEYS command [arg ...].
fn command_getkeys(c: &mut Call<'_>) -> Result<(), Error> {
    keys(c, |reply, key, _| reply.bulk(key))
}

/// COMMAND GETKEYSANDFLAGS command [arg ...].
fn command_getkeysandflags(c: &mut Call<'_>) -> Result<(), Error> {
    keys(c, |reply, key, flags| {
        reply.array(2);
        reply.bulk(key);
        words(reply, flags.names());
    })
}

fn command_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "command")
}

/// Finds the keys of the command line behind the subcommand and shows each.
fn keys(c: &mut Call<'_>, show: impl Fn(&mut Reply, &[u8], KeyFlags)) -> Result<(), Error> {
    let line = c.args.skip(2);
    let cmd = table::find_words(line).ok_or(Error::err("Invalid command specified"))?;
    if !cmd.keys.any() {
        return Err(Error::err("The command has no key arguments"));
    }
    if !cmd.takes(line.len()) {
        return Err(Error::err("Invalid number of arguments specified for command"));
    }
    let mut found = Vec::new();
    let sound = cmd.keys.positions(line, &mut found).is_ok();
    if (!sound || found.is_empty()) && !cmd.flags.has(Flags::NO_MANDATORY_KEYS) {
        return Err(Error::err("Invalid arguments specified for command"));
    }
    c.reply.array(found.len());
    found.iter().for_each(|k| show(c.reply, line.at(k.index as usize), k.flags));
    Ok(())
}

fn infos(r: &mut Reply, commands: &[&Command]) {
    r.array(commands.len());
    commands.iter().for_each(|cmd| info(r, cmd));
}

/// COMMAND INFO's ten fields of one command.
fn info(r: &mut Reply, cmd: &Command) {
    r.array(10);
    r.bulk(cmd.name.as_bytes());
    r.int(cmd.spec.arity as i64);
    words(r, cmd.flags.shown());
    let triple = cmd.keys.legacy;
    [triple.first, triple.last, triple.step].iter().for_each(|&n| r.int(n as i64));
    r.set(cmd.categories.names().count());
    cmd.categories.names().for_each(|name| r.simple(&format!("@{name}")));
    let tips = cmd.spec.tips.split_whitespace();
    r.set(tips.clone().count());
    tips.for_each(|tip| r.bulk(tip.as_bytes()));
    r.set(cmd.keys.specs.len());
    cmd.keys.specs.iter().for_each(|spec| key_spec(r, spec));
    if cmd.is_container() { infos(r, &cmd.subs) } else { r.set(0) }
}

fn key_spec(r: &mut Reply, spec: &KeySpec) {
    r.map(3);
    r.bulk(b"flags");
    words(r, spec.flags.names());
    r.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => typed(r, "index", &[("index", index as i64)]),
        Begin::Keyword(word, from) => {
            typed(r, "keyword", &[]);
            r.map(2);
            text(r, "keyword", word);
            number(r, "startfrom", from as i64);
        }
        Begin::Unknown => {
            typed(r, "unknown", &[]);
            r.map(0);
        }
    }
    r.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            typed(r, "range", &[("lastkey", last as i64), ("keystep", step as i64), ("limit", limit as i64)]);
        }
        Find::Num { step } => typed(r, "keynum", &[("keynumidx", 0), ("firstkey", 1), ("keystep", step as i64)]),
        Find::Unknown => {
            typed(r, "unknown", &[]);
            r.map(0);
        }
    }
}

/// `type` and `spec` of a key spec's half; without numbers the caller writes the spec's map.
fn typed(r: &mut Reply, kind: &str, numbers: &[(&str, i64)]) {
    r.map(2);
    text(r, "type", kind);
    r.bulk(b"spec");
    if !numbers.is_empty() {
        r.map(numbers.len());
        numbers.iter().for_each(|(name, n)| number(r, name, *n));
    }
}

fn docs_of(r: &mut Reply, commands: &[&Command]) {
    r.map(commands.len());
    for cmd in commands {
        r.bulk(cmd.name.as_bytes());
        docs(r, cmd);
    }
}

fn docs(r: &mut Reply, cmd: &Command) {
    let spec = cmd.spec;
    // A row's syntax is parsed by the tests; one that fails shows no arguments.
    let args = syntax::parse(spec.syntax).unwrap_or_default();
    let deprecated = spec.deprecated.split_once(' ');
    let syscmd = cmd.flags.has(Flags::SYSCMD);
    let has = |yes: bool| usize::from(yes);
    let flagged = has(deprecated.is_some() || syscmd);
    r.map(4 + flagged + 2 * has(deprecated.is_some()) + has(!args.is_empty()) + has(cmd.is_container()));
    text(r, "summary", spec.summary);
    text(r, "since", spec.since);
    text(r, "group", spec.group);
    text(r, "complexity", spec.complexity);
    if flagged > 0 {
        r.bulk(b"doc_flags");
        let flags = [(deprecated.is_some(), "deprecated"), (syscmd, "syscmd")];
        words(r, flags.into_iter().filter(|f| f.0).map(|f| f.1));
    }
    if let Some((since, instead)) = deprecated {
        text(r, "deprecated_since", since);
        text(r, "replaced_by", instead);
    }
    if !args.is_empty() {
        r.bulk(b"arguments");
        arguments(r, &args);
    }
    if cmd.is_container() {
        r.bulk(b"subcommands");
        docs_of(r, &cmd.subs);
    }
}

fn arguments(r: &mut Reply, args: &[Arg<'_>]) {
    r.array(args.len());
    for arg in args {
        let plain = !matches!(arg.kind, Kind::OneOf | Kind::Block);
        let texts = [("token", arg.token), ("since", arg.since), ("deprecated_since", arg.deprecated_since)];
        let flags = [(arg.optional, "optional"), (arg.multiple, "multiple"), (arg.multiple_token, "multiple_token")];
        let flags = flags.into_iter().filter(|f| f.0).map(|f| f.1);
        let fields = [plain, arg.key_spec.is_some(), flags.clone().count() > 0, !arg.args.is_empty()];
        let fields = fields.iter().filter(|yes| **yes).count() + texts.iter().filter(|t| t.1.is_some()).count();
        r.map(2 + fields);
        text(r, "name", &arg.name);
        text(r, "type", arg.kind.name());
        if plain {
            text(r, "display_text", &arg.name);
        }
        if let Some(i) = arg.key_spec {
            number(r, "key_spec_index", i as i64);
        }
        texts.iter().for_each(|(name, value)| value.iter().for_each(|v| text(r, name, v)));
        if flags.clone().count() > 0 {
            r.bulk(b"flags");
            words(r, flags);
        }
        if !arg.args.is_empty() {
            r.bulk(b"arguments");
            arguments(r, &arg.args);
        }
    }
}

/// A set of simple strings.
fn words(r: &mut Reply, words: impl Iterator<Item = &'static str> + Clone) {
    r.set(words.clone().count());
    words.for_each(|w| r.simple(w));
}

fn text(r: &mut Reply, name: &str, value: &str) {
    r.bulk(name.as_bytes());
    r.bulk(value.as_bytes());
}

fn number(r: &mut Reply, name: &str, value: i64) {
    r.bulk(name.as_bytes());
    r.int(value);
}
