//! Users on a running server: files, configuration, and connections whose user goes.

mod common;

use common::{Conn, Kind, Options, Server};
use std::fs;

fn with(dir: &std::path::Path, file: &str, text: &str) -> String {
    let path = dir.join(file);
    fs::write(&path, text).expect("a file");
    path.to_string_lossy().into_owned()
}

/// A directory of its own for each test.
fn directory(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("rustredis-users-{}-{name}", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory");
    dir
}

#[test]
fn an_acl_file_is_read_saved_and_read_again() {
    let dir = directory("file");
    let path = with(&dir, "users.acl", "user default on nopass ~* &* +@all\nuser reader on >pw ~a* +@read\n\n");
    let server = Server::start(Kind::Rustredis, &Options::args(&format!("--aclfile {path} --threads 2")));
    let (mut admin, mut reader) = (server.connect(), server.connect());
    assert_eq!(
        reader.line("AUTH reader wrong"),
        "-WRONGPASS invalid username-password pair or user is disabled.\\r\\n"
    );
    assert_eq!(reader.line("AUTH reader pw"), "+OK\\r\\n");
    assert_eq!(reader.line("GET a1"), "$-1\\r\\n");
    assert_eq!(reader.line("GET b"), "-NOPERM No permissions to access a key\\r\\n");
    assert_eq!(admin.line("ACL SETUSER writer on nopass ~w* +set"), "+OK\\r\\n");
    assert_eq!(admin.line("ACL SAVE"), "+OK\\r\\n");
    let saved = fs::read_to_string(&path).expect("the file");
    assert!(saved.contains("user writer on nopass sanitize-payload ~w* resetchannels -@all +set\n"), "{saved}");
    // A broken file changes nothing; one without a user closes that user's connections and no others.
    fs::write(&path, "user default on nopass ~* &* +@all\nuser reader +nosuch\n").expect("a file");
    let refused = admin.line("ACL LOAD");
    assert!(refused.contains(":2: Error in applying operation") && refused.contains("no change"), "{refused}");
    assert_eq!(reader.line("GET a1"), "$-1\\r\\n");
    fs::write(&path, "user default on nopass ~* &* +@all\nuser writer on nopass ~w* +set\n").expect("a file");
    assert_eq!(admin.line("ACL LOAD"), "+OK\\r\\n");
    assert_eq!(reader.read_to_close(), b"");
    assert_eq!(admin.line("ACL USERS"), "*2\\r\\n$7\\r\\ndefault\\r\\n$6\\r\\nwriter\\r\\n");
    fs::remove_dir_all(dir).expect("our directory");
}

#[test]
fn users_of_a_configuration_are_there_at_once() {
    let dir = directory("config");
    let path = with(&dir, "users.conf", "requirepass secret\nuser bob on >x ~b* +get (+set ~c)\n");
    let server = Server::start(Kind::Rustredis, &Options::args(&format!("--include {path}")));
    let mut c = server.connect();
    assert_eq!(c.line("PING"), "-NOAUTH Authentication required.\\r\\n");
    assert_eq!(c.line("AUTH bob x"), "+OK\\r\\n");
    assert_eq!(c.line("SET c 1"), "+OK\\r\\n");
    assert_eq!(c.line("SET b 1"), "-NOPERM No permissions to access a key\\r\\n");
    assert_eq!(c.line("AUTH secret"), "+OK\\r\\n");
    let list = c.line("ACL LIST");
    assert!(list.contains(" ~b* resetchannels -@all +get (~c resetchannels -@all +set)"), "{list}");
    fs::remove_dir_all(dir).expect("our directory");
}

#[test]
fn whoever_loses_the_user_or_its_channels_is_cut_off() {
    let server = Server::start(Kind::Rustredis, &Options::args("--threads 2"));
    let mut admin = server.connect();
    assert_eq!(admin.line("ACL SETUSER u on nopass +@all ~* &a* &b"), "+OK\\r\\n");
    let mut all: Vec<Conn> = (0..6).map(|_| server.connect()).collect();
    for (i, c) in all.iter_mut().enumerate() {
        assert_eq!(c.line("AUTH u x"), "+OK\\r\\n");
        let line = ["SUBSCRIBE a1", "SUBSCRIBE b", "PSUBSCRIBE a*", "SSUBSCRIBE b", "PING", "PING"][i];
        assert!(!c.line(line).starts_with('-'), "{line}");
    }
    assert_eq!(admin.line("ACL SETUSER u resetchannels &a1"), "+OK\\r\\n");
    // Those who listen to `b` and to `a*` go; who listens to `a1`, and who listens to nothing, stays.
    for i in [1, 2, 3] {
        assert_eq!(all[i].read_to_close(), b"", "{i}");
    }
    assert!(all[0].line("PING").contains("pong") && all[4].line("PING") == "+PONG\\r\\n");
    // Limits hold from the next command on, wherever the client's worker is.
    assert_eq!(admin.line("ACL SETUSER u resetkeys ~k"), "+OK\\r\\n");
    for c in &mut all[4..] {
        assert_eq!(c.line("GET x"), "-NOPERM No permissions to access a key\\r\\n");
    }
    assert_eq!(admin.line("ACL DELUSER u"), ":1\\r\\n");
    for i in [0, 4, 5] {
        assert_eq!(all[i].read_to_close(), b"", "{i}");
    }
    let info = String::from_utf8_lossy(&admin.ask(&["INFO", "stats"])).into_owned();
    assert!(info.contains("acl_access_denied_key:2\r\n"), "{info}");
}
