//! The words of the generators: small pools, so that keys, members and types collide, with the borders that code
//! forgets mixed in.

use crate::common::Rng;

/// All keys of a run. The first letter says which type usually lives there: `s` string, `n` number, `l` list,
/// `h` hash, `t` set, `z` sorted set, `g` geo, `p` HyperLogLog, `x` stream.
const KEYS: &[&str] = &[
    "s0", "s1", "s2", "n0", "n1", "l0", "l1", "l2", "h0", "h1", "t0", "t1", "t2", "z0", "z1", "z2", "g0", "g1", "p0",
    "p1", "x0", "x1",
];

pub fn word(name: &str, rng: &mut Rng) -> Vec<u8> {
    match name {
        "s" | "n" | "l" | "h" | "t" | "z" | "g" | "p" | "x" => key(name, rng),
        // Sorted sets whose scores are all equal: the others have no lexicographic order to speak of.
        "y" => words(&["y0", "y1", "y0", "y1", "y9"], rng),
        "k" => key("", rng),
        "script" => crate::scripts::script(rng),
        "library" => crate::scripts::library_text(rng),
        "payload" => crate::payloads::payload(rng),
        "ttl" => mostly(&["0", "0", "1000000", "4102444800000"], &["-1", "x"], rng),
        "val" => value(rng),
        "v" => words(&["a", "b", "c", "", "10", "-5", "3.5", "x y", "\u{e9}"], rng),
        "int" => integer(rng),
        "small" => rng.range(-3, 12).to_string().into_bytes(),
        "noff" => rng.range(0, 12).to_string().into_bytes(),
        "pos" => rng.range(1, 4).to_string().into_bytes(),
        "count" => mostly(&["0", "1", "2", "3", "5", "10", "100"], &["-1", "-5", "abc", "9223372036854775807"], rng),
        "rcount" => words(&["0", "1", "2", "3", "7", "20", "-1", "-4", "-9", "x", "9223372036854775807"], rng),
        "float" => float(rng),
        "idx" => mostly(
            &["0", "1", "2", "3", "5", "-1", "-2", "-3", "-100", "100"],
            &["9223372036854775807", "-9223372036854775808", "4294967296", "a", "1.0", "-0", "+1", ""],
            rng,
        ),
        // Never between a hundred thousand and 2^29: each would cost hundreds of megabytes, in both servers.
        "off" => mostly(
            &["0", "1", "2", "7", "8", "43", "44", "45", "100", "5000"],
            &["536870912", "4294967296", "9223372036854775807", "-1", "-9223372036854775808", "x"],
            rng,
        ),
        "bitoff" => mostly(
            &["0", "1", "5", "7", "8", "9", "63", "64", "100", "1000", "20000"],
            &["4294967296", "-1", "9223372036854775807", "#1", "x", "00"],
            rng,
        ),
        "fieldoff" => mostly(
            &["0", "1", "5", "8", "63", "100", "#0", "#1", "#2", "#7"],
            &["#-1", "-1", "4294967296", "#4294967296", "#", "x", "#9223372036854775807"],
            rng,
        ),
        "fieldtype" => mostly(
            &["u1", "u2", "u5", "u8", "u16", "u32", "u63", "i1", "i2", "i5", "i8", "i16", "i32", "i63", "i64"],
            &["u64", "i65", "u0", "i0", "i", "u", "x8", "U8", "8", "i-1"],
            rng,
        ),
        "bit" => mostly(&["0", "1"], &["2", "-1", "x", ""], rng),
        // Relative times are drawn from a wide range: were two equal, GT and LT would turn on milliseconds.
        "sec" => mostly_range(1_000, 9_000_000, &["0", "-1", "9223372036854775807", "9223372036854775", "x"], rng),
        "ms" => mostly_range(1_000_000, 9_000_000_000, &["0", "-1", "9223372036854775807", "x", "1.5"], rng),
        "at" => mostly(
            &["4102444800", "4102444801", "5000000000", "4102444799"],
            &["1", "0", "-1", "9223372036854775807", "9223372036854775", "x"],
            rng,
        ),
        "mat" => mostly(
            &["4102444800000", "4102444800001", "5000000000123", "4102444799999"],
            &["1", "0", "-1", "9223372036854775807", "x"],
            rng,
        ),
        "m" => member(rng),
        "score" => score(rng),
        "smin" => bound(rng, &["-inf", "(0", "0", "(1", "1", "-5", "(-inf", "2.5", "nan", "x", "(", "(x"]),
        "smax" => bound(rng, &["+inf", "inf", "(3", "3", "10", "(10", "1000", "(+inf", "nan", "x", ""]),
        "lmin" => words(&["-", "[", "[a", "(a", "[b", "(e1", "[e100", "(", "a", "+", ""], rng),
        "lmax" => words(&["+", "[z", "(z", "[b", "(c", "[e3", "(e200", "(", "z", "-", ""], rng),
        "weight" => mostly(&["1", "2", "0", "-1", "0.5", "3.25"], &["inf", "-inf", "nan", "x", "1e308"], rng),
        "glob" => words(
            &[
                "*", "?", "a*", "*a", "e[0-9]", "[^a]*", "\\*", "e1?", "", "[", "[a-", "**1**", "[z-a]*", "k[", "\\",
                "s[01]",
            ],
            rng,
        ),
        "db" => mostly(&["0", "0", "1", "2"], &["15", "16", "-1", "x", "99999999999"], rng),
        "type" => mostly(&["string", "list", "hash", "set", "zset", "stream", "STRING"], &["x", ""], rng),
        "nkeys" => mostly(&["1", "2", "2", "3"], &["0", "-1", "4", "x", "9223372036854775807"], rng),
        "id" => mostly(
            &["1-1", "1-2", "2-0", "3", "5-5", "7-1", "10-0", "20", "100-3", "0-1", "0", "0-0"],
            &[
                "-",
                "x",
                "1-",
                "-1",
                "1-x",
                "18446744073709551615-18446744073709551615",
                "18446744073709551616",
                "1-1-1",
                "*-1",
            ],
            rng,
        ),
        "sid" => words(
            &[
                "-",
                "0",
                "1",
                "1-2",
                "(1-1",
                "(2",
                "5-5",
                "(",
                "x",
                "(-",
                "0-0",
                "(18446744073709551615-18446744073709551615",
            ],
            rng,
        ),
        "eid" => {
            words(&["+", "+", "7", "10-1", "(20", "(5-5", "100", "(", "x", "(+", "(0-0", "18446744073709551615"], rng)
        }
        "nid" => next_id(rng),
        // The grammar has its own use for `>`.
        "new" => b">".to_vec(),
        "last" => b"$".to_vec(),
        "group" => mostly(&["g1", "g2"], &["g3", ""], rng),
        "consumer" => mostly(&["alice", "bob"], &["carol", ""], rng),
        "lon" => mostly(
            &["13.361389", "15.087269", "2.349014", "-122.41", "0", "179.9", "-179.9", "13.583333"],
            &["180.1", "200", "nan", "x", "1e5"],
            rng,
        ),
        "lat" => mostly(
            &["38.115556", "37.502669", "48.864716", "37.77", "0", "85", "-85", "37.316667"],
            &["86", "100", "nan", "x"],
            rng,
        ),
        "place" => words(&["Palermo", "Catania", "Paris", "SF", "null", "edge", "a", "nosuch"], rng),
        "radius" => mostly(&["0", "1", "100", "200", "1000", "5000", "20000.5"], &["-1", "nan", "x", "1e9"], rng),
        "unit" => mostly(&["m", "km", "ft", "mi", "KM"], &["parsec", "x"], rng),
        "hashpat" => words(&["hw_*->f", "hw_*->g", "*->f", "hw_*->", "hw_*", "->f"], rng),
        "client" => mostly(&["c1", "worker-7", "", "a.b"], &["with space", "new\nline", "\u{e9}"], rng),
        "user" => mostly(&["u1", "u2"], &["u3"], rng),
        "rule" => mostly(
            &[
                "+get",
                "-get",
                "+set",
                "-SET",
                "+@read",
                "-@write",
                "+@string",
                "-@dangerous",
                "+@ALL",
                "-@all",
                "allcommands",
                "nocommands",
                "+config|get",
                "-config|get",
                "+config",
                "-config",
                "+Config|Set",
                "+select|0",
                "+select",
                "-select",
                "~s*",
                "~s0",
                "%R~n*",
                "%W~n*",
                "%RW~l*",
                "%r~h*",
                "allkeys",
                "~*",
                "resetkeys",
                "&a*",
                "&b",
                "&*",
                "allchannels",
                "resetchannels",
                "(+get ~s1)",
                "(+@read allkeys)",
                "(%W~n0 +@write -append)",
                "(&c +publish)",
                "clearselectors",
                ">pw",
                ">other",
                "<pw",
                "nopass",
                "resetpass",
                "on",
                "off",
                "reset",
                "skip-sanitize-payload",
                "#ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
                "!ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
            ],
            &[
                "+nosuch",
                "+@nosuch",
                "-select|0",
                "+config|nosuch",
                "+config|get|x",
                "+get|",
                "%X~a",
                "%~a",
                "%R",
                "(+get",
                ")",
                "(nosuch)",
                "()",
                "(+get (~a))",
                "#12",
                "!zz",
                "~a b",
                "&a\tb",
                "~\u{0}",
                "+",
                "-",
                "+@",
                "",
                "junk",
            ],
            rng,
        ),
        "junk" => junk(rng),
        "msg" => words(&["hello", "", "a b", "\u{0}\r\n\u{1}", "\u{e9}t\u{e9}"], rng),
        other => panic!("no such word in the vocabulary: ${other}"),
    }
}

/// What does not belong where it stands.
pub fn junk(rng: &mut Rng) -> Vec<u8> {
    const JUNK: &[&[u8]] = &[
        b"",
        b"abc",
        b"-1",
        b"0",
        b"1",
        b"1.5",
        b" 1",
        b"1 ",
        b"+1",
        b"nan",
        b"inf",
        b"-inf",
        b"0x10",
        b"00",
        b"1e3",
        b"9223372036854775807",
        b"9223372036854775808",
        b"-9223372036854775808",
        b"-9223372036854775809",
        b"\xff\x00\r\n",
        b"NX",
        b"XX",
        b"GET",
        b"LIMIT",
        b"COUNT",
        b"*",
        b"-",
        b"s0",
        b"l0",
        b"z0",
        b"18446744073709551616",
    ];
    rng.pick(JUNK).to_vec()
}

fn words(from: &[&str], rng: &mut Rng) -> Vec<u8> {
    rng.pick(from).as_bytes().to_vec()
}

/// Usually one that works, so that sequences get somewhere; now and then one that does not.
fn mostly(good: &[&str], odd: &[&str], rng: &mut Rng) -> Vec<u8> {
    if rng.percent(10) { words(odd, rng) } else { words(good, rng) }
}

fn mostly_range(low: i64, high: i64, odd: &[&str], rng: &mut Rng) -> Vec<u8> {
    if rng.percent(10) { words(odd, rng) } else { rng.range(low, high).to_string().into_bytes() }
}

fn key(letter: &str, rng: &mut Rng) -> Vec<u8> {
    if rng.percent(1) {
        return words(&["", "missing", "binary\u{0}key\r\n"], rng);
    }
    // One time in eight some other type's key.
    let fitting: Vec<&&str> = KEYS.iter().filter(|key| key.starts_with(letter)).collect();
    if rng.percent(88) { rng.pick(&fitting).as_bytes().to_vec() } else { words(KEYS, rng) }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(14) {
        0 | 1 => integer(rng),
        2 => float(rng),
        3 => Vec::new(),
        4 => vec![b'v'; 44],
        5 => vec![b'v'; 45],
        6 => vec![b'w'; *rng.pick(&[63, 64, 65])],
        7 => (0..rng.below(20)).map(|_| rng.next() as u8).collect(),
        8 => b"\xff\x00\x80\r\n".to_vec(),
        9 => vec![b'L'; *rng.pick(&[255, 256, 1000, 3000])],
        10 => words(&["ohmytext", "mynewtext", "h\u{e9}llo w\u{f6}rld", "foobar", "  padded "], rng),
        _ => words(&["a", "b", "abc", "hello", "0", "1", "x1"], rng),
    }
}

fn integer(rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0..6 => rng.range(-20, 100).to_string().into_bytes(),
        6 => rng.range(-70_000, 70_000).to_string().into_bytes(),
        _ => words(
            &[
                "9223372036854775807",
                "-9223372036854775808",
                "9223372036854775806",
                "-9223372036854775807",
                "4294967296",
                "2147483647",
                "-2147483648",
                "9223372036854775808",
                "-9223372036854775809",
                "+1",
                "-0",
                "01",
                " 1",
                "1 ",
                "1.0",
                "",
                "1e2",
                "abc",
            ],
            rng,
        ),
    }
}

fn float(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0..4 => format!("{}", rng.range(-4000, 4000) as f64 / 16.0).into_bytes(),
        4 => rng.range(-50, 50).to_string().into_bytes(),
        5 => words(&["0.1", "1.1", "3.0e3", "1e-5", "5.0e-7", "123456789.123", "1e17", "1e15", ".5", "5.", "-.5"], rng),
        _ => words(
            &[
                "inf",
                "-inf",
                "+inf",
                "nan",
                "1e400",
                "-1e400",
                "1e308",
                "x",
                "",
                " 1",
                "1 ",
                "0x1p3",
                "1e",
                "infinity",
                "9223372036854775807",
                "-0",
            ],
            rng,
        ),
    }
}

fn score(rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0..6 => rng.range(-3, 12).to_string().into_bytes(),
        6 => format!("{}", rng.range(-400, 400) as f64 / 8.0).into_bytes(),
        7 => words(
            &[
                "0.1",
                "1.1",
                "3.3333333333333335",
                "1e21",
                "1e20",
                "1.5e-7",
                "123456789012345678",
                "1e100",
                "17179869184.5",
            ],
            rng,
        ),
        8 => words(&["inf", "-inf", "+inf", "-0", "9007199254740993"], rng),
        _ => words(&["nan", "x", "", "1e400", " 1", "1 ", "0x10"], rng),
    }
}

/// A border of a score range: of the pool's good half three times in four.
fn bound(rng: &mut Rng, pool: &[&str]) -> Vec<u8> {
    let good = if rng.percent(85) { 7 } else { pool.len() };
    words(&pool[..good], rng)
}

fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0..8 => words(&["a", "b", "c", "d", "e1", "e2", "e3", "e101"], rng),
        8..13 => rng.range(-2, 9).to_string().into_bytes(),
        13 => words(
            &["65536", "-70000", "4294967296", "9223372036854775807", "-9223372036854775808", "9223372036854775808"],
            rng,
        ),
        14 => vec![b'm'; *rng.pick(&[63, 64, 65])],
        15 => vec![b'M'; 300],
        16 => words(&["", "01", "1.0", "+1", "-0"], rng),
        17 => b"\x01\x00\xff\r\n".to_vec(),
        18 => float(rng),
        _ => words(&["foo", "bar", "\u{fc}"], rng),
    }
}

/// Ids that mostly grow, so that streams fill; `7-*` numbers itself.
fn next_id(rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0..7 => format!("{}-{}", rng.range(1, 400), rng.range(0, 3)).into_bytes(),
        7 => format!("{}-*", rng.range(1, 400)).into_bytes(),
        8 => rng.range(1, 400).to_string().into_bytes(),
        _ => words(&["0-0", "0-1", "x", "1-1-1", "-", "+", "18446744073709551615-*", "1-x", "*-*", ""], rng),
    }
}
