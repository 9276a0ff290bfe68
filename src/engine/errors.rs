//! Every error text that a client can see, once. Texts are Redis 8.0's unless a comment says otherwise.

use crate::base::quoted::quoted;
use std::borrow::Cow;

/// A refusal. Its text (see [`Error::text`]) is what follows the `-` on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    Syntax,
    WrongType,
    NotInteger,
    NotFloat,
    NoSuchKey,
    OutOfRange,
    SameObject,
    NanOrInfinity,
    Overflow,
    InvalidExpire(Cow<'static, str>),
    Oom,
    /// `ERR ` and this sentence.
    Err(Cow<'static, str>),
    /// A whole text with its own code in front: `NOAUTH Authentication required.`
    Coded(Cow<'static, str>),
}

impl Error {
    pub const fn err(text: &'static str) -> Self {
        Error::Err(Cow::Borrowed(text))
    }

    pub const fn coded(text: &'static str) -> Self {
        Error::Coded(Cow::Borrowed(text))
    }

    // Keys and databases.
    pub const DB_INDEX: Error = Error::err("DB index is out of range");
    pub const FIRST_DB_INDEX: Error = Error::err("invalid first DB index");
    pub const SECOND_DB_INDEX: Error = Error::err("invalid second DB index");
    pub const INVALID_CURSOR: Error = Error::err("invalid cursor");
    pub const NOVALUES_ONLY_HSCAN: Error = Error::err("NOVALUES option can only be used in HSCAN");
    pub const NOT_INT32: Error = Error::err("value is out of range, value must between -2147483648 and 2147483647");
    pub const EXPIRE_NX_AND_OTHERS: Error =
        Error::err("NX and XX, GT or LT options at the same time are not compatible");
    pub const EXPIRE_GT_AND_LT: Error = Error::err("GT and LT options at the same time are not compatible");
    pub const NO_LFU: Error = Error::err(
        "An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between \
         policies at runtime LRU and LFU data will take some time to adjust.",
    );
    pub const NO_LRU: Error = Error::err(
        "An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at \
         runtime LRU and LFU data will take some time to adjust.",
    );

    /// An option that EXPIRE and its kin do not know.
    pub fn unsupported_option(word: &[u8]) -> Error {
        // As C prints it: up to a NUL.
        let word = word.split(|b| *b == 0).next().unwrap_or_default();
        Error::Err(Cow::Owned(format!("Unsupported option {}", quoted(word))))
    }

    // Transactions and blocking.
    pub const EXEC_WITHOUT_MULTI: Error = Error::err("EXEC without MULTI");
    pub const DISCARD_WITHOUT_MULTI: Error = Error::err("DISCARD without MULTI");
    pub const NESTED_MULTI: Error = Error::err("MULTI calls can not be nested");
    pub const WATCH_IN_MULTI: Error = Error::err("WATCH inside MULTI is not allowed");
    pub const EXECABORT: Error = Error::coded("EXECABORT Transaction discarded because of previous errors.");
    /// Why EXEC itself was refused.
    pub fn exec_abort(why: &Error) -> Error {
        let text = why.text();
        let text = text.strip_prefix("ERR ").unwrap_or(&text);
        Error::Coded(Cow::Owned(format!("EXECABORT Transaction discarded because of: {text}")))
    }
    pub const SSUBSCRIBE_DENIED: Error = Error::err("SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    pub const UNBLOCKED: Error = Error::coded("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    pub const UNBLOCKED_BY_ROLE: Error =
        Error::coded("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");

    // Connections and the server.
    pub const NOPROTO: Error = Error::coded("NOPROTO unsupported protocol version");
    pub const PROTO_NOT_INTEGER: Error = Error::err("Protocol version is not an integer or out of range");
    pub const HELLO_NOAUTH: Error = Error::coded(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> \
         option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
    pub const WRONGPASS: Error = Error::coded("WRONGPASS invalid username-password pair or user is disabled.");
    pub const NO_PASSWORD_SET: Error = Error::err(
        "AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
    );
    pub const NO_SUCH_CLIENT: Error = Error::err("No such client");
    pub const INVALID_CLIENT_ID: Error = Error::err("Invalid client ID");
    pub const CLIENT_ID_NOT_POSITIVE: Error = Error::err("client-id should be greater than 0");
    pub const CLIENT_NAME: Error = Error::err("Client names cannot contain spaces, newlines or special characters.");
    pub const PAUSE_MODE: Error = Error::err("CLIENT PAUSE mode must be WRITE or ALL");
    pub const TIMEOUT_NOT_INTEGER: Error = Error::err("timeout is not an integer or out of range");
    pub const TIMEOUT_OUT_OF_RANGE: Error = Error::err("timeout is out of range");
    pub const TIMEOUT_NEGATIVE: Error = Error::err("timeout is negative");
    pub const UNBLOCK_REASON: Error = Error::err("CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    pub const NOT_IMPORTING: Error = Error::err("Server is not in import mode");
    pub const NO_SHUTDOWN: Error = Error::err("No shutdown in progress.");
    pub const SHUTDOWN_FAILED: Error = Error::err("Errors trying to SHUTDOWN. Check logs.");
    pub const NO_PERSISTENCE: Error = Error::err("this process keeps nothing on disk");
    pub const SAVING: Error = Error::err("Background save already in progress");
    /// SAVE that failed says no more.
    pub const SAVE_FAILED: Error = Error::coded("ERR");
    pub const REWRITING: Error = Error::err("Background append only file rewriting already in progress");
    pub const OTHER_JOB: Error = Error::err(
        "Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE \
         whenever possible.",
    );
    pub const RELOAD_OPTION: Error = Error::err("DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    pub const RELOAD_SAVE: Error = Error::err("Error trying to save the DB, check server logs.");
    pub const RELOAD_LOAD: Error = Error::err("Error trying to load the RDB dump, check server logs.");
    pub const RELOAD_LOG: Error = Error::err("Error trying to load the AOF files, check server logs.");
    pub const MISCONF: Error = Error::coded(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may \
         modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
         snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
    );

    /// The append-only file cannot be written, for this reason.
    pub fn misconf_log(why: &str) -> Error {
        Error::Coded(Cow::Owned(format!("MISCONF Errors writing to the AOF file: {why}")))
    }
    pub const NOT_POSITIVE: Error = Error::err("value is out of range, must be positive");
    pub const DB_RANGE_DEBUG: Error = Error::err("Out of range database");
    pub const NO_HASH_TABLE: Error =
        Error::err("The value stored at the specified key is not represented using an hash table");
    pub const NO_LISTPACK: Error = Error::err("Not a listpack encoded object.");
    pub const NO_QUICKLIST: Error = Error::err("Not a quicklist encoded object.");
    pub const PACKED_THRESHOLD: Error =
        Error::err("argument must be a memory value bigger than 1 and smaller than 4gb");
    pub const RESP2_UNSUPPORTED: Error = Error::err("RESP2 is not supported by this command");
    pub const PROTOCOL_TYPE: Error = Error::err(
        "Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|\
         verbatim|true|false",
    );
    pub const NO_SUCH_MODULE: Error = Error::err("Error unloading module: no such module with that name");
    /// Ours: Redis says that loading failed.
    pub const NO_MODULES: Error = Error::err("rustredis has no module interface: modules are not supported");

    /// An error whose sentence quotes what the client said, as C's `%s` prints it: up to a NUL.
    pub fn quoting(before: &str, word: &[u8], after: &str) -> Error {
        let word = word.split(|b| *b == 0).next().unwrap_or_default();
        Error::Err(Cow::Owned(format!("{before}{}{after}", quoted(word))))
    }

    /// A subcommand of a command that resolves its subcommands itself (DEBUG).
    pub fn unknown_or_arity(word: &[u8], command: &str) -> Error {
        let word = word.split(|b| *b == 0).next().unwrap_or_default();
        let word = quoted(&word[..word.len().min(128)]);
        Error::Err(Cow::Owned(format!(
            "unknown subcommand or wrong number of arguments for '{word}'. Try {command} HELP."
        )))
    }

    /// A command that `enable-debug-command` or `enable-module-command` does not allow this client.
    pub fn protected(command: &str, directive: &str) -> Error {
        Error::Err(Cow::Owned(format!(
            "{command} command not allowed. If the {directive} option is set to \"local\", you can run it from a local \
             connection, otherwise you need to set this option in the configuration file, and then restart the server."
        )))
    }

    pub fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Error::Syntax => "ERR syntax error",
            Error::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Error::NotInteger => "ERR value is not an integer or out of range",
            Error::NotFloat => "ERR value is not a valid float",
            Error::NoSuchKey => "ERR no such key",
            Error::OutOfRange => "ERR index out of range",
            Error::SameObject => "ERR source and destination objects are the same",
            Error::NanOrInfinity => "ERR increment would produce NaN or Infinity",
            Error::Overflow => "ERR increment or decrement would overflow",
            Error::Oom => "OOM command not allowed when used memory > 'maxmemory'.",
            Error::InvalidExpire(command) => {
                return Cow::Owned(format!("ERR invalid expire time in '{command}' command"));
            }
            Error::Err(s) => return Cow::Owned(format!("ERR {s}")),
            Error::Coded(s) => return s.clone(),
        })
    }
}

// ---- strings and bitmaps -------------------------------------------------------------------------------------------

pub const STRING_TOO_LONG: Error = Error::err("string exceeds maximum allowed size (proto-max-bulk-len)");
pub const OFFSET: Error = Error::err("offset is out of range");
pub const DECREMENT_OVERFLOW: Error = Error::err("decrement would overflow");
pub const LCS_TYPES: Error = Error::err("The specified keys must contain string values");
pub const LCS_LEN_AND_IDX: Error = Error::err("If you want both the length and indexes, please just use IDX.");
pub const LCS_TOO_LONG: Error = Error::err("String too long for LCS");
pub const LCS_MEMORY: Error = Error::err("Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
// These five are Redis 8.4's.
pub const NUMKEYS: Error = Error::err("invalid numkeys value");
pub const PAIRS: Error = Error::err("wrong number of key-value pairs");
pub const DELEX_TYPE: Error = Error::err("Key should be of string type if conditions are specified");
pub const DELEX_CONDITION: Error = Error::err("Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
pub const DIGEST_LENGTH: Error = Error::err("must be exactly 16 hexadecimal characters");
pub const BIT_OFFSET: Error = Error::err("bit offset is not an integer or out of range");
pub const NOT_A_BIT: Error = Error::err("bit is not an integer or out of range");
pub const BITPOS_BIT: Error = Error::err("The bit argument must be 1 or 0.");
pub const BITOP_NOT: Error = Error::err("BITOP NOT must be called with a single source key.");
pub const BITFIELD_TYPE: Error =
    Error::err("Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
pub const BITFIELD_OVERFLOW: Error = Error::err("Invalid OVERFLOW type specified");
pub const BITFIELD_RO: Error = Error::err("BITFIELD_RO only supports the GET subcommand");

/// Redis 8.2: BITOP DIFF and its like with one source.
pub fn bitop_sources(operation: &str) -> Error {
    Error::Err(Cow::Owned(format!("BITOP {operation} must be called with at least two source keys.")))
}

// ---- collections ---------------------------------------------------------------------------------------------------

pub const OUT_OF_RANGE_VALUE: Error = Error::err("value is out of range");
pub const HASH_NOT_INTEGER: Error = Error::err("hash value is not an integer");
pub const HASH_NOT_FLOAT: Error = Error::err("hash value is not a float");
pub const NAN_OR_INFINITY: Error = Error::err("value is NaN or Infinity");
pub const FIELDS_MISSING: Error = Error::err("Mandatory argument FIELDS is missing or not at the right position");
pub const NUMFIELDS: Error = Error::err("Parameter `numFields` should be greater than 0");
pub const NUMFIELDS_POSITIVE: Error = Error::err("Number of fields must be a positive integer");
pub const NUMFIELDS_INVALID: Error = Error::err("invalid number of fields");
pub const NUMFIELDS_MATCH: Error = Error::err("The `numfields` parameter must match the number of arguments");
pub const EXPIRE_NEGATIVE: Error = Error::err("invalid expire time, must be >= 0");
pub const EXPIRE_MISSING: Error = Error::err("missing expire time");
pub const FXX_AND_FNX: Error = Error::err("Only one of FXX or FNX arguments can be specified");
pub const HSETEX_EXPIRATIONS: Error =
    Error::err("Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
pub const NUMKEYS_ARGS: Error = Error::err("Number of keys can't be greater than number of args");
pub const LIMIT_NEGATIVE: Error = Error::err("LIMIT can't be negative");
pub const MIN_MAX_FLOAT: Error = Error::err("min or max is not a float");
pub const MIN_MAX_LEX: Error = Error::err("min or max not valid string range item");
pub const ZADD_XX_AND_NX: Error = Error::err("XX and NX options at the same time are not compatible");
pub const ZADD_GT_LT_NX: Error = Error::err("GT, LT, and/or NX options at the same time are not compatible");
pub const ZADD_INCR: Error = Error::err("INCR option supports a single increment-element pair");
pub const NAN_SCORE: Error = Error::err("resulting score is not a number (NaN)");
pub const ZRANGE_LIMIT: Error =
    Error::err("syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
pub const ZRANGE_WITHSCORES: Error = Error::err("syntax error, WITHSCORES not supported in combination with BYLEX");
pub const WEIGHT: Error = Error::err("weight value is not a float");
pub const SORT_BY_DENIED: Error = Error::err("BY option of SORT denied due to insufficient ACL permissions.");
pub const SORT_GET_DENIED: Error = Error::err("GET option of SORT denied due to insufficient ACL permissions.");
pub const SORT_SCORE: Error = Error::err("One or more scores can't be converted into double");

/// Numbers in arguments.
impl Error {
    pub const NOT_NEGATABLE: Error =
        Error::err("value is out of range, value must between -9223372036854775807 and 9223372036854775807");
    pub const NUMKEYS_NOT_POSITIVE: Error = Error::err("numkeys should be greater than 0");
    pub const COUNT_NOT_POSITIVE: Error = Error::err("count should be greater than 0");
}

/// Lists.
impl Error {
    pub const RANK_ZERO: Error = Error::err(
        "RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from \
         the end of the list",
    );
    pub const COUNT_NEGATIVE: Error = Error::err("COUNT can't be negative");
    pub const MAXLEN_NEGATIVE: Error = Error::err("MAXLEN can't be negative");
}

// ---- streams -------------------------------------------------------------------------------------------------------

pub const STREAM_ID: Error = Error::err("Invalid stream ID specified as stream command argument");
pub const INTERVAL_START: Error = Error::err("invalid start ID for the interval");
pub const INTERVAL_END: Error = Error::err("invalid end ID for the interval");
pub const TWO_TRIMS: Error = Error::err("syntax error, MAXLEN and MINID options at the same time are not compatible");
pub const TRIM_MAXLEN: Error = Error::err("The MAXLEN argument must be >= 0.");
pub const TRIM_LIMIT: Error = Error::err("The LIMIT argument must be >= 0.");
pub const LIMIT_ALONE: Error = Error::err("syntax error, LIMIT cannot be used without specifying a trimming strategy");
pub const LIMIT_EXACT: Error = Error::err("syntax error, LIMIT cannot be used without the special ~ option");
pub const NO_TRIM: Error = Error::err("syntax error, XTRIM must be called with a trimming strategy");
pub const XADD_ZERO: Error = Error::err("The ID specified in XADD must be greater than 0-0");
pub const XADD_NOT_GREATER: Error =
    Error::err("The ID specified in XADD is equal or smaller than the target stream top item");
pub const XADD_EXHAUSTED: Error = Error::err("The stream has exhausted the last possible ID, unable to add more items");
pub const XADD_TOO_LARGE: Error = Error::err("Elements are too large to be stored");
pub const XSETID_ADDED: Error = Error::err("entries_added must be positive");
pub const XSETID_BELOW_GIVEN: Error =
    Error::err("The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
pub const XSETID_BELOW_DELETED: Error =
    Error::err("The ID specified in XSETID is smaller than current max_deleted_entry_id");
pub const XSETID_BELOW_TOP: Error = Error::err("The ID specified in XSETID is smaller than the target stream top item");
pub const XSETID_ADDED_FEW: Error =
    Error::err("The entries_added specified in XSETID is smaller than the target stream length");
pub const XREAD_GROUP: Error =
    Error::err("The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
pub const XREAD_NOACK: Error =
    Error::err("The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
pub const XREAD_NEW: Error =
    Error::err("The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.");
pub const XREADGROUP_NO_GROUP: Error = Error::err("Missing GROUP option for XREADGROUP");
pub const XGROUP_NO_KEY: Error = Error::err(
    "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to \
     create an empty stream automatically.",
);
pub const ENTRIES_READ: Error = Error::err("value for ENTRIESREAD must be positive or -1");
pub const BUSYGROUP: Error = Error::coded("BUSYGROUP Consumer Group name already exists");
pub const XAUTOCLAIM_COUNT: Error = Error::err("COUNT must be > 0");
pub const NUMIDS: Error = Error::err("Number of IDs must be a positive integer");
pub const NUMIDS_MISMATCH: Error = Error::err("The `numids` parameter must match the number of arguments");
pub const NO_IDS: Error = Error::err("IDS option is required");

/// `XREAD STREAMS a b 1`; the mark is the special id that the command knows.
pub fn unbalanced_streams(command: &str, mark: char) -> Error {
    Error::Err(Cow::Owned(format!(
        "Unbalanced '{command}' list of streams: for each stream key an ID or '{mark}' must be specified."
    )))
}

/// `$` or `+` for XREADGROUP.
pub fn meaningless_id(mark: char) -> Error {
    Error::Err(Cow::Owned(format!(
        "The {mark} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
         specifying a proper ID, or use the > ID to get new messages. The {mark} ID would just return an empty result set."
    )))
}

/// A group that is not there; `text` has `{k}` and `{g}` where key and group go.
pub fn no_group(text: &str, key: &[u8], group: &[u8]) -> Error {
    // As C prints them: up to a NUL.
    let shown = |word: &[u8]| quoted(word.split(|b| *b == 0).next().unwrap_or_default());
    Error::Coded(Cow::Owned(text.replacen("{k}", "\0", 1).replacen("{g}", &shown(group), 1).replacen(
        '\0',
        &shown(key),
        1,
    )))
}

// ---- HyperLogLog -----------------------------------------------------------------------------------------------------

pub const NOT_AN_HLL: Error = Error::coded("WRONGTYPE Key is not a valid HyperLogLog string value.");
pub const HLL_CORRUPT: Error = Error::coded("INVALIDOBJ Corrupted HLL object detected");
pub const HLL_NO_KEY: Error = Error::err("The specified key does not exist");
pub const HLL_NOT_SPARSE: Error = Error::err("HLL encoding is not sparse");
pub const HLL_SIMD: Error = Error::err("Argument must be ON or OFF");
/// Ours: Redis says which of its tests failed.
pub const HLL_SELFTEST: Error = Error::coded("TESTFAILED the forms disagree, or the estimate is off");

// ---- RESTORE ---------------------------------------------------------------------------------------------------------

pub const BUSYKEY: Error = Error::coded("BUSYKEY Target key name already exists.");
pub const RESTORE_TTL: Error = Error::err("Invalid TTL value, must be >= 0");
pub const RESTORE_IDLETIME: Error = Error::err("Invalid IDLETIME value, must be >= 0");
pub const RESTORE_FREQ: Error = Error::err("Invalid FREQ value, must be >= 0 and <= 255");
pub const RESTORE_CHECKSUM: Error = Error::err("DUMP payload version or checksum are wrong");
pub const RESTORE_BAD_DATA: Error = Error::err("Bad data format");

// ---- MIGRATE ---------------------------------------------------------------------------------------------------------

pub const MIGRATE_KEYS: Error =
    Error::err("When using MIGRATE KEYS option, the key argument must be set to the empty string");
pub const MIGRATE_CONNECT: Error = Error::coded("IOERR error or timeout connecting to the client");
pub const MIGRATE_WRITE: Error = Error::coded("IOERR error or timeout writing to target instance");
/// Ours: something got at the key that did not name it.
pub const MIGRATE_CHANGED: Error =
    Error::coded("IOERR a key was changed while it was on its way: it stays here, and the target has it as it was");
pub const MIGRATE_READ: Error = Error::coded("IOERR error or timeout reading to target instance");

/// The other server's refusal.
pub fn migrate_refused(text: &[u8]) -> Error {
    Error::Err(Cow::Owned(format!("Target instance replied with error: {}", String::from_utf8_lossy(text))))
}

// ---- geo -------------------------------------------------------------------------------------------------------------

pub const GEO_UNIT: Error = Error::err("unsupported unit provided. please use M, KM, FT, MI");
pub const GEO_RADIUS: Error = Error::err("need numeric radius");
pub const GEO_RADIUS_NEGATIVE: Error = Error::err("radius cannot be negative");
pub const GEO_WIDTH: Error = Error::err("need numeric width");
pub const GEO_HEIGHT: Error = Error::err("need numeric height");
pub const GEO_BOX_NEGATIVE: Error = Error::err("height or width cannot be negative");
// These two are Valkey 9.1's.
pub const GEO_VERTICES: Error = Error::err("invalid number of vertices");
pub const GEO_FEW_VERTICES: Error = Error::err("GEOSEARCH BYPOLYGON must have at least 3 vertices");
pub const GEO_MEMBER: Error = Error::err("could not decode requested zset member");
pub const GEO_COUNT: Error = Error::err("COUNT must be > 0");
pub const GEO_ANY: Error = Error::err("the ANY argument requires COUNT argument");
pub const GEOSEARCHSTORE_WITH: Error =
    Error::err("GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
pub const GEORADIUS_STORE_WITH: Error =
    Error::err("STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options");

/// Coordinates off the map, as C's `%f` prints them.
pub fn coordinates(lon: f64, lat: f64) -> Error {
    Error::Err(Cow::Owned(format!("invalid longitude,latitude pair {lon:.6},{lat:.6}")))
}

/// GEOSEARCH without a center, or without a shape; the command is quoted as it was sent.
pub fn exactly_one(of: &str, command: &[u8]) -> Error {
    Error::quoting(&format!("exactly one of {of} can be specified for "), command, "")
}

// ---- scripts ---------------------------------------------------------------------------------------------------------

impl Error {
    pub const NOSCRIPT: Error = Error::coded("NOSCRIPT No matching script. Please use EVAL.");
    pub const SCRIPT_MAY_WRITE: Error = Error::err("Can not execute a script with write flag using *_ro command.");
    pub const NUMKEYS_MORE_THAN_ARGS: Error = Error::err("Number of keys can't be greater than number of args");
    pub const NUMKEYS_NEGATIVE: Error = Error::err("Number of keys can't be negative");
    pub const NOTBUSY: Error = Error::coded("NOTBUSY No scripts in execution right now.");
    pub const UNKILLABLE: Error = Error::coded(
        "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script \
         termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
    );
    pub const BUSY_SCRIPT: Error =
        Error::coded("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
    pub const BUSY_FUNCTION: Error =
        Error::coded("BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.");
    pub const SCRIPT_DEBUG_MODE: Error = Error::err("Use SCRIPT DEBUG YES/SYNC/NO");
    /// Ours: there is no debugger.
    pub const NO_SCRIPT_DEBUGGER: Error = Error::err("rustredis has no debugger for scripts");
    pub const SCRIPT_FLUSH_MODE: Error = Error::err("SCRIPT FLUSH only support SYNC|ASYNC option");
    pub const FUNCTION_FLUSH_MODE: Error = Error::err("FUNCTION FLUSH only supports SYNC|ASYNC option");
    pub const BAD_NUMKEYS: Error = Error::err("Bad number of keys provided");
    pub const DUMP_PAYLOAD: Error = Error::err("DUMP payload version or checksum are wrong");
}

// ---- ACL -------------------------------------------------------------------------------------------------------------

pub const ACL_DEFAULT_STAYS: Error = Error::err("The 'default' user cannot be removed");
pub const ACL_NAME: Error = Error::err("Usernames can't contain spaces or null characters");
pub const ACL_GENPASS: Error =
    Error::err("ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096");
pub const ACL_SAVE: Error =
    Error::err("There was an error trying to save the ACLs. Please check the server logs for more information");
pub const ACL_NO_FILE: Error = Error::err(
    "This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and \
     then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis \
     configuration.",
);

// ---- cluster ---------------------------------------------------------------------------------------------------------

pub const CLUSTER_DISABLED: Error = Error::err("This instance has cluster support disabled");

// ---- replication -----------------------------------------------------------------------------------------------------

pub const READONLY: Error = Error::coded("READONLY You can't write against a read only replica.");
pub const NOREPLICAS: Error = Error::coded("NOREPLICAS Not enough good replicas to write.");
pub const MASTERDOWN: Error =
    Error::coded("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
pub const REPLICA_KEYSPACE: Error = Error::err("Replica can't interact with the keyspace");
pub const REPLICAOF_FROM_REPLICA: Error = Error::err("Command is not valid when client is a replica.");
pub const REPLICAOF_IN_FAILOVER: Error = Error::err("REPLICAOF not allowed while failing over.");
pub const FAILOVER_NONE: Error = Error::err("No failover in progress.");
pub const FAILOVER_TWICE: Error = Error::err("FAILOVER already in progress.");
pub const FAILOVER_TIMEOUT: Error = Error::err("FAILOVER timeout must be greater than 0");
pub const FAILOVER_ON_REPLICA: Error = Error::err("FAILOVER is not valid when server is a replica.");
pub const FAILOVER_ALONE: Error = Error::err("FAILOVER requires connected replicas.");
pub const FAILOVER_FORCE: Error =
    Error::err("FAILOVER with force option requires both a timeout and target HOST and IP.");
pub const FAILOVER_STRANGER: Error = Error::err("FAILOVER target HOST and PORT is not a replica.");
pub const FAILOVER_OFFLINE: Error = Error::err("FAILOVER target replica is not online.");
pub const PSYNC_FAILOVER_PRIMARY: Error = Error::err("PSYNC FAILOVER can't be sent to a master.");
pub const PSYNC_FAILOVER_ID: Error = Error::err("PSYNC FAILOVER replid must match my replid.");
pub const INVALID_PRIMARY_PORT: Error = Error::err("Invalid master port");
pub const NO_MASTER_LINK: Error = Error::coded("NOMASTERLINK Can't SYNC while not connected with my master");
pub const REPLCONF_IP: Error = Error::err("REPLCONF ip-address provided by replica instance is too long");
pub const RDB_FILTER: Error = Error::err("Unsupported rdb-filter-only option");
pub const WAIT_ON_REPLICA: Error = Error::err(
    "WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be \
     writable (which is not the default) writes to replicas are just local and are not propagated.",
);
pub const WAITAOF_ON_REPLICA: Error = Error::err(
    "WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not \
     propagated.",
);
pub const WAITAOF_OFF: Error = Error::err("WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
pub const WAITAOF_LOCAL: Error = Error::err("value is out of range, must be between 0 and 1");
pub const WAITAOF_REPLICAS: Error = Error::err("value is out of range, must be positive");
