//! Encodings that no server writes any more, byte by byte as the format's description has them, and records that only some
//! servers write.

use super::tests::told;
use super::*;

/// A file of these records, with database 0 and a checksum that says that there is none.
fn file(magic: &[u8; 9], records: &[&[u8]]) -> Vec<u8> {
    let end: &[u8] =
        if magic[8] >= b'5' || magic[0] == b'V' || magic[7] == b'1' { b"\xff\0\0\0\0\0\0\0\0" } else { b"\xff" };
    [&magic[..], b"\xfe\x00", &records.concat(), end].concat()
}

/// What the loader makes of a file: a line a key, and a line for all that is no key.
fn loaded(bytes: &[u8]) -> Vec<String> {
    let mut loader = Loader::on(Reader::over(bytes), Thresholds::default());
    let mut out = Vec::new();
    loop {
        match loader.next() {
            Ok(Loaded::Key(key)) => {
                let name = String::from_utf8_lossy(key.name).into_owned();
                let mut line = format!("{} {name} {}", key.db, told(&key.value, Target::Valkey9).join("|"));
                line.push_str(&key.expires_at_ms.map_or_else(String::new, |at| format!(" until {at}")));
                line.push_str(&key.idle_s.map_or_else(String::new, |s| format!(" idle {s}")));
                line.push_str(&key.freq.map_or_else(String::new, |n| format!(" freq {n}")));
                out.push(line);
            }
            Ok(Loaded::EmptyKey { name, .. }) => out.push(format!("{} is empty", String::from_utf8_lossy(name))),
            Ok(Loaded::ModuleKey { name, module, .. }) => {
                out.push(format!("{} is {module:?}", String::from_utf8_lossy(name)))
            }
            Ok(Loaded::Other(Event::End { .. })) => return out,
            Ok(Loaded::Other(Event::Header(_) | Event::SelectDb(0))) => {}
            Ok(Loaded::Other(event)) => out.push(format!("{event:?}")),
            Err(fault) => {
                out.push(fault.to_string());
                return out;
            }
        }
    }
}

fn one(magic: &[u8; 9], record: &[u8]) -> String {
    loaded(&file(magic, &[record])).join("; ")
}

#[test]
fn plain_collections_of_the_first_versions() {
    let old = b"REDIS0001";
    assert_eq!(one(old, b"\x00\x01k\x05hello"), "0 k hello");
    assert_eq!(one(old, b"\x00\x01k\xc3\x04\x0a\x01ab\xe0"), "offset 21: Invalid LZF compressed string");
    // Literals "ab", then 8 bytes from 2 back.
    assert_eq!(one(old, b"\x00\x01k\xc3\x05\x0a\x01ab\xc0\x01"), "0 k ababababab");
    assert_eq!(one(old, b"\x01\x01l\x03\x01a\xc0\x05\xc1\xe8\x03"), "0 l a|5|1000");
    assert_eq!(one(old, b"\x02\x01s\x02\x01a\xc2\x00\x00\x00\x80"), "0 s -2147483648|a");
    assert_eq!(one(old, b"\x03\x01z\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x02-3"), "0 z c -inf|d -3|a 1.5|b inf");
    assert_eq!(one(old, b"\x03\x01z\x01\x01a\xfd"), "offset 18: Zset with NAN score detected");
    assert_eq!(one(old, b"\x03\x01z\x01\x01a\x02x1"), "offset 20: a score that is no number");
    assert_eq!(one(old, b"\x04\x01h\x02\x01a\x011\x01b\x012"), "0 h a=1 None|b=2 None");
    assert_eq!(one(old, b"\x04\x01h\x02\x01a\x011\x01a\x012"), "offset 23: the same member or field twice");
    assert_eq!(one(old, b"\x02\x01s\x02\x01a\x01a"), "offset 19: the same member or field twice");
    assert_eq!(one(old, b"\x01\x01l\x00"), "l is empty");
    assert_eq!(one(b"REDIS0002", b"\xfd\x00\xe1\xf5\x05\x00\x01k\x01v"), "0 k v until 100000000000");
    assert_eq!(one(b"REDIS0008", b"\x05\x01z\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x3f"), "0 z a 1.5");
}

#[test]
fn zipmaps_and_ziplists() {
    let zipmap = b"\x09\x01h\x0f\x02\x01a\x01\x001\x02bb\x02\x0122?\xff";
    assert_eq!(one(b"REDIS0002", zipmap), "0 h a=1 None|bb=22 None");
    let broken = b"\x09\x01h\x0f\x02\x01a\x01\x001\x02bb\x09\x0122?\xff";
    assert_eq!(one(b"REDIS0002", broken), "offset 30: Hash listpack integrity check failed.");
    // Integers of every width, both strings' lengths, numbers in the encoding byte itself.
    let entries: &[&[u8]] = &[
        b"\x00\x01a",
        b"\x03\xfe\x80",
        b"\x03\xc0\x00\x80",
        b"\x04\xf0\xff\xff\x7f",
        b"\x05\xd0\x00\x00\x00\x80",
        b"\x06\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
        b"\x0a\xf1",
        b"\x02\xfd",
        b"\x02\x40\x03xyz",
    ];
    let run = entries.concat();
    let ziplist = |run: &[u8], last: usize, n: u16| {
        let head = [(run.len() as u32 + 11).to_le_bytes(), (10 + last as u32).to_le_bytes()].concat();
        [&[run.len() as u8 + 11], &head[..], &n.to_le_bytes(), run, b"\xff"].concat()
    };
    let list = ziplist(&run, run.len() - 6, entries.len() as u16);
    let texts = "a|-128|-32768|8388607|-2147483648|-9223372036854775808|0|12|xyz";
    assert_eq!(one(b"REDIS0003", &[b"\x0a\x01l", &list[..]].concat()), format!("0 l {texts}"));
    assert_eq!(one(b"REDIS0007", &[b"\x0e\x01l\x02", &list[..], &list].concat()), format!("0 l {texts}|{texts}"));
    let pairs = ziplist(b"\x00\x01a\x03\x031.5\x05\x01b\x03\xf4", 11, 4);
    assert_eq!(one(b"REDIS0004", &[b"\x0c\x01z", &pairs[..]].concat()), "0 z a 1.5|b 3");
    assert_eq!(one(b"REDIS0004", &[b"\x0d\x01h", &pairs[..]].concat()), "0 h a=1.5 None|b=3 None");
    let odd = ziplist(b"\x00\x01a", 0, 1);
    assert_eq!(
        one(b"REDIS0004", &[b"\x0d\x01h", &odd[..]].concat()),
        "offset 29: Hash listpack integrity check failed."
    );
    let lying = ziplist(b"\x00\x01a\x07\x01b", 3, 2);
    assert_eq!(one(b"REDIS0004", &[b"\x0a\x01l", &lying[..]].concat()), "offset 32: Ziplist integrity check failed.");
    assert_eq!(one(b"REDIS0003", b"\x0b\x01s\x0c\x02\x00\x00\x00\x02\x00\x00\x00\xff\xff\x05\x00"), "0 s -1|5");
}

#[test]
fn streams_of_the_first_version() {
    // Count 1, deleted 0, one field "f", 0; flags 2, ms 0, seq 0, "v", 4 back.
    let run = b"\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01";
    let listpack = [&(run.len() as u32 + 7).to_le_bytes()[..], b"\x0a\x00", run, b"\xff"].concat();
    let id = b"\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x01";
    let node = [b"\x0f\x01x\x01\x10", &id[..], &[listpack.len() as u8], &listpack].concat();
    let group =
        [b"\x01\x01g\x05\x01\x01", &id[..], b"\x64\0\0\0\0\0\0\0\x03\x01\x05alice\xc8\0\0\0\0\0\0\0\x01", id].concat();
    let record = [&node[..], b"\x01\x05\x01", &group].concat();
    let want = "0 x 1 5-1|5-1 0-0 1|5-1 [([102], [118])]|[103] 5-1 None|5-1 100 3 [97, 108, 105, 99, 101]|[97, 108, 105, 99, 101] 200 Some(200) 1";
    assert_eq!(one(b"REDIS0009", &record), want);
    let unclaimed = [&node[..], b"\x01\x05\x01\x01\x01g\x05\x01\x01", id, b"\x64\0\0\0\0\0\0\0\x03\x00"].concat();
    assert!(one(b"REDIS0009", &unclaimed).ends_with("Stream CG PEL entry without consumer"));
    let short = [&node[..], b"\x02\x05\x01\x00"].concat();
    assert!(one(b"REDIS0009", &short).ends_with("Stream with a wrong number of entries"));
}

#[test]
fn fields_that_expire_in_each_dialect() {
    let want = "0 h a=1 Some(1000)|b=2 None|c=3 Some(1004)";
    let pairs = |a: &[u8], b: &[u8], c: &[u8]| [a, b"\x01a\x011", b, b"\x01b\x012", c, b"\x01c\x013"].concat();
    let first = 1000u64.to_le_bytes();
    assert_eq!(
        one(b"REDIS0012", &[b"\x18\x01h", &first[..], b"\x03", &pairs(b"\x01", b"\x00", b"\x05")].concat()),
        want
    );
    assert_eq!(one(b"REDIS0011", &[b"\x16\x01h\x03", &pairs(b"\x43\xe8", b"\x00", b"\x43\xec")[..]].concat()), want);
    let behind = |at: i64| at.to_le_bytes();
    let valkey =
        [&b"\x16\x01h\x03\x01a\x011"[..], &behind(1000), b"\x01b\x012", &behind(-1), b"\x01c\x013", &behind(1004)]
            .concat();
    assert_eq!(one(b"VALKEY080", &valkey), want);
    let run = b"\x81a\x02\x01\x01\xc3\xe8\x02\x81c\x02\x03\x01\xc3\xec\x02\x81b\x02\x02\x01\x00\x01";
    let listpack = [&(run.len() as u32 + 7).to_le_bytes()[..], b"\x09\x00", run, b"\xff"].concat();
    let ex = [&[listpack.len() as u8], &listpack[..]].concat();
    assert_eq!(one(b"REDIS0012", &[b"\x19\x01h", &first[..], &ex].concat()), want);
    assert_eq!(one(b"REDIS0011", &[b"\x17\x01h", &ex[..]].concat()), want);
}

/// What `--target redis-7.4` writes, byte by byte. No Redis that reads RDB 12 runs here, so the expectation is that of its public
/// sources (`rdb.h`: types 24 and 25, "attach min TTL at start"; `rdb.c`: a 0 for a field that stays, else its time relative
/// to the first one plus 1, before the field; in a listpack of threes the absolute time behind the value, fields that expire first
/// and in order, 0 for none), and of three readers that others wrote from them: RedisShake, redis-replicator, ape-dts.
#[test]
fn fields_that_expire_as_redis_7_4_reads_them() {
    let behind = |at: i64| at.to_le_bytes();
    // In another order than the one in which they expire.
    let fields =
        [&b"\x16\x03\x01c\x013"[..], &behind(1004), b"\x01b\x012", &behind(-1), b"\x01a\x011", &behind(1000)].concat();
    let sealed = |body: &[u8], version: u16| {
        let body = [body, &version.to_le_bytes()].concat();
        [&body[..], &crate::base::crc64::crc64(0, &body).to_le_bytes()].concat()
    };
    let written = |limits: &Thresholds| match payload::restore(&sealed(&fields, 80), limits) {
        Ok(payload::Owned::Value(value)) => payload::dump_for(value.view(), Target::Redis74, false),
        _ => panic!("it is a hash"),
    };
    let first = 1000u64.to_le_bytes();
    let run = b"\x81a\x02\x01\x01\xc3\xe8\x02\x81c\x02\x03\x01\xc3\xec\x02\x81b\x02\x02\x01\x00\x01";
    let listpack = [&(run.len() as u32 + 7).to_le_bytes()[..], b"\x09\x00", run, b"\xff"].concat();
    let small = [b"\x19", &first[..], &[listpack.len() as u8], &listpack].concat();
    assert_eq!(written(&Thresholds::default()), sealed(&small, 12));
    // As a table: what comes first is the table's choice, and the rest is not.
    let mut limits = Thresholds::default();
    limits.collections.hash_max_listpack_entries = 0;
    let large = written(&limits);
    let (head, rest) = large.split_at(10);
    assert_eq!(head, [b"\x18", &first[..], b"\x03"].concat());
    let mut fields: Vec<&[u8]> = rest[..15].chunks(5).collect();
    fields.sort();
    assert_eq!(fields, [b"\x00\x01b\xc0\x02", b"\x01\x01a\xc0\x01", b"\x05\x01c\xc0\x03"]);
    assert_eq!(large, sealed(&large[..25], 12));
    // And it is read back the same.
    assert_eq!(
        one(b"REDIS0012", &[b"\x18\x01h", &large[1..25]].concat()),
        "0 h a=1 Some(1000)|b=2 None|c=3 Some(1004)"
    );
}

#[test]
fn records_that_are_no_keys() {
    let lines = |magic, records: &[&[u8]]| loaded(&file(magic, records));
    let module = b"\x81\xb5\xe8\xadz\xe9\xed\xb4\x01\x05\x03abc\x02\x07\x01\x08\x04\0\0\0\0\0\0\0\0\x03\0\0\0\0\x00";
    let value = [b"\x07\x01m", &module[..]].concat();
    let aux = [b"\xf7", &module[..9], b"\x02\x01", &module[9..]].concat();
    let told = lines(b"REDIS0009", &[&aux, &value, b"\x00\x01k\x01v"]);
    assert_eq!(told.len(), 3);
    assert!(told[0].starts_with("ModuleAux(") && told[1].starts_with("m is ") && told[2] == "0 k v", "{told:?}");
    let told = lines(
        b"REDIS0010",
        &[
            b"\xf5\x05#!lua",
            b"\xf4\x05\x02\x01",
            b"\xfb\x01\x00",
            b"\xf8\x4e\x20\x00\x01k\x01v",
            b"\xf9\x09\x00\x01j\x01w",
            b"\xfe\x03\xfc\x01\0\0\0\0\0\0\0\x00\x01i\x01u",
        ],
    );
    assert_eq!(told[1], "SlotInfo { slot: 5, keys: 2, expiring: 1 }");
    assert_eq!(told[3..], ["0 k v idle 3616", "0 j w freq 9", "SelectDb(3)", "3 i u until 1"]);
    let told = lines(b"VALKEY080", &[b"\xf3\x03job\x02\x00\x05\x07\x09", b"\x00\x01k\x01v"]);
    assert!(told[0].starts_with("SlotImport") && told[0].ends_with("ranges: 2 }") && told[1] == "0 k v", "{told:?}");
    assert_eq!(one(b"REDIS0010", b"\xf3\x03job\x00"), "offset 12: unknown type 243");
    assert_eq!(one(b"REDIS0010", b"\xf6\x01x"), "offset 12: Pre-release function format not supported");
    assert_eq!(
        one(b"REDIS0008", b"\x06\x01m\x05"),
        "offset 15: a module's value in a pre-release format, which nothing can skip"
    );
    assert_eq!(one(b"REDIS0010", b"\x08\x01k"), "offset 12: unknown type 8");
    assert_eq!(one(b"REDIS0010", b"\x00\x01k\xc4"), "offset 15: Unknown RDB string encoding type 4");
    assert_eq!(one(b"REDIS0010", b"\x00\x01k\x82"), "offset 15: Unknown length encoding 130 in rdbLoadLen()");
}

/// The small files that real servers wrote, and their checksums.
#[test]
fn files_of_real_servers() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rdb");
    for (name, keys) in [
        ("redis-7.0.15.rdb", 19),
        ("redis-7.0.15-lfu-plain.rdb", 2),
        ("redis-7.0.15-lru-no-checksum.rdb", 1),
        ("valkey-9.1.2.rdb", 21),
    ] {
        let bytes = std::fs::read(format!("{folder}/{name}")).expect(name);
        let lines = loaded(&bytes);
        assert_eq!(
            lines.iter().filter(|line| line.starts_with("0 ") || line.starts_with("3 ")).count(),
            keys,
            "{name}"
        );
        if !name.contains("no-checksum") {
            let mut wrong = bytes.clone();
            let at = wrong.len() - 20;
            wrong[at] ^= 1;
            assert_ne!(loaded(&wrong), lines, "{name}");
            wrong[at] ^= 1;
            *wrong.last_mut().expect("a byte") ^= 1;
            assert!(loaded(&wrong).last().is_some_and(|line| line.contains("the checksum is")), "{name}");
        }
    }
}

/// Old files of other people, where they are at hand: all of them read to the end.
#[test]
fn old_files_of_others() {
    let Ok(folder) = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/facts/rdb")) else { return };
    for path in
        folder.map(|item| item.expect("an entry").path()).filter(|path| path.extension().is_some_and(|e| e == "rdb"))
    {
        let bytes = std::fs::read(&path).expect("a file");
        let lines = loaded(&bytes);
        assert!(!lines.iter().any(|line| line.starts_with("offset ")), "{}: {:?}", path.display(), lines.last());
    }
}
