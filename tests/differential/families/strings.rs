use super::Family;

pub const FAMILY: Family = Family { name: "strings", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    14  SET $s $val < { EX $sec | PX $ms | EXAT $at | PXAT $mat | KEEPTTL } ; { NX | XX } ; GET >
    4   SET $s $val < EX $sec ; PX $ms ; NX ; XX ; GET ; KEEPTTL ; $junk >
    4 v SET $s $val < IFEQ $v ; { NX | XX } ; GET ; { EX $sec | PXAT $mat | KEEPTTL } >
    6   GET $s
    2   STRLEN $s
    3   APPEND $s $val
    2   SETNX $s $val
    2   SETEX $s $sec $val
    2   PSETEX $s $ms $val
    2   GETSET $s $val
    2   GETDEL $s
    4   GETEX $s < { EX $sec | PX $ms | EXAT $at | PXAT $mat | PERSIST } >
    2   GETEX $s < EX $sec ; PX $ms ; EXAT $at ; PERSIST ; $junk >
    4   GETRANGE $s $idx $idx
    1   SUBSTR $s $idx $idx
    4   SETRANGE $s $off $val
    3   INCR $n
    3   DECR $n
    4   INCRBY $n $int
    4   DECRBY $n $int
    4   INCRBYFLOAT $n $float
    2   INCRBYFLOAT $s $float
    2   SET $n $int
    2   SET $n $float
    3   MGET ( $k )
    3   MSET ( $k $val )
    2   MSETNX ( $s $val )
    2 v MSETEX $nkeys ( $s $val ) < { EX $sec | PX $ms | EXAT $at | PXAT $mat | KEEPTTL } ; { NX | XX } >
    2 v DELIFEQ $s $v
    2   SET $s $v
    4   LCS $s $s < LEN ; IDX ; MINMATCHLEN $small ; WITHMATCHLEN >
    1   TTL $s
    1   PEXPIRETIME $s
    1   OBJECT ENCODING $s
    1   OBJECT ENCODING $n
";
