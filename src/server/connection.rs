//! One connection: bytes in, turns of the engine, bytes out. An idle connection owns no buffer: reading goes through the
//! worker's, and replies leave in the turn that made them; only what is incomplete or unsent is kept here.

mod send;

use super::stream::Stream;
use super::worker::{Guard, Incoming, with_local};
use crate::engine::config::AppendFsync;
use crate::engine::{
    Engine,
    blocking::TimedOut,
    client_filter,
    clients::Client,
    clients::flag,
    replication::{LinkState, replica::Piece},
    session::{PrimaryLink, ReplyMode, Session},
    stats::WorkerStats,
    worker::Ended,
};
use crate::keyspace::db::ExpiryMode;
use crate::keyspace::log::Positions;
use crate::resp::Reply;
use crate::resp::reply::Chunk;
use crate::resp::request::Partial;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;

/// Bytes of a large word asked of the socket at once: they are zeroed before, so no more than a read mostly brings.
const READ_AT_ONCE: usize = 256 * 1024;

/// The begin of a command, if it is no longer than this, is moved to the read buffer rather than what comes behind it.
const MOVED_BACK: usize = 8 * 1024;

/// Bytes taken for a replica before they are sent.
const REPLICA_AHEAD: usize = 256 * 1024;

pub struct Connection {
    engine: Arc<Engine>,
    stream: Stream,
    session: Session,
    /// Received, but not yet run: an incomplete command, or what waits for a pause to end. `query[at..]` is unread.
    query: Vec<u8>,
    at: usize,
    partial: Option<Box<Partial>>,
    unsent: VecDeque<Chunk>,
    /// Bytes of all chunks in `unsent`.
    unsent_bytes: usize,
    /// What is unsent leaves when everybody who is ready by now has been served.
    later: bool,
    /// It ends without waiting for anything to be sent.
    cut: bool,
    /// Nothing may be sent before the log is safe up to here (`appendfsync always`).
    safe_at: Option<u64>,
    /// It is what others wrote that has to be safe: that is waited for only while the log can be written.
    saw_others: bool,
    /// Since when more is unsent than the soft limit allows (Unix ms).
    over_soft_since_ms: Option<i64>,
    /// Bytes of the first unsent chunk that are sent.
    sent: usize,
    /// Complete commands may be left in `query`.
    more: bool,
    closing: bool,
    /// The other side turned out to be a replica.
    serves_replica: bool,
    wait: Option<Pin<Box<tokio::time::Sleep>>>,
    _guard: Guard,
}

/// Takes a connection over, on the worker's thread.
pub fn spawn(engine: Arc<Engine>, incoming: Incoming, guard: Guard) {
    let (incoming, link) = match incoming {
        Incoming::Primary(primary) => {
            let told = Some((primary.db, primary.generation));
            (Incoming::Primary(primary), told)
        }
        other => (other, None),
    };
    let Ok((stream, addr, laddr, fd)) = Stream::open(incoming) else {
        // A primary that is gone already: the link begins anew.
        if let Some((_, generation)) = link
            && engine.replication.is_current(generation)
        {
            engine.replication.with_link(|l| l.state = crate::engine::replication::LinkState::Connect);
        }
        return;
    };
    let unix = matches!(stream, Stream::Unix(_));
    let client = Arc::new(Client::new(engine.clients.next_id(), &addr, &laddr, fd, super::now_ms()));
    client.set_flag(flag::UNIX, unix);
    engine.clients.add(&client);
    engine.shared_stats.connections.fetch_add(1, Relaxed);
    client.worker.store(super::worker::seat(), Relaxed);
    let id = client.id;
    let mut session = Session::new(client, false);
    engine.acl.begin(&mut session);
    if let Some((db, generation)) = link {
        session.db = db;
        follow(&engine, &mut session, generation);
    }
    let connection = Arc::new(Mutex::new(Connection {
        engine,
        stream,
        session,
        query: Vec::new(),
        at: 0,
        partial: None,
        unsent: VecDeque::new(),
        unsent_bytes: 0,
        later: false,
        cut: false,
        safe_at: None,
        saw_others: false,
        over_soft_since_ms: None,
        sent: 0,
        more: false,
        closing: false,
        serves_replica: false,
        wait: None,
        _guard: guard,
    }));
    super::busy::register(id, &connection);
    tokio::spawn(Task(connection));
}

/// Makes a session that of our primary: what it sends is carried out, and not answered.
fn follow(engine: &Engine, session: &mut Session, generation: u64) {
    (session.internal, session.authenticated) = (true, true);
    (session.expiry, session.reply_mode) = (ExpiryMode::Ignore, ReplyMode::Off);
    session.link = Some(Box::new(PrimaryLink { generation, pending: Vec::new() }));
    let client = session.client.clone();
    client.set_flag(flag::PRIMARY, true);
    // No user's rights bound what the primary sends.
    client.set_flag(flag::LIMITED, false);
    client.about.lock().user = b"(superuser)".to_vec();
    client.db.store(session.db, Relaxed);
    engine.replication.with_link(|link| {
        if link.generation == generation {
            (link.client, link.state) = (Some(client.clone()), LinkState::Connected);
            (link.last_io_ms, link.down_since_s) = (super::now_ms(), 0);
        }
    });
    super::replication::send_ack(engine, &client);
}

/// The connection's own task. Nobody else takes the lock, but this same thread while a script keeps the task from running.
struct Task(Arc<Mutex<Connection>>);

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut connection = self.0.lock();
        connection.session.client.set_waker(cx.waker());
        match connection.drive(cx) {
            Poll::Pending => Poll::Pending,
            // Whatever the error, the other side is gone.
            Poll::Ready(Ok(()) | Err(_)) => Poll::Ready(()),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(wait) = self.session.waiting.take() {
            wait.end();
            with_local(|l| l.worker.forget_wait(&mut self.session, &wait));
        }
        self.engine.clients.remove(self.session.client.id);
        super::busy::forget(self.session.client.id);
        if let Some(replica) = self.session.replica.take() {
            self.engine.remove_replica(&replica, super::now_ms());
        }
        if self.session.link.is_some() {
            // Where the stream goes on needs to know the database it had selected.
            let db = self.session.db;
            self.engine.replication.with_link(|l| {
                if l.client.as_ref().is_some_and(|c| c.id == self.session.client.id) {
                    l.db = db;
                }
            });
            if self.engine.replication.link_lost(&self.session.client, super::now_ms()) {
                super::log::notice("Connection with master lost.");
            }
        }
        if self.session.subscriptions.is_some() || self.session.client.has(flag::TRACKING | flag::MONITOR) {
            with_local(|l| l.worker.forget_client(&mut self.session));
        }
        if self.session.multi.is_noted() {
            with_local(|l| l.worker.forget_watches(&mut self.session));
        }
    }
}

/// While a script overruns its time on this thread.
impl Connection {
    /// Reads what has come and answers it, past the runtime, which does not run meanwhile: it will find out for itself that
    /// the bytes are gone. `worker` is not this thread's own, which is inside the script.
    pub fn attend(&mut self, worker: &mut crate::engine::worker::Worker, read: &mut [u8]) {
        self.flush_now();
        if self.closing || !self.unsent.is_empty() || self.session.waiting.is_some() || self.wait.is_some() {
            return;
        }
        let n = match self.stream.read_now(read) {
            Ok(n) if n > 0 => n,
            // Nothing came; or it is closed, which the task will see.
            _ => return,
        };
        self.session.client.received(n);
        self.query.extend_from_slice(&read[..n]);
        worker.reply.proto = self.session.proto;
        let ended = worker.busy_turn(&mut self.session, &self.query, &mut self.at, &mut self.partial, super::now_ms());
        if self.at == self.query.len() {
            self.query = Vec::new();
            self.at = 0;
        }
        self.after_turn(ended);
        let sent = self.stream.write_now(&worker.reply.buf).unwrap_or(0);
        if sent < worker.reply.len() {
            self.sent = sent;
            worker.reply.take_chunks().into_iter().for_each(|chunk| self.keep(chunk));
        }
        worker.reply.clear();
    }
}

impl Connection {
    /// Goes on until nothing can be done now. `Ready` means the connection is over.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if std::mem::take(&mut self.later) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.collect_mail(cx)?;
            if let Some(position) = self.safe_at {
                let persist = &self.engine.persist;
                let reached = persist.durable.reached(position, cx.waker());
                // Asked for after the waker was left there: so no failure is missed.
                let in_vain = || self.saw_others && !persist.log.write_ok.load(Acquire);
                if !reached && !in_vain() {
                    return Poll::Pending;
                }
                self.safe_at = None;
            }
            if self.session.client.has(flag::REPLICA) {
                return self.drive_replica(cx);
            }
            if !self.unsent.is_empty() {
                ready!(self.flush(cx))?;
            }
            let pushed = self.stream.poll_push(cx)?;
            if self.closing {
                if self.cut {
                    // Whoever does not read keeps nothing open: what fits is sent, the rest is not waited for.
                    let _ = self.stream.poll_close(cx);
                    return Poll::Ready(Ok(()));
                }
                ready!(pushed);
                return self.stream.poll_close(cx);
            }
            if self.session.waiting.is_some() {
                ready!(self.wait_for_keys(cx))?;
                continue;
            }
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            if !self.more {
                ready!(self.receive(cx))?;
            } else {
                self.run_query(cx)?;
            }
        }
    }

    /// As [`drive`](Self::drive), for a replica: the copy and the stream go out while acknowledgements come in.
    fn drive_replica(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.serves_replica, true) && self.engine.config.repl_disable_tcp_nodelay.get() {
            // Fewer and fuller packets, at the cost of some milliseconds.
            self.stream.gather()?;
        }
        loop {
            self.collect_mail(cx)?;
            if self.closing {
                return Poll::Ready(Ok(()));
            }
            let _ = self.stream.poll_push(cx)?;
            let mut went_on = self.take_stream(cx);
            if !self.unsent.is_empty() {
                let sent = self.flush(cx);
                went_on |= matches!(sent, Poll::Ready(Ok(())));
                if let Poll::Ready(Err(e)) = sent {
                    return Poll::Ready(Err(e));
                }
            }
            let received = if self.more { Poll::Ready(self.run_query(cx)) } else { self.receive(cx) };
            match received {
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Ready(Ok(())) => {}
                Poll::Pending if !went_on => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }

    /// Takes what is to be sent to a replica next, up to what a socket takes at once. True if there was something.
    fn take_stream(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(replica) = self.session.replica.clone() else { return false };
        let before = self.unsent_bytes();
        while self.unsent_bytes() < REPLICA_AHEAD {
            match replica.next(&self.engine, cx.waker()) {
                Some(Piece::Bytes(bytes)) => self.keep(Chunk::Own(bytes)),
                Some(Piece::Stream(chunk)) => self.keep(Chunk::Own(chunk.to_vec())),
                Some(Piece::End) => {
                    self.closing = true;
                    self.drop_unsent();
                    return true;
                }
                None => break,
            }
        }
        let more = self.unsent_bytes().saturating_sub(before);
        if more > 0 {
            self.session.client.passed_on(more);
            with_local(|l| {
                l.worker.stats.net_out.add(more as u64);
                l.worker.stats.net_repl_out.add(more as u64);
            });
        }
        more > 0
    }

    fn collect_mail(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(mut mail) = self.session.client.collect() else {
            return Ok(());
        };
        if !mail.output.is_empty() && mail.kill != Some(false) {
            self.session.client.passed_on(mail.output.len());
            with_local(|l| self.send(cx, &mut mail.output, &l.worker.stats))?;
            self.note_waiting();
        } else if mail.recheck {
            self.limit_output();
        }
        if mail.resume || mail.recheck {
            self.wait = None;
        }
        if let Some(reply) = mail.unblocked {
            if self.session.waiting.as_ref().is_some_and(|w| !matches!(w.timed_out, TimedOut::Acks(_))) {
                // Whoever served this client has handed in what that changed.
                self.session.written = self.engine.world.log.offset();
            }
            let log = &self.engine.world.log;
            if log.has_tap() && self.engine.config.appendfsync.get() == AppendFsync::Always {
                // Whoever served this client has handed in what that changed.
                (self.safe_at, self.saw_others) = (Some(log.positions().tap), false);
            }
            self.stop_waiting(&reply);
        }
        if let Some(gently) = mail.kill {
            self.closing = true;
            if !gently {
                self.drop_unsent();
            }
        }
        Ok(())
    }

    /// While the client waits for keys: notices that time is up, or that the client is gone. Others end the wait by mail.
    fn wait_for_keys(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(wait) = self.session.waiting.clone()
            && let Some(until_ms) = wait.until_ms
        {
            let left_ms = (until_ms - super::now_ms()).max(0) as u64;
            let sleep = || Box::pin(tokio::time::sleep(Duration::from_millis(left_ms)));
            if self.wait.get_or_insert_with(sleep).as_mut().poll(cx).is_ready() {
                if super::now_ms() < until_ms {
                    self.wait = None;
                    return Poll::Ready(Ok(()));
                }
                if wait.end() {
                    let mut reply = Reply::new(wait.proto);
                    wait.timed_out.write(&self.engine, &mut reply);
                    self.stop_waiting(&reply.to_bytes());
                    return Poll::Ready(Ok(()));
                }
                // Somebody is serving it at this moment: either the reply or `recheck` is on its way.
            }
        }
        self.receive_more(cx)
    }

    fn stop_waiting(&mut self, reply: &[u8]) {
        self.wait = None;
        if let Some(wait) = self.session.waiting.take() {
            with_local(|l| l.worker.forget_wait(&mut self.session, &wait));
            if self.session.reply_mode == ReplyMode::On {
                self.keep(Chunk::Own(reply.to_vec()));
            }
        }
    }

    /// Reads once and runs what came.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let kept = self.query.len() - self.at;
        if kept > MOVED_BACK || self.partial.as_ref().is_some_and(|p| p.missing(kept) > super::worker::READ_SIZE - kept)
        {
            ready!(self.receive_more(cx))?;
            return Poll::Ready(self.run_query(cx));
        }
        let me = self;
        with_local(|local| {
            // The begin of a command that the last read ended in goes before what comes now: so nothing large is ever copied.
            local.read[..kept].copy_from_slice(&me.query[me.at..]);
            let mut buf = ReadBuf::new(&mut local.read[kept..]);
            ready!(me.stream.poll_read(cx, &mut buf))?;
            let n = buf.filled().len();
            if n == 0 {
                me.closing = true;
                return Poll::Ready(Ok(()));
            }
            (me.query, me.at) = (Vec::new(), 0);
            local.worker.stats.net_in.add(n as u64);
            if me.session.link.is_some() {
                local.worker.stats.net_repl_in.add(n as u64);
            }
            local.worker.stats.reads.add(1);
            me.session.client.received(n);
            let (n, mut at) = (kept + n, 0);
            let worker = &mut local.worker;
            worker.reply.proto = me.session.proto;
            let before = worker.stats.processed.get();
            let ended = worker.turn(&mut me.session, &local.read[..n], &mut at, &mut me.partial, super::now_ms());
            if at < n {
                me.query = local.read[at..n].to_vec();
                me.limit_query();
            }
            me.after_turn(ended);
            me.after_log(worker.access.take_logged(), &local.flush);
            let several = worker.stats.processed.get() > before + 1;
            let sent = if several && me.send_later(&mut worker.reply, &worker.stats) {
                Ok(())
            } else {
                me.send(cx, &mut worker.reply, &worker.stats)
            };
            me.note_waiting();
            Poll::Ready(sent)
        })
    }

    /// Reads behind what is already there.
    fn receive_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.at > 0 {
            self.query.drain(..self.at);
            self.at = 0;
        }
        let missing = self.partial.as_ref().map_or(0, |p| p.missing(self.query.len()));
        // Grow with what arrives, not with what is announced: at most double what is already here.
        let room = missing.clamp(16 * 1024, self.query.len().max(64 * 1024));
        let have = self.query.len();
        self.query.reserve(room);
        // Large words come straight to their place; what is small goes through the worker's buffer, and is copied.
        let n = if room > super::worker::READ_SIZE {
            self.query.resize(have + room.min(READ_AT_ONCE), 0);
            let mut buf = ReadBuf::new(&mut self.query[have..]);
            let polled = self.stream.poll_read(cx, &mut buf);
            let n = buf.filled().len();
            self.query.truncate(have + n);
            ready!(polled)?;
            n
        } else {
            let me = &mut *self;
            ready!(with_local(|local| {
                let mut buf = ReadBuf::new(&mut local.read);
                ready!(me.stream.poll_read(cx, &mut buf))?;
                me.query.extend_from_slice(buf.filled());
                Poll::Ready(io::Result::Ok(buf.filled().len()))
            }))?
        };
        if n == 0 {
            self.closing = true;
            return Poll::Ready(Ok(()));
        }
        self.session.client.received(n);
        self.limit_query();
        let linked = self.session.link.is_some();
        with_local(|l| {
            l.worker.stats.net_in.add(n as u64);
            if linked {
                l.worker.stats.net_repl_in.add(n as u64);
            }
            l.worker.stats.reads.add(1);
        });
        Poll::Ready(Ok(()))
    }

    /// Runs what `query` holds.
    fn run_query(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let me = self;
        with_local(|local| {
            let worker = &mut local.worker;
            worker.reply.proto = me.session.proto;
            let ended = worker.turn(&mut me.session, &me.query, &mut me.at, &mut me.partial, super::now_ms());
            if me.at == me.query.len() {
                me.query = Vec::new();
                me.at = 0;
            }
            me.after_turn(ended);
            me.after_log(worker.access.take_logged(), &local.flush);
            let sent = me.send(cx, &mut worker.reply, &worker.stats);
            me.note_waiting();
            sent
        })
    }

    /// What the turn logged must be written to the append-only file, and perhaps be safe there before the replies leave.
    #[inline]
    fn after_log(&mut self, logged: Option<Positions>, flush: &tokio::sync::Notify) {
        let Some(positions) = logged else {
            // What was read may be what somebody else wrote a moment ago: with `always`, whatever was seen stays. A log that cannot
            // be written at all is told of by MISCONF, and a link to another server reads nothing.
            let (log, persist) = (&self.engine.world.log, &self.engine.persist);
            let linked = self.session.replica.is_some() || self.session.link.is_some();
            if log.has_tap()
                && self.engine.config.appendfsync.get() == AppendFsync::Always
                && !linked
                && self.safe_at.is_none()
                && persist.log.write_ok.load(Acquire)
            {
                let position = log.tapped();
                if persist.durable.position() < position {
                    (self.safe_at, self.saw_others) = (Some(position), true);
                }
            }
            return;
        };
        self.session.written = positions.replication;
        if positions.tap == 0 {
            return;
        }
        if self.engine.config.appendfsync.get() == AppendFsync::Always {
            (self.safe_at, self.saw_others) = (Some(positions.tap), false);
        }
        flush.notify_one();
    }

    fn after_turn(&mut self, ended: Ended) {
        self.more = false;
        match ended {
            Ended::Drained => {}
            // What follows in the buffer runs once the wait is over.
            Ended::Blocked => self.more = true,
            Ended::Flush => self.more = true,
            Ended::Close => self.closing = true,
            Ended::Paused(until_ms) => {
                self.more = true;
                let ms = (until_ms - super::now_ms()).clamp(1, 60_000) as u64;
                self.wait = Some(Box::pin(tokio::time::sleep(std::time::Duration::from_millis(ms))));
            }
        }
    }

    /// Writes down what waits, for CLIENT LIST.
    #[inline]
    fn note_waiting(&self) {
        self.session.client.waiting(self.query.len() - self.at, self.unsent_bytes());
    }

    /// `client-query-buffer-limit`: closes the connection if more is buffered of commands that do not end.
    fn limit_query(&mut self) {
        let waiting = self.query.len() - self.at;
        if self.session.link.is_some() || waiting as i64 <= self.engine.config.client_query_buffer_limit.get() {
            return;
        }
        self.closing = true;
        self.engine.shared_stats.query_buffer_overruns.fetch_add(1, Relaxed);
        let first: String =
            self.query[self.at..].iter().take(64).flat_map(|b| b.escape_ascii()).map(char::from).collect();
        let who = client_filter::line(&self.session.client, super::now_ms(), None);
        super::log::warning(&format!(
            "Closing client that reached max query buffer length: {who} (qbuf initial bytes: \"{first}\")"
        ));
    }
}
