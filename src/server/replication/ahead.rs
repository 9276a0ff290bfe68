//! The link to our primary while there is more of the stream here than was carried out: what the socket brings is taken at once, so
//! that it does not wait in the primary's memory, and put behind the rest.

use super::super::stream::Stream;
use super::aside::Aside;
use std::io;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// Bytes taken from the socket at once, and how often before some are carried out.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;
/// Bytes aside beyond which no more is taken: who is so far behind, and gets no nearer, is the primary's to judge
/// (`client-output-buffer-limit`).
const MOST: u64 = 1 << 30;
/// Reads after which others have their turn.
const READS: u32 = 8;

pub struct Ahead {
    /// There until the stream goes on without this.
    inner: Option<Stream>,
    aside: Aside,
    piece: Box<[u8]>,
    reads: u32,
    /// The other side has closed, or failed.
    ended: Option<io::Result<()>>,
}

impl Ahead {
    /// `stream`, before which comes what is aside.
    pub fn of(stream: Stream, aside: Aside) -> Stream {
        if aside.is_empty() {
            return stream;
        }
        let piece = vec![0; PIECE].into_boxed_slice();
        Stream::Ahead(Box::new(Ahead { inner: Some(stream), aside, piece, reads: 0, ended: None }))
    }

    pub fn inner(&mut self) -> Option<&mut Stream> {
        self.inner.as_mut()
    }

    /// The stream itself, once nothing is aside.
    pub fn done(&mut self) -> Option<Stream> {
        if self.aside.is_empty() && self.ended.is_none() { self.inner.take() } else { None }
    }

    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.reads += 1;
        if self.reads.is_multiple_of(READS) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.take(cx);
        if !self.aside.is_empty() {
            let n = self.aside.read(buf.initialize_unfilled())?;
            buf.advance(n);
            return Poll::Ready(Ok(()));
        }
        match self.ended.take() {
            // The end may be asked for again.
            Some(Ok(())) => {
                self.ended = Some(Ok(()));
                Poll::Ready(Ok(()))
            }
            Some(Err(e)) => Poll::Ready(Err(e)),
            None => Poll::Pending,
        }
    }

    fn take(&mut self, cx: &mut Context<'_>) {
        let Some(inner) = &mut self.inner else { return };
        for _ in 0..PIECES {
            if self.ended.is_some() || self.aside.is_full() || self.aside.len() > MOST {
                return;
            }
            let mut buf = ReadBuf::new(&mut self.piece);
            match inner.poll_read(cx, &mut buf) {
                Poll::Pending => return,
                Poll::Ready(Err(e)) => self.ended = Some(Err(e)),
                Poll::Ready(Ok(())) if buf.filled().is_empty() => self.ended = Some(Ok(())),
                Poll::Ready(Ok(())) => self.aside.push(buf.filled()),
            }
        }
    }
}
