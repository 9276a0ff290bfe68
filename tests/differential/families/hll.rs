use super::Family;

pub const FAMILY: Family = Family { name: "hll", landed: true, setup: &[], grammar: GRAMMAR };

/// What is damaged is only read: Redis writes into it past the end of the string, where a run is cut off.
const GRAMMAR: &str = "
    9   PFADD $p ( $m )
    2   PFADD $p ( $seq )#
    1   PFADD $p
    6   PFCOUNT ( $p )
    4   PFMERGE $p ( $p )
    1   PFMERGE $p
    3   GET $p
    1   STRLEN $p
    1 ! PFDEBUG ENCODING $p
    1 ! PFDEBUG DECODE $p
    1 ! PFDEBUG TODENSE $p
    1 ! PFDEBUG { NOSUCH $p | GETREG missing }
    1   DEL p8 && COPY $p p8 && SETRANGE p8 $off $v && PFCOUNT p8 && PFMERGE p9 p8 && PFCOUNT p8 p9
    1 ! DEL p8 && COPY $p p8 && APPEND p8 $v && PFCOUNT p8 && PFMERGE p9 p8 && PFDEBUG DECODE p8
    1   DEL p8 p9
    1   OBJECT ENCODING $p
    1   COPY $p $p REPLACE
";
