//! # rustredis: the map
//!
//! One binary, five verbs, one protocol and storage core. Imports go downward only, in the order of this table ([`cli`], [`mod@bench`] and
//! [`inspect`] side by side, as are [`aof`] and [`rdb`]); `tests/tidy.rs` enforces it.
//!
//! | room | what is in it | what is *not* in it |
//! |---|---|---|
//! | [`server`] | listener, workers, connection ↔ bytes, cron, boot, logging | what a command means |
//! | [`cli`] | the interactive client and all that redis-cli does | connections, the decoder |
//! | [`mod@bench`] | the load generator: requests made in advance or drawn from mixes, replies counted, latencies; searches, comparisons | connections' handshake, the scanner of replies |
//! | [`inspect`] | `rdb …`, `aof …`: files told, checked, compared, converted, cut | decoding |
//! | [`args`] | every flag of every verb; help, completions and man pages come from it | behaviour |
//! | [`client`] | connections to a server as its clients make them: addresses, URIs, TLS, handshake, slots of a cluster | what is sent, what is shown |
//! | [`commands`] | one file per family: its table of specs on top, its handlers below | sockets, threads, locks |
//! | [`engine`] | spec, dispatch (the list of refusals), call, session, config table, stats, INFO | sockets, threads, files, wall clock |
//! | [`keyspace`] | world (shards, locks, gate), db (the guards), entry, expiry, scan | RESP, clients, configuration |
//! | [`aof`] | the append-only file: manifest, commands with their offsets | running commands, opening files |
//! | [`rdb`] | the format of snapshots and of DUMP: bytes to events, events to values, values to bytes | files, keys' owners |
//! | [`data`] | the segment table and the value types behind their encodings | RESP, sockets, clocks, keys' expiry |
//! | [`resp`] | request parser, reply buffer for RESP2 and RESP3, client-side decoder | commands |
//! | [`base`] | numbers as Redis prints them, glob, units, clock, rng, allocator and its spans, the trait of files, the width of a terminal | everything else |
//!
//! Redis Cluster is not served yet (`cluster_enabled:0`), and needs no wall moved. A key's slot is [`base::crc16::key_slot`]. A
//! command's keys are known and hashed before it takes a lock (`engine/worker/plan`): MOVED and ASK are refusals like the others in
//! `engine/dispatch::refuse`, behind a bit of [`engine::gates`], so that a standalone server pays nothing. Which keys a slot has is
//! an index of each shard's own, beside that of hashes with fields that expire (`keyspace/shard`): entries come and go there in the
//! few places that the cut watches as well, and what is asked of a slot is the sum over shards. Nodes that hold other slots
//! are one more room beside [`server`]'s `replication`, which copies and follows as it does now.
//!
//! `CONTRIBUTING.md` tells the invariants and how each is tested.

// Those who read these pages have the source beside them.
#![allow(rustdoc::private_intra_doc_links)]

pub mod aof;
pub mod args;
pub mod base;
pub mod bench;
pub mod cli;
pub mod client;
pub mod commands;
pub mod data;
pub mod engine;
pub mod inspect;
pub mod keyspace;
pub mod rdb;
pub mod resp;
pub mod server;
