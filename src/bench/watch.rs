//! The server's side: INFO each second on a connection of its own, and what the figures say about slow seconds.

use super::{nodes::Node, tally::Second};
use crate::{
    client::{Addr, Conn, Target},
    resp::Value,
};
use std::{
    collections::HashMap,
    fs,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

const EACH: Duration = Duration::from_secs(1);
/// A server that does not answer INFO in this time has no figures for the second.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many times the usual p99 make a second slow, if it is at least so much more.
const SPIKE: f64 = 3.0;
const SPIKE_NS: u64 = 500_000;
/// Fewer keys than this expire at any time.
const MANY_EXPIRED: u64 = 100;

/// What the server said of itself.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// From the start of the run.
    pub at: Duration,
    /// CPU seconds of the server's process so far.
    pub cpu_s: Option<f64>,
    pub commands: u64,
    pub memory: u64,
    pub rss: u64,
    pub clients: u64,
    pub expired: u64,
    pub evicted: u64,
    pub hits: u64,
    pub misses: u64,
    pub saving: bool,
    pub rewriting: bool,
    pub loading: bool,
    pub last_save: u64,
    pub full_syncs: u64,
}

/// Asks until `stop`, and once more then.
pub fn watch(node: &Node, start: Instant, stop: &AtomicBool) -> Vec<Sample> {
    let (mut samples, mut conn) = (Vec::new(), None);
    let mut process = None;
    loop {
        let last = stop.load(Relaxed);
        if conn.is_none() {
            conn = open(&node.target);
        }
        let asked = Instant::now();
        match conn.as_mut().and_then(|conn| ask(conn, &node.target, &mut process)) {
            Some(sample) => samples.push(Sample { at: start.elapsed(), ..sample }),
            None => conn = None,
        }
        if last {
            return samples;
        }
        while !stop.load(Relaxed) && asked.elapsed() < EACH {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn open(target: &Target) -> Option<Conn> {
    let target = Target { connect_timeout: Some(PATIENCE), ..target.clone() };
    let stream = target.connect().ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut conn = Conn::new(stream);
    for (_, words) in target.handshake() {
        conn.ask(&words).ok()?;
    }
    Some(conn)
}

/// `process` is the server's number and whether it is one of this machine, once that is known.
fn ask(conn: &mut Conn, target: &Target, process: &mut Option<Option<u32>>) -> Option<Sample> {
    conn.send(&["INFO"]).ok()?;
    let reply = conn.read_within(PATIENCE).ok()??;
    let text = match &reply {
        Value::Error(_) => return None,
        reply => String::from_utf8_lossy(reply.text()?).into_owned(),
    };
    let fields: HashMap<&str, &str> = text.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let number = |name: &str| fields.get(name).and_then(|v| v.parse::<u64>().ok()).unwrap_or(0);
    let seconds = |name: &str| fields.get(name).and_then(|v| v.parse::<f64>().ok());
    let own = *process.get_or_insert_with(|| {
        let local = match &target.addr {
            Addr::Unix(_) => true,
            Addr::Tcp { host, .. } => {
                host == "localhost" || host.starts_with("127.") || host.trim_matches(['[', ']']) == "::1"
            }
        };
        u32::try_from(number("process_id")).ok().filter(|pid| local && *pid > 0 && cpu_of(*pid).is_some())
    });
    Some(Sample {
        at: Duration::ZERO,
        // The kernel's account of a process of this machine; else what the server says.
        cpu_s: own.and_then(cpu_of).or_else(|| Some(seconds("used_cpu_user")? + seconds("used_cpu_sys")?)),
        commands: number("total_commands_processed"),
        memory: number("used_memory"),
        rss: number("used_memory_rss"),
        clients: number("connected_clients"),
        expired: number("expired_keys"),
        evicted: number("evicted_keys"),
        hits: number("keyspace_hits"),
        misses: number("keyspace_misses"),
        saving: number("rdb_bgsave_in_progress") > 0,
        rewriting: number("aof_rewrite_in_progress") > 0,
        loading: number("loading") > 0,
        last_save: number("rdb_last_save_time"),
        full_syncs: number("sync_full"),
    })
}

/// CPU seconds of a process, all threads.
fn cpu_of(pid: u32) -> Option<f64> {
    // Nanoseconds of each thread that lives, where the kernel keeps them; its ticks are a hundredth of a second.
    let of = |task: fs::DirEntry| -> Option<u64> {
        fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    // One that ends at this moment is passed over.
    let all = fs::read_dir(format!("/proc/{pid}/task")).ok()?.filter_map(Result::ok).filter_map(of);
    let ns = all.reduce(|sum, one| sum + one)?;
    Some(ns as f64 / 1e9)
}

/// CPU microseconds of the server for each command that it counted, over the whole run.
pub fn cpu_per_request(samples: &[Sample]) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    let commands = last.commands.checked_sub(first.commands).filter(|n| *n > 0)?;
    let cpu = last.cpu_s? - first.cpu_s?;
    (cpu >= 0.0).then(|| cpu * 1e6 / commands as f64)
}

/// A slow second, and what else went on in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spike {
    pub second: usize,
    pub p99_ns: u64,
    pub labels: Vec<&'static str>,
}

/// Seconds whose p99 stands out; the run's first sample is at `began`.
pub fn spikes(seconds: &[Second], samples: &[Sample], began: Duration) -> Vec<Spike> {
    let all: Vec<u64> = seconds.iter().map(|s| s.response.value_at_percentile(99.0)).collect();
    let mut sorted: Vec<u64> = all.iter().copied().filter(|ns| *ns > 0).collect();
    sorted.sort_unstable();
    let Some(usual) = sorted.get(sorted.len() / 2).copied() else { return Vec::new() };
    let mut found = Vec::new();
    for (second, p99) in all.iter().enumerate() {
        let stopped = *p99 == 0 && seconds[second].requests() == 0 && second + 1 < seconds.len();
        if stopped || (*p99 as f64 > SPIKE * usual as f64 && *p99 > usual + SPIKE_NS) {
            let mut labels = labels(samples, began + Duration::from_secs(second as u64));
            if seconds[second].late * 20 > seconds[second].requests() {
                labels.push("load generator late");
            }
            found.push(Spike { second, p99_ns: *p99, labels });
        }
    }
    found
}

fn labels(samples: &[Sample], from: Duration) -> Vec<&'static str> {
    let to = from + EACH;
    // The samples around the second, with one before and one behind.
    let first = samples.iter().rposition(|s| s.at <= from).unwrap_or(0);
    let last = samples.iter().position(|s| s.at >= to).unwrap_or(samples.len().saturating_sub(1));
    let Some(around) = samples.get(first..=last).filter(|around| !around.is_empty()) else { return Vec::new() };
    let (a, b) = (&around[0], &around[around.len() - 1]);
    let any = |what: fn(&Sample) -> bool| around.iter().any(what);
    let grew = |what: fn(&Sample) -> u64| what(b).saturating_sub(what(a));
    [
        ("save", any(|s| s.saving) || grew(|s| s.last_save) > 0),
        ("rewrite", any(|s| s.rewriting)),
        ("loading", any(|s| s.loading)),
        ("full sync", grew(|s| s.full_syncs) > 0),
        ("expiry", grew(|s| s.expired) >= MANY_EXPIRED),
        ("eviction", grew(|s| s.evicted) > 0),
        ("restart", b.commands < a.commands),
    ]
    .into_iter()
    .filter_map(|(name, so)| so.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_seconds_are_found_and_named() {
        let second = |ms: u64| {
            let mut s = Second::default();
            s.record(ms * 1_000_000, 100);
            s
        };
        let seconds = [second(1), second(1), second(20), second(1), Second::default(), second(1)];
        let sample = |at: u64, saving, expired, last_save| Sample {
            at: Duration::from_millis(at * 1000 + 100),
            saving,
            expired,
            last_save,
            commands: at * 1000,
            ..Sample::default()
        };
        let samples: Vec<Sample> = (0..7).map(|at| sample(at, at == 2, if at > 4 { 500 } else { 0 }, 7)).collect();
        let found = spikes(&seconds, &samples, Duration::from_millis(100));
        assert_eq!(
            found.iter().map(|s| (s.second, s.labels.clone())).collect::<Vec<_>>(),
            [(2, vec!["save"]), (4, vec!["expiry"])]
        );
        assert!(spikes(&seconds[..2], &[], Duration::ZERO).is_empty() && spikes(&[], &[], Duration::ZERO).is_empty());
        assert!(spikes(&seconds, &[], Duration::ZERO)[0].labels.is_empty());
    }

    #[test]
    fn cpu_a_request() {
        let sample = |cpu_s, commands| Sample { cpu_s, commands, ..Sample::default() };
        assert_eq!(cpu_per_request(&[sample(Some(1.0), 0), sample(Some(3.0), 1_000_000)]), Some(2.0));
        assert_eq!(cpu_per_request(&[sample(Some(1.0), 5), sample(Some(3.0), 5)]), None);
        assert_eq!(cpu_per_request(&[sample(None, 0), sample(Some(3.0), 5)]), None);
        assert!(cpu_of(std::process::id()).is_some_and(|s| s > 0.0));
    }
}
