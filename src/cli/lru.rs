//! `--lru-test`: a cache's work, 80 to 20, without end; a line each second with what was found.

use super::{
    out,
    session::{Failed, Session},
};
use crate::{base::rng::Rng, base::rng::entropy_u64, resp::Value};
use std::time::{Duration, Instant};

/// Commands sent before their replies are read.
const BATCH: usize = 250;
/// The exponent that gives the first fifth of the keys four fifths of the requests.
const ALPHA: f64 = 6.2;

pub fn run(session: &mut Session<'_>, keys: u64) -> Result<(), Failed> {
    let mut rng = Rng::new(entropy_u64());
    session.conn()?;
    loop {
        let (start, mut hits, mut misses) = (Instant::now(), 0u64, 0u64);
        while start.elapsed() < Duration::from_secs(1) {
            batch(session, |rng| vec![b"SET".to_vec(), key(rng, keys), value(rng)], &mut rng, |_| {})?;
            batch(
                session,
                |rng| vec![b"GET".to_vec(), key(rng, keys)],
                &mut rng,
                |reply| match reply {
                    Value::Null => misses += 1,
                    _ => hits += 1,
                },
            )?;
        }
        let gets = hits + misses;
        let percent = |n: u64| n as f64 * 100.0 / gets.max(1) as f64;
        out::text(&format!(
            "{gets} Gets/sec | Hits: {hits} ({:.2}%) | Misses: {misses} ({:.2}%)\n",
            percent(hits),
            percent(misses)
        ));
        out::flush();
    }
}

fn batch(
    session: &mut Session<'_>,
    make: impl Fn(&mut Rng) -> Vec<Vec<u8>>,
    rng: &mut Rng,
    mut see: impl FnMut(&Value),
) -> Result<(), Failed> {
    let conn = session.conn()?;
    (0..BATCH).for_each(|_| conn.push(&make(rng)));
    let mut run = || -> Result<(), crate::client::Error> {
        conn.flush()?;
        for _ in 0..BATCH {
            see(&conn.read()?);
        }
        Ok(())
    };
    run().map_err(|error| {
        eprintln!("Error: {error}");
        Failed
    })
}

fn key(rng: &mut Rng, keys: u64) -> Vec<u8> {
    let power = ALPHA + 1.0;
    let place = (((keys as f64 + 1.0).powf(power) - 1.0) * rng.unit() + 1.0).powf(1.0 / power);
    format!("lru:{}", (keys as f64 - place + 1.0).max(1.0) as u64).into_bytes()
}

fn value(rng: &mut Rng) -> Vec<u8> {
    (0..5).map(|_| b'A' + rng.below(26) as u8).collect()
}
