//! Replies as a person wants to see them at the prompt: tables for those whose shape is known, JSON, raw, or redis-cli's
//! form; and a pager for what is longer than the screen. What a server sends reaches the terminal only in harmless form.

use super::{
    format::{Form, harmless, json},
    on_terminal, out,
    session::{Failed, Session},
};
use crate::{args::cli::Output, base::terminal, resp::Value};
use comfy_table::{ContentArrangement, Table, presets};
use rustix::termios::tcgetwinsize;
use std::{
    io::{self, Write},
    process::{Command, Stdio},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Table,
    Redis,
    Json,
    Raw,
}

impl View {
    pub fn named(name: &str) -> Option<View> {
        [View::Table, View::Redis, View::Json, View::Raw].into_iter().find(|view| view.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            View::Table => "table",
            View::Redis => "redis",
            View::Json => "json",
            View::Raw => "raw",
        }
    }
}

/// Rows of a table beyond this are not laid out: the reply is shown in the usual form.
const MOST_ROWS: usize = 10_000;
/// Characters of one cell.
const CELL: usize = 400;

/// Sets the session's view: as asked for, tables at our own prompt on a terminal, else redis-cli's form.
pub fn choose(session: &mut Session<'_>) -> Result<(), Failed> {
    let options = session.options;
    session.view = match &options.view {
        Some(name) => View::named(name).ok_or_else(|| {
            eprintln!("--view takes table, redis, json or raw");
            Failed
        })?,
        None if session.own && options.output.is_none() && on_terminal() => View::Table,
        None => View::Redis,
    };
    session.pager = session.own && on_terminal() && options.words.is_empty();
    if options.output.is_none() && options.view.is_some() {
        session.output = Output::Standard;
    }
    if options.output.is_none() && (options.view.is_some() || session.view == View::Table) {
        session.show = Some(show);
    }
    Ok(())
}

fn show(session: &mut Session<'_>, words: &[Vec<u8>], reply: &Value) -> bool {
    let text = match session.view {
        View::Table => match table(words, reply) {
            Some(text) => text.into_bytes(),
            None if !session.pager => return false,
            None => usual(session, words, reply, Output::Standard),
        },
        View::Redis if !session.pager => return false,
        View::Redis => usual(session, words, reply, Output::Standard),
        View::Raw => usual(session, words, reply, Output::Raw),
        View::Json => {
            let mut text = Vec::new();
            match reply {
                Value::Bulk(bytes) | Value::Verbatim(_, bytes) => match pretty(bytes) {
                    Some(shown) => text = shown,
                    None => json(reply, false, &mut text),
                },
                _ => {
                    json(reply, false, &mut text);
                    if let Some(shown) = pretty(&text) {
                        text = shown;
                    }
                }
            }
            text.push(b'\n');
            harmless(&text)
        }
    };
    page(session, &text);
    true
}

fn usual(session: &Session<'_>, words: &[Vec<u8>], reply: &Value, output: Output) -> Vec<u8> {
    let form = Form { output, ..session.form() };
    let text = form.reply(reply, super::session::is_made_to_be_read(words));
    if output == Output::Raw { harmless(&text) } else { text }
}

/// JSON or msgpack with its shape shown; `None` if it is neither.
pub fn pretty(text: &[u8]) -> Option<Vec<u8>> {
    let parsed = serde_json::from_slice(text).ok().or_else(|| super::msgpack::as_json(text))?;
    serde_json::to_vec_pretty(&parsed).ok()
}

/// Prints, through a pager if it is longer than the screen.
pub fn page(session: &Session<'_>, text: &[u8]) {
    let rows = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
    let lines = memchr::memchr_iter(b'\n', text).count();
    let plain = std::env::var("TERM").map_or(true, |terminal| terminal.is_empty() || terminal == "dumb");
    if session.pager && !plain && rows > 0 && lines + 1 > rows {
        let pager = std::env::var("PAGER").ok().filter(|pager| !pager.is_empty());
        let pager = pager.unwrap_or_else(|| "command -v less >/dev/null && less -FRX".into());
        out::flush();
        if let Ok(mut child) = Command::new("sh").args(["-c", &pager]).stdin(Stdio::piped()).spawn() {
            if let Some(mut input) = child.stdin.take() {
                // Who has read enough closes.
                let _ = input.write_all(text);
            }
            if child.wait().is_ok_and(|status| status.success()) {
                return;
            }
        }
    }
    out::bytes(text);
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "(nil)".into(),
        Value::Bulk(text) | Value::Simple(text) | Value::Verbatim(_, text) | Value::Double(text) | Value::Big(text) => {
            // A line end would break the row.
            let escaped: Vec<u8> = text
                .iter()
                .take(CELL)
                .flat_map(|b| match b {
                    b'\n' => b"\\n".to_vec(),
                    b'\t' => b"\\t".to_vec(),
                    b'\r' => b"\\r".to_vec(),
                    b => vec![*b],
                })
                .collect();
            harmless(&escaped)
        }
        Value::Int(n) => n.to_string().into_bytes(),
        Value::Bool(b) => b.to_string().into_bytes(),
        Value::Error(text) => harmless(text),
        other => {
            let mut text = Vec::new();
            json(other, false, &mut text);
            text.truncate(CELL);
            harmless(&text)
        }
    };
    String::from_utf8_lossy(&text).into_owned()
}

/// Tables are as wide as the terminal. One that does not know its width has the usual one.
fn fit(table: &mut Table) {
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if tcgetwinsize(io::stdout()).is_ok_and(|size| size.ws_col == 0) {
        table.set_width(terminal::COLUMNS);
    }
}

fn render(head: &[String], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    fit(&mut table);
    table.set_header(head);
    let count = rows.len();
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    let unit = if count == 1 { "row" } else { "rows" };
    format!("{table}\n({count} {unit})\n")
}

fn heads(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn two_columns(reply: &Value, names: [&str; 2]) -> Option<String> {
    let pairs = reply.pairs()?;
    if pairs.is_empty() || pairs.len() > MOST_ROWS {
        return None;
    }
    Some(render(&heads(&names), pairs.into_iter().map(|(k, v)| vec![cell(k), cell(v)]).collect()))
}

/// The reply as a table, if the command's reply has the shape of one.
fn table(words: &[Vec<u8>], reply: &Value) -> Option<String> {
    let word = |at: usize| words.get(at).map(|w| String::from_utf8_lossy(w).to_ascii_lowercase()).unwrap_or_default();
    let name = word(0);
    match (name.as_str(), word(1).as_str()) {
        ("hgetall", _) => two_columns(reply, ["field", "value"]),
        ("config", "get") => two_columns(reply, ["directive", "value"]),
        ("hello", _) => two_columns(reply, ["name", "value"]),
        (
            "zrange" | "zrevrange" | "zrangebyscore" | "zrevrangebyscore" | "zunion" | "zinter" | "zdiff" | "zpopmin"
            | "zpopmax" | "zrandmember",
            _,
        ) if name.starts_with("zpop") || words.iter().any(|w| w.eq_ignore_ascii_case(b"withscores")) => scores(reply),
        ("xrange" | "xrevrange", _) => entries(reply),
        ("xinfo", "stream") => two_columns(reply, ["property", "value"]),
        ("xinfo", "groups" | "consumers") | ("function", "list") | ("module", "list") => records(reply),
        ("client", "list") => {
            let text = String::from_utf8_lossy(reply.text()?).into_owned();
            let rows: Vec<Vec<(String, String)>> = text
                .lines()
                .map(|line| {
                    line.split(' ').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (clean(k), clean(v))).collect()
                })
                .collect();
            let shown = ["id", "addr", "name", "age", "idle", "flags", "db", "user", "cmd", "tot-mem", "resp"];
            let pick = |row: &Vec<(String, String)>| {
                shown
                    .iter()
                    .map(|key| row.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone()).unwrap_or_default())
                    .collect()
            };
            (rows.len() <= MOST_ROWS && !rows.is_empty())
                .then(|| render(&heads(&shown), rows.iter().map(pick).collect()))
        }
        ("info", _) => info(reply.text()?),
        ("slowlog", "get") => {
            let items = reply.items().filter(|items| !items.is_empty() && items.len() <= MOST_ROWS)?;
            let rows = items.iter().map(|entry| {
                let parts = entry.items()?;
                let command = parts.get(3)?.items()?.iter().map(cell).collect::<Vec<_>>().join(" ");
                let rest = |at: usize| parts.get(at).map(cell).unwrap_or_default();
                Some(vec![rest(0), rest(1), rest(2), command, rest(4), rest(5)])
            });
            Some(render(&heads(&["id", "time", "µs", "command", "client", "name"]), rows.collect::<Option<_>>()?))
        }
        ("command", "info") => {
            let items = reply.items().filter(|items| !items.is_empty() && items.len() <= MOST_ROWS)?;
            let rows = items.iter().filter_map(Value::items).map(|row| {
                let list = |at: usize| {
                    row.get(at)
                        .and_then(Value::items)
                        .unwrap_or_default()
                        .iter()
                        .map(cell)
                        .collect::<Vec<_>>()
                        .join(" ")
                };
                let one = |at: usize| row.get(at).map(cell).unwrap_or_default();
                vec![one(0), one(1), list(2), one(3), one(4), one(5), list(6)]
            });
            Some(render(&heads(&["name", "arity", "flags", "first", "last", "step", "categories"]), rows.collect()))
        }
        _ => None,
    }
}

fn clean(text: &str) -> String {
    String::from_utf8_lossy(&harmless(text.as_bytes())).into_owned()
}

fn scores(reply: &Value) -> Option<String> {
    // RESP3 has pairs within an array, RESP2 a flat one.
    let items = reply.items().filter(|items| !items.is_empty() && items.len() <= MOST_ROWS)?;
    let rows: Vec<Vec<String>> = if items.iter().all(|item| item.items().is_some_and(|pair| pair.len() == 2)) {
        items.iter().filter_map(Value::items).map(|pair| vec![cell(&pair[0]), cell(&pair[1])]).collect()
    } else {
        reply.pairs()?.into_iter().map(|(member, score)| vec![cell(member), cell(score)]).collect()
    };
    Some(render(&heads(&["member", "score"]), rows))
}

fn entries(reply: &Value) -> Option<String> {
    let items = reply.items().filter(|items| !items.is_empty() && items.len() <= MOST_ROWS)?;
    let parsed = items.iter().map(|entry| {
        let [id, fields] = entry.items()? else { return None };
        Some((cell(id), fields.pairs()?.into_iter().map(|(k, v)| (cell(k), cell(v))).collect::<Vec<_>>()))
    });
    let parsed: Vec<(String, Vec<(String, String)>)> = parsed.collect::<Option<_>>()?;
    let mut names: Vec<String> = Vec::new();
    for (field, _) in parsed.iter().flat_map(|(_, fields)| fields) {
        if !names.contains(field) {
            names.push(field.clone());
        }
        if names.len() > 12 {
            let rows = parsed.into_iter().map(|(id, fields)| {
                vec![id, fields.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")]
            });
            return Some(render(&heads(&["id", "fields"]), rows.collect()));
        }
    }
    let rows = parsed.into_iter().map(|(id, fields)| {
        let value = |name: &String| fields.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()).unwrap_or_default();
        std::iter::once(id).chain(names.iter().map(value)).collect()
    });
    let rows = rows.collect();
    Some(render(&[vec!["id".to_owned()], names.clone()].concat(), rows))
}

/// An array of maps with the same names.
fn records(reply: &Value) -> Option<String> {
    let items = reply.items().filter(|items| !items.is_empty() && items.len() <= MOST_ROWS)?;
    let rows: Vec<Vec<(&Value, &Value)>> = items.iter().map(Value::pairs).collect::<Option<_>>()?;
    let head: Vec<String> = rows[0].iter().map(|(name, _)| cell(name)).collect();
    Some(render(&head, rows.iter().map(|row| row.iter().map(|(_, value)| cell(value)).collect()).collect()))
}

fn info(text: &[u8]) -> Option<String> {
    let text = clean(&String::from_utf8_lossy(text));
    let mut out = String::new();
    let (mut title, mut rows) = (String::new(), Vec::new());
    let finish = |title: &str, rows: &mut Vec<Vec<String>>, out: &mut String| {
        if !rows.is_empty() {
            let mut table = Table::new();
            table.load_style(presets::NOTHING);
            fit(&mut table);
            std::mem::take(rows).into_iter().for_each(|row| {
                table.add_row(row);
            });
            out.push_str(&format!("# {title}\n{table}\n\n"));
        }
    };
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            finish(&title, &mut rows, &mut out);
            title = name.trim().to_owned();
        } else if let Some((name, value)) = line.split_once(':') {
            rows.push(vec![name.to_owned(), value.trim_end().to_owned()]);
        }
    }
    finish(&title, &mut rows, &mut out);
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, reply: &str) -> Option<String> {
        let words: Vec<Vec<u8>> = line.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        table(&words, &Value::parse(reply.replace(' ', "\r\n").as_bytes()).expect("a reply"))
    }

    #[test]
    fn known_shapes_become_tables_and_others_do_not() {
        let text = shown("hgetall h", "*4 $1 a $1 1 $1 b $1 2 ").expect("a table");
        assert!(text.contains("field") && text.contains("(2 rows)"), "{text}");
        assert!(shown("HGETALL h", "%1 $1 a $1 1 ").is_some());
        assert!(shown("zrange z 0 -1 withscores", "*1 *2 $1 a ,1.5 ").expect("a table").contains("1.5"));
        let text = shown("xrange s - +", "*2 *2 $3 1-1 *2 $1 f $1 v *2 $3 1-2 *2 $1 g $1 w ").expect("a table");
        assert!(text.contains('f') && text.contains('g'), "{text}");
        for (line, reply) in [
            ("hgetall h", "*3 $1 a $1 1 $1 b "),
            ("hgetall h", "-ERR "),
            ("hgetall h", "*0 "),
            ("get k", "$1 a "),
            ("xrange s - +", "*1 :1 "),
            ("slowlog get", "*1 *1 :1 "),
            ("zrange z 0 -1", "*2 $1 a $1 b "),
        ] {
            assert_eq!(shown(line, reply), None, "{line} {reply}");
        }
    }

    #[test]
    fn no_cell_speaks_to_the_terminal() {
        let reply = Value::Map(vec![(Value::Bulk(b"\x1b[2J".to_vec()), Value::Bulk(b"a\nb\r\x07".to_vec()))]);
        let text = table(&[b"hgetall".to_vec()], &reply).expect("a table");
        assert!(!text.contains(['\x1b', '\x07', '\r']), "{text:?}");
    }
}
