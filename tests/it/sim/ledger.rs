//! Who is banned, kept apart from the real table: from what was seen to begin, and until when. Nobody may vanish
//! from that without a reason.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use portsentry::judge::ban::{Ban, Stop};
use portsentry::judge::bans::Bans;
use portsentry::judge::policy::Policy;
use portsentry::net::Prefix;
use portsentry::time::{Instant, SPAN_MAX};

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The address that the owner's commands are about.
    pub(super) addr: IpAddr,
    pub(super) since: Instant,
    pub(super) until: Option<Instant>,
    pub(super) strikes: u8,
    pub(super) stop: Stop,
    pub(super) by_hand: bool,
    /// Lines that said that it is banned already, and when the first of this minute was.
    pub(super) told: (u8, Instant),
}

impl Entry {
    pub(super) fn of(ban: &Ban) -> Self {
        Self {
            addr: ban.probe.source,
            since: ban.since,
            until: ban.until,
            strikes: ban.strikes,
            stop: ban.stop,
            by_hand: ban.by_hand,
            told: (0, ban.since),
        }
    }
}

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) bans: HashMap<Prefix, Entry>,
    /// Bans that ended with their time: how many, and until when that is remembered.
    past: HashMap<Prefix, (u8, Instant)>,
}

impl Ledger {
    /// The ban that an address falls under: the narrowest.
    pub(super) fn covering(&self, source: &Prefix) -> Option<Prefix> {
        let wider = (0..=source.bits()).rev();
        let mut wider = wider.filter_map(|bits| Prefix::new(source.addr(), bits));
        wider.find(|prefix| self.bans.contains_key(prefix))
    }

    /// How often it, or the site that it is a part of, was banned lately.
    pub(super) fn strikes(&self, now: Instant, source: &Prefix) -> u8 {
        let past = self.past.iter().filter(|(before, (_, forget_at))| {
            let site = source.addr().is_ipv6() && matches!(before.bits(), 64 | 56 | 48);
            let same = *before == source || (site && before.contains(source.addr()));
            same && now < *forget_at
        });
        past.map(|(_, (strikes, _))| *strikes).max().unwrap_or(0)
    }

    /// When the ban ends that begins now, recounted doubling by doubling.
    pub(super) fn until(now: Instant, strikes: u8, stop: Stop, policy: &Policy) -> Option<Instant> {
        let for_ever = stop == Stop::Route && !policy.undone;
        if policy.block_time.is_zero() || for_ever {
            return None;
        }
        let most = match policy.block_time_max.is_zero() {
            true => SPAN_MAX,
            false => policy.block_time_max.max(policy.block_time),
        };
        let mut time = policy.block_time;
        for _ in 1..strikes {
            time = (time * 2).min(most);
        }
        let end = now.after(time.min(most)).millis();
        Some(Instant::from_millis(end.next_multiple_of(1000)))
    }

    /// It ended with its time.
    pub(super) fn remember(&mut self, now: Instant, source: Prefix, strikes: u8, time: Duration) {
        self.past.insert(source, (strikes, now.after(time)));
    }

    pub(super) fn forgive(&mut self, source: &Prefix) {
        self.past.remove(source);
    }

    /// Takes out who is not in force any more; each must have a reason.
    pub(super) fn take_gone(
        &mut self,
        bans: &Bans,
        what: &str,
        may_go: impl Fn(&Prefix, &Entry) -> bool,
    ) -> Vec<(Prefix, Entry)> {
        if self.bans.len() == bans.wanted() {
            return Vec::new();
        }
        let gone = self
            .bans
            .iter()
            .filter(|(source, _)| bans.get(source).is_none());
        let gone: Vec<_> = gone.map(|(source, entry)| (*source, *entry)).collect();
        for (source, entry) in &gone {
            assert!(
                may_go(source, entry),
                "{what}: {source} vanished, {entry:?}"
            );
            self.bans.remove(source);
        }
        assert_eq!(self.bans.len(), bans.wanted(), "{what}: somebody is banned");
        gone
    }
}
