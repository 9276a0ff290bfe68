//! One test on all its threads; meanwhile the one that asked shows progress, and another asks the server how it fares.

use super::{
    PROGRESS,
    load::{Shared, Thread},
    nodes::Node,
    report::{own_cpu, thread_cpu},
    schedule::Schedule,
    suite::Work,
    tally::{Second, Tally},
    watch::{self, Sample, Spike},
};
use crate::args::bench::Options;
use std::{
    io::{self, Write},
    sync::{
        Barrier, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// A thread that used so much of its time is what the figures are about.
const BUSY: f64 = 0.9;

/// What came of a test.
pub struct Outcome {
    pub title: String,
    pub finished: u64,
    /// When its first request went out, on the clock of `samples`.
    pub began: Duration,
    pub took: Duration,
    /// CPU time of the load generator itself.
    pub own_cpu: Duration,
    pub threads: usize,
    pub clients: usize,
    pub pipeline: usize,
    pub tally: Tally,
    /// The names of the tally's kinds.
    pub labels: Vec<String>,
    pub seconds: Vec<Second>,
    pub samples: Vec<Sample>,
    pub spikes: Vec<Spike>,
    pub rate: Option<f64>,
    /// Of several runs of the same test.
    pub run: u32,
    /// What the user should know of a capture, or of the run.
    pub notes: Vec<String>,
}

impl Outcome {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.finished as f64 / self.took.as_secs_f64().max(1e-9)
    }

    /// Of the CPU time that the sending threads could have had, the part that they used.
    pub fn own_share(&self) -> f64 {
        self.tally.cpu.as_secs_f64() / self.took.as_secs_f64().max(1e-9) / self.threads as f64
    }

    /// True if the load generator, and not the server, may have been the limit. In the open loop it watches the clock
    /// and is always busy: there late sends tell.
    pub fn is_bottleneck(&self) -> bool {
        match self.rate {
            None => self.own_share() > BUSY && self.took > Duration::from_millis(100),
            Some(_) => self.tally.late * 100 > self.finished && self.tally.unsent == 0 && self.server_kept_up(),
        }
    }

    /// In the open loop: whoever was sent to answered at once.
    fn server_kept_up(&self) -> bool {
        let p99 = |h: &hdrhistogram::Histogram<u64>| h.value_at_percentile(99.0);
        self.tally.service.as_ref().is_some_and(|service| p99(service) * 2 < p99(&self.tally.response))
    }
}

pub struct Runner<'a> {
    pub nodes: &'a [Node],
    /// Errors end the run.
    pub fatal: bool,
    /// The last pipeline is cut so that no request is sent too many.
    pub exact: bool,
    /// The server is asked for INFO each second.
    pub watched: bool,
}

impl Runner<'_> {
    /// Runs one test. `show` is called a few times a second.
    pub fn run(
        &self,
        title: &str,
        work: &Work,
        o: &Options,
        show: &mut dyn FnMut(&Shared<'_>, Duration),
    ) -> Result<Outcome, String> {
        let threads = o.threads.unwrap_or(1).min(o.clients).max(1);
        let mut shared = Shared::new(o, work, self.nodes, self.fatal, self.exact);
        shared.start = Instant::now();
        let shared = &shared;
        let running = (Mutex::new(threads), Condvar::new());
        // Connections first: their making is no part of what is measured.
        let ready = Barrier::new(threads + 1);
        let cpu_before = own_cpu();
        let open = o.rate.is_some() || work.is_replay();
        let mut tally = Tally::new(o.precision, open, work.labels().len());
        let (mut failed, mut began, mut took) = (None, Duration::ZERO, Duration::ZERO);
        let (watched, watcher_stop) = (self.watched.then(|| self.nodes.first()).flatten(), AtomicBool::new(false));
        let mut samples = Vec::new();
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads)
                .map(|number| {
                    let (running, ready) = (&running, &ready);
                    scope.spawn(move || {
                        let done = thread(shared, number, threads, ready);
                        if done.is_err() {
                            shared.stop.store(true, Relaxed);
                        }
                        *running.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
                        running.1.notify_all();
                        done
                    })
                })
                .collect();
            ready.wait();
            began = shared.start.elapsed();
            let watcher = watched.map(|node| {
                let stop = &watcher_stop;
                scope.spawn(move || watch::watch(node, shared.start, stop))
            });
            let mut left = running.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut wait = Duration::from_millis(1);
            while *left > 0 {
                let (lock, timed) = running.1.wait_timeout(left, wait).unwrap_or_else(PoisonError::into_inner);
                left = lock;
                if *left > 0 && timed.timed_out() {
                    show(shared, shared.start.elapsed() - began);
                    wait = PROGRESS;
                }
            }
            drop(left);
            took = shared.start.elapsed() - began;
            watcher_stop.store(true, Relaxed);
            for handle in handles {
                match handle.join() {
                    Ok(Ok(one)) => tally.add(one),
                    Ok(Err(sentence)) => failed = failed.take().or(Some(sentence)),
                    Err(_) => failed = Some("A thread failed".into()),
                }
            }
            samples = watcher.and_then(|watcher| watcher.join().ok()).unwrap_or_default();
        });
        let _ = io::stdout().flush();
        if let Some(sentence) = failed {
            return Err(sentence);
        }
        // The threads' own clocks: the one that waits for them may have been held up before and after.
        if let Some((first, last)) = tally.span_ns {
            (began, took) = (Duration::from_nanos(first), Duration::from_nanos(last.saturating_sub(first)));
        }
        let seconds = std::mem::take(&mut *shared.seconds.lock().unwrap_or_else(PoisonError::into_inner));
        let mut notes = Vec::new();
        if let Work::Replay(replay) = work {
            notes.push(format!(
                "{} commands of {} clients over {:.3} seconds; left out: {}",
                replay.len(),
                replay.clients,
                replay.length.as_secs_f64(),
                replay.left_out
            ));
        }
        Ok(Outcome {
            title: title.to_owned(),
            finished: shared.finished.load(Relaxed),
            began,
            took,
            own_cpu: own_cpu().saturating_sub(cpu_before),
            threads,
            clients: o.clients,
            pipeline: o.pipeline,
            tally,
            labels: work.labels().to_vec(),
            spikes: watch::spikes(&seconds, &samples, began),
            seconds,
            samples,
            rate: o.rate,
            run: 1,
            notes,
        })
    }
}

fn thread(shared: &Shared<'_>, number: usize, threads: usize, ready: &Barrier) -> Result<Tally, String> {
    let o = shared.options;
    let clients = o.clients / threads + usize::from(number < o.clients % threads);
    let thread = Thread::new(shared, clients, number, threads);
    ready.wait();
    let (began_ns, cpu_before) = (shared.now(), thread_cpu());
    let thread = thread?;
    let mut tally = match (shared.work, o.rate) {
        (Work::Replay(replay), _) => thread.replay(replay, o.speed, number, threads),
        (_, None) => thread.closed(),
        (_, Some(rate)) => {
            let offset = number as f64 / threads as f64;
            let seed = o.seed.unwrap_or_else(crate::base::rng::entropy_u64) ^ (number as u64) << 32;
            thread.open(Schedule::new(rate / threads as f64, o.arrivals, offset, seed))
        }
    }?;
    tally.cpu = thread_cpu().saturating_sub(cpu_before);
    tally.span_ns = Some((began_ns, shared.now()));
    Ok(tally)
}
