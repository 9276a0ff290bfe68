//! The operating system's readings: clock, memory, processor time.
//!
//! `unsafe`: calls into libc that fill a struct which is valid when all its bytes are zero.

use crate::engine::Crash;
use crate::engine::os::{Cpu, Os};
use std::ffi::{CStr, c_char};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// This process, on this machine.
pub struct ThisProcess;

impl Os for ThisProcess {
    fn now_us(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
    }

    fn resident_bytes(&self) -> u64 {
        // Linux: pages in the second field. Elsewhere the peak has to do.
        let pages =
            std::fs::read_to_string("/proc/self/statm").ok().and_then(|s| s.split(' ').nth(1)?.parse::<u64>().ok());
        match pages {
            Some(pages) => pages * page_bytes(),
            None => usage(libc::RUSAGE_SELF).ru_maxrss.max(0) as u64,
        }
    }

    fn total_memory_bytes(&self) -> u64 {
        // SAFETY: asks for a number.
        let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
        pages.max(0) as u64 * page_bytes()
    }

    fn cpu(&self) -> Cpu {
        let (me, children) = (usage(libc::RUSAGE_SELF), usage(libc::RUSAGE_CHILDREN));
        #[cfg(target_os = "linux")]
        let thread = usage(libc::RUSAGE_THREAD);
        #[cfg(not(target_os = "linux"))]
        let thread = me;
        Cpu {
            system_us: micros(me.ru_stime),
            user_us: micros(me.ru_utime),
            children_system_us: micros(children.ru_stime),
            children_user_us: micros(children.ru_utime),
            thread_system_us: micros(thread.ru_stime),
            thread_user_us: micros(thread.ru_utime),
        }
    }

    fn name(&self) -> String {
        // SAFETY: zeros are a valid utsname, which uname fills with C strings.
        let names = unsafe {
            let mut names: libc::utsname = std::mem::zeroed();
            libc::uname(&mut names);
            names
        };
        format!("{} {} {}", text(&names.sysname), text(&names.release), text(&names.machine))
    }

    fn process_id(&self) -> u32 {
        std::process::id()
    }

    fn executable(&self) -> String {
        std::env::current_exe().map_or_else(|_| String::new(), |p| p.display().to_string())
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Ends the process as a crash of this kind would.
pub fn crash(how: Crash) -> ! {
    if how == Crash::Segfault {
        // SAFETY: restores the default action, then raises the signal in this thread.
        unsafe {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
            libc::raise(libc::SIGSEGV);
        }
    }
    std::process::abort()
}

fn page_bytes() -> u64 {
    // SAFETY: asks for a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(0) as u64
}

fn usage(of: i32) -> libc::rusage {
    // SAFETY: zeros are a valid rusage, which getrusage fills.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(of, &mut usage);
        usage
    }
}

// The microseconds' type differs between systems.
#[allow(clippy::useless_conversion)]
fn micros(t: libc::timeval) -> i64 {
    t.tv_sec * 1_000_000 + i64::from(t.tv_usec)
}

fn text(name: &[c_char]) -> String {
    let bytes: Vec<u8> = name.iter().map(|c| *c as u8).collect();
    CStr::from_bytes_until_nul(&bytes).map_or_else(|_| String::new(), |s| s.to_string_lossy().into_owned())
}
