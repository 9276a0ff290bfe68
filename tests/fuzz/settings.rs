//! What people write: configuration files, users' rules, ACL files.

use super::driver::Target;
use rustredis::engine::acl::file;
use rustredis::engine::acl::rules::{Rules, merge_selectors};
use rustredis::engine::config::load::{Files, from_text};
use rustredis::engine::config::{rewrite::rewrite, table};
use rustredis::resp::inline::split_args;

/// No files at all.
struct Nothing;

impl Files for Nothing {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("No such file or directory".to_owned())
    }
    fn stdin(&self) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }
    fn glob(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    fn absolute(&self, path: &str) -> String {
        path.to_owned()
    }
}

#[test]
fn config() {
    let words = &[
        "\nmaxmemory ",
        "\nsave ",
        "\nbind ",
        "\nuser ",
        "yes",
        "no",
        "gb",
        "kb",
        "%",
        "\"\"",
        "\\x00",
        "\n#",
        "\ninclude *.x\n",
        "\nclient-output-buffer-limit ",
        "normal",
        "allkeys-lru",
        "\nrename-command ",
        "\nport ",
        "\"a b\"",
        "KEA",
    ];
    Target { name: "config", rounds: 4_000, words }.run(|bytes, _| {
        let Ok(loaded) = from_text("fuzz", bytes, &Nothing) else { return };
        // What CONFIG REWRITE makes of it says the same, and is not made better by doing it twice.
        let text = rewrite(bytes, &loaded.config, None);
        let again = from_text("again", &text, &Nothing).unwrap_or_else(|e| panic!("what was written is refused: {e}"));
        for row in table::rows() {
            assert_eq!(row.load(&again.config), row.load(&loaded.config), "{}\n{}", row.name, text.escape_ascii());
        }
        assert_eq!(rewrite(&text, &again.config, None), text);
    });
}

fn rules_of(words: &[Vec<u8>]) -> Option<Rules> {
    let mut rules = Rules::new(false);
    for word in merge_selectors(words).ok()? {
        rules.apply(&word, false).ok()?;
    }
    Some(rules)
}

#[test]
fn acl() {
    rustredis::commands::install();
    let words = &[
        "+@all",
        "-@all",
        "+get",
        "-config|set",
        "+config|get",
        "+@read",
        "-@dangerous",
        "~*",
        "%R~a",
        "%W~b*",
        "%RW~c",
        "&ch*",
        "on",
        "off",
        "nopass",
        ">pw",
        "<pw",
        "#",
        "(",
        ")",
        "(+set ~x)",
        "reset",
        "clearselectors",
        "allkeys",
        "resetkeys",
        "allchannels",
        "resetchannels",
        "allcommands",
        "nocommands",
        "+select|0",
        "|",
        "\nuser b ",
        " ",
    ];
    Target { name: "acl", rounds: 20_000, words }.run(|bytes, _| {
        let words: Vec<Vec<u8>> = bytes.split(|b| *b == b' ').map(<[u8]>::to_vec).collect();
        if let Some(rules) = rules_of(&words) {
            let shown = rules.shown();
            assert!(
                !shown.contains(&b'\n') && !shown.contains(&0),
                "a rule breaks out of its line: {}",
                shown.escape_ascii()
            );
            // A pattern that ends in a bracket ends its selector when it is read again, as in Redis.
            let brackets = |bracket: u8| shown.iter().filter(|b| **b == bracket).count();
            if brackets(b')') != shown.windows(2).filter(|w| w == b" (").count() {
                return;
            }
            let words: Vec<Vec<u8>> = shown.split(|b| *b == b' ').map(<[u8]>::to_vec).collect();
            let again =
                rules_of(&words).unwrap_or_else(|| panic!("what is shown is refused: {}", shown.escape_ascii()));
            assert_eq!(again.shown().escape_ascii().to_string(), shown.escape_ascii().to_string());
            assert_eq!(again.allows_everything(), rules.allows_everything());
        }
        // And a file of users: what it holds can be written and read again.
        let Ok(users) = file::parse("users.acl", bytes, false) else { return };
        for (name, rules) in users {
            let line = [b"user ", name.as_slice(), b" ", &rules.shown()].concat();
            if split_args(&line).is_some_and(|words| words.len() == line.split(|b| *b == b' ').count()) {
                let again = file::parse("again.acl", &line, false);
                assert!(again.is_ok(), "{}: {:?}", line.escape_ascii(), again.err());
            }
        }
    });
}
