//! What INFO replication and ROLE say in each state, beside Redis 7.0 in the same state: the same fields in the same order, and the
//! same values where they do not depend on time, ports or chance.

mod common;

use common::fake::FakeReplica;
use common::repl::{field, peers, settle, until};
use common::{Conn, Kind, Options, Server};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const ID: &str = "1111111111111111111111111111111111111111";

/// INFO replication, with names for ports and histories, and without times.
fn info(server: &Server, ports: &[(u16, &str)]) -> Vec<String> {
    let text = server.connect().tree(&["INFO", "replication"]).string();
    let plain = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = match name {
            "master_replid" => "an id".to_owned(),
            "master_replid2" => if value.starts_with("0000") { "none" } else { "an id" }.to_owned(),
            "master_last_io_seconds_ago" | "master_sync_last_io_seconds_ago" if !value.starts_with('-') => {
                "a time".into()
            }
            "master_link_down_since_seconds" if !value.starts_with('-') => "a time".into(),
            _ => value.to_owned(),
        };
        let mut line = format!("{name}:{value}");
        for (port, name) in ports {
            line = line.replace(&port.to_string(), name);
        }
        match line.split_once(",lag=") {
            Some((before, _)) => format!("{before},lag=…"),
            None => line,
        }
    };
    text.lines().map(plain).collect()
}

fn role(server: &Server, ports: &[(u16, &str)]) -> String {
    let mut said = server.connect().line("ROLE");
    for (port, name) in ports {
        said = said.replace(&format!("${}\\r\\n{port}", port.to_string().len()), name);
        said = said.replace(&format!(":{port}\\r"), &format!(":{name}\\r"));
    }
    said
}

fn start(kind: Kind, args: &str) -> Server {
    // Nobody pings anybody while this goes on: offsets stand still.
    Server::start(kind, &Options::args(&format!("--repl-ping-replica-period 3600 --repl-diskless-sync-delay 0 {args}")))
}

/// A primary that answers PSYNC with these bytes and then says nothing.
fn stalls(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            answer(&mut stream, &bytes);
            kept.push(stream);
        }
    });
    port
}

fn answer(stream: &mut TcpStream, bytes: &[u8]) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        let said = String::from_utf8_lossy(&buffer[..n]).into_owned();
        if said.contains("PSYNC") {
            let _ = stream.write_all(bytes); // whoever is gone does not read it
            return;
        }
        let replies = match said.matches("REPLCONF").count() {
            0 => "+PONG\r\n".to_owned(),
            n => "+OK\r\n".repeat(n),
        };
        if stream.write_all(replies.as_bytes()).is_err() {
            return;
        }
    }
}

/// What is said in each state.
type Said = Vec<(String, Vec<String>)>;

struct Notes(Said);

impl Notes {
    fn add(&mut self, state: &str, server: &Server, ports: &[(u16, &str)]) {
        self.0.push((format!("INFO, {state}"), info(server, ports)));
        self.0.push((format!("ROLE, {state}"), vec![role(server, ports)]));
    }
}

fn until_up(primary: &Server, replica: &Server) {
    settle(primary, replica, "the copy");
    // Both sides know it.
    let acknowledged = |conn: &mut Conn| {
        let (said, at) = (field(conn, "replication", "slave0"), field(conn, "replication", "master_repl_offset"));
        said.contains("state=online") && said.contains(&format!("offset={at},"))
    };
    let mut conn = primary.connect();
    until("it acknowledges", || primary.log(), || acknowledged(&mut conn));
}

fn states(kind: Kind) -> Said {
    let mut notes = Notes(Said::new());
    let (a, b, c) =
        (start(kind, ""), start(kind, ""), start(kind, "--replica-announce-ip 10.0.0.9 --replica-announce-port 7"));
    let ports = [(a.port, "A"), (b.port, "B"), (c.port, "C")];
    notes.add("alone", &a, &ports);
    b.connect().line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    until_up(&a, &b);
    a.connect().line("SET k 1");
    until_up(&a, &b);
    notes.add("a primary of one", &a, &ports);
    notes.add("a replica", &b, &ports);
    a.connect().line("CONFIG SET min-replicas-to-write 1");
    notes.add("with min-replicas-to-write", &a, &ports);
    a.connect().line("CONFIG SET min-replicas-to-write 0");
    c.connect().line(&format!("REPLICAOF 127.0.0.1 {}", b.port));
    until_up(&b, &c);
    notes.add("in the middle of a chain", &b, &ports);
    notes.add("at the end of a chain", &c, &ports);
    c.connect().line("CONFIG SET replica-priority 7 replica-read-only no replica-announced no");
    notes.add("of another priority", &c, &ports);
    b.connect().line("REPLICAOF NO ONE");
    until_up(&b, &c);
    notes.add("promoted", &b, &ports);
    let nobody = crate::common::free_port();
    let ports = [(a.port, "A"), (b.port, "B"), (c.port, "C"), (nobody, "D")];
    c.connect().line(&format!("REPLICAOF 127.0.0.1 {nobody}"));
    let refused = || c.log().contains("Connection refused");
    until("nobody is there", || c.log(), refused);
    notes.add("with a primary that is not there, after one that was", &c, &ports);
    drop(b);
    let mut conn = a.connect();
    until("it is gone", || a.log(), || field(&mut conn, "replication", "connected_slaves") == "0");
    notes.add("left alone", &a, &ports);
    c.connect().line("REPLICAOF NO ONE");
    c.connect().line(&format!("REPLICAOF 127.0.0.1 {nobody}"));
    until("nobody is there", || c.log(), || c.log().matches("Connection refused").count() >= 2);
    notes.add("with a primary that is not there", &c, &ports);
    for (how, length) in [("a length", "$1000".to_owned()), ("a mark", format!("$EOF:{}", "2".repeat(40)))] {
        let port = stalls(format!("+FULLRESYNC {ID} 7\r\n{length}\r\nREDIS0010").into_bytes());
        let d = start(kind, "");
        d.connect().line(&format!("REPLICAOF 127.0.0.1 {port}"));
        let mut conn = d.connect();
        until("it receives", || d.log(), || field(&mut conn, "replication", "master_sync_read_bytes") == "9");
        notes.add(&format!("receiving a copy of {how}"), &d, &[(port, "F")]);
    }
    let e = start(kind, "--repl-diskless-sync-delay 3");
    let mut waits = FakeReplica::greet(e.port);
    waits.send(&["PSYNC", "?", "-1"]);
    let mut conn = e.connect();
    until("it is there", || e.log(), || field(&mut conn, "replication", "connected_slaves") == "1");
    notes.add("with a replica that waits", &e, &[]);
    until("it has the copy", || e.log(), || field(&mut conn, "replication", "slave0").contains("state=online"));
    notes.add("with a replica that loads", &e, &[]);
    let f = start(kind, "--repl-diskless-sync-delay 3600");
    let mut old = FakeReplica::silent(f.port);
    old.send(&["SYNC"]);
    let mut conn = f.connect();
    until("it has the copy", || f.log(), || field(&mut conn, "replication", "slave0").contains("state=online"));
    notes.add("with an old tool that waits for nobody", &f, &[]);
    notes.0
}

#[test]
fn each_state_is_told_as_redis_tells_it() {
    if !peers(&[Kind::Redis]) {
        return;
    }
    // Redis sends one ping of its own accord when its clock begins, which a slow machine has begin late.
    common::in_one_of(3, |_| told_in_each_state());
}

fn told_in_each_state() {
    let theirs = std::thread::spawn(|| states(Kind::Redis));
    let ours = states(Kind::Rustredis);
    let theirs = theirs.join().expect("Redis");
    assert_eq!(ours.len(), theirs.len());
    for ((state, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "{state}");
    }
}
