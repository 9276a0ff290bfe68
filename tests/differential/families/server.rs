use super::Family;

/// What a machine took its time for is not compared.
const SETUP: &[&str] = &["CONFIG SET slowlog-log-slower-than -1", "SLOWLOG RESET"];

pub const FAMILY: Family = Family { name: "server", landed: true, setup: SETUP, grammar: GRAMMAR };

const GRAMMAR: &str = "
    3 ! COMMAND GETKEYS { GET $s | MSET ( $s $v ) | DEL ( $k ) | SET $s $v | PING | BITOP AND $s $s $s | COPY $s $s | NOSUCH a | GET }
    3 ! COMMAND GETKEYS { OBJECT ENCODING $s | MEMORY USAGE $s | RENAME $s $s | LCS $s $s | SORT $s BY w* GET x* STORE $s | ZUNIONSTORE $z 2 $z $z | XREAD COUNT 2 STREAMS $x $x 0 0 | EVAL x 2 $s $s $v }
    3 ! COMMAND GETKEYSANDFLAGS { GET $s | MSET ( $s $v ) | DEL $k | SET $s $v GET | SET $s $v | COPY $s $s | BITFIELD $s GET u8 0 | SORT $s STORE $t | PING }
    2 ! COMMAND COUNT
    1 ! COMMAND INFO { nosuch | nosuch nosuch }
    1 ! COMMAND DOCS nosuch
    1 ! COMMAND LIST FILTERBY { MODULE x | NOSUCH y | PATTERN }
    1 ! COMMAND LIST FILTERBY PATTERN { getb* | setr* | nosuch* }
    2 ! COMMAND { NOSUCH | GETKEYS | INFO a b c nosuch }
    3 ! CONFIG GET { maxmemory | maxclients | hash-max-listpack-* | nosuch | maxmemory-policy timeout | tcp-backlog | appendonly | proto-max-bulk-len }
    2 ! CONFIG SET { maxmemory abc | nosuch 1 | maxmemory-policy nosuch | timeout -1 | timeout x | port | hash-max-listpack-entries 1gb | maxmemory 100mb timeout x | appendfsync nosuch | databases 5 | list-compress-depth -1 | lfu-log-factor x }
    2 ! CONFIG SET { timeout 0 | maxmemory 0 | maxmemory 0 maxmemory 0 | lfu-log-factor 10 | slowlog-max-len 128 timeout 0 }
    1 ! CONFIG { NOSUCH | GET | SET | SET a | RESETSTAT x | REWRITE x }
    1   CONFIG RESETSTAT
    1   DBSIZE
    1   TIME
    1   LASTSAVE
    1   INFO [ { server | keyspace | nosuch | commandstats | everything | all | default } ]
    1   MODULE LIST
    1   MODULE { NOSUCH | UNLOAD nosuch }
    1   OBJECT { HELP x | NOSUCH | ENCODING | FREQ }
    2   MEMORY USAGE $s [ SAMPLES $count ]
    1   MEMORY { NOSUCH | USAGE }
    2 ! DEBUG DIGEST
    2 ! DEBUG DIGEST-VALUE ( $k )
    1 ! DEBUG NOSUCH
    1 ! DEBUG OBJECT missing
    1 ! DEBUG PROTOCOL { string | integer | double | null | array | set | map | true | false | verbatim | bignum | nosuch }
    1 ! DEBUG SLEEP 0
    1 ! DEBUG SET-ACTIVE-EXPIRE 1
    1 h LATENCY { LATEST | RESET | NOSUCH | HISTORY nosuch }
    1 h SLOWLOG { GET 0 | NOSUCH | GET x | GET -2 | LEN x }
    1 ! LOLWUT
    4   SET $s $val
    2   APPEND $s $val
";
