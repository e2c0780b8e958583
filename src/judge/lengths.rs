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
