use super::Family;

pub const FAMILY: Family = Family { name: "connection", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    3   PING [ $msg ]
    3   ECHO $msg
    2 ! SELECT $db
    1 ! SELECT 0
    3   CLIENT SETNAME $client
    3   CLIENT GETNAME
    1   CLIENT ID
    1   CLIENT INFO
    2 v CLIENT SETINFO { lib-name | lib-ver | LIB-NAME | $junk } $client
    1   CLIENT NO-EVICT { ON | OFF | $junk }
    1 v CLIENT NO-TOUCH { ON | OFF | $junk }
    1   CLIENT { NOSUCH | GETREDIR | TRACKINGINFO | $junk } [ $junk ]
    2   CLIENT UNBLOCK { 99999 | x | -1 } [ { TIMEOUT | ERROR | $junk } ]
    1 ! CLIENT KILL { 1.2.3.4:5 | ID 999999 | ID x | ID 0 | ADDR 1.2.3.4:5 | TYPE nosuch | TYPE pubsub | USER nosuch | LADDR 1.2.3.4:5 SKIPME yes | SKIPME maybe | ID }
    1   CLIENT LIST { TYPE nosuch | ID x | ID 0 | NOSUCH 1 | TYPE }
    1   CLIENT UNPAUSE
    1 ! CLIENT PAUSE { x | -1 | 1 nosuch }
    1   CLIENT REPLY { $junk | MAYBE }
    1   CLIENT TRACKING { $junk | OFF }
    1   CLIENT CACHING { YES | NO | $junk }
    4 ! HELLO [ { 2 | 3 | 4 | 1 | x | 99999999999999999999 | -3 } ]
    2 ! HELLO { 2 | 3 } < SETNAME $client ; AUTH default x ; AUTH nosuch y ; SETNAME ; NOSUCH >
    2   AUTH $junk [ $junk ]
    1 ! RESET
    1   NO-SUCH-COMMAND ( $msg )
    1   NO-SUCH-COMMAND ( $val )
    2   SET $s $v
    2   GET $s
";
