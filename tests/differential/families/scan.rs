use super::Family;

pub const FAMILY: Family = Family { name: "scan", landed: true, setup: &[], grammar: GRAMMAR };

// A walk is as many round trips as there are keys: few of them go a long way.
const GRAMMAR: &str = "
    4   MSET ( $seq $v )#
    3 h SADD $t ( $seq )#
    3 h HSET $h ( $seq $v )#
    3 h ZADD $z ( $small $seq )#
    2 h SADD $t ( $iseq )#
    2   DEL ( $seq )#
    2 h SREM $t ( $seq )#
    2 h HDEL $h ( $seq )#
    1 ! WALK SCAN 0 < COUNT $pos ; MATCH $glob ; TYPE $type >
    1 !h WALK SSCAN $t 0 < COUNT $pos ; MATCH $glob >
    1 !h WALK HSCAN $h 0 < COUNT $pos ; MATCH $glob >
    1 !vh WALK HSCAN $h 0 < COUNT $pos ; NOVALUES >
    1 !h WALK ZSCAN $z 0 < COUNT $pos ; MATCH $glob >
    1   SCAN { abc | -1 | 1x | 18446744073709551616 } COUNT 10
    1 h SSCAN $t { abc | -1 | 0 COUNT 0 | 0 COUNT x | 0 MATCH | 0 NOSUCH x | 0 TYPE string }
    1 h HSCAN $h { abc | -1 | 0 COUNT 0 | 0 COUNT x | 0 MATCH | 0 NOSUCH x | 0 TYPE string }
    1 h ZSCAN $z { abc | -1 | 0 COUNT 0 | 0 COUNT x | 0 MATCH | 0 NOSUCH x | 0 TYPE string }
    1   DBSIZE
";
