//! The rules, in the order in which the manual's section "When is a source banned" gives them.

use crate::judge::ban::{Ban, Stop};
use crate::judge::bans::Bans;
use crate::judge::counts::Counts;
use crate::judge::policy::{Block, Policy};
use crate::judge::protect::{Guard, Protect};
use crate::judge::sources::{Sources, Standing};
use crate::judge::valve::Valve;
use crate::judge::verdict::{News, Outcome, Verdict};
use crate::judge::widen::widen;
use crate::limits::FAILED_REST;
use crate::net::Prefix;
use crate::see::chatter::is_dhcp;
use crate::see::conntrack::Belongs;
use crate::see::probe::{Mode, Probe};
use crate::tell::quota::Lines;
use crate::time::Instant;

/// Everything that is known of the sources, and the rules.
#[derive(Debug)]
pub struct Detector {
    /// The rules.
    pub policy: Policy,
    /// Who is never banned.
    pub protect: Protect,
    /// Who touched what.
    pub sources: Sources,
    /// Who is banned.
    pub bans: Bans,
    /// Whether more want to be banned than can be true.
    pub valve: Valve,
    /// How many of what.
    pub counts: Counts,
    lines: Lines,
}

impl Detector {
    /// Knows nobody yet. `seed` keys the tables; it must be unknown to the network.
    pub fn new(policy: Policy, seed: (u64, u64)) -> Self {
        Self {
            policy,
            protect: Protect::default(),
            sources: Sources::new(seed),
            bans: Bans::new(seed),
            valve: Valve::default(),
            counts: Counts::default(),
            lines: Lines::default(),
        }
    }

    /// Whether it is worth asking whose the packet is. Cheap, and before anything is remembered.
    pub fn candidate(&mut self, probe: &Probe) -> Result<(), Verdict> {
        if !self.policy.traps.of(probe.protocol).contains(probe.port) {
            return Err(Verdict::NotATrap);
        }
        match self.protect.guard(probe.source) {
            Guard::Forged => {
                self.counts.forged += 1;
                Err(Verdict::Forged)
            }
            Guard::Ignored => {
                self.counts.ignored += 1;
                Err(Verdict::Ignored)
            }
            Guard::Protected(_) | Guard::Open if is_dhcp(probe) => {
                self.counts.explained += 1;
                Err(Verdict::Explained(Belongs::Reply))
            }
            Guard::Protected(_) | Guard::Open => Ok(()),
        }
    }

    /// Whether nothing depends on whose a candidate is: this very touch was reported within the last minute, and
    /// its source is banned, or is not to be. Then it is one more of the same, and in a flood the question would
    /// cost more than all the rest.
    pub fn is_settled(&self, now: Instant, probe: &Probe) -> bool {
        let source = self.protect.source(probe.source);
        if !self.sources.is_repeat(now, &source, probe) {
            return false;
        }
        let held = |ban: &Ban| ban.stop != Stop::Nothing && ban.holds();
        let ban = || {
            self.bans
                .get(&self.bans.covering(&Prefix::host(probe.source))?)
        };
        self.policy.block(probe.protocol) == Block::Off || ban().is_some_and(held)
    }

    /// Judges a candidate. `belongs` is what the kernel knows of the packet; what it cannot tell counts as
    /// nobody's here, and is asked again before a ban starts.
    pub fn judge(&mut self, now: Instant, probe: &Probe, mode: Mode, belongs: Belongs) -> Verdict {
        match belongs {
            Belongs::Nobody => {}
            Belongs::Unknown => self.counts.unknown += 1,
            Belongs::Us | Belongs::Reply | Belongs::Forwarded => {
                self.counts.explained += 1;
                return Verdict::Explained(belongs);
            }
        }
        self.counts.note(probe);
        let source = self.protect.source(probe.source);
        let standing = self.sources.touch(now, self.policy.window, source, probe);
        if !self.policy.is_triggered(standing.hits, standing.ports) {
            self.counts.counted += 1;
            return Verdict::Counted;
        }
        let first = self.sources.triggered(&source);
        let outcome = self.outcome(now, source, probe, mode, standing);
        self.counts.would_be += u64::from(first && outcome == Outcome::BlockingOff);
        let verdict = self.report(now, &source, probe, standing, outcome);
        match verdict {
            Verdict::Folded => self.counts.folded += 1,
            _ => self.counts.reported += 1,
        }
        verdict
    }

    /// What is done about a source that fulfils the rule.
    fn outcome(
        &mut self,
        now: Instant,
        source: Prefix,
        probe: &Probe,
        mode: Mode,
        standing: Standing,
    ) -> Outcome {
        let stop = match self.policy.block(probe.protocol) {
            Block::Off => return Outcome::BlockingOff,
            Block::Full => self.policy.stop,
            Block::RunOnly => Stop::Nothing,
        };
        if let Some(outcome) = self.known(now, probe, stop, standing) {
            return outcome;
        }
        let source = match stop {
            Stop::Firewall => source,
            // A command of the owner's is given one address, so it stops no more of a /64.
            Stop::Route | Stop::Nothing => Prefix::host(probe.source),
        };
        if self.protect.covers(&source) {
            self.counts.protected += 1;
            return Outcome::Protected;
        }
        if stop != Stop::Firewall && self.bans.are_enough(&source) {
            self.bans.refused += 1;
            return Outcome::EnoughOfNet;
        }
        let (most, verified) = (self.policy.ban_rate_max, probe.verified());
        if !self.valve.admits(now, most, verified, standing.ports) {
            self.counts.valve += 1;
            return Outcome::Doubted;
        }
        let mut ban = Ban::new(now, *probe, mode, stop, standing.ports);
        ban.strikes = self.bans.strikes(now, &source).saturating_add(1);
        ban.until = self.policy.until(now, ban.strikes, stop);
        if !self.bans.insert(source, ban) {
            return Outcome::NoRoom;
        }
        self.bans.end_notices(&source);
        self.counts.bans += 1;
        Outcome::Ban
    }

    /// What comes of a probe of somebody who is banned already; the ban learns of it. None: it is nobody such, his
    /// ban stops less than this one would, or KILL_ROUTE failed for him a while ago and is tried again.
    fn known(
        &mut self,
        now: Instant,
        probe: &Probe,
        stop: Stop,
        standing: Standing,
    ) -> Option<Outcome> {
        let key = self.bans.covering(&Prefix::host(probe.source))?;
        let ban = self.bans.get_mut(&key)?;
        if ban.stop == Stop::Nothing && stop != Stop::Nothing {
            // It stops no packets: BLOCK of the other protocol is 2.
            return None;
        }
        if ban.failed && now.since(ban.since) >= FAILED_REST {
            return None;
        }
        ban.ports = ban.ports.max(standing.ports);
        ban.verified |= probe.verified();
        if !ban.holds() {
            return Some(Outcome::Pending);
        }
        if ban.is_told(now) {
            return Some(Outcome::StillBanned);
        }
        Some(Outcome::AlreadyBanned)
    }

    /// Whether it gets a line of its own. A ban always does: displacing bans takes ever more evidence, so their
    /// number is bounded.
    fn report(
        &mut self,
        now: Instant,
        source: &Prefix,
        probe: &Probe,
        standing: Standing,
        outcome: Outcome,
    ) -> Verdict {
        if outcome == Outcome::StillBanned || (standing.repeat && outcome != Outcome::Ban) {
            self.sources.fold(now, source);
            return Verdict::Folded;
        }
        if outcome != Outcome::Ban && !self.lines.bear(now, standing.fresh) {
            self.lines.unreported += 1;
            self.sources.report_later(now);
            return Verdict::Folded;
        }
        self.sources.reported(source, probe);
        if outcome == Outcome::AlreadyBanned {
            self.bans.told(now, &Prefix::host(probe.source));
        }
        Verdict::Probe(outcome)
    }

    /// A ban goes on, because its packet was nobody's: with others of its site it may become one. The site then.
    pub fn confirmed(&mut self, source: &Prefix) -> Option<Prefix> {
        widen(&mut self.bans, &self.protect, *source)
    }

    /// Ends the bans whose time is over, and lets the valve open.
    pub fn pass(&mut self, now: Instant) {
        self.counts.expired += self.bans.expire(now, self.policy.memory());
        self.valve.turn(now, self.policy.ban_rate_max);
    }

    /// When [`Self::pass`] or [`Self::take_news`] has something to do.
    pub fn due_at(&self) -> Option<Instant> {
        let times = [
            self.bans.ends_at(),
            self.valve.due_at(),
            self.sources.report_at(),
        ];
        times.into_iter().flatten().min()
    }

    /// Once a minute, if there is something: what was counted instead of reported. And at once, if the valve
    /// turned.
    pub fn take_news(&mut self, now: Instant, mut say: impl FnMut(News)) {
        if let Some(turned) = self.valve.take_news() {
            say(News::Valve(turned));
        }
        let lines = &mut self.lines;
        let due = self.sources.take_folded(now, |addr, count, on_probation| {
            match lines.bear(now, on_probation) {
                true => say(News::Repeats(addr, count)),
                false => lines.unreported += u64::from(count),
            }
        });
        if !due {
            return;
        }
        if let Some(crowd) = self.sources.take_crowd(now) {
            say(crowd);
        }
        if lines.unreported > 0 {
            say(News::Unreported(core::mem::take(&mut lines.unreported)));
        }
    }

    /// Puts other rules in force. Who is banned stays so, unless our firewall is not wanted any more; bans by hand
    /// stay.
    pub fn adopt(&mut self, policy: Policy) {
        self.policy = policy;
        self.bans.change_stop(self.policy.stop);
        if !self.policy.undone {
            self.bans.keep_routes();
        }
        if !self.policy.needs_firewall() {
            let held = |ban: &Ban| ban.stop == Stop::Firewall && !ban.by_hand;
            self.bans.free_if(|_, ban| held(ban));
        }
    }

    /// Who is protected has changed: whoever is banned and may not be is freed, unless it was forced. Tells `say`
    /// each of them.
    pub fn free_protected(&mut self, mut say: impl FnMut(&Prefix, &Ban)) {
        let protect = &self.protect;
        self.bans.free_if(|source, ban| {
            let protected = ban.is_forbidden(source, protect);
            if protected {
                say(source, ban);
            }
            protected
        });
    }
}
