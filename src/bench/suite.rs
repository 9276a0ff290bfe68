//! The tests that have names: those of redis-benchmark 7.0, in its order, with its titles and commands.

use super::{mix::Mix, replay::Replay, request::Template};
use crate::args::bench::Options;

/// What a test sends.
pub enum Work {
    /// One command, of which only random digits change.
    Plain(Template),
    Mix(Mix),
    Replay(Replay),
}

impl Work {
    /// The kinds of commands that are told apart.
    pub fn labels(&self) -> &[String] {
        match self {
            Work::Plain(_) => &[],
            Work::Mix(mix) => &mix.labels,
            Work::Replay(replay) => &replay.labels,
        }
    }

    pub fn is_replay(&self) -> bool {
        matches!(self, Work::Replay(_))
    }
}

pub struct Test {
    pub title: String,
    pub work: Work,
    /// The run's options, as this test has them.
    pub options: Options,
    /// How large requests are, as the report tells it.
    pub payload: String,
}

/// Names that `-t` takes; a test runs if any of its names is asked for.
const NAMES: &[(&[&str], &str, &str)] = &[
    (&["ping_inline", "ping"], "PING_INLINE", ""),
    (&["ping_mbulk", "ping"], "PING_MBULK", "PING"),
    (&["set"], "SET", "SET key{tag}:__rand_int__ __data__"),
    (&["get"], "GET", "GET key{tag}:__rand_int__"),
    (&["incr"], "INCR", "INCR counter{tag}:__rand_int__"),
    (&["lpush"], "LPUSH", "LPUSH mylist{tag} __data__"),
    (&["rpush"], "RPUSH", "RPUSH mylist{tag} __data__"),
    (&["lpop"], "LPOP", "LPOP mylist{tag}"),
    (&["rpop"], "RPOP", "RPOP mylist{tag}"),
    (&["sadd"], "SADD", "SADD myset{tag} element:__rand_int__"),
    (&["hset"], "HSET", "HSET myhash{tag} element:__rand_int__ __data__"),
    (&["spop"], "SPOP", "SPOP myset{tag}"),
    (&["zadd"], "ZADD", "ZADD myzset{tag} __score__ element:__rand_int__"),
    (&["zpopmin"], "ZPOPMIN", "ZPOPMIN myzset{tag}"),
    (
        &["lrange", "lrange_100", "lrange_300", "lrange_500", "lrange_600"],
        "LPUSH (needed to benchmark LRANGE)",
        "LPUSH mylist{tag} __data__",
    ),
    (&["lrange", "lrange_100"], "LRANGE_100 (first 100 elements)", "LRANGE mylist{tag} 0 99"),
    (&["lrange", "lrange_300"], "LRANGE_300 (first 300 elements)", "LRANGE mylist{tag} 0 299"),
    (&["lrange", "lrange_500"], "LRANGE_500 (first 500 elements)", "LRANGE mylist{tag} 0 499"),
    (&["lrange", "lrange_600"], "LRANGE_600 (first 600 elements)", "LRANGE mylist{tag} 0 599"),
    (&["mset"], "MSET (10 keys)", "MSET"),
];

/// Every name once, for the help.
pub fn names() -> Vec<&'static str> {
    let mut all = Vec::new();
    for name in NAMES.iter().flat_map(|(names, _, _)| *names) {
        if !all.contains(name) {
            all.push(*name);
        }
    }
    all
}

/// Those of `-t` that no test has.
pub fn unknown(options: &Options) -> Vec<&str> {
    let all = names();
    let asked = options.tests.iter().flat_map(|list| list.split(',').map(str::trim));
    asked.filter(|name| !name.is_empty() && !all.contains(&name.to_ascii_lowercase().as_str())).collect()
}

/// In redis-benchmark's words.
fn bytes(n: usize) -> String {
    format!("{n} bytes payload")
}

/// What the options ask to run: a mix, a capture, a workload's phases, the command given, or the tests chosen.
pub fn chosen(options: &Options, stdin: Option<Vec<u8>>) -> Result<Vec<Test>, String> {
    let one =
        |title: String, work, options: &Options, payload| vec![Test { title, work, options: options.clone(), payload }];
    if options.mix.is_asked_for() {
        let mix = Mix::of_options(options)?;
        let payload = mix.payload();
        return Ok(one(mix.labels.join("+"), Work::Mix(mix), options, payload));
    }
    if let Some(path) = &options.replay {
        let failed = |e: std::io::Error| format!("{}: {}", path.display(), crate::client::reason(&e));
        let replay = Replay::read(std::io::BufReader::new(std::fs::File::open(path).map_err(failed)?))
            .map_err(|e| format!("{}: {e}", path.display()))?;
        let mut options = options.clone();
        // A captured client has its own connection, and the threads share them out.
        options.clients = replay.clients.clamp(1, 10_000);
        options.requests = replay.len() as u64;
        let title = format!("REPLAY of {}", path.display());
        return Ok(one(title, Work::Replay(replay), &options, "payload as captured".into()));
    }
    if options.workload.is_some() || options.workload_from.is_some() {
        return super::workload::tests(options);
    }
    if !options.words.is_empty() {
        let mut words = options.words.clone();
        words.extend(stdin);
        let title = options.words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>().join(" ");
        let template = Template::of_words(&words, options);
        // As redis-benchmark: a command's payload is all of it.
        let payload = bytes(template.bytes.len());
        return Ok(one(title, Work::Plain(template), options, payload));
    }
    let asked: Option<Vec<String>> =
        options.tests.as_ref().map(|list| list.split(',').map(|name| name.trim().to_ascii_lowercase()).collect());
    let wanted = |names: &[&str]| asked.as_ref().is_none_or(|asked| asked.iter().any(|a| names.contains(&a.as_str())));
    let tests = NAMES.iter().filter(|(names, _, _)| wanted(names)).map(|(_, title, line)| Test {
        title: (*title).to_owned(),
        work: Work::Plain(template(line, options)),
        options: options.clone(),
        payload: bytes(options.data_size),
    });
    Ok(tests.collect())
}

fn template(line: &str, options: &Options) -> Template {
    if line.is_empty() {
        return Template::of_bytes(b"PING\r\n".to_vec(), options);
    }
    let line = match line {
        "MSET" => format!("MSET{}", " key{tag}:__rand_int__ __data__".repeat(10)),
        other => other.to_owned(),
    };
    // As redis-benchmark, which sets the tag off: key:{tag}:000000000001.
    let line = line.replace("{tag}", if options.cluster { ":{tag}" } else { "" });
    let line = line.replace("__score__", if options.keyspace.is_some() { "__rand_int__" } else { "0" });
    Template::of_words(&line.split(' ').map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>(), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_chosen_by_any_of_their_names() {
        let titles = |list: &str| {
            let options = Options { tests: Some(list.into()), ..Options::default() };
            chosen(&options, None).expect("tests").into_iter().map(|test| test.title).collect::<Vec<_>>()
        };
        assert_eq!(titles("ping"), ["PING_INLINE", "PING_MBULK"]);
        assert_eq!(titles("GET,ping_mbulk,nosuch"), ["PING_MBULK", "GET"]);
        assert_eq!(titles("lrange_300"), ["LPUSH (needed to benchmark LRANGE)", "LRANGE_300 (first 300 elements)"]);
        let options = Options { tests: Some("GET,nosuch, lrange,,odd".into()), ..Options::default() };
        assert_eq!(unknown(&options), ["nosuch", "odd"]);
        assert!(unknown(&Options::default()).is_empty());
        assert_eq!(chosen(&Options::default(), None).expect("tests").len(), 20);
    }
}
