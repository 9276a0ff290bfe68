//! HyperLogLog, kept in a string as Redis keeps it, byte for byte.
//!
//! ```text
//!  0      4          5       8                     16
//!  "HYLL" encoding   unused  cached count, 64le    registers
//!
//!  encoding 0, dense    16384 registers of 6 bits, least significant first, 12288 bytes
//!  encoding 1, sparse   runs:  00nnnnnn           n + 1 registers of 0
//!                              01nnnnnn nnnnnnnn  n + 1 registers of 0
//!                              1vvvvvnn           n + 1 registers of v + 1
//! ```
//!
//! The highest bit of the count says that it is out of date. An element's register is the low 14 bits of its hash, and
//! what it is raised to the number of zeros behind those, plus one.

const HEADER: usize = 16;
const INDEX_BITS: u32 = 14;
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// Hash bits that are left to count zeros in.
const TAIL_BITS: u32 = 64 - INDEX_BITS;
const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;
const SPARSE_MAX_VALUE: u8 = 32;
const SPARSE_MAX_RUN: usize = 4;
const ZERO_MAX_RUN: usize = 64;
const SEED: u64 = 0xadc8_3b19;

/// The string's header is right but its registers are not: `INVALIDOBJ` to users.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt;

/// A run of registers in the sparse form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SparseRun {
    pub value: u8,
    pub len: usize,
    /// Written in two bytes (which only a run of zeros can be).
    pub wide: bool,
}

/// An HLL of nothing, sparse, as PFADD creates it.
pub fn create() -> Vec<u8> {
    let mut hll = Vec::with_capacity(HEADER + 2);
    hll.extend_from_slice(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0");
    put_zeros(&mut hll, REGISTERS);
    hll
}

/// Whether a string is an HLL as far as Redis checks before it touches it.
pub fn is_valid(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER && bytes.starts_with(b"HYLL") && (bytes[4] == 1 || bytes[4] == 0 && bytes.len() == DENSE_LEN)
}

pub fn is_dense(hll: &[u8]) -> bool {
    hll[4] == 0
}

/// The count that the header remembers, if it is up to date.
pub fn cached_count(hll: &[u8]) -> Option<u64> {
    let count = u64::from_le_bytes(hll[8..16].try_into().ok()?);
    (count >> 63 == 0).then_some(count)
}

pub fn set_cached_count(hll: &mut [u8], count: u64) {
    hll[8..16].copy_from_slice(&count.to_le_bytes());
}

/// Marks the remembered count out of date.
pub fn invalidate(hll: &mut [u8]) {
    hll[15] |= 0x80;
}

/// Register and value of an element.
pub fn place_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    let tail = hash >> INDEX_BITS | 1 << TAIL_BITS;
    ((hash & (REGISTERS as u64 - 1)) as usize, tail.trailing_zeros() as u8 + 1)
}

/// Adds an element. True when a register rose; then the remembered count is out of date. A sparse HLL turns dense rather
/// than grow past `sparse_max_bytes` (`hll-sparse-max-bytes`).
pub fn add(hll: &mut Vec<u8>, element: &[u8], sparse_max_bytes: usize) -> Result<bool, Corrupt> {
    let (register, value) = place_of(element);
    raise(hll, register, value, sparse_max_bytes)
}

/// Raises one register.
fn raise(hll: &mut Vec<u8>, register: usize, value: u8, sparse_max_bytes: usize) -> Result<bool, Corrupt> {
    if !is_dense(hll) {
        match sparse_raise(hll, register, value, sparse_max_bytes)? {
            Some(changed) => return Ok(changed),
            None => to_dense(hll)?,
        }
    }
    let changed = dense_get(&hll[HEADER..], register) < value;
    if changed {
        dense_set(&mut hll[HEADER..], register, value);
        invalidate(hll);
    }
    Ok(changed)
}

/// The estimate, computed anew.
pub fn count(hll: &[u8]) -> Result<u64, Corrupt> {
    let mut histogram = [0u32; 64];
    if is_dense(hll) {
        let registers = hll.get(HEADER..DENSE_LEN).ok_or(Corrupt)?;
        for_each_dense(registers, |_, value| histogram[usize::from(value)] += 1);
    } else {
        for run in sparse_runs(hll)? {
            histogram[usize::from(run.value)] += run.len as u32;
        }
    }
    Ok(estimate(&histogram))
}

/// The estimate for registers in the open, as [`merge_into`] gathers them.
pub fn count_registers(registers: &[u8; REGISTERS]) -> u64 {
    let mut histogram = [0u32; 64];
    registers.iter().for_each(|&value| histogram[usize::from(value & 63)] += 1);
    estimate(&histogram)
}

/// Raises `registers` to those of `hll`.
pub fn merge_into(registers: &mut [u8; REGISTERS], hll: &[u8]) -> Result<(), Corrupt> {
    if is_dense(hll) {
        let dense = hll.get(HEADER..DENSE_LEN).ok_or(Corrupt)?;
        for_each_dense(dense, |i, value| registers[i] = registers[i].max(value));
    } else {
        let mut at = 0;
        for run in sparse_runs(hll)? {
            for register in &mut registers[at..at + run.len] {
                *register = (*register).max(run.value);
            }
            at += run.len;
        }
    }
    Ok(())
}

/// Raises `hll` to `registers` (the end of PFMERGE), dense when `dense` asks for it.
pub fn raise_to(
    hll: &mut Vec<u8>,
    registers: &[u8; REGISTERS],
    dense: bool,
    sparse_max_bytes: usize,
) -> Result<(), Corrupt> {
    if dense {
        to_dense(hll)?;
    }
    for (i, &value) in registers.iter().enumerate() {
        if value != 0 {
            raise(hll, i, value, sparse_max_bytes)?;
        }
    }
    invalidate(hll);
    Ok(())
}

/// All registers (PFDEBUG GETREG).
pub fn registers(hll: &[u8]) -> Result<Box<[u8; REGISTERS]>, Corrupt> {
    let mut registers = Box::new([0; REGISTERS]);
    merge_into(&mut registers, hll)?;
    Ok(registers)
}

/// Turns a sparse HLL dense.
pub fn to_dense(hll: &mut Vec<u8>) -> Result<(), Corrupt> {
    if is_dense(hll) {
        return Ok(());
    }
    let mut dense = vec![0; DENSE_LEN];
    dense[..HEADER].copy_from_slice(&hll[..HEADER]);
    dense[4] = 0;
    let mut at = 0;
    for run in sparse_runs(hll)? {
        if run.value != 0 {
            (at..at + run.len).for_each(|i| dense_set(&mut dense[HEADER..], i, run.value));
        }
        at += run.len;
    }
    *hll = dense;
    Ok(())
}

/// The runs of a sparse HLL. They cover the registers exactly.
fn sparse_runs(hll: &[u8]) -> Result<impl Iterator<Item = SparseRun>, Corrupt> {
    let bytes = hll.get(HEADER..).ok_or(Corrupt)?;
    let covered = Runs(bytes).map(|(run, _)| run.map_or(usize::MAX / 2, |run| run.len)).try_fold(0usize, |sum, len| {
        let sum = sum + len;
        (sum <= REGISTERS).then_some(sum)
    });
    if covered != Some(REGISTERS) {
        return Err(Corrupt);
    }
    Ok(Runs(bytes).filter_map(|(run, _)| run))
}

/// The runs as they stand, whatever they cover; a wide run that is cut off ends in the NUL that Redis has behind each string.
pub fn written_runs(hll: &[u8]) -> impl Iterator<Item = SparseRun> {
    let bytes = hll.get(HEADER..).unwrap_or_default();
    let cut = bytes.last().map_or(1, |b| usize::from(b & 63) << 8) + 1;
    Runs(bytes).map(move |(run, _)| run.unwrap_or(SparseRun { value: 0, len: cut, wide: true }))
}

/// Runs and their lengths in bytes; None for a wide run without its second byte.
struct Runs<'a>(&'a [u8]);

impl Iterator for Runs<'_> {
    type Item = (Option<SparseRun>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let (run, size) = match *self.0 {
            [] => return None,
            [b, ..] if b & 0x80 != 0 => {
                (Some(SparseRun { value: (b >> 2 & 31) + 1, len: usize::from(b & 3) + 1, wide: false }), 1)
            }
            [b, ..] if b & 0x40 == 0 => (Some(SparseRun { value: 0, len: usize::from(b) + 1, wide: false }), 1),
            [b, c, ..] => {
                (Some(SparseRun { value: 0, len: (usize::from(b & 63) << 8 | usize::from(c)) + 1, wide: true }), 2)
            }
            [_] => (None, 1),
        };
        self.0 = &self.0[size..];
        Some((run, size))
    }
}

fn put_value(out: &mut Vec<u8>, value: u8, len: usize) {
    out.push(0x80 | (value - 1) << 2 | (len as u8 - 1));
}

fn put_zeros(out: &mut Vec<u8>, len: usize) {
    let n = len - 1;
    if len > ZERO_MAX_RUN {
        out.push(0x40 | (n >> 8) as u8);
    }
    out.push(n as u8);
}

/// Raises a register of a sparse HLL. None when it has to become dense for that.
fn sparse_raise(hll: &mut Vec<u8>, register: usize, value: u8, max_bytes: usize) -> Result<Option<bool>, Corrupt> {
    if value > SPARSE_MAX_VALUE {
        return Ok(None);
    }
    // The run that covers the register, and where the one before it begins.
    let (mut at, mut first, mut before) = (HEADER, 0, None);
    let mut runs = Runs(&hll[HEADER..]);
    let (run, size) = loop {
        let (run, size) = runs.next().ok_or(Corrupt)?;
        let run = run.ok_or(Corrupt)?;
        if register < first + run.len {
            break (run, size);
        }
        before = Some(at);
        at += size;
        first += run.len;
    };
    if run.value >= value {
        return Ok(Some(false));
    }
    let mut new = Vec::with_capacity(5);
    let (left, right) = (register - first, first + run.len - 1 - register);
    let put_rest = |new: &mut Vec<u8>, len| match (len, run.value) {
        (0, _) => {}
        (_, 0) => put_zeros(new, len),
        (_, old) => put_value(new, old, len),
    };
    put_rest(&mut new, left);
    put_value(&mut new, value, 1);
    put_rest(&mut new, right);
    if new.len() > size && hll.len() + new.len() - size > max_bytes {
        return Ok(None);
    }
    hll.splice(at..at + size, new);
    merge_equal(hll, before.unwrap_or(HEADER));
    invalidate(hll);
    Ok(Some(true))
}

/// Joins neighbouring runs of one value among the five from `at` on.
fn merge_equal(hll: &mut Vec<u8>, mut at: usize) {
    for _ in 0..5 {
        let Some((Some(run), size)) = Runs(&hll[at..]).next() else { break };
        if run.value != 0
            && let Some((Some(next), _)) = Runs(&hll[at + 1..]).next()
            && next.value == run.value
            && run.len + next.len <= SPARSE_MAX_RUN
        {
            let mut joined = Vec::with_capacity(1);
            put_value(&mut joined, run.value, run.len + next.len);
            hll.splice(at..at + 2, joined);
        } else {
            at += size;
        }
    }
}

fn dense_get(registers: &[u8], i: usize) -> u8 {
    let (byte, shift) = (i * 6 / 8, i * 6 % 8);
    let high = registers.get(byte + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([registers[byte], high]) >> shift) as u8 & 63
}

fn dense_set(registers: &mut [u8], i: usize, value: u8) {
    let (byte, shift) = (i * 6 / 8, i * 6 % 8);
    let put = |old: u8, mask: u8, bits: u8| old & !mask | bits;
    let (mask, bits) = (63u16 << shift, u16::from(value) << shift);
    registers[byte] = put(registers[byte], mask as u8, bits as u8);
    if let Some(high) = registers.get_mut(byte + 1) {
        *high = put(*high, (mask >> 8) as u8, (bits >> 8) as u8);
    }
}

/// Every register of the dense form; three bytes hold four of them.
fn for_each_dense(registers: &[u8], mut each: impl FnMut(usize, u8)) {
    for (n, chunk) in registers.chunks_exact(3).enumerate() {
        let word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], 0]);
        for k in 0..4 {
            each(4 * n + k, (word >> (6 * k)) as u8 & 63);
        }
    }
}

/// Ertl's improved estimator over the histogram of register values ("New cardinality estimation algorithms for HyperLogLog
/// sketches", 2017), summed in Redis's order so that the last digit agrees.
fn estimate(histogram: &[u32; 64]) -> u64 {
    const ALPHA_INF: f64 = 0.721_347_520_444_481_7;
    let m = REGISTERS as f64;
    let q = TAIL_BITS as usize;
    let mut z = m * tau((m - f64::from(histogram[q + 1])) / m);
    for &n in histogram[1..=q].iter().rev() {
        z += f64::from(n);
        z *= 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    (ALPHA_INF * m * m / z).round() as u64
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let last = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if last == z {
            return z / 3.0;
        }
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let last = z;
        z += x * y;
        y += y;
        if last == z {
            return z;
        }
    }
}

/// Austin Appleby's MurmurHash64A, little-endian.
fn murmur64a(data: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut h = seed ^ (data.len() as u64).wrapping_mul(M);
    let (blocks, tail) = data.as_chunks::<8>();
    for block in blocks {
        let mut k = u64::from_le_bytes(*block).wrapping_mul(M);
        k ^= k >> R;
        h = (h ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        h = (h ^ u64::from_le_bytes(last)).wrapping_mul(M);
    }
    h = (h ^ h >> R).wrapping_mul(M);
    h ^ h >> R
}

#[cfg(test)]
#[path = "hll_tests.rs"]
mod tests;
