//! A user's rules: whether it is on, how it logs in, and what its selectors allow.

use super::selector::{Denied, RuleError, Selector};
use crate::engine::keyspec::KeyPos;
use crate::engine::table::Command;
use crate::resp::Args;
use crate::resp::inline::split_args;
use sha2::{Digest, Sha256};

/// A SHA-256 hash as 64 lower-case hexadecimal digits.
pub type Hash = [u8; 64];

#[derive(Clone, Debug)]
pub struct Rules {
    pub on: bool,
    /// Any password will do.
    pub no_password: bool,
    /// Payloads of RESTORE are checked to the last byte (`sanitize-dump-payload clients`).
    pub sanitizes: bool,
    passwords: Vec<Hash>,
    /// The root, then those in brackets.
    selectors: Vec<Selector>,
}

impl Rules {
    /// A user that was just created: off, and allowed nothing.
    pub fn new(all_channels: bool) -> Rules {
        let selectors = vec![Selector::new(all_channels)];
        Rules { on: false, no_password: false, sanitizes: true, passwords: Vec::new(), selectors }
    }

    /// The default user of a server without configuration.
    pub fn all_powerful() -> Rules {
        Rules { on: true, no_password: true, selectors: vec![Selector::all()], ..Rules::new(true) }
    }

    pub fn passwords(&self) -> &[Hash] {
        &self.passwords
    }

    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Nothing needs to be checked.
    pub fn allows_everything(&self) -> bool {
        self.selectors.iter().any(Selector::allows_everything)
    }

    /// Applies one rule. `all_channels`: what `acl-pubsub-default` says.
    pub fn apply(&mut self, rule: &[u8], all_channels: bool) -> Result<(), RuleError> {
        let is = |word: &str| rule.eq_ignore_ascii_case(word.as_bytes());
        if rule.is_empty() {
            return Ok(());
        } else if is("on") || is("off") {
            self.on = is("on");
        } else if is("nopass") {
            (self.no_password, self.passwords) = (true, Vec::new());
        } else if is("resetpass") {
            (self.no_password, self.passwords) = (false, Vec::new());
        } else if is("sanitize-payload") || is("skip-sanitize-payload") {
            self.sanitizes = is("sanitize-payload");
        } else if is("clearselectors") {
            self.selectors.truncate(1);
        } else if is("reset") {
            *self = Rules::new(all_channels);
        } else {
            match rule {
                [b'>', password @ ..] => self.add_password(hash(password)),
                [b'#', hex @ ..] => self.add_password(parse_hash(hex)?),
                [b'<', password @ ..] => self.remove_password(&hash(password))?,
                [b'!', hex @ ..] => self.remove_password(&parse_hash(hex)?)?,
                [b'(', inner @ .., b')'] => self.add_selector(inner, all_channels)?,
                _ => self.selectors[0].apply(rule, all_channels)?,
            }
        }
        Ok(())
    }

    fn add_password(&mut self, hash: Hash) {
        self.no_password = false;
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
    }

    fn remove_password(&mut self, hash: &Hash) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|p| p == hash).ok_or(RuleError::NoSuchPassword)?;
        self.passwords.remove(at);
        Ok(())
    }

    fn add_selector(&mut self, inner: &[u8], all_channels: bool) -> Result<(), RuleError> {
        let mut selector = Selector::new(all_channels);
        for rule in split_args(inner).ok_or(RuleError::Syntax)? {
            // Redis takes quotes and brackets in patterns, and then writes an ACL file that it cannot read.
            let cannot_be_shown = rule.ends_with(b")") || rule.iter().any(|b| matches!(b, b'"' | b'\''));
            if rule.eq_ignore_ascii_case(b"reset") || cannot_be_shown {
                return Err(RuleError::Syntax);
            }
            selector.apply(&rule, all_channels)?;
        }
        self.selectors.push(selector);
        Ok(())
    }

    /// Flags as ACL GETUSER lists them.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut out = vec![if self.on { "on" } else { "off" }];
        if self.no_password {
            out.push("nopass");
        }
        out.push(if self.sanitizes { "sanitize-payload" } else { "skip-sanitize-payload" });
        out
    }

    /// The rules as ACL LIST and ACL files show them: applied to a new user they make the same.
    pub fn shown(&self) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = self.flags().into_iter().map(|f| f.as_bytes().to_vec()).collect();
        parts.extend(self.passwords.iter().map(|p| [b"#", p.as_slice()].concat()));
        for (i, selector) in self.selectors.iter().enumerate() {
            let shown = selector.shown();
            parts.push(if i == 0 { shown } else { [b"(", shown.as_slice(), b")"].concat() });
        }
        parts.join(&b' ')
    }

    /// Whether a password is one of the user's. Takes as long for a wrong one as for a right one.
    pub fn accepts(&self, password: &[u8]) -> bool {
        let given = hash(password);
        let mut same = false;
        for p in &self.passwords {
            let differing = p.iter().zip(&given).fold(0u8, |all, (a, b)| all | (a ^ b));
            same |= std::hint::black_box(differing) == 0;
        }
        self.on && (self.no_password || same)
    }

    /// Whether any selector allows a command with these words; if none does, what came closest.
    pub fn check(&self, command: &Command, args: Args<'_>, keys: &[KeyPos]) -> Result<(), Denied> {
        let mut closest = Denied::Command;
        for selector in &self.selectors {
            match selector.check(command, args, keys) {
                Ok(()) => return Ok(()),
                Err(denied) => closest = closest.max(denied),
            }
        }
        Err(closest)
    }

    /// Whether a selector that allows the command allows to read every key, too.
    pub fn reads_all_keys(&self, command: &Command, args: Args<'_>, keys: &[KeyPos]) -> bool {
        self.selectors.iter().any(|s| s.reads_all_keys() && s.check(command, args, keys).is_ok())
    }

    /// Whether a subscription to a channel, or to a pattern, is allowed by any selector.
    pub fn may_listen(&self, name: &[u8], is_pattern: bool) -> bool {
        use crate::base::glob::glob_match;
        self.selectors.iter().any(|s| {
            s.has_all_channels()
                || s.channels().iter().any(|c| if is_pattern { c == name } else { glob_match(c, name, false) })
        })
    }
}

/// Puts selectors that were split at blanks together again: `(+get`, `~a)`. The error is where a bracket stays open.
pub fn merge_selectors<W: AsRef<[u8]>>(rules: &[W]) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(Vec<u8>, Vec<u8>)> = None;
    for rule in rules {
        let rule = rule.as_ref();
        match &mut open {
            Some((_, so_far)) => {
                so_far.push(b' ');
                so_far.extend_from_slice(rule);
                if rule.ends_with(b")") {
                    out.extend(open.take().map(|(_, whole)| whole));
                }
            }
            None if rule.starts_with(b"(") && !rule.ends_with(b")") => open = Some((rule.to_vec(), rule.to_vec())),
            None => out.push(rule.to_vec()),
        }
    }
    match open {
        Some((first, _)) => Err(first),
        None => Ok(out),
    }
}

fn hash(password: &[u8]) -> Hash {
    let mut hex = [0; 64];
    for (two, byte) in hex.chunks_exact_mut(2).zip(Sha256::digest(password)) {
        let digit = |n: u8| b"0123456789abcdef"[usize::from(n & 15)];
        (two[0], two[1]) = (digit(byte >> 4), digit(byte));
    }
    hex
}

fn parse_hash(hex: &[u8]) -> Result<Hash, RuleError> {
    let hash: Hash = hex.try_into().map_err(|_| RuleError::BadHash)?;
    let is_hex = hash.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex { Ok(hash) } else { Err(RuleError::BadHash) }
}
