use super::Family;

pub const FAMILY: Family = Family { name: "acl", landed: true, setup: SETUP, grammar: GRAMMAR };

const SETUP: &[&str] = &["ACL DELUSER u1 u2 u3", "ACL LOG RESET", "CONFIG RESETSTAT"];

// Redis 7.0 shows rules in another order than later versions, so they are compared with Valkey's, and with both by their effect.
const GRAMMAR: &str = "
    9 ! ACL SETUSER $user ( $rule )
    4 ! ACL SETUSER $user reset on nopass ( $rule )
    6 v ACL LIST
    6 v ACL GETUSER $user
    1 r ACL GETUSER nosuch
    1   ACL USERS
    1   ACL DELUSER ( $user )
    1   ACL DELUSER { default | nosuch }
    1   ACL WHOAMI
    1   ACL CAT [ { geo | bitmap | hyperloglog | transaction | nosuch | $junk } ]
    1   ACL GENPASS [ { 5 | 256 | 0 | 4096 | 4097 | x } ]
    1   ACL LOG { RESET | x | 0 | -1 }
    3 v ACL LOG [ $noff ]
    9   ACL DRYRUN $user { GET $k | SET $k 1 | MGET $k $k | APPEND $k 1 | LPUSH $k 1 | CONFIG GET x | CONFIG SET a b | SELECT 0 | SELECT 1 | PUBLISH $m 1 | SUBSCRIBE a b | PSUBSCRIBE a* | SUNSUBSCRIBE c | COPY $k $k | SORT $k STORE $k | SET $k 1 GET | STRLEN $k | GETDEL $k | BITFIELD $k GET u8 0 | BITFIELD $k SET u8 0 1 | HSET $k a 1 | EXISTS $k $k | PING | AUTH x }
    1   ACL DRYRUN { $user | nosuch } { GET | NOSUCH | CONFIG | CONFIG NOSUCH | ACL LIST | PING }
    1   ACL { SAVE | LOAD | NOSUCH | HELP | SETUSER | LIST x | GENPASS 1 2 | CAT a b }
    6 ! ACL SETUSER u1 reset on nopass ( $rule ) && AUTH u1 x && GET $k && SET $k 1 && LPUSH $k 1 && CONFIG GET hz && AUTH default x
    6 ! ACL SETUSER u1 reset on nopass +@all ( $rule ) && AUTH u1 x && MGET $k $k && PUBLISH $m 1 && SORT $k { BY w_* | GET # | BY nosort | GET w_* } && SET $k 1 GET && ACL WHOAMI && AUTH default x
    4 ! ACL SETUSER u1 reset on nopass +@all ( $rule ) && AUTH u1 x && MULTI && GET $k && SET $k 1 && EXEC && AUTH default x
    4 ! ACL SETUSER u2 reset ( $rule ) && AUTH u2 pw && AUTH u2 a && AUTH u2 && AUTH nosuch x && GET $k && AUTH default x
    2 ! ACL SETUSER u1 reset on nopass +@all ~s* && AUTH u1 x && MULTI && GET $k && ACL SETUSER u1 resetkeys && GET s0 && EXEC && AUTH default x
    2 ! AUTH nosuch x && HELLO 2 AUTH u1 pw && AUTH default x
    1 ! RESET
";
