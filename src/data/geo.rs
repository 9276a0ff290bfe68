//! Geohashes of 52 bits in the scores of sorted sets, distances on the sphere, and which ranges of scores cover a search.
//! Numbers are computed in Redis's order of operations, so that every digit agrees.

use std::f64::consts::PI;

pub const LON_MIN: f64 = -180.0;
pub const LON_MAX: f64 = 180.0;
/// Latitudes of the square web Mercator map.
pub const LAT_MIN: f64 = -85.051_128_78;
pub const LAT_MAX: f64 = 85.051_128_78;

const EARTH_RADIUS_M: f64 = 6_372_797.560_856;
const MERCATOR_MAX_M: f64 = 20_037_726.37;
/// Bits a coordinate in a score.
const STEP_MAX: u32 = 26;
const EVEN: u64 = 0x5555_5555_5555_5555;
const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    pub lon: f64,
    pub lat: f64,
}

/// What a search takes in. Lengths in metres.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    Circle {
        radius: f64,
    },
    Box {
        width: f64,
        height: f64,
    },
    /// Edges are straight on the map of degrees, as in Valkey 9.
    Polygon {
        vertices: Vec<Point>,
    },
}

/// Scores from `min` up to but not including `max`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScoreRange {
    pub min: u64,
    pub max: u64,
}

/// Metres in a unit: `m`, `km`, `ft`, `mi`, in any case.
pub fn unit(name: &[u8]) -> Option<f64> {
    let units: [(&[u8], f64); 4] = [(b"m", 1.0), (b"km", 1000.0), (b"ft", 0.3048), (b"mi", 1609.34)];
    units.iter().find(|(unit, _)| name.eq_ignore_ascii_case(unit)).map(|(_, metres)| *metres)
}

impl Point {
    /// Whether the coordinates are ones that GEOADD takes.
    pub fn is_valid(self) -> bool {
        (LON_MIN..=LON_MAX).contains(&self.lon) && (LAT_MIN..=LAT_MAX).contains(&self.lat)
    }

    /// The score of a sorted set's member that lies here.
    pub fn score(self) -> u64 {
        Cell::of(self, STEP_MAX, LAT_MIN, LAT_MAX).bits
    }

    /// The middle of the cell that a score stands for.
    pub fn of_score(score: u64) -> Point {
        let area = Cell { bits: score, step: STEP_MAX }.area();
        Point {
            lon: ((area.lon.0 + area.lon.1) / 2.0).clamp(LON_MIN, LON_MAX),
            lat: ((area.lat.0 + area.lat.1) / 2.0).clamp(LAT_MIN, LAT_MAX),
        }
    }

    /// Distance along the sphere in metres (haversine).
    pub fn distance(self, other: Point) -> f64 {
        let v = ((radians(other.lon) - radians(self.lon)) / 2.0).sin();
        if v == 0.0 {
            return lat_distance(self.lat, other.lat);
        }
        let (lat1, lat2) = (radians(self.lat), radians(other.lat));
        let u = ((lat2 - lat1) / 2.0).sin();
        let a = u * u + lat1.cos() * lat2.cos() * v * v;
        2.0 * EARTH_RADIUS_M * a.sqrt().asin()
    }

    /// The distance to `other` in metres if it lies in the shape around this point.
    pub fn distance_within(self, shape: &Shape, other: Point) -> Option<f64> {
        match *shape {
            Shape::Circle { radius } => Some(self.distance(other)).filter(|&distance| distance <= radius),
            Shape::Box { width, height } => {
                if lat_distance(other.lat, self.lat) > height / 2.0 {
                    return None;
                }
                let level = Point { lon: self.lon, lat: other.lat };
                (other.distance(level) <= width / 2.0).then(|| self.distance(other))
            }
            Shape::Polygon { ref vertices } => other.is_inside(vertices).then(|| self.distance(other)),
        }
    }

    /// Whether a line from here to the east crosses an odd number of the polygon's edges.
    fn is_inside(self, vertices: &[Point]) -> bool {
        let Some(&last) = vertices.last() else { return false };
        let (mut inside, mut from) = (false, last);
        for &to in vertices {
            if (to.lat > self.lat) != (from.lat > self.lat) {
                let crossing = (from.lon - to.lon) * (self.lat - to.lat) / (from.lat - to.lat) + to.lon;
                inside ^= self.lon < crossing;
            }
            from = to;
        }
        inside
    }

    /// The middle of some points on the sphere, from which Valkey 9 measures distances to what a polygon holds.
    pub fn middle(points: &[Point]) -> Point {
        let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
        for point in points {
            let (lon, lat) = (radians(point.lon), radians(point.lat));
            x += lat.cos() * lon.cos();
            y += lat.cos() * lon.sin();
            z += lat.sin();
        }
        let n = points.len().max(1) as f64;
        let (x, y, z): (f64, f64, f64) = (x / n, y / n, z / n);
        Point { lon: degrees(y.atan2(x)), lat: degrees(z.atan2((x * x + y * y).sqrt())) }
    }

    /// The eleven characters that GEOHASH gives for a score: the geohash everybody else uses, whose latitudes reach the poles.
    pub fn geohash(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::of(self, STEP_MAX, -90.0, 90.0).bits;
        std::array::from_fn(|i| {
            // 52 bits make ten characters; the two bits left over are not enough for the eleventh.
            let index = if i == 10 { 0 } else { bits >> (52 - (i + 1) * 5) & 31 };
            ALPHABET[index as usize]
        })
    }
}

/// The ranges of scores that hold everything in `shape` around `center`, in the order Redis visits them.
pub fn cover(center: Point, shape: &Shape) -> Vec<ScoreRange> {
    let (min, max) = bounding_box(center, shape);
    let radius = match *shape {
        Shape::Circle { radius } => radius,
        Shape::Box { width, height } => ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt(),
        Shape::Polygon { ref vertices } => vertices.iter().map(|v| center.distance(*v)).fold(0.0, f64::max),
    };
    let mut step = step_for(radius, center.lat);
    let cell_of = |step| Cell::of(center, step, LAT_MIN, LAT_MAX);
    let mut cell = cell_of(step);
    let too_small = cell.moved(0, 1).area().lat.1 < max.lat
        || cell.moved(0, -1).area().lat.0 > min.lat
        || cell.moved(1, 0).area().lon.1 < max.lon
        || cell.moved(-1, 0).area().lon.0 > min.lon;
    if step > 1 && too_small {
        step -= 1;
        cell = cell_of(step);
    }
    let area = cell.area();
    let useless = |x: i32, y: i32| {
        step >= 2
            && (y < 0 && area.lat.0 < min.lat
                || y > 0 && area.lat.1 > max.lat
                || x < 0 && area.lon.0 < min.lon
                || x > 0 && area.lon.1 > max.lon)
    };
    let mut cells: Vec<Cell> = Vec::with_capacity(9);
    let around = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
    for (i, (x, y)) in around.into_iter().enumerate() {
        let neighbour = cell.moved(x, y);
        // Where cells are huge, neighbours coincide; Redis compares with the one before, unless that is the center.
        let repeated = i > 0 && cells.len() > 1 && cells.last() == Some(&neighbour);
        if !useless(x, y) && !repeated {
            cells.push(neighbour);
        }
    }
    cells.iter().map(Cell::scores).collect()
}

/// A cell of the grid with `step` bits a coordinate: latitude in the even bits, longitude in the odd.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    bits: u64,
    step: u32,
}

struct Area {
    lon: (f64, f64),
    lat: (f64, f64),
}

impl Cell {
    fn of(point: Point, step: u32, lat_min: f64, lat_max: f64) -> Cell {
        let cells = (1u64 << step) as f64;
        let lat = (point.lat - lat_min) / (lat_max - lat_min) * cells;
        let lon = (point.lon - LON_MIN) / (LON_MAX - LON_MIN) * cells;
        Cell { bits: spread(lat as u32) | spread(lon as u32) << 1, step }
    }

    fn area(&self) -> Area {
        let cells = (1u64 << self.step) as f64;
        let edges = |i: u32, min: f64, max: f64| {
            let scale = max - min;
            (min + f64::from(i) / cells * scale, min + (f64::from(i) + 1.0) / cells * scale)
        };
        Area { lon: edges(gather(self.bits >> 1), LON_MIN, LON_MAX), lat: edges(gather(self.bits), LAT_MIN, LAT_MAX) }
    }

    /// The cell `x` to the east and `y` to the north, around the world.
    fn moved(self, x: i32, y: i32) -> Cell {
        let unused = 64 - 2 * self.step;
        let along = |mask: u64, by: i32| {
            let (own, fill) = (self.bits & mask, !mask >> unused);
            let moved = match by {
                // What does not move keeps a bit too many, too: the very edge of the map has one.
                0 => return own,
                1.. => own.wrapping_add(fill + 1),
                _ => (own | fill).wrapping_sub(fill + 1),
            };
            moved & mask >> unused
        };
        Cell { bits: along(ODD, x) | along(EVEN, y), ..self }
    }

    fn scores(&self) -> ScoreRange {
        let shift = 52 - 2 * self.step;
        ScoreRange { min: self.bits << shift, max: (self.bits + 1) << shift }
    }
}

/// The corners of what surely holds the shape.
fn bounding_box(center: Point, shape: &Shape) -> (Point, Point) {
    let (width, height) = match *shape {
        Shape::Circle { radius } => (radius, radius),
        Shape::Box { width, height } => (width / 2.0, height / 2.0),
        Shape::Polygon { ref vertices } => {
            let edge = |of: fn(&Point) -> f64, pick: fn(f64, f64) -> f64| vertices.iter().map(of).reduce(pick);
            let corner = |pick| Some(Point { lon: edge(|v| v.lon, pick)?, lat: edge(|v| v.lat, pick)? });
            return corner(f64::min).zip(corner(f64::max)).unwrap_or((center, center));
        }
    };
    let lat_delta = degrees(height / EARTH_RADIUS_M);
    // The side nearer to the pole is the wider one in degrees.
    let wide_lat = if center.lat < 0.0 { center.lat - lat_delta } else { center.lat + lat_delta };
    let lon_delta = degrees(width / EARTH_RADIUS_M / radians(wide_lat).cos());
    (
        Point { lon: center.lon - lon_delta, lat: center.lat - lat_delta },
        Point { lon: center.lon + lon_delta, lat: center.lat + lat_delta },
    )
}

/// Bits a coordinate for which nine cells cover a circle.
fn step_for(mut radius: f64, lat: f64) -> u32 {
    if radius == 0.0 {
        return STEP_MAX;
    }
    let mut step = 1i32;
    while radius < MERCATOR_MAX_M {
        radius *= 2.0;
        step += 1;
    }
    step -= 2;
    // Towards the poles cells get narrow.
    if lat.abs() > 66.0 {
        step -= 1;
    }
    if lat.abs() > 80.0 {
        step -= 1;
    }
    step.clamp(1, STEP_MAX as i32) as u32
}

fn lat_distance(lat1: f64, lat2: f64) -> f64 {
    EARTH_RADIUS_M * (radians(lat2) - radians(lat1)).abs()
}

fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

/// Puts the bits of `n` into the even bits.
fn spread(n: u32) -> u64 {
    let mut x = u64::from(n);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, EVEN),
    ] {
        x = (x | x << shift) & mask;
    }
    x
}

/// The inverse of [`spread`]; odd bits do not matter.
fn gather(bits: u64) -> u32 {
    let mut x = bits & EVEN;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        x = (x | x >> shift) & mask;
    }
    x as u32
}

#[cfg(test)]
#[path = "geo_tests.rs"]
mod tests;
