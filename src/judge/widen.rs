//! One host owns a /64, one site a /56 or a /48 (RFC 6177): whoever comes from many networks of one site is banned
//! with the site.

use crate::judge::ban::{Ban, Step, Stop};
use crate::judge::bans::Bans;
use crate::judge::protect::Protect;
use crate::limits::WIDEN;
use crate::net::Prefix;

/// What becomes of enough banned prefixes of one length: the length around them.
const STEPS: [(u8, u8); 2] = [(64, SITES[0]), (SITES[0], SITES[1])];

/// The lengths of sites. No prefix of IPv4 is as long.
pub(super) const SITES: [u8; 2] = [56, 48];

/// `source` was just banned: if that makes enough of its site, the site is banned in their place. The widest
/// prefix that is banned now, if one is.
pub(super) fn widen(bans: &mut Bans, protect: &Protect, source: Prefix) -> Option<Prefix> {
    let mut widest = None;
    for (from, to) in STEPS {
        let site = Prefix::new(source.addr(), to).filter(|_| source.addr().is_ipv6())?;
        let Some(ban) = together(bans, &site, from) else {
            break;
        };
        if protect.covers(&site) || !bans.insert(site, ban) {
            break;
        }
        bans.free_if(|part, ban| is_inside(&site, part, ban));
        widest = Some(site);
    }
    widest
}

/// Whether the ban of a site takes the place of this one. What the owner banned by hand has an end of its own.
fn is_inside(site: &Prefix, part: &Prefix, ban: &Ban) -> bool {
    part.bits() > site.bits() && site.contains(part.addr()) && !ban.by_hand
}

/// The ban of a site in place of those of its parts: the newest goes on as that of all, and it ends with the last
/// of all that it takes the place of. What the owner banned by hand counts and stays, but nobody named the site.
/// None: there are too few.
fn together(bans: &Bans, site: &Prefix, from: u8) -> Option<Ban> {
    let inside = |part: &Prefix, ban: &Ban| {
        let counts = ban.wanted && ban.stop == Stop::Firewall && ban.step != Step::Confirm;
        part.bits() == from && counts && site.contains(part.addr())
    };
    let parts = || bans.iter().filter(|(part, ban)| inside(part, ban));
    if parts().count() < WIDEN {
        return None;
    }
    let newest = parts().filter(|(_, ban)| !ban.by_hand);
    let (_, newest) = newest.max_by_key(|(_, ban)| ban.since)?;
    let replaced = |part: &Prefix, ban: &Ban| ban.wanted && is_inside(site, part, ban);
    let replaced = || bans.iter().filter(|(part, ban)| replaced(part, ban));
    let ends = || replaced().map(|(_, ban)| ban.until);
    let until = match ends().any(|until| until.is_none()) {
        true => None,
        false => ends().flatten().max(),
    };
    Some(Ban {
        until,
        verified: parts().any(|(_, ban)| ban.verified),
        ports: parts().fold(0, |sum, (_, ban)| ban.ports.saturating_add(sum)),
        enforced: false,
        renewed: false,
        denied: false,
        ran: false,
        undo: None,
        at_work: false,
        flying: None,
        ..*newest
    })
}
