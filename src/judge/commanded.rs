//! Bans that the owner's commands hold, each of one address, among those of networks.

use crate::judge::ban::Stop;
use crate::judge::bans::Bans;
use crate::limits::COMMANDED_MAX;
use crate::net::Prefix;

impl Bans {
    /// Whether commands hold as many other addresses of the /64 of this one as they may: whoever owns all of it
    /// would have one run for each.
    pub(super) fn are_enough(&self, source: &Prefix) -> bool {
        let Some(net) = Prefix::new(source.addr(), 64).filter(|_| source.bits() == 128) else {
            return false;
        };
        let others = self.iter().filter(|(part, ban)| {
            let held = ban.wanted && ban.stop != Stop::Firewall;
            held && *part != source && net.contains(part.addr())
        });
        others.count() >= COMMANDED_MAX
    }

    /// A network is banned: those in it for whom only KILL_RUN_CMD was run have that ban now, and none of their
    /// own, which would hide it.
    pub(super) fn end_notices(&mut self, source: &Prefix) {
        if source.is_host() {
            // What it takes the place of has gone.
            return;
        }
        self.free_if(|part, ban| ban.stop == Stop::Nothing && source.contains(part.addr()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::ban::Ban;
    use crate::time::Instant;
    use core::net::{IpAddr, Ipv6Addr};

    fn neighbour(n: usize) -> IpAddr {
        let n = u16::try_from(n).unwrap();
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n).into()
    }

    /// One that is tried again after a failure has its place already.
    #[test]
    fn eight_of_a_64_are_enough_for_a_ninth_and_for_none_of_them() {
        let mut bans = Bans::new((1, 2));
        for n in 1..=COMMANDED_MAX {
            let source = Prefix::host(neighbour(n));
            assert!(!bans.are_enough(&source), "{n}");
            let mut ban = Ban::by_hand(Instant::default(), neighbour(n));
            ban.stop = Stop::Route;
            assert!(bans.insert(source, ban));
        }
        assert!(!bans.are_enough(&Prefix::host(neighbour(3))));
        let ninth = Prefix::host(neighbour(9));
        assert!(bans.are_enough(&ninth));
        // Neither whom the firewall holds nor who is on his way out has a place.
        let third = Prefix::host(neighbour(3));
        let held = *bans.get(&third).unwrap();
        let stop = Stop::Firewall;
        for other in [
            Ban { stop, ..held },
            Ban {
                wanted: false,
                ..held
            },
        ] {
            *bans.get_mut(&third).unwrap() = other;
            assert!(!bans.are_enough(&ninth));
        }
        *bans.get_mut(&third).unwrap() = held;
        assert!(bans.are_enough(&ninth));
        bans.free(&Prefix::host(neighbour(3)));
        assert!(!bans.are_enough(&ninth));
    }
}
