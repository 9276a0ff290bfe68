//! stand-in
pub fn write_double(n: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{n}").as_bytes())
}
