use super::Family;

pub const FAMILY: Family = Family { name: "cluster", landed: true, setup: &[], grammar: GRAMMAR };

// A server that is no cluster's refuses nearly everything of CLUSTER, and says so in Redis's words.
const GRAMMAR: &str = "
    3 ! CLUSTER { INFO | MYID | NODES | SLOTS | SHARDS | LINKS | MYSHARDID | RESET | FAILOVER | BUMPEPOCH | SAVECONFIG | FLUSHSLOTS }
    3 ! CLUSTER KEYSLOT ( $s )
    2 ! CLUSTER { COUNTKEYSINSLOT 1 | GETKEYSINSLOT 1 1 | ADDSLOTS 1 | DELSLOTS 1 | MEET 127.0.0.1 1 | FORGET x | REPLICATE x | SETSLOT 1 STABLE }
    2 ! CLUSTER { NOSUCH | INFO x | KEYSLOT | MYID x | HELP x | COUNT-FAILURE-REPORTS x | REPLICAS x | SLAVES x | SET-CONFIG-EPOCH 1 }
    2 ! { ASKING | READONLY | READWRITE }
    1 ! { ASKING x | READONLY x | READWRITE x }
    3   SET $s $v
    2   GET $s
    2 ! ROLE
    3 ! WAIT { 0 0 | 1 1 | x 1 | 0 x | 1 -1 | 0 }
    1 ! REPLCONF { nosuch 1 | capa | listening-port x | ip-address 1.2.3.4 }
    1 ! REPLICAOF { NO ONE | x y | 127.0.0.1 | 127.0.0.1 99999 | a b c }
    1 ! SLAVEOF { NO ONE | x y | 127.0.0.1 -1 }
    1 ! FAILOVER [ { ABORT | TIMEOUT 0 | TO x | NOSUCH | FORCE } ]
";
