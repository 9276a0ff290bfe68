use super::Family;

pub const FAMILY: Family = Family { name: "field_ttl", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    8 v HSET $h ( $m $v )
    4 v HEXPIRE $h $sec [ { NX | XX | GT | LT } ] FIELDS $nkeys ( $m )
    4 v HEXPIRE $h $sec FIELDS 2 $m $m
    4 v HPEXPIRE $h $ms [ { NX | XX | GT | LT } ] FIELDS 1 $m
    6 v HEXPIREAT $h $at [ { NX | XX | GT | LT } ] FIELDS 2 $m $m
    6 v HPEXPIREAT $h $mat [ { NX | XX | GT | LT } ] FIELDS 1 $m
    3 v HTTL $h FIELDS 2 $m $m
    3 v HPTTL $h FIELDS 1 $m
    3 v HEXPIRETIME $h FIELDS $nkeys ( $m )
    4 v HPEXPIRETIME $h FIELDS 2 $m $m
    4 v HPERSIST $h FIELDS 2 $m $m
    4 v HGETEX $h [ { EX $sec | PX $ms | EXAT $at | PXAT $mat | PERSIST } ] FIELDS 2 $m $m
    4 v HSETEX $h < { FNX | FXX } ; { EX $sec | PX $ms | EXAT $at | PXAT $mat | KEEPTTL } > FIELDS 2 $m $m $m $m
    3 v HGETDEL $h FIELDS 2 $m $m
    2 v HGETALL $h
    1 v HLEN $h
    1 v HDEL $h $m
    1 v HINCRBY $h $m $small
    1 v HKEYS $h
    1 v COPY $h $h REPLACE
    1 v RENAME $h $h
    1 v HSTRLEN $h $m
    1 v HSCAN $h 0 COUNT 1000
";
