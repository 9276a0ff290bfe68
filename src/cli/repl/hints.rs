//! What may still follow the words that are typed: from the command table, whose syntax is walked along with the words.

use crate::engine::{
    syntax::{self, Arg, Kind},
    table::{self, Command},
};

/// The command that the words begin with, and how many of them name it.
pub fn command_of(words: &[Vec<u8>]) -> Option<(&'static Command, usize)> {
    let command = table::find(words.first()?)?;
    match words.get(1) {
        Some(word) if command.is_container() => command.find_sub(word).map(|sub| (sub, 2)),
        _ => Some((command, 1)),
    }
}

/// The arguments that may follow; `None` if the words do not fit the command.
pub fn remaining(command: &'static Command, typed: &[Vec<u8>]) -> Option<Vec<Arg<'static>>> {
    let mut args = syntax::parse(command.spec.syntax).ok()?;
    let mut rest = typed;
    while let Some(word) = rest.first() {
        let at = args.iter().position(|arg| takes(arg, word) || !arg.optional)?;
        if !takes(&args[at], word) {
            return None;
        }
        let width = width(&args[at], word);
        let cut: Vec<Arg<'static>> = match args[at].kind {
            // Within a block: what is left of it comes first.
            Kind::Block if args[at].token.is_none() && width > rest.len() => {
                args[at].args[rest.len().min(args[at].args.len())..].to_vec()
            }
            _ => Vec::new(),
        };
        rest = &rest[width.min(rest.len())..];
        let positional = token_of(&args[at]).is_none() && !matches!(args[at].kind, Kind::OneOf);
        if args[at].multiple {
            args[at].optional = true;
            if positional {
                args.drain(..at);
            }
        } else if positional {
            args.drain(..=at);
        } else {
            args.remove(at);
        }
        if !cut.is_empty() {
            args.splice(0..0, cut);
        }
    }
    Some(args)
}

fn token_of<'a>(arg: &Arg<'a>) -> Option<&'a str> {
    arg.token.or_else(|| match arg.kind {
        Kind::Block => arg.args.first().and_then(token_of),
        _ => None,
    })
}

/// True if the word may begin the argument.
fn takes(arg: &Arg<'_>, word: &[u8]) -> bool {
    if let Some(token) = arg.token {
        return token.as_bytes().eq_ignore_ascii_case(word);
    }
    match arg.kind {
        Kind::OneOf => arg.args.iter().any(|arg| takes(arg, word)),
        Kind::Block => arg.args.first().is_some_and(|arg| takes(arg, word)),
        Kind::PureToken => false,
        Kind::Integer => std::str::from_utf8(word).is_ok_and(|text| text.parse::<i64>().is_ok()),
        _ => true,
    }
}

/// How many words an argument that begins with this one takes.
fn width(arg: &Arg<'_>, word: &[u8]) -> usize {
    let own = usize::from(arg.token.is_some());
    own + match arg.kind {
        Kind::PureToken => 0,
        Kind::OneOf => arg.args.iter().find(|arg| takes(arg, word)).map_or(1, |arg| width(arg, word)),
        Kind::Block => arg.args.iter().filter(|arg| !arg.optional).map(|arg| width(arg, word)).sum(),
        _ => 1,
    }
}

/// The tokens that may come next, for Tab.
pub fn tokens(args: &[Arg<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for arg in args {
        collect(arg, &mut found);
        if !arg.optional {
            break;
        }
    }
    found
}

fn collect(arg: &Arg<'_>, found: &mut Vec<String>) {
    if let Some(token) = arg.token {
        found.push(token.to_owned());
    } else if matches!(arg.kind, Kind::OneOf) {
        arg.args.iter().for_each(|arg| collect(arg, found));
    } else if matches!(arg.kind, Kind::Block)
        && let Some(first) = arg.args.first()
    {
        collect(first, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(line: &str) -> Option<String> {
        crate::commands::install();
        let words: Vec<Vec<u8>> = line.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        let (command, named) = command_of(&words)?;
        Some(syntax::usage(&remaining(command, &words[named..])?))
    }

    #[test]
    fn the_rest_of_a_command() {
        for (line, want) in [
            ("get", "key"),
            ("get k", ""),
            ("append k", "value"),
            ("lrange l 0", "stop"),
            ("hset h f", "value [field value [field value ...]]"),
            ("client setname", "connection-name"),
        ] {
            assert_eq!(hint(line).as_deref(), Some(want), "{line}");
        }
        let set = hint("set k v EX 10").expect("fits");
        assert!(set.contains("NX") && !set.contains("EX seconds"), "{set}");
        let zadd = hint("zadd z NX").expect("fits");
        assert!(!zadd.contains("NX") && zadd.contains("score member"), "{zadd}");
        assert!(hint("mget a").expect("fits").contains("key"));
        assert_eq!(hint("get k more"), None);
        assert_eq!(hint("nosuch"), None);
    }
}
