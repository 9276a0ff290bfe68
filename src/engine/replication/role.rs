//! Becoming a replica of somebody, or a primary again. Everything is held meanwhile, so that no command is half one thing
//! and half the other.

use super::{Ids, LinkState};
use crate::engine::errors::Error;
use crate::engine::{Engine, LogLevel, gates};
use crate::resp::Reply;

impl Engine {
    /// REPLICAOF host port.
    pub fn follow(&self, host: &str, port: u16, now_ms: i64) {
        let was_primary = !self.is_replica();
        self.end_link(now_ms);
        self.set_gate(gates::REPLICA, true);
        if was_primary {
            // What this server had written is a history like any other: the new primary may know it.
            self.world.log.set_relaying(true);
            self.end_waits();
        }
        self.replication.with_link(|link| {
            link.primary = Some((host.to_owned(), port));
            link.state = LinkState::Connect;
        });
        self.config.set_replicaof(Some((host, port)));
        self.review_replicas(now_ms);
        self.log(LogLevel::Notice, &format!("Connecting to MASTER {host}:{port}"));
    }

    /// REPLICAOF NO ONE.
    pub fn lead(&self, now_ms: i64) {
        self.end_link(now_ms);
        let log = &self.world.log;
        log.set_relaying(false);
        // Those who had the old history up to here have the new one.
        self.replication.branch(log.offset());
        self.replication.with_link(|link| {
            link.primary = None;
            link.state = LinkState::None;
            link.down_since_s = 0;
            if std::mem::take(&mut link.torn) | std::mem::take(&mut link.garbled) {
                self.replication.new_history();
            }
        });
        // They have to hear of the new history's name.
        self.drop_replicas();
        self.replication.alone_since_ms.store(now_ms, std::sync::atomic::Ordering::Relaxed);
        self.config.set_replicaof(None);
        self.set_gate(gates::REPLICA, false);
        self.review_replicas(now_ms);
    }

    /// Nothing that the present link does counts any more.
    fn end_link(&self, now_ms: i64) {
        let client = self.replication.with_link(|link| {
            link.generation += 1;
            let client = link.client.take();
            if client.is_some() {
                link.down_since_s = now_ms / 1000;
            }
            client
        });
        if let Some(client) = client {
            client.post(|m| m.kill = Some(false));
        }
    }

    /// Clients that wait for keys here would wait for ever.
    fn end_waits(&self) {
        for client in self.clients.list() {
            let wait = client.wait.lock().clone();
            if let Some(wait) = wait.filter(|w| w.interrupt()) {
                let mut reply = Reply::new(wait.proto);
                reply.error(&Error::UNBLOCKED_BY_ROLE.text());
                client.post(|m| {
                    m.unblocked = Some(reply.to_bytes());
                    m.kill = Some(true);
                });
            }
        }
    }

    /// The link is up, on history `id`; everything is held. `copied`: at this offset, with a dataset that just came;
    /// otherwise the stream goes on where it ended.
    pub fn join(&self, id: &str, copied: Option<u64>) {
        let log = &self.world.log;
        let ids = self.replication.ids();
        match copied {
            Some(offset) => {
                self.replication.set_ids(Ids { now: id.to_owned(), before: super::NO_ID.to_owned(), before_until: -1 });
                log.set_offset(offset);
            }
            None if !id.is_empty() && id != ids.now => {
                self.replication.branch_into(id, log.offset());
                self.drop_replicas();
            }
            None => {}
        }
        log.set_relaying(true);
        log.create_backlog(self.config.repl_backlog_size.get() as usize);
    }
}
