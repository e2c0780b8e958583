//! Which lengths of prefixes were ever banned: so many look-ups find the ban that an address falls under.

use crate::net::Prefix;

/// A bit for each length, IPv4 and IPv6.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    v4: u64,
    v6: [u64; 3],
}

impl Lengths {
    /// Whether a prefix of this length, and of the family of `of`, may be banned.
    pub(super) fn have(&self, of: &Prefix, bits: u8) -> bool {
        let word = match of.addr().is_ipv4() {
            true => Some(&self.v4),
            false => self.v6.get(usize::from(bits / 64)),
        };
        word.is_some_and(|word| word & 1 << (bits % 64) != 0)
    }

    /// This one is banned.
    pub(super) fn note(&mut self, of: &Prefix) {
        let word = match of.addr().is_ipv4() {
            true => Some(&mut self.v4),
            false => self.v6.get_mut(usize::from(of.bits() / 64)),
        };
        if let Some(word) = word {
            *word |= 1 << (of.bits() % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_length_is_looked_up_than_those_that_were_banned() {
        let mut lengths = Lengths::default();
        let prefix = |text: &str| -> Prefix { text.parse().unwrap() };
        for banned in ["10.0.0.0/8", "192.0.2.7", "2001:db8::/64", "2001:db8::1"] {
            lengths.note(&prefix(banned));
        }
        let had = |of: &str| -> Vec<u8> {
            let of = prefix(of);
            let all = 0..=of.bits();
            all.filter(|bits| lengths.have(&of, *bits)).collect()
        };
        assert_eq!(had("198.51.100.1"), [8, 32]);
        assert_eq!(had("2001:db8:1::1"), [64, 128]);
    }
}
