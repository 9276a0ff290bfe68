//! SLOWLOG, COMMANDLOG and LATENCY: commands and events that took long.

use crate::engine::call::Call;
use crate::engine::commandlog::Log;
use crate::engine::errors::Error;
use crate::engine::help::help;
use crate::engine::histogram::Summed;
use crate::engine::latency::Event;
use crate::engine::spec::{BLANK, Spec};
use crate::engine::table::{self, Command};
use std::fmt::Write as _;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "latency", arity: -2, group: "server", since: "2.8.13",
        summary: "Groups the commands about delays.", complexity: "Depends on the subcommand", subs: LATENCY, ..BLANK
    },
    Spec {
        name: "slowlog", arity: -2, group: "server", since: "2.2.12",
        summary: "Groups the commands about slow commands.", complexity: "Depends on the subcommand", subs: SLOWLOG, ..BLANK
    },
    Spec {
        name: "commandlog", arity: -2, group: "server", since: "8.1.0",
        summary: "Groups the commands about slow commands and about large requests and replies.",
        complexity: "Depends on the subcommand", subs: COMMANDLOG, ..BLANK
    },
];

#[rustfmt::skip]
const LATENCY: &[Spec] = &[
    Spec {
        name: "doctor", arity: 2, flags: "admin noscript loading stale", group: "server", since: "2.8.13",
        summary: "Reports on delays in words.", complexity: "O(1)",
        tips: "nondeterministic_output request_policy:all_nodes response_policy:special", run: latency_doctor, ..BLANK
    },
    Spec {
        name: "graph", arity: 3, flags: "admin noscript loading stale", group: "server", since: "2.8.13",
        syntax: "event",
        summary: "Draws the delays of an event over time.", complexity: "O(1)",
        tips: "nondeterministic_output request_policy:all_nodes response_policy:special", run: latency_graph, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "server", since: "2.8.13",
        summary: "Explains the subcommands.", complexity: "O(1)", run: latency_help, ..BLANK
    },
    Spec {
        name: "histogram", arity: -2, flags: "admin noscript loading stale", group: "server", since: "7.0.0",
        syntax: "[command...]",
        summary: "Shows how long commands took, as cumulative counts.", complexity: "O(N) in the commands",
        tips: "nondeterministic_output request_policy:all_nodes response_policy:special", run: latency_histogram, ..BLANK
    },
    Spec {
        name: "history", arity: 3, flags: "admin noscript loading stale", group: "server", since: "2.8.13",
        syntax: "event",
        summary: "Lists when an event caused a delay and how long it was.", complexity: "O(1)",
        tips: "nondeterministic_output request_policy:all_nodes response_policy:special", run: latency_history, ..BLANK
    },
    Spec {
        name: "latest", arity: 2, flags: "admin noscript loading stale", group: "server", since: "2.8.13",
        summary: "Lists the newest and the worst delay of each event.", complexity: "O(1)",
        tips: "nondeterministic_output request_policy:all_nodes response_policy:special", run: latency_latest, ..BLANK
    },
    Spec {
        name: "reset", arity: -2, flags: "admin noscript loading stale", group: "server", since: "2.8.13",
        syntax: "[event...]",
        summary: "Forgets the delays of some or all events.", complexity: "O(1)",
        tips: "request_policy:all_nodes response_policy:agg_sum", run: latency_reset, ..BLANK
    },
];

#[rustfmt::skip]
const SLOWLOG: &[Spec] = &[
    Spec {
        name: "get", arity: -2, flags: "admin loading stale", group: "server", since: "2.2.12",
        syntax: "[count:int]",
        summary: "Lists the newest slow commands.", complexity: "O(N) in the entries returned",
        tips: "request_policy:all_nodes nondeterministic_output", run: slowlog_get, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "server", since: "6.2.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: slowlog_help, ..BLANK
    },
    Spec {
        name: "len", arity: 2, flags: "admin loading stale", group: "server", since: "2.2.12",
        summary: "Counts the slow commands on record.", complexity: "O(1)",
        tips: "request_policy:all_nodes response_policy:agg_sum nondeterministic_output", run: slowlog_len, ..BLANK
    },
    Spec {
        name: "reset", arity: 2, flags: "admin loading stale", group: "server", since: "2.2.12",
        summary: "Forgets the slow commands.", complexity: "O(N) in the entries",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: slowlog_reset, ..BLANK
    },
];

#[rustfmt::skip]
const COMMANDLOG: &[Spec] = &[
    Spec {
        name: "get", arity: 4, flags: "admin loading stale", group: "server", since: "8.1.0",
        syntax: "count:int type<SLOW|LARGE-REQUEST|LARGE-REPLY>",
        summary: "Lists the newest entries of one log.", complexity: "O(N) in the entries returned",
        tips: "request_policy:all_nodes nondeterministic_output", run: commandlog_get, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "server", since: "8.1.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: commandlog_help, ..BLANK
    },
    Spec {
        name: "len", arity: 3, flags: "admin loading stale", group: "server", since: "8.1.0",
        syntax: "type<SLOW|LARGE-REQUEST|LARGE-REPLY>",
        summary: "Counts the entries of one log.", complexity: "O(1)",
        tips: "request_policy:all_nodes response_policy:agg_sum nondeterministic_output", run: commandlog_len, ..BLANK
    },
    Spec {
        name: "reset", arity: 3, flags: "admin loading stale", group: "server", since: "8.1.0",
        syntax: "type<SLOW|LARGE-REQUEST|LARGE-REPLY>",
        summary: "Empties one log.", complexity: "O(N) in the entries",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: commandlog_reset, ..BLANK
    },
];

const COUNT: Error = Error::err("count should be greater than or equal to -1");

/// SLOWLOG GET [count]: 10 entries, or so many; -1: all.
fn slowlog_get(c: &mut Call<'_>) -> Result<(), Error> {
    match c.args.len() {
        2 => show(c, Log::Slow, 10),
        3 => show(c, Log::Slow, count(c)?),
        _ => return Err(Error::unknown_or_arity(c.args.at(1), "SLOWLOG")),
    }
    Ok(())
}

fn slowlog_len(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.int(c.engine.command_logs.len(Log::Slow) as i64);
    Ok(())
}

fn slowlog_reset(c: &mut Call<'_>) -> Result<(), Error> {
    c.engine.command_logs.clear(Log::Slow);
    c.reply.ok();
    Ok(())
}

fn slowlog_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "slowlog")
}

fn commandlog_get(c: &mut Call<'_>) -> Result<(), Error> {
    let (count, log) = (count(c)?, log(c, 3)?);
    show(c, log, count);
    Ok(())
}

fn commandlog_len(c: &mut Call<'_>) -> Result<(), Error> {
    let log = log(c, 2)?;
    c.reply.int(c.engine.command_logs.len(log) as i64);
    Ok(())
}

fn commandlog_reset(c: &mut Call<'_>) -> Result<(), Error> {
    let log = log(c, 2)?;
    c.engine.command_logs.clear(log);
    c.reply.ok();
    Ok(())
}

fn commandlog_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "commandlog")
}

fn count(c: &Call<'_>) -> Result<i64, Error> {
    c.int(2).ok().filter(|n| *n >= -1).ok_or(COUNT)
}

fn log(c: &Call<'_>, i: usize) -> Result<Log, Error> {
    match () {
        () if c.args.is(i, "slow") => Ok(Log::Slow),
        () if c.args.is(i, "large-request") => Ok(Log::LargeRequest),
        () if c.args.is(i, "large-reply") => Ok(Log::LargeReply),
        () => Err(Error::err("type should be one of the following: slow, large-request, large-reply")),
    }
}

fn show(c: &mut Call<'_>, log: Log, count: i64) {
    let entries = c.engine.command_logs.newest(log, count);
    c.reply.array(entries.len());
    for e in entries {
        c.reply.array(6);
        c.reply.int(e.id as i64);
        c.reply.int(e.at_s);
        c.reply.int(e.value as i64);
        c.reply.array(e.words.len());
        e.words.iter().for_each(|word| c.reply.bulk(word));
        c.reply.bulk(e.addr.as_bytes());
        c.reply.bulk(&e.name);
    }
}

fn latency_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "latency")
}

fn latency_history(c: &mut Call<'_>) -> Result<(), Error> {
    let samples = c.engine.latencies.get(c.args.at(2)).unwrap_or_default().samples;
    c.reply.array(samples.len());
    for (at_s, ms) in samples {
        c.reply.array(2);
        c.reply.int(at_s);
        c.reply.int(ms as i64);
    }
    Ok(())
}

/// Event, when it last was slow, how slow then, how slow at worst.
fn latency_latest(c: &mut Call<'_>) -> Result<(), Error> {
    let all = c.engine.latencies.all();
    c.reply.array(all.len());
    for (name, event) in all {
        let (at_s, ms) = event.samples.back().copied().unwrap_or_default();
        c.reply.array(4);
        c.reply.bulk(name.as_bytes());
        c.reply.int(at_s);
        c.reply.int(ms as i64);
        c.reply.int(event.worst_ms as i64);
    }
    Ok(())
}

/// LATENCY RESET [event …]: how many events were forgotten.
fn latency_reset(c: &mut Call<'_>) -> Result<(), Error> {
    let forgotten = if c.args.len() == 2 {
        let all = c.engine.latencies.all();
        all.iter().filter(|(name, _)| c.engine.latencies.forget(name.as_bytes())).count()
    } else {
        c.args.skip(2).iter().filter(|name| c.engine.latencies.forget(name)).count()
    };
    c.reply.int(forgotten as i64);
    Ok(())
}

/// LATENCY GRAPH event: a bar for each sample, and below it how long ago that was.
fn latency_graph(c: &mut Call<'_>) -> Result<(), Error> {
    let name = c.args.at(2);
    let event =
        c.engine.latencies.get(name).ok_or_else(|| Error::quoting("No samples available for event '", name, "'"))?;
    let text = graph(&String::from_utf8_lossy(name), &event, c.now_ms() / 1000);
    c.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Redis's drawing: four rows, which with `_`, `o` and `#` tell twelve heights apart, and labels top down.
fn graph(name: &str, event: &Event, now_s: i64) -> String {
    const ROWS: u64 = 4;
    let a = event.analyse(now_s);
    let mut out = format!(
        "{name} - high {} ms, low {} ms (all time high {} ms)\n{}\n",
        a.worst_ms,
        a.best_ms,
        event.worst_ms,
        "-".repeat(80)
    );
    let labels: Vec<Vec<char>> = event.samples.iter().map(|(at_s, _)| ago(now_s - at_s).chars().collect()).collect();
    let steps = ROWS * 3;
    let heights: Vec<u64> = event
        .samples
        .iter()
        .map(
            |(_, ms)| {
                if a.worst_ms == a.best_ms { 0 } else { (ms - a.best_ms) * (steps - 1) / (a.worst_ms - a.best_ms) }
            },
        )
        .collect();
    for row in (0..ROWS).rev() {
        for height in &heights {
            out.push(match height.checked_sub(row * 3) {
                None => ' ',
                Some(0) => '_',
                Some(1) => 'o',
                Some(2) => '#',
                Some(_) => '|',
            });
        }
        out.push('\n');
    }
    out.push('\n');
    for row in 0..labels.iter().map(Vec::len).max().unwrap_or(0) {
        out.extend(labels.iter().map(|label| label.get(row).copied().unwrap_or(' ')));
        out.push('\n');
    }
    // The empty line above has as many blanks as there are samples, as every row has.
    out.replacen("\n\n", &format!("\n{}\n", " ".repeat(heights.len())), 1)
}

fn ago(seconds: i64) -> String {
    match seconds.max(0) {
        s @ ..60 => format!("{s}s"),
        s @ ..3600 => format!("{}m", s / 60),
        s @ ..86400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86400),
    }
}

/// LATENCY DOCTOR: what happened, and what may help. In our own words: people read it.
fn latency_doctor(c: &mut Call<'_>) -> Result<(), Error> {
    let (config, all) = (&c.engine.config, c.engine.latencies.all());
    let threshold_ms = config.latency_monitor_threshold_ms.get();
    let mut out = String::new();
    if threshold_ms == 0 {
        out.push_str(
            "The latency monitor is switched off in this instance. Switch it on with \"CONFIG SET latency-monitor-threshold \
             <milliseconds>\".\n",
        );
    } else if all.is_empty() {
        out.push_str("No latency spike was observed since the monitor was switched on or reset.\n");
    } else {
        out.push_str("Latency spikes were observed in this instance:\n\n");
        for (i, (name, event)) in all.iter().enumerate() {
            let a = event.analyse(c.now_ms() / 1000);
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "{}. {name}: {} latency spikes (average {}ms, mean deviation {}ms, period {:.2} sec). Worst all time event {}ms.",
                i + 1,
                a.samples,
                a.average_ms,
                a.deviation_ms,
                a.period_s,
                event.worst_ms
            );
        }
        out.push_str("\nWhat may help:\n\n");
        let slower_us = config.slowlog_log_slower_than_us.get();
        if slower_us < 0 || slower_us > threshold_ms.saturating_mul(1000) {
            let _ = writeln!(
                out,
                "- The slow log passes over commands that cause such spikes. Use 'CONFIG SET slowlog-log-slower-than {}'.",
                threshold_ms.saturating_mul(1000)
            );
        }
        if all.iter().any(|(name, _)| *name == "command") {
            out.push_str(
                "- SLOWLOG GET tells which commands took long. Commands whose complexity is O(N) are slow on large values: \
                 split these, or walk them with SCAN and its kin.\n",
            );
        }
        if all.iter().any(|(name, _)| *name == "fast-command") {
            out.push_str(
                "- Fast commands took long, so the machine did not run the server meanwhile: look for other processes, a busy \
                 hypervisor or swapping.\n",
            );
        }
    }
    c.reply.verbatim("txt", out.as_bytes());
    Ok(())
}

/// LATENCY HISTOGRAM [command …]: of each, the subcommands for a container; those that were never called are left out.
fn latency_histogram(c: &mut Call<'_>) -> Result<(), Error> {
    let named = |word: &[u8]| -> Vec<&'static Command> {
        match table::find_full(word) {
            Some(command) => std::iter::once(command).chain(command.subs.iter().copied()).collect(),
            None => Vec::new(),
        }
    };
    let asked: Vec<&Command> = if c.args.len() == 2 {
        table::all().to_vec()
    } else {
        c.args.skip(2).iter().flat_map(|word| named(&word.to_ascii_lowercase())).collect()
    };
    let found: Vec<_> = asked.into_iter().filter_map(|command| Some((command, c.engine.histogram(command)?))).collect();
    c.reply.map(found.len());
    for (command, histogram) in found {
        let doublings = Summed::doublings(&histogram);
        c.reply.bulk(command.name.as_bytes());
        c.reply.map(2);
        c.reply.bulk(b"calls");
        c.reply.int(histogram.count() as i64);
        c.reply.bulk(b"histogram_usec");
        c.reply.map(doublings.len());
        for (us, calls) in doublings {
            c.reply.int(us as i64);
            c.reply.int(calls as i64);
        }
    }
    Ok(())
}
