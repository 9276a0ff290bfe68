use super::Family;

/// What the libraries remember between scripts, and what SCRIPT LOAD kept, must be the same at the start of each sequence.
pub const FAMILY: Family = Family { name: "scripting", landed: true, setup: &["SCRIPT FLUSH SYNC"], grammar: GRAMMAR };

const GRAMMAR: &str = "
    60 ! EVAL $script 2 $s $l $val $v
    6  ! EVAL_RO $script 2 $s $l $val $v
    4  ! EVAL $script 2 $n $l $int $v
    2    EVAL $script $nkeys $s $l
    3  ! SCRIPT LOAD $script
    3    SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db $v
    2  ! SCRIPT LOAD return(1) && EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
    2    EVALSHA 2f3b1ccd6b1a3d3f52fdce2ec5ae5e1c5a1d21b1 $nkeys $s
    1    EVALSHA $v 0
    1    SCRIPT KILL
    1    SCRIPT FLUSH [ SYNC ]
    3  ! MULTI && EVAL $script 2 $s $l $val $v && GET $s && EXEC
    2  ! WATCH $s.a && EVAL $script 2 $s.a $l 1 2 && MULTI && PING && EXEC
    2    GET $s
    2    LRANGE $l 0 -1
";
