//! CONFIG GET and CONFIG SET.

use super::choices::Protected;
use super::row::{Row, When};
use super::value::{Reason, Value};
use super::{Config, table};
use crate::base::glob::glob_match;
use crate::engine::errors::Error;
use std::collections::BTreeMap;

/// What the server does about changes; without it values change and nothing else.
pub trait ConfigHooks: Send + Sync {
    /// Directives now have other values: rebind, reopen, resize. An error takes all of them back, and the hook is called
    /// again with the same names so that it can return to the old values. Called with the names of rows, never aliases.
    fn changed(&self, names: &[&'static str]) -> Result<(), Refusal>;

    /// Replaces the configuration file at `path` by what `rewrite` makes of its text (empty if there is none), whole or
    /// not at all: temporary file, fsync, rename. An error says why in the system's words.
    fn rewrite_file(&self, path: &str, rewrite: &dyn Fn(&[u8]) -> Vec<u8>) -> Result<(), String>;

    /// The bytes of a file (`aclfile`). An error says why in the system's words.
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String>;
}

/// Why a change could not be carried out.
#[derive(Debug)]
pub struct Refusal {
    /// The directive that is to blame.
    pub name: &'static str,
    /// The reason in Redis's words.
    pub why: String,
}

/// Who sets, and when, as far as it matters to what may be set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller {
    /// Connected over the loopback interface or a Unix socket.
    pub is_local: bool,
    /// A dataset is being loaded.
    pub is_loading: bool,
}

impl Config {
    /// The directives that fit any of `patterns`, with their values, by name. As in Redis a pattern without wildcards
    /// is answered under the name as the client spelled it.
    pub fn get_matching<'p>(&self, patterns: impl IntoIterator<Item = &'p [u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for pattern in patterns {
            if !pattern.iter().any(|b| matches!(b, b'*' | b'?' | b'[')) {
                let lower = String::from_utf8_lossy(pattern).to_ascii_lowercase();
                if let Some((name, _)) = table::names().get_key_value(lower.as_str()) {
                    found.entry(name).or_insert_with(|| pattern.to_vec());
                }
                continue;
            }
            for (name, row) in table::names() {
                if !row.hidden && glob_match(pattern, name.as_bytes(), true) {
                    found.entry(name).or_insert_with(|| name.as_bytes().to_vec());
                }
            }
        }
        let shown = found.into_iter().filter_map(|(name, spelled)| Some((spelled, self.shown(name)?)));
        shown.collect()
    }

    /// Sets all of `pairs` or none of them, and returns the names of those that changed.
    pub fn set(
        &self,
        pairs: &[(&[u8], &[u8])],
        caller: Caller,
        hooks: &dyn ConfigHooks,
    ) -> Result<Vec<&'static str>, Error> {
        let rows = self.may_set(pairs, caller)?;
        let _one_at_a_time = self.setting.lock();
        let mut old: Vec<(&Row, Value)> = Vec::new();
        let mut changed = Vec::new();
        for (row, (_, text)) in rows.iter().zip(pairs) {
            let before = row.load(self);
            match read_one_text(row, text) {
                Ok(value) => {
                    row.store(self, value);
                    if row.names_file || row.load(self) != before {
                        changed.push(row.name);
                    }
                    old.push((row, before));
                }
                Err(reason) => {
                    self.restore(&old);
                    return Err(failed(row.name.as_bytes(), &reason));
                }
            }
        }
        if changed.is_empty() {
            return Ok(changed);
        }
        match hooks.changed(&changed) {
            Ok(()) => Ok(changed),
            Err(Refusal { name, why }) => {
                self.restore(&old);
                // Back to values that worked; if even that fails there is nobody left to tell but the server's log.
                let _ = hooks.changed(&changed);
                Err(failed(name.as_bytes(), &why))
            }
        }
    }

    fn restore(&self, old: &[(&Row, Value)]) {
        for (row, value) in old.iter().rev() {
            row.store(self, value.clone());
        }
    }

    /// The rows that `pairs` name, if each may be set by `caller`.
    fn may_set(&self, pairs: &[(&[u8], &[u8])], caller: Caller) -> Result<Vec<&'static Row>, Error> {
        let mut rows: Vec<&'static Row> = Vec::new();
        for (name, _) in pairs {
            let Some(row) = table::find(name) else {
                let name = String::from_utf8_lossy(name);
                return Err(Error::Err(
                    format!("Unknown option or number of arguments for CONFIG SET - '{name}'").into(),
                ));
            };
            if row.when == When::Startup {
                return Err(failed(name, "can't set immutable config"));
            }
            if row.when == When::Protected && !self.allows_protected(caller) {
                return Err(failed(name, "can't set protected config"));
            }
            if row.deny_loading && caller.is_loading {
                return Err(Error::coded("LOADING Redis is loading the dataset in memory"));
            }
            // As in Redis a directive and its alias are two: the last one holds.
            if pairs[..rows.len()].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(failed(name, "duplicate parameter"));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn allows_protected(&self, caller: Caller) -> bool {
        match self.enable_protected_configs.get() {
            Protected::No => false,
            Protected::Yes => true,
            Protected::Local => caller.is_local,
        }
    }
}

/// True if the value of the directive of this name must not be logged.
pub fn is_sensitive(name: &[u8]) -> bool {
    table::find(name).is_some_and(|row| row.sensitive)
}

/// CONFIG SET gives every value as one text; where a file would have several words, blanks separate them.
fn read_one_text(row: &Row, text: &[u8]) -> Result<Value, Reason> {
    let words: Vec<Vec<u8>> = match row.kind.is_multi() {
        true => text.split(|b| *b == b' ').map(<[u8]>::to_vec).collect(),
        false => vec![text.to_vec()],
    };
    let value = row.read(&words)?;
    (row.check_live)(&value)?;
    Ok(value)
}

fn failed(name: &[u8], reason: &str) -> Error {
    let name = String::from_utf8_lossy(name);
    Error::Err(format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}").into())
}
