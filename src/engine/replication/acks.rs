//! WAIT: clients that wait until enough replicas have acknowledged what they wrote.

use super::replica::{Phase, Replica};
use crate::engine::Engine;
use crate::engine::blocking::Wait;
use crate::engine::errors::WAITAOF_OFF;
use crate::resp::Reply;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// The offset behind its last write.
    pub offset: u64,
    pub replicas: usize,
    /// WAITAOF: replicas must have it on disk, and this server too if the position says where that is.
    pub aof: Option<Option<u64>>,
}

#[derive(Default)]
pub struct Acks {
    waits: Mutex<Vec<(Goal, Arc<Wait>)>>,
    /// Behind the last request for acknowledgements that was put into the stream.
    asked_at: AtomicU64,
    /// A replica's last acknowledgement told less of its append-only file than of its dataset.
    owes: AtomicBool,
}

const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";

impl Engine {
    /// What a replica tells its primary: how far it is, and, with an append-only file, how far that is safe on disk.
    pub fn ack(&self) -> Vec<u8> {
        let positions = self.world.log.positions();
        let offset = positions.replication.to_string();
        let mut words = vec!["REPLCONF".to_owned(), "ACK".to_owned(), offset];
        if self.world.log.has_tap() && self.config.appendonly.get() {
            let (durable, based) = (&self.persist.durable, self.persist.durable.holds(0));
            let all = durable.holds(positions.tap);
            let safe = if based { durable.offset() } else { 0 };
            words.extend(["FACK".to_owned(), if all { positions.replication } else { safe }.to_string()]);
            self.replication.acks.owes.store(!all, Relaxed);
        }
        let words_in_all = words.len();
        let each = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        std::iter::once(format!("*{words_in_all}\r\n")).chain(each).collect::<String>().into_bytes()
    }

    /// True, once, if what the last acknowledgement said was not on disk yet and is by now: worth another one.
    pub fn owes_ack(&self) -> bool {
        let owes = &self.replication.acks.owes;
        let due = owes.load(Relaxed) && self.persist.durable.holds(self.world.log.positions().tap);
        if due {
            owes.store(false, Relaxed);
        }
        due
    }

    /// True if the replica has all that was written: what it acknowledges when asked is where it was just before the question.
    pub fn has_all(&self, replica: &Replica) -> bool {
        let (offset, acked) = (self.world.log.offset(), replica.acked.load(Relaxed));
        let asked = self.replication.acks.asked_at.load(Relaxed) == offset;
        acked == offset || (asked && acked + GETACK.len() as u64 == offset)
    }

    /// How many replicas have acknowledged this offset (in their append-only files).
    pub fn acknowledged(&self, offset: u64, aof: bool) -> usize {
        let replicas = self.replication.replicas.lock();
        let has = |r: &&Arc<super::Replica>| {
            let acked = if aof { &r.aof_acked } else { &r.acked };
            r.phase() == Phase::Online && acked.load(Relaxed) >= offset
        };
        replicas.iter().filter(has).count()
    }

    /// What WAIT or WAITAOF answers at this moment, and whether that is what it waits for.
    pub fn progress(&self, goal: &Goal) -> (bool, usize, usize) {
        let replicas = self.acknowledged(goal.offset, goal.aof.is_some());
        let local = match goal.aof {
            Some(Some(position)) => usize::from(self.persist.durable.holds(position)),
            _ => 0,
        };
        let wants_local = matches!(goal.aof, Some(Some(_)));
        (replicas >= goal.replicas && (!wants_local || local > 0), local, replicas)
    }

    pub fn write_progress(&self, goal: &Goal, reply: &mut Reply) {
        let (_, local, replicas) = self.progress(goal);
        if goal.aof.is_some() {
            reply.array(2);
            reply.int(local as i64);
        }
        reply.int(replicas as i64);
    }

    /// Registers a wait, and asks replicas how far they are.
    pub fn await_acks(&self, goal: Goal, wait: &Arc<Wait>) {
        self.replication.acks.waits.lock().push((goal, wait.clone()));
        self.ask_for_acks(goal.offset);
        self.serve_acks();
    }

    /// Puts a request for acknowledgements into the stream, unless there is one behind this offset.
    pub fn ask_for_acks(&self, offset: u64) {
        let asked_at = &self.replication.acks.asked_at;
        if self.is_replica() || (asked_at.load(Relaxed) > offset && asked_at.load(Relaxed) <= self.world.log.offset()) {
            return;
        }
        asked_at.store(self.world.log.tell_replicas(GETACK), Relaxed);
    }

    /// Answers those whose wait is over: to be called when anybody acknowledged something.
    pub fn serve_acks(&self) {
        let mut waits = self.replication.acks.waits.lock();
        waits.retain(|(goal, wait)| {
            if wait.is_over() {
                return false;
            }
            // Nothing will be on this server's disk any more.
            let in_vain = matches!(goal.aof, Some(Some(_))) && !self.config.appendonly.get();
            if !(in_vain || self.progress(goal).0) || !wait.end() {
                return true;
            }
            let mut reply = Reply::new(wait.proto);
            match in_vain {
                true => reply.error(&WAITAOF_OFF.text()),
                false => self.write_progress(goal, &mut reply),
            }
            wait.client.post(|m| m.unblocked = Some(reply.to_bytes()));
            false
        });
    }
}
