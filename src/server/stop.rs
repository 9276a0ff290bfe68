//! The time between a wish to stop and the end: replicas that lag behind get a chance to catch up (`shutdown-timeout`), while
//! nobody may write. SHUTDOWN ABORT ends that, NOW leaves it out.

use super::{log, now_ms};
use crate::engine::clients::{Client, held};
use crate::engine::errors::Error;
use crate::engine::replication::replica::Phase;
use crate::engine::{Engine, Shutdown, gates};
use crate::keyspace::world::Access;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(10);

/// A wait that is going on, if one is.
#[derive(Default)]
pub struct Stopping(Mutex<Option<Wait>>);

struct Wait {
    /// Where replicas must have got to.
    offset: u64,
    aborted: bool,
    /// Who called SHUTDOWN.
    clients: Vec<Arc<Client>>,
}

impl Stopping {
    /// Begins to wait, if there is anything to wait for. `end` is called when that is over, everything held; it does not return
    /// if the process ends. False if there is no need to wait.
    pub fn wait(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        how: Shutdown,
        client: Option<&Arc<Client>>,
        end: impl FnOnce(&mut Access) + Send + 'static,
    ) -> bool {
        let timeout_ms = engine.config.shutdown_timeout_secs.get().saturating_mul(1000);
        if how.now {
            return false;
        }
        let mut wait = self.0.lock();
        if let Some(wait) = &mut *wait {
            wait.clients.extend(client.cloned());
            return true;
        }
        let offset = engine.world.log.offset();
        if timeout_ms == 0 || engine.is_replica() || lagging(engine, offset) == 0 {
            return false;
        }
        log::notice("Waiting for replicas before shutting down.");
        *wait = Some(Wait { offset, aborted: false, clients: client.cloned().into_iter().collect() });
        drop(wait);
        let until_ms = now_ms().saturating_add(timeout_ms);
        UNTIL_MS.store(until_ms, Relaxed);
        engine.set_gate(gates::SHUTTING_DOWN, true);
        engine.hold_writes(held::SHUTDOWN, true);
        engine.ask_for_acks(offset);
        let (me, its_engine) = (self.clone(), engine.clone());
        let watch = move || me.watch(&its_engine, until_ms, end);
        let waits = super::os::spawn("shutdown", watch).is_ok();
        if !waits {
            // Without a thread to wait with there is no waiting.
            self.0.lock().take();
            resume(engine);
        }
        waits
    }

    fn watch(&self, engine: &Arc<Engine>, until_ms: i64, end: impl FnOnce(&mut Access)) {
        loop {
            std::thread::sleep(TICK);
            let Some((offset, aborted)) = self.0.lock().as_ref().map(|wait| (wait.offset, wait.aborted)) else {
                return;
            };
            if aborted {
                log::warning("Shutdown manually aborted.");
                break;
            }
            if lagging(engine, offset) > 0 && now_ms() < until_ms {
                continue;
            }
            tell(engine, offset);
            let Some(mut access) = engine.visit() else { continue };
            end(&mut access);
            access.leave();
            break;
        }
        // It goes on.
        resume(engine);
        let clients = self.0.lock().take().map(|wait| wait.clients).unwrap_or_default();
        for client in clients {
            let reply = format!("-{}\r\n", Error::SHUTDOWN_FAILED.text()).into_bytes();
            client.post(|mail| mail.unblocked = Some(reply));
        }
    }

    /// SHUTDOWN ABORT: false if nothing is waiting, or it is called off already.
    pub fn abort(&self) -> bool {
        self.0.lock().as_mut().is_some_and(|wait| !std::mem::replace(&mut wait.aborted, true))
    }

    pub fn is_under_way(&self) -> bool {
        self.0.lock().as_ref().is_some_and(|wait| !wait.aborted)
    }
}

/// Those who write may go on.
fn resume(engine: &Engine) {
    engine.set_gate(gates::SHUTTING_DOWN, false);
    engine.hold_writes(held::SHUTDOWN, false);
}

/// When the wait is over at the latest.
static UNTIL_MS: AtomicI64 = AtomicI64::new(0);

/// Milliseconds that are left of the wait.
pub fn left_ms() -> i64 {
    (UNTIL_MS.load(Relaxed) - now_ms()).max(0)
}

fn lagging(engine: &Engine, offset: u64) -> usize {
    let replicas = engine.replication.replicas();
    replicas.iter().filter(|r| r.phase() == Phase::Online && r.acked.load(Relaxed) < offset).count()
}

fn tell(engine: &Engine, offset: u64) {
    let replicas = engine.replication.replicas();
    for replica in &replicas {
        let behind = offset.saturating_sub(replica.acked.load(Relaxed));
        if behind > 0 {
            let lag_s = (now_ms() - replica.acked_ms.load(Relaxed)) / 1000;
            log::notice(&format!(
                "Lagging replica {} reported offset {behind} behind master, lag={lag_s}, state={}.",
                replica.name(),
                if replica.phase() == Phase::Online { "online" } else { "wait_bgsave" }
            ));
        }
    }
    let in_sync = replicas.len() - lagging(engine, offset);
    log::notice(&format!("{in_sync} of {} replicas are in sync when shutting down.", replicas.len()));
}
