//! The naive model: it keeps every probe of every source, and recounts from the beginning each time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use portsentry::judge::ban::Stop;
use portsentry::judge::policy::{Block, Policy};
use portsentry::judge::verdict::{Outcome, Verdict};
use portsentry::limits::{BANNED_LINES, FAILED_REST, FOLD, VALVE_PORTS};
use portsentry::net::Prefix;
use portsentry::see::conntrack::Belongs;
use portsentry::see::probe::{Kind, Probe, Protocol};
use portsentry::time::Instant;

use super::ledger::Ledger;
use super::{Reach, reached};

struct Seen {
    at: Instant,
    trap: (Protocol, u16),
    kind: Kind,
    source_port: u16,
    said: bool,
}

#[derive(Default)]
pub(super) struct Model {
    seen: HashMap<Prefix, Vec<Seen>>,
    pub(super) ledger: Ledger,
    pub(super) ignored: Vec<Prefix>,
    pub(super) own: Vec<IpAddr>,
    pub(super) gateways: Vec<IpAddr>,
    pub(super) resolvers: Vec<IpAddr>,
    /// Networks of devices that are not watched.
    pub(super) lans: Vec<Prefix>,
    /// The minute that the valve counts, who wanted to be banned in it, and whether it is closed.
    minute: Instant,
    wishes: Vec<Prefix>,
    pub(super) closed: bool,
}

/// How far the firewall and the owner's commands have come with the ban that a source falls under: the model
/// knows nothing of them.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) holds: bool,
    pub(super) failed: bool,
}

impl Model {
    /// The prefix that a source stands for.
    pub(super) fn source(&self, addr: IpAddr) -> Prefix {
        let host = Prefix::host(addr);
        let Some(wide) = Prefix::new(addr, 64).filter(|_| addr.is_ipv6()) else {
            return host;
        };
        if self.protects_some_of(&wide) {
            host
        } else {
            wide
        }
    }

    /// What a ban for a probe would be of: a command of the owner's is given one address.
    pub(super) fn banned(&self, probe: &Probe, policy: &Policy) -> Prefix {
        let by_firewall =
            policy.block(probe.protocol) == Block::Full && policy.stop == Stop::Firewall;
        match by_firewall {
            true => self.source(probe.source),
            false => Prefix::host(probe.source),
        }
    }

    /// Whether somebody protected lives in a prefix.
    pub(super) fn protects_some_of(&self, prefix: &Prefix) -> bool {
        let ours = self.own.iter().chain(&self.gateways);
        let mut networks = self.ignored.iter().chain(&self.lans);
        ours.chain(&self.resolvers)
            .any(|addr| prefix.contains(*addr))
            || networks.any(|other| other.overlaps(prefix))
    }

    /// Others are protected from now on, by one of seven ways; which rule would free somebody by that.
    pub(super) fn protect_other(&mut self, way: usize, addr: IpAddr) -> &'static str {
        let (few, many) = if addr.is_ipv4() { (30, 28) } else { (112, 64) };
        let network = |bits| Prefix::new(addr, bits).unwrap();
        match way {
            0 => self.ignored.clear(),
            1 => self.lans.clear(),
            2 => self.ignored.push(Prefix::host(addr)),
            3 => self.ignored.push(network(few)),
            4 => self.lans = vec![network(many)],
            5 => self.resolvers = vec![addr],
            _ => self.gateways[0] = addr,
        }
        self.ignored.dedup();
        self.ignored.truncate(8);
        match way {
            0 | 1 => "freed by nobody",
            2 | 3 => "freed by the ignore list",
            4 => "freed by a network that is not watched",
            5 => "freed by a resolver",
            _ => "freed by a gateway",
        }
    }

    /// The verdict, from the rules in words. `has_room` is asked last, with the distinct traps of the source.
    #[allow(clippy::too_many_arguments, reason = "all that a verdict depends on")]
    pub(super) fn judge(
        &mut self,
        now: Instant,
        probe: &Probe,
        belongs: Belongs,
        policy: &Policy,
        progress: Progress,
        has_room: impl FnOnce(u16) -> bool,
        reach: &mut Reach,
    ) -> Verdict {
        if !policy.traps.of(probe.protocol).contains(probe.port) {
            return Verdict::NotATrap;
        }
        let ignores = |prefix: &Prefix| prefix.contains(probe.source);
        if self.ignored.iter().any(ignores) {
            return Verdict::Ignored;
        }
        if self.own.contains(&probe.source) {
            return Verdict::Forged;
        }
        if belongs != Belongs::Nobody {
            return Verdict::Explained(belongs);
        }
        let source = self.source(probe.source);
        let history = self.seen.entry(source).or_default();
        let last = history.last().map(|last| last.at);
        if last.is_some_and(|last| now.since(last) >= policy.window) {
            reached(reach, "source forgotten after the window");
            history.clear();
        }
        history.push(Seen {
            at: now,
            trap: (probe.protocol, probe.port),
            kind: probe.kind,
            source_port: probe.source_port,
            said: false,
        });
        let (hits, ports, repeat) = recount(history);
        if hits < policy.scan_trigger || u32::from(ports) < policy.trigger_ports {
            return Verdict::Counted;
        }
        let outcome = match policy.block(probe.protocol) {
            Block::Off => Outcome::BlockingOff,
            _ => self.about_a_ban(now, probe, ports, policy, progress, has_room),
        };
        match outcome {
            Outcome::Ban => Verdict::Probe(outcome),
            Outcome::StillBanned => {
                reached(reach, "still banned");
                Verdict::Folded
            }
            _ if repeat => Verdict::Folded,
            _ => {
                self.tell(now, Prefix::host(probe.source), outcome);
                Verdict::Probe(outcome)
            }
        }
    }

    /// A line says that a source is banned already.
    fn tell(&mut self, now: Instant, source: Prefix, outcome: Outcome) {
        let key = self.ledger.covering(&source);
        let key = key.filter(|_| outcome == Outcome::AlreadyBanned);
        let Some(entry) = key.and_then(|key| self.ledger.bans.get_mut(&key)) else {
            return;
        };
        let (lines, began) = entry.told;
        entry.told = match now.since(began) < FOLD {
            true => (lines.saturating_add(1), began),
            false => (1, now),
        };
    }

    #[allow(clippy::too_many_arguments, reason = "all that a ban depends on")]
    fn about_a_ban(
        &mut self,
        now: Instant,
        probe: &Probe,
        ports: u16,
        policy: &Policy,
        progress: Progress,
        has_room: impl FnOnce(u16) -> bool,
    ) -> Outcome {
        if let Some(key) = self.ledger.covering(&Prefix::host(probe.source)) {
            let entry = self.ledger.bans.get_mut(&key).unwrap();
            let again = progress.failed && now.since(entry.since) >= FAILED_REST;
            let (lines, began) = entry.told;
            let enough = lines >= BANNED_LINES && now.since(began) < FOLD;
            let stops = policy.block(probe.protocol) == Block::Full;
            let less = entry.stop == Stop::Nothing && stops;
            match (again || less, progress.holds) {
                (true, _) => {}
                (_, false) => return Outcome::Pending,
                (_, true) if enough => return Outcome::StillBanned,
                (_, true) => return Outcome::AlreadyBanned,
            }
        }
        let source = self.banned(probe, policy);
        if self.protects_some_of(&source) {
            return Outcome::Protected;
        }
        self.turn_valve(now, policy.ban_rate_max);
        if probe.kind != Kind::Connect && policy.ban_rate_max > 0 {
            self.wishes.push(source);
            self.closed |= self.wishes.len() > policy.ban_rate_max as usize;
            if self.closed && ports < VALVE_PORTS {
                return Outcome::Doubted;
            }
        }
        match has_room(ports) {
            true => Outcome::Ban,
            false => Outcome::NoRoom,
        }
    }

    /// A minute is over. It is opened behind one in which fewer than half of the limit came.
    pub(super) fn turn_valve(&mut self, now: Instant, most: u32) {
        let past = now.since(self.minute);
        if past < Duration::from_secs(60) {
            return;
        }
        let few = 2 * self.wishes.len() < most as usize;
        self.closed &= !few && past < Duration::from_secs(120) && most > 0;
        self.wishes.clear();
        self.minute = now;
    }

    /// The last probe of a source was reported.
    pub(super) fn said(&mut self, source: &Prefix) {
        let last = self.seen.get_mut(source).and_then(|seen| seen.last_mut());
        if let Some(last) = last {
            last.said = true;
        }
    }

    /// The owner wants to hear no more of it.
    pub(super) fn forget(&mut self, source: &Prefix) {
        self.seen.remove(source);
    }
}

/// Hits, distinct traps, and whether the last probe repeats one that was reported within FOLD.
///
/// A touch opens a minute. Within it the same touch from the same source port as the time before is a
/// retransmission and no hit; the first behind it opens a new minute and is a hit.
fn recount(history: &[Seen]) -> (u32, u16, bool) {
    let mut hits = 0;
    let mut repeat = false;
    let mut traps = Vec::new();
    for (at, seen) in history.iter().enumerate() {
        let same = |other: &&Seen| other.trap == seen.trap && other.kind == seen.kind;
        let before: Vec<&Seen> = history[..at].iter().filter(same).collect();
        let mut opened: Option<Instant> = None;
        let mut said = false;
        for earlier in &before {
            if opened.is_none_or(|opened| earlier.at.since(opened) >= FOLD) {
                opened = Some(earlier.at);
                said = false;
            }
            said |= earlier.said;
        }
        let within = opened.is_some_and(|opened| seen.at.since(opened) < FOLD);
        let last_port = before.last().map(|earlier| earlier.source_port);
        if !(within && last_port == Some(seen.source_port)) {
            hits += 1;
        }
        repeat = within && said;
        if !traps.contains(&seen.trap) {
            traps.push(seen.trap);
        }
    }
    (hits, u16::try_from(traps.len()).unwrap(), repeat)
}
