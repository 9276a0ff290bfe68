use super::Family;

pub const FAMILY: Family = Family {
    name: "zsets",
    landed: true,
    setup: &["CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 64"],
    grammar: GRAMMAR,
};

const GRAMMAR: &str = "
    9   ZADD $z < { NX | XX } ; { GT | LT } ; CH > ( $score $m )
    3   ZADD $z < NX ; XX ; GT ; LT ; CH ; INCR > $score $m
    2   ZADD $z ( $small $seq )#
    2   ZADD $z ( 0 $seq )#
    3 ! ZADD $y ( 0 $m )
    1 ! ZADD $y ( 0 $seq )#
    1   ZRANGE $y $idx $idx BYLEX [ { REV | WITHSCORES } ]
    2 ! ZRANGESTORE $z $y $lmin $lmax BYLEX [ LIMIT $noff $small ]
    3   ZINCRBY $z $score $m
    3   ZREM $z ( $m )
    2   ZCARD $z
    3   ZSCORE $z $m
    3   ZMSCORE $z ( $m )
    3   ZRANK $z $m
    2 v ZRANK $z $m [ WITHSCORE ]
    3   ZREVRANK $z $m
    1 v ZREVRANK $z $m [ { WITHSCORE | $junk } ]
    3   ZCOUNT $z $smin $smax
    3   ZLEXCOUNT $y $lmin $lmax
    4   ZRANGE $z $idx $idx [ REV ] [ WITHSCORES ]
    4   ZRANGE $z $smin $smax BYSCORE < LIMIT $noff $small ; WITHSCORES >
    3   ZRANGE $z $smax $smin BYSCORE REV < LIMIT $noff $small ; WITHSCORES >
    3   ZRANGE $y $lmin $lmax BYLEX [ LIMIT $noff $small ]
    2   ZRANGE $z $idx $idx < REV ; BYSCORE ; WITHSCORES ; LIMIT $noff $small >
    2   ZREVRANGE $z $idx $idx [ WITHSCORES ]
    3   ZRANGEBYSCORE $z $smin $smax < WITHSCORES ; LIMIT $noff $small >
    3   ZREVRANGEBYSCORE $z $smax $smin < WITHSCORES ; LIMIT $noff $small >
    2   ZRANGEBYLEX $y $lmin $lmax [ LIMIT $noff $small ]
    2   ZREVRANGEBYLEX $y $lmax $lmin [ LIMIT $noff $small ]
    3 ! ZRANGESTORE $z $z { $idx $idx | $smin $smax BYSCORE } < REV ; LIMIT $noff $small >
    2   ZREMRANGEBYRANK $z $idx $idx
    2   ZREMRANGEBYSCORE $z $smin $smax
    2   ZREMRANGEBYLEX $y $lmin $lmax
    3   ZPOPMIN $z [ $count ]
    3   ZPOPMAX $z [ $count ]
    3   ZMPOP $nkeys $z $z { MIN | MAX } [ COUNT $count ]
    1 ! ZADD $z.a 1 x && BZPOPMIN $z.a 0.01
    1 ! ZADD $z.a 1 x && BZPOPMAX $z.a 0.01
    1 ! ZADD $z.a 1 x && BZMPOP 0.01 1 $z.a { MIN | MAX } [ COUNT 2 ]
    4   ZUNION 2 $z { $z | $t } < WEIGHTS $weight $weight ; AGGREGATE { SUM | MIN | MAX } ; WITHSCORES >
    2   ZINTER $nkeys ( $z ) [ WITHSCORES ]
    3   ZDIFF 2 $z { $z | $t } [ WITHSCORES ]
    4   ZUNIONSTORE $z 2 $z { $z | $t } < WEIGHTS $weight $weight ; AGGREGATE { SUM | MIN | MAX | $junk } >
    4   ZINTER 2 $z { $z | $t } < WEIGHTS $weight $weight ; AGGREGATE { SUM | MIN | MAX } ; WITHSCORES >
    4   ZINTERSTORE $z 2 $z { $z | $t } < WEIGHTS $weight $weight ; AGGREGATE { SUM | MIN | MAX | $junk } >
    2   ZDIFFSTORE $z 2 $z { $z | $t }
    2   ZINTERCARD $nkeys $z $z [ LIMIT $count ]
    2   ZRANDMEMBER $z [ $rcount [ WITHSCORES ] ]
    2   ZSCAN $z 0 COUNT 1000 [ MATCH $glob ]
    1   SADD $t ( $m )
    1   OBJECT ENCODING $z
    1 ! CONFIG SET zset-max-listpack-entries { 128 | 5 | 0 } zset-max-listpack-value { 64 | 10 }
";
