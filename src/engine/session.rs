//! One client's state, as commands see it. Owned by its connection; the face that other threads see is [`Client`].

use super::clients::Client;
use crate::keyspace::db::ExpiryMode;
use crate::resp::Proto;
use std::sync::Arc;

/// `CLIENT REPLY`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReplyMode {
    #[default]
    On,
    Off,
    /// The reply of the next command is dropped, then it is `On` again.
    SkipNext,
    Skip,
}

/// What is known of our primary's connection.
pub struct PrimaryLink {
    /// The generation of the link that it belongs to; see [`super::replication::Link::generation`].
    pub generation: u64,
    /// Bytes of commands that are not carried out yet, such as those that MULTI queued.
    pub pending: Vec<u8>,
}

pub struct Session {
    pub client: Arc<Client>,
    pub db: u32,
    pub proto: Proto,
    pub authenticated: bool,
    /// Who it is; nobody in particular: the default user.
    pub user: Option<Arc<super::acl::User>>,
    pub reply_mode: ReplyMode,
    /// Close the connection once the replies so far are sent.
    pub close: bool,
    /// `CLIENT NO-TOUCH`
    pub no_touch: bool,
    /// `CLIENT NO-EVICT`
    pub no_evict: bool,
    /// Channels, patterns and shard channels that it listens to; none mostly.
    pub subscriptions: Option<Box<super::pubsub::Subscriptions>>,
    /// Prefixes that it tracks in broadcast mode.
    pub prefixes: Option<Box<Vec<Box<[u8]>>>>,
    /// Commands being queued, keys being watched.
    pub multi: super::multi::Multi,
    /// What the client waits for, while it does.
    pub waiting: Option<Arc<super::blocking::Wait>>,
    /// Set by a handler that wants its client to wait.
    pub block: Option<super::blocking::Block>,
    /// Set by a handler that wants a script to run: see [`super::worker`].
    pub script: Option<super::lua::host::Request>,
    /// What the client is to us if it is a replica, or said that it will be.
    pub replica: Option<Arc<super::replication::replica::Replica>>,
    /// The client is our primary.
    pub link: Option<Box<PrimaryLink>>,
    /// The offset of replication behind the client's last write.
    pub written: u64,
    /// Not a socket: a script, a log being replayed, a primary's link.
    pub internal: bool,
    /// What happens to keys that it finds expired.
    pub expiry: ExpiryMode,
}

impl Session {
    pub fn new(client: Arc<Client>, authenticated: bool) -> Self {
        Session {
            client,
            db: 0,
            proto: Proto::Resp2,
            authenticated,
            user: None,
            reply_mode: ReplyMode::On,
            close: false,
            no_touch: false,
            no_evict: false,
            subscriptions: None,
            prefixes: None,
            multi: super::multi::Multi::default(),
            waiting: None,
            block: None,
            script: None,
            replica: None,
            link: None,
            written: 0,
            internal: false,
            expiry: ExpiryMode::Remove,
        }
    }

    /// Back to the state of a fresh connection (RESET), but for what identifies it; whose it is says [`super::acl::Acl::begin`].
    pub fn reset(&mut self) {
        self.db = 0;
        self.proto = Proto::Resp2;
        self.reply_mode = ReplyMode::On;
        self.no_touch = false;
        self.no_evict = false;
        self.client.reset();
    }

    /// True if nothing about this client asks for a closer look before a command runs.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.authenticated && !self.multi.is_queuing()
    }
}
