//! The server's log, in Redis's line format, since people's tools read it:
//! `PID:ROLE DD Mon YYYY HH:MM:SS.mmm LEVEL MESSAGE`, with level `.` debug, `-` verbose, `*` notice, `#` warning.

use crate::engine::LogLevel;
use parking_lot::Mutex;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Where lines go.
#[derive(Default)]
struct Target {
    /// Empty: standard output.
    file: String,
    syslog: bool,
}

static TARGET: Mutex<Target> = Mutex::new(Target { file: String::new(), syslog: false });
static LEVEL: AtomicU8 = AtomicU8::new(LogLevel::Notice as u8);
/// `M` primary, `S` replica, `C` a child that saves.
static ROLE: AtomicU8 = AtomicU8::new(b'M');

pub fn set_level(level: LogLevel) {
    LEVEL.store(level as u8, Relaxed);
}

pub fn set_role(role: u8) {
    ROLE.store(role, Relaxed);
}

/// Sends lines to this file; to standard output if the name is empty. Fails if the file cannot be opened.
pub fn set_file(path: &str) -> std::io::Result<()> {
    if !path.is_empty() {
        OpenOptions::new().create(true).append(true).open(path)?;
    }
    TARGET.lock().file = path.to_owned();
    Ok(())
}

/// Also sends lines to syslog, as `ident`, facility LOCAL0 + `facility`.
pub fn set_syslog(ident: &str, facility: u8) {
    if let Ok(ident) = CString::new(ident) {
        super::os::open_syslog(ident, facility);
        TARGET.lock().syslog = true;
    }
}

/// Writes one line, if its level is wanted.
pub fn write(level: LogLevel, text: &str) {
    if (level as u8) < LEVEL.load(Relaxed) {
        return;
    }
    let sign = ['.', '-', '*', '#'][level as usize & 3];
    let role = ROLE.load(Relaxed) as char;
    let line = format!("{}:{role} {} {sign} {text}\n", std::process::id(), stamp());
    let target = TARGET.lock();
    put(&target, &line);
    if target.syslog
        && let Ok(text) = CString::new(text)
    {
        super::os::syslog(level, &text);
    }
}

/// Writes text as it is.
pub fn raw(text: &str) {
    put(&TARGET.lock(), text);
}

fn put(target: &Target, line: &str) {
    // The file is opened anew for each line, as Redis does: whoever rotates it needs to tell nobody.
    let file = (!target.file.is_empty()).then(|| OpenOptions::new().create(true).append(true).open(&target.file));
    let _ = match file {
        Some(Ok(mut f)) => f.write_all(line.as_bytes()),
        // A log that cannot be written must not stop the server.
        Some(Err(_)) => Ok(()),
        None => std::io::stdout().write_all(line.as_bytes()),
    };
}

pub fn notice(text: &str) {
    write(LogLevel::Notice, text);
}

pub fn warning(text: &str) {
    write(LogLevel::Warning, text);
}

fn stamp() -> String {
    let now_ms = super::now_ms();
    let t = super::os::local_time(now_ms / 1000);
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS[t.tm_mon.clamp(0, 11) as usize];
    let ms = now_ms % 1000;
    format!("{:02} {month} {} {:02}:{:02}:{:02}.{ms:03}", t.tm_mday, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec)
}
