use super::Family;

pub const FAMILY: Family = Family { name: "hll", landed: false, setup: &[], grammar: GRAMMAR };

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
    1   SETRANGE $p $off $v
    1   APPEND $p $v
    1   OBJECT ENCODING $p
    1   COPY $p $p REPLACE
";
