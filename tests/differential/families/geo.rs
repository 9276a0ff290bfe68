use super::Family;

pub const FAMILY: Family = Family { name: "geo", landed: true, setup: &[], grammar: GRAMMAR };

const GRAMMAR: &str = "
    9   GEOADD $g < { NX | XX } ; CH > ( $lon $lat $place )
    1   GEOADD $g < NX ; XX ; CH ; $junk > $lon $lat $place
    3   GEOPOS $g ( $place )
    3   GEOHASH $g ( $place )
    4   GEODIST $g $place $place [ $unit ]
    6   GEOSEARCH $g { FROMLONLAT $lon $lat | FROMMEMBER $place } { BYRADIUS $radius $unit | BYBOX $radius $radius $unit } < { ASC | DESC } ; COUNT $pos ; WITHCOORD ; WITHDIST ; WITHHASH >
    2   GEOSEARCH $g < FROMLONLAT $lon $lat ; FROMMEMBER $place ; BYRADIUS $radius $unit ; BYBOX $radius $radius $unit ; COUNT $count ANY >
    4   GEOSEARCHSTORE $g $g { FROMLONLAT $lon $lat | FROMMEMBER $place } { BYRADIUS $radius $unit | BYBOX $radius $radius $unit } < { ASC | DESC } ; STOREDIST >
    4   GEORADIUS $g $lon $lat $radius $unit < { ASC | DESC } ; WITHCOORD ; WITHDIST ; WITHHASH ; { STORE $g | STOREDIST $g } >
    3   GEORADIUSBYMEMBER $g $place $radius $unit < { ASC | DESC } ; WITHCOORD ; WITHDIST ; WITHHASH ; { STORE $g | STOREDIST $g } >
    2   GEORADIUS_RO $g $lon $lat $radius $unit < { ASC | DESC } ; WITHDIST ; STORE $g >
    2   GEORADIUSBYMEMBER_RO $g $place $radius $unit < { ASC | DESC } ; WITHDIST ; COUNT $count >
    3 v GEOSEARCH $g BYPOLYGON 3 { 10 36 18 36 18 43 | 0 30 20 35 5 50 | 12 37 16 37 14 39 } < { ASC | DESC } ; COUNT $pos ; WITHCOORD ; WITHDIST ; WITHHASH >
    1 v GEOSEARCH $g BYPOLYGON { 4 | 5 | x | 2 } 10 36 18 36 18 43 10 $lat < FROMMEMBER $place ; BYRADIUS $radius $unit ; WITHDIST >
    1   ZRANGE $g 0 -1 WITHSCORES
    1   ZREM $g $place
";
