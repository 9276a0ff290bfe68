//! A copy and the stream as they come together ([`frames`]): a thread takes both from the link and keeps them apart, so that the
//! primary has to keep nothing for us, however long the copy takes to be loaded.

use super::aside::Aside;
use super::wire::Wire;
use crate::engine::Engine;
use crate::engine::replication::frames::{HEAD, Tag, WINDOW};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes taken from the primary at once.
const PIECE: usize = 64 << 10;
/// Bytes of the copy used before the primary is told so again.
const TOLD_EVERY: u64 = WINDOW / 8;
/// How long a read waits before it looks what there is to say.
const SLICE: Duration = Duration::from_millis(5);

/// What the thread that takes in and the one that loads share.
#[derive(Default)]
pub struct Intake {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Of the copy, not used yet.
    copy: VecDeque<Vec<u8>>,
    waiting: u64,
    /// Bytes of the copy that came, and that were used.
    came: u64,
    taken: u64,
    /// All of it came.
    whole: bool,
    /// The copy is loaded: this is to be said.
    ack: Option<Vec<u8>>,
    /// Nobody wants anything of it.
    stopped: bool,
    failed: Option<String>,
}

impl Intake {
    /// The copy is in place: tells the primary so, which makes it send the stream as it is.
    pub fn loaded(&self, ack: Vec<u8>) {
        self.state.lock().ack = Some(ack);
        self.changed.notify_all();
    }

    pub fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// What went wrong on the link.
    pub fn failed(&self) -> Option<String> {
        self.state.lock().failed.clone()
    }

    /// Takes in until the stream comes as it is. Returns what came of it.
    pub fn run(&self, engine: &Arc<Engine>, wire: &mut Wire<'_>) -> Result<Aside, String> {
        let outcome = self.take(engine, wire);
        let mut state = self.state.lock();
        if let Err(why) = &outcome {
            state.failed = Some(why.clone());
        }
        self.changed.notify_all();
        outcome
    }

    fn take(&self, engine: &Arc<Engine>, wire: &mut Wire<'_>) -> Result<Aside, String> {
        wire.wait_at_most(SLICE).map_err(|e| super::super::reason(&e))?;
        let mut aside = Aside::new(engine);
        let mut frames = Frames::default();
        let now = Instant::now();
        let mut said = Said { taken: 0, holds: false, acked: false, at: now, looked: now };
        let mut piece = vec![0; PIECE];
        loop {
            if self.say(wire, &mut said, aside.is_full())? {
                return Err("the copy was given up".into());
            }
            let Some(n) = wire.some(&mut piece)? else { continue };
            if frames.feed(&piece[..n], |tag, bytes| self.sort(engine, tag, bytes, &mut aside, said.acked))? {
                wire.wait_at_most(super::wire::SLICE).map_err(|e| super::super::reason(&e))?;
                return Ok(aside);
            }
        }
    }

    /// Tells the primary what there is to tell. True if nobody wants more; waits while too much of the copy is here.
    fn say(&self, wire: &mut Wire<'_>, said: &mut Said, is_full: bool) -> Result<bool, String> {
        loop {
            let (taken, ack, crowded, whole) = {
                let mut state = self.state.lock();
                if state.stopped {
                    return Ok(true);
                }
                (state.taken, state.ack.take(), state.waiting > 2 * WINDOW, state.whole)
            };
            if taken >= said.taken + TOLD_EVERY {
                wire.send(&["REPLCONF", "rustredis-taken", &taken.to_string()])?;
                (said.taken, said.at) = (taken, Instant::now());
            }
            if is_full && !said.holds {
                said.holds = true;
                wire.send(&["REPLCONF", "rustredis-hold", "1"])?;
            }
            if said.holds && whole && !said.acked {
                wire.expect_silence();
            }
            if let Some(ack) = ack {
                wire.write(&ack)?;
                said.acked = true;
            }
            if said.at.elapsed() > Duration::from_secs(1) {
                said.at = Instant::now();
                wire.keep_alive();
            }
            if said.looked.elapsed() > Duration::from_millis(100) {
                said.looked = Instant::now();
                if !wire.is_wanted() {
                    return Err("this server follows somebody else now".into());
                }
            }
            if !crowded {
                return Ok(false);
            }
            // Who sends more than there is a window for waits.
            self.changed.wait_for(&mut self.state.lock(), SLICE);
        }
    }

    fn sort(&self, engine: &Engine, tag: Tag, bytes: &[u8], aside: &mut Aside, acked: bool) -> Result<(), String> {
        match tag {
            Tag::Stream => aside.push(bytes),
            Tag::Copy | Tag::End => {
                let mut state = self.state.lock();
                if state.whole {
                    return Err("Bad protocol from MASTER: more of a copy than the whole".into());
                }
                state.whole = tag == Tag::End;
                if !bytes.is_empty() {
                    state.waiting += bytes.len() as u64;
                    state.came += bytes.len() as u64;
                    state.copy.push_back(bytes.to_vec());
                }
                let came = state.came;
                drop(state);
                self.changed.notify_all();
                engine.replication.note_copy(came, super::super::now_ms());
            }
            Tag::Raw if acked => aside.push(bytes),
            Tag::Raw => return Err("Bad protocol from MASTER: the stream begins before the copy is loaded".into()),
        }
        Ok(())
    }
}

/// What the primary was told.
struct Said {
    taken: u64,
    holds: bool,
    acked: bool,
    at: Instant,
    /// When it was last asked whether anybody still wants the link.
    looked: Instant,
}

/// Tells frames apart, however they are cut.
#[derive(Default)]
struct Frames {
    head: Vec<u8>,
    tag: Option<Tag>,
    left: usize,
}

impl Frames {
    /// Gives what is in these bytes away. True if frames have ended: then what follows them was given as of the last one.
    fn feed(
        &mut self,
        mut bytes: &[u8],
        mut give: impl FnMut(Tag, &[u8]) -> Result<(), String>,
    ) -> Result<bool, String> {
        while !bytes.is_empty() {
            let Some(tag) = self.tag else {
                let (head, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
                self.head.extend_from_slice(head);
                bytes = rest;
                let Ok(head) = <[u8; HEAD]>::try_from(&*self.head) else { return Ok(false) };
                self.head.clear();
                let Some((tag, length)) = Tag::of(head) else {
                    return Err(format!("Bad protocol from MASTER: no frame begins with '{}'", head.escape_ascii()));
                };
                match tag {
                    Tag::Raw => return give(tag, rest).map(|()| true),
                    Tag::End => give(tag, &[])?,
                    Tag::Copy | Tag::Stream if length > 0 => (self.tag, self.left) = (Some(tag), length as usize),
                    Tag::Copy | Tag::Stream => {}
                }
                continue;
            };
            let (now, rest) = bytes.split_at(bytes.len().min(self.left));
            give(tag, now)?;
            self.left -= now.len();
            if self.left == 0 {
                self.tag = None;
            }
            bytes = rest;
        }
        Ok(false)
    }
}

/// The bytes of the copy, in order and to their end.
pub struct Copied<'a> {
    pub intake: &'a Intake,
    piece: Vec<u8>,
    at: usize,
}

impl<'a> Copied<'a> {
    pub fn new(intake: &'a Intake) -> Self {
        Copied { intake, piece: Vec::new(), at: 0 }
    }
}

impl Read for Copied<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            let mut state = self.intake.state.lock();
            loop {
                if let Some(piece) = state.copy.pop_front() {
                    state.waiting -= piece.len() as u64;
                    state.taken += piece.len() as u64;
                    (self.piece, self.at) = (piece, 0);
                    break;
                }
                if let Some(why) = &state.failed {
                    return Err(io::Error::other(why.clone()));
                }
                if state.whole {
                    return Ok(0);
                }
                self.intake.changed.wait(&mut state);
            }
        }
        let n = buf.len().min(self.piece.len() - self.at);
        buf[..n].copy_from_slice(&self.piece[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_may_be_cut_anywhere() {
        let sent = [
            Tag::Copy.frame(b"REDIS"),
            Tag::Stream.frame(b"one"),
            Tag::Stream.frame(b""),
            Tag::Copy.frame(&[7; 300]),
            Tag::End.frame(b""),
            Tag::Stream.frame(b"two"),
            Tag::Raw.frame(b""),
            b"three".to_vec(),
        ]
        .concat();
        for size in 1..sent.len() {
            let (mut frames, mut copy, mut stream, mut ends) = (Frames::default(), Vec::new(), Vec::new(), 0);
            let mut raw = false;
            for piece in sent.chunks(size) {
                if raw {
                    stream.extend_from_slice(piece);
                    continue;
                }
                raw = frames
                    .feed(piece, |tag, bytes| {
                        match tag {
                            Tag::Copy => copy.extend_from_slice(bytes),
                            Tag::End => ends += 1,
                            Tag::Stream | Tag::Raw => stream.extend_from_slice(bytes),
                        }
                        Ok(())
                    })
                    .expect("frames");
            }
            assert!(raw && ends == 1, "pieces of {size}");
            assert_eq!((copy, stream), ([b"REDIS".as_slice(), &[7; 300]].concat(), b"onetwothree".to_vec()));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for wrong in [&b"$EOF:"[..], b"E\0\0\0\x09", b"\0\0\0\0\0"] {
            assert!(Frames::default().feed(wrong, |_, _| Ok(())).is_err(), "{wrong:?}");
        }
        // An announced length is nothing that memory is taken for.
        assert_eq!(Frames::default().feed(b"C\xff\xff\xff\xffabc", |_, _| Ok(())), Ok(false));
    }
}
