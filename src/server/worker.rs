//! A worker thread: its own current-thread runtime, its engine worker, and the connections that were given to it.

use super::connection;
use super::persist::Persist;
use crate::engine::{Engine, worker::Worker};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::{Notify, mpsc};

/// A connection on its way to a worker.
pub enum Incoming {
    Tcp(std::net::TcpStream),
    /// After the handshake.
    Tls(std::net::TcpStream, Box<rustls::Connection>),
    Unix(std::os::unix::net::UnixStream),
    Primary(Box<Primary>),
}

/// The connection to our primary, from where the stream begins.
pub struct Primary {
    pub stream: crate::client::Stream,
    /// What came of the stream already.
    pub aside: super::replication::aside::Aside,
    /// The database that the stream has selected.
    pub db: u32,
    pub generation: u64,
}

/// The acceptor's view of a worker.
pub struct Handle {
    pub inbox: mpsc::UnboundedSender<Incoming>,
    /// Connections that it has.
    pub load: Arc<AtomicUsize>,
}

/// What a worker thread has for all its connections: one engine worker, one read buffer.
pub struct Local {
    pub worker: Worker,
    pub read: Box<[u8]>,
    /// Something was logged.
    pub flush: Arc<Notify>,
}

/// This thread's worker's number.
pub fn seat() -> u32 {
    SEAT.get()
}

/// True on the threads that serve connections.
pub fn is_worker() -> bool {
    IS_WORKER.get()
}

/// Bytes read from a socket at once: as many as leave room for others in the nearest cache. Twice as many cost a SET 4% more.
pub const READ_SIZE: usize = 32 * 1024;

thread_local! {
    /// This worker's number.
    static SEAT: Cell<u32> = const { Cell::new(0) };
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
    static LOCAL: RefCell<Option<Local>> = const { RefCell::new(None) };
}

/// Runs `f` with this thread's worker. Only from worker threads, never nested.
pub fn with_local<R>(f: impl FnOnce(&mut Local) -> R) -> R {
    LOCAL.with_borrow_mut(|local| match local {
        Some(l) => {
            let lent = Lent(l);
            f(&mut *lent.0)
        }
        None => unreachable!("connections live on worker threads only"),
    })
}

/// A worker that is being used: if its user panics, it lets go of all that it held, and the process ends with a report.
struct Lent<'a>(&'a mut Local);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let client = self.0.worker.post.me;
            self.0.worker.abandon();
            super::crash::finish(Some(client).filter(|id| *id != 0));
        }
    }
}

/// Starts worker `seat`.
pub fn start(engine: Arc<Engine>, persist: Arc<Persist>, seat: usize) -> std::io::Result<Handle> {
    let (inbox, outbox) = mpsc::unbounded_channel();
    let load = Arc::new(AtomicUsize::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(61).build()?;
    let own_load = load.clone();
    let mut walks = persist.walker();
    super::os::spawn(&format!("worker-{seat}"), move || {
        let seed = crate::base::rng::entropy_u64();
        let worker = Worker::new(engine.clone(), seat, seed);
        let flush = Arc::new(Notify::new());
        let read = vec![0; READ_SIZE].into_boxed_slice();
        LOCAL.set(Some(Local { worker, read, flush: flush.clone() }));
        SEAT.set(seat as u32);
        IS_WORKER.set(true);
        super::busy::prepare(engine.clone(), outbox, own_load);
        runtime.block_on(async move {
            tokio::spawn(super::cron::expire(engine.clone(), seat));
            tokio::spawn(super::free::give_back());
            tokio::spawn(async move {
                while let Some(walk) = walks.recv().await {
                    super::persist::walk::take_part(walk).await;
                }
            });
            tokio::spawn(async move {
                // Told by the first turn that logs something, this runs after all connections that were ready.
                loop {
                    flush.notified().await;
                    persist.log_file.logged();
                }
            });
            if seat == 0 {
                tokio::spawn(super::sampler::run(engine.clone()));
            }
            tokio::spawn(distribute(engine.clone(), seat));
            while let Some((incoming, guard)) = std::future::poll_fn(super::busy::poll_inbox).await {
                connection::spawn(engine.clone(), incoming, guard);
            }
        });
    })?;
    Ok(Handle { inbox, load })
}

/// Clients woken for their mail before sockets are looked at again: writes cost microseconds each, and whoever publishes
/// meanwhile adds to what the rest will get with one write.
const WOKEN_AT_ONCE: usize = 16;

/// Hands out what other threads send to this worker's clients, and has clients with mail look at it, a few at a time.
async fn distribute(engine: Arc<Engine>, seat: usize) {
    loop {
        std::future::poll_fn(|cx| {
            if let Some(inbox) = engine.inboxes.get(seat) {
                inbox.set_waker(cx.waker());
            }
            let more = with_local(|local| {
                local.worker.post.set_alarm(cx.waker());
                local.worker.distribute(super::now_ms());
                local.worker.post.wake_some(WOKEN_AT_ONCE)
            });
            if more { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        tokio::task::yield_now().await;
    }
}

/// Counts a connection out when it ends.
pub struct Guard(pub Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
