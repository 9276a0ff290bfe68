//! The first line of a script: `#!lua name=lib flags=no-writes,allow-oom`.

use crate::base::quoted::quoted;
use crate::engine::errors::Error;
use std::borrow::Cow;

/// What a script, or a function, promises or asks for.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct ScriptFlags(pub u8);

impl ScriptFlags {
    pub const NO_WRITES: ScriptFlags = ScriptFlags(1);
    pub const ALLOW_OOM: ScriptFlags = ScriptFlags(2);
    pub const ALLOW_STALE: ScriptFlags = ScriptFlags(4);
    pub const NO_CLUSTER: ScriptFlags = ScriptFlags(8);
    pub const ALLOW_CROSS_SLOT_KEYS: ScriptFlags = ScriptFlags(16);
    /// It has no first line of this kind: it may do what scripts always could.
    pub const COMPATIBLE: ScriptFlags = ScriptFlags(128);

    pub const NAMES: &[(ScriptFlags, &str)] = &[
        (ScriptFlags::NO_WRITES, "no-writes"),
        (ScriptFlags::ALLOW_OOM, "allow-oom"),
        (ScriptFlags::ALLOW_STALE, "allow-stale"),
        (ScriptFlags::NO_CLUSTER, "no-cluster"),
        (ScriptFlags::ALLOW_CROSS_SLOT_KEYS, "allow-cross-slot-keys"),
    ];

    pub fn has(self, other: ScriptFlags) -> bool {
        self.0 & other.0 != 0
    }

    pub fn named(name: &[u8]) -> Option<ScriptFlags> {
        Self::NAMES.iter().find(|(_, n)| n.as_bytes() == name).map(|(f, _)| *f)
    }

    pub fn add(&mut self, other: ScriptFlags) {
        self.0 |= other.0;
    }
}

fn refuse<T>(text: String) -> Result<T, Error> {
    Err(Error::Err(Cow::Owned(text)))
}

/// Takes the first line of an EVAL script apart. The code is what follows it, its line end included, so that lines keep their
/// numbers.
pub fn of_script(text: &[u8]) -> Result<(ScriptFlags, &[u8]), Error> {
    if !text.starts_with(b"#!") {
        return Ok((ScriptFlags::COMPATIBLE, text));
    }
    let Some(end) = memchr::memchr(b'\n', text) else {
        return refuse("Invalid script shebang".into());
    };
    let (line, code) = text.split_at(end);
    let mut words = split(line);
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return refuse(format!("Unexpected engine in script shebang: {}", quoted(engine)));
    }
    let mut flags = ScriptFlags::default();
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return refuse(format!("Unknown lua shebang option: {}", quoted(word)));
        };
        for name in list.split(|b| *b == b',').filter(|n| !n.is_empty()) {
            match ScriptFlags::named(name) {
                Some(flag) => flags.add(flag),
                None => return refuse(format!("Unexpected flag in script shebang: {}", quoted(name))),
            }
        }
    }
    Ok((flags, code))
}

/// Takes the first line of a library apart: its name, and the code as above.
pub fn of_library(text: &[u8]) -> Result<(String, &[u8]), Error> {
    if !text.starts_with(b"#!") {
        return refuse("Missing library metadata".into());
    }
    let Some(end) = memchr::memchr(b'\n', text) else {
        return refuse("Invalid library metadata".into());
    };
    let (line, code) = text.split_at(end);
    let mut words = split(line);
    let engine = words.next().unwrap_or_default().strip_prefix(b"#!").unwrap_or_default();
    let mut name = None;
    for word in words {
        let Some(given) = word.strip_prefix(b"name=") else {
            return refuse(format!("Invalid metadata value given: {}", quoted(word)));
        };
        if name.is_some() {
            return refuse("Invalid metadata value, name argument was given multiple times".into());
        }
        name = Some(given);
    }
    let Some(name) = name else { return refuse("Library name was not given".into()) };
    if !is_name(name) {
        return refuse(LIBRARY_NAME.into());
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return refuse(format!("Engine '{}' not found", quoted(engine)));
    }
    Ok((String::from_utf8_lossy(name).into_owned(), code))
}

const LIBRARY_NAME: &str =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// Letters, digits and underscores: what libraries and functions may be called.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| matches!(b, b' ' | b'\t' | b'\r')).filter(|w| !w.is_empty())
}
