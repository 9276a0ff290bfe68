//! Stub, dropped on integration.
use super::config::{Config, ConfigHooks};
use crate::resp::{Args, Reply};

pub struct Engine {
    pub config: Config,
    pub hooks: Box<dyn ConfigHooks>,
}

pub struct Call<'a> {
    pub args: Args<'a>,
    pub engine: &'a Engine,
    pub reply: &'a mut Reply,
}
