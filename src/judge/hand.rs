//! Bans and their ends by hand: what the owner asks for, and what becomes of it.

use core::net::IpAddr;
use core::time::Duration;

use crate::judge::ban::{Ban, Step, Stop};
use crate::judge::detector::Detector;
use crate::judge::protect::{Protect, Rule};
use crate::limits::WIDEST;
use crate::net::{Prefix, may_send};
use crate::time::Instant;

/// Whom the owner names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address, and with it whatever it stands for.
    Address(IpAddr),
    /// Exactly this.
    Network(Prefix),
}

impl Target {
    /// The source that is meant.
    pub fn source(self, protect: &Protect) -> Prefix {
        match self {
            Self::Address(addr) => protect.source(addr),
            Self::Network(prefix) => prefix,
        }
    }

    /// What was named, and no more.
    pub fn named(self) -> Prefix {
        match self {
            Self::Address(addr) => Prefix::host(addr),
            Self::Network(prefix) => prefix,
        }
    }
}

/// A ban that the owner asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Who shall be banned.
    pub whom: Target,
    /// For how long; zero is for ever, None as BLOCK_TIME says.
    pub time: Option<Duration>,
    /// Even if somebody protected is hit.
    pub forced: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// It begins; so many bans inside of it end for it.
    Begun(usize),
    /// It was there, and has another end now.
    Renewed,
    /// A wider one does it already; nothing was done.
    Covered,
}

/// Why it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Wider than so many bits.
    TooWide(u8),
    /// It would hit ourselves, or is no address that somebody can have.
    Ours,
    /// It would hit somebody protected, by this rule.
    Protected(Rule),
    /// The table of bans is full of others by hand.
    NoRoom,
}

/// Whether a ban would hit ourselves, or nobody: not even the owner can force that.
pub(super) fn is_ours(prefix: &Prefix, protect: &Protect) -> bool {
    let mut own = protect.surroundings.own.iter();
    own.any(|addr| prefix.contains(*addr)) || !may_send(prefix.addr())
}

impl Detector {
    /// Bans by hand, unless it must not be. Which ban does it now.
    pub fn ban_by_hand(&mut self, now: Instant, wish: &Wish) -> Result<(Prefix, Granted), Refused> {
        let source = wish.whom.source(&self.protect);
        let widest = match source.addr().is_ipv4() {
            true => WIDEST.0,
            false => WIDEST.1,
        };
        if source.bits() < widest {
            return Err(Refused::TooWide(widest));
        }
        if is_ours(&source, &self.protect) {
            return Err(Refused::Ours);
        }
        match self.protect.rule(&source) {
            Some(rule) if !wish.forced => return Err(Refused::Protected(rule)),
            _ => {}
        }
        match self.bans.covering(&source) {
            Some(wider) if wider != source => return Ok((wider, Granted::Covered)),
            _ => {}
        }
        let until = match wish.time {
            None => self.policy.until(now, 1, Stop::Firewall),
            Some(time) if time.is_zero() => None,
            Some(time) => Some(now.after(time).whole_second()),
        };
        if self.renew_by_hand(&source, until, wish) {
            return Ok((source, Granted::Renewed));
        }
        let mut ban = Ban::by_hand(now, source.addr());
        ban.until = until;
        ban.forced = wish.forced;
        if !self.bans.insert(source, ban) {
            return Err(Refused::NoRoom);
        }
        self.counts.bans += 1;
        let mut inside = 0;
        let undone = self.policy.undone;
        self.bans.free_if(|other, ban| {
            // What nothing can undo is there when this one ends, too.
            let stays = ban.stop == Stop::Route && ban.holds() && !undone;
            let is_inside = other.bits() > source.bits() && source.contains(other.addr()) && !stays;
            inside += usize::from(is_inside);
            is_inside
        });
        Ok((source, Granted::Begun(inside)))
    }

    /// A ban that holds, or that is the firewall's and on its way, gets another end. One that something may still
    /// come of, or that stops no packets, is none to be renewed: false.
    fn renew_by_hand(&mut self, source: &Prefix, until: Option<Instant>, wish: &Wish) -> bool {
        let undone = self.policy.undone;
        let Some(ban) = self.bans.get_mut(source).filter(|ban| ban.wanted) else {
            return false;
        };
        let good = match ban.stop {
            Stop::Firewall => ban.step != Step::Confirm,
            Stop::Route => ban.holds(),
            Stop::Nothing => false,
        };
        if !good {
            return false;
        }
        ban.by_hand = true;
        ban.verified = true;
        ban.forced |= wish.forced;
        // What nothing can undo never ends.
        let stays = ban.stop == Stop::Route && !undone;
        self.bans.renew(source, until.filter(|_| !stays));
        true
    }

    /// Ends the bans that `whom` falls under and those in it, or all; the sources are forgotten, and how often
    /// they were banned. Who was freed, and what stopped them.
    pub fn unban(&mut self, whom: Option<Target>) -> Vec<(Prefix, Stop)> {
        let named = whom.map(Target::named);
        let meant = |prefix: &Prefix| named.is_none_or(|named| prefix.overlaps(&named));
        let bans = &self.bans;
        self.sources
            .forget_if(|source| bans.covering(source).is_some_and(|ban| meant(&ban)));
        let mut freed = Vec::new();
        self.bans.free_if(|source, ban| {
            let meant = meant(source);
            if meant {
                freed.push((*source, ban.stop));
            }
            meant
        });
        for (source, _) in &freed {
            self.bans.forgive(source);
            // Of a /64 one address may have been banned alone.
            self.sources.forget(&self.protect.source(source.addr()));
        }
        if let (Some(Target::Address(addr)), false) = (whom, freed.is_empty()) {
            // It stands for more than a ban of itself alone.
            self.bans.forgive(&self.protect.source(addr));
        }
        freed
    }
}
