//! Fuzz tests: whatever bytes come, each reader refuses them or takes them, and what it takes has to hold. Seeded; each target
//! has a corpus in `fixtures/fuzz`. `FUZZ_SECONDS=3600 cargo test --release --test fuzz requests` makes one long.

mod common;

#[path = "fuzz/driver.rs"]
mod driver;
#[path = "fuzz/engine.rs"]
mod engine;
#[path = "fuzz/files.rs"]
mod files;
#[path = "fuzz/scripts.rs"]
mod scripts;
#[path = "fuzz/settings.rs"]
mod settings;
#[path = "fuzz/wire.rs"]
mod wire;
