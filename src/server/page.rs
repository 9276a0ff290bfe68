//! The page for people on the metrics port (`metrics-page yes`): one document without outside assets, which asks for
//! `/page.json` once a second and draws it. Read-only; whatever clients sent is shown as text, never as markup.

use crate::base::rng::Rng;
use crate::engine::commandlog::Log;
use crate::engine::info::{self, Source};
use crate::engine::{Engine, gates};
use crate::resp::OwnedArgs;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

pub const DOCUMENT: &str = include_str!("page.html");

/// Nothing but what is in the document itself, and what it asks of this port.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";

/// Slow commands that are shown.
const MOST_SLOW: i64 = 20;

/// What the page draws: INFO's fields by name, and the slow log. `None` if every visitor's seat is taken.
pub fn data(engine: &Arc<Engine>) -> Option<String> {
    let mut access = engine.visit()?;
    access.enter();
    let (mut rng, now_ms) = (Rng::new(1), super::now_ms());
    let mut source = Source { engine, access: &mut access, rng: &mut rng, now_ms };
    let text = info::render(&mut source, OwnedArgs::new(["everything"].iter()).args());
    let fields: Map<String, Value> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    let slow: Vec<Value> = engine.command_logs.newest(Log::Slow, MOST_SLOW).iter().map(slow).collect();
    let loading = engine.gates.load(Relaxed) & gates::LOADING != 0;
    Some(json!({ "now_ms": now_ms, "loading": loading, "info": fields, "slow": slow }).to_string())
}

fn slow(entry: &crate::engine::commandlog::Entry) -> Value {
    let words: Vec<String> = entry.words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    json!({ "at_s": entry.at_s, "us": entry.value, "client": &*entry.addr, "words": words })
}
