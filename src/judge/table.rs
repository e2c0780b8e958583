//! A fixed-size table keyed by [`Prefix`].
//!
//! The entries lie densely in memory that is reserved once; pages that were never used cost nothing. A
//! keyed hash (SipHash, seeded at start) finds them: with an unkeyed one, whoever owns an IPv6 /48 finds
//! a thousand addresses that collide.
//!
//! Entries that need something done stand before those that are at rest, so that looking for work costs as
//! much as there is work, however many are at rest.

use core::net::IpAddr;

use crate::net::Prefix;

/// At most `capacity` entries; never grows.
#[derive(Debug)]
pub(super) struct Table<T> {
    entries: Vec<(Prefix, T)>,
    /// So many of them, the first ones, are stirred.
    stirred: usize,
    /// Entry number plus one, 0 for empty; linear probing, at most two thirds full. There are none before the
    /// first entry: musl's calloc writes the zeros, and then the pages are no longer free.
    slots: Vec<u16>,
    capacity: usize,
    seed: (u64, u64),
}

/// Slots for so many entries.
fn room(capacity: usize) -> usize {
    (capacity + capacity / 2).next_power_of_two()
}

impl<T> Table<T> {
    /// An empty table for at most `capacity` entries (below 65,535).
    pub(super) fn new(capacity: usize, seed: (u64, u64)) -> Self {
        let capacity = capacity.min(usize::from(u16::MAX) - 1);
        Self {
            entries: Vec::with_capacity(capacity),
            stirred: 0,
            slots: Vec::with_capacity(room(capacity)),
            capacity,
            seed,
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no further entry fits.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.capacity
    }

    /// All entries, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Prefix, &T)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// All entries, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Prefix, &mut T)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The entries that are stirred, in no particular order.
    pub(super) fn stirred(&self) -> impl Iterator<Item = (&Prefix, &T)> {
        self.iter().take(self.stirred)
    }

    /// The entries that are stirred, to be changed.
    pub(super) fn stirred_mut(&mut self) -> impl Iterator<Item = (&Prefix, &mut T)> {
        let stirred = self.stirred;
        self.iter_mut().take(stirred)
    }

    /// Puts the entry of `key` among those that are stirred.
    pub(super) fn stir(&mut self, key: &Prefix) {
        if let Some((_, at)) = self.find(key).filter(|(_, at)| *at >= self.stirred) {
            self.swap(at, self.stirred);
            self.stirred += 1;
        }
    }

    /// Puts all entries among those that are stirred.
    pub(super) fn stir_all(&mut self) {
        self.stirred = self.entries.len();
    }

    /// Of those that are stirred, puts those to rest that are at rest.
    pub(super) fn calm(&mut self, is_at_rest: impl Fn(&T) -> bool) {
        let mut at = 0;
        while at < self.stirred {
            match self.entries.get(at) {
                Some((_, value)) if is_at_rest(value) => {
                    self.stirred -= 1;
                    self.swap(at, self.stirred);
                }
                _ => at += 1,
            }
        }
    }

    /// The entry with this number, below `len`.
    pub(super) fn at(&self, at: usize) -> Option<(&Prefix, &T)> {
        self.entries.get(at).map(|(key, value)| (key, value))
    }

    /// Its key.
    pub(super) fn key_at(&self, at: usize) -> Option<Prefix> {
        self.at(at).map(|(key, _)| *key)
    }

    /// The key of the entry with this number, if it is stirred.
    pub(super) fn stirred_key_at(&self, at: usize) -> Option<Prefix> {
        self.key_at(at).filter(|_| at < self.stirred)
    }

    /// The entry of `key`.
    pub(super) fn get(&self, key: &Prefix) -> Option<&T> {
        let (_, at) = self.find(key)?;
        self.entries.get(at).map(|(_, value)| value)
    }

    /// The entry of `key`, to be changed.
    pub(super) fn get_mut(&mut self, key: &Prefix) -> Option<&mut T> {
        let (_, at) = self.find(key)?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    /// Adds or replaces the entry of `key`; false if the table is full.
    #[must_use]
    pub(super) fn insert(&mut self, key: Prefix, value: T) -> bool {
        if let Some(old) = self.get_mut(&key) {
            *old = value;
            return true;
        }
        let Ok(number) = u16::try_from(self.entries.len() + 1) else {
            return false;
        };
        if self.is_full() {
            return false;
        }
        if self.slots.is_empty() {
            self.slots.resize(room(self.capacity), 0);
        }
        let mut slot = self.home(&key);
        while self.slot(slot) != 0 {
            slot = self.next(slot);
        }
        self.set_slot(slot, number);
        self.entries.push((key, value));
        true
    }

    /// Takes the entry of `key` out.
    pub(super) fn remove(&mut self, key: &Prefix) -> Option<T> {
        let (_, mut at) = self.find(key)?;
        // It becomes the last of its part, and then the last of all.
        if at < self.stirred {
            self.stirred -= 1;
            self.swap(at, self.stirred);
            at = self.stirred;
        }
        self.swap(at, self.entries.len() - 1);
        let (slot, _) = self.find(key)?;
        self.close_gap(slot);
        self.entries.pop().map(|(_, value)| value)
    }

    /// Two entries change places, and their slots follow them.
    fn swap(&mut self, a: usize, b: usize) {
        let slots = [a, b].map(|at| self.key_at(at).and_then(|key| self.find(&key)));
        if let (true, [Some((slot_a, _)), Some((slot_b, _))]) = (a != b, slots) {
            self.entries.swap(a, b);
            self.set_slot(slot_a, u16::try_from(b + 1).unwrap_or(0));
            self.set_slot(slot_b, u16::try_from(a + 1).unwrap_or(0));
        }
    }

    /// Empties `hole`, and moves up whatever was displaced past it, so that no search ends too early.
    fn close_gap(&mut self, mut hole: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = self.next(hole);
        while self.slot(slot) != 0 {
            let home = self
                .key_at(usize::from(self.slot(slot)) - 1)
                .map_or(slot, |key| self.home(&key));
            let from_home = slot.wrapping_sub(home) & mask;
            let from_hole = slot.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.set_slot(hole, self.slot(slot));
                hole = slot;
            }
            slot = self.next(slot);
        }
        self.set_slot(hole, 0);
    }

    /// Slot and number of an entry.
    fn find(&self, key: &Prefix) -> Option<(usize, usize)> {
        if self.entries.is_empty() {
            return None;
        }
        let mut slot = self.home(key);
        loop {
            let at = usize::from(self.slot(slot)).checked_sub(1)?;
            if self.key_at(at) == Some(*key) {
                return Some((slot, at));
            }
            slot = self.next(slot);
        }
    }

    fn home(&self, key: &Prefix) -> usize {
        let hash = usize::try_from(hash(self.seed, key)).unwrap_or(0);
        hash & (self.slots.len() - 1)
    }

    fn next(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    fn slot(&self, at: usize) -> u16 {
        self.slots.get(at).copied().unwrap_or(0)
    }

    fn set_slot(&mut self, at: usize, number: u16) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = number;
        }
    }
}

/// std's own keyed hasher takes its key from the system; the core is given its key.
#[allow(deprecated, reason = "the one hasher in core that takes a key")]
pub(super) fn hash(seed: (u64, u64), key: &Prefix) -> u32 {
    use core::hash::{Hasher, SipHasher};
    let mut hasher = SipHasher::new_with_keys(seed.0, seed.1);
    match key.addr() {
        IpAddr::V4(a) => hasher.write(&a.octets()),
        IpAddr::V6(a) => hasher.write(&a.octets()),
    }
    hasher.write_u8(key.bits());
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;
