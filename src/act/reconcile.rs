//! Keeps the firewall equal to the table of bans: what is wanted and what is enforced are compared, and the
//! difference becomes the next run of a firewall program. At most one run is under way.

use core::fmt::{self, Write};
use core::time::Duration;

use crate::act::firewall::{self, Backend, Job, Scope, Verb, kernel_time, nft};
use crate::act::state::{Phase, State};
use crate::judge::ban::Ban;
use crate::judge::bans::Bans;
use crate::judge::protect::Protect;
use crate::limits::{CHANGES_MAX, CHECK_PAUSE, FIREWALL_TIME, RUNS_AT_ONCE, RUNS_PAUSE};
use crate::net::Family;
use crate::time::Instant;

/// A run: which bans, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which bans.
    pub scope: Scope,
    /// What it does.
    pub job: Job,
}

/// The firewall of one backend, in its one or two scopes.
#[derive(Debug)]
pub struct Reconciler {
    pub(super) backend: Backend,
    /// Of the families that this machine has, and no other.
    pub(super) states: heapless::Vec<State, 2>,
    /// Whether there shall be anything at all.
    pub up: bool,
    /// The run under way.
    pub(super) flying: Option<Order>,
    /// Runs are paced: the next change waits until this is not more than a few pauses ahead.
    paced: Instant,
    /// When a ban was last left to the kernel to end.
    pub(super) lapsed: Option<Instant>,
}

impl Reconciler {
    /// Nothing loaded yet.
    pub fn new(backend: Backend, families: &[Family]) -> Self {
        let scopes = families.iter().map(|family| Scope::Only(*family));
        let states = match (backend, families) {
            (Backend::Nft | Backend::Auto, [_, ..]) => {
                [State::absent(Scope::Both)].into_iter().collect()
            }
            _ => scopes.map(State::absent).collect(),
        };
        Self {
            backend,
            states,
            up: false,
            flying: None,
            paced: Instant::default(),
            lapsed: None,
        }
    }

    /// Whose programs are run.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// What single runs are about.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.states.iter().map(|state| state.scope)
    }

    /// A daemon that was killed may have left something behind.
    pub fn suspect(&mut self) {
        for state in &mut self.states {
            state.phase = Phase::Abandoned;
        }
    }

    /// What the firewall holds is not believed any more, or its frame is another one: it is loaded and filled
    /// anew, or taken away.
    pub fn distrust(&mut self) {
        let changing = self.flying.filter(|order| order.job != Job::Check);
        for state in &mut self.states {
            // What it makes is out of date before it is there.
            state.doubted |= changing.is_some_and(|order| order.scope == state.scope);
            if matches!(state.phase, Phase::Stale | Phase::Even) {
                state.phase = Phase::Unknown;
            }
            state.rest_until = Instant::default();
        }
    }

    /// The run under way.
    pub fn flying(&self) -> Option<Order> {
        self.flying
    }

    /// Nothing under way but a look, nothing to do, nothing resting.
    pub fn is_even(&self, bans: &Bans) -> bool {
        let looks = self.flying.is_none_or(|order| order.job == Job::Check);
        looks && self.pending(bans).next().is_none()
    }

    /// Whether something of ours is there, or may be.
    pub fn is_loaded(&self) -> bool {
        self.states.iter().any(|state| state.phase != Phase::Absent) || self.flying.is_some()
    }

    /// Runs that failed since the last that did not, in this scope.
    pub fn failures_in(&self, scope: Scope) -> u32 {
        let mut states = self.states.iter().filter(|state| state.scope == scope);
        states.next().map_or(0, |state| state.failures)
    }

    /// The same, at most in one scope.
    pub fn failures(&self) -> u32 {
        let failures = self.states.iter().map(|state| state.failures);
        failures.max().unwrap_or(0)
    }

    /// The next run that is due: whichever waits longest, so that a flood of bans does not keep us from looking.
    pub fn next(&self, now: Instant, bans: &Bans) -> Option<Order> {
        let due = self.all(bans).filter(|(_, at)| *at <= now);
        due.min_by_key(|(_, at)| *at).map(|(order, _)| order)
    }

    /// When [`Self::next`] will have something; None if nothing is pending or a run is under way.
    pub fn due_at(&self, bans: &Bans) -> Option<Instant> {
        self.all(bans).map(|(_, at)| at).min()
    }

    /// Work, and behind it looks. Nothing while a run is under way.
    fn all(&self, bans: &Bans) -> impl Iterator<Item = (Order, Instant)> {
        let free = self.flying.is_none();
        let all = self.pending(bans).chain(self.looks());
        all.filter(move |_| free)
    }

    fn pending(&self, bans: &Bans) -> impl Iterator<Item = (Order, Instant)> {
        let paced = Instant::from_millis(self.paced.millis().saturating_sub(burst()));
        self.states.iter().filter_map(move |state| {
            let differs = || differs(state.scope, bans);
            let (job, scope) = (state.next_job(self.up, differs)?, state.scope);
            let at = match job {
                Job::Apply => state.rest_until.max(paced),
                _ => state.due_at(job),
            };
            Some((Order { scope, job }, at))
        })
    }

    /// Where nobody tells us of changes we look for them, while there is a ban that somebody could take away.
    fn looks(&self) -> impl Iterator<Item = (Order, Instant)> {
        let looks = self.up && self.backend.must_be_checked();
        self.states.iter().filter_map(move |state| {
            let (job, scope) = (Job::Check, state.scope);
            let even = looks && state.phase == Phase::Even && state.held;
            let at = state.seen.after(CHECK_PAUSE);
            even.then_some((Order { scope, job }, at))
        })
    }

    /// Begins a run; `out` gets what the program reads on its standard input, which may hold the frame already.
    /// Refuses once more, here at the last door, to ban somebody protected.
    pub fn begin(
        &mut self,
        now: Instant,
        order: Order,
        bans: &mut Bans,
        protect: &Protect,
        out: &mut impl Write,
    ) -> fmt::Result {
        let Order { scope, job } = order;
        self.flying = Some(order);
        match self.fills(job) {
            Fill::Nothing => return Ok(()),
            Fill::Differences => self.paced = self.paced.max(now).after(RUNS_PAUSE),
            Fill::Everything => bans.stir_all(),
        }
        firewall::begin(self.backend, scope, job, out)?;
        let anew = self.fills(job) == Fill::Everything;
        // Who comes back just behind the end of a ban may still be there with that end: it counts whole
        // seconds, from when the program got to it.
        let lately = |at| now.since(at) <= FIREWALL_TIME + Duration::from_secs(1);
        let over_soon = self.lapsed.is_some_and(lately);
        let mut left = CHANGES_MAX;
        // Whoever goes makes room first. Among intervals that takes a run of its own: nft refuses a network around
        // one that the same run takes away.
        let mut apart = false;
        for due in [false, true] {
            for (source, ban) in bans.stirred_mut().filter(|(source, _)| scope.holds(source)) {
                if ban.wanted && ban.is_forbidden(source, protect) {
                    ban.end();
                }
                let interval = self.backend == Backend::Nft && nft::is_wide(source) && !anew;
                if ban.due_in_firewall() != due || (due && interval && apart) {
                    continue;
                }
                apart |= interval && ban.enforced && !due;
                let verb = match verb(ban, anew, left > 0) {
                    Some(Verb::Add) if over_soon && !anew => Verb::Renew,
                    Some(verb) => verb,
                    None => continue,
                };
                ban.flying = Some(verb != Verb::Remove);
                ban.renewed = false;
                if anew && verb == Verb::Remove {
                    continue;
                }
                let time = kernel_time(now, ban);
                firewall::change(self.backend, job, verb, source, time, out)?;
                left -= 1;
            }
        }
        firewall::end(self.backend, scope, job, out)
    }

    /// Which bans a run is about.
    pub(super) fn fills(&self, job: Job) -> Fill {
        match job {
            Job::Apply => Fill::Differences,
            Job::Rebuild => Fill::Everything,
            Job::Load if self.backend == Backend::Nft => Fill::Everything,
            Job::Load | Job::Check | Job::Unload => Fill::Nothing,
        }
    }

    /// A refusal that another frame may mend is no reason to rest.
    pub fn hurry(&mut self) {
        for state in &mut self.states {
            state.rest_until = Instant::default();
        }
    }
}

/// Which bans a run writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Nothing,
    Differences,
    Everything,
}

/// What a run does about a ban; None: nothing. A run that makes everything anew has no need to take anything away.
fn verb(ban: &Ban, anew: bool, room: bool) -> Option<Verb> {
    let due = ban.due_in_firewall();
    match (anew, due) {
        (true, true) if room => Some(Verb::Add),
        (true, _) => Some(Verb::Remove),
        (false, _) if !room || !ban.differs() => None,
        (false, true) if ban.enforced => Some(Verb::Renew),
        (false, true) => Some(Verb::Add),
        (false, false) => Some(Verb::Remove),
    }
}

/// How far ahead of the clock the paced runs may be, in milliseconds.
fn burst() -> u64 {
    let pause = u64::try_from(RUNS_PAUSE.as_millis()).unwrap_or(0);
    pause.saturating_mul(u64::from(RUNS_AT_ONCE - 1))
}

fn differs(scope: Scope, bans: &Bans) -> bool {
    bans.stirred()
        .any(|(source, ban)| scope.holds(source) && ban.differs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_changes_while_it_is_loaded_is_loaded_again() {
        for backend in [Backend::Nft, Backend::Ipset, Backend::Iptables] {
            let mut reconciler = Reconciler::new(backend, &[Family::V4]);
            reconciler.up = true;
            let (now, mut bans) = (Instant::default(), Bans::new((0, 0)));
            let mut run = |reconciler: &mut Reconciler, meanwhile: fn(&mut Reconciler)| {
                let order = reconciler.next(now, &bans)?;
                let written = reconciler.begin(
                    now,
                    order,
                    &mut bans,
                    &Protect::default(),
                    &mut String::new(),
                );
                assert_eq!(written, Ok(()));
                meanwhile(reconciler);
                reconciler.settle(now, true, &mut bans, |_, _, _| {});
                Some(order.job)
            };
            assert_eq!(run(&mut reconciler, Reconciler::distrust), Some(Job::Load));
            assert_eq!(run(&mut reconciler, |_| {}), Some(Job::Load), "{backend:?}");
            while run(&mut reconciler, |_| {}).is_some() {}
            assert!(reconciler.is_even(&bans));
        }
    }
}
