//! Grisu2 (Florian Loitsch, 2010): the digits of a double. Redis prints with it (fpconv), and in about one of 400 doubles it
//! finds digits that are not the shortest or nearest ones; replies are to be the same to the byte, so it is the same here.

/// A floating-point number of 64 bits without a hidden one: `frac` × 2^`exp`.
#[derive(Clone, Copy)]
struct Wide {
    frac: u64,
    exp: i32,
}

impl Wide {
    fn normalized(self) -> Wide {
        let shift = self.frac.leading_zeros();
        Wide { frac: self.frac << shift, exp: self.exp - shift as i32 }
    }

    /// The upper half of the product, rounded.
    fn times(self, other: Wide) -> Wide {
        let product = u128::from(self.frac) * u128::from(other.frac) + (1 << 63);
        Wide { frac: (product >> 64) as u64, exp: self.exp + other.exp + 64 }
    }
}

/// Digits of a positive finite double, how many, and the power of ten of the last one. There may be zeros at the end.
pub(super) fn digits(v: f64) -> ([u8; 20], usize, i32) {
    const HIDDEN: u64 = 1 << 52;
    let bits = v.to_bits();
    let (biased, fraction) = ((bits >> 52) as i32, bits & (HIDDEN - 1));
    let w = match biased {
        0 => Wide { frac: fraction, exp: -1074 },
        _ => Wide { frac: fraction | HIDDEN, exp: biased - 1075 },
    };
    // Half way to the neighbours. Below a power of two the neighbour is nearer.
    let upper = Wide { frac: (w.frac << 1) + 1, exp: w.exp - 1 }.normalized();
    let shift = if w.frac == HIDDEN { 2 } else { 1 };
    let lower = ((w.frac << shift) - 1) << (w.exp - shift - upper.exp);
    let (power, k) = power_for(upper.exp);
    let lower = Wide { frac: lower, exp: upper.exp }.times(power).frac + 1;
    let mut upper = upper.times(power);
    upper.frac -= 1;
    generate(w.normalized().times(power).frac, upper, lower, -k)
}

/// A cached power of ten that brings a number of this exponent into 2^-60 … 2^-32, and which power that is.
fn power_for(exp: i32) -> (Wide, i32) {
    let estimate = -f64::from(exp + POWERS.len() as i32) * std::f64::consts::LOG10_2;
    let mut i = ((estimate - f64::from(FIRST)) / f64::from(STEP)) as i32;
    loop {
        let k = FIRST + i * STEP;
        // floor(k * log2(10)), exact in this range.
        let power = Wide { frac: POWERS[i as usize], exp: ((k * 1_741_647) >> 19) - 63 };
        match exp + power.exp + 64 {
            ..-60 => i += 1,
            -31.. => i -= 1,
            _ => return (power, k),
        }
    }
}

fn generate(w: u64, upper: Wide, lower: u64, mut k: i32) -> ([u8; 20], usize, i32) {
    let (mut out, mut n) = ([0u8; 20], 0);
    let (mut delta, mut distance) = (upper.frac - lower, upper.frac - w);
    let bits = -upper.exp as u32;
    let (mut whole, mut rest) = (upper.frac >> bits, upper.frac & ((1 << bits) - 1));
    let mut unit = 1_000_000_000u64;
    for left in (0..10).rev() {
        let digit = whole / unit;
        if digit != 0 || n != 0 {
            out[n] = b'0' + digit as u8;
            n += 1;
        }
        whole -= digit * unit;
        let below = (whole << bits) + rest;
        if below <= delta {
            k += left;
            approach(&mut out[n - 1], delta, below, unit << bits, distance);
            return (out, n, k);
        }
        unit /= 10;
    }
    loop {
        rest *= 10;
        delta *= 10;
        distance = distance.wrapping_mul(10);
        k -= 1;
        let digit = rest >> bits;
        if digit != 0 || n != 0 {
            out[n] = b'0' + digit as u8;
            n += 1;
        }
        rest &= (1 << bits) - 1;
        if rest < delta {
            approach(&mut out[n - 1], delta, rest, 1 << bits, distance);
            return (out, n, k);
        }
    }
}

/// Lowers the last digit while that comes nearer to the number and stays inside its neighbourhood.
fn approach(last: &mut u8, delta: u64, mut below: u64, unit: u64, distance: u64) {
    while below < distance
        && delta - below >= unit
        && (below + unit < distance || distance - below > below + unit - distance)
    {
        *last -= 1;
        below += unit;
    }
}

const FIRST: i32 = -348;
const STEP: i32 = 8;

/// 10^-348, 10^-340 … 10^340, the upper 64 bits of each, rounded.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
    0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
    0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
    0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
    0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
    0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
    0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
    0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
    0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
    0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
    0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
    0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
    0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
    0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
    0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
    0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
    0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
    0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
];
