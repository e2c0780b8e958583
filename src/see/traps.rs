//! Which ports are traps.

use crate::limits::RANGES_MAX;
use crate::see::probe::Protocol;

/// A set of ports: sorted ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(heapless::Vec<(u16, u16), RANGES_MAX>);

/// No room for another range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRanges;

impl Ports {
    /// No port.
    pub const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    /// Adds `first` to `last`, both included.
    pub fn add(&mut self, first: u16, last: u16) -> Result<(), TooManyRanges> {
        let touches =
            |&(a, b): &(u16, u16)| a <= last.saturating_add(1) && first <= b.saturating_add(1);
        let (mut first, mut last) = (first, last);
        for &(a, b) in self.0.iter().filter(|range| touches(range)) {
            first = first.min(a);
            last = last.max(b);
        }
        self.0
            .retain(|range| !(first <= range.0 && range.1 <= last));
        let (Ok(at) | Err(at)) = self.0.binary_search(&(first, last));
        self.0.insert(at, (first, last)).map_err(|_| TooManyRanges)
    }

    /// What is left of it without `others`.
    pub fn without(&self, others: &Self) -> Result<Self, TooManyRanges> {
        let mut left = Self::new();
        for &(first, last) in &self.0 {
            let mut next = Some(first);
            for &(a, b) in others.0.iter().filter(|(a, b)| first <= *b && *a <= last) {
                if let Some(next) = next.filter(|next| *next < a) {
                    left.add(next, a - 1)?;
                }
                next = b.checked_add(1).filter(|next| *next <= last);
            }
            if let Some(next) = next {
                left.add(next, last)?;
            }
        }
        Ok(left)
    }

    /// Whether `port` is in the set.
    pub fn contains(&self, port: u16) -> bool {
        let after = self.0.partition_point(|range| range.0 <= port);
        let last = after.checked_sub(1).and_then(|at| self.0.get(at));
        last.is_some_and(|range| port <= range.1)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many ports there are.
    pub fn len(&self) -> usize {
        let size = |&(a, b): &(u16, u16)| usize::from(b - a) + 1;
        self.0.iter().map(size).sum()
    }

    /// The ranges, ascending, both ends included.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Each port, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|&(a, b)| a..=b)
    }
}

/// Any ports at all, a bit for each.
#[derive(Clone, Debug)]
pub struct PortBits(Vec<u32>);

impl PortBits {
    /// No port.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Adds one. The first takes 8 kB, which most readings never need.
    pub fn add(&mut self, port: u16) {
        if self.0.is_empty() {
            self.0.resize(0x1_0000 / 32, 0);
        }
        if let Some(word) = self.0.get_mut(usize::from(port / 32)) {
            *word |= 1 << (port % 32);
        }
    }

    /// Whether `port` is among them.
    pub fn contains(&self, port: u16) -> bool {
        let word = self.0.get(usize::from(port / 32));
        word.is_some_and(|word| word & 1 << (port % 32) != 0)
    }
}

/// The traps of both protocols; a protocol that is not watched has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traps {
    /// TCP ports.
    pub tcp: Ports,
    /// UDP ports.
    pub udp: Ports,
}

impl Traps {
    /// The ports of one protocol.
    pub fn of(&self, protocol: Protocol) -> &Ports {
        match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(add: &[(u16, u16)], expected: &[(u16, u16)]) {
        let mut ports = Ports::new();
        for &(first, last) in add {
            ports.add(first, last).unwrap();
        }
        assert_eq!(ports.ranges(), expected);
        assert_eq!(ports.is_empty(), expected.is_empty());
        for port in 0..=u16::MAX {
            let inside = add.iter().any(|&(a, b)| (a..=b).contains(&port));
            assert_eq!(ports.contains(port), inside, "{port}");
        }
        assert_eq!(ports.iter().count(), ports.len());
    }

    #[test]
    fn ranges_are_sorted_and_joined() {
        check(&[], &[]);
        check(&[(79, 79), (1, 1), (11, 11)], &[(1, 1), (11, 11), (79, 79)]);
        check(&[(1, 5), (6, 9), (20, 30), (8, 25)], &[(1, 30)]);
        check(&[(0, 0), (65535, 65535)], &[(0, 0), (65535, 65535)]);
        check(&[(10, 10), (12, 12), (11, 11)], &[(10, 12)]);
        check(&[(5, 9), (0, 65535)], &[(0, 65535)]);
    }

    #[test]
    fn a_bit_is_a_port() {
        let mut bits = PortBits::none();
        let some = [0, 1, 31, 32, 1023, 65535];
        some.iter().for_each(|port| bits.add(*port));
        assert_eq!(bits.0.len() * 4, 8192, "bytes");
        for port in 0..=u16::MAX {
            assert_eq!(bits.contains(port), some.contains(&port), "{port}");
        }
        bits.clear();
        assert!((0..=u16::MAX).all(|port| !bits.contains(port)));
    }

    #[test]
    fn ports_are_taken_out() {
        let ports = |ranges: &[(u16, u16)]| {
            let mut ports = Ports::new();
            for &(first, last) in ranges {
                ports.add(first, last).unwrap();
            }
            ports
        };
        let sets: [&[(u16, u16)]; 7] = [
            &[],
            &[(0, 1023)],
            &[(0, 65535)],
            &[(0, 0), (65535, 65535)],
            &[(113, 113), (139, 139), (1000, 2000)],
            &[(1, 112), (114, 65534)],
            &[(5, 9), (20, 30), (1023, 1023)],
        ];
        for (from, out) in sets.iter().flat_map(|a| sets.map(|b| (ports(a), ports(b)))) {
            let left = from.without(&out).unwrap();
            for port in 0..=u16::MAX {
                let expected = from.contains(port) && !out.contains(port);
                assert_eq!(left.contains(port), expected, "{from:?} {out:?} {port}");
            }
        }
    }

    #[test]
    fn more_ranges_than_the_filter_can_hold_are_refused() {
        let mut ports = Ports::new();
        for n in 0..u16::try_from(RANGES_MAX).unwrap() {
            ports.add(n * 2, n * 2).unwrap();
        }
        assert_eq!(ports.add(60000, 60000), Err(TooManyRanges));
    }
}
