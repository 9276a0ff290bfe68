//! `--calibrate`: what this program reaches on this machine when the server takes no time, and how true its clock is.

use super::{
    files::latencies,
    nodes::Node,
    null,
    report::{ms, print},
    run::{Outcome, Runner},
    suite,
};
use crate::{
    args::bench::Options,
    client::{Addr, Target, reason},
};
use serde_json::json;
use std::{
    net::TcpListener,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

const STEP: Duration = Duration::from_secs(2);

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| reason(&e))?;
    let port = listener.local_addr().map_err(|e| reason(&e))?.port();
    let target = Target { addr: Addr::Tcp { host: "127.0.0.1".into(), port }, ..Target::default() };
    let mut o = options.clone();
    o.test_time = Some(options.test_time.unwrap_or(STEP));
    o.tests = Some(options.tests.clone().unwrap_or_else(|| "get".into()));
    let tests = suite::chosen(&o, None)?;
    let test = tests.first().ok_or("None of these tests is known")?;
    let stop = AtomicBool::new(false);
    let nodes = [Node::alone(target)];
    let runner = Runner { nodes: &nodes, fatal: true, exact: true, watched: false };
    let measured: Result<_, String> = std::thread::scope(|scope| {
        scope.spawn(|| null::respond(listener, &stop));
        let one = |o: &Options| runner.run(&test.title, &test.work, o, &mut |_, _| ());
        let done = || {
            let closed = one(&o)?;
            // The open loop sends one by one.
            let single = one(&Options { pipeline: 1, ..o.clone() })?;
            let mut half = o.clone();
            half.rate = Some((single.rate() / 2.0).max(1.0));
            let open = one(&half)?;
            half.rate = Some(1000.0);
            Ok((closed, open, one(&half)?))
        };
        let measured = done();
        stop.store(true, Relaxed);
        measured
    });
    let (closed, open, slow) = measured?;
    if options.json {
        let side = |outcome: &Outcome| {
            json!({
                "requests_per_second": outcome.rate(),
                "own_cpu_share": outcome.own_share(),
                "own_cpu_us_per_request": own_us(outcome),
                "response_ms": latencies(&outcome.tally.response),
                "late": outcome.tally.late,
            })
        };
        let all = json!({
            "clients": o.clients, "pipeline": o.pipeline, "threads": closed.threads, "highest": side(&closed),
            "open_loop_at_half": side(&open), "open_loop_at_1000": side(&slow),
        });
        return print(&format!("{all:#}\n")).map(|()| ExitCode::SUCCESS);
    }
    let mut out = format!(
        "Against a responder that does nothing, with {} connections, pipelines of {} and {} thread{}:\n  highest rate: \
         {:.0} requests per second; {:.3} microseconds of own CPU a request, {:.0}% of the time\n",
        o.clients,
        o.pipeline,
        closed.threads,
        if closed.threads == 1 { "" } else { "s" },
        closed.rate(),
        own_us(&closed),
        closed.own_share() * 100.0
    );
    for (name, outcome) in [("at half of what one by one reaches", &open), ("at 1000 a second", &slow)] {
        let h = &outcome.tally.response;
        let at = |percentile| ms(h.value_at_percentile(percentile));
        out.push_str(&format!(
            "  open loop, {name}: {:.0} a second; p50 {:.3}, p99 {:.3}, max {:.3} ms; sent late: {}\n",
            outcome.rate(),
            at(50.0),
            at(99.0),
            ms(h.max()),
            outcome.tally.late
        ));
    }
    out.push_str("A server that measures near these figures is faster than this program can tell.\n");
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

/// CPU microseconds of the sending threads a request: the responder, which shares the process, is not in it.
fn own_us(outcome: &Outcome) -> f64 {
    outcome.tally.cpu.as_secs_f64() * 1e6 / outcome.finished.max(1) as f64
}
