//! A program with a real pseudo-terminal before it: keys go in, what it writes comes out.

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use super::PATIENCE;

pub struct Pty {
    keys: File,
    seen: Receiver<Vec<u8>>,
    pub child: Child,
}

impl Pty {
    /// Starts a program with all three streams at a terminal of so many rows and columns.
    pub fn start(mut command: Command, rows: u16, columns: u16) -> Pty {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a pseudo-terminal");
        let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("its name");
        let side = || OpenOptions::new().read(true).write(true).open(&name).expect("the other side");
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("a size");
        command.stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().expect("a program");
        let keys = File::from(master);
        let mut reader = keys.try_clone().expect("a second handle");
        let (send, seen) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            // The last handle of the other side closes with an error.
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                if send.send(chunk[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Pty { keys, seen, child }
    }

    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Ctrl-C, where the terminal would make a signal of it.
    pub fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a signal");
    }

    /// By when something has to have come.
    pub fn deadline() -> Instant {
        Instant::now() + PATIENCE
    }

    /// What comes next; `None` if nothing does by then.
    pub fn next(&self, deadline: Instant) -> Option<Vec<u8>> {
        self.seen.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }

    /// All that comes until the program ends, and whether it ended well.
    pub fn rest(mut self) -> (Vec<u8>, bool) {
        let mut all = Vec::new();
        while let Ok(more) = self.seen.recv() {
            all.extend(more);
        }
        let status = self.child.wait().expect("an end");
        (all, status.success())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
