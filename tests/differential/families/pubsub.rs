use super::Family;

pub const FAMILY: Family = Family { name: "pubsub", landed: true, setup: &[], grammar: GRAMMAR };

// One connection, and one answer for each command, for that is what is compared: what others get, and several names at once,
// is the business of `tests/messages.rs`.
const GRAMMAR: &str = "
    4 ! SUBSCRIBE $m && PING [ $msg ] && GET $s && UNSUBSCRIBE
    4 ! PSUBSCRIBE $glob && PING && SET $s $v && PUNSUBSCRIBE
    4 ! SSUBSCRIBE $m && PING && UNSUBSCRIBE && SUNSUBSCRIBE
    3 ! SUBSCRIBE $m.a && PSUBSCRIBE $glob.b && SSUBSCRIBE $m.c && SUNSUBSCRIBE $m.c && PUNSUBSCRIBE $glob.b && UNSUBSCRIBE $m.a
    2 ! SUBSCRIBE $m && HELLO 3 && UNSUBSCRIBE
    2 ! SUBSCRIBE $m && { EXEC | CLIENT GETNAME | NO-SUCH-COMMAND | GET | SELECT 0 } && UNSUBSCRIBE
    2 ! SUBSCRIBE $m && RESET
    2 ! MULTI && SUBSCRIBE $m && UNSUBSCRIBE && SSUBSCRIBE a && PSUBSCRIBE $glob && PUNSUBSCRIBE && EXEC
    1 ! UNSUBSCRIBE [ $m ]
    1 ! PUNSUBSCRIBE [ $glob ]
    1 ! SUNSUBSCRIBE [ $m ]
    3   PUBLISH $m $val
    3   SPUBLISH $m $val
    2   PUBSUB { CHANNELS | SHARDCHANNELS } [ $glob ] [ $junk ]
    2   PUBSUB { NUMSUB | SHARDNUMSUB } [ ( $m ) ]
    1   PUBSUB NUMPAT
    1   PUBSUB { NOSUCH | $junk }
    2   SET $s $v
";
