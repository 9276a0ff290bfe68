//! Lua: values on their way into replies and back, and the libraries that read bytes.

use super::driver::Target;
use super::engine::Small;

/// A key of each type.
fn furnish(small: &mut Small) {
    for line in [
        "FLUSHALL",
        "SET s text",
        "SET n 17",
        "RPUSH l a b c",
        "SADD t a b",
        "HSET h f 1 g 2",
        "ZADD z 1.5 a 2 b",
        "XADD x 1-1 f v",
    ] {
        small.run(&line.split(' ').collect::<Vec<_>>());
    }
}

/// Scripts that return something. None of the words makes a loop.
#[test]
fn lua_values() {
    let words = &[
        "{",
        "}",
        ",",
        "return ",
        "nil",
        "true",
        "false",
        "1.5",
        "-0",
        "1/0",
        "0/0",
        "{ok='x'}",
        "{err='x'}",
        "{double=1.5}",
        "{map={a=1}}",
        "{set={a=true}}",
        "{big_number='12'}",
        "{verbatim_string={string='x',format='txt'}}",
        "redis.setresp(3)",
        "redis.call('HGETALL','h')",
        "redis.call('GET','none')",
        "redis.pcall('GET','l')",
        "redis.call('ZRANGE','z',0,-1,'WITHSCORES')",
        "redis.error_reply('E x')",
        "redis.status_reply('x')",
        "tostring(1e15)",
        "function() end",
        "[1]=",
        "[2]=",
        "['ok']=",
        "\\r\\n",
        "\"\\0\"",
        "2^53",
        "-2^63",
        "#",
    ];
    let (mut small, mut count) = (Small::new(), 0u32);
    furnish(&mut small);
    Target { name: "lua-values", rounds: 4_000, words }.run(|bytes, _| {
        for proto in ["2", "3"] {
            small.run(&["HELLO", proto]);
            small.run(&[&b"EVAL"[..], bytes, b"0"]);
        }
        count += 1;
        if count.is_multiple_of(64) {
            small.run(&["SCRIPT", "FLUSH"]);
            furnish(&mut small);
        }
        assert_eq!(small.run(&["EVAL", "return 7", "0"]), b":7\r\n");
    });
}

/// Bytes that somebody stored, read by a script: as JSON, as MessagePack, by a format of struct.
const READS: &str = "
    local function again(read, write)
        local got = {pcall(read, ARGV[1])}
        if not got[1] then return false end
        local ok, text = pcall(write, got[2])
        if not ok then return false end
        local back = {pcall(read, text)}
        if not back[1] then return redis.error_reply('AGAIN ' .. tostring(back[2])) end
        return {got[2], text}
    end
    local cut = ARGV[1]:find('\\n', 1, true) or 0
    local struct_read = {pcall(struct.unpack, ARGV[1]:sub(1, cut - 1), ARGV[1]:sub(cut + 1))}
    local struct_made = {pcall(struct.pack, ARGV[1]:sub(1, cut - 1), 1, 2, 'three', 4.5)}
    return {again(cjson.decode, cjson.encode), again(cmsgpack.unpack, cmsgpack.pack), struct_read, struct_made[1],
        bit.tohex(#ARGV[1])}";

#[test]
fn lua_libraries() {
    let words = &[
        "{", "}", "[", "]", ",", ":", "\"", "\\u00e9", "\\ud800", "null", "true", "1e400", "[[[[", "<", ">", "!4",
        "i8", "s", "c0", "d",
    ];
    let mut small = Small::new();
    Target { name: "lua-libraries", rounds: 4_000, words }.run(|bytes, _| {
        for proto in ["2", "3"] {
            small.run(&["HELLO", proto]);
            let reply = small.run(&[&b"EVAL"[..], READS.as_bytes(), b"0", bytes]);
            assert!(!reply.starts_with(b"-"), "{}", reply.escape_ascii());
            assert!(
                !reply.windows(6).any(|w| w == b"-AGAIN"),
                "what was written cannot be read: {}",
                reply.escape_ascii()
            );
        }
    });
}
