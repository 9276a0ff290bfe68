use super::Family;

pub const FAMILY: Family =
    Family { name: "sets", landed: true, setup: &["CONFIG SET set-max-intset-entries 512"], grammar: GRAMMAR };

const GRAMMAR: &str = "
    9   SADD $t ( $m )
    2   SADD $t ( $seq )#
    2   SADD $t ( $iseq )#
    2   SADD $t ( $small )
    5   SREM $t ( $m )
    1   SREM $t ( $seq )#
    3   SCARD $t
    3   SISMEMBER $t $m
    3   SMISMEMBER $t ( $m )
    4   SMEMBERS $t
    4   SMOVE $t $t $m
    3   SINTER ( $t )
    3   SUNION ( $t )
    3   SDIFF ( $t )
    3   SINTERSTORE $t ( $t )
    3   SUNIONSTORE $t ( $t )
    3   SDIFFSTORE $t ( $t )
    5   SINTERCARD $nkeys $t $t [ LIMIT $count ]
    2   SINTERCARD 2 $t $t < LIMIT $small ; $junk >
    2 ! SPOP $t.a && DEL $t.a
    2 ! SPOP $t.a $rcount && DEL $t.a
    1 ! SPOP $t 1000000
    2   SRANDMEMBER $t [ $rcount ]
    2   SSCAN $t 0 COUNT 1000 [ MATCH $glob ]
    1   OBJECT ENCODING $t
    1 ! CONFIG SET set-max-intset-entries { 512 | 128 }
";
