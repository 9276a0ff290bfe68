//! stand-in
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    Some(line.split(|b| *b == b' ').filter(|w| !w.is_empty()).map(<[u8]>::to_vec).collect())
}
