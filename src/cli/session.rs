//! A connection with what a user of it expects to last: the database, the transaction, the node of a cluster; commands
//! sent, replies shown, redirections followed, a lost connection made anew. Matches redis-cli 7.0.15's outputs.

use super::{
    format::{Form, harmless},
    out,
    view::View,
};
use crate::{
    args::cli::{Options, Output},
    client::{Addr, Conn, Error, Target, WHERE_NEXT, cluster::Redirect, reason, target::Step},
    resp::Value,
};
use std::{os::fd::OwnedFd, sync::Arc, time::Duration};

/// Redirections followed for one command: a cluster that sends us round and round must not hold us.
const MOST_REDIRECTIONS: u32 = 16;

/// The command was not answered; why is on standard error.
#[derive(Debug)]
pub struct Failed;

pub struct Session<'o> {
    pub options: &'o Options,
    /// Where the session is, with the database that it is in.
    pub target: Target,
    pub conn: Option<Conn>,
    pub output: Output,
    pub show_pushes: bool,
    /// Somebody types: errors do not end the program.
    pub interactive: bool,
    /// The database that the server is in, which is not the wanted one after a SELECT that failed.
    pub db: u32,
    pub in_multi: bool,
    db_before_multi: u32,
    pub wake: Option<Arc<OwnedFd>>,
    /// Given each reply in place of the usual output; `false`: show it as usual.
    pub show: Option<ShowReply>,
    pub last_was_error: bool,
    pub view: View,
    pub pager: bool,
    /// Started under our own name: what redis-cli does not do (asking before damage) is on.
    pub own: bool,
}

/// Shows the reply to a command in a form of its own, if it has one.
pub type ShowReply = fn(&mut Session<'_>, words: &[Vec<u8>], reply: &Value) -> bool;

fn word_is(words: &[Vec<u8>], at: usize, name: &str) -> bool {
    words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
}

impl<'o> Session<'o> {
    pub fn new(options: &'o Options, on_terminal: bool) -> Session<'o> {
        let usual = if on_terminal { Output::Standard } else { Output::Raw };
        let output = options.output.unwrap_or(usual);
        let mut target = options.target.clone();
        target.resp3 = match options.protocol {
            Some(version) => version == 3,
            // JSON has the types of RESP3.
            None => target.resp3 || matches!(output, Output::Json | Output::QuotedJson),
        };
        Session {
            options,
            db: target.db,
            target,
            conn: None,
            output,
            show_pushes: options.show_pushes.unwrap_or(on_terminal),
            interactive: false,
            in_multi: false,
            db_before_multi: 0,
            wake: None,
            show: None,
            last_was_error: false,
            view: View::Redis,
            pager: false,
            own: false,
        }
    }

    pub fn form(&self) -> Form<'o> {
        Form {
            output: self.output,
            element_delimiter: &self.options.element_delimiter,
            reply_delimiter: &self.options.reply_delimiter,
        }
    }

    /// Connects and is let in. A server that refuses a step says so on standard error, and is connected to.
    pub fn connect(&mut self) -> Result<&mut Conn, Failed> {
        self.conn = None;
        self.in_multi = false;
        let stream = self.target.connect().map_err(|error| {
            eprintln!("Could not connect to Redis at {}: {}", self.target.addr, reason(&error));
            if self.own && !self.interactive {
                eprintln!("{WHERE_NEXT}");
            }
            Failed
        })?;
        let mut conn = Conn::new(stream);
        conn.set_wake(self.wake.clone());
        self.db = 0;
        let asked = self.options.protocol == Some(3);
        let mut steps = self.target.handshake();
        steps.sort_by_key(|(step, _)| match step {
            Step::Auth => 0,
            Step::Select => 1,
            Step::Hello => 2,
        });
        for (step, words) in steps {
            let failed = match conn.ask(&words) {
                Ok(Value::Error(text)) => String::from_utf8_lossy(&harmless(&text)).into_owned(),
                Ok(_) => {
                    if step == Step::Select {
                        self.db = self.target.db;
                    }
                    continue;
                }
                Err(error) => {
                    eprintln!("Error: {error}");
                    return Err(Failed);
                }
            };
            match step {
                Step::Auth => {
                    eprintln!("AUTH failed: {failed}");
                    if self.own && failed.starts_with("WRONGPASS") {
                        eprintln!("--askpass asks for the password, --user NAME says whose it is.");
                    }
                }
                Step::Select => eprintln!("SELECT {} failed: {failed}", self.target.db),
                Step::Hello if asked => eprintln!("HELLO 3 failed: {failed}"),
                Step::Hello => {}
            }
        }
        Ok(self.conn.insert(conn))
    }

    /// The connection, made if there is none.
    pub fn conn(&mut self) -> Result<&mut Conn, Failed> {
        if self.conn.is_none() {
            self.connect()?;
        }
        self.conn.as_mut().ok_or(Failed)
    }

    /// For the modes that are nothing without a connection.
    pub fn ask(&mut self, words: &[&[u8]]) -> Result<Value, Failed> {
        let show = |error: Error| {
            eprintln!("Error: {error}");
            Failed
        };
        Ok(self.conn()?.ask(words).map_err(show)?.plain())
    }

    /// Runs a command `repeat` times (negative: for ever), and shows what comes. With a cluster's session the
    /// redirections are followed.
    pub fn issue(&mut self, words: &[Vec<u8>], mut repeat: i64) -> Result<(), Failed> {
        let mut redirections = 0;
        let mut reconnected = false;
        let mut asking = false;
        while repeat != 0 {
            self.conn()?;
            match self.run_once(words, asking) {
                Ok(None) => {
                    (asking, reconnected, redirections) = (false, false, 0);
                    repeat -= i64::from(repeat > 0);
                    if !self.options.interval.is_zero() && repeat != 0 {
                        self.pause(self.options.interval)?;
                    }
                }
                Ok(Some(redirect)) => {
                    redirections += 1;
                    if redirections > MOST_REDIRECTIONS {
                        eprintln!("Error: redirected {MOST_REDIRECTIONS} times over");
                        return Err(Failed);
                    }
                    asking = redirect.ask;
                    self.follow(redirect)?;
                }
                Err(Error::Interrupted) => {
                    self.connect()?;
                    return Ok(());
                }
                Err(error) => {
                    self.conn = None;
                    // A connection that idled until the server closed it is made anew, once.
                    if self.interactive && error.is_lost() && !reconnected && !self.in_multi {
                        reconnected = true;
                        self.connect()?;
                        continue;
                    }
                    self.in_multi = false;
                    eprintln!("Error: {error}");
                    return Err(Failed);
                }
            }
        }
        Ok(())
    }

    fn pause(&mut self, time: Duration) -> Result<(), Failed> {
        out::flush();
        std::thread::sleep(time);
        Ok(())
    }

    /// Goes to the node that a redirection names.
    fn follow(&mut self, redirect: Redirect) -> Result<(), Failed> {
        let host = match (&self.target.addr, redirect.host.is_empty()) {
            (Addr::Tcp { host, .. }, true) => host.clone(),
            _ => redirect.host,
        };
        if self.interactive {
            out::text(&format!("-> Redirected to slot [{}] located at {host}:{}\n", redirect.slot, redirect.port));
        }
        self.target = self.target.at(&host, redirect.port);
        self.connect()?;
        Ok(())
    }

    /// Sends the command once and shows the reply; `Some`: it is to be sent again elsewhere.
    fn run_once(&mut self, words: &[Vec<u8>], asking: bool) -> Result<Option<Redirect>, Error> {
        let verbatim = is_made_to_be_read(words);
        let conn = self.conn.as_mut().ok_or(Error::Closed)?;
        if asking {
            conn.ask(&[b"ASKING"])?;
        }
        conn.send(words)?;
        let is_command = |names: &[&str]| names.iter().any(|name| word_is(words, 0, name));
        if is_command(&["monitor"]) {
            return self.endless(verbatim, words).map(|()| None);
        }
        if is_command(&["subscribe", "psubscribe", "ssubscribe"]) {
            if self.output != Output::Raw {
                out::text("Reading messages... (press Ctrl-C to quit)\n");
                out::flush();
            }
            return self.endless(verbatim, words).map(|()| None);
        }
        if is_command(&["sync", "psync"]) {
            out::text("Entering replica output mode...  (press Ctrl-C to quit)\n");
            return super::replica::follow_commands(self).map(|()| None);
        }
        let reply = loop {
            match self.read()? {
                Some(Value::Push(items)) => self.show_push(&Value::Push(items)),
                Some(reply) => break reply,
                // Told to close, the server did.
                None if is_command(&["shutdown"]) => {
                    self.conn = None;
                    return Ok(None);
                }
                None => return Err(Error::Closed),
            }
        };
        self.last_was_error = reply.error().is_some();
        if self.options.cluster
            && let Some(redirect) = reply.error().and_then(Redirect::parse)
        {
            return Ok(Some(redirect));
        }
        self.exit_on_error(&reply);
        self.show_reply(words, &reply, verbatim);
        self.note_state(words, &reply);
        Ok(None)
    }

    /// With `-e` an error reply to the command of the command line ends the program.
    fn exit_on_error(&self, reply: &Value) {
        if let Some(text) = reply.error()
            && self.options.error_code
            && !self.interactive
        {
            out::flush();
            eprintln!("{}", String::from_utf8_lossy(&harmless(text)));
            std::process::exit(1);
        }
    }

    /// `None`: the server closed the connection.
    fn read(&mut self) -> Result<Option<Value>, Error> {
        match self.conn.as_mut().ok_or(Error::Closed)?.read() {
            Ok(value) => Ok(Some(value)),
            Err(Error::Closed) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn show_reply(&mut self, words: &[Vec<u8>], reply: &Value, verbatim: bool) {
        let shown = self.show.is_some_and(|show| show(self, words, reply));
        if !shown {
            out::bytes(&self.form().reply(reply, verbatim));
        }
        out::flush();
    }

    /// MONITOR and subscriptions: what comes is shown until the user or the server has had enough.
    fn endless(&mut self, verbatim: bool, words: &[Vec<u8>]) -> Result<(), Error> {
        loop {
            let reply = self.read()?.ok_or(Error::Closed)?;
            self.exit_on_error(&reply);
            // Pushes are an array's kin here; they look the same in both protocols.
            let reply = match reply {
                Value::Push(items) if !word_is(words, 0, "monitor") => Value::Push(items),
                other => other,
            };
            out::bytes(&self.form().reply(&reply, verbatim));
            out::flush();
            if reply.error().is_some() {
                return Ok(());
            }
        }
    }

    fn show_push(&mut self, push: &Value) {
        if !self.show_pushes {
            return;
        }
        if self.output == Output::Standard
            && let Some([kind, keys]) = push.items()
            && kind.text() == Some(b"invalidate")
            && let Some(keys) = keys.items()
        {
            let keys = keys.iter().filter_map(Value::text);
            let keys: Vec<String> = keys.map(|k| format!("'{}'", String::from_utf8_lossy(&harmless(k)))).collect();
            out::text(&format!("-> invalidate: {}\n", keys.join(", ")));
        } else {
            out::bytes(&self.form().reply(push, false));
        }
        out::flush();
    }

    /// What a reply changes for the session.
    fn note_state(&mut self, words: &[Vec<u8>], reply: &Value) {
        let fine = reply.error().is_none();
        let lone = words.len() == 1;
        let name = words[0].to_ascii_lowercase();
        match name.as_slice() {
            b"select" if fine && words.len() == 2 => {
                if let Some(db) = std::str::from_utf8(&words[1]).ok().and_then(|db| db.parse().ok()) {
                    (self.db, self.target.db) = (db, db);
                }
            }
            b"auth" if fine && (2..=3).contains(&words.len()) => {
                // Replayed when the connection is made anew.
                self.target.user = (words.len() == 3).then(|| words[1].clone());
                self.target.password = words.last().cloned();
            }
            b"multi" if fine && lone => {
                self.in_multi = true;
                self.db_before_multi = self.db;
            }
            b"exec" | b"discard" if lone && self.in_multi => {
                self.in_multi = false;
                if name == b"discard" || !fine || *reply == Value::Null {
                    (self.db, self.target.db) = (self.db_before_multi, self.db_before_multi);
                }
            }
            b"reset" if fine && lone => {
                self.in_multi = false;
                self.target.resp3 = false;
                (self.db, self.target.db) = (0, 0);
            }
            b"hello" if fine && words.len() > 1 => self.target.resp3 = words[1] == b"3",
            _ => {}
        }
    }
}

/// Commands whose reply is a text for people: shown as it is in every form.
pub fn is_made_to_be_read(words: &[Vec<u8>]) -> bool {
    let n = words.len();
    let is = |name: &str, subs: &[&str]| word_is(words, 0, name) && subs.iter().any(|sub| word_is(words, 1, sub));
    word_is(words, 0, "info")
        || word_is(words, 0, "lolwut")
        || is("debug", &["htstats", "htstats-key"])
        || is("memory", &["malloc-stats", "doctor"])
        || n == 2 && is("cluster", &["nodes", "info"])
        || is("client", &["list", "info"])
        || n == 3 && is("latency", &["graph"])
        || n == 2 && is("latency", &["doctor"])
        || is("proxy", &["info"])
}
