use super::Family;

pub const FAMILY: Family = Family {
    name: "lists",
    landed: true,
    setup: &["CONFIG SET list-max-listpack-size -2 list-compress-depth 0"],
    grammar: GRAMMAR,
};

const GRAMMAR: &str = "
    8   LPUSH $l ( $m )
    8   RPUSH $l ( $m )
    2   RPUSH $l ( $seq )#
    1   RPUSH $l ( $val )#
    2   LPUSHX $l ( $m )
    2   RPUSHX $l ( $m )
    4   LPOP $l [ $count ]
    4   RPOP $l [ $count ]
    3   LLEN $l
    4   LINDEX $l $idx
    5   LRANGE $l $idx $idx
    3   LTRIM $l $idx $idx
    4   LSET $l $idx $m
    4   LINSERT $l { BEFORE | AFTER | $junk } $m $m
    4   LREM $l $idx $m
    5   LPOS $l $m < RANK $idx ; COUNT $count ; MAXLEN $count >
    5   LMOVE $l $l { LEFT | RIGHT } { LEFT | RIGHT }
    2   RPOPLPUSH $l $l
    4   LMPOP $nkeys $l $l { LEFT | RIGHT } [ COUNT $count ]
    1   LMPOP 1 $l { LEFT | RIGHT } COUNT $count
    2 ! RPUSH $l.a x && BLPOP $l.a 0.01
    1 ! RPUSH $l.a x && BRPOP $l.a 0.01
    1 ! BLPOP $l { 0.01 | x | -1 | nan | 1e400 | 1e300 } && DEL missing
    1 ! RPUSH $l.a x && BLMOVE $l.a $l { LEFT | RIGHT } { LEFT | RIGHT } 0.01
    1 ! RPUSH $l.a x && BRPOPLPUSH $l.a $l 0.01
    1 ! RPUSH $l.a x && BLMPOP 0.01 1 $l.a { LEFT | RIGHT } [ COUNT 2 ]
    1   OBJECT ENCODING $l
    1 ! CONFIG SET list-max-listpack-size { -2 | 5 | -1 | 128 }
    1 ! CONFIG SET list-compress-depth { 0 | 1 | 2 }
    1 ! CONFIG SET list-max-listpack-size -2 list-compress-depth 0
";
