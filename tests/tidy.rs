//! Guards of the house itself: who imports whom, where `unsafe` may be, how large files grow, what must not be left
//! lying about. Read as text: a guard that is simple can be trusted, and changed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Rooms from the top of the house to its ground. A room may import those behind it, never those before it; rooms of
/// one line are neighbours, which do not import each other.
const ROOMS: &[&[&str]] = &[
    &["server"],
    &["replication"],
    &["cli", "bench", "inspect"],
    &["args"],
    &["client"],
    &["commands"],
    &["engine"],
    &["keyspace"],
    &["rdb", "aof"],
    &["data"],
    &["resp"],
    &["base"],
];

/// The only files with `unsafe` in them (tests apart). Each states its invariants on top, and has tests that try to break
/// them.
const UNSAFE: &[&str] = &[
    // Memory: the allocator that counts, its spans, the slabs, and raw blocks of bytes.
    "src/base/alloc.rs",
    "src/base/spans/arena.rs",
    "src/base/spans/mod.rs",
    "src/base/spans/region.rs",
    "src/data/alloc.rs",
    "src/data/slab/mod.rs",
    "src/data/slab/pool.rs",
    // The table and its elements, which are one pointer each.
    "src/data/segment.rs",
    "src/data/table/grow.rs",
    "src/data/table/mod.rs",
    "src/data/hash/field.rs",
    "src/data/set/member.rs",
    "src/data/zset/leaf.rs",
    "src/data/zset/scored.rs",
    // Values: one word whose low bits name the encoding, and what hangs on it.
    "src/data/block.rs",
    "src/data/hash/large.rs",
    "src/data/hash/mod.rs",
    "src/data/intset.rs",
    "src/data/list/iter.rs",
    "src/data/list/mod.rs",
    "src/data/packed/entry.rs",
    "src/data/packed/mod.rs",
    "src/data/set/mod.rs",
    "src/data/stream/mod.rs",
    "src/data/thin.rs",
    "src/data/zset/mod.rs",
    // Keys, and who may touch them when.
    "src/keyspace/db.rs",
    "src/keyspace/entry/mod.rs",
    "src/keyspace/value.rs",
    "src/keyspace/world.rs",
    // Functions that Lua calls.
    "src/engine/lua/natives/call.rs",
    "src/engine/lua/natives/hook.rs",
    "src/engine/lua/natives/lent.rs",
    "src/engine/lua/natives/mod.rs",
    "src/engine/lua/natives/run.rs",
    "src/engine/lua/natives/write.rs",
    // The load generator's sends, whose bytes the kernel reads on its own account.
    "src/bench/ring.rs",
    // Calls of libc.
    "src/server/os.rs",
];

const MOST_LINES: usize = 600;

/// Longer files, and why they are not cut.
const LONG: &[(&str, &str)] =
    &[("src/engine/config/table.rs", "one directive a line: a table is read by searching it")];

struct Source {
    /// From the root of the crate: `src/base/glob.rs`.
    name: String,
    text: String,
    /// Compiled for tests only.
    test: bool,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    let tests: BTreeSet<String> = found.iter().flat_map(Source::test_modules).collect();
    found.iter_mut().for_each(|source| source.test |= tests.contains(&source.name));
    found.sort_by(|a: &Source, b| a.name.cmp(&b.name));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for item in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = item.expect("a directory entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
            let test = name.starts_with("tests/");
            found.push(Source { name, text: fs::read_to_string(&path).expect("a source file"), test });
        }
    }
}

impl Source {
    fn room(&self) -> &str {
        let below = self.name.strip_prefix("src/").unwrap_or(&self.name);
        below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
    }

    /// Where the file keeps its modules: `mod x;` in `a.rs` is `a/x.rs`; in `mod.rs`, `lib.rs` and `main.rs` it is a
    /// neighbour.
    fn home(&self) -> String {
        let (folder, file) = self.name.rsplit_once('/').expect("below src");
        match file {
            "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
            _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
        }
    }

    /// Files of modules that stand behind `#[cfg(test)]`.
    fn test_modules(&self) -> Vec<String> {
        let lines: Vec<&str> = self.text.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
        let mut found = Vec::new();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("#[cfg(test)]")) {
            let mut after = std::iter::once(*line).chain(lines[at + 1..].iter().copied());
            let path = after.clone().nth(1).and_then(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"));
            if let Some(path) = path {
                let folder = self.name.rsplit_once('/').map_or("", |(folder, _)| folder);
                found.push(format!("{folder}/{path}"));
            } else if let Some(line) = after.find(|line| line.contains("mod "))
                && let Some(name) =
                    line.strip_suffix(';').and_then(|line| line.rsplit_once("mod ")).map(|(_, name)| name)
            {
                found.push(format!("{}/{name}.rs", self.home()));
            }
        }
        found
    }

    /// Lines of code with their numbers: without comments, strings' contents and what follows `#[cfg(test)]`.
    fn code(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        let mut all = self.text.lines().map(str::trim_start).enumerate();
        while let Some((number, line)) = all.next() {
            if line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test") {
                // A line for the tests only, such as `mod tests;`. By habit and by this guard, blocks of tests stand at the
                // end of a file.
                if all.find(|(_, line)| !line.starts_with("#[")).is_some_and(|(_, line)| line.ends_with(';')) {
                    continue;
                }
                break;
            }
            let code = strip(line);
            if !code.is_empty() {
                lines.push((number + 1, code));
            }
        }
        lines
    }
}

/// A line without its comment, and with empty strings. Not a lexer; what it gets wrong has not mattered yet.
fn strip(line: &str) -> String {
    let (mut out, mut in_string, mut chars) = (String::new(), false, line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => {
                chars.next();
            }
            '\'' if !in_string && chars.clone().nth(1) == Some('\'') => {
                chars.next();
                chars.next();
            }
            '"' => {
                in_string = !in_string;
                out.push('"');
            }
            '/' if !in_string && chars.peek() == Some(&'/') => break,
            _ if in_string => {}
            c => out.push(c),
        }
    }
    out.trim_end().to_owned()
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn imports_go_downward_only() {
    let height = |room: &str| ROOMS.iter().position(|row| row.contains(&room));
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|s| !matches!(s.name.as_str(), "src/lib.rs" | "src/main.rs") && !s.test)
    {
        let Some(own) = height(source.room()) else {
            faults.push(format!(
                "{}: the room `{}` has no place in ROOMS of tests/tidy.rs",
                source.name,
                source.room()
            ));
            continue;
        };
        for (number, line) in source.code() {
            for named in rooms_named(&line) {
                let allowed = named == source.room() || height(&named).is_none_or(|other| other > own);
                if !allowed {
                    faults.push(format!("{}:{number}: {} may not import {named}: {line}", source.name, source.room()));
                }
            }
        }
    }
    report(&faults);
}

/// The rooms that a line names by `crate::room` or within `use crate::{room::…, room}`.
fn rooms_named(line: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut named = Vec::new();
    for after in line.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => named.push(word(after)),
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_alphabetic() => {
                            named.push(word(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    named
}

/// A directive that nobody reads is a promise that nobody keeps: it acts, or says when it is set that it has no effect.
#[test]
fn every_directive_acts_or_says_that_it_does_not() {
    use rustredis::engine::config::{row::Field, table};
    let told_of = |name: &str| {
        ["src/engine/config/fields.rs", "src/engine/config/tests.rs"].contains(&name)
            || name.starts_with("src/engine/config/table/")
            // Showing is not acting.
            || name.starts_with("src/engine/info/")
    };
    let told: Vec<Source> = sources("src").into_iter().filter(|s| !s.test && !told_of(&s.name)).collect();
    let code: String = told.iter().flat_map(|s| s.text.lines()).map(|line| strip(line) + "\n").collect();
    let reads = |field: &str| {
        code.match_indices(&format!(".{field}"))
            .any(|(at, found)| !code[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let field = |name: &str| {
        let plain = name.replace('-', "_");
        ["", "_secs", "_ms", "_us"].map(|unit| format!("{plain}{unit}"))
    };
    // Shown by INFO, which is all that it is for.
    const SHOWN: &[&str] = &["availability-zone", "replica-priority", "replica-announced"];
    let idle: Vec<_> = table::rows()
        .filter(|row| !row.accepted && !matches!(row.field, Field::Spare) && !SHOWN.contains(&row.name))
        .filter(|row| !field(row.name).iter().any(|field| reads(field)))
        .map(|row| row.name)
        .collect();
    assert!(idle.is_empty(), "nobody reads {idle:?}");
    let unread = ["hz"].map(|name| field(name).iter().any(|field| reads(field)));
    assert_eq!(unread, [false], "the scan sees who does not read: it is shown, and nothing else");
}

#[test]
fn unsafe_stays_where_it_is_watched() {
    let unsafe_in = |source: &Source| {
        let word = |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
        source.code().into_iter().filter(|(_, line)| word(line)).collect::<Vec<_>>()
    };
    let mut faults: Vec<String> = UNSAFE
        .iter()
        .filter(|name| !sources("src").iter().any(|s| s.name == **name && !unsafe_in(s).is_empty()))
        .map(|name| format!("{name}: in UNSAFE, and has none"))
        .collect();
    for source in sources("src").iter().filter(|s| !s.test && !UNSAFE.contains(&s.name.as_str())) {
        for (number, line) in unsafe_in(source) {
            faults.push(format!("{}:{number}: unsafe outside the files that UNSAFE names: {line}", source.name));
        }
    }
    report(&faults);
}

#[test]
fn files_do_not_outgrow_their_subject() {
    let all = sources("src").into_iter().chain(sources("tests"));
    let faults: Vec<String> = all
        .filter(|source| source.text.lines().count() > MOST_LINES)
        .filter(|source| !LONG.iter().any(|(name, _)| *name == source.name))
        .map(|source| format!("{}: {} lines; split it by subject", source.name, source.text.lines().count()))
        .collect();
    report(&faults);
}

#[test]
fn nothing_unfinished_is_left() {
    let mut faults = Vec::new();
    for source in sources("src") {
        for (number, line) in source.code() {
            for word in ["todo!(", "unimplemented!(", "dbg!("] {
                if line.contains(word) {
                    faults.push(format!("{}:{number}: {line}", source.name));
                }
            }
        }
    }
    report(&faults);
}

/// An `.unwrap()` says why it cannot fail: in a comment on its line or on the line above, or as `.expect("…")`.
#[test]
fn unwraps_give_their_reason() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|s| !s.test) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in source.code() {
            let commented = |at: usize| lines.get(at).is_some_and(|line| line.contains("// "));
            let reasoned = commented(number - 1) || number >= 2 && lines[number - 2].trim_start().starts_with("//");
            if line.contains(".unwrap()") && !reasoned {
                faults.push(format!("{}:{number}: why can this not fail? {line}", source.name));
            }
        }
    }
    report(&faults);
}

#[test]
fn every_file_is_reached() {
    let all = sources("src");
    let mut reached = BTreeSet::from(["src/lib.rs".to_owned(), "src/main.rs".to_owned()]);
    for source in &all {
        let (folder, _) = source.name.rsplit_once('/').expect("below src");
        let home = source.home();
        for line in source.text.lines().map(str::trim) {
            if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
                reached.insert(format!("{folder}/{path}"));
            }
            let Some(name) = line.strip_suffix(';').and_then(|line| line.rsplit_once("mod ")).map(|(_, name)| name)
            else {
                continue;
            };
            reached.insert(format!("{home}/{name}.rs"));
            reached.insert(format!("{home}/{name}/mod.rs"));
        }
    }
    let faults: Vec<String> =
        all.iter().filter(|s| !reached.contains(&s.name)).map(|s| format!("{}: no `mod` names it", s.name)).collect();
    report(&faults);
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for page in ["README.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(page)).expect("a page");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.contains("://") && !root().join(path).exists() {
                faults.push(format!("{page}: nothing at {target}"));
            }
        }
        if !text.contains("](") && page == "CONTRIBUTING.md" {
            faults.push(format!("{page}: no links into src"));
        }
    }
    report(&faults);
}

#[test]
fn the_guards_see() {
    assert_eq!(rooms_named("use crate::{base::glob, resp::{Args, args}, engine};"), ["base", "resp", "engine"]);
    assert_eq!(rooms_named("let x = crate::data::Table::new(crate::base::rng());"), ["data", "base"]);
    assert_eq!(strip("let c = '\"'; foo(\"unsafe // no\"); // unsafe"), "let c = ; foo(\"\");");
}
