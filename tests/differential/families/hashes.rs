use super::Family;

pub const FAMILY: Family = Family {
    name: "hashes",
    landed: true,
    setup: &["CONFIG SET hash-max-listpack-entries 512 hash-max-listpack-value 64"],
    grammar: GRAMMAR,
};

const GRAMMAR: &str = "
    8   HSET $h ( $m $m )
    2   HSET $h ( $seq $m )#
    1   HSET $h a $val
    2   HMSET $h ( $m $v )
    3   HSETNX $h $m $m
    5   HGET $h $m
    4   HMGET $h ( $m )
    4   HDEL $h ( $m )
    1   HDEL $h ( $seq )#
    3   HEXISTS $h $m
    3   HLEN $h
    3   HSTRLEN $h $m
    3   HKEYS $h
    3   HVALS $h
    4   HGETALL $h
    5   HINCRBY $h $m $int
    2   HINCRBY $h n $int
    4   HINCRBYFLOAT $h $m $float
    2   HINCRBYFLOAT $h f $float
    3   HRANDFIELD $h [ $rcount [ WITHVALUES ] ]
    1   HRANDFIELD $h $rcount $junk
    3   HSCAN $h 0 COUNT 1000 [ MATCH $glob ]
    2 v HSCAN $h 0 COUNT 1000 < NOVALUES ; MATCH $glob >
    1   OBJECT ENCODING $h
    1 ! CONFIG SET hash-max-listpack-entries { 4 | 128 | 512 } hash-max-listpack-value { 64 | 10 }
";
