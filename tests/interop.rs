//! The programs that people have: redis-py with hiredis, RQ, Celery, BullMQ, socket.io's adapter, redis-cli, redis-benchmark,
//! nc. Each does real work against
//! a running server, and what it prints is looked at.

mod common;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use common::{Options, Server, server::on_path, skip, subject};

const TOOLS: &str = "apt-get install redis-tools";

fn server() -> Server {
    Server::start(subject(), &Options::default())
}

/// Runs a program to its end and returns what it printed; fails on a bad exit.
fn run(program: &Path, args: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}", program.display()));
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    let Output { status, stdout, stderr } = child.wait_with_output().expect("its output");
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{} {args:?}: {status}\n{out}\n{err}", program.display());
    out.into_owned()
}

fn tool(name: &str, how: &str) -> Option<PathBuf> {
    let found = on_path(name);
    if found.is_none() {
        skip(name, how);
    }
    found
}

/// A Python that has these modules.
fn python_with(modules: &[&str]) -> Option<PathBuf> {
    let python = std::env::var_os("PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let has = |module: &&str| {
        let import = format!("import {module}");
        Command::new(&python).args(["-c", &import]).output().is_ok_and(|out| out.status.success())
    };
    modules.iter().all(has).then_some(python)
}

#[test]
fn redis_py() {
    let Some(python) = python_with(&["redis", "hiredis"]) else {
        return skip("redis-py with hiredis", "pip install redis hiredis");
    };
    let server = server();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/work.py");
    let out = run(&python, &[script, &server.port.to_string()], "");
    assert!(out.trim_end().ends_with("done"), "{out}");
    assert!(out.contains("RESP3"), "{out}");
    eprint!("{out}");
}

/// RQ's workers, and consumers of a stream that are killed in the middle of their work.
#[test]
fn job_queues() {
    let Some(python) = python_with(&["redis"]) else {
        return skip("redis-py", "pip install redis");
    };
    if python_with(&["rq"]).is_none() {
        skip("RQ", "pip install rq");
    }
    let server = server();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/queues.py");
    let out = run(&python, &[script, &server.port.to_string()], "");
    assert!(out.trim_end().ends_with("done") && out.contains("nothing lost"), "{out}");
    eprint!("{out}");
}

#[test]
fn celery() {
    let Some(python) = python_with(&["celery", "redis", "packaging"]) else {
        return skip("Celery", "pip install celery redis packaging");
    };
    let server = server();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/tasks.py");
    let out = run(&python, &[script, &server.port.to_string()], "");
    assert!(out.trim_end().ends_with("done") && out.contains("a chord"), "{out}");
    eprint!("{out}");
}

/// Runs a program of `tests/node`, whose packages lie where NODE_PATH says.
fn node(script: &str) -> Option<String> {
    let packages = std::env::var_os("NODE_PATH").map(PathBuf::from).filter(|dir| dir.join("bullmq").is_dir());
    let (Some(node), Some(_)) = (on_path("node"), packages) else {
        skip(
            "Node.js with BullMQ and socket.io",
            "npm install --prefix tests/node, and NODE_PATH=tests/node/node_modules",
        );
        return None;
    };
    let server = server();
    let script = format!("{}/tests/node/{script}", env!("CARGO_MANIFEST_DIR"));
    let out = run(&node, &[&script, &server.port.to_string()], "");
    assert!(out.trim_end().ends_with("done"), "{out}");
    eprint!("{out}");
    Some(out)
}

#[test]
fn bullmq() {
    if let Some(out) = node("jobs.cjs") {
        for what in ["301 jobs", "retried", "delayed", "rate", "priorities", "children", "lost its worker"] {
            assert!(out.contains(what), "{what}: {out}");
        }
    }
}

#[test]
fn socket_io() {
    if let Some(out) = node("rooms.cjs") {
        assert!(out.contains("socket.io, PUBLISH") && out.contains("socket.io, SPUBLISH"), "{out}");
    }
}

#[test]
fn redis_cli() {
    let Some(cli) = tool("redis-cli", TOOLS) else {
        return;
    };
    let server = server();
    let port = server.port.to_string();
    let ask = |args: &[&str]| run(&cli, &[&["-p", &port], args].concat(), "");
    assert_eq!(ask(&["set", "greeting", "hello world"]), "OK\n");
    assert_eq!(ask(&["get", "greeting"]), "hello world\n");
    assert_eq!(ask(&["--no-raw", "get", "none"]), "(nil)\n");
    assert_eq!(ask(&["--no-raw", "incr", "n"]), "(integer) 1\n");
    assert_eq!(ask(&["--no-raw", "incr", "greeting"]), "(error) ERR value is not an integer or out of range\n");
    assert_eq!(ask(&["--no-raw", "mget", "n", "none"]), "1) \"1\"\n2) (nil)\n");
    assert_eq!(ask(&["-3", "--no-raw", "config", "get", "maxmemory"]), "1# \"maxmemory\" => \"0\"\n");
    assert_eq!(ask(&["-n", "3", "set", "a", "1"]), "OK\n");
    assert_eq!(ask(&["-r", "3", "incr", "n"]), "2\n3\n4\n");
    assert!(ask(&["info", "server"]).contains("redis_version:"));
    assert!(ask(&["--scan", "--pattern", "gree*"]).contains("greeting"));
    assert_eq!(run(&cli, &["-p", &port], "set x 1\nappend x 2\nget x\n"), "OK\n2\n12\n");

    let commands: String = (0..20_000).map(|i| format!("SET bulk:{i} {i}\r\n")).collect();
    let out = run(&cli, &["-p", &port, "--pipe"], &commands);
    assert!(out.contains("errors: 0, replies: 20000"), "{out}");
    assert_eq!(ask(&["dbsize"]), "20003\n");
}

#[test]
fn redis_benchmark() {
    let Some(bench) = tool("redis-benchmark", TOOLS) else {
        return;
    };
    let server = server();
    let port = server.port.to_string();
    for pipeline in ["1", "16"] {
        let args = [
            "-p",
            &port,
            "-t",
            "ping,set,get,incr,mset",
            "-n",
            "20000",
            "-c",
            "20",
            "-r",
            "1000",
            "-P",
            pipeline,
            "-q",
        ];
        let out = run(&bench, &args, "");
        for name in ["PING_INLINE", "SET", "GET", "INCR", "MSET (10 keys)"] {
            assert!(out.contains(&format!("{name}: ")) && out.contains("requests per second"), "{name}: {out}");
        }
        assert!(!out.to_lowercase().contains("error"), "{out}");
    }
    let size = server.connect().line("DBSIZE");
    assert!(size.trim_end_matches(r"\r\n")[1..].parse::<u32>().is_ok_and(|n| n > 500), "{size}");
}

#[test]
fn a_person_with_netcat() {
    let Some(nc) = tool("nc", "apt-get install netcat-openbsd") else {
        return;
    };
    let server = server();
    let said = "PING\r\nset word \"two words\"\r\nGET word\r\nget nothing\r\nfoo bar\r\nQUIT\r\n";
    let out = run(&nc, &["127.0.0.1", &server.port.to_string()], said);
    let heard = "+PONG\r\n+OK\r\n$9\r\ntwo words\r\n$-1\r\n-ERR unknown command 'foo', with args beginning with: 'bar' \r\n+OK\r\n";
    assert_eq!(out, heard);
}
