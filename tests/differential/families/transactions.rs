use super::Family;

pub const FAMILY: Family = Family { name: "transactions", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    6 ! MULTI && SET $s $v && INCR $n && GET $s && EXEC
    6 ! MULTI && { GET $s | INCR $s | APPEND $s x | STRLEN $n } && { LPUSH $l $m | GET $l } && EXEC
    3 ! MULTI && SET $s && EXEC
    3 ! MULTI && NO-SUCH-COMMAND && SET $s $v && EXEC
    3 ! MULTI && SET $s $v && DISCARD
    // To Valkey these two break the transaction; Redis, 7.0 and 8.0, refuses them and goes on.
    2 !r MULTI && MULTI && EXEC
    2 !r MULTI && WATCH $s && EXEC
    3 ! WATCH $s.a && SET $s.a $v && MULTI && GET $s.a && EXEC
    3 ! WATCH $s.a && GET $s.a && MULTI && SET $s.a $v && EXEC
    2 ! WATCH ( $k ) && UNWATCH && MULTI && PING && EXEC
    2 ! WATCH $s.a && EXPIRE $s.a $sec && MULTI && PING && EXEC
    2 ! WATCH $s.a && DEL $s.a && MULTI && PING && EXEC
    1 ! WATCH $s && FLUSHDB && MULTI && PING && EXEC
    1   EXEC
    1   DISCARD
    2   WATCH ( $k )
    1   UNWATCH
    1 ! MULTI && SELECT 1 && SET $s $v && SELECT 0 && GET $s && EXEC
    1 ! MULTI && RESET
    4   SET $s $v
    2   SET $n $int
    1 ! MULTI && EXEC
    1 !h MULTI && BLPOP missing 0 && EXEC
";
