//! FAILOVER: the primary hands its role over to a replica that has everything, and follows it then. Writers wait meanwhile, so nothing is
//! lost and nothing is written twice.
//!
//! The thread of the primary's link moves it on ([`Engine::advance_failover`]): it waits for the acknowledgement, turns this server into
//! a replica, and asks the other one by PSYNC … FAILOVER to lead.

use super::replica::Replica;
use crate::engine::clients::held;
use crate::engine::errors::Error;
use crate::engine::{Engine, LogLevel, errors};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum State {
    #[default]
    None,
    /// No replica has everything yet.
    WaitingForSync,
    /// This server follows the replica already, which has not said yet that it leads.
    InProgress,
}

impl State {
    /// INFO's word.
    pub fn name(self) -> &'static str {
        match self {
            State::None => "no-failover",
            State::WaitingForSync => "waiting-for-sync",
            State::InProgress => "failover-in-progress",
        }
    }
}

/// What FAILOVER asked for.
#[derive(Clone, Default, Debug)]
pub struct Wanted {
    /// The replica that is to lead; else the first one that has everything.
    pub target: Option<(String, u16)>,
    /// When time is up, the target leads whatever it has.
    pub force: bool,
    /// Unix ms.
    pub until_ms: Option<i64>,
}

#[derive(Default)]
pub struct Failover {
    pub state: State,
    wanted: Wanted,
}

impl Engine {
    pub fn failover_state(&self) -> State {
        self.replication.failover.lock().state
    }

    /// FAILOVER. Everything is held.
    pub fn begin_failover(&self, wanted: Wanted) -> Result<(), Error> {
        if self.failover_state() != State::None {
            return Err(errors::FAILOVER_TWICE);
        }
        if self.is_replica() {
            return Err(errors::FAILOVER_ON_REPLICA);
        }
        let replicas = self.replication.replicas();
        if replicas.is_empty() {
            return Err(errors::FAILOVER_ALONE);
        }
        if wanted.force && (wanted.target.is_none() || wanted.until_ms.is_none()) {
            return Err(errors::FAILOVER_FORCE);
        }
        let name = match &wanted.target {
            None => "any replica".to_owned(),
            Some((host, port)) => {
                let target = replicas.iter().find(|r| r.address() == (host.clone(), *port));
                let target = target.ok_or(errors::FAILOVER_STRANGER)?;
                if !target.is_online() {
                    return Err(errors::FAILOVER_OFFLINE);
                }
                format!("{host}:{port}")
            }
        };
        self.log(LogLevel::Notice, &format!("FAILOVER requested to {name}."));
        *self.replication.failover.lock() = Failover { state: State::WaitingForSync, wanted };
        self.hold_writes(held::FAILOVER, true);
        self.ask_for_acks(self.world.log.offset());
        self.replication.with_link(|_| ()); // its thread looks
        Ok(())
    }

    /// Gives a failover up; on the way back to being a primary, if it had begun to follow. Everything is held. False if there is none.
    pub fn abort_failover(&self, why: &str, now_ms: i64) -> bool {
        let before = std::mem::take(&mut *self.replication.failover.lock());
        if before.state == State::None {
            return false;
        }
        let target = before.wanted.target.map_or("any replica".to_owned(), |(host, port)| format!("{host}:{port}"));
        self.log(LogLevel::Notice, &format!("Aborting failover to {target}: {why}"));
        if before.state == State::InProgress {
            self.lead(now_ms);
        }
        self.hold_writes(held::FAILOVER, false);
        true
    }

    /// The replica leads, and this server follows it.
    pub fn failover_succeeded(&self) {
        let before = std::mem::take(&mut *self.replication.failover.lock());
        if before.state != State::None {
            self.hold_writes(held::FAILOVER, false);
        }
    }

    /// Goes on with a failover, if there is one that waits. To be called often while there is.
    pub fn advance_failover(&self, now_ms: i64) {
        if self.failover_state() != State::WaitingForSync {
            return;
        }
        let wanted = self.replication.failover.lock().wanted.clone();
        let too_late = wanted.until_ms.is_some_and(|until| now_ms >= until);
        if !too_late && self.caught_up(&wanted).is_none() {
            return;
        }
        let Some(mut access) = self.visit() else { return };
        access.raise();
        // Whatever was under way is written down by now, and somebody may have given up.
        if self.failover_state() != State::WaitingForSync {
            return;
        }
        let (host, port) = match self.caught_up(&wanted) {
            Some(replica) => {
                let (host, port) = replica.address();
                self.log(LogLevel::Notice, &format!("Failover target {host}:{port} is synced, failing over."));
                (host, port)
            }
            None if !too_late => return,
            None => match wanted.target.clone().filter(|_| wanted.force) {
                Some((host, port)) => {
                    let text = format!("Failover target {host}:{port} time out exceeded, failing over.");
                    self.log(LogLevel::Notice, &text);
                    (host, port)
                }
                None => {
                    self.abort_failover("Replica never caught up before timeout", now_ms);
                    return;
                }
            },
        };
        {
            let mut failover = self.replication.failover.lock();
            failover.state = State::InProgress;
            failover.wanted.target = Some((host.clone(), port));
        }
        self.follow(&host, port, now_ms);
    }

    /// A replica that may lead and has everything.
    fn caught_up(&self, wanted: &Wanted) -> Option<Arc<Replica>> {
        let meant = |r: &Replica| wanted.target.as_ref().is_none_or(|t| r.address() == *t);
        let has_all = |r: &Arc<Replica>| r.is_online() && meant(r) && self.has_all(r);
        self.replication.replicas().into_iter().find(has_all)
    }
}
