//! `peek KEY`: what a key holds, whatever its type, its beginning only.

use super::{
    format::{Form, harmless},
    out,
    scan::fail,
    session::{Failed, Session},
    view::{page, pretty},
};
use crate::{args::cli::Output, resp::Value};

/// Elements and bytes that are shown.
const ELEMENTS: &str = "20";
const BYTES: &str = "2000";

pub fn show(session: &mut Session<'_>, key: &[u8]) -> Result<(), Failed> {
    let conn = session.conn()?;
    let mut ask = |words: &[&[u8]]| conn.ask(words).map(Value::plain).map_err(fail);
    let kind = ask(&[b"TYPE", key])?;
    let kind = String::from_utf8_lossy(kind.text().unwrap_or_default()).into_owned();
    if kind == "none" {
        out::text("(no such key)\n");
        return Ok(());
    }
    let encoding = ask(&[b"OBJECT", b"ENCODING", key])?;
    let ttl = ask(&[b"PTTL", key])?.int().unwrap_or(-1);
    let (size, head): (&[u8], Vec<&[u8]>) = match kind.as_str() {
        "string" => (b"STRLEN", vec![b"GETRANGE", key, b"0", BYTES.as_bytes()]),
        "list" => (b"LLEN", vec![b"LRANGE", key, b"0", b"19"]),
        "set" => (b"SCARD", vec![b"SSCAN", key, b"0", b"COUNT", ELEMENTS.as_bytes()]),
        "hash" => (b"HLEN", vec![b"HSCAN", key, b"0", b"COUNT", ELEMENTS.as_bytes()]),
        "zset" => (b"ZCARD", vec![b"ZRANGE", key, b"0", b"19", b"WITHSCORES"]),
        "stream" => (b"XLEN", vec![b"XREVRANGE", key, b"+", b"-", b"COUNT", ELEMENTS.as_bytes()]),
        _ => (b"", Vec::new()),
    };
    let count = if size.is_empty() { None } else { ask(&[size, key])?.int() };
    let unit = if kind == "string" { "bytes" } else { "elements" };
    let mut text = format!("{} ({})", clean(kind.as_bytes()), clean(encoding.text().unwrap_or_default()));
    if let Some(count) = count {
        text.push_str(&format!(", {count} {unit}"));
    }
    if ttl >= 0 {
        text.push_str(&format!(", expires in {:.1} s", ttl as f64 / 1000.0));
    }
    text.push('\n');
    let mut text = text.into_bytes();
    if !head.is_empty() {
        let mut value = ask(&head)?;
        // A page of a scan: the cursor is of no use here.
        if matches!(kind.as_str(), "set" | "hash")
            && let Value::Array(page) = &mut value
            && page.len() == 2
        {
            value = page.swap_remove(1);
            if let Value::Array(items) = &mut value {
                items.truncate(40);
            }
        }
        let shown = value.text().and_then(pretty).map(|text| harmless(&[text.as_slice(), b"\n"].concat()));
        let form = Form { output: Output::Standard, element_delimiter: b"\n", reply_delimiter: b"\n" };
        text.extend(shown.unwrap_or_else(|| form.reply(&value, false)));
    }
    page(session, &text);
    Ok(())
}

fn clean(text: &[u8]) -> String {
    String::from_utf8_lossy(&harmless(text)).into_owned()
}
