//! Configuration: what can be set, to what, and what is set.
//!
//! - [`fields`]   one typed field per directive that something acts on, made of the cells of [`cells`];
//! - [`table`]    one row per directive: names, kind and range, default, when it may change, its field;
//! - [`value`], [`words`], [`choices`]  reading and printing values;
//! - [`load`]     files and the command line, at start;
//! - [`set`]      CONFIG GET and CONFIG SET;
//! - [`rewrite`]  CONFIG REWRITE, as a function from text to text.
//!
//! There are no files, sockets or clocks here: [`load::Files`] and [`ConfigHooks`] are handed in. Names, defaults and
//! shown values are Redis 8.0's; ranges and refusals were read off Redis 7.0 and Valkey 9.1.

pub mod cells;
pub mod choices;
pub mod command_line;
pub mod fields;
pub mod load;
pub mod nearest;
pub mod rewrite;
pub mod row;
pub mod set;
pub mod table;
pub mod value;
pub mod words;

#[cfg(test)]
mod tests;

pub use choices::*;
pub use fields::Fields;
pub use set::{Caller, ConfigHooks, Refusal};

use parking_lot::RwLock;
use std::collections::HashMap;
use std::ops::Deref;
use value::Value;

/// The version whose behaviour we show to clients and scripts that look for one.
pub const REDIS_VERSION: &str = "7.4.0";

/// The directives' values; `config.hz.get()` reads one without a lock.
pub struct Config {
    fields: Fields,
    /// Values of the directives that nothing acts on, where they are not the default.
    spare: RwLock<HashMap<&'static str, Value>>,
    /// Lines that say something to other layers.
    pub lines: Lines,
    /// The absolute path of the file that was read at start, which CONFIG REWRITE rewrites.
    file: RwLock<Option<String>>,
    /// Serializes CONFIG SET: its all-or-nothing is not to be mixed with another's.
    setting: parking_lot::Mutex<()>,
}

/// The words of a line.
pub type WordList = Vec<Vec<u8>>;

/// Repeated lines of one kind, each as its words.
pub type KeptLines = RwLock<Vec<WordList>>;

/// Repeated lines of a configuration file, each as its words after the directive's name. Kept here, acted on elsewhere.
#[derive(Default, Debug)]
pub struct Lines {
    /// `user name rule…`
    pub user: KeptLines,
    /// `rename-command old new`
    pub rename_command: KeptLines,
}

impl Default for Config {
    fn default() -> Self {
        Config::new()
    }
}

impl Deref for Config {
    type Target = Fields;

    #[inline]
    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl Config {
    /// Every directive at its default.
    pub fn new() -> Self {
        let me = Config {
            fields: Fields::default(),
            spare: RwLock::default(),
            lines: Lines::default(),
            file: RwLock::default(),
            setting: parking_lot::Mutex::new(()),
        };
        for row in table::rows().filter(|row| !matches!(row.field, row::Field::Spare)) {
            row.store(&me, row.default_value());
        }
        me
    }

    /// How many workers are wished for: `threads`, else `io-threads` if that asks for more than one; 0: one per core.
    pub fn wanted_threads(&self) -> usize {
        let (threads, io_threads) = (self.threads.get(), self.io_threads.get());
        let wanted = if threads == 0 && io_threads > 1 { io_threads } else { threads };
        usize::try_from(wanted).unwrap_or(0)
    }

    /// Bytes that clients' buffers may take together; 0: no limit.
    pub fn maxmemory_clients_bytes(&self) -> i64 {
        match self.maxmemory_clients.get() {
            percent @ ..0 => (i128::from(self.maxmemory.get()) * i128::from(-percent) / 100) as i64,
            bytes => bytes,
        }
    }

    /// The primary to follow.
    pub fn replicaof_address(&self) -> Option<(String, u16)> {
        match self.replicaof.get().as_slice() {
            [host, port] => Some((host.clone(), port.parse().ok()?)),
            _ => None,
        }
    }

    /// REPLICAOF at run time, which CONFIG GET and CONFIG REWRITE have to show.
    pub fn set_replicaof(&self, primary: Option<(&str, u16)>) {
        let words = primary.map(|(host, port)| vec![host.as_bytes().to_vec(), port.to_string().into_bytes()]);
        self.replicaof.set(words.unwrap_or_default());
    }

    /// Scores of a primary, a replica and a background child.
    pub fn oom_scores(&self) -> [i32; 3] {
        let mut scores = self.oom_score_adj_values.get().into_iter().map(|word| word.parse().unwrap_or(0));
        std::array::from_fn(|_| scores.next().unwrap_or(0))
    }

    /// `latency-tracking-info-percentiles`, each with the text INFO shows.
    pub fn latency_percentiles(&self) -> Vec<(f64, String)> {
        let words = self.latency_tracking_info_percentiles.get();
        words.into_iter().filter_map(|word| Some((word.parse().ok()?, word))).collect()
    }

    /// The file read at start, if there was one.
    pub fn file(&self) -> Option<String> {
        self.file.read().clone()
    }

    pub fn set_file(&self, path: Option<String>) {
        *self.file.write() = path;
    }

    /// The value of one directive as CONFIG GET shows it; `None` if there is no such directive.
    pub fn shown(&self, name: &str) -> Option<Vec<u8>> {
        let row = table::find(name.as_bytes())?;
        Some(row.kind.print(&row.load(self)))
    }
}
