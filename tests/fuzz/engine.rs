//! An engine without a process around it: commands in, bytes of replies out.

use rustredis::engine::{Engine, clients::Client, config::Config, session::Session, worker::Worker};
use rustredis::resp::OwnedArgs;
use rustredis::resp::frames::Frames;
use std::sync::Arc;

pub struct Small {
    worker: Worker,
    session: Session,
}

impl Small {
    pub fn new() -> Small {
        rustredis::commands::install();
        let config = Config::default();
        config.proto_max_bulk_len.set(512 << 20);
        let now_ms = 1_700_000_000_000;
        let engine = Engine::new(config, 1, 16, now_ms);
        let session = Session::new(Arc::new(Client::new(1, "", "", 0, now_ms)), true);
        Small { worker: Worker::new(engine, 0, 1), session }
    }

    /// Runs one command. Its reply must be one reply.
    pub fn run<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Vec<u8> {
        self.worker.reply.proto = self.session.proto;
        self.worker.begin(1_700_000_000_000);
        self.worker.run_words(&mut self.session, &OwnedArgs::new(words));
        self.worker.access.leave();
        let reply = self.worker.reply.to_bytes();
        self.worker.reply.clear();
        let whole = Frames::default().scan(&reply);
        assert_eq!(whole, Ok(Some(reply.len())), "not one reply: {}", reply.escape_ascii());
        reply
    }
}
