//! Users as text: the lines of an ACL file (`aclfile`), and the `user` lines of a configuration.

use super::rules::{Rules, merge_selectors};
use super::selector::{RuleError, has_spaces};
use super::{Acl, DEFAULT_USER, all_channels};
use crate::base::quoted::quoted;
use crate::engine::Engine;
use crate::engine::session::Session;
use std::collections::BTreeMap;

type Users = BTreeMap<Vec<u8>, Rules>;

/// Why the server must not start with these users.
pub const BOTH: &str = "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. \
    This setup is very likely to lead to configuration errors and security holes, please define either an ACL file or declare \
    users directly in your redis.conf, but not both.";

/// What follows a user's name, merged and applied. The error names the rule.
fn rules_of(words: &[Vec<u8>], all_channels: bool) -> Result<Rules, (Vec<u8>, RuleError)> {
    let mut rules = Rules::new(all_channels);
    for rule in merge_selectors(words).map_err(|open| (open, RuleError::Syntax))? {
        rules.apply(&rule, all_channels).map_err(|e| (rule, e))?;
    }
    Ok(rules)
}

/// Reads an ACL file. The error lists every line that is wrong, in Redis's words.
pub fn parse(path: &str, text: &[u8], all_channels: bool) -> Result<Users, String> {
    let (mut users, mut errors) = (Users::new(), String::new());
    for (at, line) in text.split(|b| *b == b'\n').enumerate() {
        let line = trim(line, b" \t\r\n");
        if line.is_empty() {
            continue;
        }
        if let Err(reason) = parse_line(line, all_channels, &mut users, (path, at + 1)) {
            errors.push_str(&reason);
        }
    }
    if errors.is_empty() {
        Ok(users)
    } else {
        Err(errors + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
    }
}

/// As Redis, words are what lies between blanks: quotes mean nothing here, for ACL SAVE writes none.
fn parse_line(line: &[u8], all_channels: bool, users: &mut Users, (path, number): (&str, usize)) -> Result<(), String> {
    let mut words = line.split(|b| *b == b' ');
    let (keyword, name) = (words.next(), words.next());
    let Some(name) = name.filter(|_| keyword == Some(b"user".as_slice())) else {
        return Err(format!("{path}:{number} should start with user keyword followed by the username. "));
    };
    if has_spaces(name) {
        return Err(format!("'{path}:{number}: username '{}' contains invalid characters. ", quoted(name)));
    }
    if users.contains_key(name) {
        return Err(format!("WARNING: Duplicate user '{}' found on line {number}. ", quoted(name)));
    }
    let words: Vec<&[u8]> = words.collect();
    let Ok(merged) = merge_selectors(&words) else {
        return Err(format!("{path}:{number}: Unmatched parenthesis in selector definition."));
    };
    let mut rules = Rules::new(all_channels);
    for rule in &merged {
        let rule = trim(rule, b"\t\r\n");
        rules.apply(rule, all_channels).map_err(|e| match e {
            // A command's name is no secret, other rules may be.
            RuleError::Unknown => {
                format!("{path}:{number}: Error in applying operation '{}': {}. ", quoted(rule), e.text())
            }
            _ => format!("{path}:{number}: {}. ", e.text()),
        })?;
    }
    users.insert(name.to_vec(), rules);
    Ok(())
}

fn trim<'a>(mut word: &'a [u8], blanks: &[u8]) -> &'a [u8] {
    while let [first, rest @ ..] = word
        && blanks.contains(first)
    {
        word = rest;
    }
    while let [rest @ .., last] = word
        && blanks.contains(last)
    {
        word = rest;
    }
    word
}

/// Users as `user` lines of a configuration, each as its words. The error is a sentence.
fn from_lines(lines: &[Vec<Vec<u8>>], all_channels: bool) -> Result<Users, String> {
    let mut users = Users::new();
    for words in lines {
        let [name, rules @ ..] = words.as_slice() else { continue };
        if has_spaces(name) || users.contains_key(name.as_slice()) {
            let why = if has_spaces(name) {
                "Syntax error"
            } else {
                "Duplicate user found. A user can only be defined once in config files"
            };
            return Err(format!("Error in user declaration '{}': {why}", quoted(name)));
        }
        let rules = rules_of(rules, all_channels).map_err(|(rule, e)| {
            format!(
                "Error while parsing ACL rule '{}' in the configuration file for user '{}': {}",
                quoted(&rule),
                quoted(name),
                e.text()
            )
        })?;
        users.insert(name.clone(), rules);
    }
    Ok(users)
}

impl Acl {
    /// Users that the configuration declares, at start; `read` reads the file of `aclfile`.
    pub fn load_at_start(&self, engine: &Engine, read: impl Fn(&str) -> Result<Vec<u8>, String>) -> Result<(), String> {
        let (lines, path) = (engine.config.lines.user.read().clone(), engine.config.aclfile.get());
        let all_channels = all_channels(engine);
        if !path.is_empty() && !lines.is_empty() {
            return Err(BOTH.to_owned());
        }
        let users = if path.is_empty() {
            from_lines(&lines, all_channels)?
        } else {
            let failed = |e: String| format!("Aborting Redis startup because of ACL errors: {e}");
            let text = read(&path).map_err(|e| failed(format!("Error loading ACLs, opening file '{path}': {e}")))?;
            parse(&path, &text, all_channels).map_err(failed)?
        };
        for (name, rules) in &users {
            if !rules.on {
                let text = format!(
                    "The user '{}' is disabled (there is no 'on' modifier in the user description). Make sure this is not a \
                     configuration error.",
                    quoted(name)
                );
                engine.log(crate::engine::LogLevel::Notice, &text);
            }
        }
        let _lock = self.changing.lock();
        for (name, rules) in users {
            self.put(engine, &name, rules);
        }
        Ok(())
    }

    /// ACL LOAD, of a file's text.
    pub fn load(&self, engine: &Engine, path: &str, text: &[u8], session: &mut Session) -> Result<(), String> {
        let users = parse(path, text, all_channels(engine))?;
        self.replace_all(engine, users, session);
        Ok(())
    }

    /// A line for each user, as ACL LIST shows it and an ACL file has it: `user name rules…`.
    pub fn lines(&self) -> Vec<Vec<u8>> {
        self.users().iter().map(|u| [b"user ", u.name.as_slice(), b" ", &u.rules().shown()].concat()).collect()
    }

    /// What CONFIG REWRITE writes behind `user `; nothing if the users are an ACL file's.
    pub fn config_lines(&self, engine: &Engine) -> Vec<Vec<u8>> {
        if !engine.config.aclfile.is_empty() {
            return Vec::new();
        }
        let mut lines = self.lines();
        lines.iter_mut().for_each(|line| drop(line.drain(..5)));
        lines
    }

    /// True if this is the name of the user that cannot be removed.
    pub fn is_default(name: &[u8]) -> bool {
        name == DEFAULT_USER
    }
}
