//! What comes back: replies counted, timed, and compared where a mix asks for it.

use super::{
    client::{CLOSED, Client, Fault, UNCOUNTED, unread},
    load::{Shared, Thread},
    mix::values::is_of_key,
    suite::Work,
    tally::{Second, Tally},
};
use crate::{client::Stream, resp::harmless::harmless_text};
use std::{
    io::{ErrorKind, Read},
    ops::Range,
    sync::{PoisonError, atomic::Ordering::Relaxed},
};

const SECOND_NS: u64 = 1_000_000_000;
/// Days of a run that are kept second by second.
const MOST_SECONDS: u64 = 86_400;

impl Thread<'_> {
    /// Reads all that came, and accounts for it. Returns the time of the last read, if there was any.
    #[inline]
    pub fn read(&mut self, at: usize) -> Result<Option<u64>, Fault> {
        let mut last = None;
        if self.clients[at].down {
            return Ok(last);
        }
        loop {
            let client = &mut self.clients[at];
            let got = match client.stream.read(&mut self.input) {
                Ok(0) => return Err(Fault::Lost(CLOSED.into())),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(last),
                Err(e) => return Err(Fault::Lost(unread(&e))),
            };
            // TLS hands out what one record had, and may keep more: only the socket's silence says that all was read.
            let all = got < self.input.len() && !matches!(client.stream, Stream::Tls(_));
            let now = self.shared.now();
            last = Some(now);
            self.take(at, 0..got, now)?;
            if all {
                return Ok(last);
            }
        }
    }

    /// Accounts for the bytes at `place` of the input, read at `now`.
    pub fn take(&mut self, at: usize, place: Range<usize>, now: u64) -> Result<(), Fault> {
        let index = (now - self.began_ns) / SECOND_NS;
        if index != self.second.0 {
            self.publish(index);
        }
        let client = &mut self.clients[at];
        let mut buf = &self.input[place];
        let mut joined = std::mem::take(&mut client.rest);
        if !joined.is_empty() {
            joined.extend_from_slice(buf);
            buf = &joined;
        }
        let mut used = if client.greetings > 0 { greeted(client, buf)? } else { 0 };
        if client.greetings == 0 {
            let account = Account { shared: self.shared, tally: &mut self.tally, second: &mut self.second.1, now };
            used += match self.shared.work {
                Work::Plain(_) => account.counted(client, &buf[used..])?,
                Work::Mix(_) | Work::Replay(_) => account.told_apart(client, &buf[used..])?,
            };
        }
        client.rest = if used < buf.len() { buf[used..].to_vec() } else { Vec::new() };
        Ok(())
    }

    /// Hands the second at hand over, and begins another.
    pub fn publish(&mut self, next: u64) {
        let (index, second) = &mut self.second;
        if second.requests() > 0 || second.errors > 0 {
            let mut all = self.shared.seconds.lock().unwrap_or_else(PoisonError::into_inner);
            let at = (*index).min(MOST_SECONDS) as usize;
            if all.len() <= at {
                all.resize_with(at + 1, Second::default);
            }
            all[at].add(second);
        }
        second.reset();
        *index = next;
    }
}

/// Takes the replies of the handshake; returns how many bytes they were.
fn greeted(client: &mut Client, buf: &[u8]) -> Result<usize, Fault> {
    let mut refused = None;
    let most = client.greetings;
    let count = client.counter.count(buf, most, |text| refused = Some(harmless_text(text)));
    let (n, len) = count.map_err(|fault| fault.to_string())?;
    if let Some(text) = refused {
        // A server that is loading is one that will be back.
        return Err(match text.starts_with("LOADING") {
            true => Fault::Lost(text),
            false => Fault::Fatal(format!("Error from server: {text}")),
        });
    }
    client.greetings -= n;
    client.pending -= n;
    Ok(len)
}

/// The sentence that ends a run at an error reply. Of a cluster it names the node.
fn refused(shared: &Shared<'_>, node: usize, text: &[u8]) -> String {
    let of = match shared.options.cluster {
        true => format!(" {}", shared.nodes[node].target.addr),
        false => String::new(),
    };
    format!("Error from server{of}: {}", harmless_text(text))
}

/// Where what a read brought is entered.
struct Account<'a, 's> {
    shared: &'a Shared<'s>,
    tally: &'a mut Tally,
    second: &'a mut Second,
    now: u64,
}

const MORE: &str = "The server sent more replies than there were requests";

impl Account<'_, '_> {
    /// Requests that are all alike: replies are only counted. Returns the bytes used.
    #[inline]
    fn counted(self, client: &mut Client, buf: &[u8]) -> Result<usize, Fault> {
        let Account { shared, tally, second, now } = self;
        let (mut fatal, mut errors) = (None, 0);
        let count = client.counter.count(buf, u64::MAX, |text| {
            errors += 1;
            if shared.fatal && fatal.is_none() {
                fatal = Some(refused(shared, client.node, text));
            }
            tally.error(text);
        });
        let (done, used) = count.map_err(|fault| fault.to_string())?;
        if let Some(text) = fatal {
            return Err(Fault::Fatal(text));
        }
        if done > client.pending {
            return Err(Fault::Fatal(MORE.into()));
        }
        client.pending -= done;
        if done == 0 {
            return Ok(used);
        }
        let before = shared.finished.fetch_add(done, Relaxed);
        second.errors += errors;
        if shared.options.rate.is_some() {
            for _ in 0..done {
                let Some(sent) = client.due.pop_front() else { break };
                let response = now.saturating_sub(sent.due_ns);
                tally.response.saturating_record(response);
                if let Some(service) = &mut tally.service {
                    service.saturating_record(now.saturating_sub(sent.sent_ns));
                }
                shared.latency_sum.fetch_add(response, Relaxed);
                second.record(response, 1);
            }
            return Ok(used);
        }
        let latency = now.saturating_sub(client.sent_ns);
        // A whole pipeline's overshoot beyond what was asked for is finished, but not measured.
        let measured = done.min(shared.requests.saturating_sub(before));
        tally.response.saturating_record_n(latency, measured);
        shared.latency_sum.fetch_add(latency * measured, Relaxed);
        second.record(latency, measured);
        Ok(used)
    }

    /// Requests of several kinds: each reply belongs to one. Returns the bytes used.
    fn told_apart(self, client: &mut Client, buf: &[u8]) -> Result<usize, Fault> {
        let Account { shared, tally, second, now } = self;
        let (mut used, mut done, mut sum) = (0, 0, 0);
        while used < buf.len() {
            let Some(len) = client.frames.scan(&buf[used..]).map_err(|fault| fault.to_string())? else { break };
            let reply = &buf[used..used + len];
            used += len;
            if reply[0] == b'>' {
                continue;
            }
            let Some(sent) = client.due.pop_front() else { return Err(Fault::Fatal(MORE.into())) };
            client.pending -= 1;
            if sent.kind == UNCOUNTED {
                continue;
            }
            done += 1;
            let (response, service) = (now.saturating_sub(sent.due_ns), now.saturating_sub(sent.sent_ns));
            sum += response;
            tally.response.saturating_record(response);
            if let Some(all) = &mut tally.service {
                all.saturating_record(service);
            }
            second.record(response, 1);
            let kind = tally.kinds.get_mut(usize::from(sent.kind));
            let error = super::replies::error_of(reply);
            if let Some(kind) = kind {
                kind.response.saturating_record(response);
                if let Some(all) = &mut kind.service {
                    all.saturating_record(service);
                }
                kind.errors += u64::from(error.is_some());
                kind.misses += u64::from(matches!(reply, b"$-1\r\n" | b"_\r\n" | b"*-1\r\n"));
            }
            if let Some(text) = error {
                second.errors += 1;
                tally.error(text);
                if shared.fatal {
                    return Err(Fault::Fatal(refused(shared, client.node, text)));
                }
            } else if let Some(key) = sent.check
                && let Some(value) = text_of(reply)
            {
                tally.checked += 1;
                if !is_of_key(value, key) {
                    tally.wrong += 1;
                    tally.first_wrong.get_or_insert(key);
                }
            }
        }
        shared.finished.fetch_add(done, Relaxed);
        shared.latency_sum.fetch_add(sum, Relaxed);
        Ok(used)
    }
}

/// The text of a bulk string; `None` of anything else, as a null.
fn text_of(reply: &[u8]) -> Option<&[u8]> {
    if reply.first() != Some(&b'$') || reply.get(1) == Some(&b'-') {
        return None;
    }
    let from = memchr::memchr(b'\n', reply)? + 1;
    reply.get(from..reply.len().checked_sub(2)?)
}
