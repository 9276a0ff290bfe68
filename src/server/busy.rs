//! What a worker's thread does for its clients while a script keeps it: the script's machine comes by every so often, and
//! whoever sent something meanwhile is told that the server is busy, or may end the script. New connections are taken in too:
//! the one that wants to end it is most likely among them.

use super::connection::Connection;
use super::worker::{Guard, Incoming};
use crate::engine::Engine;
use crate::engine::worker::Worker;
use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;

/// From one visit to the next. Looking at every connection takes a while; the script should get most of the time.
const PAUSE: Duration = Duration::from_millis(10);

struct Attendant {
    engine: Arc<Engine>,
    inbox: UnboundedReceiver<Incoming>,
    load: Arc<AtomicUsize>,
    connections: HashMap<u64, Weak<Mutex<Connection>>>,
    /// Not the thread's own, which is inside the script. Made at the first need.
    worker: Option<Box<Worker>>,
    last: Option<Instant>,
}

thread_local! {
    static ATTENDANT: RefCell<Option<Attendant>> = const { RefCell::new(None) };
}

fn with<R>(f: impl FnOnce(&mut Attendant) -> R) -> Option<R> {
    ATTENDANT.with_borrow_mut(|a| a.as_mut().map(f))
}

/// At the start of a worker's thread.
pub fn prepare(engine: Arc<Engine>, inbox: UnboundedReceiver<Incoming>, load: Arc<AtomicUsize>) {
    let connections = HashMap::new();
    ATTENDANT.set(Some(Attendant { engine, inbox, load, connections, worker: None, last: None }));
}

pub fn register(id: u64, connection: &Arc<Mutex<Connection>>) {
    with(|a| a.connections.insert(id, Arc::downgrade(connection)));
}

pub fn forget(id: u64) {
    // A thread that ends has let go of the table already.
    let _ = ATTENDANT.try_with(|a| a.try_borrow_mut().map(|mut a| a.as_mut().map(|a| a.connections.remove(&id))));
}

/// The next connection that the acceptor sends.
pub fn poll_inbox(cx: &mut Context<'_>) -> Poll<Option<(Incoming, Guard)>> {
    let next = with(|a| a.inbox.poll_recv(cx).map(|i| i.map(|i| (i, Guard(a.load.clone())))));
    next.unwrap_or(Poll::Ready(None))
}

/// Answers whoever sent something. On the thread that runs the script, from within it.
pub fn attend() {
    let Some(Some((engine, arrived, connections))) = with(|a| {
        if a.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return None;
        }
        a.last = Some(Instant::now());
        let mut arrived = Vec::new();
        while let Ok(incoming) = a.inbox.try_recv() {
            arrived.push((incoming, Guard(a.load.clone())));
        }
        // A snapshot: taking new ones in changes the table.
        Some((a.engine.clone(), arrived, a.connections.values().cloned().collect::<Vec<_>>()))
    }) else {
        return;
    };
    for (incoming, guard) in arrived {
        super::connection::spawn(engine.clone(), incoming, guard);
    }
    let seat = super::worker::seat() as usize;
    let worker = with(|a| a.worker.take()).flatten();
    let mut worker = worker.unwrap_or_else(|| Box::new(Worker::new(engine, seat, crate::base::rng::entropy_u64())));
    let mut read = vec![0; 16 * 1024];
    for connection in connections {
        // The one whose script runs is in use.
        if let Some(connection) = connection.upgrade()
            && let Some(mut connection) = connection.try_lock()
        {
            connection.attend(&mut worker, &mut read);
        }
    }
    with(|a| a.worker = Some(worker));
}
