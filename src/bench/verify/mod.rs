//! `--verify`: does the server remember what it said it had done? Each connection owns its keys: it writes values that tell
//! their key and version and check themselves, and counters that only rise; it reads them back, now and after every break
//! of the connection. What was acknowledged and is gone is lost; what is neither the last nor the one on its way is wrong.

mod keys;

use super::{nodes::shut_out, report::print};
use crate::{
    args::bench::Options,
    base::rng::Rng,
    client::{Conn, Error, Target},
    resp::Value,
};
use keys::{Found, Owned};
use serde_json::json;
use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Keys and counters of each connection.
const KEYS: u64 = 100;
const AGAIN: Duration = Duration::from_millis(10);
/// A reply that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// Without service for so long, the run ends.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Faults told one by one.
const MOST_TOLD: usize = 20;

/// What all connections found.
#[derive(Default)]
struct Ledger {
    writes: AtomicU64,
    reads: AtomicU64,
    lost: AtomicU64,
    wrong: AtomicU64,
    refused: AtomicU64,
    breaks: AtomicU64,
    stop: AtomicBool,
    told: Mutex<Vec<String>>,
    /// Nanoseconds since the start at which anybody was served last, and the longest time between.
    served: AtomicU64,
    gap: AtomicU64,
    gaps: Mutex<Vec<(f64, f64)>>,
}

/// Longer than this between any two replies is time without service.
const GAP_NS: u64 = 100_000_000;

impl Ledger {
    fn served(&self, start: Instant) {
        let now = start.elapsed().as_nanos() as u64;
        let before = self.served.fetch_max(now, Relaxed);
        let gap = now.saturating_sub(before);
        if before > 0 && gap > GAP_NS {
            self.gap.fetch_max(gap, Relaxed);
            let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
            gaps.push((before as f64 / 1e9, gap as f64 / 1e9));
        }
    }

    fn found(&self, found: Found) {
        let (n, sentence) = match found {
            Found::Right => return,
            Found::Lost { writes, sentence } => {
                self.lost.fetch_add(writes, Relaxed);
                (writes, format!("lost: {sentence}"))
            }
            Found::Wrong(sentence) => {
                self.wrong.fetch_add(1, Relaxed);
                (1, format!("wrong: {sentence}"))
            }
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if n > 0 && told.len() < MOST_TOLD {
            told.push(sentence);
        }
    }
}

pub fn run(o: &Options) -> Result<ExitCode, String> {
    let places: Vec<Target> = std::iter::once(o.target.clone()).chain(o.also.iter().cloned()).collect();
    // One that refuses everything would be taken for one without service.
    let asked = open(&places[0]).and_then(|mut conn| conn.ask(&["PING"]));
    if let Ok(Value::Error(text)) | Err(Error::Refused(text)) = &asked
        && let Some(sentence) = shut_out(&places[0], text)
    {
        return Err(sentence);
    }
    let ledger = Ledger::default();
    let start = Instant::now();
    let issued = AtomicU64::new(0);
    // Keys of another run must not be taken for ours.
    let run = o.seed.unwrap_or_else(crate::base::rng::entropy_u64);
    let failed: Vec<String> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..o.clients)
            .map(|number| {
                let (places, ledger, issued) = (&places, &ledger, &issued);
                scope.spawn(move || {
                    let done =
                        Owner::new(o, places, ledger, start, run, number).and_then(|mut owner| owner.work(issued));
                    if done.is_err() {
                        ledger.stop.store(true, Relaxed);
                    }
                    done
                })
            })
            .collect();
        handles.into_iter().filter_map(|h| h.join().unwrap_or_else(|_| Err("A thread failed".into())).err()).collect()
    });
    report(o, &ledger, start.elapsed(), failed.first())
}

/// One connection and its keys.
struct Owner<'a> {
    o: &'a Options,
    places: &'a [Target],
    at: usize,
    ledger: &'a Ledger,
    start: Instant,
    owned: Owned,
    rng: Rng,
    conn: Conn,
}

impl<'a> Owner<'a> {
    fn new(
        o: &'a Options,
        places: &'a [Target],
        ledger: &'a Ledger,
        start: Instant,
        run: u64,
        number: usize,
    ) -> Result<Owner<'a>, String> {
        let conn = open(&places[0]).map_err(|e| format!("Could not connect to Redis at {}: {e}", places[0].addr))?;
        let owned = Owned::new(run, number, KEYS, o.data_size);
        let rng = Rng::new(run.wrapping_add(number as u64 + 1));
        Ok(Owner { o, places, at: 0, ledger, start, owned, rng, conn })
    }

    fn work(&mut self, issued: &AtomicU64) -> Result<(), String> {
        let batch = self.o.pipeline as u64;
        loop {
            let over = self.o.test_time.map_or_else(
                || issued.fetch_add(batch, Relaxed) >= self.o.requests,
                |limit| self.start.elapsed() >= limit,
            );
            if over || self.ledger.stop.load(Relaxed) {
                break;
            }
            if let Err(error) = self.batch(batch) {
                self.survive(error)?;
                // Everything that was acknowledged before the break is looked at.
                while let Err(error) = self.review() {
                    self.survive(error)?;
                }
            }
        }
        // The last word, also for the keys that were not read lately.
        while let Err(error) = self.review() {
            self.survive(error)?;
        }
        Ok(())
    }

    /// Writes and reads by chance, in one pipeline.
    fn batch(&mut self, n: u64) -> Result<(), Error> {
        let steps: Vec<keys::Step> = (0..n).map(|_| self.owned.step(&mut self.rng)).collect();
        for step in &steps {
            let words = self.owned.words(step);
            self.conn.push(&words);
        }
        self.conn.flush()?;
        for step in steps {
            let reply = self.reply()?;
            self.ledger.served(self.start);
            match &reply {
                Value::Error(text) => {
                    let text = String::from_utf8_lossy(text).into_owned();
                    self.ledger.refused.fetch_add(1, Relaxed);
                    self.owned.refused(&step);
                    // A replica, or one that is still loading: there may be a primary elsewhere.
                    if ["READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN"].iter().any(|kind| text.starts_with(kind)) {
                        return Err(Error::Closed);
                    }
                }
                reply => {
                    if step.is_write() {
                        self.ledger.writes.fetch_add(1, Relaxed);
                    } else {
                        self.ledger.reads.fetch_add(1, Relaxed);
                    }
                    let found = self.owned.check(&step, reply);
                    self.ledger.found(found);
                }
            }
        }
        Ok(())
    }

    fn reply(&mut self) -> Result<Value, Error> {
        loop {
            match self.conn.read_within(PATIENCE)? {
                None => return Err(Error::Closed),
                Some(Value::Push(_)) => {}
                Some(reply) => return Ok(reply.plain()),
            }
        }
    }

    /// Reads all keys.
    fn review(&mut self) -> Result<(), Error> {
        for step in self.owned.all() {
            let words = self.owned.words(&step);
            self.conn.send(&words)?;
            let reply = self.reply()?;
            if matches!(reply, Value::Error(_)) {
                return Err(Error::Closed);
            }
            self.ledger.served(self.start);
            self.ledger.reads.fetch_add(1, Relaxed);
            let found = self.owned.check(&step, &reply);
            self.ledger.found(found);
        }
        Ok(())
    }

    /// After a break: connects again, wherever a primary is.
    fn survive(&mut self, error: Error) -> Result<(), String> {
        self.ledger.breaks.fetch_add(1, Relaxed);
        self.owned.broke();
        let began = Instant::now();
        let mut why = error.to_string();
        while began.elapsed() < GIVE_UP && !self.ledger.stop.load(Relaxed) {
            std::thread::sleep(AGAIN);
            match open(&self.places[self.at]).and_then(primary) {
                Ok(conn) => {
                    self.conn = conn;
                    return Ok(());
                }
                Err(error) => why = error.to_string(),
            }
            self.at = (self.at + 1) % self.places.len();
        }
        Err(format!("Without service for {:.0} seconds: {why}", began.elapsed().as_secs_f64()))
    }
}

fn open(target: &Target) -> Result<Conn, Error> {
    let target = Target { connect_timeout: Some(PATIENCE), ..target.clone() };
    let conn = target.open()?;
    conn.stream.set_read_timeout(Some(PATIENCE))?;
    Ok(conn)
}

/// The connection, if a primary that has loaded its data answers.
fn primary(mut conn: Conn) -> Result<Conn, Error> {
    let reply = conn.ask(&["ROLE"])?;
    match reply.items().and_then(|items| items.first()?.text()) {
        Some(b"master") => Ok(conn),
        _ => Err(Error::Refused(b"this is no primary".to_vec())),
    }
}

fn report(o: &Options, ledger: &Ledger, took: Duration, failed: Option<&String>) -> Result<ExitCode, String> {
    let get = |n: &AtomicU64| n.load(Relaxed);
    let (lost, wrong) = (get(&ledger.lost), get(&ledger.wrong));
    let gaps = ledger.gaps.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let told = ledger.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let without = gaps.iter().fold(0.0, |sum, (_, gap)| sum + gap);
    if o.json {
        let all = json!({
            "seconds": took.as_secs_f64(), "acknowledged_writes": get(&ledger.writes), "reads": get(&ledger.reads),
            "acknowledged_writes_lost": lost, "wrong_reads": wrong, "refused": get(&ledger.refused),
            "breaks": get(&ledger.breaks), "seconds_without_service": without,
            "longest_without_service": get(&ledger.gap) as f64 / 1e9,
            "without_service": gaps.iter().map(|(at, gap)| json!({"at": at, "seconds": gap})).collect::<Vec<_>>(),
            "faults": told, "failed": failed,
        });
        print(&format!("{all:#}\n"))?;
    } else {
        let mut out = format!(
            "{} connections, {:.2} seconds\n  acknowledged writes: {}; reads: {}; refused: {}\n  acknowledged writes lost: \
             {lost}\n  wrong reads: {wrong}\n  connections broke: {}; time without service: {without:.3} seconds (longest \
             {:.3})\n",
            o.clients,
            took.as_secs_f64(),
            get(&ledger.writes),
            get(&ledger.reads),
            get(&ledger.refused),
            get(&ledger.breaks),
            get(&ledger.gap) as f64 / 1e9
        );
        for (at, gap) in &gaps {
            out.push_str(&format!("  none from second {at:.3} on, for {gap:.3} seconds\n"));
        }
        for sentence in &told {
            out.push_str(&format!("  {sentence}\n"));
        }
        print(&out)?;
    }
    match failed {
        Some(sentence) => Err(sentence.clone()),
        None if lost + wrong > 0 => Ok(ExitCode::from(2)),
        None => Ok(ExitCode::SUCCESS),
    }
}
