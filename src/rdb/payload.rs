//! One value by itself: what DUMP gives and RESTORE takes. See the diagram in [`super`].

use super::fault::Why;
use super::kind::ValueKind;
use super::load::{Thresholds, Value, value_of};
use super::target::Target;
use super::write::{self, Encoder, ValueRef};
use crate::base::crc64::crc64;

/// Version and checksum.
const FOOTER: usize = 10;

/// A value that borrows from nothing.
pub enum Owned {
    Text(Vec<u8>),
    Value(Value<'static>),
}

/// Why a payload is refused, as RESTORE says it.
#[derive(Debug)]
pub enum Refusal {
    /// Too short, of a later version, or of another checksum.
    VersionOrChecksum,
    /// Framed well, and not a value that can be taken.
    BadData(Why),
}

/// The payload of a value, in the lowest version that holds it: see [`Target::lowest`].
pub fn dump(value: ValueRef<'_>, with_expiring_fields: Target, compress: bool) -> Vec<u8> {
    dump_for(value, Target::lowest(write::fields_expire(&value), with_expiring_fields), compress)
}

/// The payload for a certain server; `target` must hold the value.
pub fn dump_for(value: ValueRef<'_>, target: Target, compress: bool) -> Vec<u8> {
    let mut encoder = Encoder::new(target, compress);
    let mut out = vec![encoder.kind(&value).byte()];
    encoder.whole_value(value, &mut out);
    out.extend_from_slice(&(target.version() as u16).to_le_bytes());
    let sum = crc64(0, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// The value of a payload of any version known.
pub fn restore(payload: &[u8], limits: &Thresholds) -> Result<Owned, Refusal> {
    let (body, version) = open(payload).ok_or(Refusal::VersionOrChecksum)?;
    let (byte, value) = body.split_first().ok_or(Refusal::BadData(Why::Short))?;
    let kind = ValueKind::of(*byte, version >= 80).ok_or(Refusal::BadData(Why::Type(*byte)))?;
    match value_of(kind, value, limits) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(Refusal::BadData("an empty collection, or a module's value".into())),
        Err(fault) => Err(Refusal::BadData(fault.why)),
    }
}

/// What lies before the footer, and the version in it; `None` unless the version is known and the checksum agrees.
pub fn open(payload: &[u8]) -> Option<(&[u8], u16)> {
    let (body, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER)?)?;
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let stored = u64::from_le_bytes(*footer[2..].first_chunk()?);
    let known = super::read::is_known(u32::from(version), version >= 80);
    (known && stored == crc64(0, &payload[..payload.len() - 8])).then_some((body, version))
}
