//! The directives that take one of a few words, as enums for those who act on them.

use super::cells::Words;

/// Writes the enum, its words and the way back from an index; the order is the one error texts list.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl Words for $name {
            const NAMES: &'static [&'static str] = &[$($word),+];

            #[inline]
            fn from_index(index: u8) -> Self {
                const ALL: &[$name] = &[$($name::$variant),+];
                ALL[usize::from(index).min(ALL.len() - 1)]
            }
        }
    };
}

words!(
    /// `maxmemory-policy`: whom to evict.
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru",
        VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl",
        AllkeysLru = "allkeys-lru",
        AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random",
        Noeviction = "noeviction",
    }
);

impl MaxmemoryPolicy {
    /// Entries keep an access frequency instead of a time.
    #[inline]
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Only keys with an expiry may go.
    #[inline]
    pub fn is_volatile(self) -> bool {
        matches!(self, Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl)
    }
}

words!(
    /// `loglevel`; a message is logged if its level is at least this.
    LogLevel { Debug = "debug", Verbose = "verbose", Notice = "notice", Warning = "warning", Nothing = "nothing" }
);
words!(
    /// `appendfsync`.
    AppendFsync { Everysec = "everysec", Always = "always", No = "no" }
);
words!(
    /// `field-expiry-format`, ours: whose format holds hashes with fields that expire. No format is read by both: Redis 7.4 and
    /// later know the one, Valkey 9 the other. Whatever has none of these is written so that all of them read it.
    FieldExpiryFormat { Valkey = "valkey-9", Redis = "redis-7.4" }
);
words!(
    /// `supervised`: who watches the process and how it is told that we are ready.
    Supervised { Upstart = "upstart", Systemd = "systemd", Auto = "auto", No = "no" }
);
words!(
    /// `syslog-facility`.
    SyslogFacility {
        User = "user",
        Local0 = "local0",
        Local1 = "local1",
        Local2 = "local2",
        Local3 = "local3",
        Local4 = "local4",
        Local5 = "local5",
        Local6 = "local6",
        Local7 = "local7",
    }
);
words!(
    /// `acl-pubsub-default`: what a new user may subscribe to.
    PubsubDefault { Allchannels = "allchannels", Resetchannels = "resetchannels" }
);
words!(
    /// `enable-debug-command` and its like: nobody, everybody, or connections from this host only.
    Protected { No = "no", Yes = "yes", Local = "local" }
);
words!(
    /// `tls-auth-clients`: whether those who connect by TLS must show a certificate, or may.
    AuthClients { No = "no", Yes = "yes", Optional = "optional" }
);
words!(
    /// `repl-diskless-load`. `flush-before-load` is Valkey's.
    DisklessLoad { Disabled = "disabled", OnEmptyDb = "on-empty-db", Swapdb = "swapdb", FlushBeforeLoad = "flush-before-load" }
);
words!(
    /// `propagation-error-behavior`.
    PropagationError { Ignore = "ignore", Panic = "panic", PanicOnReplicas = "panic-on-replicas" }
);
words!(
    /// `oom-score-adj`. `yes` is an older word for `relative`.
    OomScoreAdj { No = "no", Yes = "yes", Relative = "relative", Absolute = "absolute" }
);

/// `shutdown-on-sigint` and `shutdown-on-sigterm`: bits of their value. Zero is `default`.
pub mod shutdown {
    pub const SAVE: i64 = 1;
    pub const NOSAVE: i64 = 2;
    pub const NOW: i64 = 4;
    pub const FORCE: i64 = 8;
    pub const NAMES: &[(&str, i64)] =
        &[("default", 0), ("save", SAVE), ("nosave", NOSAVE), ("now", NOW), ("force", FORCE)];
}

/// `notify-keyspace-events`: bits of its value, one a letter.
pub mod notify {
    pub const KEYSPACE: i64 = 1 << 0;
    pub const KEYEVENT: i64 = 1 << 1;
    pub const GENERIC: i64 = 1 << 2;
    pub const STRING: i64 = 1 << 3;
    pub const LIST: i64 = 1 << 4;
    pub const SET: i64 = 1 << 5;
    pub const HASH: i64 = 1 << 6;
    pub const ZSET: i64 = 1 << 7;
    pub const EXPIRED: i64 = 1 << 8;
    pub const EVICTED: i64 = 1 << 9;
    pub const STREAM: i64 = 1 << 10;
    pub const KEY_MISS: i64 = 1 << 11;
    pub const MODULE: i64 = 1 << 13;
    pub const NEW: i64 = 1 << 14;
    /// What `A` stands for: everything but misses and new keys, which would flood a careless subscriber.
    pub const ALL: i64 = GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

    /// In the order Redis prints them when `A` does not cover them.
    pub const TYPES: &[(u8, i64)] = &[
        (b'g', GENERIC),
        (b'$', STRING),
        (b'l', LIST),
        (b's', SET),
        (b'h', HASH),
        (b'z', ZSET),
        (b'x', EXPIRED),
        (b'e', EVICTED),
        (b't', STREAM),
        (b'd', MODULE),
    ];
    pub const OTHERS: &[(u8, i64)] = &[(b'n', NEW), (b'K', KEYSPACE), (b'E', KEYEVENT), (b'm', KEY_MISS)];
}
