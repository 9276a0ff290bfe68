use super::Family;

pub const FAMILY: Family = Family { name: "dump", landed: true, setup: SETUP, grammar: GRAMMAR };

/// Compressors differ, what they compress does not.
const SETUP: &[&str] = &["CONFIG SET rdbcompression no"];

const GRAMMAR: &str = "
    4   SET $k $val
    2 h INCRBY $k $small
    3 h RPUSH $k ( $m )
    1 h RPUSH $l ( $m )#
    3 h HSET $k ( $m $m )
    1 h HSET $h ( $m $m )#
    3 h SADD $k ( $m )
    2 h SADD $t ( $small )
    1 h SADD $t ( $m )#
    3 h ZADD $k ( $small $m )
    2 h ZADD $z ( $float $m )
    1 h ZADD $z ( $small $m )#
    3 h XADD $x $id $m $m
    1 h XGROUP CREATE $x $group 0
    1 h SETRANGE $s 70 $m
    2   DEL $k
    9   DUMP $k
    1   DUMP
    8   RESTORE $k $ttl $payload REPLACE
    3   RESTORE $k 0 $payload
    4   RESTORE $k $ttl $payload < REPLACE ; ABSTTL ; IDLETIME $rcount ; FREQ $rcount ; $junk >
    1   RESTORE $k 0 $val REPLACE
    2 r DEBUG DIGEST-VALUE $k
    1   TYPE $k
    1   OBJECT ENCODING $k
    1   PTTL $k
";
