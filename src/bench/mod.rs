//! `rustredis bench`: a load generator. Started as `redis-benchmark` it is that program, with its flags and outputs; what
//! it can do beyond is told in `--help`.
//!
//! Two clocks. The closed loop answers each reply with the next request, as redis-benchmark does: a server that stalls
//! stalls the questions too. The open loop (`--rate`) sends when requests are due, and counts from then: what a client of
//! the server would have waited. Beside that stands the service time, from when a request did go out.

mod load;
mod nodes;
mod replies;
mod report;
mod request;
mod schedule;
mod suite;
mod tally;

use crate::{
    args::bench::{self as flags, Asked, Options},
    engine::config::REDIS_VERSION,
};
use load::{Node, Shared, Thread};
use report::{Outcome, Report};
use schedule::Schedule;
use std::{
    ffi::OsString,
    io::{self, Read, Write},
    process::ExitCode,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tally::Tally;

/// How often the line of progress is written.
const PROGRESS: Duration = Duration::from_millis(250);

/// Runs the load generator with the words behind its name.
pub fn run(words: Vec<OsString>, program: &str) -> ExitCode {
    let done = match flags::parse(words) {
        Asked::Version => {
            report::print(&format!("{} {REDIS_VERSION}\n", program.rsplit(' ').next().unwrap_or(program)))
        }
        Asked::Help => report::print(&flags::usage(program, &suite::names())),
        Asked::Wrong(sentence) => Err(sentence),
        Asked::Unknown(sentence) => {
            let _ = report::print(&format!("{sentence}\n\n{}", flags::usage(program, &suite::names())));
            return ExitCode::FAILURE;
        }
        Asked::Run(options) => start(*options, program == "redis-benchmark"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// `as_peer`: errors are fatal, as they are for redis-benchmark.
fn start(options: Options, as_peer: bool) -> Result<(), String> {
    if options.errors_flag {
        eprintln!("WARNING: -e option has no effect. We now immediately exit on error to avoid false results.");
    }
    if !options.keep_alive {
        eprintln!(
            "WARNING: Keepalive disabled. You probably need 'echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse' for Linux and \
             'sudo sysctl -w net.inet.tcp.msl=1000' for Mac OS X in order to use a lot of clients/requests"
        );
    }
    let nodes = if options.cluster {
        nodes::of_cluster(&options.target)?
    } else {
        vec![Node { target: options.target.clone(), tags: Vec::new() }]
    };
    if options.idle {
        return idle(&options, &nodes);
    }
    let stdin = match options.stdin_last && !options.words.is_empty() {
        true => {
            let mut all = Vec::new();
            io::stdin().lock().read_to_end(&mut all).map_err(|e| crate::client::reason(&e))?;
            Some(all)
        }
        false => None,
    };
    let configs = nodes::configurations(&options, &nodes);
    let report = Report { options: &options, configs, nodes: nodes.len() };
    let tests = suite::chosen(&options, stdin);
    report.begin()?;
    let mut outcomes = Vec::new();
    loop {
        for test in &tests {
            let mut test_options = options.clone();
            if !options.words.is_empty() {
                // As redis-benchmark: a command's payload is all of it.
                test_options.data_size = test.template.bytes.len();
            }
            let fatal = options.fatal_errors.unwrap_or(as_peer);
            let outcome = measure(&report, test, &nodes, fatal)?;
            report.test(&outcome, test_options.data_size)?;
            if options.json && !options.looping {
                outcomes.push(outcome);
            }
        }
        if !options.looping || tests.is_empty() {
            break;
        }
    }
    report.end(&outcomes)
}

fn idle(options: &Options, nodes: &[Node]) -> Result<(), String> {
    println!("Creating {} idle connections and waiting forever (Ctrl+C when done)", options.clients);
    let mut open = Vec::new();
    for at in 0..options.clients {
        let target = &nodes[at % nodes.len()].target;
        open.push(target.open().map_err(|e| format!("Could not connect to Redis at {}: {e}", target.addr))?);
    }
    loop {
        report::print(&format!("clients: {}\r", open.len()))?;
        std::thread::sleep(PROGRESS);
    }
}

/// Runs one test on all its threads; meanwhile this one shows progress.
fn measure<'a>(report: &Report<'_>, test: &'a suite::Test, nodes: &[Node], fatal: bool) -> Result<Outcome<'a>, String> {
    let o = report.options;
    let threads = o.threads.unwrap_or(1).min(o.clients).max(1);
    let mut shared = Shared {
        options: o,
        template: &test.template,
        nodes,
        start: Instant::now(),
        fatal,
        seconds: o.json,
        issued: AtomicU64::new(0),
        finished: AtomicU64::new(0),
        latency_sum: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    };
    let running = (Mutex::new(threads), Condvar::new());
    // Connections first: their making is no part of what is measured.
    let ready = std::sync::Barrier::new(threads + 1);
    let cpu_before = report::own_cpu();
    shared.start = Instant::now();
    let shared = &shared;
    let mut tally = Tally::new(o.precision, o.rate.is_some());
    let mut failed = None;
    let mut began = Duration::ZERO;
    let mut took = Duration::ZERO;
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|number| {
                let (running, ready) = (&running, &ready);
                scope.spawn(move || {
                    let clients = o.clients / threads + usize::from(number < o.clients % threads);
                    let thread = Thread::new(shared, clients, number);
                    ready.wait();
                    let done = thread.and_then(|thread| match o.rate {
                        None => thread.closed(),
                        Some(rate) => {
                            let offset = number as f64 / threads as f64;
                            let seed = o.seed.unwrap_or_else(crate::base::rng::entropy_u64) ^ (number as u64) << 32;
                            thread.open(Schedule::new(rate / threads as f64, o.arrivals, offset, seed))
                        }
                    });
                    if done.is_err() {
                        shared.stop.store(true, Relaxed);
                    }
                    *running.0.lock().unwrap_or_else(|p| p.into_inner()) -= 1;
                    running.1.notify_all();
                    done
                })
            })
            .collect();
        ready.wait();
        began = shared.start.elapsed();
        let mut left = running.0.lock().unwrap_or_else(|p| p.into_inner());
        let mut progress = report.progress(&test.title);
        let mut wait = Duration::from_millis(1);
        while *left > 0 {
            let (lock, timed) = running.1.wait_timeout(left, wait).unwrap_or_else(|p| p.into_inner());
            left = lock;
            if *left > 0 && timed.timed_out() {
                progress.show(
                    shared.finished.load(Relaxed),
                    shared.latency_sum.load(Relaxed),
                    shared.start.elapsed() - began,
                );
                wait = PROGRESS;
            }
        }
        drop(left);
        took = shared.start.elapsed() - began;
        for handle in handles {
            match handle.join() {
                Ok(Ok(one)) => tally.add(one),
                Ok(Err(sentence)) => failed = failed.take().or(Some(sentence)),
                Err(_) => failed = Some("A thread failed".into()),
            }
        }
    });
    let _ = io::stdout().flush();
    match failed {
        Some(sentence) => Err(sentence),
        None => Ok(Outcome {
            title: &test.title,
            finished: shared.finished.load(Relaxed),
            took,
            own_cpu: report::own_cpu().saturating_sub(cpu_before),
            tally,
        }),
    }
}
