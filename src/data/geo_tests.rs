use super::*;
use crate::base::rng::Rng;
use crate::data::peer::Peer;

#[test]
fn known_places() {
    let (palermo, catania) = (Point { lon: 13.361389, lat: 38.115556 }, Point { lon: 15.087269, lat: 37.502669 });
    assert_eq!((palermo.score(), catania.score()), (3_479_099_956_230_698, 3_479_447_370_796_909));
    let [a, b] = [palermo, catania].map(|p| Point::of_score(p.score()));
    assert_eq!(format!("{:.4}", a.distance(b)), "166274.1516");
    assert_eq!(a.geohash(), *b"sqc8b49rny0");
    assert_eq!(b.geohash(), *b"sqdtr74hyu0");
    let around = Point { lon: 15.0, lat: 37.0 };
    assert_eq!(around.distance_within(&Shape::Circle { radius: 200_000.0 }, a).map(f64::round), Some(190_442.0));
    assert_eq!(around.distance_within(&Shape::Box { width: 200_000.0, height: 400_000.0 }, a), None);
}

fn point(rng: &mut Rng) -> Point {
    let spread = [0.01, 1.0, 60.0][rng.below(3) as usize];
    let near = |center: f64, unit: f64, max: f64| (center + (unit - 0.5) * spread).clamp(-max, max);
    match rng.below(3) {
        0 => Point { lon: rng.unit() * 360.0 - 180.0, lat: rng.unit() * 170.0 - 85.0 },
        1 => Point { lon: near(13.0, rng.unit(), 180.0), lat: near(38.0, rng.unit(), 85.0) },
        _ => Point { lon: near(-179.9, rng.unit(), 180.0), lat: near(-80.0, rng.unit(), 85.0) },
    }
}

fn shape(rng: &mut Rng) -> Shape {
    let mut size = || 10f64.powf(rng.unit() * 6.3 + 1.0).round();
    let (a, b) = (size(), size());
    if rng.below(2) == 0 { Shape::Circle { radius: a } } else { Shape::Box { width: a, height: b } }
}

#[test]
fn what_a_shape_holds_is_covered() {
    let mut rng = Rng::new(4);
    let points: Vec<(u64, Point)> =
        (0..2000).map(|_| point(&mut rng).score()).map(|s| (s, Point::of_score(s))).collect();
    for _ in 0..300 {
        let center = point(&mut rng);
        // Around the poles and half the globe Redis, too, misses points.
        let shape = match shape(&mut rng) {
            Shape::Circle { radius } => Shape::Circle { radius: radius.min(2e5) },
            Shape::Box { width, height } => Shape::Box { width: width.min(2e5), height: height.min(2e5) },
            polygon => polygon,
        };
        if center.lat.abs() > 75.0 || center.lon.abs() > 170.0 {
            continue;
        }
        let ranges = cover(center, &shape);
        for &(score, place) in &points {
            if center.distance_within(&shape, place).is_some() {
                assert!(ranges.iter().any(|r| (r.min..r.max).contains(&score)), "{center:?} {shape:?} {place:?}");
            }
        }
    }
}

/// Four decimals as Redis 7.2 and later print a distance: rounded as a whole number of ten thousandths.
fn printed(distance: f64) -> String {
    let n = (distance * 1e4).round_ties_even() as u64;
    format!("{}.{:04}", n / 10_000, n % 10_000)
}

#[test]
fn same_answers_as_the_peer() {
    let Some(mut peer) = Peer::start() else { return };
    let mut rng = Rng::new(2);
    let mut members: Vec<(u64, String)> = Vec::new();
    for i in 0..1500 {
        let p = point(&mut rng);
        assert_eq!(peer.ask(&format!("geoadd g {} {} m{i}", p.lon, p.lat)).int(), 1);
        let score = peer.ask(&format!("zscore g m{i}")).text().parse::<f64>().unwrap();
        assert_eq!(p.score(), score as u64, "{p:?}");
        let kept = Point::of_score(p.score());
        assert_eq!(peer.ask(&format!("geohash g m{i}")).list()[0].bytes(), kept.geohash());
        let pos = peer.ask(&format!("geopos g m{i}"));
        let pos: Vec<f64> = pos.list()[0].list().iter().map(|r| r.text().parse().unwrap()).collect();
        assert!((pos[0] - kept.lon).abs() < 1e-12 && (pos[1] - kept.lat).abs() < 1e-12, "{pos:?} {kept:?}");
        if let Some((score, name)) = members.last() {
            let distance = printed(kept.distance(Point::of_score(*score)));
            assert_eq!(peer.ask(&format!("geodist g m{i} {name}")).text(), distance);
        }
        members.push((p.score(), format!("m{i}")));
    }
    members.sort();
    let mut hits = 0;
    for _ in 0..1500 {
        let (center, shape) = (point(&mut rng), shape(&mut rng));
        let by = match shape {
            Shape::Circle { radius } => format!("byradius {radius} m"),
            Shape::Box { width, height } => format!("bybox {width} {height} m"),
            Shape::Polygon { .. } => unreachable!("none is made here"),
        };
        let theirs = peer.ask(&format!("geosearch g fromlonlat {} {} {by} withdist", center.lon, center.lat));
        let theirs: Vec<(String, String)> =
            theirs.list().iter().map(|r| (r.list()[0].text().into(), r.list()[1].text().into())).collect();
        let mut ours = Vec::new();
        for range in cover(center, &shape) {
            let from = members.partition_point(|m| m.0 < range.min);
            for (score, name) in members[from..].iter().take_while(|m| m.0 < range.max) {
                if let Some(distance) = center.distance_within(&shape, Point::of_score(*score)) {
                    ours.push((name.clone(), printed(distance)));
                }
            }
        }
        let differ = ours.iter().zip(&theirs).find(|(a, b)| a != b);
        assert!(ours.len() == theirs.len() && differ.is_none(), "{center:?} {shape:?} {differ:?}");
        hits += ours.len();
    }
    assert!(hits > 10_000, "{hits}");
}
