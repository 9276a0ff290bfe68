use super::Family;

pub const FAMILY: Family = Family { name: "bitmaps", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    8   SETBIT $s $bitoff $bit
    5   GETBIT $s $bitoff
    6   BITCOUNT $s [ $idx $idx [ { BIT | BYTE | $junk } ] ]
    6   BITPOS $s $bit [ $idx [ $idx [ { BIT | BYTE | $junk } ] ] ]
    6   BITOP { AND | OR | XOR } $s ( $s )
    3   BITOP NOT $s $s
    1   BITOP { NOT | NAND | DIFF } $s $s $s
    8   BITFIELD $s ( { GET $fieldtype $fieldoff | SET $fieldtype $fieldoff $int | INCRBY $fieldtype $fieldoff $int | OVERFLOW { WRAP | SAT | FAIL | $junk } } )
    3   BITFIELD_RO $s ( GET $fieldtype $fieldoff )
    1   BITFIELD_RO $s ( { GET $fieldtype $fieldoff | SET $fieldtype $fieldoff $int } )
    1   BITFIELD $s
    4   SET $s $val
    2   SETRANGE $s $off $val
    3   GET $s
    1   STRLEN $s
    1   OBJECT ENCODING $s
";
