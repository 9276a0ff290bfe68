//! INFO server and cpu.

use super::{Lines, Source};
use crate::engine::config::REDIS_VERSION;
use crate::engine::os::Cpu;

pub(super) fn server(s: &mut Source<'_>, l: &mut Lines) {
    let (engine, os) = (s.engine, s.engine.os());
    let uptime_s = (s.now_ms - engine.started_ms).max(0) / 1000;
    l.put("redis_version", REDIS_VERSION);
    l.put("rustredis_version", env!("CARGO_PKG_VERSION"));
    l.put("redis_git_sha1", "00000000");
    l.put("redis_git_dirty", 0);
    l.put("redis_build_id", build_id());
    l.put("redis_mode", "standalone");
    l.put("os", os.name());
    l.put("arch_bits", usize::BITS);
    l.put("monotonic_clock", "POSIX clock_gettime");
    l.put("multiplexing_api", if cfg!(target_os = "linux") { "epoll" } else { "kqueue" });
    l.put("atomicvar_api", "rust-builtin");
    // What Redis shows if it was not built by gcc.
    l.put("gcc_version", "0.0.0");
    l.put("process_id", os.process_id());
    l.put("process_supervised", engine.config.supervised.name());
    l.put("run_id", &engine.run_id);
    let (port, tls_port) = (engine.config.port.get(), engine.config.tls_port.get());
    l.put("tcp_port", if port != 0 { port } else { tls_port });
    l.put("server_time_usec", os.now_us());
    l.put("uptime_in_seconds", uptime_s);
    l.put("uptime_in_days", uptime_s / 86_400);
    l.put("hz", engine.config.hz.get());
    l.put("configured_hz", engine.config.hz.get());
    if let Some(ms) = engine.hooks().and_then(|hooks| hooks.shutdown_left_ms()) {
        l.put("shutdown_in_milliseconds", ms);
    }
    l.put("lru_clock", (s.now_ms / 1000) & 0xff_ffff);
    l.put("executable", os.executable());
    l.put("config_file", engine.config.file().unwrap_or_default());
    // Valkey's.
    if !engine.config.availability_zone.is_empty() {
        l.put("availability_zone", engine.config.availability_zone.get());
    }
    l.put("io_threads_active", u8::from(engine.workers.read().len() > 1));
    let binds: String = engine.config.bind.get().iter().map(|b| format!("bind={b},")).collect();
    let unix = engine.config.unixsocket.get();
    let mut listeners = Vec::new();
    for (name, port) in [("tcp", port), ("tls", tls_port)] {
        if port != 0 {
            listeners.push(format!("name={name},{binds}port={port}"));
        }
    }
    if !unix.is_empty() {
        listeners.push(format!("name=unix,bind={unix}"));
    }
    for (i, text) in listeners.iter().enumerate() {
        l.put(&format!("listener{i}"), text);
    }
}

/// Sixteen digits that differ from version to version.
fn build_id() -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for b in concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).bytes() {
        hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

pub(super) fn cpu(s: &mut Source<'_>, l: &mut Lines) {
    let Cpu { system_us, user_us, children_system_us, children_user_us, thread_system_us, thread_user_us } =
        s.engine.os().cpu();
    for (name, us) in [
        ("used_cpu_sys", system_us),
        ("used_cpu_user", user_us),
        ("used_cpu_sys_children", children_system_us),
        ("used_cpu_user_children", children_user_us),
        // No thread is the main one: this is the worker that answers.
        ("used_cpu_sys_main_thread", thread_system_us),
        ("used_cpu_user_main_thread", thread_user_us),
    ] {
        l.put(name, format_args!("{}.{:06}", us / 1_000_000, us % 1_000_000));
    }
}
