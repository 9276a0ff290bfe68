//! The words of a row's `flags` and `acl` columns as bit sets.
//!
//! Two legends, [`FLAGS`] and [`CATEGORIES`], name every bit once; parsing, COMMAND INFO, COMMAND LIST and ACL CAT all
//! read them. Their order is the order in which Redis 8.0 prints the words.

use std::ops::{BitOr, BitOrAssign};

/// What dispatch has to know about a command: COMMAND INFO's flags, and below `allow_busy` some of our own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

/// Every flag with its word.
pub const FLAGS: &[(Flags, &str)] = &[
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::MODULE, "module"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::ASKING, "asking"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (Flags::NO_ASYNC_LOADING, "no_async_loading"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::MOVABLE_KEYS, "movablekeys"),
    (Flags::ALLOW_BUSY, "allow_busy"),
    // Ours: COMMAND INFO does not show them.
    (Flags::MAY_REPLICATE, "may_replicate"),
    (Flags::PROTECTED, "protected"),
    (Flags::SYSCMD, "syscmd"),
    (Flags::WORLD, "world"),
    (Flags::UNLOCKED, "unlocked"),
];

impl Flags {
    pub const NONE: Flags = Flags(0);
    pub const WRITE: Flags = Flags(1 << 0);
    pub const READONLY: Flags = Flags(1 << 1);
    /// Refused while memory is over `maxmemory` and nothing can be evicted.
    pub const DENYOOM: Flags = Flags(1 << 2);
    pub const MODULE: Flags = Flags(1 << 3);
    pub const ADMIN: Flags = Flags(1 << 4);
    pub const PUBSUB: Flags = Flags(1 << 5);
    pub const NOSCRIPT: Flags = Flags(1 << 6);
    pub const BLOCKING: Flags = Flags(1 << 7);
    /// Allowed while the dataset is being loaded.
    pub const LOADING: Flags = Flags(1 << 8);
    /// Allowed on a replica that lost its primary, whatever `replica-serve-stale-data` says.
    pub const STALE: Flags = Flags(1 << 9);
    pub const SKIP_MONITOR: Flags = Flags(1 << 10);
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 11);
    pub const ASKING: Flags = Flags(1 << 12);
    pub const FAST: Flags = Flags(1 << 13);
    /// Allowed before the client has logged in.
    pub const NO_AUTH: Flags = Flags(1 << 14);
    /// Its keys may be none: `EVAL … 0`.
    pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 15);
    pub const NO_ASYNC_LOADING: Flags = Flags(1 << 16);
    pub const NO_MULTI: Flags = Flags(1 << 17);
    /// The first/last/step triple does not tell all keys. Never written in a row: derived from `keys`.
    pub const MOVABLE_KEYS: Flags = Flags(1 << 18);
    /// Allowed while a script overruns its time.
    pub const ALLOW_BUSY: Flags = Flags(1 << 19);
    /// Not a write, yet it may append to the write log (EVAL, PUBLISH, PFCOUNT): CLIENT PAUSE WRITE holds it back.
    pub const MAY_REPLICATE: Flags = Flags(1 << 20);
    /// Needs `enable-debug-command` or `enable-module-command`.
    pub const PROTECTED: Flags = Flags(1 << 21);
    /// COMMAND DOCS calls it `syscmd`: servers send it to each other.
    pub const SYSCMD: Flags = Flags(1 << 22);
    /// Takes the whole keyspace.
    pub const WORLD: Flags = Flags(1 << 23);
    /// Dispatch locks nothing for it; the handler locks as it goes.
    pub const UNLOCKED: Flags = Flags(1 << 24);

    const OURS: u32 = !0 << 20;

    /// Parses words separated by blanks; the error names the unknown word.
    pub fn parse(words: &str) -> Result<Flags, String> {
        parse(words, FLAGS).map(|bits| Flags(bits.iter().fold(0, |all, b| all | b.0)))
    }

    /// True if any of `other`'s flags is set.
    #[inline]
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// The words that COMMAND INFO shows, in its order.
    pub fn shown(self) -> impl Iterator<Item = &'static str> + Clone {
        FLAGS.iter().filter(move |(f, _)| f.0 & Flags::OURS == 0 && self.has(*f)).map(|&(_, word)| word)
    }
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

/// A set of ACL categories, or one category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Categories(u32);

/// Every category with its name, without the `@`.
pub const CATEGORIES: &[(Categories, &str)] = &[
    (Categories::KEYSPACE, "keyspace"),
    (Categories::READ, "read"),
    (Categories::WRITE, "write"),
    (Categories::SET, "set"),
    (Categories::SORTEDSET, "sortedset"),
    (Categories::LIST, "list"),
    (Categories::HASH, "hash"),
    (Categories::STRING, "string"),
    (Categories::BITMAP, "bitmap"),
    (Categories::HYPERLOGLOG, "hyperloglog"),
    (Categories::GEO, "geo"),
    (Categories::STREAM, "stream"),
    (Categories::PUBSUB, "pubsub"),
    (Categories::ADMIN, "admin"),
    (Categories::FAST, "fast"),
    (Categories::SLOW, "slow"),
    (Categories::BLOCKING, "blocking"),
    (Categories::DANGEROUS, "dangerous"),
    (Categories::CONNECTION, "connection"),
    (Categories::TRANSACTION, "transaction"),
    (Categories::SCRIPTING, "scripting"),
];

impl Categories {
    pub const NONE: Categories = Categories(0);
    pub const KEYSPACE: Categories = Categories(1 << 0);
    pub const READ: Categories = Categories(1 << 1);
    pub const WRITE: Categories = Categories(1 << 2);
    pub const SET: Categories = Categories(1 << 3);
    pub const SORTEDSET: Categories = Categories(1 << 4);
    pub const LIST: Categories = Categories(1 << 5);
    pub const HASH: Categories = Categories(1 << 6);
    pub const STRING: Categories = Categories(1 << 7);
    pub const BITMAP: Categories = Categories(1 << 8);
    pub const HYPERLOGLOG: Categories = Categories(1 << 9);
    pub const GEO: Categories = Categories(1 << 10);
    pub const STREAM: Categories = Categories(1 << 11);
    pub const PUBSUB: Categories = Categories(1 << 12);
    pub const ADMIN: Categories = Categories(1 << 13);
    pub const FAST: Categories = Categories(1 << 14);
    pub const SLOW: Categories = Categories(1 << 15);
    pub const BLOCKING: Categories = Categories(1 << 16);
    pub const DANGEROUS: Categories = Categories(1 << 17);
    pub const CONNECTION: Categories = Categories(1 << 18);
    pub const TRANSACTION: Categories = Categories(1 << 19);
    pub const SCRIPTING: Categories = Categories(1 << 20);

    /// The types whose values lie apart from their keys.
    pub const COLLECTIONS: Categories =
        Categories(Self::SET.0 | Self::SORTEDSET.0 | Self::LIST.0 | Self::HASH.0 | Self::GEO.0 | Self::STREAM.0);

    /// Parses words separated by blanks; the error names the unknown word.
    pub fn parse(words: &str) -> Result<Categories, String> {
        parse(words, CATEGORIES).map(|bits| Categories(bits.iter().fold(0, |all, b| all | b.0)))
    }

    /// The category of this name (no `@`), in any case, as ACL and COMMAND LIST FILTERBY ACLCAT accept it.
    pub fn named(name: &[u8]) -> Option<Categories> {
        CATEGORIES.iter().find(|(_, word)| name.eq_ignore_ascii_case(word.as_bytes())).map(|&(c, _)| c)
    }

    /// True if any of `other`'s categories is in the set.
    #[inline]
    pub const fn has(self, other: Categories) -> bool {
        self.0 & other.0 != 0
    }

    /// The names in the order in which Redis prints them, without the `@`.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        CATEGORIES.iter().filter(move |(c, _)| self.has(*c)).map(|&(_, word)| word)
    }

    /// These categories and those that `flags` imply (setImplicitACLCategories of Redis 7.0 to 8.0).
    pub fn with_implied(mut self, flags: Flags) -> Categories {
        let scripting = self.has(Categories::SCRIPTING);
        let mut imply = |yes: bool, what: Categories| {
            if yes {
                self.0 |= what.0;
            }
        };
        imply(flags.has(Flags::WRITE), Categories::WRITE);
        // A read-only script may run any command, so it is no mere read.
        imply(flags.has(Flags::READONLY) && !scripting, Categories::READ);
        imply(flags.has(Flags::ADMIN), Categories(Categories::ADMIN.0 | Categories::DANGEROUS.0));
        imply(flags.has(Flags::PUBSUB), Categories::PUBSUB);
        imply(flags.has(Flags::BLOCKING), Categories::BLOCKING);
        imply(true, if flags.has(Flags::FAST) { Categories::FAST } else { Categories::SLOW });
        self
    }
}

/// The bits of the words of a row's column.
fn parse<T: Copy>(words: &str, legend: &[(T, &str)]) -> Result<Vec<T>, String> {
    let find = |w: &str| legend.iter().find(|(_, word)| *word == w).map(|&(bit, _)| bit);
    words.split_whitespace().map(|w| find(w).ok_or_else(|| format!("unknown word '{w}'"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_has_one_word() {
        let bits: Vec<u32> = FLAGS.iter().map(|(f, _)| f.0).collect();
        assert!(bits.iter().all(|b| b.is_power_of_two()) && bits.is_sorted_by(|a, b| a < b));
        let bits: Vec<u32> = CATEGORIES.iter().map(|(c, _)| c.0).collect();
        assert!(bits.iter().all(|b| b.is_power_of_two()) && bits.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn our_own_flags_are_not_shown() {
        let flags = Flags::parse("write world fast syscmd").unwrap();
        assert_eq!(flags.shown().collect::<Vec<_>>(), ["write", "fast"]);
        assert!(Flags::parse("write nosuch").is_err());
    }

    #[test]
    fn implied_categories() {
        let of = |flags: &str, acl: &str| {
            let all = Categories::parse(acl).unwrap().with_implied(Flags::parse(flags).unwrap());
            all.names().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("readonly fast", "string"), "read string fast");
        assert_eq!(of("readonly", "scripting"), "slow scripting");
        assert_eq!(of("admin write blocking pubsub", ""), "write pubsub admin slow blocking dangerous");
    }
}
