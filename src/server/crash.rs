//! The last words of a process that cannot go on: where it was, what it ran, INFO and its clients, under the headings by which
//! people and programs find Redis's reports. Then it aborts: half a change must not be served, saved or sent on.

use super::{log, os};
use crate::base::rng::Rng;
use crate::engine::info::{self, Source};
use crate::engine::worker::last_words;
use crate::engine::{Engine, client_filter};
use crate::resp::OwnedArgs;
use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak, mpsc};
use std::time::Duration;

static ENGINE: OnceLock<Weak<Engine>> = OnceLock::new();
/// A report is being made, or made.
static REPORTING: AtomicBool = AtomicBool::new(false);
/// How long the keyspace is waited for: whoever crashed may hold it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Whatever happens, the process ends after that.
const LONGEST_SECS: u32 = 15;

/// From now on, panics of any thread and fatal signals end the process with a report.
pub fn install(engine: &Arc<Engine>) {
    let _ = ENGINE.set(Arc::downgrade(engine));
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload();
        let text = said.downcast_ref::<&str>().copied().or(said.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("a panic that says nothing");
        let place = panic.location().map_or_else(String::new, |l| format!(" #{}:{}", l.file(), l.line()));
        if !is_wanted() {
            log::warning(&format!("{text}{place}"));
            os::abort();
        }
        if !begin() {
            return;
        }
        log::warning("------------------------------------------------");
        log::warning("!!! The software has failed.");
        log::warning(&format!("Guru Meditation: {text}{place}"));
        stack(&Backtrace::force_capture());
        match super::worker::is_worker() {
            // The command that ran tells of itself while the stack is unwound; then `finish` is called. If that does not come
            // about, it goes without.
            true => {
                let _ = os::spawn("report", || {
                    std::thread::sleep(PATIENCE * 2);
                    finish(None);
                });
            }
            false => finish(None),
        }
    }));
    // This thread stays for as long as the process.
    std::mem::forget(os::SignalStack::install());
    os::on_fatal_signal(signalled);
}

/// In the thread that met a fatal signal.
fn signalled(signal: i32, address: usize) {
    if !is_wanted() || !begin() {
        return;
    }
    log::warning(&format!("Redis {} crashed by signal: {signal}", crate::engine::config::REDIS_VERSION));
    if address != 0 {
        log::warning(&format!("Accessing address: {address:#x}"));
    }
    stack(&Backtrace::force_capture());
    conclude(None, None);
}

/// `crash-log-enabled`.
fn is_wanted() -> bool {
    ENGINE.get().and_then(Weak::upgrade).is_some_and(|engine| engine.config.crash_log_enabled.get())
}

/// True for the first that crashes; no other is reported.
fn begin() -> bool {
    let first = !REPORTING.swap(true, SeqCst);
    if first {
        os::end_after(LONGEST_SECS);
        log::raw("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
    }
    first
}

/// Lines of a stack that are shown of its top, and of its bottom: calls without end fill thousands between them.
const SHOWN: usize = 100;

fn stack(trace: &Backtrace) {
    let all = trace.to_string();
    let lines: Vec<&str> = all.lines().collect();
    let text = match lines.len().checked_sub(2 * SHOWN) {
        None | Some(0) => all,
        Some(left) => {
            let (top, bottom) = (lines[..SHOWN].join("\n"), lines[SHOWN + left..].join("\n"));
            format!("{top}\n… {left} lines …\n{bottom}")
        }
    };
    log::raw(&format!("\n------ STACK TRACE ------\n\nBacktrace:\n{text}\n"));
}

/// Ends a report that a panic began, on the thread that panicked, once it has let go of all locks: `client` was being served.
/// Does nothing if there is no such report.
pub fn finish(client: Option<u64>) {
    if REPORTING.load(SeqCst) {
        conclude(client, last_words());
        os::abort();
    }
}

fn conclude(client: Option<u64>, words: Option<Vec<Vec<u8>>>) {
    let Some(engine) = ENGINE.get().and_then(Weak::upgrade) else { return };
    let text = in_time(&engine).unwrap_or_else(|| "The keyspace is locked, and nothing can be told of it.".to_owned());
    log::raw(&format!("\n------ INFO OUTPUT ------\n{}\n", text.replace('\r', "")));
    let now_ms = super::now_ms();
    let all = engine.clients.list();
    let lines: Vec<String> = all.iter().map(|c| client_filter::line(c, now_ms, None)).collect();
    log::raw(&format!("\n------ CLIENT LIST OUTPUT ------\n{}\n", lines.join("\n")));
    if client.is_some() || words.is_some() {
        let current = all.iter().find(|c| Some(c.id) == client).map(|c| client_filter::line(c, now_ms, None));
        let hides = engine.config.hide_user_data_from_log.get();
        let mut out = format!("\n------ CURRENT CLIENT INFO ------\n{}\n", current.unwrap_or_default());
        for (i, word) in words.unwrap_or_default().iter().enumerate() {
            let shown = if hides && i > 0 { "*redacted*".to_owned() } else { word.escape_ascii().to_string() };
            out.push_str(&format!("argv[{i}]: '\"{shown}\"'\n"));
        }
        log::raw(&out);
    }
    log::raw(
        "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n       \
         This is rustredis, not Redis: please report it to those who gave you this program, with all of the above.\n\n",
    );
}

/// INFO, if the keyspace can be had.
fn in_time(engine: &Arc<Engine>) -> Option<String> {
    let (tx, rx) = mpsc::channel();
    let engine = engine.clone();
    let ask = move || {
        let Some(mut access) = engine.visit() else { return };
        access.enter();
        let mut rng = Rng::new(1);
        let now_ms = super::now_ms();
        let mut source = Source { engine: &engine, access: &mut access, rng: &mut rng, now_ms };
        let asked = OwnedArgs::new(["everything"].iter());
        // Whoever asked may be gone: time was up.
        let _ = tx.send(info::render(&mut source, asked.args()));
    };
    os::spawn("report", ask).ok()?;
    rx.recv_timeout(PATIENCE).ok()
}
