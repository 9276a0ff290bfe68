//! Profiles: `cli @prod` takes what `[prod]` of `~/.config/rustredis/cli.toml` (or `RUSTREDIS_CLI_CONFIG`) says.
//!
//! ```toml
//! [prod]
//! uri = "rediss://prod.example:6380/0"
//! user = "ops"
//! password-command = "pass show redis/prod"   # or password-file, or password
//! read-only = true
//! prompt-color = "red"
//! cacert = "/etc/ssl/private-ca.pem"           # cert, key, sni, insecure, cluster likewise
//! ```

use super::session::Failed;
use crate::{
    args::cli::Options,
    client::{Tls, reason, uri},
};
use std::{env, fs, path::PathBuf, process::Command};

fn file() -> Option<PathBuf> {
    if let Some(file) = env::var_os("RUSTREDIS_CLI_CONFIG") {
        return Some(file.into());
    }
    let config = env::var_os("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let config = config.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(config.join("rustredis/cli.toml"))
}

pub fn apply(name: &str, options: &mut Options) -> Result<(), Failed> {
    let file = file().unwrap_or_default();
    let say = |what: String| {
        eprintln!("{}: {what}", file.display());
        Failed
    };
    let missing = |error| say(format!("{}; @{name} stands for what [{name}] of this file says", reason(&error)));
    let text = fs::read_to_string(&file).map_err(missing)?;
    let all: toml::Table = text.parse().map_err(|error: toml::de::Error| say(error.message().to_owned()))?;
    let profile = all.get(name).and_then(toml::Value::as_table).ok_or_else(|| {
        let others: Vec<String> = all.keys().map(|name| format!("@{name}")).collect();
        let others = if others.is_empty() { "none".into() } else { others.join(", ") };
        say(format!("no profile [{name}]; there is {others}"))
    })?;
    set(profile, options).map_err(|what| say(format!("[{name}]: {what}")))
}

fn set(profile: &toml::Table, options: &mut Options) -> Result<(), String> {
    // What the command line says wins, and it has been read: a place of its own stays.
    let given = options.target.clone();
    let usual = crate::client::Target::default();
    if let Some(uri) = profile.get("uri") {
        let uri = uri.as_str().ok_or("uri is no text")?;
        uri::apply(uri, &mut options.target)?;
    }
    for (key, value) in profile {
        let text = || value.as_str().map(str::to_owned).ok_or(format!("{key} is no text"));
        let flag = || value.as_bool().ok_or(format!("{key} is neither true nor false"));
        match key.as_str() {
            "uri" => {}
            "user" => options.target.user = Some(text()?.into_bytes()),
            "password" => options.target.password = Some(text()?.into_bytes()),
            "password-file" => {
                let path = text()?;
                let secret = fs::read(&path).map_err(|error| format!("{path}: {}", reason(&error)))?;
                options.target.password = Some(first_line(&secret));
            }
            "password-command" => {
                let command = text()?;
                let ran = Command::new("sh").args(["-c", &command]).output().map_err(|error| reason(&error))?;
                if !ran.status.success() {
                    return Err(format!("'{command}' failed ({})", ran.status));
                }
                options.target.password = Some(first_line(&ran.stdout));
            }
            "db" => {
                options.target.db = value.as_integer().and_then(|n| u32::try_from(n).ok()).ok_or("db is no number")?
            }
            "read-only" => options.read_only |= flag()?,
            "cluster" => options.cluster |= flag()?,
            "prompt-color" => options.prompt_color = Some(text()?),
            "view" => options.view = options.view.take().or(Some(text()?)),
            "tls" => {
                if flag()? {
                    tls(options);
                }
            }
            "cacert" => tls(options).cacert = Some(text()?.into()),
            "cacertdir" => tls(options).cacertdir = Some(text()?.into()),
            "cert" => tls(options).cert = Some(text()?.into()),
            "key" => tls(options).key = Some(text()?.into()),
            "sni" => tls(options).sni = Some(text()?),
            "insecure" => tls(options).insecure = flag()?,
            other => return Err(format!("unknown key '{other}'")),
        }
    }
    if given.addr != usual.addr {
        options.target.addr = given.addr;
    }
    if given.db != usual.db {
        options.target.db = given.db;
    }
    if given.password.is_some() {
        (options.target.user, options.target.password) = (given.user.or(options.target.user.take()), given.password);
    }
    Ok(())
}

/// A profile that has files for TLS wants TLS.
fn tls(options: &mut Options) -> &mut Tls {
    options.target.tls.on = true;
    &mut options.target.tls
}

fn first_line(text: &[u8]) -> Vec<u8> {
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str) -> Result<Options, String> {
        let mut options = Options::default();
        options.target.password = None;
        set(&text.parse().expect("TOML"), &mut options)?;
        Ok(options)
    }

    #[test]
    fn what_a_profile_says() {
        let o = applied(
            "uri = \"rediss://h:1/2\"\nuser = \"u\"\npassword-command = \"printf 'se\\\\ncret'\"\nread-only = true\n",
        )
        .expect("sound");
        assert_eq!((o.target.addr.to_string(), o.target.db, o.read_only), ("h:1".into(), 2, true));
        assert_eq!((o.target.user, o.target.password), (Some(b"u".to_vec()), Some(b"se".to_vec())));
        assert!(o.target.tls.on);
        for wrong in [
            "nosuch = 1",
            "read-only = 1",
            "uri = 1",
            "password-command = \"false\"",
            "password-file = \"/nosuch\"",
            "db = -1",
        ] {
            assert!(applied(wrong).is_err(), "{wrong}");
        }
    }
}
