//! The script that runs at this moment, as others see it: since when, whether it overruns its time, whether it wrote, and
//! whether somebody wants it to stop.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

#[derive(Default)]
pub struct Running {
    active: AtomicBool,
    /// It has taken longer than `busy-reply-threshold`: others get BUSY.
    overrun: AtomicBool,
    wrote: AtomicBool,
    stop: AtomicBool,
    /// The server is about to end: the script may end wherever it is.
    quit: AtomicBool,
    /// Written when the script is first looked at, which is after a while.
    about: Mutex<About>,
}

#[derive(Default, Clone)]
pub struct About {
    pub started: Option<Instant>,
    /// A function, not a script.
    pub is_function: bool,
    /// Of functions: the name and the words of the command.
    pub name: String,
    pub words: Vec<Vec<u8>>,
}

/// What became of the wish to stop a script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kill {
    Stopping,
    NothingRuns,
    /// It has written: stopping it would leave half of its work.
    Wrote,
    /// A function where a script was meant, or the other way round.
    OtherKind,
}

impl Running {
    pub fn begin(&self, is_function: bool) {
        for flag in [&self.overrun, &self.wrote, &self.stop] {
            if flag.load(Relaxed) {
                flag.store(false, Relaxed);
            }
        }
        if is_function {
            self.about.lock().is_function = true;
        }
        self.active.store(true, Relaxed);
    }

    pub fn end(&self) {
        self.active.store(false, Relaxed);
        self.overrun.store(false, Relaxed);
        let mut about = self.about.lock();
        if about.started.is_some() || about.is_function {
            *about = About::default();
        }
    }

    pub fn note_write(&self) {
        self.wrote.store(true, Relaxed);
    }

    pub fn has_written(&self) -> bool {
        self.wrote.load(Relaxed)
    }

    /// The script that runs was looked at: since when it is known to run.
    pub fn since(&self) -> Instant {
        *self.about.lock().started.get_or_insert_with(Instant::now)
    }

    pub fn describe(&self, name: &str, words: crate::resp::Args<'_>) {
        let mut about = self.about.lock();
        name.clone_into(&mut about.name);
        about.words = words.to_vecs();
    }

    pub fn about(&self) -> Option<About> {
        self.active.load(Relaxed).then(|| self.about.lock().clone())
    }

    pub fn overruns(&self) -> bool {
        self.overrun.load(Relaxed)
    }

    pub fn set_overrun(&self) {
        self.overrun.store(true, Relaxed);
    }

    pub fn should_stop(&self) -> bool {
        self.stop.load(Relaxed) || self.quit.load(Relaxed)
    }

    /// SHUTDOWN: whatever runs ends.
    pub fn quit(&self) {
        self.quit.store(true, Relaxed);
    }

    /// SCRIPT KILL and FUNCTION KILL.
    pub fn kill(&self, function: bool) -> Kill {
        if !self.overruns() {
            return Kill::NothingRuns;
        }
        if self.has_written() {
            return Kill::Wrote;
        }
        if self.about.lock().is_function != function {
            return Kill::OtherKind;
        }
        self.stop.store(true, Relaxed);
        Kill::Stopping
    }
}
