//! Groups of commands: parsed, planned, their locks taken and their memory asked for, all before the first one runs.

use super::*;

/// Commands per group: enough to overlap waits for memory, few enough that two workers seldom want the same shard.
const GROUP_SOLO: usize = 32;
const GROUP_MANY: usize = 16;
/// Keys per group, about: their buckets and entries must still be in the nearest cache when the last command runs.
const GROUP_KEYS: usize = 32;

impl Worker {
    pub(super) fn run(
        &mut self,
        session: &mut Session,
        buf: &[u8],
        at: &mut usize,
        partial: &mut Option<Box<Partial>>,
        scratch: &mut Scratch,
    ) -> Ended {
        let many = if self.engine.world.is_solo() { GROUP_SOLO } else { GROUP_MANY };
        loop {
            // AUTH must have run before what follows it is held to the limits of strangers.
            let limit = if session.authenticated { many } else { 1 };
            let max_bulk = self.engine.config.proto_max_bulk_len.get();
            // What a primary took, its replica takes.
            let max_bulk = if session.link.is_some() { i64::from(u32::MAX) } else { max_bulk };
            let limits = Limits { max_bulk, authenticated: session.authenticated };
            let solo = self.engine.world.is_solo();
            scratch.clear();
            let mut next = *at;
            let mut more = None;
            while scratch.planned.len() < limit && scratch.keys.len() < GROUP_KEYS && more.is_none() {
                let first = scratch.spans.len();
                if session.link.is_some() && !matches!(buf.get(next), None | Some(b'*' | b'\r' | b'\n')) {
                    more = Some(More::Broken(ProtocolError("a primary sends no inline commands".into())));
                    break;
                }
                match request::parse(buf, next, partial, &mut scratch.spans, limits) {
                    Ok(Parsed::Command { end }) => {
                        scratch.plan(buf, first, end);
                        next = end;
                        if scratch.last_runs_alone(solo) {
                            more = Some(More::Group);
                        }
                    }
                    Ok(Parsed::Nothing { end }) => {
                        next = end;
                        if scratch.planned.is_empty() {
                            if let Some(link) = &mut session.link {
                                link.pending.extend_from_slice(&buf[*at..next]);
                                self.carried_out(session);
                            }
                            *at = next;
                        }
                    }
                    Ok(Parsed::Unescaped { end, words }) => more = Some(More::Words(end, words)),
                    Ok(Parsed::Incomplete) => more = Some(More::Nothing),
                    Err(e) => more = Some(More::Broken(e)),
                }
            }
            if let Some(ended) = self.run_group(session, buf, at, scratch) {
                // What was parsed but did not run will be parsed again.
                *partial = None;
                return ended;
            }
            match more {
                None | Some(More::Group) => {}
                Some(More::Nothing) => return Ended::Drained,
                Some(More::Words(end, words)) => {
                    if let Some(link) = &mut session.link {
                        link.pending.extend_from_slice(&buf[*at..end]);
                    }
                    *at = end;
                    let owned = OwnedArgs::new(words);
                    if let Some(ended) = self.run_words(session, &owned) {
                        return ended;
                    }
                }
                Some(More::Broken(ProtocolError(text))) if session.link.is_some() => {
                    self.garbled(&text);
                    return Ended::Close;
                }
                Some(More::Broken(ProtocolError(text))) => {
                    self.reply.error(&format!("ERR Protocol error: {text}"));
                    return Ended::Close;
                }
            }
            if self.reply.len() >= FLUSH_FROM {
                return Ended::Flush;
            }
        }
    }

    /// Locks, prefetches and runs what was planned. `Some` if the turn must end here.
    fn run_group(&mut self, session: &mut Session, buf: &[u8], at: &mut usize, scratch: &mut Scratch) -> Option<Ended> {
        if scratch.planned.is_empty() {
            return None;
        }
        if self.engine.config.maxmemory.get() != 0 {
            self.make_room();
        }
        if !self.busy && (scratch.keys.len() > 1 || !self.engine.world.is_solo()) {
            self.fetch(session.db, scratch);
        }
        let mut started = self.clock.raw();
        for p in &scratch.planned {
            let args = Args::new(buf, &scratch.spans[p.words.0..p.words.1]);
            let keys = &scratch.keys[p.keys.0..p.keys.1];
            if let Some(link) = &mut session.link {
                link.pending.extend_from_slice(&buf[*at..p.end]);
            }
            let ended = self.command(session, &p.command, args, keys, &mut started);
            if session.link.is_some() {
                self.carried_out(session);
            }
            match ended {
                None => {
                    *at = p.end;
                    // No more is run than is read: what the rest answers may be as large.
                    if self.reply.len() >= FLUSH_FROM {
                        return Some(Ended::Flush);
                    }
                }
                Some(ended @ Ended::Paused(_)) => return Some(ended),
                Some(ended) => {
                    *at = p.end;
                    return Some(ended);
                }
            }
        }
        self.access.settle();
        self.access.unlock();
        None
    }

    pub(super) fn fetch(&mut self, db: u32, scratch: &mut Scratch) {
        let world = self.engine.world.clone();
        if !world.is_solo() {
            scratch.shards.clear();
            scratch.shards.extend(scratch.keys.iter().map(|k| world.shard_of(k.hash) as u16));
            scratch.shards.sort_unstable();
            scratch.shards.dedup();
            self.access.lock(&scratch.shards);
            if scratch.writes() && scratch.shards.iter().any(|&s| self.access.shard(s as usize).has_waiters()) {
                // Serving whoever waits may take more than these locks, and must not be late (I5).
                self.busy = !self.access.try_raise();
                if self.busy {
                    return;
                }
            }
        }
        for k in &scratch.keys {
            if let Some(table) = self.access.shard(world.shard_of(k.hash)).db(db as usize) {
                table.prefetch_segment(k.hash);
            }
        }
        for k in &scratch.keys {
            if let Some(table) = self.access.shard(world.shard_of(k.hash)).db(db as usize) {
                table.prefetch_bucket(k.hash);
            }
        }
        for k in &scratch.keys {
            if let Some(table) = self.access.shard(world.shard_of(k.hash)).db(db as usize) {
                table.prefetch_element(k.hash);
            }
        }
        if !scratch.collections {
            return;
        }
        let writes = scratch.writes();
        for k in &scratch.keys {
            if let Some(table) = self.access.shard(world.shard_of(k.hash)).db(db as usize) {
                table.prefetch_behind(k.hash, writes);
            }
        }
    }
}

/// Why parsing stopped before the group was full.
enum More {
    Group,
    Nothing,
    Words(usize, Vec<Vec<u8>>),
    Broken(ProtocolError),
}
