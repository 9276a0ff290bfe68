//! Scripts and functions: Lua 5.1 as Redis embeds it.
//!
//! There are two machines for all workers, one for scripts and one for functions, each made when it is first needed and
//! dropped when it is flushed. Whoever runs one has the whole keyspace (the raised gate, or the single worker's turn), so
//! that a script is atomic whatever it touches, and two never run at once; a mutex says so to the compiler.
//!
//! While a script runs, the worker that runs it is lent to the machine: `redis.call` is a function without a stack of
//! callers to borrow from, so it finds the worker in the [`host`].
//!
//! | file | |
//! |---|---|
//! | `prelude.lua` | what scripts see, on their side |
//! | `natives` | what stands in front of Lua's own functions; `redis.call`; a script's run from its words to its reply |
//! | `vm` | a machine: built, asked to compile, run, stopped |
//! | `host` | what scripts ask of the server: `redis.call` and the rest of that table |
//! | `refusals` | what the server's state speaks against |
//! | `convert` | what Lua's numbers and texts become |
//! | `cache`, `functions` | the scripts known by their digests; the libraries |
//! | `args`, `bits`, `cjson`, `msgpack`, `packing`, `pattern` | the libraries that scripts have |

pub mod args;
mod bits;
pub mod cache;
mod cjson;
pub mod convert;
pub mod functions;
pub mod host;
mod msgpack;
pub mod natives;
mod packing;
pub mod pattern;
pub mod refusals;
pub mod running;
pub mod shebang;
pub mod vm;

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// All that scripts keep between calls.
#[derive(Default)]
pub struct Scripts {
    pub scripts: Mutex<cache::Cache>,
    pub functions: Mutex<functions::Functions>,
    pub running: Arc<running::Running>,
    pub figures: Figures,
}

/// What INFO shows, readable while a script runs.
#[derive(Default)]
pub struct Figures {
    pub scripts: AtomicU64,
    pub script_bytes: AtomicU64,
    pub evicted: AtomicU64,
    pub script_vm_bytes: AtomicU64,
    pub libraries: AtomicU64,
    pub functions: AtomicU64,
    pub function_bytes: AtomicU64,
    pub function_vm_bytes: AtomicU64,
}
