// Collections, traits, closures, formatting, and panics that are caught and not.
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::panic;

trait Shape {
    fn area(&self) -> f64;
}
struct Square(f64);
struct Circle(f64);
impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}
impl Shape for Circle {
    fn area(&self) -> f64 {
        3.25 * self.0 * self.0
    }
}

fn next(s: &mut u64) -> u64 {
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    *s
}

fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(500);
    let mut seed = 4;
    let mut tree = BTreeMap::new();
    let mut hash: HashMap<u64, u64> = HashMap::new();
    let mut queue = VecDeque::new();
    let mut seen = HashSet::new();
    for i in 0..n {
        let r = next(&mut seed) % 300;
        *tree.entry(r).or_insert(0) += i;
        *hash.entry(r / 7).or_default() += r;
        queue.push_back(r);
        if queue.len() > 40 {
            seen.insert(queue.pop_front().unwrap());
        }
    }
    let shapes: Vec<Box<dyn Shape>> = (0..10).map(|i| if i % 2 == 0 { Box::new(Square(i as f64)) as Box<dyn Shape> } else { Box::new(Circle(i as f64)) }).collect();
    let area: f64 = shapes.iter().map(|s| s.area()).sum();
    let mut text = String::new();
    for (k, v) in tree.iter().take(5) {
        write!(text, "{k:>4}={v:06x};").unwrap();
    }
    let mut keys: Vec<_> = hash.into_iter().collect();
    keys.sort_by_key(|&(k, v)| (std::cmp::Reverse(v), k));
    println!("{text} {:?} {} {area:.3}", &keys[..keys.len().min(3)], seen.len());
    let caught = panic::catch_unwind(|| {
        let v: Vec<u32> = Vec::new();
        v[n as usize]
    });
    println!("caught: {}", caught.is_err());
    let total: u8 = (n % 200) as u8;
    println!("{:?} {:?}", total.checked_add(100), "12x".parse::<i32>());
    panic!("the end");
}
