use super::Family;

pub const FAMILY: Family =
    Family { name: "functions", landed: true, setup: &["FUNCTION FLUSH SYNC", "SCRIPT FLUSH SYNC"], grammar: GRAMMAR };

const GRAMMAR: &str = "
    12 ! FUNCTION LOAD [ REPLACE ] $library
    20 ! FCALL { f1 | f2 | f3 } 2 $s $l $val $v
    4  ! FCALL_RO { f1 | f2 | f3 } 2 $s $l $val $v
    2    FCALL { f1 | f2 | nosuch } $nkeys $s $l
    3    FUNCTION LIST [ LIBRARYNAME { lib1 | lib* | x } ] [ WITHCODE ]
    2    FUNCTION DELETE { lib1 | lib2 | x }
    1    FUNCTION FLUSH [ SYNC ]
    1    FUNCTION KILL
    1    FUNCTION RESTORE $v { FLUSH | APPEND | REPLACE | x }
    2    FUNCTION STATS
    2  ! MULTI && FCALL f1 2 $s $l $val $v && GET $s && EXEC
";
