use super::Family;

pub const FAMILY: Family = Family {
    name: "streams",
    landed: true,
    setup: &["CONFIG SET stream-node-max-entries 100 stream-node-max-bytes 4096"],
    grammar: GRAMMAR,
};

const GRAMMAR: &str = "
    9   XADD $x $nid ( $m $v )
    3   XADD $x < NOMKSTREAM ; { MAXLEN | MINID } [ { = | ~ } ] { $small | $id } [ LIMIT $count ] > $nid $m $v
    2   XADD $x MAXLEN [ = ] $count $nid $m $v
    1   XADD $x $nid $m
    2   XLEN $x
    5   XRANGE $x $sid $eid [ COUNT $count ]
    4   XREVRANGE $x $eid $sid [ COUNT $count ]
    4   XREAD [ COUNT $count ] STREAMS $x $x $id $id
    2   XREAD [ COUNT $count ] STREAMS $x { $id | $last }
    1   XREAD STREAMS $x $x $id
    2 v XREAD STREAMS $x +
    3   XDEL $x ( $id )
    3   XTRIM $x { MAXLEN | MINID } [ = ] { $small | $id }
    2   XTRIM $x { MAXLEN | MINID } { = | ~ } $id [ LIMIT $count ]
    2   XSETID $x $id < ENTRIESADDED $count ; MAXDELETEDID $id >
    5   XGROUP CREATE $x $group { $id | $last } < MKSTREAM ; ENTRIESREAD $count >
    2   XGROUP SETID $x $group { $id | $last } [ ENTRIESREAD $count ]
    1   XGROUP DESTROY $x $group
    2   XGROUP CREATECONSUMER $x $group $consumer
    1   XGROUP DELCONSUMER $x $group $consumer
    1   XGROUP { NOSUCH $x | CREATE $x }
    8 v XREADGROUP GROUP $group $consumer < COUNT $count ; NOACK > STREAMS $x { $new | $id }
    2 v XREADGROUP GROUP $group $consumer STREAMS $x $x $new $id
    4   XACK $x $group ( $id )
    3   XPENDING $x $group
    3   XPENDING $x $group [ IDLE { 0 | 100000 | x } ] $sid $eid $count [ $consumer ]
    4 v XCLAIM $x $group $consumer { 0 | 1000000 | x } ( $id ) < IDLE $count ; RETRYCOUNT $count ; FORCE ; JUSTID ; LASTID $id >
    3 v XAUTOCLAIM $x $group $consumer { 0 | 1000000 | x } $sid < COUNT $count ; JUSTID >
    2   XINFO STREAM $x
    2 v XINFO STREAM $x FULL [ COUNT $count ]
    2   XINFO GROUPS $x
    2   XINFO CONSUMERS $x $group
    1   XINFO { NOSUCH $x | STREAM $x $junk }
    1   OBJECT ENCODING $x
    1   COPY $x $x REPLACE
    1 ! CONFIG SET stream-node-max-entries { 100 | 3 } stream-node-max-bytes { 4096 | 100 }
";
