//! The naive model: it keeps every probe of every source, and recounts from the beginning each time.

use std::collections::HashMap;
use std::net::IpAddr;

use portsentry::judge::policy::{Block, Policy};
use portsentry::judge::verdict::{Outcome, Verdict};
use portsentry::limits::{FOLD, WINDOW};
use portsentry::net::Prefix;
use portsentry::see::conntrack::Belongs;
use portsentry::see::probe::{Kind, Probe, Protocol};
use portsentry::time::Instant;

use super::{Reach, reached};

struct Seen {
    at: Instant,
    trap: (Protocol, u16),
    kind: Kind,
    source_port: u16,
    said: bool,
    /// What was seen in an earlier one is forgotten.
    era: usize,
}

#[derive(Default)]
pub(super) struct Model {
    seen: HashMap<Prefix, Vec<Seen>>,
    pub(super) ignored: Vec<Prefix>,
    pub(super) own: Vec<IpAddr>,
    pub(super) gateways: Vec<IpAddr>,
    pub(super) resolvers: Vec<IpAddr>,
    /// Networks of devices that are not watched.
    pub(super) lans: Vec<Prefix>,
}

/// What the detector must answer; bans are looked up in the real table, which the firewall is checked against.
pub(super) enum Expected {
    Exactly(Verdict),
    /// It is to be reported, and the outcome is one of a ban.
    AboutABan {
        repeat: bool,
    },
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

    /// The verdict, from the rules in words.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        probe: &Probe,
        belongs: Belongs,
        policy: &Policy,
        reach: &mut Reach,
    ) -> Expected {
        use Expected::Exactly;
        if !policy.traps.of(probe.protocol).contains(probe.port) {
            return Exactly(Verdict::NotATrap);
        }
        if self
            .ignored
            .iter()
            .any(|prefix| prefix.contains(probe.source))
        {
            return Exactly(Verdict::Ignored);
        }
        if self.own.contains(&probe.source) {
            return Exactly(Verdict::Forged);
        }
        if belongs != Belongs::Nobody {
            return Exactly(Verdict::Explained(belongs));
        }
        let source = self.source(probe.source);
        let history = self.seen.entry(source).or_default();
        if history
            .last()
            .is_some_and(|last| now.since(last.at) >= WINDOW)
        {
            reached(reach, "source forgotten after the window");
            history.clear();
        }
        let mut seen = Seen {
            at: now,
            trap: (probe.protocol, probe.port),
            kind: probe.kind,
            source_port: probe.source_port,
            said: false,
            era: history.last().map_or(0, |last| last.era),
        };
        // On probation, of the one trap, the latest kind of touch is remembered.
        let probation = history.iter().all(|other| other.trap == seen.trap);
        let other_kind = history.last().is_some_and(|last| last.kind != seen.kind);
        seen.era += usize::from(probation && other_kind);
        history.push(seen);
        let (hits, repeat) = recount(history);
        if hits < policy.scan_trigger {
            return Exactly(Verdict::Counted);
        }
        if policy.block(probe.protocol) != Block::Off {
            return Expected::AboutABan { repeat };
        }
        match repeat {
            true => Exactly(Verdict::Folded),
            false => Exactly(Verdict::Probe(Outcome::BlockingOff)),
        }
    }

    /// The last probe of a source was reported.
    pub(super) fn said(&mut self, source: &Prefix) {
        if let Some(last) = self
            .seen
            .get_mut(source)
            .and_then(|history| history.last_mut())
        {
            last.said = true;
        }
    }
}

/// Hits, and whether the last probe repeats one that was reported within FOLD.
///
/// A touch opens a minute. Within it the same touch from the same source port as the time before is a
/// retransmission and no hit; the first behind it opens a new minute and is a hit.
fn recount(history: &[Seen]) -> (u32, bool) {
    let mut hits = 0;
    let mut repeat = false;
    for (at, seen) in history.iter().enumerate() {
        let what = |seen: &Seen| (seen.trap, seen.kind, seen.era);
        let same = |other: &&Seen| what(other) == what(seen);
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
    }
    (hits, repeat)
}
