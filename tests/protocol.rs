//! The wire, as it is and as it should not be: fragments, pipelines, inline commands, malformed frames, lengths that
//! are only announced, clients that do not read, many clients. Expected bytes were asked of Redis 7.0.15.

mod common;

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use common::{Conn, Options, Server, command, env_number, escape, subject};

fn server() -> Server {
    Server::start(subject(), &Options::default())
}

/// What the server answers to these bytes, up to its closing; and that others do not notice.
fn refused(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut conn = server.connect();
    let _ = conn.send_raw(bytes);
    let answer = conn.read_to_close();
    assert_eq!(server.connect().line("PING"), r"+PONG\r\n", "after {}", escape(bytes));
    answer
}

#[test]
fn malformed_frames_get_their_error_and_a_close() {
    let server = server();
    let cases: &[(&[u8], &str)] = &[
        (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$abc\r\n", "invalid bulk length"),
        (b"*1\r\n$-5\r\n", "invalid bulk length"),
        (b"*1\r\n$\r\n", "invalid bulk length"),
        (b"*1\r\n$04\r\nPING\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$99999999999999999999\r\n", "invalid bulk length"),
        (b"*abc\r\n", "invalid multibulk length"),
        (b"*\r\n", "invalid multibulk length"),
        (b"* 1\r\n$4\r\nPING\r\n", "invalid multibulk length"),
        (b"*+1\r\n$4\r\nPING\r\n", "invalid multibulk length"),
        (b"*01\r\n$4\r\nPING\r\n", "invalid multibulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*99999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\nx4\r\nPING\r\n", "expected '$', got 'x'"),
        (b"*1\r\n\r\n", "expected '$', got ' '"),
        (b"set \"a b\r\n", "unbalanced quotes in request"),
        (b"set 'a\r\n", "unbalanced quotes in request"),
        (b"set 'a'b\r\n", "unbalanced quotes in request"),
        (&[b'A'; 70_000], "too big inline request"),
    ];
    for (bytes, text) in cases {
        let expected = format!("-ERR Protocol error: {text}\r\n");
        assert_eq!(escape(&refused(&server, bytes)), escape(expected.as_bytes()), "to {}", escape(bytes));
    }
    let digits = [b'1'; 70_000];
    let long = |start: &[u8]| [start, &digits].concat();
    assert_eq!(refused(&server, &long(b"*")), b"-ERR Protocol error: too big mbulk count string\r\n");
    assert_eq!(refused(&server, &long(b"*1\r\n$")), b"-ERR Protocol error: too big bulk count string\r\n");
    // The byte that should have been a dollar comes back as it is, be it text or not.
    assert_eq!(refused(&server, b"*1\r\n\xff4\r\n"), b"-ERR Protocol error: expected '$', got '\xff'\r\n");
}

#[test]
fn what_came_before_a_malformed_frame_is_answered() {
    let server = server();
    let answer = refused(&server, b"PING\r\n*1\r\n$abc\r\nPING\r\n");
    assert_eq!(escape(&answer), r"+PONG\r\n-ERR Protocol error: invalid bulk length\r\n");
}

#[test]
fn a_browser_is_shown_the_door() {
    let server = server();
    for request in ["POST / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        refused(&server, request.as_bytes());
    }
    assert!(server.log().contains("Possible SECURITY ATTACK"), "{}", server.log());
}

#[test]
fn before_a_password_only_small_commands_are_read() {
    let server = Server::start(subject(), &Options::args("--requirepass secret"));
    let case = |bytes: &[u8]| {
        let mut conn = server.connect();
        conn.send_raw(bytes).expect("sent");
        escape(&conn.read_to_close())
    };
    assert_eq!(case(b"*11\r\n"), r"-ERR Protocol error: unauthenticated multibulk length\r\n");
    assert_eq!(case(b"*1\r\n$16385\r\n"), r"-ERR Protocol error: unauthenticated bulk length\r\n");
    let mut conn = server.connect();
    assert_eq!(conn.line("PING"), r"-NOAUTH Authentication required.\r\n");
    assert_eq!(conn.line("AUTH wrong"), r"-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert_eq!(conn.line("AUTH secret"), r"+OK\r\n");
    let words: Vec<String> = std::iter::once("DEL".to_owned()).chain((0..20).map(|i| i.to_string())).collect();
    assert_eq!(conn.ask(&words), b":0\r\n");
}

#[test]
fn inline_commands() {
    let server = server();
    let cases: &[(&[u8], &str)] = &[
        (b"PING\r\n", r"+PONG\r\n"),
        (b"PING\n", r"+PONG\r\n"),
        (b"  PING   \r\n", r"+PONG\r\n"),
        (b"\r\nPING\r\n", r"+PONG\r\n"),
        (b"   \r\nPING\r\n", r"+PONG\r\n"),
        (b"*0\r\nPING\r\n", r"+PONG\r\n"),
        (b"*-1\r\nPING\r\n", r"+PONG\r\n"),
        (b"*-5\r\nPING\r\n", r"+PONG\r\n"),
        (b"ECHO 'it\\'s'\r\n", r"$4\r\nit\'s\r\n"),
        (b"ECHO \"\\x00\\t\\\"\"\r\n", r#"$3\r\n\x00\t\"\r\n"#),
        (b"ECHO \"a b\"\r\n", r"$3\r\na b\r\n"),
        (b"ECHO ''\r\n", r"$0\r\n\r\n"),
        (b"\"\\x41\\n\" a\r\n", r"-ERR unknown command \'A \', with args beginning with: \'a\' \r\n"),
        (b"GET\n", r"-ERR wrong number of arguments for \'get\' command\r\n"),
    ];
    for (bytes, expected) in cases {
        let mut conn = server.connect();
        conn.send_raw(bytes).expect("sent");
        let answer = conn.read_reply().unwrap_or_else(|e| panic!("{}: {e}", escape(bytes)));
        assert_eq!(escape(&answer), *expected, "to {}", escape(bytes));
    }
}

#[test]
fn byte_by_byte() {
    let server = server();
    let mut conn = server.connect();
    let bytes = [
        command(&["SET", "key", "a\r\nb"]),
        command(&["GET", "key"]),
        b"ECHO 'in line'\r\n".to_vec(),
        command(&["MGET", "key", "none", ""]),
    ]
    .concat();
    for byte in bytes {
        conn.send_raw(&[byte]).expect("sent");
    }
    let replies: Vec<String> = (0..4).map(|_| escape(&conn.read_reply().expect("a reply"))).collect();
    let expected = [r"+OK\r\n", r"$4\r\na\r\nb\r\n", r"$7\r\nin line\r\n", r"*3\r\n$4\r\na\r\nb\r\n$-1\r\n$-1\r\n"];
    assert_eq!(replies, expected);
}

#[test]
fn fragments_of_every_size() {
    let server = server();
    let value = vec![b'x'; 3_000];
    let bytes: Vec<u8> = (0..40)
        .flat_map(|i| {
            [
                command(&[b"SET", &value[..i * 70]]),
                command(&[&b"SET"[..], b"k", &value[..i * 70]]),
                command(&["GET", "k"]),
            ]
            .concat()
        })
        .collect();
    for size in [2, 3, 7, 61, 1_000, 4_096, 16_384, 65_536] {
        let mut conn = server.connect();
        let mut writer = conn.stream().try_clone().expect("a second handle");
        let copy = bytes.clone();
        let sending =
            std::thread::spawn(move || copy.chunks(size).for_each(|part| writer.write_all(part).expect("sent")));
        for i in 0..40 {
            assert!(conn.read_reply().expect("a reply").starts_with(b"-ERR wrong number"));
            assert_eq!(conn.read_reply().expect("a reply"), b"+OK\r\n");
            assert_eq!(conn.read_reply().expect("a reply").len(), format!("${}\r\n\r\n", i * 70).len() + i * 70);
        }
        sending.join().expect("the sender");
    }
}

#[test]
fn a_pipeline_of_a_hundred_thousand() {
    let server = server();
    let mut conn = server.connect();
    let mut writer = conn.stream().try_clone().expect("a second handle");
    let sending = std::thread::spawn(move || {
        let all: Vec<u8> =
            (0..100_000).flat_map(|i| command(&["SET", &format!("k{}", i % 1000), &i.to_string()])).collect();
        writer.write_all(&all).expect("sent");
        writer.write_all(&(0..100_000).flat_map(|_| command(&["GET", "k7"])).collect::<Vec<u8>>()).expect("sent");
    });
    for _ in 0..100_000 {
        assert_eq!(conn.read_reply().expect("a reply"), b"+OK\r\n");
    }
    for _ in 0..100_000 {
        assert_eq!(conn.read_reply().expect("a reply"), b"$5\r\n99007\r\n");
    }
    sending.join().expect("the sender");
    assert_eq!(conn.line("DBSIZE"), r":1000\r\n");
}

#[test]
fn an_announced_length_allocates_nothing() {
    let server = server();
    let before = server.memory_kib("VmRSS");
    let conns: Vec<Conn> = (0..50)
        .map(|i| {
            let mut conn = server.connect();
            let bytes: &[u8] =
                if i % 2 == 0 { b"*2\r\n$3\r\nGET\r\n$536870912\r\n" } else { b"*1000000\r\n$3\r\nDEL\r\n" };
            conn.send_raw(bytes).expect("sent");
            conn
        })
        .collect();
    assert_eq!(server.connect().line("PING"), r"+PONG\r\n");
    std::thread::sleep(Duration::from_millis(100));
    let grown = server.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for what was only announced");
    drop(conns);
}

#[test]
fn a_big_bulk_goes_in_and_out() {
    let server = server();
    // 512 MB, the limit, on request: it needs some gigabytes.
    let size = if env_number("RUSTREDIS_TEST_HUGE", 0) > 0 { 512 << 20 } else { 64 << 20 };
    let mut value = vec![0u8; size];
    value.iter_mut().enumerate().for_each(|(i, byte)| *byte = (i * 31 % 251) as u8);
    let mut conn = server.connect();
    assert_eq!(conn.ask(&[b"SET", &b"big"[..], &value]), b"+OK\r\n");
    assert_eq!(conn.ask(&["STRLEN", "big"]), format!(":{size}\r\n").into_bytes());
    let reply = conn.ask(&["GET", "big"]);
    let head = format!("${size}\r\n").len();
    assert!(reply[head..head + size] == value[..], "the value came back otherwise");
    assert_eq!(conn.ask(&["DEL", "big"]), b":1\r\n");
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    let server = server();
    let mut other = server.connect();
    other.ask(&[b"SET", &b"v"[..], &vec![b'v'; 100_000]]);
    let mut greedy = server.connect();
    greedy.stream().set_write_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    // Up to 200 MB of replies that nobody fetches: the server may keep them, or stop reading, or drop the client.
    for _ in 0..2_000 {
        if greedy.send(&["GET", "v"]).is_err() {
            break;
        }
    }
    // It never reads again: who had to wait for it would wait for ever.
    for _ in 0..1_000 {
        assert_eq!(other.line("PING"), r"+PONG\r\n");
    }
    drop(greedy);
    assert_eq!(other.line("STRLEN v"), r":100000\r\n");
}

#[test]
fn a_thousand_connections() {
    let server = server();
    let mut conns: Vec<Conn> = (0..900).map(|_| server.connect()).collect();
    for (i, conn) in conns.iter_mut().enumerate() {
        conn.send(&["SET", &format!("c{i}"), &i.to_string()]).expect("sent");
    }
    for conn in &mut conns {
        assert_eq!(conn.read_reply().expect("a reply"), b"+OK\r\n");
    }
    for (i, conn) in conns.iter_mut().enumerate().rev() {
        let n = i.to_string();
        assert_eq!(conn.line(&format!("GET c{i}")), format!(r"${}\r\n{n}\r\n", n.len()));
    }
    let list = common::Node::parse(&conns[0].ask(&["CLIENT", "LIST"])).string();
    assert_eq!(list.lines().count(), 900);
}

#[test]
fn too_many_clients_are_told_so() {
    let server = Server::start(subject(), &Options::args("--maxclients 10"));
    let mut held: Vec<Conn> = Vec::new();
    let refusal = (0..12).find_map(|_| {
        let mut conn = server.connect();
        let _ = conn.send(&["PING"]);
        let reply = conn.read_reply().unwrap_or_default();
        held.push(conn);
        (!reply.starts_with(b"+PONG")).then_some(reply)
    });
    assert_eq!(escape(&refusal.expect("a refusal")), r"-ERR max number of clients reached\r\n");
}

#[test]
fn quit_reset_and_the_modes_of_reply() {
    let server = server();
    let mut conn = server.connect();
    conn.send_raw(b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nPING\r\nPING a\r\n")
        .expect("sent");
    assert_eq!(conn.read_reply().expect("a reply"), b"+OK\r\n");
    assert_eq!(conn.read_reply().expect("a reply"), b"$1\r\na\r\n");
    assert!(conn.line("HELLO 3").starts_with('%'));
    assert_eq!(conn.line("GET none"), r"_\r\n");
    assert_eq!(conn.line("SELECT 3"), r"+OK\r\n");
    assert_eq!(conn.line("RESET"), r"+RESET\r\n");
    assert_eq!(conn.line("GET none"), r"$-1\r\n");
    let info = conn.line("CLIENT INFO");
    assert!(info.contains(" db=0 ") && info.contains(" resp=2"), "{info}");
    conn.send_raw(b"QUIT\r\nPING\r\n").expect("sent");
    assert_eq!(conn.read_to_close(), b"+OK\r\n");
}

#[test]
fn a_half_closed_connection_still_gets_its_replies() {
    let server = server();
    let mut conn = server.connect();
    conn.send_raw(b"SET a 1\r\nGET a\r\n").expect("sent");
    conn.finish_sending();
    assert_eq!(escape(&conn.read_to_close()), r"+OK\r\n$1\r\n1\r\n");
}

#[test]
fn a_query_without_an_end_is_cut_off() {
    let server = Server::start(subject(), &Options::args("--client-query-buffer-limit 1mb"));
    let mut conn = server.connect();
    let _ = conn.send_raw(b"*2\r\n$4\r\nECHO\r\n$100000000\r\n");
    for _ in 0..64 {
        if conn.send_raw(&[b'x'; 64 * 1024]).is_err() {
            break;
        }
    }
    assert_eq!(conn.read_to_close(), b"");
    assert_eq!(server.connect().line("PING"), r"+PONG\r\n");
    assert!(server.log().contains("Closing client that reached max query buffer length"), "{}", server.log());
}

#[test]
fn a_client_that_leaves_too_much_unread_is_cut_off() {
    let server = Server::start(subject(), &Options::args("--client-output-buffer-limit normal 1mb 0 0"));
    let mut other = server.connect();
    other.ask(&[b"SET", &b"v"[..], &vec![b'v'; 20_000_000]]);
    let mut greedy = server.connect();
    greedy.send(&["GET", "v"]).expect("sent");
    // Not a byte is read until the server has had its say.
    let deadline = Instant::now() + common::PATIENCE;
    while !server.log().contains("overcoming of output buffer limits") {
        assert!(Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(greedy.read_to_close().len() < 20_000_000);
    assert_eq!(other.line("STRLEN v"), r":20000000\r\n");
}

#[test]
fn unread_replies_take_bounded_memory() {
    let server = server();
    let mut other = server.connect();
    other.ask(&[b"SET", &b"v"[..], &vec![b'v'; 10_000]]);
    let before = server.memory_kib("VmRSS");
    let mut greedy = server.connect();
    greedy.stream().set_write_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    let asks: Vec<u8> = command(&["GET", "v"]).repeat(1_000);
    // A gigabyte of replies: the server stops reading from whoever does not read.
    let taken = (0..100).take_while(|_| greedy.send_raw(&asks).is_ok()).count();
    let grown = server.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for replies that nobody reads ({taken} pipelines were taken)");
    assert_eq!(other.line("STRLEN v"), r":10000\r\n");
}
