use super::Family;

pub const FAMILY: Family = Family { name: "sort", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    4   RPUSH $l ( $small )
    2   RPUSH $l ( $m )
    1   RPUSH $l ( $float )
    3   SADD $t ( $small )
    3   ZADD $z ( $small $m )
    3   MSET w_1 5 w_2 3 w_3 9 w_a 1 w_b 0 o_1 one o_2 two o_3 x
    2   HSET hw_1 f 3 g x && HSET hw_2 f 1
    8   SORT $l < ALPHA ; { ASC | DESC } ; LIMIT $small $small ; GET # ; GET o_* ; GET $hashpat >
    6   SORT $l < BY { w_* | $hashpat | w_ } ; DESC ; GET # ; GET w_* >
    3   DEL l9 && RPUSH l9 c a b && SORT l9 < BY nosort ; LIMIT $idx $idx ; STORE $l ; GET # >
    3   SORT $t < ALPHA ; DESC ; GET # ; GET o_* ; STORE $l >
    3 ! DEL z9 && ZADD z9 3 c 1 a 2 b 2 a1 && SORT z9 < BY nosort ; ALPHA ; DESC ; LIMIT $small $small >
    3   SORT $l < STORE $l ; ALPHA ; LIMIT $small $small >
    4   SORT_RO $l < ALPHA ; DESC ; LIMIT $small $small ; GET # ; STORE $l >
    1   SORT $l < $junk ; ALPHA ; BY >
    2   DEL l9 && RPUSH l9 1 2 3 a && SORT l9 BY $hashpat ALPHA
    2   DEL l9 && RPUSH l9 1 2 3 b && SORT l9 BY w_* ALPHA DESC GET # GET w_*
    1   LRANGE $l 0 -1
";
