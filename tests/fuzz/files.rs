//! What lies on disk, or comes from another server: snapshots, logs, payloads of RESTORE.

use super::driver::Target;
use super::engine::Small;
use rustredis::base::crc64::crc64;
use rustredis::rdb::{Event, Loaded, Loader, Reader, Thresholds};
use rustredis::{aof, rdb};
use std::io::Read;

#[test]
fn snapshots() {
    let words = &["REDIS0011", "VALKEY080", "\u{fe}", "\u{ff}", "redis-ver"];
    Target { name: "rdb", rounds: 3_000, words }.run(|bytes, _| {
        let mut events = Reader::over(bytes);
        let read = loop {
            match events.next() {
                Ok(Event::End { .. }) => break true,
                Ok(_) => {}
                Err(fault) => {
                    assert!(fault.at <= bytes.len() as u64, "a fault outside the file");
                    break false;
                }
            }
        };
        let mut loader = Loader::on(Reader::over(bytes), Thresholds::default());
        let loaded = loop {
            match loader.next() {
                Ok(Loaded::Other(Event::End { .. })) => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        // The loader looks at more than the reader does.
        assert!(read || !loaded, "loaded what cannot be read");
    });
}

/// Gives what it holds in small pieces.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.len().min(out.len()).min(7);
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn told(input: impl Read) -> (Vec<String>, Option<(u64, u64, String)>) {
    let (mut reader, mut all) = (aof::Reader::new(input), Vec::new());
    loop {
        let before = reader.offset();
        match reader.next() {
            Ok(None) => return (all, None),
            Ok(Some(aof::Told::Command(c))) => {
                assert!(before <= c.at && c.at < c.end, "offsets go back");
                all.push(format!("{}-{} {:?}", c.at, c.end, c.args.to_vecs()));
            }
            Ok(Some(aof::Told::Stamp { seconds, at })) => all.push(format!("{at} {seconds}")),
            Ok(Some(aof::Told::Comment(text))) => all.push(format!("{}", text.escape_ascii())),
            Err(fault) => return (all, Some((fault.good, fault.at, fault.why.to_string()))),
        }
    }
}

#[test]
fn logs() {
    let words = &[
        "*3\r\n",
        "$3\r\n",
        "\r\n",
        "#TS:1700000000\r\n",
        "#note\r\n",
        "SELECT",
        "MULTI",
        "EXEC",
        "*1\r\n$4\r\nEXEC\r\n",
    ];
    Target { name: "aof", rounds: 20_000, words }.run(|bytes, _| {
        let whole = told(bytes);
        assert_eq!(whole, told(Pieces(bytes)), "the cuts make a difference");
        if let Some((good, at, _)) = whole.1 {
            assert!(good <= at && at <= bytes.len() as u64, "a fault outside the file");
            // What is kept of it is sound.
            assert_eq!(told(&bytes[..good as usize]), (whole.0, None));
        }
        let _ = rdb::Reader::over(bytes).next();
        if let Ok(manifest) = aof::Manifest::parse(bytes) {
            let text = manifest.text();
            // One of comments alone names no files, and then nothing is left.
            assert!(text.is_empty() || aof::Manifest::parse(text.as_bytes()).is_ok(), "{text}");
        }
    });
}

fn bulk(reply: &[u8]) -> &[u8] {
    let start = reply.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
    &reply[start..reply.len().saturating_sub(2).max(start)]
}

#[test]
fn restore() {
    let mut small = Small::new();
    let mut taken = 0;
    Target { name: "restore", rounds: 6_000, words: &[] }.run(|bytes, rng| {
        // The checksum is mended: without it nothing is looked at.
        let body = &bytes[..bytes.len().saturating_sub(8)];
        let payload = [body, &crc64(0, body).to_le_bytes()].concat();
        let reply = small.run(&[&b"RESTORE"[..], b"k", b"0", &payload, b"REPLACE"]);
        if reply != b"+OK\r\n" {
            assert!(
                reply.starts_with(b"-ERR Bad data format") || reply.starts_with(b"-ERR DUMP payload"),
                "{}",
                reply.escape_ascii()
            );
            return;
        }
        taken += 1;
        // What was taken can be dumped, and is the same when it is restored again.
        let dumped = small.run(&["DUMP", "k"]);
        if dumped != b"$-1\r\n" {
            assert_eq!(small.run(&[&b"RESTORE"[..], b"l", b"0", bulk(&dumped), b"REPLACE"]), b"+OK\r\n");
            let digests = ["k", "l"].map(|key| small.run(&["DEBUG", "DIGEST-VALUE", key]));
            assert_eq!(digests[0], digests[1]);
        }
        for line in
            ["COPY k m REPLACE", "OBJECT ENCODING k", "MEMORY USAGE k", "TYPE k", "SORT k", "EXPIRE k 5", "FLUSHALL"]
        {
            if rng.percent(70) {
                small.run(&line.split(' ').collect::<Vec<_>>());
            }
        }
    });
    assert!(taken > 0, "nothing was taken");
}
