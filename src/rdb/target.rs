//! Which server is to read what is written.

use super::kind::ValueKind;

/// A format, named after the servers that read it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Target {
    /// RDB 9: Redis 5.0 … 6.2. Ziplists.
    Redis62,
    /// RDB 10: Redis 7.0 and all later ones, every Valkey.
    Redis70,
    /// RDB 11: Redis 7.2, Valkey 7.2 … 8. Sets as listpacks, when consumers were active.
    Redis72,
    /// RDB 12: Redis 7.4 … 8.4. Fields that expire; Valkey does not read it.
    Redis74,
    /// `VALKEY080`: Valkey 9. Fields that expire; Redis does not read it.
    Valkey9,
}

impl Target {
    /// What holds everything, hashes with fields that expire aside, and is read by most.
    pub const WIDEST: Target = Target::Redis70;

    /// The lowest format for a dataset or value. No format with fields that expire is read by both families: then it is the one
    /// that is told (`field-expiry-format`; `rustredis rdb convert` writes any).
    pub fn lowest(fields_expire: bool, with_expiring_fields: Target) -> Target {
        if fields_expire { with_expiring_fields } else { Target::WIDEST }
    }

    pub fn version(self) -> u32 {
        match self {
            Target::Redis62 => 9,
            Target::Redis70 => 10,
            Target::Redis72 => 11,
            Target::Redis74 => 12,
            Target::Valkey9 => 80,
        }
    }

    /// The bytes that a file begins with.
    pub fn magic(self) -> &'static [u8; 9] {
        match self {
            Target::Redis62 => b"REDIS0009",
            Target::Redis70 => b"REDIS0010",
            Target::Redis72 => b"REDIS0011",
            Target::Redis74 => b"REDIS0012",
            Target::Valkey9 => b"VALKEY080",
        }
    }

    /// Whether hashes with fields that expire have a form here.
    pub fn holds_field_expiry(self) -> bool {
        self >= Target::Redis74
    }

    pub(super) fn holds_listpacks(self) -> bool {
        self >= Target::Redis70
    }

    pub(super) fn holds_set_listpacks(self) -> bool {
        self >= Target::Redis72
    }

    pub(super) fn stream(self) -> ValueKind {
        match self {
            Target::Redis62 => ValueKind::StreamListpacks,
            Target::Redis70 => ValueKind::StreamListpacks2,
            _ => ValueKind::StreamListpacks3,
        }
    }
}
