//! Whether there is an order of all operations that explains all replies: each at one moment between its sending and its
//! answer, each client's in its own order. The search of Wing and Gong, with Lowe's memory of where it has been: how far each client is, and
//! what the keys hold, is all that matters for what follows.

use super::model::{Op, World};
use std::collections::HashSet;
use std::rc::Rc;

/// What each client did, in its order.
pub type History = Vec<Vec<Op>>;

#[derive(Debug)]
pub enum Verdict {
    Fine,
    /// No order explains this; the text shows how far one gets.
    Broken(String),
    /// Too many orders to try.
    Undecided,
}

/// Places in all that may be looked at. A history of a hundred operations needs some thousands.
const MOST: usize = 3_000_000;

pub fn check(history: &History) -> Verdict {
    let start = (vec![0u16; history.len()], Rc::new(World::default()));
    let mut seen = HashSet::from([start.clone()]);
    let mut stack = vec![start];
    let mut best = (0, stack[0].clone());
    while let Some((at, world)) = stack.pop() {
        let next = |client: usize| history[client].get(at[client] as usize);
        // Who has an answer before somebody else begins, was first.
        let first_answer = (0..history.len()).filter_map(next).map(|op| op.answered).min().unwrap_or(u64::MAX);
        if (0..history.len()).filter_map(next).all(|op| op.reply.is_none()) {
            return Verdict::Fine;
        }
        let done: usize = at.iter().map(|n| *n as usize).sum();
        if done > best.0 {
            best = (done, (at.clone(), world.clone()));
        }
        let mut ways: Vec<(u64, Vec<u16>, Rc<World>)> = Vec::new();
        for client in 0..history.len() {
            let Some(op) = next(client).filter(|op| op.sent <= first_answer) else { continue };
            let Some(after) = world.after(client, op) else { continue };
            let mut at = at.clone();
            at[client] += 1;
            ways.push((op.answered, at, Rc::new(after)));
        }
        // Who was answered first is tried first: it lies on top.
        ways.sort_by_key(|(answered, ..)| std::cmp::Reverse(*answered));
        for (_, at, world) in ways {
            if seen.insert((at.clone(), world.clone())) {
                stack.push((at, world));
            }
        }
        if seen.len() > MOST {
            return Verdict::Undecided;
        }
    }
    let (done, (at, world)) = best;
    let mut text = format!("{done} operations fit, then none of these does, with {world:?}\n");
    for (client, lane) in history.iter().enumerate() {
        for op in lane[(at[client] as usize).saturating_sub(2)..].iter().take(4) {
            let mark =
                if std::ptr::eq(op, &raw const lane[(at[client] as usize).min(lane.len() - 1)]) { ">" } else { " " };
            text.push_str(&format!("{mark} client {client} {}\n", show(op)));
        }
    }
    Verdict::Broken(text)
}

fn show(op: &Op) -> String {
    let commands: Vec<String> = op.commands.iter().map(|words| words.join(" ")).collect();
    let mut reply = Vec::new();
    if let Some(node) = &op.reply {
        node.encode(&mut reply);
    }
    let times = format!("{:.6}–{:.6}", op.sent as f64 / 1e9, op.answered as f64 / 1e9);
    format!("{times} {:?}: {} → {}", op.form, commands.join("; "), reply.escape_ascii())
}
