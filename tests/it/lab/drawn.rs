//! What is drawn for a scan: which ports are services, and which are traps.

/// The ports that nmap tries first, in its own order (scan_engine.cc, random_port_cheat).
pub(crate) const FIRST: [u16; 28] = [
    80, 23, 443, 21, 22, 25, 3389, 110, 445, 139, 143, 53, 135, 3306, 8080, 1723, 111, 995, 993,
    5900, 1025, 587, 8888, 199, 1720, 113, 554, 256,
];

/// 1.2's own list of traps, the one for those who "just want to be aware".
pub(crate) const CLASSIC: &str = "1,11,15,79,111,119,143,540,635,1080,1524,2000,5742,6667,\
                                  12345,12346,20034,27665,31337,32771,32772,32773,32774,40421,49724,54320";

/// Numbers that look like chance and are the same each time (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    /// Takes so many out of a list.
    pub(crate) fn draw(&mut self, mut from: Vec<u16>, count: usize) -> Vec<u16> {
        (0..count)
            .map(|_| from.swap_remove(self.below(from.len())))
            .collect()
    }
}
