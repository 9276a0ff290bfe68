//! The options that XADD and XTRIM share.

use crate::base::numbers::parse_i64;
use crate::data::stream::{NewId, RefPolicy, Stream, StreamId, Trim, TrimTo};
use crate::engine::errors::{self, Error};
use crate::resp::Args;

/// What XADD or XTRIM was asked for.
#[derive(PartialEq, Eq, Debug)]
pub struct Options {
    pub to: Option<TrimTo>,
    /// The word that holds the threshold.
    at: usize,
    pub approximate: bool,
    limit: Option<u64>,
    /// The word LIMIT.
    limit_at: usize,
    refs: Option<RefPolicy>,
    pub nomkstream: bool,
    /// XADD: the id, and the word that it is.
    pub id: Option<(NewId, usize)>,
}

/// The word that chooses what becomes of references to entries that go.
pub fn ref_policy(words: Args<'_>, i: usize) -> Option<RefPolicy> {
    [("keepref", RefPolicy::Keep), ("delref", RefPolicy::Delete), ("acked", RefPolicy::Acked)]
        .into_iter()
        .find(|(name, _)| words.is(i, name))
        .map(|(_, policy)| policy)
}

impl Options {
    pub fn parse(words: Args<'_>, xadd: bool) -> Result<Options, Error> {
        let mut o = Options {
            to: None,
            at: 0,
            approximate: false,
            limit: None,
            limit_at: 0,
            refs: None,
            nomkstream: false,
            id: None,
        };
        let mut i = 2;
        while i < words.len() {
            let more = words.len() - 1 - i;
            if xadd && words.at(i) == b"*" {
                o.id = Some((NewId::Auto, i));
                break;
            } else if more > 0 && (words.is(i, "maxlen") || words.is(i, "minid")) {
                i = o.threshold(words, i)?;
            } else if more > 0 && words.is(i, "limit") {
                let limit = parse_i64(words.at(i + 1)).ok_or(Error::NotInteger)?;
                o.limit = Some(u64::try_from(limit).map_err(|_| errors::TRIM_LIMIT)?);
                o.limit_at = i;
                i += 1;
            } else if xadd && words.is(i, "nomkstream") {
                o.nomkstream = true;
            } else if let (None, Some(policy)) = (o.refs, ref_policy(words, i)) {
                o.refs = Some(policy);
            } else if xadd {
                o.id = Some((NewId::parse(words.at(i)).ok_or(errors::STREAM_ID)?, i));
                break;
            } else {
                return Err(Error::Syntax);
            }
            i += 1;
        }
        if o.to.is_none() && o.limit.is_some_and(|n| n > 0) {
            return Err(errors::LIMIT_ALONE);
        }
        if o.to.is_none() && !xadd {
            return Err(errors::NO_TRIM);
        }
        if o.limit.is_some() && !o.approximate {
            return Err(errors::LIMIT_EXACT);
        }
        Ok(o)
    }

    /// Reads what follows MAXLEN or MINID in word `i`; returns the last word read.
    fn threshold(&mut self, words: Args<'_>, mut i: usize) -> Result<usize, Error> {
        if self.to.is_some() {
            return Err(errors::TWO_TRIMS);
        }
        let maxlen = words.is(i, "maxlen");
        self.approximate = false;
        if words.len() - 1 - i >= 2 && matches!(words.at(i + 1), b"~" | b"=") {
            self.approximate = words.at(i + 1) == b"~";
            i += 1;
        }
        i += 1;
        self.at = i;
        self.to = Some(if maxlen {
            let len = parse_i64(words.at(i)).ok_or(Error::NotInteger)?;
            TrimTo::MaxLen(u64::try_from(len).map_err(|_| errors::TRIM_MAXLEN)?)
        } else {
            TrimTo::MinId(StreamId::parse(words.at(i), 0).ok_or(errors::STREAM_ID)?)
        });
        Ok(i)
    }

    /// What is to be trimmed, where a node takes `node_entries`.
    pub fn trim(&self, node_entries: usize) -> Option<Trim> {
        // So that one command does not take long: a hundred nodes, if nothing else is said.
        let usual = match (node_entries as u64).saturating_mul(100) {
            0 => 10_000,
            n => n.min(1_000_000),
        };
        let limit = if self.approximate { self.limit.unwrap_or(usual) } else { 0 };
        Some(Trim { to: self.to?, approximate: self.approximate, limit, refs: self.refs.unwrap_or_default() })
    }

    /// The words for the log: with the id that was given, and the trimming as it turned out.
    pub fn exact_words(&self, words: Args<'_>, id: Option<StreamId>, stream: &Stream) -> Vec<Vec<u8>> {
        let mut out = words.to_vecs();
        if let (Some(id), Some((_, at))) = (id, self.id) {
            out[at] = id.to_string().into_bytes();
        }
        if self.approximate {
            out[self.at - 1] = b"=".to_vec();
            out[self.at] = match self.to {
                Some(TrimTo::MinId(_)) => stream.first_id().to_string(),
                _ => stream.len().to_string(),
            }
            .into_bytes();
            if self.limit.is_some() {
                out.drain(self.limit_at..self.limit_at + 2);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    fn parse(line: &str) -> Result<Options, Error> {
        let owned = OwnedArgs::new(line.split(' '));
        Options::parse(owned.args(), line.starts_with("XADD"))
    }

    #[test]
    fn what_is_understood() {
        let o = parse("XADD k NOMKSTREAM MAXLEN ~ 5 LIMIT 7 * a b").unwrap();
        assert_eq!(o.trim(100).map(|t| (t.to, t.limit)), Some((TrimTo::MaxLen(5), 7)));
        assert_eq!((o.id, o.nomkstream), (Some((NewId::Auto, 8)), true));
        let o = parse("XADD k 5-1 maxlen 3").unwrap();
        assert_eq!((o.id, o.to), (Some((NewId::Exact(StreamId::new(5, 1)), 2)), None));
        let o = parse("XTRIM k MINID 3 DELREF").unwrap();
        assert_eq!(o.trim(0).map(|t| (t.to, t.refs)), Some((TrimTo::MinId(StreamId::new(3, 0)), RefPolicy::Delete)));
        for (entries, limit) in [(0, 10_000), (100, 10_000), (3, 300), (1 << 40, 1_000_000)] {
            assert_eq!(parse("XTRIM k MAXLEN ~ 3").unwrap().trim(entries).map(|t| t.limit), Some(limit));
        }
    }

    #[test]
    fn what_is_refused() {
        for (line, error) in [
            ("XTRIM k MAXLEN 1 MINID 1", errors::TWO_TRIMS),
            ("XTRIM k MAXLEN -1", errors::TRIM_MAXLEN),
            ("XTRIM k MAXLEN ~ 1 LIMIT -1", errors::TRIM_LIMIT),
            ("XTRIM k LIMIT 1", errors::LIMIT_ALONE),
            ("XTRIM k LIMIT 0", errors::NO_TRIM),
            ("XTRIM k MAXLEN 1 LIMIT 0", errors::LIMIT_EXACT),
            ("XTRIM k MAXLEN 1 foo", Error::Syntax),
            ("XTRIM k KEEPREF ACKED MAXLEN 1", Error::Syntax),
            ("XTRIM k MAXLEN = x", Error::NotInteger),
            ("XADD k LIMIT 4 * a b", errors::LIMIT_ALONE),
            ("XADD k + a b", errors::STREAM_ID),
        ] {
            assert_eq!(parse(line), Err(error), "{line}");
        }
    }

    #[test]
    fn the_log_gets_what_happened() {
        let owned = OwnedArgs::new("XADD k MAXLEN ~ 5 LIMIT 7 * a b".split(' '));
        let o = Options::parse(owned.args(), true).unwrap();
        let words = o.exact_words(owned.args(), Some(StreamId::new(9, 8)), &Stream::new());
        assert_eq!(words.join(&b' '), b"XADD k MAXLEN = 0 9-8 a b");
    }
}
