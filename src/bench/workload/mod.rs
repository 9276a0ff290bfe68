//! Workloads: TOML files of phases, mixes, key spaces, sizes and times to live. Some are shipped; one can be made like the
//! data of a snapshot ([`fit`]).
//!
//! ```toml
//! about = "what it is like"
//!
//! [keys.users]                # __key:users__, or __key__ where a command says keys = "users"
//! prefix = "user:"
//! first = 1                   # [0]
//! last = 100000
//! pattern = "zipf"            # random, sequential, parallel, gaussian (median, deviation), zipf (exponent)
//!
//! [values.profile]            # __data:profile__, or __data__ where a command says values = "profile"
//! size = "lognormal(300,0.7)" # as --data-size, -range, -list and -dist
//! data = "compressible 60%"   # letters, random
//!
//! [[phases]]
//! name = "load"
//! requests = 100000           # or seconds = 10; else what the flags say
//! rate = 20000                # the open loop; else closed
//! clients = 50
//! pipeline = 16
//!
//! [[phases.commands]]
//! send = "SET __key__ __data__ EX __ttl__"
//! weight = 3                  # [1]
//! keys = "users"
//! values = "profile"
//! ttl = "60-3600"             # seconds
//! name = "store"              # in reports; else the command's name
//! ```

mod fit;

use super::{
    mix::{
        Keyspace, Mix, Scope,
        keys::{Keys, Shape},
        values::Values,
    },
    suite::{Test, Work},
};
use crate::args::bench::{
    Options,
    mix::{Data, Pattern, Sizes, pair},
};
use std::{collections::BTreeMap, time::Duration};
use toml::{Table, Value};

/// Those that are shipped.
const SHIPPED: &[(&str, &str)] = &[
    ("cache", include_str!("cache.toml")),
    ("session-store", include_str!("session-store.toml")),
    ("queue", include_str!("queue.toml")),
    ("leaderboard", include_str!("leaderboard.toml")),
    ("timeline", include_str!("timeline.toml")),
];

/// What `--list-workloads` prints.
pub fn list() -> String {
    let mut out = String::new();
    for (name, text) in SHIPPED {
        let about = text.parse::<Table>().ok().and_then(|t| Some(t.get("about")?.as_str()?.to_owned()));
        out.push_str(&format!("{name}\n    {}\n", about.unwrap_or_default()));
    }
    out
}

/// The file of the workload that the options name.
pub fn text(o: &Options) -> Result<String, String> {
    if let Some(path) = &o.workload_from {
        return fit::workload(path);
    }
    let Some(name) = &o.workload else { return Err("--print-workload needs --workload or --workload-from".into()) };
    if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| shipped == name) {
        return Ok((*text).to_owned());
    }
    std::fs::read_to_string(name).map_err(|e| {
        let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        format!("{name}: {}; shipped are {}", crate::client::reason(&e), names.join(", "))
    })
}

/// The phases of the workload that the options name.
pub fn tests(o: &Options) -> Result<Vec<Test>, String> {
    let name = match (&o.workload, &o.workload_from) {
        (Some(name), _) => name.clone(),
        (_, Some(path)) => path.display().to_string(),
        _ => String::new(),
    };
    parse(&text(o)?, &name, o).map_err(|e| format!("{name}: {e}"))
}

/// A table whose keys are taken out one by one; what is left nobody knows.
struct Section {
    place: String,
    table: Table,
}

impl Section {
    fn new(place: String, value: Value) -> Result<Section, String> {
        match value {
            Value::Table(table) => Ok(Section { place, table }),
            _ => Err(format!("{place} is no table")),
        }
    }

    fn wrong<T>(&self, key: &str, what: &str) -> Result<T, String> {
        Err(format!("{}: {key} {what}", self.place))
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Integer(n)) => Ok(Some(n.to_string())),
            Some(_) => self.wrong(key, "is no text"),
        }
    }

    fn whole(&mut self, key: &str) -> Result<Option<u64>, String> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Integer(n)) if n >= 0 => Ok(Some(n.unsigned_abs())),
            Some(_) => self.wrong(key, "is no whole number"),
        }
    }

    fn number(&mut self, key: &str) -> Result<Option<f64>, String> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Integer(n)) if n > 0 => Ok(Some(n as f64)),
            Some(Value::Float(n)) if n.is_finite() && n > 0.0 => Ok(Some(n)),
            Some(_) => self.wrong(key, "is no number above 0"),
        }
    }

    /// The tables of a list, or those below a name.
    fn sections(&mut self, key: &str) -> Result<Vec<(String, Section)>, String> {
        match self.table.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(all)) => {
                let one = |(at, value)| Ok((String::new(), Section::new(format!("{key} {}", at + 1), value)?));
                all.into_iter().enumerate().map(one).collect()
            }
            Some(Value::Table(all)) => all
                .into_iter()
                .map(|(name, value)| Ok((name.clone(), Section::new(format!("{key}.{name}"), value)?)))
                .collect(),
            Some(_) => self.wrong(key, "is neither a table nor a list of tables"),
        }
    }

    fn end(self) -> Result<(), String> {
        match self.table.keys().next() {
            Some(key) => Err(format!("{}: {key} is not known", self.place)),
            None => Ok(()),
        }
    }
}

type Named<T> = BTreeMap<String, T>;

fn parse(text: &str, name: &str, o: &Options) -> Result<Vec<Test>, String> {
    let table: Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
    let mut top = Section { place: "the file".into(), table };
    top.text("about")?;
    let mut keyspaces: Named<Keyspace> = Named::new();
    for (name, mut s) in top.sections("keys")? {
        let (first, last) = (s.whole("first")?.unwrap_or(0), s.whole("last")?);
        let Some(last) = last.filter(|last| *last >= first) else {
            return s.wrong("last", "is missing, or before first");
        };
        let pattern = Pattern::parse(&s.text("pattern")?.unwrap_or_else(|| "random".into()))?;
        let shape =
            Shape { median: s.number("median")?, deviation: s.number("deviation")?, exponent: s.number("exponent")? };
        if shape.exponent.is_some_and(|x| x > 5.0) {
            return s.wrong("exponent", "is above 5");
        }
        let prefix = s.text("prefix")?.unwrap_or_default().into_bytes();
        keyspaces.insert(name, Keyspace { prefix, keys: Keys::new(first, last, pattern, shape) });
        s.end()?;
    }
    let mut values: Named<Values> = Named::new();
    for (name, mut s) in top.sections("values")? {
        let sizes = Sizes::parse(&s.text("size")?.unwrap_or_else(|| o.data_size.to_string()))?;
        let data = Data::parse(&s.text("data")?.unwrap_or_else(|| "letters".into()))?;
        values.insert(name, Values::new(sizes, false, data, o.seed.unwrap_or(1234)));
        s.end()?;
    }
    let mut tests = Vec::new();
    for (_, s) in top.sections("phases")? {
        tests.push(phase(s, name, &keyspaces, &values, o)?);
    }
    top.end()?;
    if tests.is_empty() { Err("there is no [[phases]]".into()) } else { Ok(tests) }
}

fn phase(
    mut s: Section,
    name: &str,
    keyspaces: &Named<Keyspace>,
    values: &Named<Values>,
    o: &Options,
) -> Result<Test, String> {
    let mut options = o.clone();
    let title = s.text("name")?.unwrap_or_else(|| s.place.clone());
    let (requests, seconds) = (s.whole("requests")?, s.number("seconds")?);
    if let Some(requests) = requests {
        (options.requests, options.test_time) = (requests, None);
    }
    if let Some(seconds) = seconds {
        let limit = Duration::try_from_secs_f64(seconds).ok().filter(|d| d.as_secs() < 1 << 32 && !d.is_zero());
        let Some(limit) = limit else { return s.wrong("seconds", "is beyond all bounds") };
        // A flag is nearer to the user than the file.
        options.test_time = o.test_time.or(Some(limit));
    }
    if requests.is_some() && seconds.is_some() {
        return s.wrong("seconds", "and requests do not go together");
    }
    if let Some(rate) = s.number("rate")? {
        options.rate = o.rate.or(Some(rate.clamp(1e-3, 1e9)));
    }
    if let Some(n) = s.whole("clients")? {
        options.clients = n.clamp(1, 1 << 20) as usize;
    }
    if let Some(n) = s.whole("pipeline")? {
        options.pipeline = n.clamp(1, 1 << 20) as usize;
    }
    let mut mix = Mix::default();
    let scope = Scope {
        keyspaces: keyspaces.iter().map(|(name, k)| (name.clone(), mix.add_keyspace(k.clone()))).collect(),
        values: values.iter().map(|(name, v)| (name.clone(), mix.add_values(v.clone()))).collect(),
        random: o.keyspace,
        cluster: o.cluster,
        ..Scope::default()
    };
    let commands = s.sections("commands")?;
    if commands.is_empty() {
        return s.wrong("commands", "are missing");
    }
    for (_, mut c) in commands {
        c.place = format!("{title}, {}", c.place);
        let Some(line) = c.text("send")? else { return c.wrong("send", "is missing") };
        let mut scope = scope.clone();
        let index = |c: &Section, named: Option<String>, all: &Named<usize>, what: &str| match named {
            None => Ok(0),
            Some(name) => match all.get(&name) {
                Some(at) => Ok(*at),
                None => c.wrong(what, &format!("{name} are not told of")),
            },
        };
        let (keys, of) = (c.text("keys")?, c.text("values")?);
        scope.keyspace = index(&c, keys, &scope.keyspaces, "keys")?;
        scope.value = index(&c, of, &scope.values, "values")?;
        if let Some(ttl) = c.text("ttl")? {
            scope.ttl = Some(match ttl.parse::<u64>() {
                Ok(n) => (n, n),
                Err(_) => pair(&ttl, '-', "ttl")?,
            });
            if scope.ttl.is_some_and(|(low, high)| low == 0 || low > high || high > 1 << 40) {
                return c.wrong("ttl", "takes seconds, such as 60 or 60-3600");
            }
        }
        let weight = c.whole("weight")?.unwrap_or(1);
        let label = c.text("name")?;
        mix.add(line.as_bytes(), label, weight, &scope).map_err(|e| format!("{}: {e}", c.place))?;
        c.end()?;
    }
    s.end()?;
    let payload = mix.payload();
    Ok(Test { title: format!("{name}: {title}"), work: Work::Mix(mix), options, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_workloads_are_sound() {
        for (name, text) in SHIPPED {
            let tests = parse(text, name, &Options::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(tests.len() >= 2, "{name}: a phase that loads, and one that runs");
            assert!(list().contains(name));
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let phase = |rest: &str| format!("[keys.k]\nlast = 9\n[values.v]\nsize = 5\n[[phases]]\nname = \"p\"\n{rest}");
        let good =
            phase("requests = 5\n[[phases.commands]]\nsend = \"SET __key:k__ __data__ EX __ttl__\"\nttl = \"1-2\"");
        let tests = parse(&good, "w", &Options::default()).expect("good");
        assert_eq!((tests[0].title.as_str(), tests[0].options.requests), ("w: p", 5));
        for (text, word) in [
            ("", "[[phases]]"),
            ("x = ", "TOML parse error"),
            ("typo = 1\n[[phases]]\n[[phases.commands]]\nsend = \"PING\"", "typo is not known"),
            (&phase(""), "commands are missing"),
            (&phase("[[phases.commands]]\nweight = 2"), "p, commands 1: send is missing"),
            (&phase("[[phases.commands]]\nsend = \"GET __key:x__\""), "there are no keys of this name"),
            (&phase("[[phases.commands]]\nsend = \"GET __key__\"\nkeys = \"z\""), "z are not told of"),
            (&phase("[[phases.commands]]\nsend = \"SET a b EX __ttl__\""), "no ttl is told"),
            (&phase("[[phases.commands]]\nsend = \"PING\"\nttl = \"0\""), "ttl takes seconds"),
            (&phase("requests = 1\nseconds = 1\n[[phases.commands]]\nsend = \"PING\""), "do not go together"),
            (&phase("rate = -1\n[[phases.commands]]\nsend = \"PING\""), "rate is no number above 0"),
            ("[keys.k]\nfirst = 5\nlast = 4\n", "last is missing, or before first"),
            ("[values.v]\nsize = \"wide\"\n", "is no size"),
        ] {
            let error = parse(text, "w", &Options::default()).err().unwrap_or_else(|| panic!("{text}"));
            assert!(error.contains(word), "{text}\n{error}");
        }
    }
}
