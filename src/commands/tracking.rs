//! CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO: what the server remembers for client-side caches.

use crate::base::quoted::quoted;
use crate::engine::call::Call;
use crate::engine::clients::flag;
use crate::engine::errors::Error;
use std::sync::atomic::Ordering::Relaxed;

/// `CLIENT TRACKING ON|OFF [REDIRECT id] [BCAST] [PREFIX prefix …] [OPTIN] [OPTOUT] [NOLOOP]`
pub fn client_tracking(c: &mut Call<'_>) -> Result<(), Error> {
    let (mut redirect, mut options, mut prefixes) = (0, 0, Vec::new());
    let mut i = 3;
    while i < c.args.len() {
        let more = i + 1 < c.args.len();
        match () {
            () if c.args.is(i, "redirect") && more => {
                i += 1;
                if redirect != 0 {
                    return Err(Error::err("A client can only redirect to a single other client"));
                }
                let there = u64::try_from(c.int(i)?).ok().filter(|id| c.engine.clients.get(*id).is_some());
                redirect = there.ok_or(Error::err("The client ID you want redirect to does not exist"))?;
            }
            () if c.args.is(i, "bcast") => options |= flag::BCAST,
            () if c.args.is(i, "optin") => options |= flag::OPTIN,
            () if c.args.is(i, "optout") => options |= flag::OPTOUT,
            () if c.args.is(i, "noloop") => options |= flag::NOLOOP,
            () if c.args.is(i, "prefix") && more => {
                i += 1;
                prefixes.push(c.args.at(i));
            }
            () => return Err(Error::Syntax),
        }
        i += 1;
    }
    if c.args.is(2, "on") {
        check(c, options, &prefixes)?;
        c.session.track(c.engine, redirect, options, &prefixes);
    } else if c.args.is(2, "off") {
        c.session.stop_tracking(c.engine);
    } else {
        return Err(Error::Syntax);
    }
    c.reply.ok();
    Ok(())
}

/// Options that do not go together, or not with how the client tracks already.
fn check(c: &Call<'_>, options: u32, prefixes: &[&[u8]]) -> Result<(), Error> {
    let (asks, is) = (|bits: u32| options & bits != 0, |bits: u32| c.session.client.has(bits));
    if !asks(flag::BCAST) && !prefixes.is_empty() {
        return Err(Error::err("PREFIX option requires BCAST mode to be enabled"));
    }
    if is(flag::TRACKING) && is(flag::BCAST) != asks(flag::BCAST) {
        return Err(Error::err(
            "You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a \
             different mode.",
        ));
    }
    if asks(flag::BCAST) && asks(flag::OPTIN | flag::OPTOUT) {
        return Err(Error::err("OPTIN and OPTOUT are not compatible with BCAST"));
    }
    if asks(flag::OPTIN) && asks(flag::OPTOUT) {
        return Err(Error::err("You can't specify both OPTIN mode and OPTOUT mode"));
    }
    if asks(flag::OPTIN) && is(flag::OPTOUT) || asks(flag::OPTOUT) && is(flag::OPTIN) {
        return Err(Error::err(
            "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a \
             different mode.",
        ));
    }
    if asks(flag::BCAST) {
        let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        for (i, prefix) in prefixes.iter().enumerate() {
            let own = c.session.prefixes.as_ref().and_then(|own| own.iter().find(|old| overlap(prefix, old)));
            if let Some(old) = own {
                return Err(overlapping(prefix, "an existing", old));
            }
            if let Some(other) = prefixes[i + 1..].iter().find(|other| overlap(prefix, other)) {
                return Err(overlapping(prefix, "another provided", other));
            }
        }
    }
    Ok(())
}

fn overlapping(prefix: &[u8], which: &str, other: &[u8]) -> Error {
    let shown = |word: &[u8]| quoted(word.split(|b| *b == 0).next().unwrap_or_default());
    Error::Err(
        format!(
            "Prefix '{}' overlaps with {which} prefix '{}'. Prefixes for a single client must not overlap.",
            shown(prefix),
            shown(other)
        )
        .into(),
    )
}

/// CLIENT CACHING YES|NO: about the keys of the next command.
pub fn client_caching(c: &mut Call<'_>) -> Result<(), Error> {
    let client = &c.session.client;
    if !client.has(flag::TRACKING) {
        return Err(Error::err(
            "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    }
    let (yes, no) = (c.args.is(2, "yes"), c.args.is(2, "no"));
    if yes && !client.has(flag::OPTIN) {
        return Err(Error::err("CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."));
    }
    if no && !client.has(flag::OPTOUT) {
        return Err(Error::err("CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."));
    }
    if !yes && !no {
        return Err(Error::Syntax);
    }
    client.set_flag(flag::CACHING, true);
    c.reply.ok();
    Ok(())
}

/// Whom the messages go to: 0: this connection; -1: it does not track.
pub fn client_getredir(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.int(redirect(c));
    Ok(())
}

fn redirect(c: &Call<'_>) -> i64 {
    let client = &c.session.client;
    if client.has(flag::TRACKING) { client.redirect.load(Relaxed) as i64 } else { -1 }
}

pub fn client_trackinginfo(c: &mut Call<'_>) -> Result<(), Error> {
    let client = c.session.client.clone();
    let shown = [
        (client.has(flag::TRACKING), "on"),
        (!client.has(flag::TRACKING), "off"),
        (client.has(flag::BCAST), "bcast"),
        (client.has(flag::OPTIN), "optin"),
        (client.has(flag::OPTIN) && client.has(flag::CACHING), "caching-yes"),
        (client.has(flag::OPTOUT), "optout"),
        (client.has(flag::OPTOUT) && client.has(flag::CACHING), "caching-no"),
        (client.has(flag::NOLOOP), "noloop"),
        (client.has(flag::BROKEN_REDIRECT), "broken_redirect"),
    ];
    let shown: Vec<&str> = shown.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    c.reply.map(3);
    c.reply.bulk(b"flags");
    c.reply.set(shown.len());
    shown.iter().for_each(|word| c.reply.bulk(word.as_bytes()));
    c.reply.bulk(b"redirect");
    c.reply.int(redirect(c));
    c.reply.bulk(b"prefixes");
    let prefixes = c.session.prefixes.as_deref().map_or(&[][..], |p| p);
    c.reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| c.reply.bulk(prefix));
    Ok(())
}
