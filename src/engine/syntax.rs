//! The arguments of a command: the small language of a row's `syntax` column, and the familiar line that users see.
//!
//! | written | meaning |
//! |---|---|
//! | `value` | a string |
//! | `count:int`, `:double`, `:time`, `:pattern`, `:string` | a word of another type (`time`: Unix time) |
//! | `src:key1`, `by:pattern1` | a key, or a pattern of keys, found by key spec 1; a plain `key` is `key:key0` |
//! | `COUNT count:int` | a token in front of a value |
//! | `NX` | a token alone; its name is the token in lower case |
//! | `change=CH`, `equal='='` | a token alone with a name of its own; in quotes if it is no upper-case word |
//! | `unit<M\|KM>` | one of these |
//! | `limit(offset:int count:int)` | these, one after the other |
//! | `[…]` | optional |
//! | `key...` | once or more |
//! | `PREFIX... prefix` | once or more, each with its token |
//! | `GET@6.2.0` | since that version |
//! | `old-format!2.8.12` | deprecated since that version |
//!
//! Parsed when somebody asks (COMMAND DOCS, hints, README), not at start. What results is COMMAND DOCS's argument tree.

use std::borrow::Cow;

/// What an argument is; the names are COMMAND DOCS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Key => "key",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }
}

/// One argument, with those inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg<'t> {
    pub name: Cow<'t, str>,
    pub kind: Kind,
    pub token: Option<&'t str>,
    pub since: Option<&'t str>,
    pub deprecated_since: Option<&'t str>,
    pub optional: bool,
    pub multiple: bool,
    /// Repeated together with its token.
    pub multiple_token: bool,
    /// Which of the row's key specs finds it.
    pub key_spec: Option<u8>,
    pub args: Vec<Arg<'t>>,
}

/// Parses a row's `syntax` column. The error tells where it stopped making sense.
pub fn parse(text: &str) -> Result<Vec<Arg<'_>>, String> {
    let mut p = Parser { text, at: 0 };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let args = p.list(' ')?;
    if p.at < text.len() { Err(p.stuck("the end")) } else { Ok(args) }
}

/// The line that users know: `key value [NX|XX] [GET] [EX seconds|PX milliseconds]`.
pub fn usage(args: &[Arg<'_>]) -> String {
    args.iter().map(|a| show(a, false)).collect::<Vec<_>>().join(" ")
}

/// One argument; `bare` inside a choice, where brackets are already around it.
fn show(arg: &Arg<'_>, bare: bool) -> String {
    let inner = match arg.kind {
        Kind::PureToken => String::new(),
        Kind::OneOf => {
            let choices = arg.args.iter().map(|a| show(a, true)).collect::<Vec<_>>().join("|");
            // An optional choice has its brackets already.
            if (arg.optional && arg.token.is_none()) || bare { choices } else { format!("<{choices}>") }
        }
        Kind::Block => usage(&arg.args),
        _ => arg.name.to_string(),
    };
    let token = arg.token.map(|t| if t.is_empty() { "\"\"" } else { t });
    let once = [token.unwrap_or(""), &inner].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ");
    let all = match (arg.multiple, arg.multiple_token) {
        (false, _) => once,
        (true, true) => format!("{once} [{once} ...]"),
        (true, false) => format!("{once} [{inner} ...]"),
    };
    if arg.optional { format!("[{all}]") } else { all }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    /// Arguments with `between` between them, up to a closing bracket or the end.
    fn list(&mut self, between: char) -> Result<Vec<Arg<'t>>, String> {
        let mut args = vec![self.arg()?];
        while self.eat(between) {
            args.push(self.arg()?);
        }
        Ok(args)
    }

    fn arg(&mut self) -> Result<Arg<'t>, String> {
        if self.eat('[') {
            let mut arg = self.arg()?;
            arg.optional = true;
            return self.expect(']').map(|()| arg);
        }
        let mut arg = match self.token()? {
            Some(token) => {
                let multiple_token = self.eat_text("...");
                let valued =
                    self.rest().strip_prefix(' ').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_lowercase()));
                if valued {
                    self.at += 1;
                    let mut arg = self.named()?;
                    arg.token = Some(token);
                    (arg.multiple, arg.multiple_token) = (multiple_token, multiple_token);
                    arg
                } else {
                    let mut arg = blank(Cow::Owned(token.to_ascii_lowercase()), Kind::PureToken);
                    arg.token = Some(token);
                    arg
                }
            }
            None => self.named()?,
        };
        arg.multiple |= self.eat_text("...");
        if self.eat('@') {
            arg.since = Some(self.take(|c| c.is_ascii_digit() || c == '.', "a version")?);
        }
        if self.eat('!') {
            arg.deprecated_since = Some(self.take(|c| c.is_ascii_digit() || c == '.', "a version")?);
        }
        Ok(arg)
    }

    /// An upper-case word or something in quotes, if that is next.
    fn token(&mut self) -> Result<Option<&'t str>, String> {
        if self.eat('\'') {
            let len = self.rest().find('\'').ok_or_else(|| self.stuck("a closing quote"))?;
            let token = &self.rest()[..len];
            self.at += len + 1;
            return Ok(Some(token));
        }
        if !self.rest().starts_with(|c: char| c.is_ascii_uppercase()) {
            return Ok(None);
        }
        self.take(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-', "a token").map(Some)
    }

    /// `name`, and what its type or inside is.
    fn named(&mut self) -> Result<Arg<'t>, String> {
        let name = self.take(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c), "a name")?;
        let mut arg = blank(Cow::Borrowed(name), Kind::String);
        if self.eat('<') {
            (arg.kind, arg.args) = (Kind::OneOf, self.list('|')?);
            self.expect('>')?;
        } else if self.eat('(') {
            (arg.kind, arg.args) = (Kind::Block, self.list(' ')?);
            self.expect(')')?;
        } else if self.eat('=') {
            arg.kind = Kind::PureToken;
            arg.token = Some(self.token()?.ok_or_else(|| self.stuck("a token"))?);
        } else if self.eat(':') {
            let word = self.take(|c| c.is_ascii_lowercase(), "a type")?;
            arg.kind = kind(word).ok_or_else(|| format!("unknown type '{word}'"))?;
            if let Some(digit) = self.rest().chars().next().and_then(|c| c.to_digit(10)) {
                self.at += 1;
                arg.key_spec = Some(digit as u8);
            }
        } else if name == "key" {
            (arg.kind, arg.key_spec) = (Kind::Key, Some(0));
        }
        Ok(arg)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn eat(&mut self, c: char) -> bool {
        let yes = self.rest().starts_with(c);
        self.at += if yes { c.len_utf8() } else { 0 };
        yes
    }

    fn eat_text(&mut self, s: &str) -> bool {
        let yes = self.rest().starts_with(s);
        self.at += if yes { s.len() } else { 0 };
        yes
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.eat(c) { Ok(()) } else { Err(self.stuck(&format!("'{c}'"))) }
    }

    /// The characters that fit, at least one.
    fn take(&mut self, fits: impl Fn(char) -> bool, what: &str) -> Result<&'t str, String> {
        let len = self.rest().find(|c| !fits(c)).unwrap_or(self.rest().len());
        if len == 0 {
            return Err(self.stuck(what));
        }
        let taken = &self.rest()[..len];
        self.at += len;
        Ok(taken)
    }

    fn stuck(&self, wanted: &str) -> String {
        format!("expected {wanted} at '{}'", self.rest())
    }
}

fn blank(name: Cow<'_, str>, kind: Kind) -> Arg<'_> {
    Arg {
        name,
        kind,
        token: None,
        since: None,
        deprecated_since: None,
        optional: false,
        multiple: false,
        multiple_token: false,
        key_spec: None,
        args: Vec::new(),
    }
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "string" => Kind::String,
        "int" => Kind::Integer,
        "double" => Kind::Double,
        "key" => Kind::Key,
        "pattern" => Kind::Pattern,
        "time" => Kind::UnixTime,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_the_line_users_know() {
        for (text, want) in [
            ("", ""),
            (
                "key value [condition<NX|XX>@2.6.12] [GET@6.2.0] [expiration<EX seconds:int|KEEPTTL>]",
                "key value [NX|XX] [GET] [EX seconds|KEEPTTL]",
            ),
            ("key...", "key [key ...]"),
            ("[message]", "[message]"),
            ("[arg...]", "[arg [arg ...]]"),
            ("data(key value)...", "key value [key value ...]"),
            ("[PREFIX... prefix]", "[PREFIX prefix [PREFIX prefix ...]]"),
            ("[WEIGHTS weight:int...]", "[WEIGHTS weight [weight ...]]"),
            ("key where<BEFORE|AFTER> pivot element", "key <BEFORE|AFTER> pivot element"),
            ("[AGGREGATE aggregate<SUM|MIN>]", "[AGGREGATE <SUM|MIN>]"),
            ("[operator<equal='='|approximately='~'>] threshold", "[=|~] threshold"),
            ("a<key|empty-string=''> db:int", "<key|\"\"> db"),
            ("args<host-port(host port:int)|no-one(NO ONE)>", "<host port|NO ONE>"),
        ] {
            assert_eq!(usage(&parse(text).unwrap()), want, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [" ", "a b ", "[a", "a]", "a<", "a<>", "x:nosuch", "x:", "a=b", "'*", "a@", "a  b", "Ab", "é"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
