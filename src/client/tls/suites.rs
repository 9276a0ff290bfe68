//! Which versions and ciphers are spoken: OpenSSL's words for them, on rustls's few.
//!
//! rustls has TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only. What OpenSSL would have beyond that is
//! left out; if nothing is left, that is an error, never a connection with something else than was asked for.

use super::fail;
use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};
use std::io;

/// ring, with the ciphers of TLS 1.2 that `ciphers` (OpenSSL's cipher string) leaves, and those of TLS 1.3 that
/// `ciphersuites` names, best first.
pub fn provider(ciphers: Option<&str>, ciphersuites: Option<&str>) -> io::Result<CryptoProvider> {
    let mut provider = ring::default_provider();
    let all = std::mem::take(&mut provider.cipher_suites);
    let (newer, older): (Vec<_>, Vec<_>) = all.into_iter().partition(|s| matches!(s, SupportedCipherSuite::Tls13(_)));
    provider.cipher_suites = match ciphersuites {
        None => newer,
        Some(list) => named(list, &newer).ok_or_else(|| fail(format!("Failed to configure ciphersuites: {list}")))?,
    };
    provider.cipher_suites.extend(match ciphers {
        None => older,
        Some(list) => chosen(list, &older).ok_or_else(|| fail(format!("Failed to configure ciphers: {list}")))?,
    });
    Ok(provider)
}

/// The versions that a list of `TLSv1.2` and the like names; all if it is empty. Older ones are left out, and named second.
pub fn versions(list: &str) -> io::Result<(Vec<&'static SupportedProtocolVersion>, Vec<String>)> {
    let (mut spoken, mut left_out) = (Vec::new(), Vec::new());
    for word in list.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "tlsv1.2" => spoken.push(&TLS12),
            "tlsv1.3" => spoken.push(&TLS13),
            "tlsv1" | "tlsv1.1" => left_out.push(word.to_owned()),
            _ => {
                return Err(fail(
                    "Invalid tls-protocols specified. Use a combination of 'TLSv1.2' and 'TLSv1.3'.".to_owned(),
                ));
            }
        }
    }
    match (spoken.is_empty(), left_out.is_empty()) {
        (true, true) => Ok((vec![&TLS13, &TLS12], left_out)),
        (true, false) => {
            Err(fail("Invalid tls-protocols specified: TLSv1 and TLSv1.1 are broken, and not spoken here."))
        }
        _ => Ok((spoken, left_out)),
    }
}

/// `ECDHE-RSA-AES128-GCM-SHA256`, `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` and `TLS13_AES_128_GCM_SHA256` alike, as their
/// letters and digits.
fn plain_name(name: &str) -> String {
    let name = name.trim().to_ascii_uppercase().replace("TLS13_", "").replace("WITH_", "").replace("TLS_", "");
    name.replace("_POLY1305_SHA256", "_POLY1305").chars().filter(|c| c.is_ascii_alphanumeric()).collect()
}

fn suite_name(suite: CipherSuite) -> String {
    format!("{suite:?}")
}

/// The suites of a plain list, in its order.
fn named(list: &str, among: &[SupportedCipherSuite]) -> Option<Vec<SupportedCipherSuite>> {
    let mut out: Vec<SupportedCipherSuite> = Vec::new();
    for word in list.split(':') {
        let word = plain_name(word);
        let fitting = among.iter().find(|s| plain_name(&suite_name(s.suite())) == word);
        out.extend(fitting.filter(|s| !out.contains(s)).copied().into_iter().collect::<Vec<_>>());
    }
    Some(out).filter(|out| !out.is_empty())
}

/// The suites of an OpenSSL cipher string: names and groups, added, `-` taken out, `!` taken out for good, `+` moved back.
fn chosen(list: &str, among: &[SupportedCipherSuite]) -> Option<Vec<SupportedCipherSuite>> {
    let mut out: Vec<SupportedCipherSuite> = Vec::new();
    let mut banned: Vec<SupportedCipherSuite> = Vec::new();
    for word in list.split([':', ',', ' ', ';']).filter(|w| !w.is_empty()) {
        let (sign, name) = match word.as_bytes()[0] {
            // Orders by strength and levels of security: all that there are here are strong.
            b'@' => continue,
            sign @ (b'!' | b'-' | b'+') => (sign, &word[1..]),
            _ => (b' ', word),
        };
        let fitting: Vec<_> = among.iter().filter(|s| fits(&suite_name(s.suite()), name)).copied().collect();
        let is_named = |s: &SupportedCipherSuite| fitting.contains(s);
        match sign {
            b'!' => {
                out.retain(|s| !is_named(s));
                banned.extend(fitting);
            }
            b'-' => out.retain(|s| !is_named(s)),
            b'+' => out.sort_by_key(is_named),
            _ => {
                let new: Vec<_> = fitting.into_iter().filter(|s| !out.contains(s) && !banned.contains(s)).collect();
                out.extend(new);
            }
        }
    }
    Some(out).filter(|out| !out.is_empty())
}

/// True if a suite has this name, or belongs to this group (`ECDHE+AESGCM`: to all of these).
fn fits(suite: &str, word: &str) -> bool {
    if plain_name(suite) == plain_name(word) {
        return true;
    }
    word.split('+').all(|group| match group {
        "ALL" | "DEFAULT" | "HIGH" | "ECDH" | "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" | "TLSv1.2" => true,
        "AESGCM" => suite.contains("GCM"),
        "AES" => suite.contains("_AES_"),
        "AES128" => suite.contains("AES_128"),
        "AES256" => suite.contains("AES_256"),
        "CHACHA20" => suite.contains("CHACHA20"),
        "aRSA" => suite.contains("ECDHE_RSA"),
        "aECDSA" | "ECDSA" => suite.contains("ECDHE_ECDSA"),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn older(list: &str) -> Vec<String> {
        let provider = provider(Some(list), Some("TLS_AES_128_GCM_SHA256"));
        let suites = provider.map(|p| p.cipher_suites).unwrap_or_default();
        suites.iter().map(|s| suite_name(s.suite())).filter(|n| !n.starts_with("TLS13")).collect()
    }

    #[test]
    fn cipher_strings() {
        for list in ["ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "aRSA+AES128"] {
            assert_eq!(older(list), ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], "{list}");
        }
        assert_eq!(older("DEFAULT:!MEDIUM:@STRENGTH").len(), 6);
        assert_eq!(older("HIGH:!CHACHA20").len(), 4);
        assert_eq!(older("ECDSA:-AES256:AES256+ECDSA").last().unwrap(), "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
        assert_eq!(older("!AESGCM:ALL").len(), 2);
        assert!(older("RC4:NULL-SHA").is_empty());
        assert!(provider(None, Some("TLS_CHACHA20_POLY1305_SHA256")).is_ok_and(|p| p.cipher_suites.len() == 7));
        assert!(provider(None, Some("TLS_AES_128_CCM_SHA256")).is_err());
    }

    #[test]
    fn versions_are_named_or_refused() {
        assert_eq!(versions("").expect("all").0.len(), 2);
        let (spoken, left_out) = versions("TLSv1.1, tlsv1.3").expect("one of them");
        assert_eq!((spoken.len(), left_out), (1, vec!["TLSv1.1".to_owned()]));
        assert!(versions("TLSv1").is_err());
        assert!(versions("TLSv9").is_err());
    }
}
