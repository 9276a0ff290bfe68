//! The numbers that begin records: opcodes, and the types of values.

pub const SLOT_IMPORT: u8 = 243; // Valkey 9
pub const SLOT_INFO: u8 = 244;
pub const FUNCTION2: u8 = 245;
pub const FUNCTION_PRE_GA: u8 = 246;
pub const MODULE_AUX: u8 = 247;
pub const IDLE: u8 = 248;
pub const FREQ: u8 = 249;
pub const AUX: u8 = 250;
pub const RESIZE_DB: u8 = 251;
pub const EXPIRY_MS: u8 = 252;
pub const EXPIRY_S: u8 = 253;
pub const SELECT_DB: u8 = 254;
pub const EOF: u8 = 255;

/// How a value is laid out. Redis and Valkey give 22 different meanings; all else has one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ValueKind {
    String,
    List,
    Set,
    /// Scores as text.
    Zset,
    Hash,
    /// Scores as doubles of 8 bytes.
    Zset2,
    /// Of release candidates of 4.0; cannot be skipped without its module.
    ModulePreGa,
    Module2,
    HashZipmap,
    ListZiplist,
    SetIntset,
    ZsetZiplist,
    HashZiplist,
    ListQuicklist,
    StreamListpacks,
    HashListpack,
    ZsetListpack,
    ListQuicklist2,
    StreamListpacks2,
    SetListpack,
    StreamListpacks3,
    HashMetadataPreGa,
    HashListpackExPreGa,
    HashMetadata,
    HashListpackEx,
    /// Valkey 9's hash of fields that expire.
    Hash2,
}

use ValueKind::*;

/// Kind, number, the word that redis-check-rdb has for it.
const KINDS: &[(ValueKind, u8, &str)] = &[
    (String, 0, "string"),
    (List, 1, "list-linked"),
    (Set, 2, "set-hashtable"),
    (Zset, 3, "zset-v1"),
    (Hash, 4, "hash-hashtable"),
    (Zset2, 5, "zset-v2"),
    (ModulePreGa, 6, "module-pre-release"),
    (Module2, 7, "module-value"),
    (HashZipmap, 9, "hash-zipmap"),
    (ListZiplist, 10, "list-ziplist"),
    (SetIntset, 11, "set-intset"),
    (ZsetZiplist, 12, "zset-ziplist"),
    (HashZiplist, 13, "hash-ziplist"),
    (ListQuicklist, 14, "quicklist"),
    (StreamListpacks, 15, "stream"),
    (HashListpack, 16, "hash-listpack"),
    (ZsetListpack, 17, "zset-listpack"),
    (ListQuicklist2, 18, "quicklist-v2"),
    (StreamListpacks2, 19, "stream-v2"),
    (SetListpack, 20, "set-listpack"),
    (StreamListpacks3, 21, "stream-v3"),
    (HashMetadataPreGa, 22, "hash-hashtable-md-pre-release"),
    (HashListpackExPreGa, 23, "hash-listpack-md-pre-release"),
    (HashMetadata, 24, "hash-hashtable-md"),
    (HashListpackEx, 25, "hash-listpack-md"),
    (Hash2, 22, "hash-hashtable-with-expiry"),
];

impl ValueKind {
    /// The kind that a type byte names, in a file of Valkey 9's format or in any other.
    pub fn of(byte: u8, valkey: bool) -> Option<ValueKind> {
        if valkey && byte >= 22 {
            return (byte == 22).then_some(Hash2);
        }
        KINDS.iter().find(|(kind, number, _)| *number == byte && *kind != Hash2).map(|row| row.0)
    }

    fn row(self) -> &'static (ValueKind, u8, &'static str) {
        // Every kind has its row; a test looks.
        KINDS.iter().find(|row| row.0 == self).unwrap_or(&KINDS[0])
    }

    /// The byte that names it.
    pub fn byte(self) -> u8 {
        self.row().1
    }

    /// What redis-check-rdb calls it.
    pub fn word(self) -> &'static str {
        self.row().2
    }

    /// The word that TYPE answers for such a value; `module` for those of modules.
    pub fn type_name(self) -> &'static str {
        match self {
            String => "string",
            List | ListZiplist | ListQuicklist | ListQuicklist2 => "list",
            Set | SetIntset | SetListpack => "set",
            Zset | Zset2 | ZsetZiplist | ZsetListpack => "zset",
            Hash | HashZipmap | HashZiplist | HashListpack | HashMetadataPreGa | HashListpackExPreGa | HashMetadata
            | HashListpackEx | Hash2 => "hash",
            StreamListpacks | StreamListpacks2 | StreamListpacks3 => "stream",
            ModulePreGa | Module2 => "module",
        }
    }

    /// How the value lies in the file, in the words of OBJECT ENCODING of its time.
    pub fn encoding(self) -> &'static str {
        match self {
            String => "string",
            List => "linkedlist",
            Set | Hash | HashMetadata | HashMetadataPreGa | Hash2 => "hashtable",
            Zset | Zset2 => "skiplist",
            HashZipmap => "zipmap",
            ListZiplist | ZsetZiplist | HashZiplist => "ziplist",
            SetIntset => "intset",
            ListQuicklist | ListQuicklist2 => "quicklist",
            HashListpack | ZsetListpack | SetListpack => "listpack",
            HashListpackEx | HashListpackExPreGa => "listpackex",
            StreamListpacks | StreamListpacks2 | StreamListpacks3 => "stream",
            ModulePreGa | Module2 => "module",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_kinds_agree() {
        for (kind, byte, word) in KINDS {
            assert_eq!(ValueKind::of(*byte, *kind == Hash2), Some(*kind));
            assert_eq!((kind.byte(), kind.word()), (*byte, *word));
        }
        assert_eq!(ValueKind::of(22, true), Some(Hash2));
        assert_eq!((ValueKind::of(8, false), ValueKind::of(26, false), ValueKind::of(24, true)), (None, None, None));
        assert_eq!(KINDS.len(), Hash2 as usize + 1, "a kind without a row");
    }
}
