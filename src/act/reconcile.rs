//! Keeps the firewall equal to the table of bans: what is wanted and what is enforced are compared, and the
//! difference becomes the next run of a firewall program. At most one run is under way.

use core::fmt::{self, Write};
use core::time::Duration;

use crate::act::iptables;
use crate::judge::ban::{Ban, Step};
use crate::judge::bans::Bans;
use crate::judge::protect::Protect;
use crate::limits::{CHANGES_MAX, REST, REST_MAX};
use crate::net::{Family, Prefix};
use crate::time::Instant;

/// What one run of a firewall program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Make the chain and the jumps to it.
    Load,
    /// Empty the chain and fill it with all bans, in one transaction.
    Rebuild,
    /// Add and remove bans.
    Apply,
    /// Take the chain and the jumps away.
    Unload,
}

/// A run: which firewall, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// iptables or ip6tables.
    pub family: Family,
    /// What it does.
    pub job: Job,
}

/// What is known of the chain of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not there.
    Absent,
    /// Perhaps there, left behind by a daemon that was killed.
    Abandoned,
    /// A run failed: it may be there, in part or as a whole.
    Unknown,
    /// Loaded; what it holds is not known.
    Stale,
    /// It holds exactly what is enforced.
    Even,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    failures: u32,
    rest_until: Instant,
}

/// What a ban went through in a run that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The firewall has it now.
    Enforced,
    /// It could not be enforced, several times; it is tried on, but said once.
    GivenUp,
    /// The firewall no longer has it.
    Gone,
}

/// Both families' chains.
#[derive(Debug)]
pub struct Reconciler {
    /// Of the families that this machine has, and no other.
    states: Vec<(Family, State)>,
    /// Whether there shall be a chain at all.
    pub up: bool,
    /// The run under way.
    flying: Option<Order>,
}

impl Reconciler {
    /// Nothing loaded yet.
    pub fn new(families: &[Family]) -> Self {
        let state = State {
            phase: Phase::Absent,
            failures: 0,
            rest_until: Instant::default(),
        };
        Self {
            states: families.iter().map(|family| (*family, state)).collect(),
            up: false,
            flying: None,
        }
    }

    /// A daemon that was killed may have left its chains behind.
    pub fn suspect(&mut self) {
        for (_, state) in &mut self.states {
            state.phase = Phase::Abandoned;
        }
    }

    /// What the chains hold is not believed any more: they are loaded and filled anew, or taken away.
    pub fn distrust(&mut self) {
        for (_, state) in &mut self.states {
            state.phase = Phase::Unknown;
            state.rest_until = Instant::default();
        }
    }

    /// The run under way.
    pub fn flying(&self) -> Option<Order> {
        self.flying
    }

    /// Nothing under way, nothing to do, nothing resting.
    pub fn is_even(&self, bans: &Bans) -> bool {
        self.flying.is_none() && self.pending(bans).next().is_none()
    }

    /// Whether a chain of ours is there, or may be.
    pub fn is_loaded(&self) -> bool {
        self.states.iter().any(|(_, s)| s.phase != Phase::Absent) || self.flying.is_some()
    }

    /// The next run that is due.
    pub fn next(&self, now: Instant, bans: &Bans) -> Option<Order> {
        if self.flying.is_some() {
            return None;
        }
        let mut due = self.pending(bans).filter(|(_, rest)| *rest <= now);
        due.next().map(|(order, _)| order)
    }

    /// When [`Self::next`] will have something; None if nothing is pending or a run is under way.
    pub fn due_at(&self, bans: &Bans) -> Option<Instant> {
        if self.flying.is_some() {
            return None;
        }
        self.pending(bans).map(|(_, rest)| rest).min()
    }

    fn pending(&self, bans: &Bans) -> impl Iterator<Item = (Order, Instant)> {
        self.states.iter().filter_map(|&(family, state)| {
            let job = match (self.up, state.phase) {
                (true, Phase::Absent | Phase::Abandoned | Phase::Unknown) => Job::Load,
                (true, Phase::Stale) => Job::Rebuild,
                (true, Phase::Even) if differs(family, bans) => Job::Apply,
                (true, Phase::Even) | (false, Phase::Absent) => return None,
                (false, _) => Job::Unload,
            };
            Some((Order { family, job }, state.rest_until))
        })
    }

    /// Begins a run; `out` gets what the program reads on its standard input. Refuses once more, here at
    /// the last door, to ban somebody protected.
    pub fn begin(
        &mut self,
        order: Order,
        bans: &mut Bans,
        protect: &Protect,
        out: &mut impl Write,
    ) -> fmt::Result {
        self.flying = Some(order);
        let rebuild = order.job == Job::Rebuild;
        if matches!(order.job, Job::Load | Job::Unload) {
            return Ok(());
        }
        iptables::begin(rebuild, out)?;
        let mut left = CHANGES_MAX;
        for (source, ban) in of_family(order.family, bans) {
            ban.wanted &= !protect.covers(source);
            let ban_it = ban.due_in_firewall();
            if rebuild {
                // The chain is emptied: what is not written now will not be in it.
                ban.flying = Some(ban_it && left > 0);
            } else if ban.differs() && left > 0 {
                ban.flying = Some(ban_it);
            }
            let written = ban.flying == Some(true) || (ban.flying == Some(false) && !rebuild);
            if written {
                iptables::change(ban_it, source, out)?;
                left -= 1;
            }
        }
        iptables::end(out)
    }

    /// Notes how the run ended, and tells `say` what that means for each ban.
    pub fn settle(
        &mut self,
        now: Instant,
        ok: bool,
        bans: &mut Bans,
        mut say: impl FnMut(&Prefix, &mut Ban, Change),
    ) {
        let Some(order) = self.flying.take() else {
            return;
        };
        for (source, ban) in of_family(order.family, bans) {
            let flown = ban.flying.take();
            let change = match (ok, order.job, flown) {
                // The chain went as a whole; that is not said ban by ban.
                (true, Job::Unload, _) => {
                    ban.enforced = false;
                    None
                }
                // It found no room in a rebuild, or it came back meanwhile: it is added next.
                (true, _, Some(false)) if ban.due_in_firewall() => {
                    ban.enforced = false;
                    None
                }
                (true, _, Some(there)) if there != ban.enforced => enforce(ban, there),
                (false, Job::Load | Job::Rebuild | Job::Apply, _) => fail(now, ban),
                _ => None,
            };
            if let Some(change) = change {
                say(source, ban, change);
            }
        }
        bans.drop_gone();
        self.advance(now, order, ok);
    }

    fn advance(&mut self, now: Instant, order: Order, ok: bool) {
        let state = self.states.iter_mut().find(|(f, _)| *f == order.family);
        let Some((_, state)) = state else {
            return;
        };
        if !ok {
            state.failures = state.failures.saturating_add(1);
            state.rest_until = now.after(rest(state.failures));
            // Who may not even look has no chain of ours to take away; nothing was loaded by us.
            state.phase = match (order.job, state.phase) {
                (Job::Unload, Phase::Abandoned) => Phase::Absent,
                _ => Phase::Unknown,
            };
            return;
        }
        state.failures = 0;
        state.rest_until = now;
        state.phase = match order.job {
            Job::Load => Phase::Stale,
            // It was distrusted while the run was under way.
            Job::Rebuild | Job::Apply if state.phase == Phase::Unknown => Phase::Unknown,
            Job::Rebuild | Job::Apply => Phase::Even,
            Job::Unload => Phase::Absent,
        };
    }
}

/// Rests double, from REST up to REST_MAX.
pub fn rest(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    REST.saturating_mul(1 << doublings).min(REST_MAX)
}

fn differs(family: Family, bans: &Bans) -> bool {
    bans.iter()
        .any(|(source, ban)| Family::of(source.addr()) == family && ban.differs())
}

/// All bans of a family, those that something else stops included: one of them may have been ours until it came
/// back under other rules.
fn of_family(family: Family, bans: &mut Bans) -> impl Iterator<Item = (&Prefix, &mut Ban)> {
    let bans = bans.iter_mut();
    bans.filter(move |(source, _)| Family::of(source.addr()) == family)
}

fn enforce(ban: &mut Ban, there: bool) -> Option<Change> {
    ban.enforced = there;
    Some(match there {
        true => Change::Enforced,
        false => Change::Gone,
    })
}

fn fail(now: Instant, ban: &mut Ban) -> Option<Change> {
    let waits = ban.due_in_firewall() && !ban.enforced && ban.step == Step::Stop;
    (waits && ban.failed_once(now)).then_some(Change::GivenUp)
}
