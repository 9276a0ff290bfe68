use super::Family;

pub const FAMILY: Family = Family { name: "scan", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    4   MSET ( $seq $v )#
    3   SADD $t ( $seq )#
    3   HSET $h ( $seq $v )#
    3   ZADD $z ( $small $seq )#
    2   SADD $t ( $iseq )#
    2   DEL ( $seq )#
    2   SREM $t ( $seq )#
    2   HDEL $h ( $seq )#
    6 ! WALK SCAN 0 < COUNT $pos ; MATCH $glob ; TYPE $type >
    4 ! WALK SSCAN $t 0 < COUNT $pos ; MATCH $glob >
    4 ! WALK HSCAN $h 0 < COUNT $pos ; MATCH $glob >
    2 !v WALK HSCAN $h 0 < COUNT $pos ; NOVALUES >
    4 ! WALK ZSCAN $z 0 < COUNT $pos ; MATCH $glob >
    1   SCAN { abc | -1 | 1x | 18446744073709551616 } COUNT 10
    1   SSCAN $t { abc | -1 | 0 COUNT 0 | 0 COUNT x | 0 MATCH | 0 NOSUCH x | 0 TYPE string }
    1   HSCAN $h { abc | -1 | 0 COUNT 0 | 0 COUNT x | 0 MATCH | 0 NOSUCH x | 0 TYPE string }
    1   ZSCAN $z { abc | -1 | 0 COUNT 0 | 0 COUNT x | 0 MATCH | 0 NOSUCH x | 0 TYPE string }
    1   DBSIZE
";
