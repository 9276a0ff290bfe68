//! Targets and thresholds: `p99<1ms,errors<0.1%` of a search, `rps>=0.95,p99<=1.1` of a comparison.

use std::fmt;

/// What can be bounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// A percentile of response times, 0 to 100.
    Percentile(f64),
    Mean,
    Max,
    /// Per cent of the replies.
    Errors,
    /// Requests a second.
    Rps,
    /// CPU time of the server a request.
    Cpu,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Figure::Percentile(p) => write!(f, "p{p}"),
            Figure::Mean => f.write_str("mean"),
            Figure::Max => f.write_str("max"),
            Figure::Errors => f.write_str("errors"),
            Figure::Rps => f.write_str("rps"),
            Figure::Cpu => f.write_str("cpu"),
        }
    }
}

fn figure(text: &str) -> Option<Figure> {
    Some(match text.trim() {
        "mean" | "avg" => Figure::Mean,
        "max" => Figure::Max,
        "errors" => Figure::Errors,
        "rps" => Figure::Rps,
        "cpu" => Figure::Cpu,
        other => Figure::Percentile(other.strip_prefix('p')?.parse().ok().filter(|p: &f64| (0.0..=100.0).contains(p))?),
    })
}

/// One bound of a service level: in nanoseconds, or in per cent for errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub figure: Figure,
    pub most: f64,
}

/// `p99<1ms,max<50ms,errors<0.1%`: all of them must hold.
pub fn parse_slo(text: &str) -> Result<Vec<Bound>, String> {
    let wrong = || format!("\"{text}\" is no service level, such as p99<1ms or p50<200us,p99.9<5ms,errors<0.1%");
    let bound = |part: &str| {
        let (name, most) = part.split_once('<')?;
        let figure = figure(name).filter(|f| !matches!(f, Figure::Rps | Figure::Cpu))?;
        let most = most.trim_start_matches('=').trim();
        let most = match figure {
            Figure::Errors => most.strip_suffix('%')?.trim().parse().ok()?,
            _ => {
                let unit = most.find(|c: char| c.is_ascii_alphabetic())?;
                let scale = match &most[unit..] {
                    "ns" => 1.0,
                    "us" => 1e3,
                    "ms" => 1e6,
                    "s" => 1e9,
                    _ => return None,
                };
                most[..unit].trim().parse::<f64>().ok()? * scale
            }
        };
        (most > 0.0 && most.is_finite()).then_some(Bound { figure, most })
    };
    text.split(',').map(bound).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty()).ok_or_else(wrong)
}

/// One threshold of a comparison, on the ratio B/A.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    pub figure: Figure,
    pub at_least: bool,
    pub ratio: f64,
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.figure, if self.at_least { ">=" } else { "<=" }, self.ratio)
    }
}

/// `rps>=0.95,p99<=1.1,cpu<=1`.
pub fn parse_thresholds(text: &str) -> Result<Vec<Threshold>, String> {
    let wrong = || format!("\"{text}\" has no thresholds, such as rps>=0.95,p99<=1.1 (ratios B/A)");
    let one = |part: &str| {
        let (name, rest, at_least) = match (part.split_once(">="), part.split_once("<=")) {
            (Some((name, rest)), None) => (name, rest, true),
            (None, Some((name, rest))) => (name, rest, false),
            _ => return None,
        };
        let ratio: f64 = rest.trim().parse().ok().filter(|r: &f64| r.is_finite() && *r > 0.0)?;
        Some(Threshold { figure: figure(name).filter(|f| *f != Figure::Errors)?, at_least, ratio })
    };
    text.split(',').map(one).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_thresholds() {
        assert_eq!(
            parse_slo("p99<1ms, errors<0.1%"),
            Ok(vec![
                Bound { figure: Figure::Percentile(99.0), most: 1e6 },
                Bound { figure: Figure::Errors, most: 0.1 }
            ])
        );
        assert_eq!(parse_slo("max<=2us"), Ok(vec![Bound { figure: Figure::Max, most: 2e3 }]));
        for text in ["", "p99", "p99<1", "p101<1ms", "x<1ms", "p99<0ms", "errors<1", "p99<1ms,", "rps<1ms"] {
            assert!(parse_slo(text).is_err(), "{text}");
        }
        let all = parse_thresholds("rps>=0.95,p99.9<=1.1").expect("two");
        assert_eq!(all.iter().map(ToString::to_string).collect::<Vec<_>>(), ["rps>=0.95", "p99.9<=1.1"]);
        assert!(parse_thresholds("rps>0.9").is_err() && parse_thresholds("errors<=1").is_err());
    }
}
