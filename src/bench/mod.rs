//! `rustredis bench`: a load generator. Started as `redis-benchmark` it is that program, with its flags and outputs; what
//! it can do beyond is told in `--help`.
//!
//! Two clocks. The closed loop answers each reply with the next request, as redis-benchmark does: a server that stalls
//! stalls the questions too. The open loop (`--rate`) sends when requests are due, and counts from then: what a client of
//! the server would have waited. Beside that stands the service time, from when a request did go out.

mod ab;
mod answer;
mod calibrate;
mod client;
mod files;
mod hear;
mod hunt;
mod live;
mod load;
mod mix;
mod nodes;
mod null;
mod open;
mod page;
mod replay;
mod replies;
mod report;
mod request;
mod ring;
mod run;
mod schedule;
mod suite;
mod take;
mod tally;
mod verify;
mod watch;
mod workload;

use crate::{
    args::bench::{self as flags, Asked, Options},
    engine::config::REDIS_VERSION,
};
use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use nodes::Node;
use report::Report;
use run::Runner;
use std::{
    ffi::OsString,
    io::{self, IsTerminal, Read},
    os::fd::AsRawFd,
    process::ExitCode,
    time::{Duration, Instant},
};

/// How often the line of progress is written.
const PROGRESS: Duration = Duration::from_millis(250);

/// Runs the load generator with the words behind its name.
pub fn run(mut words: Vec<OsString>, program: &str) -> ExitCode {
    let as_peer = program == "redis-benchmark";
    let mut sides = None;
    let asks_for_help = words.get(1).is_some_and(|word| word == "--help");
    if !as_peer && words.first().is_some_and(|word| word == "ab") {
        if asks_for_help {
            words.drain(..1);
        } else if words.len() < 3 {
            eprintln!("ab takes two servers, each as a URI or as a program to start");
            return ExitCode::FAILURE;
        } else {
            let side = |word: &OsString| word.to_string_lossy().into_owned();
            sides = Some((side(&words[1]), side(&words[2])));
            words.drain(..3);
        }
    }
    let done = match flags::parse(words, as_peer) {
        Asked::Version => {
            report::print(&format!("{} {REDIS_VERSION}\n", program.rsplit(' ').next().unwrap_or(program)))
                .map(|()| ExitCode::SUCCESS)
        }
        Asked::Help => report::print(&flags::usage(program, &suite::names())).map(|()| ExitCode::SUCCESS),
        Asked::Wrong(sentence) => Err(sentence),
        Asked::Unknown(sentence) => {
            let _ = report::print(&format!("{sentence}\n\n{}", flags::usage(program, &suite::names())));
            return ExitCode::FAILURE;
        }
        Asked::Run(mut options) => match sides {
            Some(sides) => options.set_sides(sides).and_then(|()| start(*options, as_peer)),
            None => start(*options, as_peer),
        },
    };
    done.unwrap_or_else(|sentence| {
        eprintln!("{sentence}");
        if !as_peer && sentence.starts_with("Could not connect") {
            eprintln!("{}", crate::client::WHERE_NEXT);
        }
        ExitCode::FAILURE
    })
}

/// `as_peer`: errors are fatal, and pipelines always whole, as they are for redis-benchmark.
fn start(mut options: Options, as_peer: bool) -> Result<ExitCode, String> {
    if options.errors_flag {
        eprintln!("WARNING: -e option has no effect. We now immediately exit on error to avoid false results.");
    }
    if !options.keep_alive {
        eprintln!(
            "WARNING: Keepalive disabled. You probably need 'echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse' for Linux and \
             'sudo sysctl -w net.inet.tcp.msl=1000' for Mac OS X in order to use a lot of clients/requests"
        );
    }
    // redis-benchmark passes over tests that it does not have, and says nothing.
    if let Some(name) = suite::unknown(&options).first().filter(|_| !as_peer) {
        return Err(format!("There is no test {name:?}; -t takes a list of: {}", suite::names().join(",")));
    }
    if let Some(port) = options.respond {
        return null::serve(port).map(|()| ExitCode::SUCCESS);
    }
    if options.list_workloads {
        return report::print(&workload::list()).map(|()| ExitCode::SUCCESS);
    }
    if options.print_workload {
        return report::print(&workload::text(&options)?).map(|()| ExitCode::SUCCESS);
    }
    if options.calibrate {
        return calibrate::run(&options);
    }
    if options.ab.is_some() {
        return ab::run(&options);
    }
    if options.verify {
        return verify::run(&options);
    }
    let nodes =
        if options.cluster { nodes::of_cluster(&options.target)? } else { vec![Node::alone(options.target.clone())] };
    if options.cluster && options.rate.is_none() {
        // As redis-benchmark: a thread for each node.
        options.threads = options.threads.or(Some(nodes.len()));
    }
    // redis-benchmark lists the nodes in front of CSV, too.
    if options.cluster && (as_peer || !(options.csv || options.json)) {
        report::print(&nodes::list(&nodes))?;
    }
    let configs = nodes::configurations(&options, &nodes)?;
    if options.idle {
        return idle(&options, &nodes);
    }
    let stdin = match options.stdin_last && !options.words.is_empty() {
        true => {
            let mut all = Vec::new();
            io::stdin().lock().read_to_end(&mut all).map_err(|e| crate::client::reason(&e))?;
            Some(all)
        }
        false => None,
    };
    let tests = suite::chosen(&options, stdin)?;
    let written = options.json || options.json_file.is_some() || options.html.is_some();
    let runner = Runner {
        nodes: &nodes,
        fatal: options.fatal_errors.unwrap_or(as_peer),
        exact: !as_peer,
        watched: options.server_stats.unwrap_or(written),
    };
    if options.find_max {
        return hunt::run(&options, &runner, &tests);
    }
    files::check(&options)?;
    let report = Report { options: &options, configs, nodes: nodes.len(), as_peer };
    all_tests(&report, &runner, &tests)
}

/// Runs every test as often as asked, and reports.
fn all_tests(report: &Report<'_>, runner: &Runner<'_>, tests: &[suite::Test]) -> Result<ExitCode, String> {
    let options = report.options;
    let live =
        options.live.unwrap_or(io::stdout().is_terminal() && !report.as_peer) && report.is_plain() && !options.quiet;
    report.begin()?;
    let (mut outcomes, mut wrong) = (Vec::new(), 0);
    loop {
        for test in tests {
            let mut runs = Vec::new();
            for number in 1..=options.runs {
                if let Some(warmup) = options.warmup {
                    let mut first = test.options.clone();
                    first.test_time = Some(warmup);
                    runner.run(&test.title, &test.work, &first, &mut |_, _| ())?;
                }
                let mut outcome = {
                    let (mut line, mut view) = (report.progress(&test.title), live::View::new(&test.title));
                    runner.run(&test.title, &test.work, &test.options, &mut |shared, took| match live {
                        true => view.show(shared, took),
                        false => line.show(shared, took),
                    })?
                };
                outcome.run = number;
                report.test(&outcome, &test.payload)?;
                files::histograms(options, &outcome)?;
                wrong += outcome.tally.wrong;
                runs.push(outcome);
            }
            report.runs(&runs)?;
            if report.is_kept() && !options.looping {
                outcomes.append(&mut runs);
            }
        }
        if !options.looping || tests.is_empty() {
            break;
        }
    }
    report.end(&outcomes)?;
    Ok(if wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Holds connections that send nothing, until the server closes one.
fn idle(options: &Options, nodes: &[Node]) -> Result<ExitCode, String> {
    report::print(&format!("Creating {} idle connections and waiting forever (Ctrl+C when done)\n", options.clients))?;
    let failed = |e: io::Error| crate::client::reason(&e);
    let (mut poll, mut events) = (Poll::new().map_err(failed)?, Events::with_capacity(64));
    let mut open = Vec::new();
    for at in 0..options.clients {
        let target = &nodes[at % nodes.len()].target;
        let conn = target.open().map_err(|e| format!("Could not connect to Redis at {}: {e}", target.addr))?;
        conn.stream.set_nonblocking(true).map_err(failed)?;
        let fd = conn.stream.as_raw_fd();
        poll.registry().register(&mut SourceFd(&fd), Token(at), Interest::READABLE).map_err(failed)?;
        open.push(conn);
    }
    let mut next = Instant::now();
    loop {
        if next <= Instant::now() {
            report::print(&format!("clients: {}\r", open.len()))?;
            next += PROGRESS;
        }
        match poll.poll(&mut events, Some(next.saturating_duration_since(Instant::now()))) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            other => other.map_err(failed)?,
        }
        for event in &events {
            loop {
                match open[event.token().0].stream.read(&mut [0; 1024]) {
                    Ok(0) => return Err("Error: Server closed the connection".into()),
                    // Nobody was asked: what a server says of itself is passed over.
                    Ok(_) => {}
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                    Err(e) => return Err(format!("Error: {}", failed(e))),
                }
            }
        }
    }
}
