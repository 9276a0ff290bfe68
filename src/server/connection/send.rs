//! What goes out: replies and mail, in the order in which they came to be, and the limits on what waits.

use super::*;

/// Small pieces that wait to be sent are put together up to this size.
const MERGED_CHUNK: usize = 16 * 1024;

/// Replies to several commands, together no longer than this, leave at the end of the round: see [`Connection::send_later`].
const LATER: usize = 1024;

impl Connection {
    /// Keeps short replies until everybody who is ready by now has been served; false if that is not for these. The first of many
    /// that are sent one after the other wakes the other side, and the rest find it awake: with 50 clients that send 8 or 32
    /// commands at once, it saves a tenth of all that is spent on a command. A lone command's reply would gain nothing.
    pub(super) fn send_later(&mut self, reply: &mut Reply, stats: &WorkerStats) -> bool {
        let fits = (1..=LATER).contains(&reply.len()) && !reply.has_shared();
        if !fits || self.closing || !self.unsent.is_empty() || self.safe_at.is_some() {
            return false;
        }
        stats.net_out.add(reply.len() as u64);
        stats.writes.add(1);
        self.sent = 0;
        self.keep(Chunk::Own(reply.buf.as_slice().into()));
        reply.buf.clear();
        self.later = true;
        true
    }

    /// Sends what is kept past the runtime, which does not run now, as far as it is taken.
    pub(super) fn flush_now(&mut self) {
        while self.safe_at.is_none()
            && let Some(front) = self.unsent.front()
        {
            let rest = &front.bytes()[self.sent..];
            // An error is the task's to find.
            let Ok(n) = self.stream.write_now(rest) else { return };
            if n < rest.len() {
                self.sent += n;
                return;
            }
            self.unsent_bytes -= front.bytes().len();
            self.sent = 0;
            self.unsent.pop_front();
        }
    }

    /// Sends what is in a reply buffer; keeps what does not go out at once.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, reply: &mut Reply, stats: &WorkerStats) -> io::Result<()> {
        if reply.is_empty() {
            return Ok(());
        }
        stats.net_out.add(reply.len() as u64);
        stats.writes.add(1);
        if self.unsent.is_empty() && !reply.has_shared() && self.safe_at.is_none() {
            match self.stream.poll_write(cx, &reply.buf) {
                Poll::Ready(Ok(n)) if n == reply.buf.len() => {
                    reply.buf.clear();
                    if reply.buf.capacity() > 8 * crate::server::worker::READ_SIZE {
                        reply.buf = Vec::new();
                    }
                    return Ok(());
                }
                Poll::Ready(Ok(n)) => self.sent = n,
                Poll::Ready(Err(e)) => {
                    reply.clear();
                    return Err(e);
                }
                Poll::Pending => self.sent = 0,
            }
        }
        reply.take_chunks().into_iter().for_each(|chunk| self.keep(chunk));
        self.limit_output();
        Ok(())
    }

    pub(super) fn unsent_bytes(&self) -> usize {
        self.unsent_bytes.saturating_sub(self.sent)
    }

    /// `client-output-buffer-limit`: closes the connection if its client leaves too much unread.
    pub(super) fn limit_output(&mut self) {
        let limit = self.engine.output_limit(&self.session.client);
        let unsent = self.unsent_bytes() as i64;
        let over = |bytes: i64| bytes > 0 && unsent >= bytes;
        let now_ms = crate::server::now_ms();
        let since_ms = over(limit.soft_bytes).then(|| *self.over_soft_since_ms.get_or_insert(now_ms));
        self.over_soft_since_ms = since_ms;
        let too_long = since_ms.is_some_and(|since| now_ms - since > limit.soft_seconds * 1000);
        if self.closing || !(over(limit.hard_bytes) || too_long) {
            return;
        }
        self.closing = true;
        self.note_waiting();
        self.drop_unsent();
        self.engine.cut_off(&self.session.client, now_ms);
    }

    /// Sends what is kept. `Ready` when nothing is left.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let mut slices = [io::IoSlice::new(&[]); 32];
            let mut count = 0;
            for (slot, chunk) in slices.iter_mut().zip(&self.unsent) {
                let skip = if count == 0 { self.sent } else { 0 };
                *slot = io::IoSlice::new(&chunk.bytes()[skip..]);
                count += 1;
            }
            let mut n = match &slices[..count] {
                [one] => ready!(self.stream.poll_write(cx, one)),
                several => ready!(self.stream.poll_write_vectored(cx, several)),
            }?;
            if n == 0 && !slices[..count].iter().all(|s| s.is_empty()) {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            while let Some(front) = self.unsent.front() {
                let left = front.bytes().len() - self.sent;
                if n < left {
                    self.sent += n;
                    break;
                }
                n -= left;
                self.sent = 0;
                self.unsent_bytes -= front.bytes().len();
                self.unsent.pop_front();
            }
        }
        self.unsent = VecDeque::new();
        self.note_waiting();
        Poll::Ready(Ok(()))
    }

    /// Keeps bytes to be sent.
    pub(super) fn keep(&mut self, chunk: Chunk) {
        self.unsent_bytes += chunk.bytes().len();
        match (self.unsent.back_mut(), chunk) {
            // Many small messages to a slow client are one large chunk.
            (Some(Chunk::Own(last)), Chunk::Own(bytes)) if last.len() + bytes.len() <= MERGED_CHUNK => {
                last.extend_from_slice(&bytes);
            }
            (_, chunk) => self.unsent.push_back(chunk),
        }
    }

    pub(super) fn drop_unsent(&mut self) {
        self.cut = true;
        self.unsent.clear();
        (self.unsent_bytes, self.sent) = (0, 0);
    }
}
