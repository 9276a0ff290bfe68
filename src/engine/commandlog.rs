//! The logs of unusual commands: slow ones (Redis's SLOWLOG), those with large requests and those with large replies (Valkey's
//! COMMANDLOG). The newest come first.

use super::Engine;
use super::clients::Client;
use super::flags::Flags;
use super::monitor::shown;
use super::table::Command;
use crate::resp::Args;
use parking_lot::Mutex;
use std::collections::VecDeque;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Log {
    Slow,
    LargeRequest,
    LargeReply,
}

/// As Redis: of longer commands and words the beginning is kept, and how much is left out.
const MOST_WORDS: usize = 32;
const MOST_BYTES: usize = 128;

#[derive(Clone)]
pub struct Entry {
    pub id: u64,
    pub at_s: i64,
    /// Microseconds, or bytes.
    pub value: u64,
    pub words: Vec<Vec<u8>>,
    pub addr: Box<str>,
    pub name: Vec<u8>,
}

#[derive(Default)]
struct Entries {
    last: u64,
    all: VecDeque<Entry>,
}

#[derive(Default)]
pub struct CommandLogs([Mutex<Entries>; 3]);

/// What is worth a log's entry: microseconds, bytes, bytes; negative: nothing is.
fn thresholds(engine: &Engine) -> [i64; 3] {
    let c = &engine.config;
    [c.slowlog_log_slower_than_us.get(), c.commandlog_request_larger_than.get(), c.commandlog_reply_larger_than.get()]
}

impl Engine {
    /// Logs a command that ran, if it was unusual: its nanoseconds, the bytes of its request and of its reply.
    #[inline]
    pub fn log_command(&self, command: &Command, args: Args<'_>, client: &Client, spent: [u64; 3], now_ms: i64) {
        let [slow, request, reply] = thresholds(self);
        // A negative threshold is the greatest of all.
        let unusual =
            spent[0] >= (slow as u64).saturating_mul(1000) || spent[1] >= request as u64 || spent[2] >= reply as u64;
        if unusual && !command.flags.has(Flags::SKIP_SLOWLOG) {
            self.log_unusual(command, args, client, [spent[0] / 1000, spent[1], spent[2]], now_ms);
        }
    }

    #[cold]
    fn log_unusual(&self, command: &Command, args: Args<'_>, client: &Client, spent: [u64; 3], now_ms: i64) {
        let c = &self.config;
        let most =
            [c.slowlog_max_len.get(), c.commandlog_large_request_max_len.get(), c.commandlog_large_reply_max_len.get()];
        for (i, threshold) in thresholds(self).into_iter().enumerate() {
            if threshold < 0 || spent[i] < threshold as u64 {
                continue;
            }
            let mut log = self.command_logs.0[i].lock();
            let id = log.last;
            log.last += 1;
            log.all.push_front(Entry {
                id,
                at_s: now_ms / 1000,
                value: spent[i],
                words: shorten(&shown(command, args)),
                addr: client.addr.clone(),
                name: client.about.lock().name.clone(),
            });
            log.all.truncate(usize::try_from(most[i]).unwrap_or(usize::MAX));
        }
    }
}

fn shorten(words: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let cut = words.len() > MOST_WORDS;
    let kept = if cut { MOST_WORDS - 1 } else { words.len() };
    let mut out: Vec<Vec<u8>> = words[..kept]
        .iter()
        .map(|w| match w.len().checked_sub(MOST_BYTES) {
            Some(more) if more > 0 => [&w[..MOST_BYTES], format!("... ({more} more bytes)").as_bytes()].concat(),
            _ => w.clone(),
        })
        .collect();
    if cut {
        out.push(format!("... ({} more arguments)", words.len() - kept).into_bytes());
    }
    out
}

impl CommandLogs {
    /// The newest entries; all of them if `count` is negative.
    pub fn newest(&self, log: Log, count: i64) -> Vec<Entry> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.0[log as usize].lock().all.iter().take(count).cloned().collect()
    }

    pub fn len(&self, log: Log) -> usize {
        self.0[log as usize].lock().all.len()
    }

    pub fn clear(&self, log: Log) {
        self.0[log as usize].lock().all.clear();
    }
}
