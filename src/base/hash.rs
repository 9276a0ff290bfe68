//! The keyed hash of every table. SipHash-1-3 under a key drawn once per process, so that nobody outside can craft
//! keys that collide, not even with SCAN cursors (which reveal hash prefixes) in hand.

use siphasher::sip::SipHasher13;
use std::sync::OnceLock;

static KEYED: OnceLock<SipHasher13> = OnceLock::new();

/// Hash of `bytes` under this process's secret key.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    KEYED.get_or_init(draw).hash(bytes)
}

/// Fixes the key, for tests and simulations that must replay. Without effect once anything was hashed.
pub fn fix_seed(k0: u64, k1: u64) {
    let _ = KEYED.set(SipHasher13::new_with_keys(k0, k1));
}

fn draw() -> SipHasher13 {
    SipHasher13::new_with_keys(crate::base::rng::entropy_u64(), crate::base::rng::entropy_u64())
}
