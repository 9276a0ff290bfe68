//! Users and what they may do (ACL, as Redis 7.4; shown as 8.0 shows it).
//!
//! - [`selector`]  one set of commands, keys and channels: its rules, their text, their verdict;
//! - [`rules`]     a user: on or off, passwords, selectors;
//! - [`mod@file`]      lines of ACL files and of the configuration;
//! - [`log`]       what was refused.
//!
//! Who may do everything pays nothing: a client whose user is limited carries [`flag::LIMITED`], one of the flags that make
//! dispatch look closer at a command anyway. The flag follows from the user's rules; it changes under the same lock as these and
//! as a client's user, so it is never behind them.

pub mod file;
pub mod log;
pub mod rules;
pub mod selector;
#[cfg(test)]
mod tests;

use super::clients::{Client, flag};
use super::config::PubsubDefault;
use super::errors::Error;
use super::session::Session;
use super::table::Command;
use super::{Engine, client_filter};
use crate::resp::Args;
use log::{Context, Entry, Log, Reason};
use parking_lot::{Mutex, RwLock};
use rules::Rules;
use selector::Denied;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The user that connections begin as.
pub const DEFAULT_USER: &[u8] = b"default";

pub struct User {
    pub name: Vec<u8>,
    rules: RwLock<Arc<Rules>>,
}

impl User {
    fn new(name: &[u8], rules: Rules) -> Arc<User> {
        Arc::new(User { name: name.to_vec(), rules: RwLock::new(Arc::new(rules)) })
    }

    pub fn rules(&self) -> Arc<Rules> {
        self.rules.read().clone()
    }
}

pub struct Acl {
    users: RwLock<BTreeMap<Vec<u8>, Arc<User>>>,
    default: Arc<User>,
    /// The default user is on and needs no password.
    open: AtomicBool,
    /// Held while rules, or the user of a client, change.
    changing: Mutex<()>,
    pub log: Mutex<Log>,
    /// Refusals: of commands, keys, channels, logins.
    pub denied: [AtomicU64; 4],
}

impl Default for Acl {
    fn default() -> Acl {
        let default = User::new(DEFAULT_USER, Rules::all_powerful());
        Acl {
            users: RwLock::new(BTreeMap::from([(DEFAULT_USER.to_vec(), default.clone())])),
            default,
            open: AtomicBool::new(true),
            changing: Mutex::new(()),
            log: Mutex::default(),
            denied: Default::default(),
        }
    }
}

impl Acl {
    /// True if connections need no password to begin with.
    pub fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// True if any password will do for the default user, on or off.
    pub fn needs_no_password(&self) -> bool {
        self.default.rules().no_password
    }

    pub fn user(&self, name: &[u8]) -> Option<Arc<User>> {
        self.users.read().get(name).cloned()
    }

    /// Everyone, by name.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.users.read().values().cloned().collect()
    }

    /// The user of a session.
    pub fn user_of(&self, session: &Session) -> Arc<User> {
        session.user.as_ref().unwrap_or(&self.default).clone()
    }

    /// Makes a session the default user's, as connections begin and as RESET leaves them.
    pub fn begin(&self, session: &mut Session) {
        let _lock = self.changing.lock();
        session.authenticated = self.is_open();
        self.assign(session, None);
    }

    fn assign(&self, session: &mut Session, user: Option<Arc<User>>) {
        let rules = user.as_ref().unwrap_or(&self.default).rules();
        session.client.about.lock().user = user.as_ref().map_or(DEFAULT_USER, |u| &u.name).to_vec();
        session.client.set_flag(flag::LIMITED, !rules.allows_everything());
        session.user = user;
    }

    /// Logs a session in; false if the password is wrong, or the user is off or not there.
    pub fn login(&self, session: &mut Session, name: &[u8], password: &[u8]) -> bool {
        let _lock = self.changing.lock();
        // For an unknown user the same work is done as for one without passwords.
        let user = self.user(name);
        let rules = user.as_ref().map_or_else(|| Arc::new(Rules::new(false)), |u| u.rules());
        let right = rules.accepts(password);
        if right {
            session.authenticated = true;
            self.assign(session, user.filter(|u| !Arc::ptr_eq(u, &self.default)));
        }
        right
    }

    // ---- changing users ----------------------------------------------------------------------------------------------

    /// Gives a user rules, in force from the next command of each of its clients on.
    fn put(&self, engine: &Engine, name: &[u8], rules: Rules) {
        if let Some(old) = self.user(name) {
            self.cut_listeners(engine, name, &old.rules(), &rules);
        }
        if name == DEFAULT_USER {
            self.open.store(rules.on && rules.no_password, Relaxed);
        }
        let limited = !rules.allows_everything();
        let known = self.user(name);
        match known {
            Some(user) => *user.rules.write() = Arc::new(rules),
            None => {
                self.users.write().insert(name.to_vec(), User::new(name, rules));
            }
        }
        for client in engine.clients.list() {
            if client.about.lock().user == name {
                client.set_flag(flag::LIMITED, limited);
            }
        }
    }

    /// ACL SETUSER: all rules or none. The error is a sentence.
    pub fn set_user<W: AsRef<[u8]>>(&self, engine: &Engine, name: &[u8], rules: &[W]) -> Result<(), Error> {
        let _lock = self.changing.lock();
        let merged = rules::merge_selectors(rules)
            .map_err(|open| Error::quoting("Unmatched parenthesis in acl selector starting at '", &open, "'."))?;
        let all_channels = all_channels(engine);
        let mut new = self.user(name).map_or_else(|| Rules::new(all_channels), |u| (*u.rules()).clone());
        for rule in &merged {
            new.apply(rule, all_channels)
                .map_err(|e| Error::quoting("Error in ACL SETUSER modifier '", rule, &format!("': {}", e.text())))?;
        }
        self.put(engine, name, new);
        Ok(())
    }

    /// `requirepass`: the default user's only password, or none needed.
    pub fn set_default_password(&self, engine: &Engine, password: &[u8]) {
        let _lock = self.changing.lock();
        let mut rules = (*self.default.rules()).clone();
        let word = if password.is_empty() { b"nopass".to_vec() } else { [b">", password].concat() };
        // Neither can be refused.
        let _ = rules.apply(b"resetpass", false).and_then(|()| rules.apply(&word, false));
        self.put(engine, DEFAULT_USER, rules);
    }

    /// Removes a user and cuts its clients off, `session` after its reply. False if there is none of this name.
    pub fn delete(&self, engine: &Engine, name: &[u8], session: &mut Session) -> bool {
        let _lock = self.changing.lock();
        let removed = self.users.write().remove(name);
        if let Some(user) = &removed {
            banish(engine, user, session);
        }
        removed.is_some()
    }

    /// Replaces all users by those of a file (ACL LOAD). Clients of users that stay, stay.
    fn replace_all(&self, engine: &Engine, mut users: BTreeMap<Vec<u8>, Rules>, session: &mut Session) {
        let _lock = self.changing.lock();
        users.entry(DEFAULT_USER.to_vec()).or_insert_with(Rules::all_powerful);
        let gone: Vec<Arc<User>> = self.users().into_iter().filter(|u| !users.contains_key(&u.name)).collect();
        for user in gone {
            self.users.write().remove(&user.name);
            banish(engine, &user, session);
        }
        for (name, rules) in users {
            self.put(engine, &name, rules);
        }
    }

    /// Cuts off clients that listen to what the user's new rules do not allow any more.
    fn cut_listeners(&self, engine: &Engine, name: &[u8], old: &Rules, new: &Rules) {
        let listens_to_all = |r: &Rules| r.selectors().iter().any(|s| s.has_all_channels());
        let kept = |c: &Vec<u8>| new.selectors().iter().any(|s| s.channels().contains(c));
        let superset = !listens_to_all(old) && old.selectors().iter().flat_map(|s| s.channels()).all(kept);
        if listens_to_all(new) || superset {
            return;
        }
        engine.pubsub.each_listener(|channel, is_pattern, client| {
            if !new.may_listen(channel, is_pattern) && client.about.lock().user == name {
                client.post(|m| m.kill = Some(false));
            }
        });
    }

    // ---- deciding ----------------------------------------------------------------------------------------------------

    /// Whether a session's user may run a command with these words. A refusal is counted and logged.
    #[inline]
    pub fn check(
        &self,
        engine: &Engine,
        session: &Session,
        command: &Command,
        args: Args<'_>,
        (context, now_ms): (Context, i64),
    ) -> Result<(), Refusal> {
        if !session.client.has(flag::LIMITED) {
            return Ok(());
        }
        self.check_limited(engine, session, command, args, (context, now_ms))
    }

    #[cold]
    fn check_limited(
        &self,
        engine: &Engine,
        session: &Session,
        command: &Command,
        args: Args<'_>,
        (context, now_ms): (Context, i64),
    ) -> Result<(), Refusal> {
        let user = self.user_of(session);
        let Err(denied) = user.check(command, args) else { return Ok(()) };
        let (reason, object) = match denied {
            Denied::Command => (Reason::Command, command.name.as_bytes()),
            Denied::Key(i) => (Reason::Key, args.at(i)),
            Denied::Channel(i) => (Reason::Channel, args.at(i)),
        };
        self.note(engine, &session.client, Entry::new(reason, context, object, &user.name, now_ms));
        Err(Refusal { denied, user: user.name.clone() })
    }

    /// Counts and logs a refusal.
    pub fn note(&self, engine: &Engine, client: &Client, mut entry: Entry) {
        self.denied[entry.reason as usize].fetch_add(1, Relaxed);
        entry.client = client_filter::line(client, entry.updated_ms, None);
        let most = usize::try_from(engine.config.acllog_max_len.get()).unwrap_or(0);
        self.log.lock().add(entry, most);
    }

    /// Whether the session's user may read every key, for commands that compute names of keys (SORT BY).
    pub fn reads_all_keys(&self, session: &Session, command: &Command, args: Args<'_>) -> bool {
        if !session.client.has(flag::LIMITED) {
            return true;
        }
        self.user_of(session).rules().reads_all_keys(command, args, &positions(command, args))
    }
}

impl User {
    /// Whether this user may run a command with these words.
    pub fn check(&self, command: &Command, args: Args<'_>) -> Result<(), Denied> {
        self.rules().check(command, args, &positions(command, args))
    }
}

/// The command's keys; none if the words make no sense, for then the handler refuses them.
fn positions(command: &Command, args: Args<'_>) -> Vec<super::keyspec::KeyPos> {
    let mut keys = Vec::new();
    if command.keys.any() {
        let _ = command.keys.positions(args, &mut keys);
    }
    keys
}

/// Takes all rights from a user that is gone, for clients that have not noticed yet, and cuts them off.
fn banish(engine: &Engine, user: &User, session: &mut Session) {
    *user.rules.write() = Arc::new(Rules::new(false));
    if session.user.as_ref().is_some_and(|u| u.name == user.name) {
        session.client.set_flag(flag::LIMITED, true);
        session.close = true;
    }
    for client in engine.clients.list() {
        if client.id != session.client.id && client.about.lock().user == user.name {
            client.set_flag(flag::LIMITED, true);
            client.post(|m| m.kill = Some(false));
        }
    }
}

/// What `acl-pubsub-default` says of new users.
fn all_channels(engine: &Engine) -> bool {
    engine.config.acl_pubsub_default.get() == PubsubDefault::Allchannels
}

/// A command that may not run, and whose it is.
#[derive(Debug)]
pub struct Refusal {
    pub denied: Denied,
    pub user: Vec<u8>,
}

impl Refusal {
    /// The sentence for the client itself, which keeps names of keys and channels to itself (Redis 7.2 on).
    pub fn text(&self, command: &Command) -> String {
        match self.denied {
            Denied::Command => self.of_command(command),
            Denied::Key(_) => "No permissions to access a key".to_owned(),
            Denied::Channel(_) => "No permissions to access a channel".to_owned(),
        }
    }

    fn of_command(&self, command: &Command) -> String {
        format!(
            "User {} has no permissions to run the '{}' command",
            crate::base::quoted::quoted(&self.user),
            command.name
        )
    }

    /// The sentence for an administrator (ACL DRYRUN).
    pub fn verbose(&self, command: &Command, args: Args<'_>) -> Vec<u8> {
        let object = |i: usize, kind: &str| {
            let parts: [&[u8]; 6] =
                [b"User ", &self.user, b" has no permissions to access the '", args.at(i), b"' ", kind.as_bytes()];
            parts.concat()
        };
        match self.denied {
            Denied::Command => {
                let parts: [&[u8]; 5] =
                    [b"User ", &self.user, b" has no permissions to run the '", command.name.as_bytes(), b"' command"];
                parts.concat()
            }
            Denied::Key(i) => object(i, "key"),
            Denied::Channel(i) => object(i, "channel"),
        }
    }

    pub fn noperm(&self, command: &Command) -> Error {
        Error::Coded(format!("NOPERM {}", self.text(command)).into())
    }

    /// The same for a command that a script called.
    pub fn in_script(&self, command: &Command) -> Error {
        Error::Err(format!("ACL failure in script: {}", self.text(command)).into())
    }

    /// Inside EXEC: rights were lost since the command was queued.
    pub fn since_queued(&self) -> Error {
        let reason = match self.denied {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key(_) => "no permission to touch the specified keys",
            Denied::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        Error::Coded(
            format!(
                "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command \
                 is no longer allowed for the following reason: {reason}"
            )
            .into(),
        )
    }
}
