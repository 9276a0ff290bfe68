//! The operating system's readings (clock, memory, processor time), and everything else that is asked of libc itself.
//!
//! `unsafe`: all of the server's calls into libc. Most fill a struct which is valid when all its bytes are zero.

use crate::engine::os::{Cpu, Os};
use crate::engine::{Crash, LogLevel};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ffi::{CStr, CString, c_char};
use std::io::{self, Read};
use std::sync::OnceLock;
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
pub fn crash(how: Crash) {
    match how {
        Crash::Panic(why) => panic!("{why}"),
        Crash::StackOverflow => {
            std::hint::black_box(descend(1));
        }
        // SAFETY: raises the signal in this thread; whoever handles it ends the process.
        Crash::Segfault => unsafe {
            libc::raise(libc::SIGSEGV);
        },
        Crash::OutOfMemory => abort(),
    }
}

/// Goes down for ever.
#[inline(never)]
#[allow(unconditional_recursion)]
fn descend(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    descend(room[63] + 1) + std::hint::black_box(room)[0]
}

/// Ends the process by SIGABRT, unhandled: systems that want to keep an image of it do so.
pub fn abort() -> ! {
    // SAFETY: restores the default action.
    unsafe { libc::signal(libc::SIGABRT, libc::SIG_DFL) };
    std::process::abort()
}

/// Ends the process after so many seconds, whatever it does then.
pub fn end_after(seconds: u32) {
    // SAFETY: the default action of SIGALRM ends the process; the calls have no preconditions.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(seconds);
    }
}

static REPORT: OnceLock<fn(i32, usize)> = OnceLock::new();

/// Has `report` called with the signal and, for a bad access, its address, before a signal ends the process that says that the
/// program is broken.
pub fn on_fatal_signal(report: fn(i32, usize)) {
    let _ = REPORT.set(report);
    // SAFETY: zeros are a valid sigaction, whose fields are set; the handler lives as long as the program. It does more than
    // handlers should, as Redis's does: the process is lost anyway, and an alarm ends it if it hangs.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_RESETHAND | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// Starts a thread that can still report how it ended when its own stack is full.
pub fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<std::thread::JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _stack = SignalStack::install();
        run()
    })
}

/// Where fatal signals of this thread are handled. The one that the standard library provides is too small for a report. Memory
/// is only taken when it is written to.
pub struct SignalStack {
    memory: *mut libc::c_void,
    before: libc::stack_t,
}

impl SignalStack {
    const BYTES: usize = 1 << 20;

    /// `None` if the system does not let us: then reports are made where there is room.
    pub fn install() -> Option<SignalStack> {
        // SAFETY: fresh memory becomes the stack for signals of this thread, and stays until it is no longer that.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let memory =
                libc::mmap(std::ptr::null_mut(), Self::BYTES, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            if memory == libc::MAP_FAILED {
                return None;
            }
            let mut before: libc::stack_t = std::mem::zeroed();
            let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: Self::BYTES };
            if libc::sigaltstack(&stack, &mut before) != 0 {
                libc::munmap(memory, Self::BYTES);
                return None;
            }
            Some(SignalStack { memory, before })
        }
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        // SAFETY: the thread that installed it goes back to what it had, so nobody uses the memory any more.
        unsafe {
            if libc::sigaltstack(&self.before, std::ptr::null_mut()) == 0 {
                libc::munmap(self.memory, Self::BYTES);
            }
        }
    }
}

extern "C" fn handle(signal: i32, about: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let bad_access = signal == libc::SIGSEGV || signal == libc::SIGBUS;
    // SAFETY: the kernel hands in a valid siginfo.
    let address = unsafe { if bad_access && (*about).si_code > 0 { (*about).si_addr() as usize } else { 0 } };
    if let Some(report) = REPORT.get() {
        report(signal, address);
    }
    // SAFETY: the default action was restored when this was called, so this ends the process.
    unsafe {
        libc::raise(signal);
    }
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

/// Goes into the background. Must be called before any thread is started. Whoever started the process sees it end when its
/// child has a session of its own: from then on what befalls a terminal does not reach it.
pub fn daemonize() -> io::Result<()> {
    let (mut told, teller) = io::pipe()?;
    // SAFETY: one thread, so the child may go on as any process.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        _ => {
            drop(teller);
            // Nothing is ever said: the child lets go of its end, or has ended.
            let _ = told.read(&mut [0]);
            // SAFETY: ends the process and nothing else: what is to be done at an exit is the child's.
            unsafe { libc::_exit(0) }
        }
    }
    rustix::process::setsid()?;
    if let Ok(null) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null") {
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
    }
    drop(teller);
    Ok(())
}

/// Raises the limit of open files to `wanted`, or as far as the system lets us. Returns the limit there is now.
pub fn raise_descriptor_limit(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let Some(now) = limit.current.filter(|now| *now < wanted) else { return wanted };
    // Root may raise the hard limit too; others get as far as it goes.
    let tries = match limit.maximum {
        Some(hard) => [(wanted, Some(wanted.max(hard))), (wanted.min(hard), Some(hard))],
        None => [(wanted, None); 2],
    };
    for (soft, maximum) in tries {
        if setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum }).is_ok() {
            return soft;
        }
    }
    now
}

/// The files that fit a pattern, in the order of their names.
pub fn glob(pattern: &str) -> Result<Vec<String>, String> {
    let pattern = CString::new(pattern).map_err(|_| "a NUL byte in a path".to_owned())?;
    // SAFETY: an all-zero glob_t is what glob() expects; its strings live until globfree, and we copy them before.
    unsafe {
        let mut found: libc::glob_t = std::mem::zeroed();
        let code = libc::glob(pattern.as_ptr(), 0, None, &mut found);
        let count = if code == 0 { found.gl_pathc } else { 0 };
        let paths = (0..count).map(|i| CStr::from_ptr(*found.gl_pathv.add(i)).to_string_lossy().into_owned());
        let paths: Vec<String> = paths.collect();
        libc::globfree(&mut found);
        match code {
            0 | libc::GLOB_NOMATCH => Ok(paths),
            _ => Err("cannot list the files that fit".to_owned()),
        }
    }
}

/// Opens the way to syslog, as `ident`, facility LOCAL0 + `facility`. Once or twice in a process's life.
pub fn open_syslog(ident: CString, facility: u8) {
    // SAFETY: openlog keeps the pointer, so the string is leaked.
    unsafe {
        libc::openlog(
            ident.into_raw(),
            libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT,
            libc::LOG_LOCAL0 + (i32::from(facility) << 3),
        );
    }
}

pub fn syslog(level: LogLevel, text: &CStr) {
    let priority = [libc::LOG_DEBUG, libc::LOG_INFO, libc::LOG_NOTICE, libc::LOG_WARNING][level as usize & 3];
    // SAFETY: both strings end in NUL, and the format takes exactly one string.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
}

/// A moment in the local time zone.
pub fn local_time(seconds: i64) -> libc::tm {
    let seconds = seconds as libc::time_t;
    // SAFETY: localtime_r fills the struct that it is given; all-zero is a valid one.
    unsafe {
        let mut t: libc::tm = std::mem::zeroed();
        libc::localtime_r(&seconds, &mut t);
        t
    }
}
