//! Publish and subscribe: messages to whoever listens, kept nowhere.

use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::help::help;
use crate::engine::pubsub::Kind;
use crate::engine::spec::{BLANK, Spec};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "psubscribe", arity: -2, flags: "pubsub noscript loading stale", group: "pubsub", since: "2.0.0",
        channels: "1..-1 patterns",
        syntax: "pattern:pattern...",
        summary: "Listens to channels that fit patterns.", complexity: "O(N) in the patterns", run: psubscribe, ..BLANK
    },
    Spec {
        name: "publish", arity: 3, flags: "pubsub loading stale fast may_replicate", group: "pubsub", since: "2.0.0",
        channels: "1",
        syntax: "channel message",
        summary: "Sends a message to a channel.", complexity: "O(N+M), N listeners and M patterns", run: publish, ..BLANK
    },
    Spec {
        name: "pubsub", arity: -2, group: "pubsub", since: "2.8.0",
        summary: "Groups the commands that tell about channels.", complexity: "Depends on the subcommand", subs: PUBSUB, ..BLANK
    },
    Spec {
        name: "punsubscribe", arity: -1, flags: "pubsub noscript loading stale", group: "pubsub", since: "2.0.0",
        syntax: "[pattern:pattern...]",
        summary: "Stops listening to patterns, or to all of them.", complexity: "O(N) in the patterns", run: punsubscribe,
        ..BLANK
    },
    Spec {
        name: "spublish", arity: 3, flags: "pubsub loading stale fast may_replicate",
        keys: "1 not_key", channels: "1", group: "pubsub", since: "7.0.0",
        syntax: "shardchannel message",
        summary: "Sends a message to a shard channel.", complexity: "O(N) in the listeners", run: spublish, ..BLANK
    },
    Spec {
        name: "ssubscribe", arity: -2, flags: "pubsub noscript loading stale",
        keys: "1..-1 not_key", channels: "1..-1", group: "pubsub", since: "7.0.0",
        syntax: "shardchannel...",
        summary: "Listens to shard channels.", complexity: "O(N) in the channels", run: ssubscribe, ..BLANK
    },
    Spec {
        name: "subscribe", arity: -2, flags: "pubsub noscript loading stale", group: "pubsub", since: "2.0.0",
        channels: "1..-1",
        syntax: "channel...",
        summary: "Listens to channels.", complexity: "O(N) in the channels", run: subscribe, ..BLANK
    },
    Spec {
        name: "sunsubscribe", arity: -1, flags: "pubsub noscript loading stale",
        keys: "1..-1 not_key", group: "pubsub", since: "7.0.0",
        syntax: "[shardchannel...]",
        summary: "Stops listening to shard channels, or to all of them.", complexity: "O(N) in the channels", run: sunsubscribe,
        ..BLANK
    },
    Spec {
        name: "unsubscribe", arity: -1, flags: "pubsub noscript loading stale", group: "pubsub", since: "2.0.0",
        syntax: "[channel...]",
        summary: "Stops listening to channels, or to all of them.", complexity: "O(N) in the channels", run: unsubscribe, ..BLANK
    },
];

#[rustfmt::skip]
const PUBSUB: &[Spec] = &[
    Spec {
        name: "channels", arity: -2, flags: "pubsub loading stale", group: "pubsub", since: "2.8.0",
        syntax: "[pattern:pattern]",
        summary: "Lists the channels that have listeners.", complexity: "O(N) in the channels", run: pubsub_channels, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "pubsub", since: "6.2.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: pubsub_help, ..BLANK
    },
    Spec {
        name: "numpat", arity: 2, flags: "pubsub loading stale", group: "pubsub", since: "2.8.0",
        summary: "Counts the different patterns listened to.", complexity: "O(1)", run: pubsub_numpat, ..BLANK
    },
    Spec {
        name: "numsub", arity: -2, flags: "pubsub loading stale", group: "pubsub", since: "2.8.0",
        syntax: "[channel...]",
        summary: "Counts the listeners of channels.", complexity: "O(N) in the channels asked for", run: pubsub_numsub, ..BLANK
    },
    Spec {
        name: "shardchannels", arity: -2, flags: "pubsub loading stale", group: "pubsub", since: "7.0.0",
        syntax: "[pattern:pattern]",
        summary: "Lists the shard channels that have listeners.", complexity: "O(N) in the shard channels",
        run: pubsub_shardchannels, ..BLANK
    },
    Spec {
        name: "shardnumsub", arity: -2, flags: "pubsub loading stale", group: "pubsub", since: "7.0.0",
        syntax: "[shardchannel...]",
        summary: "Counts the listeners of shard channels.", complexity: "O(N) in the channels asked for", run: pubsub_shardnumsub,
        ..BLANK
    },
];

/// What a confirmation is called and which subscriptions it counts: shard channels are counted by themselves.
struct Words {
    kind: Kind,
    subscribed: &'static [u8],
    unsubscribed: &'static [u8],
    counted: &'static [Kind],
}

const CHANNEL: Words = Words {
    kind: Kind::Channel,
    subscribed: b"subscribe",
    unsubscribed: b"unsubscribe",
    counted: &[Kind::Channel, Kind::Pattern],
};
const PATTERN: Words =
    Words { kind: Kind::Pattern, subscribed: b"psubscribe", unsubscribed: b"punsubscribe", ..CHANNEL };
const SHARD: Words =
    Words { kind: Kind::Shard, subscribed: b"ssubscribe", unsubscribed: b"sunsubscribe", counted: &[Kind::Shard] };

fn subscribe(c: &mut Call<'_>) -> Result<(), Error> {
    subscribe_to(c, &CHANNEL)
}

fn psubscribe(c: &mut Call<'_>) -> Result<(), Error> {
    subscribe_to(c, &PATTERN)
}

fn ssubscribe(c: &mut Call<'_>) -> Result<(), Error> {
    // The older two may be used in a transaction, because they always could.
    if c.session.internal {
        return Err(Error::SSUBSCRIBE_DENIED);
    }
    subscribe_to(c, &SHARD)
}

fn unsubscribe(c: &mut Call<'_>) -> Result<(), Error> {
    unsubscribe_from(c, &CHANNEL)
}

fn punsubscribe(c: &mut Call<'_>) -> Result<(), Error> {
    unsubscribe_from(c, &PATTERN)
}

fn sunsubscribe(c: &mut Call<'_>) -> Result<(), Error> {
    unsubscribe_from(c, &SHARD)
}

/// One confirmation for each name.
fn subscribe_to(c: &mut Call<'_>, words: &Words) -> Result<(), Error> {
    for name in c.args.iter().skip(1) {
        c.session.subscribe(&c.engine.pubsub, words.kind, name);
        confirm(c, words.subscribed, Some(name), words);
    }
    Ok(())
}

/// One confirmation for each name, or for each that there was; one without a name, if there was none.
fn unsubscribe_from(c: &mut Call<'_>, words: &Words) -> Result<(), Error> {
    if c.args.len() > 1 {
        for name in c.args.iter().skip(1) {
            leave(c, words, name);
        }
        return Ok(());
    }
    let names = c.session.subscriptions.as_ref().map_or_else(Vec::new, |s| s.names(words.kind));
    names.iter().for_each(|name| leave(c, words, name));
    if names.is_empty() {
        confirm(c, words.unsubscribed, None, words);
    }
    Ok(())
}

fn leave(c: &mut Call<'_>, words: &Words, name: &[u8]) {
    if c.session.unsubscribe(&c.engine.pubsub, words.kind, name) {
        // Nothing of this name may come after the confirmation: what is on its way goes first.
        c.post.distribute(c.engine);
        c.session.client.take_output(c.reply);
    }
    confirm(c, words.unsubscribed, Some(name), words);
}

fn confirm(c: &mut Call<'_>, what: &[u8], name: Option<&[u8]>, words: &Words) {
    c.reply.push(3);
    c.reply.bulk(what);
    match name {
        Some(name) => c.reply.bulk(name),
        None => c.reply.null(),
    }
    c.reply.int(c.session.subscribed(words.counted) as i64);
}

/// PUBLISH channel message: how many copies were sent.
fn publish(c: &mut Call<'_>) -> Result<(), Error> {
    let sent = c.engine.pubsub.publish(c.engine, c.post, c.args.at(1), c.args.at(2));
    tell_replicas(c);
    c.reply.int(sent as i64);
    Ok(())
}

/// Replicas have listeners too. The append-only file has none.
fn tell_replicas(c: &mut Call<'_>) {
    if c.ks.journal.logging {
        let db = c.session.db;
        c.ks.access.lane.push_for_replicas(db, c.args.iter());
    }
}

fn spublish(c: &mut Call<'_>) -> Result<(), Error> {
    let sent = c.engine.pubsub.publish_shard(c.engine, c.post, c.args.at(1), c.args.at(2));
    tell_replicas(c);
    c.reply.int(sent as i64);
    Ok(())
}

fn pubsub_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "pubsub")
}

fn pubsub_channels(c: &mut Call<'_>) -> Result<(), Error> {
    active(c, Kind::Channel)
}

fn pubsub_shardchannels(c: &mut Call<'_>) -> Result<(), Error> {
    active(c, Kind::Shard)
}

fn active(c: &mut Call<'_>, kind: Kind) -> Result<(), Error> {
    if c.args.len() > 3 {
        return Err(Error::unknown_or_arity(c.args.at(1), "PUBSUB"));
    }
    let names = c.engine.pubsub.active(kind, c.args.get(2));
    c.reply.array(names.len());
    names.iter().for_each(|name| c.reply.bulk(name));
    Ok(())
}

fn pubsub_numsub(c: &mut Call<'_>) -> Result<(), Error> {
    listeners(c, Kind::Channel)
}

fn pubsub_shardnumsub(c: &mut Call<'_>) -> Result<(), Error> {
    listeners(c, Kind::Shard)
}

/// Name, number, name, number: a flat list in both protocols.
fn listeners(c: &mut Call<'_>, kind: Kind) -> Result<(), Error> {
    let names = c.args.skip(2);
    c.reply.array(2 * names.len());
    for name in names.iter() {
        c.reply.bulk(name);
        c.reply.int(c.engine.pubsub.listeners(kind, name) as i64);
    }
    Ok(())
}

fn pubsub_numpat(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.int(c.engine.pubsub.count(Kind::Pattern) as i64);
    Ok(())
}
