//! The rules, in the order in which the manual's section "When is a source banned" gives them.

use core::net::IpAddr;

use crate::judge::ban::{Ban, Stop};
use crate::judge::bans::Bans;
use crate::judge::protect::{Guard, Protect};
use crate::judge::sources::{Sources, Standing};
use crate::limits::{FAILED_REST, FRESH_LINES, KNOWN_LINES};
use crate::net::Prefix;
use crate::see::chatter::is_dhcp;
use crate::see::conntrack::Belongs;
use crate::see::probe::{Mode, Probe, Protocol};
use crate::see::traps::Traps;
use crate::tell::quota::Bucket;
use crate::time::Instant;

/// What BLOCK_TCP or BLOCK_UDP asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Block {
    /// 0: log only.
    #[default]
    Off,
    /// 1: stop packets, and every action.
    Full,
    /// 2: KILL_RUN_CMD only.
    RunOnly,
}

/// The configured rules.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The trap ports of what is watched.
    pub traps: Traps,
    /// BLOCK_TCP.
    pub block_tcp: Block,
    /// BLOCK_UDP.
    pub block_udp: Block,
    /// How a full block stops packets.
    pub stop: Stop,
    /// SCAN_TRIGGER: the hit that bans; 0 and 1 are the first.
    pub scan_trigger: u32,
}

impl Policy {
    /// The block option of a protocol.
    pub fn block(&self, protocol: Protocol) -> Block {
        match protocol {
            Protocol::Tcp => self.block_tcp,
            Protocol::Udp => self.block_udp,
        }
    }

    /// Whether some ban would be held by our chain.
    pub fn needs_firewall(&self) -> bool {
        let full = self.block_tcp == Block::Full || self.block_udp == Block::Full;
        full && self.stop == Stop::Firewall
    }
}

/// What we think of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Not a trap of ours.
    NotATrap,
    /// No honest packet comes from there.
    Forged,
    /// On the ignore list.
    Ignored,
    /// Somebody's business: an answer, a forwarded connection, a service.
    Explained(Belongs),
    /// Counted; the trigger is not reached.
    Counted,
    /// Reported within the last minute, or more than the log bears: counted instead.
    Folded,
    /// To be reported, and what comes of it.
    Probe(Outcome),
}

/// What comes of a probe that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// BLOCK is 0.
    BlockingOff,
    /// Protected: never banned.
    Protected,
    /// Its ban begins now.
    Ban,
    /// Its ban is being carried out.
    Pending,
    /// Its ban holds.
    AlreadyBanned,
    /// The table of bans is full.
    NoRoom,
}

/// Probes that were counted instead of reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// This source touched traps again that it was reported for.
    Repeats(IpAddr, u32),
    /// So many were more than the log bears.
    Unreported(u64),
}

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
    unreported: u64,
    fresh_lines: Bucket,
    known_lines: Bucket,
}

impl Detector {
    /// Knows nobody yet. `seed` keys the tables; it must be unknown to the network.
    pub fn new(policy: Policy, seed: (u64, u64)) -> Self {
        Self {
            policy,
            protect: Protect::default(),
            sources: Sources::new(seed),
            bans: Bans::new(seed),
            unreported: 0,
            fresh_lines: Bucket::new(FRESH_LINES),
            known_lines: Bucket::new(KNOWN_LINES),
        }
    }

    /// Whether it is worth asking whose the packet is. Cheap, and before anything is remembered.
    pub fn candidate(&self, probe: &Probe) -> Result<(), Verdict> {
        if !self.policy.traps.of(probe.protocol).contains(probe.port) {
            return Err(Verdict::NotATrap);
        }
        match self.protect.guard(probe.source) {
            Guard::Forged => Err(Verdict::Forged),
            Guard::Ignored => Err(Verdict::Ignored),
            Guard::Gateway | Guard::Open if is_dhcp(probe) => {
                Err(Verdict::Explained(Belongs::Reply))
            }
            Guard::Gateway | Guard::Open => Ok(()),
        }
    }

    /// Judges a candidate. `belongs` is what the kernel knows of the packet; what it cannot tell counts as
    /// nobody's here, and is asked again before a ban starts.
    pub fn judge(&mut self, now: Instant, probe: &Probe, mode: Mode, belongs: Belongs) -> Verdict {
        if !matches!(belongs, Belongs::Nobody | Belongs::Unknown) {
            return Verdict::Explained(belongs);
        }
        let source = self.protect.source(probe.source);
        let standing = self.sources.touch(now, source, probe);
        if standing.hits < self.policy.scan_trigger {
            return Verdict::Counted;
        }
        let outcome = self.outcome(now, source, probe, mode, standing);
        if standing.repeat && outcome != Outcome::Ban {
            self.sources.fold(now, &source);
            return Verdict::Folded;
        }
        if outcome != Outcome::Ban && !self.log_bears(now, standing.fresh) {
            self.unreported += 1;
            self.sources.report_later(now);
            return Verdict::Folded;
        }
        self.sources.reported(&source, probe);
        Verdict::Probe(outcome)
    }

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
        let again = |ban: &Ban| ban.failed && now.since(ban.since) >= FAILED_REST;
        let known = self.bans.get_mut(&source);
        if let Some(ban) = known.filter(|ban| ban.wanted && !again(ban)) {
            ban.ports = ban.ports.max(standing.ports);
            return match ban.holds() {
                true => Outcome::AlreadyBanned,
                false => Outcome::Pending,
            };
        }
        if self.protect.covers(&source) {
            return Outcome::Protected;
        }
        let ban = Ban::new(now, *probe, mode, stop, standing.ports);
        match self.bans.insert(source, ban) {
            true => Outcome::Ban,
            false => Outcome::NoRoom,
        }
    }

    /// Whether the log bears one more line about such a source. (A ban always has its line: displacing bans takes
    /// ever more evidence, so their number is bounded.)
    fn log_bears(&mut self, now: Instant, fresh: bool) -> bool {
        match fresh {
            true => self.fresh_lines.take(now),
            false => self.known_lines.take(now),
        }
    }

    /// Once a minute, if there is something: what was counted instead of reported.
    pub fn take_folded(&mut self, now: Instant, mut say: impl FnMut(Folded)) {
        let (fresh, known) = (&mut self.fresh_lines, &mut self.known_lines);
        let unreported = &mut self.unreported;
        let due = self.sources.take_folded(now, |addr, count, on_probation| {
            let bucket = if on_probation {
                &mut *fresh
            } else {
                &mut *known
            };
            match bucket.take(now) {
                true => say(Folded::Repeats(addr, count)),
                false => *unreported += u64::from(count),
            }
        });
        if due && self.unreported > 0 {
            say(Folded::Unreported(core::mem::take(&mut self.unreported)));
        }
    }

    /// Puts other rules in force. Who is banned stays so, unless our chain is not wanted any more.
    pub fn adopt(&mut self, policy: Policy) {
        self.policy = policy;
        self.bans.change_stop(self.policy.stop);
        if !self.policy.needs_firewall() {
            self.bans.free_firewall();
        }
    }

    /// Who is protected has changed: whoever is banned and may not be is freed. Tells `say` each of them.
    pub fn free_protected(&mut self, mut say: impl FnMut(&Ban)) {
        let protect = &self.protect;
        for (source, ban) in self.bans.iter_mut() {
            if ban.wanted && protect.covers(source) {
                ban.wanted = false;
                say(ban);
            }
        }
        self.bans.drop_gone();
    }
}
