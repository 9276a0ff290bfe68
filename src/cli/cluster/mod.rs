//! `--cluster`: managing a cluster of servers with the public commands of its nodes. Words, colours and exit codes match
//! redis-cli 7.0.15's.

mod check;
mod create;
mod fix;
mod keys;
mod members;
mod nodes;
mod slots;

use super::{
    out,
    session::{Failed, Session},
};
use nodes::Cluster;
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

const COMMANDS: &[(&str, &str, usize)] = &[
    ("create", "host1:port1 ... hostN:portN\n                 --cluster-replicas <arg>", 1),
    (
        "check",
        "<host:port> or <host> <port> - separated by either colon or space\n                 --cluster-search-multiple-owners",
        1,
    ),
    ("info", "<host:port> or <host> <port> - separated by either colon or space", 1),
    (
        "fix",
        "<host:port> or <host> <port> - separated by either colon or space\n                 --cluster-search-multiple-owners\n                 \
         --cluster-fix-with-unreachable-masters",
        1,
    ),
    (
        "reshard",
        "<host:port> or <host> <port> - separated by either colon or space\n                 --cluster-from <arg>\n                 \
         --cluster-to <arg>\n                 --cluster-slots <arg>\n                 --cluster-yes\n                 \
         --cluster-timeout <arg>\n                 --cluster-pipeline <arg>\n                 --cluster-replace",
        1,
    ),
    (
        "add-node",
        "new_host:new_port existing_host:existing_port\n                 --cluster-slave\n                 --cluster-master-id <arg>",
        2,
    ),
    (
        "rebalance",
        "<host:port> or <host> <port> - separated by either colon or space\n                 --cluster-weight <node1=w1...nodeN=wN>\n                 \
         --cluster-use-empty-masters\n                 --cluster-timeout <arg>\n                 --cluster-simulate\n                 \
         --cluster-pipeline <arg>\n                 --cluster-threshold <arg>\n                 --cluster-replace",
        1,
    ),
    (
        "import",
        "host:port\n                 --cluster-from <arg>\n                 --cluster-from-user <arg>\n                 \
         --cluster-from-pass <arg>\n                 --cluster-from-askpass\n                 --cluster-copy\n                 --cluster-replace",
        1,
    ),
    ("del-node", "host:port node_id", 2),
    (
        "call",
        "host:port command arg arg .. arg\n                 --cluster-only-masters\n                 --cluster-only-replicas",
        2,
    ),
    ("set-timeout", "host:port milliseconds", 2),
    ("backup", "host:port backup_directory", 2),
    ("help", "", 0),
];

/// redis-cli colours pipes and files too; under our own name only a terminal gets colours.
static PLAIN: AtomicBool = AtomicBool::new(false);

fn colour(code: &str, text: &str) {
    let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    match asked_not_to || PLAIN.load(Ordering::Relaxed) {
        true => out::text(text),
        false => out::text(&format!("\x1b[{code}m{text}\x1b[0m")),
    }
}

pub fn info(text: &str) {
    colour("29;1", text);
}

pub fn good(text: &str) {
    colour("32;1", text);
}

pub fn bad(text: &str) {
    colour("31;1", text);
}

pub fn warn(text: &str) {
    colour("33;1", text);
}

pub fn run(session: &mut Session<'_>, words: &[Vec<u8>]) -> Result<(), Failed> {
    PLAIN.store(session.own && !super::on_terminal(), Ordering::Relaxed);
    let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let Some((_, _, least)) = COMMANDS.iter().find(|(name, ..)| *name == words[0]) else {
        eprintln!("Unknown --cluster subcommand");
        return Err(Failed);
    };
    if words.len() <= *least && words[0] != "help" {
        eprintln!("[ERR] Wrong number of arguments for specified --cluster sub command");
        return Err(Failed);
    }
    let place = &words[1.min(words.len())..];
    let node = &place[..place.len().min(1)];
    match words[0].as_str() {
        "help" => {
            help();
            Err(Failed)
        }
        "create" => create::create(session, place),
        "add-node" => members::add_node(session, &words[1], &words[2]),
        "del-node" => members::del_node(Cluster::load(session, node)?, &words[2]),
        "set-timeout" => members::set_timeout(Cluster::load(session, node)?, &words[2]),
        "call" => members::call(session, Cluster::load(session, node)?, &words[2..]),
        "reshard" => slots::reshard(session, Cluster::load(session, place)?),
        "rebalance" => slots::rebalance(session, Cluster::load(session, place)?),
        "import" => keys::import(session, place),
        "backup" => keys::backup(session, Cluster::load(session, node)?, &words[2]),
        "fix" => fix::fix(session, Cluster::load(session, place)?),
        name => {
            let mut cluster = Cluster::load(session, place)?;
            check::figures(&mut cluster)?;
            if name == "check" { check::check(session, &cluster, false) } else { Ok(()) }
        }
    }
}

fn help() {
    out::text("Cluster Manager Commands:\n");
    for (name, arguments, _) in COMMANDS {
        out::text(&format!("  {name:<15}{arguments}\n"));
    }
    out::text("\nThe host and port are those of any node of the cluster.\n\n");
    out::text("Cluster Manager Options:\n  --cluster-yes  Yes to questions\n\n");
}

/// The last value given for `--cluster-NAME`.
fn option(session: &Session<'_>, name: &str) -> Option<String> {
    let all = &session.options.cluster_options;
    all.iter().rev().find(|(known, _)| known == name).map(|(_, v)| String::from_utf8_lossy(v).into_owned())
}

fn is_set(session: &Session<'_>, name: &str) -> bool {
    session.options.cluster_options.iter().any(|(known, _)| known == name)
}

/// Asks the user, `question` with what stands for yes; `--cluster-yes` and `--yes` answer.
fn agreed(session: &Session<'_>, question: &str) -> bool {
    session.options.yes || is_set(session, "yes") || ask(question).is_some_and(|line| line.eq_ignore_ascii_case("yes"))
}

/// A line from the user; `None` at the end of input.
fn ask(question: &str) -> Option<String> {
    out::text(question);
    out::flush();
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim().to_owned()),
    }
}
