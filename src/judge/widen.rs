//! One host owns a /64, one site a /56 or a /48 (RFC 6177): whoever comes from many networks of one site is banned
//! with the site.

use crate::judge::ban::{Ban, Step, Stop};
use crate::judge::bans::Bans;
use crate::judge::protect::Protect;
use crate::limits::WIDEN;
use crate::net::Prefix;

/// What becomes of enough banned prefixes of one length: the length around them.
const STEPS: [(u8, u8); 2] = [(64, 56), (56, 48)];

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
        bans.free_if(|inside, _| inside.bits() > to && site.contains(inside.addr()));
        widest = Some(site);
    }
    widest
}

/// The ban of a site in place of those of its parts: the newest goes on as that of all, and it ends with the last
/// of them. None: there are too few.
fn together(bans: &Bans, site: &Prefix, from: u8) -> Option<Ban> {
    let inside = |part: &Prefix, ban: &Ban| {
        let counts = ban.wanted && ban.stop == Stop::Firewall && ban.step != Step::Confirm;
        part.bits() == from && counts && site.contains(part.addr())
    };
    let parts = || bans.iter().filter(|(part, ban)| inside(part, ban));
    if parts().count() < WIDEN {
        return None;
    }
    let (_, newest) = parts().max_by_key(|(_, ban)| ban.since)?;
    let ends = || parts().map(|(_, ban)| ban.until);
    let until = match ends().any(|until| until.is_none()) {
        true => None,
        false => ends().flatten().max(),
    };
    Some(Ban {
        until,
        by_hand: parts().any(|(_, ban)| ban.by_hand),
        forced: false,
        verified: parts().any(|(_, ban)| ban.verified),
        ports: parts().fold(0, |sum, (_, ban)| ban.ports.saturating_add(sum)),
        enforced: false,
        renewed: false,
        denied: false,
        ran: false,
        flying: None,
        ..*newest
    })
}
