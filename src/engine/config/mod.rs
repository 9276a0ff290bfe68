//! stand-in until the config table lands
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering::Relaxed};
#[derive(Default)]
pub struct Int(AtomicI64);
impl Int {
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed)
    }
}
#[derive(Default)]
pub struct Flag(AtomicBool);
impl Flag {
    pub fn get(&self) -> bool {
        self.0.load(Relaxed)
    }
    pub fn set(&self, on: bool) {
        self.0.store(on, Relaxed)
    }
}
#[derive(Default)]
pub struct Text(parking_lot::RwLock<Vec<u8>>);
impl Text {
    pub fn get(&self) -> String {
        String::from_utf8_lossy(&self.0.read()).into_owned()
    }
    pub fn bytes(&self) -> Vec<u8> {
        self.0.read().clone()
    }
    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }
    pub fn set(&self, text: &[u8]) {
        *self.0.write() = text.to_vec()
    }
}
#[derive(Default)]
pub struct List(parking_lot::RwLock<Vec<Vec<u8>>>);
impl List {
    pub fn get(&self) -> Vec<String> {
        self.0.read().iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect()
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protected {
    No,
    Yes,
    Local,
}
pub struct Choice<E>(AtomicU8, std::marker::PhantomData<E>);
impl<E> Default for Choice<E> {
    fn default() -> Self {
        Choice(AtomicU8::new(0), std::marker::PhantomData)
    }
}
impl Choice<Protected> {
    pub fn get(&self) -> Protected {
        [Protected::No, Protected::Yes, Protected::Local][self.0.load(Relaxed) as usize % 3]
    }
    pub fn set(&self, to: Protected) {
        self.0.store(to as u8, Relaxed)
    }
}
pub struct Policy;
impl Choice<Policy> {
    pub fn name(&self) -> &'static str {
        "noeviction"
    }
}
pub struct Supervised;
impl Choice<Supervised> {
    pub fn name(&self) -> &'static str {
        "no"
    }
}
pub const REDIS_VERSION: &str = "7.4.0";
#[derive(Default)]
pub struct Config {
    pub proto_max_bulk_len: Int,
    pub maxclients: Int,
    pub databases: Int,
    pub client_query_buffer_limit: Int,
    pub requirepass: Text,
    pub port: Int,
    pub hz: Int,
    pub maxmemory: Int,
    pub repl_backlog_size: Int,
    pub bind: List,
    pub maxmemory_policy: Choice<Policy>,
    pub supervised: Choice<Supervised>,
    pub appendonly: Flag,
    pub enable_debug_command: Choice<Protected>,
    pub enable_module_command: Choice<Protected>,
    pub lazyfree_lazy_user_flush: Flag,
}
impl Config {
    pub fn file(&self) -> Option<String> {
        None
    }
}
