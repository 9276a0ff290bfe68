//! `redis://[[user:]password@]host[:port][/db]`, `rediss://` for TLS, `unix://[[user:]password@]/path[?db=N]`; parts may
//! be percent-encoded. What the URI does not say stays as it was. Matches redis-cli 7.0's `-u`, which takes a single word
//! before the `@` for the password; `valkey://` and `valkeys://` mean the same.

use super::{Addr, Target};
use percent_encoding::percent_decode_str;

/// Sets in `target` what `uri` says. The error is a sentence for the user.
pub fn apply(uri: &str, target: &mut Target) -> Result<(), String> {
    let (scheme, rest) = uri.split_once("://").ok_or("Invalid URI scheme")?;
    match scheme.to_ascii_lowercase().as_str() {
        // As redis-cli: a scheme without TLS does not take back a flag that asked for it.
        "redis" | "valkey" => {}
        "rediss" | "valkeys" => target.tls.on = true,
        "unix" | "redis+unix" => return unix(rest, target),
        _ => return Err("Invalid URI scheme".into()),
    }
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let rest = credentials(rest, target)?;
    let (place, path) = rest.split_once('/').map_or((rest, ""), |(place, path)| (place, path));
    let (mut host, mut port) = match &target.addr {
        Addr::Tcp { host, port } => (host.clone(), *port),
        Addr::Unix(_) => ("127.0.0.1".into(), 6379),
    };
    // An IPv6 address stands in brackets, for it has colons of its own.
    let (name, number) = match place.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((name, after)) => (name, after.strip_prefix(':')),
        None => place.rsplit_once(':').map_or((place, None), |(name, number)| (name, Some(number))),
    };
    if !name.is_empty() {
        host = text(name)?;
    }
    if let Some(number) = number.filter(|number| !number.is_empty()) {
        port = number.parse().map_err(|_| format!("Invalid port in the URI: {number}"))?;
    }
    if !path.is_empty() {
        target.db = database(path)?;
    }
    target.addr = Addr::Tcp { host, port };
    self::query(query, target)
}

fn unix(rest: &str, target: &mut Target) -> Result<(), String> {
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let path = credentials(rest, target)?;
    if path.is_empty() {
        return Err("A unix:// URI needs the path of a socket".into());
    }
    target.addr = Addr::Unix(text(path)?.into());
    target.tls.on = false;
    self::query(query, target)
}

fn query(query: Option<&str>, target: &mut Target) -> Result<(), String> {
    for (name, value) in query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "db" => target.db = database(value)?,
            "protocol" => target.resp3 = value == "3",
            other => return Err(format!("Unknown parameter in the URI: {other}")),
        }
    }
    Ok(())
}

/// Takes what stands before an `@`, and returns the rest.
fn credentials<'a>(rest: &'a str, target: &mut Target) -> Result<&'a str, String> {
    let Some((who, rest)) = rest.rsplit_once('@') else { return Ok(rest) };
    let bytes = |part: &str| percent_decode_str(part).collect::<Vec<u8>>();
    match who.split_once(':') {
        Some((user, password)) => {
            target.user = (!user.is_empty()).then(|| bytes(user));
            target.password = Some(bytes(password));
        }
        None => target.password = Some(bytes(who)),
    }
    Ok(rest)
}

fn database(digits: &str) -> Result<u32, String> {
    digits.trim_end_matches('/').parse().map_err(|_| format!("Invalid database number in the URI: {digits}"))
}

fn text(part: &str) -> Result<String, String> {
    percent_decode_str(part).decode_utf8().map(|text| text.into_owned()).map_err(|_| "The URI is not UTF-8".into())
}

/// True if a command-line word looks like a URI that [`apply`] takes.
pub fn looks_like_one(word: &str) -> bool {
    word.split_once("://").is_some_and(|(scheme, _)| {
        ["redis", "rediss", "valkey", "valkeys", "unix", "redis+unix"].contains(&scheme.to_ascii_lowercase().as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(uri: &str) -> Result<(String, Option<String>, Option<String>, bool), String> {
        let mut target = Target::default();
        apply(uri, &mut target)?;
        let text = |part: &Option<Vec<u8>>| part.as_ref().map(|p| String::from_utf8_lossy(p).into_owned());
        Ok((format!("{}/{}", target.addr, target.db), text(&target.user), text(&target.password), target.tls.on))
    }

    #[test]
    fn uris() {
        let some = |text: &str| Some(text.to_owned());
        for (uri, place, user, password, tls) in [
            ("redis://", "127.0.0.1:6379/0", None, None, false),
            ("redis://host", "host:6379/0", None, None, false),
            ("rediss://host:7000/3", "host:7000/3", None, None, true),
            ("redis://:7000", "127.0.0.1:7000/0", None, None, false),
            ("redis://p%40ss@host/1", "host:6379/1", None, some("p@ss"), false),
            ("redis://u%3a:p@h:1", "h:1/0", some("u:"), some("p"), false),
            ("redis://:p@h", "h:6379/0", None, some("p"), false),
            ("redis://u:p@x@[::1]:80/2", "[::1]:80/2", some("u"), some("p@x"), false),
            ("unix:///tmp/a.sock", "/tmp/a.sock/0", None, None, false),
            ("unix://u:p@/tmp/a%20b?db=4", "/tmp/a b/4", some("u"), some("p"), false),
        ] {
            assert_eq!(parsed(uri), Ok((place.to_owned(), user, password, tls)), "{uri}");
        }
        for uri in
            ["", "host:1", "http://a", "redis://h:x", "redis://h:99999", "redis://h/x", "unix://", "redis://h?a=b"]
        {
            assert!(parsed(uri).is_err(), "{uri}");
        }
    }
}
