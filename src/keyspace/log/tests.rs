use super::*;
use crate::base::rng::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Wake;

fn push(lane: &mut Lane, db: u32, line: &str) {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    lane.push(db, words.into_iter());
}

/// Bytes as the words of their requests, `|` between two.
fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let parts = text.split("*").skip(1).map(|r| r.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" "));
    parts.collect::<Vec<_>>().join("|")
}

fn taken(log: &Log) -> String {
    words(&log.take_from_tap(Vec::new()).into_iter().flat_map(|p| p.bytes).collect::<Vec<_>>())
}

#[test]
fn databases_are_selected_where_they_change_and_units_are_framed() {
    let (log, mut lane) = (Log::default(), Lane::default());
    log.attach_tap(1);
    push(&mut lane, 0, "SET a 1");
    push(&mut lane, 0, "SET b 1");
    push(&mut lane, 3, "SET c 1");
    log.append(&mut lane);
    assert_eq!(taken(&log), "SELECT 0|SET a 1|SET b 1|SELECT 3|SET c 1");
    // A unit of one command needs no frame; MULTI comes before SELECT, as Redis 7 has it; units inside units do not count.
    for count in 0..3 {
        lane.begin_unit();
        for _ in 0..count {
            lane.begin_unit();
            push(&mut lane, 4, "DEL a");
            lane.end_unit();
        }
        lane.end_unit();
        push(&mut lane, 3, "DEL z");
    }
    log.append(&mut lane);
    assert_eq!(taken(&log), "DEL z|SELECT 4|DEL a|SELECT 3|DEL z|MULTI|SELECT 4|DEL a|DEL a|EXEC|SELECT 3|DEL z");
    // An empty file knows of no database.
    log.switch_tap(2);
    push(&mut lane, 3, "DEL y");
    log.append(&mut lane);
    assert_eq!(taken(&log), "SELECT 3|DEL y");
}

#[test]
fn a_switch_of_files_parts_the_bytes() {
    let (log, mut lane) = (Log::default(), Lane::default());
    log.attach_tap(1);
    push(&mut lane, 0, "A");
    let before = log.append(&mut lane);
    log.switch_tap(2);
    push(&mut lane, 0, "B");
    let after = log.append(&mut lane);
    assert_eq!(before.waiting as u64, before.tap);
    assert!(after.tap > before.tap && after.waiting as u64 == after.tap);
    let pieces = log.take_from_tap(Vec::new());
    assert_eq!(
        pieces.iter().map(|p| (p.file, words(&p.bytes))).collect::<Vec<_>>(),
        [(1, "SELECT 0|A".to_owned()), (2, "SELECT 0|B".to_owned())]
    );
    assert_eq!(log.positions().waiting, 0);
    push(&mut lane, 0, "C");
    log.append(&mut lane);
    assert_eq!(log.detach_tap(), [Piece { file: 2, bytes: b"*1\r\n$1\r\nC\r\n".to_vec() }]);
    assert!(!log.is_attached());
}

#[test]
fn stamps_come_once_a_second_and_only_in_the_file() {
    let (log, mut lane) = (Log::default(), Lane::default());
    log.attach_tap(1);
    log.create_backlog(1000);
    log.stamp_tap(true);
    for now_s in [7, 7, 8] {
        lane.now_s = now_s;
        push(&mut lane, 0, "A");
        log.append(&mut lane);
    }
    let bytes = log.detach_tap().remove(0).bytes;
    let a = "*1\r\n$1\r\nA\r\n";
    let select = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
    assert_eq!(String::from_utf8(bytes).unwrap(), format!("#TS:7\r\n{select}{a}{a}#TS:8\r\n{a}"));
    assert_eq!(log.offset(), (select.len() + 3 * a.len()) as u64);
}

struct Woken(AtomicUsize);
impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The stream against a plain vector of bytes: readers that come, read, are slow and go.
#[test]
fn readers_see_every_byte_once_and_never_lose_their_place() {
    for seed in 0..20 {
        let (log, mut rng) = (Log::default(), Rng::new(seed));
        let (size, origin) = (20_000, rng.below(1000));
        log.set_offset(origin);
        log.create_backlog(size);
        let mut all: Vec<u8> = Vec::new();
        let mut readers: Vec<(ReaderId, u64)> = Vec::new();
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        for _ in 0..3000 {
            match rng.below(8) {
                0..=2 => {
                    let bytes: Vec<u8> = (0..rng.below(3000)).map(|_| rng.below(256) as u8).collect();
                    all.extend(&bytes);
                    assert_eq!(log.tell_replicas(&bytes), origin + all.len() as u64);
                }
                3 => {
                    let at = origin + rng.below(all.len() as u64 + 10);
                    let (start, id) = log.with_backlog(|b| (b.start(), b.add_reader(at))).unwrap();
                    assert_eq!(id.is_some(), at >= start && at <= origin + all.len() as u64);
                    readers.extend(id.map(|id| (id, at)));
                }
                4 if readers.len() > 3 => {
                    let (id, _) = readers.swap_remove(rng.below(readers.len() as u64) as usize);
                    log.with_backlog(|b| b.remove_reader(id)).unwrap();
                }
                _ if !readers.is_empty() => {
                    let n = rng.below(readers.len() as u64) as usize;
                    let (id, at) = &mut readers[n];
                    let from = (*at - origin) as usize;
                    assert_eq!(log.with_backlog(|b| b.lag(*id)), Some((all.len() - from) as u64));
                    match log.with_backlog(|b| b.read(*id, Some(&woken.clone().into()))).unwrap() {
                        Some(chunk) => {
                            assert!(!chunk.is_empty());
                            assert_eq!(&*chunk, &all[from..from + chunk.len()], "seed {seed}");
                            *at += chunk.len() as u64;
                        }
                        None => {
                            assert_eq!(from, all.len());
                            let before = woken.0.load(Relaxed);
                            all.push(9);
                            log.tell_replicas(&[9]);
                            assert!(woken.0.load(Relaxed) > before);
                        }
                    }
                }
                _ => {}
            }
            let (held, start) = log.with_backlog(|b| (b.held(), b.start())).unwrap();
            assert!(held >= (all.len() as u64).min(size as u64));
            let slowest = readers.iter().map(|(_, at)| *at).min().unwrap_or(u64::MAX);
            assert!(start <= slowest);
            assert!(held < size as u64 + 16 * 1024 || slowest < start + 16 * 1024, "kept without need");
        }
    }
}

#[test]
fn a_replica_passes_on_what_it_gets_and_nothing_of_its_own() {
    let (log, mut lane) = (Log::default(), Lane::default());
    log.set_relaying(true);
    lane.relay(b"12345");
    log.append(&mut lane);
    assert_eq!(log.offset(), 5, "a replica counts without keeping");
    log.create_backlog(1000);
    push(&mut lane, 0, "SET a 1");
    lane.relay(b"67");
    log.append(&mut lane);
    assert_eq!(log.tell_replicas(b"PING"), 7, "a replica has nothing to say of its own");
    log.set_relaying(false);
    push(&mut lane, 0, "A");
    log.append(&mut lane);
    let chunk = log.with_backlog(|b| b.add_reader(5).and_then(|id| b.read(id, None))).flatten().unwrap();
    assert_eq!(&*chunk, b"67*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$1\r\nA\r\n");
    log.free_backlog();
    let offset = log.offset();
    assert_eq!(log.tell_replicas(b"8"), offset, "without a backlog a primary's offset stands still");
    assert!(!log.is_attached());
}
