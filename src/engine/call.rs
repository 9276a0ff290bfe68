//! What a handler is given. (stub of the worktree `spec`)

use crate::resp::{args::Args, reply::Reply};

pub struct Call<'a> {
    pub args: Args<'a>,
    pub reply: &'a mut Reply,
}
