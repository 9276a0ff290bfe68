use super::*;
use crate::base::rng::Rng;
use std::io::Read;

#[test]
fn manifests_are_read_as_they_are_written() {
    let mut m = Manifest::default();
    assert_eq!(m.new_base("my file.aof", true, 0), "my file.aof.1.base.rdb");
    assert_eq!(m.new_incr("my file.aof"), "my file.aof.1.incr.aof");
    assert_eq!(m.new_incr("my file.aof"), "my file.aof.2.incr.aof");
    let text = m.text();
    assert!(text.starts_with("file \"my file.aof.1.base.rdb\" seq 1 type b\n"), "{text}");
    assert_eq!(Manifest::parse(text.as_bytes()), Ok(m.clone()));
    // A rewrite: the base and the increments before it are of the past.
    assert_eq!(m.new_base("my file.aof", false, 1), "my file.aof.2.base.aof");
    assert_eq!(m.history.iter().map(|h| h.seq).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(m.files().map(|f| f.seq).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(Manifest::parse(m.text().as_bytes()), Ok(m));
}

#[test]
fn what_is_no_manifest_is_refused() {
    let bad = |text: &str, line: usize, what: &str| {
        let (at, said) = Manifest::parse(text.as_bytes()).unwrap_err();
        assert!(at == line && said.contains(what), "{text:?}: {at} {said}");
    };
    bad("", 0, "empty");
    bad("\n", 1, "format");
    bad("file a seq 1 type b", 1, "too long");
    bad("file a seq 1 type b\nfile b seq 2 type b\n", 2, "duplicate base");
    bad("file a seq 2 type i\nfile b seq 1 type i\n", 2, "non-monotonic");
    bad("file ../a seq 2 type i\n", 1, "path");
    bad("file a seq 0 type i\n", 1, "format");
    bad("file a seq 1 type x\n", 1, "type");
    bad("file a seq 1\n", 1, "format");
    // What later versions add is left alone, and so are comments.
    let m = Manifest::parse(b"#!\nfile a seq 3 type i startoffset 7\n").unwrap();
    assert_eq!(m.incr_seq, 3);
}

/// A source that gives a few bytes at a time.
struct Drops<'a>(&'a [u8], Rng);
impl Read for Drops<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = (1 + self.1.below(9) as usize).min(buf.len()).min(self.0.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn told(bytes: &[u8], seed: u64) -> (Vec<String>, Option<Fault>) {
    let mut reader = Reader::new(Drops(bytes, Rng::new(seed)));
    let mut out = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(Told::Command(c))) => {
                let words: Vec<_> = c.args.iter().map(|w| w.escape_ascii().to_string()).collect();
                out.push(format!("{}..{} {}", c.at, c.end, words.join(" ")));
            }
            Ok(Some(Told::Stamp { seconds, at })) => out.push(format!("{at} time {seconds}")),
            Ok(Some(Told::Comment(text))) => out.push(text.escape_ascii().to_string()),
            Ok(None) => return (out, None),
            Err(fault) => return (out, Some(fault)),
        }
    }
}

#[test]
fn commands_come_with_their_offsets() {
    let text = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n#TS:17\r\n#note\r\n*1\r\n$4\r\n\r\n\0\n\r\n";
    for seed in 0..50 {
        let (out, fault) = told(text, seed);
        assert_eq!(out, ["0..20 GET a", "20 time 17", "#note", "35..49 \\r\\n\\x00\\n"]);
        assert!(fault.is_none());
    }
}

#[test]
fn a_cut_anywhere_is_short_and_tells_where_the_last_command_ended() {
    let text = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nxy\r\n";
    for cut in 0..text.len() {
        let (out, fault) = told(&text[..cut], cut as u64);
        assert_eq!(out.len(), usize::from(cut >= 20));
        match fault {
            None => assert!(cut == 0 || cut == 20),
            Some(f) => {
                assert!(matches!(f.why, Why::Short), "{cut}: {f:?}");
                assert_eq!((f.good, f.at), (if cut < 20 { 0 } else { 20 }, cut as u64));
            }
        }
    }
}

#[test]
fn what_is_no_command_is_refused_where_it_stands() {
    for (text, at, what) in [
        ("*1\r\n$4\r\nPING\r\nPING\r\n", 14, "expected '*', got: PING"),
        ("*0\r\n", 0, "no words"),
        ("*-1\r\n", 0, "no words"),
        ("*1\r\n+4\r\n", 4, "expected '$', got: +4"),
        ("*1\r\n$-4\r\n", 4, "a length"),
        ("*1\r\n$99999999999\r\n", 4, "a length"),
        ("*1\r\n$4\r\nPINGxx", 12, "expected \\r\\n, got: xx"),
    ] {
        let (_, fault) = told(text.as_bytes(), 3);
        let fault = fault.unwrap_or_else(|| panic!("{text}"));
        assert!(fault.at == at && fault.why.to_string().contains(what), "{text:?}: {fault:?}");
    }
    // An announced length is believed once its bytes are there.
    let (_, fault) = told(b"*1\r\n$2147483647\r\nabc", 3);
    assert!(matches!(fault.map(|f| f.why), Some(Why::Short)));
    let (_, fault) = told(&[b'*'; 10_000], 3);
    assert!(fault.is_some_and(|f| f.why.to_string().contains("without an end")));
}

/// Whatever is changed in a log: commands, then an end or a fault, and no more memory than there are bytes. `AOF_FUZZ=1000000`
/// makes it long.
#[test]
fn broken_logs_end_in_faults() {
    let rounds: u64 = std::env::var("AOF_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let (mut whole, mut faults) = (0, 0);
    for seed in 0..rounds {
        let mut rng = Rng::new(seed);
        let mut text = Vec::new();
        for _ in 0..1 + rng.below(6) {
            match rng.below(8) {
                0 => text.extend(format!("#TS:{}\r\n", rng.below(2_000_000_000)).into_bytes()),
                1 => text.extend(b"#a note\r\n"),
                _ => {
                    let words = 1 + rng.below(4);
                    text.extend(format!("*{words}\r\n").into_bytes());
                    for _ in 0..words {
                        let len = rng.below(12);
                        text.extend(format!("${len}\r\n").into_bytes());
                        text.extend((0..len).map(|_| rng.next_u64() as u8));
                        text.extend(b"\r\n");
                    }
                }
            }
        }
        let len = text.len() as u64;
        for _ in 0..rng.below(4) {
            let at = rng.below(text.len().max(1) as u64) as usize;
            match rng.below(5) {
                0 => text.truncate(at),
                1 => text.insert(at, b"*$\r\n#09-"[rng.below(8) as usize]),
                2 if at < text.len() => text[at] = rng.next_u64() as u8,
                3 => text.splice(at..at, *b"99999999999").for_each(drop),
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
        let (out, fault) = told(&text, seed);
        match fault {
            None => whole += 1,
            Some(fault) => {
                faults += 1;
                assert!(fault.good <= fault.at && fault.at <= text.len() as u64, "seed {seed}: {fault:?}");
                // What is good of it is good by itself, and the same.
                let (again, none) = told(&text[..fault.good as usize], seed + 1);
                assert!(none.is_none() && again == out, "seed {seed}: {none:?}");
            }
        }
        assert!(len > 0);
    }
    assert!(whole > rounds / 10 && faults > rounds / 10, "{whole} whole, {faults} broken");
}
