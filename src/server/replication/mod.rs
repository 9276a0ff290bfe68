//! Replication at work: the link to our primary ([`link`], [`wire`], [`copy`], and [`intake`], [`aside`], [`ahead`] where copy and stream
//! come together), and what time alone brings about, here.

pub mod ahead;
pub mod aside;
mod copy;
mod intake;
mod link;
mod wire;

use super::listen::Listener;
use super::persist::Persist;
use super::{log, now_ms};
use crate::engine::clients::{Client, held};
use crate::engine::config::cells::Class;
use crate::engine::replication::LinkState;
use crate::engine::replication::replica::{Phase, Replica};
use crate::engine::{Engine, gates};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Starts the threads of replication.
pub fn start(engine: Arc<Engine>, persist: Arc<Persist>, listener: Arc<Listener>) -> std::io::Result<()> {
    // Before anybody is served: a primary that wants replicas has none yet.
    engine.review_replicas(now_ms());
    let clock = engine.clone();
    super::os::spawn("replication", move || {
        let mut tick = 0u64;
        loop {
            std::thread::sleep(TICK);
            if !clock.cron_paused.load(Relaxed) {
                look_after(&clock, tick, now_ms());
                tick += 1;
            }
        }
    })?;
    let link = move || link::keep(&engine, &persist, &listener);
    super::os::spawn("primary-link", link)?;
    Ok(())
}

/// Ten times a second.
fn look_after(engine: &Engine, tick: u64, now_ms: i64) {
    let config = &engine.config;
    let each_second = tick.is_multiple_of(10);
    engine.serve_acks();
    engine.review_replicas(now_ms);
    if each_second || engine.owes_ack() {
        acknowledge(engine, now_ms);
    }
    if engine.gates.load(Relaxed) & gates::LOADING != 0 {
        return;
    }
    engine.start_copies(now_ms);
    let replicas = engine.replication.replicas();
    for replica in &replicas {
        hold_to_limits(engine, replica, now_ms);
    }
    if !each_second {
        return;
    }
    for replica in replicas.iter().filter(|r| r.phase() == Phase::Waiting && r.about.lock().psync) {
        // So that it does not take us for dead while its copy has not begun.
        replica.push(b"\n");
    }
    let seconds = (tick / 10) as i64;
    // While a replica is to catch up for good, the stream stands still.
    let still = engine.clients.holds(held::FAILOVER | held::SHUTDOWN);
    if !still && !replicas.is_empty() && seconds > 0 && seconds % config.repl_ping_replica_period_secs.get().max(1) == 0
    {
        engine.world.log.tell_replicas(PING);
    }
    let ttl_s = config.repl_backlog_ttl_secs.get();
    let alone_ms = now_ms - engine.replication.alone_since_ms.load(Relaxed);
    if replicas.is_empty()
        && ttl_s > 0
        && alone_ms > ttl_s.saturating_mul(1000)
        && !engine.is_replica()
        && engine.world.log.has_backlog()
    {
        log::notice(&format!("Replication backlog freed after {ttl_s} seconds without connected replicas."));
        // From here on nothing is counted, so nobody may take what comes for the same history.
        engine.replication.new_history();
        engine.world.log.free_backlog();
    }
}

/// Tells our primary how far we are, and looks whether it is still there.
fn acknowledge(engine: &Engine, now_ms: i64) {
    let client = engine.replication.with_link(|l| l.client.clone().filter(|_| l.state == LinkState::Connected));
    let Some(client) = client else { return };
    let timeout_ms = engine.config.repl_timeout_secs.get().saturating_mul(1000);
    if now_ms - client.last_active_ms.load(Relaxed) > timeout_ms {
        log::warning("MASTER timeout: no data nor PING received...");
        client.post(|m| m.kill = Some(false));
        return;
    }
    send_ack(engine, &client);
}

pub fn send_ack(engine: &Engine, client: &Client) {
    let ack = engine.ack();
    client.post(|m| m.output.raw(&ack));
}

/// `repl-timeout`, and `client-output-buffer-limit` for what waits in the backlog.
fn hold_to_limits(engine: &Engine, replica: &Arc<Replica>, now_ms: i64) {
    let config = &engine.config;
    let timeout_ms = config.repl_timeout_secs.get().saturating_mul(1000);
    let heard_ms = replica.acked_ms.load(Relaxed).max(replica.client.last_active_ms.load(Relaxed));
    let waits_for_it = replica.is_online() || (replica.phase() == Phase::Copying && replica.has_copy());
    if waits_for_it && now_ms - heard_ms > timeout_ms {
        log::warning(&format!("Disconnecting timedout replica (streaming sync): {}", replica.name()));
        replica.client.post(|m| m.kill = Some(false));
        return replica.stop();
    }
    let limit = config.client_output_buffer_limit.get(Class::Replica);
    let lag = replica.lag(engine) as i64;
    replica.client.shared_bytes.store(lag.unsigned_abs(), Relaxed);
    // What the backlog keeps anyway is no reason to drop anybody, as in Redis 7.
    let least = config.repl_backlog_size.get();
    let over = |bytes: i64| bytes > 0 && lag > bytes.max(least);
    let since = match (over(limit.soft_bytes), replica.behind_since_ms.load(Relaxed)) {
        (false, _) => 0,
        (true, 0) => now_ms,
        (true, since) => since,
    };
    replica.behind_since_ms.store(since, Relaxed);
    if over(limit.hard_bytes) || (since > 0 && now_ms - since > limit.soft_seconds * 1000) {
        engine.cut_off(&replica.client, now_ms);
        replica.client.post(|m| m.kill = Some(false));
        replica.stop();
    }
}
