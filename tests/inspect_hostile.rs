//! Files that somebody has tampered with, through every inspector: an error at worst, never a panic, and no more memory than
//! a file of this size is worth.

mod common;

use common::Rng;
use common::env_number;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Kilobytes of address space: room for the program and its buffers, and not for what a file announces.
const MEMORY_KIB: u32 = 600_000;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rdb").join(name)).expect("a fixture")
}

fn log() -> Vec<u8> {
    let mut out = b"#TS:100\r\n".to_vec();
    for line in
        ["SELECT 0", "SET a 1", "MULTI", "RPUSH l a b c", "EXEC", "SADD s x", "XADD x MAXLEN 5 1-1 a b", "DEL a"]
    {
        let words: Vec<&str> = line.split(' ').collect();
        out.extend(format!("*{}\r\n", words.len()).into_bytes());
        words.iter().for_each(|word| out.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes()));
    }
    out
}

fn tamper(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(4) {
        let front = if rng.below(3) == 0 { 60 } else { bytes.len() };
        let at = rng.below(front.min(bytes.len()).max(1));
        match rng.below(7) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.below(256) as u8),
            2 => bytes.splice(at..at, [0x81, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]).for_each(drop),
            3 => bytes.splice(at..at, *b"*99999999\r\n$999999999\r\n").for_each(drop),
            4 if at < bytes.len() => bytes[at] = [0, 0x7f, 0x80, 0xc3, 0xfa, 0xfe, 0xff][rng.below(7)],
            5 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            _ if at < bytes.len() => bytes[at] = rng.below(256) as u8,
            _ => {}
        }
    }
}

fn run(folder: &Path, words: &str) -> Output {
    let script = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" {words}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_rustredis")]).current_dir(folder);
    command.stdin(std::process::Stdio::null()).output().expect("it runs")
}

/// `INSPECT_FUZZ=2000` makes it long; a failure names its seed.
#[test]
fn every_inspector_lives_through_any_file() {
    let rounds = env_number("INSPECT_FUZZ", 12);
    let first = env_number("SEED", 1);
    let folder = Folder(std::env::temp_dir().join(format!("rustredis-hostile-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("a folder");
    let path = |name: &str| folder.0.join(name);
    std::fs::write(path("sound.rdb"), fixture("redis-7.0.15.rdb")).expect("a file");
    let snapshots = ["redis-7.0.15.rdb", "valkey-9.1.2.rdb", "redis-7.0.15-lfu-plain.rdb"];
    let mut refused = 0;
    for seed in first..first + rounds {
        let mut rng = Rng::new(seed);
        let mut bytes = fixture(snapshots[rng.below(snapshots.len())]);
        // Most of what is tampered with would only be told by the checksum.
        if rng.below(2) == 0 {
            let end = bytes.len() - 8;
            bytes[end..].fill(0);
        }
        tamper(&mut bytes, &mut rng);
        std::fs::write(path("bad.rdb"), &bytes).expect("a file");
        let mut aof = [if rng.below(3) == 0 { bytes } else { Vec::new() }, log(), log()].concat();
        tamper(&mut aof, &mut rng);
        std::fs::write(path("bad.aof"), &aof).expect("a file");
        for words in [
            "rdb check bad.rdb",
            "rdb dump bad.rdb",
            "rdb dump --format resp bad.rdb",
            "rdb dump --format csv --min-size 10 bad.rdb",
            "rdb stats --html page.html bad.rdb",
            "rdb diff sound.rdb bad.rdb",
            "rdb convert bad.rdb -o out.rdb --target redis-7.0 --drop",
            "rdb convert bad.rdb -o out.rdb --target redis-6.2 --drop",
            "rdb salvage bad.rdb -o out.rdb",
            "aof check bad.aof",
            "aof dump --format json bad.aof",
            "aof stats bad.aof",
            "aof recover bad.aof -o recovered --before-command DEL",
            "aof recover bad.aof -o recovered --until-offset 70",
        ] {
            let output = run(&folder.0, words);
            let said = String::from_utf8_lossy(&output.stderr);
            let ended = output.status.code().is_some_and(|code| (0..=2).contains(&code));
            assert!(
                ended && !said.contains("panicked"),
                "SEED={seed} INSPECT_FUZZ=1: {words}: {:?} {said}",
                output.status
            );
            refused += u32::from(output.status.code() != Some(0));
            if words.starts_with("rdb salvage") && path("out.rdb").exists() {
                // What it has saved is sound.
                let check = run(&folder.0, "rdb check out.rdb");
                assert!(
                    check.status.success(),
                    "SEED={seed} INSPECT_FUZZ=1: {}",
                    String::from_utf8_lossy(&check.stdout)
                );
            }
            let _ = std::fs::remove_file(path("out.rdb"));
            let _ = std::fs::remove_dir_all(path("recovered"));
        }
    }
    assert!(rounds < 5 || refused > 2 * rounds as u32, "only {refused} were refused");
}
