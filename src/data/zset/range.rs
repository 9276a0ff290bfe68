//! Bounds of ranges by score and by member.

use super::leaf::{Probe, Tie};
use super::scored::order;

/// A bound by score; infinities are ordinary scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreEdge {
    Inclusive(f64),
    Exclusive(f64),
}

/// A bound by member, for sorted sets whose scores are all equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LexEdge<'a> {
    /// `-`
    Min,
    /// `+`
    Max,
    Inclusive(&'a [u8]),
    Exclusive(&'a [u8]),
}

/// A place between members: a [`Probe`] before its score was turned into an order.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub score: Option<f64>,
    pub tie: Tie<'a>,
}

impl<'a> Place<'a> {
    /// Where a range begins that has `edge` as its minimum.
    pub fn from_score(edge: ScoreEdge) -> Place<'a> {
        match edge {
            ScoreEdge::Inclusive(s) => Place { score: Some(s), tie: Tie::None },
            ScoreEdge::Exclusive(s) => Place { score: Some(s), tie: Tie::All },
        }
    }

    /// Where a range ends that has `edge` as its maximum.
    pub fn to_score(edge: ScoreEdge) -> Place<'a> {
        match edge {
            ScoreEdge::Inclusive(s) => Place { score: Some(s), tie: Tie::All },
            ScoreEdge::Exclusive(s) => Place { score: Some(s), tie: Tie::None },
        }
    }

    /// Where a range begins that has `edge` as its minimum.
    pub fn from_lex(edge: LexEdge<'a>) -> Place<'a> {
        let tie = match edge {
            LexEdge::Min => Tie::None,
            LexEdge::Max => Tie::All,
            LexEdge::Inclusive(m) => Tie::Below(m),
            LexEdge::Exclusive(m) => Tie::UpTo(m),
        };
        Place { score: None, tie }
    }

    /// Where a range ends that has `edge` as its maximum.
    pub fn to_lex(edge: LexEdge<'a>) -> Place<'a> {
        let tie = match edge {
            LexEdge::Min => Tie::None,
            LexEdge::Max => Tie::All,
            LexEdge::Inclusive(m) => Tie::UpTo(m),
            LexEdge::Exclusive(m) => Tie::Below(m),
        };
        Place { score: None, tie }
    }

    pub fn probe(&self) -> Probe<'a> {
        Probe { order: self.score.map(order), tie: self.tie }
    }
}
