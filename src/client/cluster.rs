//! The slots of a cluster, and where a redirected command has to go.

use crate::{
    base::crc16::{SLOTS, key_slot},
    resp::Value,
};

/// `MOVED 3999 127.0.0.1:6381` or `ASK …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// For this command only, and with ASKING in front of it.
    pub ask: bool,
    pub slot: u16,
    /// Empty: the host that answered.
    pub host: String,
    pub port: u16,
}

impl Redirect {
    pub fn parse(error: &[u8]) -> Option<Redirect> {
        let text = std::str::from_utf8(error).ok()?;
        let (ask, rest) = match text.strip_prefix("MOVED ") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("ASK ")?),
        };
        let (slot, place) = rest.split_once(' ')?;
        // Valkey and Redis 7 may add words behind the address.
        let place = place.split(' ').next()?;
        let (host, port) = place.rsplit_once(':')?;
        let slot = slot.parse().ok().filter(|slot| *slot < SLOTS)?;
        // It is going to be shown, and no host has control characters in its name.
        if host.chars().any(char::is_control) {
            return None;
        }
        Some(Redirect { ask, slot, host: host.to_owned(), port: port.parse().ok()? })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    pub host: String,
    pub port: u16,
    pub id: String,
}

/// Who serves which slot.
#[derive(Clone, Debug, Default)]
pub struct SlotMap {
    /// Primaries.
    pub nodes: Vec<Node>,
    /// Index into `nodes` per slot; `u16::MAX`: nobody.
    owner: Vec<u16>,
}

impl SlotMap {
    /// From the reply to CLUSTER SLOTS; `asked` stands for a host that the server leaves out. `None` if the reply is no
    /// such table.
    pub fn parse(reply: &Value, asked: &str) -> Option<SlotMap> {
        let mut map = SlotMap { nodes: Vec::new(), owner: vec![u16::MAX; usize::from(SLOTS)] };
        for range in reply.items()? {
            let [first, last, primary, ..] = range.items()? else { return None };
            let slot = |value: &Value| value.int().filter(|n| (0..i64::from(SLOTS)).contains(n)).map(|n| n as usize);
            let (first, last) = (slot(first)?, slot(last)?);
            let [host, port, more @ ..] = primary.items()? else { return None };
            let host = match host.text() {
                Some(text) if !text.is_empty() => String::from_utf8_lossy(text).into_owned(),
                _ => asked.to_owned(),
            };
            if host.chars().any(char::is_control) {
                return None;
            }
            let id = more.first().and_then(Value::text).unwrap_or_default();
            let node =
                Node { host, port: u16::try_from(port.int()?).ok()?, id: String::from_utf8_lossy(id).into_owned() };
            let index = match map.nodes.iter().position(|known| *known == node) {
                Some(index) => index,
                None => {
                    map.nodes.push(node);
                    map.nodes.len() - 1
                }
            };
            if first <= last {
                map.owner[first..=last].fill(u16::try_from(index).ok()?);
            }
        }
        Some(map)
    }

    /// The index in `nodes` of the primary of a slot.
    #[inline]
    pub fn index_of_slot(&self, slot: u16) -> Option<usize> {
        self.owner.get(usize::from(slot)).map(|&index| usize::from(index)).filter(|&index| index < self.nodes.len())
    }

    pub fn index_of_key(&self, key: &[u8]) -> Option<usize> {
        self.index_of_slot(key_slot(key))
    }

    /// How many slots have an owner.
    pub fn covered(&self) -> usize {
        self.owner.iter().filter(|&&index| usize::from(index) < self.nodes.len()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections() {
        let to = |ask, slot, host: &str, port| Some(Redirect { ask, slot, host: host.into(), port });
        assert_eq!(Redirect::parse(b"MOVED 3999 127.0.0.1:6381"), to(false, 3999, "127.0.0.1", 6381));
        assert_eq!(Redirect::parse(b"ASK 1 ::1:6381"), to(true, 1, "::1", 6381));
        assert_eq!(Redirect::parse(b"MOVED 1 :6381"), to(false, 1, "", 6381));
        for text in [
            "MOVED",
            "MOVED 1",
            "MOVED x a:1",
            "MOVED 99999 a:1",
            "ASK 1 a:99999",
            "ERR MOVED 1 a:1",
            "MOVED 1 \u{fe}",
            "MOVED 1 \u{1b}[2J:1",
        ] {
            assert_eq!(Redirect::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn tables_of_slots_also_wrong_ones() {
        let parse = |text: &str| SlotMap::parse(&Value::parse(text.replace(' ', "\r\n").as_bytes()).ok()?, "asked");
        let map = parse("*2 *3 :0 :100 *2 $1 a :7000 *3 :101 :16383 *2 $-1 :7001 ").expect("a table");
        assert_eq!(
            map.nodes.iter().map(|n| format!("{}:{}", n.host, n.port)).collect::<Vec<_>>(),
            ["a:7000", "asked:7001"]
        );
        assert_eq!((map.index_of_slot(100), map.index_of_slot(101), map.covered()), (Some(0), Some(1), 16384));
        assert_eq!(parse("*0 ").expect("an empty one").index_of_key(b"x"), None);
        for wrong in [
            ":1 ",
            "*1 :1 ",
            "*1 *3 :0 :99999 *2 $1 a :1 ",
            "*1 *3 :0 :1 *1 $1 a ",
            "*1 *3 :0 :1 *2 $1 a :-1 ",
            "*1 *3 :0 :1 *2 $1 \u{7} :1 ",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
