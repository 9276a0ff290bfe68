use super::Family;

pub const FAMILY: Family = Family { name: "keys", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    5   SET $k $val
    3 h RPUSH $k ( $m )
    3 h HSET $k $m $m
    3 h SADD $k ( $m )
    3 h ZADD $k $small $m
    5   DEL ( $k )
    3   UNLINK ( $k )
    3   EXISTS ( $k )
    3   TOUCH ( $k )
    3   TYPE $k
    4   RENAME $k $k
    3   RENAMENX $k $k
    5   COPY $k $k < DB $db ; REPLACE >
    3   MOVE $k $db
    1 ! SWAPDB $db $db
    1 ! SELECT $db
    2 ! SELECT 0
    1   RANDOMKEY
    2   KEYS $glob
    1   DBSIZE
    1   FLUSHDB [ { SYNC | ASYNC | $junk } ]
    1   FLUSHALL [ { SYNC | ASYNC | $junk } ]
    5   EXPIRE $k $sec [ { NX | XX | GT | LT } ]
    5   PEXPIRE $k $ms [ { NX | XX | GT | LT } ]
    6   EXPIREAT $k $at [ { NX | XX | GT | LT } ]
    6   PEXPIREAT $k $mat [ { NX | XX | GT | LT } ]
    3   EXPIREAT $k $at < NX ; XX ; GT ; LT ; $junk >
    3   TTL $k
    3   PTTL $k
    3   EXPIRETIME $k
    3   PEXPIRETIME $k
    4   PERSIST $k
    3   OBJECT ENCODING $k
    1   OBJECT REFCOUNT $l
    1   OBJECT IDLETIME $k
    1   OBJECT FREQ $k
    1   OBJECT { $junk | ENCODING } $k
    2   SCAN 0 COUNT 1000 [ MATCH $glob ] [ TYPE $type ]
    1   SCAN { $junk | 0 } { COUNT $int | MATCH | $junk $junk }
    1   MEMORY USAGE $k [ SAMPLES $count ]
    1 !h WAIT 0 0
";
