//! The client beside Debian's redis-cli: same commands, same servers, every form of output; and what only ours has.

#[path = "tls/authority.rs"]
mod authority;
mod common;

#[path = "cli/beside.rs"]
mod beside;
#[path = "cli/bulk.rs"]
mod bulk;
#[path = "cli/clusters.rs"]
mod clusters;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/screen.rs"]
mod screen;
#[path = "cli/secure.rs"]
mod secure;
#[path = "cli/terminal.rs"]
mod terminal;

use assert_cmd::Command;
use common::{Kind, Options, Server, find};

/// Our client, called `redis-cli` as far as its words go: in a directory without files of the user.
fn ours() -> Command {
    let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
    command
        .arg("cli")
        .env_remove("REDISCLI_AUTH")
        .env("HOME", std::env::temp_dir())
        .env("REDISCLI_HISTFILE", "/dev/null");
    command.env_remove("NO_COLOR").env_remove("FAKETTY").timeout(2 * common::PATIENCE);
    command
}

/// A server of each kind that is installed.
fn servers() -> Vec<Server> {
    let mut kinds = vec![Kind::Rustredis];
    for kind in [Kind::Redis, Kind::Valkey] {
        match find(kind) {
            Some(_) => kinds.push(kind),
            None => common::skip(&format!("{kind:?}"), kind.how_to_install()),
        }
    }
    kinds.into_iter().map(|kind| Server::start(kind, &Options::default())).collect()
}
