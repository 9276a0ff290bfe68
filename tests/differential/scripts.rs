//! Random Lua: expressions and statements as scripts have them, for the families of scripts and functions. What is drawn
//! reaches every conversion and every library; what would name addresses or the order of a hash table is left out.

use crate::common::Rng;

/// A value that may be an argument of anything.
fn atom(rng: &mut Rng) -> String {
    let some = |rng: &mut Rng, from: &[&str]| (*rng.pick(from)).to_owned();
    match rng.below(12) {
        0..4 => some(
            rng,
            &[
                "0", "1", "-1", "2", "3.5", "-0.5", "1e15", "2^31", "2^53", "-2^31", "255", "256", "65536", "0.1",
                "1e100", "33",
            ],
        ),
        4..8 => some(
            rng,
            &[
                "''",
                "'a'",
                "'abc'",
                "'12'",
                "' 7 '",
                "'x y'",
                "'a\\0b'",
                "'\\255\\128'",
                "'/\"\\\\'",
                "'\\n\\t\\1'",
                "'0x10'",
            ],
        ),
        8 => some(rng, &["true", "false", "nil"]),
        9 => some(rng, &["KEYS[1]", "ARGV[1]", "ARGV[2]", "KEYS[2]", "#KEYS", "#ARGV"]),
        10 => table(rng, 0),
        _ => some(rng, &["cjson.null", "print", "{}", "math.huge", "-math.huge", "0/0"]),
    }
}

/// A table with at most one key beside its array, so that there is only one order to walk it in.
fn table(rng: &mut Rng, depth: usize) -> String {
    let mut items: Vec<String> = (0..rng.below(4))
        .map(|_| if depth < 3 && rng.percent(25) { table(rng, depth + 1) } else { simple(rng) })
        .collect();
    if rng.percent(30) {
        let key = *rng.pick(&["err", "ok", "double", "map", "set", "big_number", "verbatim_string", "a", "n"]);
        let value = match key {
            "map" | "set" => format!("{{{}={}}}", rng.pick(&["a", "k"]), simple(rng)),
            "verbatim_string" => {
                format!("{{string='txt',format='{}'}}", rng.pick(&["mkd", "txt", "", "x", "four", "a\\0b"]))
            }
            _ => simple(rng),
        };
        if rng.percent(70) {
            items.clear();
        }
        items.push(format!("{key}={value}"));
    }
    format!("{{{}}}", items.join(","))
}

fn simple(rng: &mut Rng) -> String {
    (*rng.pick(&["1", "-7", "3.25", "'s'", "''", "true", "false", "'a b'", "1e3", "'a\\0b'", "12345678901"])).to_owned()
}

const COMMANDS: &[&str] = &[
    "'get',KEYS[1]",
    "'set',KEYS[1],ARGV[1]",
    "'set',KEYS[1],1.5",
    "'incr',KEYS[1]",
    "'incrby',KEYS[1],3",
    "'incrbyfloat',KEYS[1],0.5",
    "'lpush',KEYS[2],1,2,3",
    "'lrange',KEYS[2],0,-1",
    "'hset','h','f',ARGV[1]",
    "'hgetall','h'",
    "'hmget','h','f','g'",
    "'sadd','set',ARGV[1]",
    "'sismember','set',ARGV[1]",
    "'zadd','z',1.5,'m'",
    "'zscore','z','m'",
    "'zrange','z',0,-1,'withscores'",
    "'mget',KEYS[1],'nokey'",
    "'ping'",
    "'echo',ARGV[2]",
    "'type',KEYS[1]",
    "'exists',KEYS[1],KEYS[2]",
    "'del',KEYS[1]",
    "'expire',KEYS[1],100",
    "'nosuch'",
    "'get'",
    "'get',{}",
    "'get',nil",
    "",
    "'multi'",
    "'eval','return 1',0",
    "'select',1",
    "'select',99",
    "'xadd','x','1-1','f','v'",
    "'xrange','x','-','+'",
    "'dbsize'",
    "'strlen',KEYS[1]",
];

fn call(rng: &mut Rng) -> String {
    // Single-member collections have one order in every server.
    format!("redis.{}({})", rng.pick(&["call", "call", "pcall"]), rng.pick(COMMANDS))
}

fn library(rng: &mut Rng) -> String {
    let a = atom(rng);
    let b = atom(rng);
    let t = table(rng, 0);
    let n = rng.range(-40, 40);
    match rng.below(30) {
        0..3 => format!("cjson.encode({t})"),
        3 => format!("cjson.encode({a})"),
        4..7 => format!("cjson.decode({})", rng.pick(JSON)),
        7 => format!("cjson.encode(cjson.decode({}))", rng.pick(JSON)),
        8..10 => format!("cmsgpack.pack({t},{a})"),
        10 => format!("cmsgpack.unpack(cmsgpack.pack({t},{a}))"),
        11 => format!("{{cmsgpack.unpack_one(cmsgpack.pack({t},{a}),{})}}", rng.below(4)),
        12 => format!("{{cmsgpack.unpack_limit(cmsgpack.pack({a},{b},1),{},{})}}", n % 3, rng.below(3)),
        13 => format!("cmsgpack.unpack({})", rng.pick(PACKED)),
        14 => format!("struct.pack('{}',{a},{b},{n},2)", rng.pick(FORMATS)),
        15 => format!("{{struct.unpack('{}','abcdefghijklmnop\\0qrstuvwxyz',{})}}", rng.pick(FORMATS), n % 4),
        16 => format!("struct.size('{}')", rng.pick(FORMATS)),
        17..20 => format!(
            "bit.{}({a},{n})",
            rng.pick(&[
                "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "tohex", "tobit", "bnot", "bswap"
            ])
        ),
        20 => format!("redis.sha1hex({a})"),
        21 => format!("redis.error_reply({a})"),
        22 => format!("redis.status_reply({a})"),
        23 => format!("tostring({})", rng.pick(&["1", "0.1", "1e15", "'x'", "nil", "true", "2^53"])),
        24 => format!("string.format('%5.2f|%d|%s|%q|%x', {n}, {n}, 'x', 'a\\n', 255)"),
        25 => format!("{{string.find({}, {})}}", rng.pick(TEXTS), rng.pick(PATTERNS)),
        26 => format!("{{string.gsub({}, {}, {})}}", rng.pick(TEXTS), rng.pick(PATTERNS), rng.pick(REPLACEMENTS)),
        27 => format!("{{string.match({}, {})}}", rng.pick(TEXTS), rng.pick(PATTERNS)),
        28 => format!("string.rep({a},{})", rng.range(-1, 4)),
        _ => format!("tonumber({a})"),
    }
}

const JSON: &[&str] = &[
    "'[1,2.5,\"x\",null,true,{}]'",
    "'{\"a\":[{}]}'",
    "'{\"a\":1'",
    "'[1,]'",
    "'nul'",
    "'\"\\\\u00e9\\\\ud83d\\\\ude00\\\\n\"'",
    "'\"\\\\ud83d\"'",
    "'\"\\\\x\"'",
    "'\"abc'",
    "'[0x10,1e3,-0,nan,inf]'",
    "''",
    "'  7  '",
    "'[1] x'",
    "'{1:2}'",
    "'{\"a\" 2}'",
    "'[1 2]'",
    "'-'",
    "'1e'",
    "'[[[[1]]]]'",
    "'1.7976931348623157e309'",
    "'{\"k\":null}'",
];

const PACKED: &[&str] = &[
    "'\\145'",
    "'\\193'",
    "'\\202\\63'",
    "'\\217\\3ab'",
    "'\\129\\161a\\1'",
    "'\\220\\0\\2\\1\\2'",
    "'\\207\\255\\255\\255\\255\\255\\255\\255\\255'",
    "'\\211\\128\\0\\0\\0\\0\\0\\0\\0'",
    "'\\224\\127'",
    "''",
    "'\\192\\194\\195'",
    "'\\196\\2ab'",
];

const FORMATS: &[&str] = &[
    ">i4", "<I2", "b", "Hh", "c0", "i1c0", "c3", "s", "d", "f", ">L", "!4bi", "xb", "z", "i33", "!3i", " >h <h", "I8",
    "c", "i4i4",
];

const TEXTS: &[&str] = &["'hello world'", "'aaa'", "''", "'key=value; k2=v2'", "'[x(y)z]'", "'a.b-c'", "'12 34 5'"];

const PATTERNS: &[&str] = &[
    "'%a+'",
    "'(%w+)=(%w+)'",
    "'a*'",
    "'a-'",
    "'^a'",
    "'o$'",
    "'%b()'",
    "'[^%s]+'",
    "'()l()'",
    "'%d?%d'",
    "'.-'",
    "'x*'",
    "'%f[%w]%w+'",
    "'('",
    "'%'",
    "'[a'",
    "'%1'",
    "'(a)%1'",
    "'[%]]'",
    "'%p'",
    "'.'",
];

const REPLACEMENTS: &[&str] =
    &["'<%0>'", "'%1'", "'%2'", "''", "{a='A'}", "function(x) return '['..x..']' end", "'%%'", "5"];

fn expression(rng: &mut Rng) -> String {
    match rng.below(10) {
        0..2 => atom(rng),
        2..5 => call(rng),
        5..9 => library(rng),
        _ => table(rng, 0),
    }
}

fn statement(rng: &mut Rng) -> String {
    match rng.below(20) {
        0..5 => call(rng),
        5 => format!(
            "error({})",
            rng.pick(&["'oops'", "{err='My error'}", "{err='E a\\r\\nb'}", "nil", "'lvl',0", "'lvl',2", "5"])
        ),
        6 => "redis.setresp(3)".to_owned(),
        7 => format!(
            "local ok,e=pcall(function() return {} end) redis.call('set',KEYS[1],tostring(ok)..type(e))",
            expression(rng)
        ),
        8 => format!("{}=1", rng.pick(&["x", "redis.x", "string.x", "KEYS.x", "cjson.x"])),
        9 => format!("local x={} x.y.z=1", rng.pick(&["nil", "{}", "1"])),
        10 => "undefined_function()".to_owned(),
        11 => "for i=1,3 do redis.call('rpush',KEYS[2],i) end".to_owned(),
        12 => format!("cjson.encode_sparse_array({})", rng.pick(&["true", "false", "false,0", "'x'", "true,1,1,1"])),
        13 => format!("cjson.encode_number_precision({})", rng.pick(&["14", "3", "15", "0"])),
        14 => format!("cjson.encode_invalid_numbers({})", rng.pick(&["true", "false", "'null'", "'x'"])),
        15 => format!("cjson.decode_max_depth({})", rng.pick(&["1000", "2", "0"])),
        _ => format!("local v={}", expression(rng)),
    }
}

/// A whole script.
pub fn script(rng: &mut Rng) -> Vec<u8> {
    let mut text = String::new();
    if rng.percent(8) {
        let line: &str = rng.pick::<&str>(&[
            "#!lua\n",
            "#!lua flags=no-writes\n",
            "#!lua flags=allow-oom,no-cluster\n",
            "#!lua flags=x\n",
            "#!lua x\n",
        ]);
        text.push_str(line);
    }
    for _ in 0..rng.below(3) {
        text.push_str(&statement(rng));
        text.push(*rng.pick(&[' ', '\n']));
    }
    if rng.percent(90) {
        text.push_str(&format!("return {}", expression(rng)));
    }
    if rng.percent(2) {
        let at = rng.below(text.len() + 1);
        if text.is_char_boundary(at) {
            text.truncate(at);
        }
    }
    text.into_bytes()
}

/// A library of functions `f1`, `f2` …, named by what it is loaded as.
pub fn library_text(rng: &mut Rng) -> Vec<u8> {
    let mut text = (*rng.pick(&[
        "#!lua name=lib1\n",
        "#!lua name=lib1\n",
        "#!lua name=lib2\n",
        "#!lua name=lib2\n",
        "#!lua\n",
        "#!lua name=a-b\n",
        "#!lua name=a name=b\n",
        "#!lua name=a x=y\n",
        "",
    ]))
    .to_owned();
    for _ in 0..1 + rng.below(2) {
        let name = *rng.pick(&["f1", "f2", "f3", "f-4"]);
        // Redis 7.0 keeps what the libraries were told through FUNCTION FLUSH: nothing is told here.
        let first = Some(statement(rng)).filter(|s| !s.starts_with("cjson.")).unwrap_or_default();
        let body = format!("function(KEYS,ARGV) {first} return {} end", expression(rng));
        if rng.percent(60) {
            text.push_str(&format!("redis.register_function('{name}',{body})\n"));
        } else {
            let flags = *rng.pick(&["{}", "{'no-writes'}", "{'allow-oom','allow-stale'}", "{'x'}", "1"]);
            text.push_str(&format!(
                "redis.register_function{{function_name='{name}',callback={body},flags={flags}}}\n"
            ));
        }
    }
    if rng.percent(5) {
        let line: &str = rng.pick::<&str>(&[
            "return 1 +",
            "error('x')",
            "redis.call('get','x')",
            "x=1",
            "redis.register_function()",
        ]);
        text.push_str(line);
    }
    text.into_bytes()
}
