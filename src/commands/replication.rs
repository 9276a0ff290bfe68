//! Primaries and replicas: who follows whom, and what they tell each other.

use crate::engine::blocking::{self, Block, TimedOut};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::engine::post::Frame;
use crate::engine::replication::LinkState;
use crate::engine::replication::acks::Goal;
use crate::engine::replication::failover::{self, Wanted};
use crate::engine::replication::frames;
use crate::engine::replication::replica::{Phase, Replica};
use crate::engine::spec::{BLANK, Spec};
use crate::keyspace::Type;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "failover", arity: -1, flags: "admin noscript stale world", group: "server", since: "6.2.0",
        syntax: "[TO target(host port:int [FORCE])] [ABORT] [TIMEOUT milliseconds:int]",
        summary: "Hands the primary's role over to a replica.", complexity: "O(1)", run: failover, ..BLANK
    },
    Spec {
        name: "psync", arity: -3, flags: "admin noscript no_async_loading no_multi unlocked", group: "server", since: "2.8.0",
        syntax: "replicationid offset:int",
        summary: "Asks for the replication stream from an offset on; replicas send it.", complexity: "O(1), plus the transfer",
        run: psync, ..BLANK
    },
    Spec {
        name: "replconf", arity: -1, flags: "admin noscript loading stale allow_busy syscmd", group: "server", since: "3.0.0",
        summary: "Tells a primary or replica about the other side; both send it.", complexity: "O(1)", run: replconf, ..BLANK
    },
    Spec {
        name: "replicaof", arity: 3, flags: "admin noscript stale no_async_loading world", group: "server", since: "5.0.0",
        syntax: "args<host-port(host port:int)|no-one(NO ONE)>",
        summary: "Makes the server a replica of another one, or a primary.", complexity: "O(1)", run: replicaof, ..BLANK
    },
    Spec {
        name: "role", arity: 1, flags: "noscript loading stale fast", acl: "admin dangerous", group: "server", since: "2.8.12",
        summary: "Tells the server's part in replication.", complexity: "O(1)", run: role, ..BLANK
    },
    Spec {
        name: "slaveof", arity: 3, flags: "admin noscript stale no_async_loading world", group: "server",
        syntax: "args<host-port(host port:int)|no-one(NO ONE)>",
        summary: "Makes the server a replica of another one, or a primary; the old name of REPLICAOF.", complexity: "O(1)",
        deprecated: "5.0.0 `REPLICAOF`", run: slaveof, ..BLANK
    },
    Spec {
        name: "sync", arity: 1, flags: "admin noscript no_async_loading no_multi unlocked", group: "server",
        summary: "Asks for a whole copy and the replication stream; old replicas send it.", complexity: "O(1), plus the transfer",
        run: sync, ..BLANK
    },
    Spec {
        name: "wait", arity: 3, flags: "blocking", acl: "connection", group: "generic", since: "3.0.0",
        syntax: "numreplicas:int timeout:int",
        summary: "Waits until enough replicas have acknowledged this connection's writes.", complexity: "O(1)",
        tips: "request_policy:all_shards response_policy:agg_min", run: wait, ..BLANK
    },
    Spec {
        name: "waitaof", arity: 4, flags: "blocking", acl: "connection", group: "generic", since: "7.2.0",
        syntax: "numlocal:int numreplicas:int timeout:int",
        summary: "Waits until this connection's writes are synced to enough append-only files, here and on replicas.",
        complexity: "O(1)", tips: "request_policy:all_shards response_policy:agg_min", run: waitaof, ..BLANK
    },
];

/// FAILOVER [TO host port [FORCE]] [TIMEOUT ms], FAILOVER ABORT
fn failover(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    if c.args.len() == 2 && c.args.is(1, "abort") {
        if !c.engine.abort_failover("Failover manually aborted", now_ms) {
            return Err(errors::FAILOVER_NONE);
        }
        c.reply.ok();
        return Ok(());
    }
    let mut wanted = Wanted::default();
    let mut i = 1;
    while i < c.args.len() {
        if c.args.is(i, "timeout") && i + 1 < c.args.len() && wanted.until_ms.is_none() {
            let ms = c.int(i + 1)?;
            if ms <= 0 {
                return Err(errors::FAILOVER_TIMEOUT);
            }
            wanted.until_ms = Some(now_ms.saturating_add(ms));
            i += 2;
        } else if c.args.is(i, "to") && i + 2 < c.args.len() && wanted.target.is_none() {
            let host = String::from_utf8_lossy(c.args.at(i + 1)).into_owned();
            // A port that cannot be is nobody's.
            wanted.target = Some((host, u16::try_from(c.int(i + 2)?).unwrap_or(0)));
            i += 3;
        } else if c.args.is(i, "force") && !wanted.force {
            wanted.force = true;
            i += 1;
        } else {
            return Err(Error::Syntax);
        }
    }
    c.ks.access.hand_in();
    c.engine.begin_failover(wanted)?;
    c.reply.ok();
    Ok(())
}

fn slaveof(c: &mut Call<'_>) -> Result<(), Error> {
    replicaof(c)
}

/// REPLICAOF host port, REPLICAOF NO ONE
fn replicaof(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    if c.engine.failover_state() != failover::State::None {
        return Err(errors::REPLICAOF_IN_FAILOVER);
    }
    if c.args.is(1, "no") && c.args.is(2, "one") {
        if c.engine.is_replica() {
            c.ks.access.hand_in();
            c.engine.lead(now_ms);
            c.engine.log(
                crate::engine::LogLevel::Notice,
                &format!("MASTER MODE enabled (user request from '{}')", c.session.client.addr),
            );
        }
        c.reply.ok();
        return Ok(());
    }
    if c.session.replica.is_some() && c.session.client.has(crate::engine::clients::flag::REPLICA) {
        return Err(errors::REPLICAOF_FROM_REPLICA);
    }
    let port = crate::base::numbers::parse_i64(c.args.at(2)).and_then(|n| u16::try_from(n).ok());
    let port = port.ok_or(errors::INVALID_PRIMARY_PORT)?;
    let host = String::from_utf8_lossy(c.args.at(1)).into_owned();
    let same = c.engine.replication.with_link(|l| l.primary.as_ref() == Some(&(host.clone(), port)));
    if same {
        c.reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    c.ks.access.hand_in();
    c.engine.follow(&host, port, now_ms);
    c.engine.log(
        crate::engine::LogLevel::Notice,
        &format!("REPLICAOF {host}:{port} enabled (user request from '{}')", c.session.client.addr),
    );
    c.reply.ok();
    Ok(())
}

/// ROLE
fn role(c: &mut Call<'_>) -> Result<(), Error> {
    let offset = c.engine.world.log.offset() as i64;
    if c.engine.is_replica() {
        let (primary, state) = c.engine.replication.with_link(|l| (l.primary.clone(), l.state));
        let (host, port) = primary.unwrap_or_default();
        c.reply.array(5);
        c.reply.bulk(b"slave");
        c.reply.bulk(host.as_bytes());
        c.reply.int(i64::from(port));
        c.reply.bulk(state.name().as_bytes());
        let follows = matches!(state, LinkState::Connected);
        c.reply.int(if follows { offset } else { -1 });
        return Ok(());
    }
    let replicas = c.engine.replication.replicas();
    let online: Vec<_> = replicas.iter().filter(|r| r.seems_online()).collect();
    c.reply.array(3);
    c.reply.bulk(b"master");
    c.reply.int(offset);
    c.reply.array(online.len());
    for replica in online {
        let (ip, port) = replica.address();
        c.reply.array(3);
        c.reply.bulk(ip.as_bytes());
        c.reply.bulk_int(i64::from(port));
        c.reply.bulk_int(replica.acked.load(Relaxed) as i64);
    }
    Ok(())
}

/// The replica that this client is, or becomes.
fn replica_of(c: &mut Call<'_>) -> Arc<Replica> {
    let (client, now_ms) = (c.session.client.clone(), c.now_ms());
    c.session.replica.get_or_insert_with(|| Replica::new(client, now_ms)).clone()
}

/// REPLCONF name value …
fn replconf(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let now_ms = c.now_ms();
    for i in (1..c.args.len()).step_by(2) {
        let (word, number) = (c.args.at(i + 1), crate::base::numbers::parse_i64(c.args.at(i + 1)));
        if c.args.is(i, "ack") {
            let Some(replica) = c.session.replica.clone() else { return Ok(()) };
            let aof = (c.args.len() > i + 3 && c.args.is(i + 2, "fack"))
                .then(|| crate::base::numbers::parse_i64(c.args.at(i + 3)))
                .flatten();
            // No reply: it would be taken for a part of the stream.
            if let Some(offset) = number.and_then(|n| u64::try_from(n).ok()) {
                // What was never written cannot have arrived: who says so is not believed, only known to be there.
                let offset = if offset > c.engine.world.log.offset() { 0 } else { offset };
                if replica.acknowledge(offset, aof.map(|n| n.max(0) as u64), now_ms) {
                    let text = format!("Synchronization with replica {} succeeded", replica.name());
                    c.engine.log(crate::engine::LogLevel::Notice, &text);
                }
                c.engine.serve_acks();
                c.engine.review_replicas(now_ms);
                if c.engine.failover_state() == failover::State::WaitingForSync {
                    c.engine.replication.with_link(|_| ()); // its thread looks
                }
            }
            return Ok(());
        } else if c.args.is(i, "getack") {
            if c.session.link.is_some() {
                // What was carried out before this very command.
                c.ks.access.hand_in();
                let ack = c.engine.ack();
                let client = c.session.client.clone();
                c.post.send_one(c.engine, Frame::same(&ack), &client);
            }
            return Ok(());
        } else if c.args.is(i, "rustredis-taken") || c.args.is(i, "rustredis-hold") {
            // Said while a copy is under way: an answer would get between its frames.
            let Some(replica) = c.session.replica.clone() else { return Ok(()) };
            let number = number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            match c.args.is(i, "rustredis-hold") {
                true => replica.hold_stream(number != 0),
                false => replica.has_taken(number),
            }
            return Ok(());
        } else if c.args.is(i, "listening-port") {
            let port = number.ok_or(Error::NotInteger)?;
            replica_of(c).about.lock().port = u16::try_from(port).unwrap_or(0);
        } else if c.args.is(i, "ip-address") {
            if word.len() > 255 {
                return Err(errors::REPLCONF_IP);
            }
            replica_of(c).about.lock().ip = String::from_utf8_lossy(word).into_owned();
        } else if c.args.is(i, "capa") {
            let replica = replica_of(c);
            let mut about = replica.about.lock();
            about.capa_eof |= word.eq_ignore_ascii_case(b"eof");
            about.capa_psync2 |= word.eq_ignore_ascii_case(b"psync2");
            about.capa_interleave |= word.eq_ignore_ascii_case(frames::CAPA.as_bytes());
        } else if c.args.is(i, "version") || c.args.is(i, "rdb-only") || c.args.is(i, "rdb-filter-only") {
            // Who a replica is, is no reason to serve it otherwise. Snapshots are whole here, with what follows.
            if c.args.is(i, "rdb-filter-only") && !word.is_empty() {
                return Err(errors::RDB_FILTER);
            }
        } else {
            return Err(Error::quoting("Unrecognized REPLCONF option: ", c.args.at(i), ""));
        }
    }
    c.reply.ok();
    Ok(())
}

fn may_sync(c: &Call<'_>) -> Result<(), Error> {
    if c.engine.is_replica() && c.engine.replication.with_link(|l| l.state) != LinkState::Connected {
        return Err(errors::NO_MASTER_LINK);
    }
    Ok(())
}

/// PSYNC history next-offset [FAILOVER]
fn psync(c: &mut Call<'_>) -> Result<(), Error> {
    let replica = replica_of(c);
    if replica.phase() != Phase::Talking {
        return Ok(());
    }
    if c.args.len() > 3 && c.args.is(3, "failover") {
        take_over(c)?;
    }
    may_sync(c)?;
    let next = crate::base::numbers::parse_i64(c.args.at(2)).ok_or(Error::NotInteger)?;
    let now_ms = c.now_ms();
    c.engine.log(crate::engine::LogLevel::Notice, &format!("Replica {} asks for synchronization", replica.name()));
    replica.about.lock().psync = true;
    let id = String::from_utf8_lossy(c.args.at(1)).into_owned();
    match c.engine.try_continue(&replica, &id, next, now_ms) {
        Some(answer) => c.reply.raw(answer.as_bytes()),
        None => wait_for_copy(c, &replica),
    }
    Ok(())
}

/// Our primary wants this server to lead in its place: it has stopped writing, and knows that we have everything.
fn take_over(c: &mut Call<'_>) -> Result<(), Error> {
    let id = String::from_utf8_lossy(c.args.at(1)).into_owned();
    c.engine.log(crate::engine::LogLevel::Warning, &format!("Failover request received for replid {id}."));
    c.ks.access.raise();
    if !c.engine.is_replica() {
        return Err(errors::PSYNC_FAILOVER_PRIMARY);
    }
    if c.engine.replication.ids().now != id {
        return Err(errors::PSYNC_FAILOVER_ID);
    }
    c.engine.lead(c.now_ms());
    let text = format!("MASTER MODE enabled (failover request from '{}')", c.session.client.addr);
    c.engine.log(crate::engine::LogLevel::Notice, &text);
    Ok(())
}

/// SYNC
fn sync(c: &mut Call<'_>) -> Result<(), Error> {
    let replica = replica_of(c);
    if replica.phase() != Phase::Talking {
        return Ok(());
    }
    may_sync(c)?;
    c.engine.log(crate::engine::LogLevel::Notice, &format!("Replica {} asks for synchronization", replica.name()));
    wait_for_copy(c, &replica);
    Ok(())
}

/// Offsets count from here on, as in Redis, not only from the copy.
fn wait_for_copy(c: &mut Call<'_>, replica: &Arc<Replica>) {
    if !c.engine.world.log.has_backlog() {
        c.ks.access.raise();
        c.engine.begin_backlog();
    }
    c.engine.wait_for_copy(replica, c.now_ms());
}

/// WAIT numreplicas timeout-ms
fn wait(c: &mut Call<'_>) -> Result<(), Error> {
    if c.engine.is_replica() {
        return Err(errors::WAIT_ON_REPLICA);
    }
    let replicas = c.int(1)?;
    let until_ms = blocking::timeout_ms(c, 2)?;
    let goal = Goal { offset: written(c), replicas: replicas.max(0) as usize, aof: None };
    await_goal(c, goal, until_ms)
}

/// WAITAOF numlocal numreplicas timeout-ms
fn waitaof(c: &mut Call<'_>) -> Result<(), Error> {
    let (local, replicas) = (c.int(1)?, c.int(2)?);
    if !(0..=1).contains(&local) {
        return Err(errors::WAITAOF_LOCAL);
    }
    if replicas < 0 {
        return Err(errors::WAITAOF_REPLICAS);
    }
    let until_ms = blocking::timeout_ms(c, 3)?;
    if c.engine.is_replica() {
        return Err(errors::WAITAOF_ON_REPLICA);
    }
    if local > 0 && !c.engine.config.appendonly.get() {
        return Err(errors::WAITAOF_OFF);
    }
    if c.may_block() {
        c.ks.access.hand_in();
    }
    // Without a log yet, what was written is in its first base.
    let position = (local > 0).then(|| c.engine.world.log.positions().tap);
    let goal = Goal { offset: written(c), replicas: replicas as usize, aof: Some(position) };
    await_goal(c, goal, until_ms)
}

/// The offset behind the client's last write.
fn written(c: &mut Call<'_>) -> u64 {
    if !c.may_block() {
        // Inside EXEC: its own writes reach nobody before its end, so what counts is what was there before, as in Redis.
        return c.session.written;
    }
    c.ks.access.hand_in();
    let last = c.ks.access.logged().map_or(0, |p| p.replication);
    c.session.written = c.session.written.max(last);
    c.session.written
}

fn await_goal(c: &mut Call<'_>, goal: Goal, until_ms: Option<i64>) -> Result<(), Error> {
    if c.engine.progress(&goal).0 {
        c.engine.write_progress(&goal, c.reply);
        return Ok(());
    }
    let timed_out = TimedOut::Acks(goal);
    c.block(Block { keys: Vec::new(), wants: Type::String, until_ms, words: None, timed_out })
}
