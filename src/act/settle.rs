//! What a run that has ended means for the bans and for what comes next.

use crate::act::firewall::{Backend, Job, ends_by_kernel, nft};
use crate::act::reconcile::{Fill, Order, Reconciler};
use crate::act::state::{Phase, State};
use crate::act::verify::{Matched, compare};
use crate::judge::ban::{Ban, Step};
use crate::judge::bans::Bans;
use crate::net::Prefix;
use crate::time::Instant;

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

impl Reconciler {
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
        if order.job == Job::Unload {
            bans.stir_all();
        }
        let ours = |(source, _): &(&Prefix, &mut Ban)| order.scope.holds(source);
        for (source, ban) in bans.stirred_mut().filter(ours) {
            let flown = ban.flying.take();
            let change = match (ok, order.job, flown) {
                // It went as a whole; that is not said ban by ban.
                (true, Job::Unload, _) => {
                    ban.enforced = false;
                    None
                }
                // It found no room in a rebuild, or it came back meanwhile: it is added next.
                (true, _, Some(false)) if ban.due_in_firewall() => {
                    ban.enforced = false;
                    None
                }
                (true, _, Some(there)) if there != ban.enforced => Some(enforce(ban, there)),
                (false, Job::Load | Job::Rebuild | Job::Apply, _) => fail(now, ban),
                _ => None,
            };
            if let Some(change) = change {
                say(source, ban, change);
            }
        }
        bans.drop_gone();
        self.advance(now, order, ok);
        self.note_held(bans);
    }

    /// Bans that the kernel has ended by itself need no run. Tells `say` each of them. But the kernel counts
    /// whole seconds, from when the program got to it, and nft refuses a network around one that is still there:
    /// so those of any length are taken out, which is known to have happened.
    pub fn lapse(&mut self, now: Instant, bans: &mut Bans, mut say: impl FnMut(&Prefix)) {
        if !self.backend.has_timeouts() {
            return;
        }
        let over = |ban: &Ban| {
            let ended = ban.until.is_some_and(|until| until <= now) && ends_by_kernel(ban);
            // The kernel may have another end than the one that we have now.
            let told = !ban.renewed && ban.flying.is_none();
            !ban.wanted && ban.enforced && ended && told
        };
        let mut lapsed = false;
        let interval = |source| self.backend == Backend::Nft && nft::is_wide(source);
        for (source, ban) in bans.stirred_mut().filter(|(_, ban)| over(ban)) {
            if interval(source) {
                continue;
            }
            ban.enforced = false;
            lapsed = true;
            say(source);
        }
        bans.drop_gone();
        if lapsed {
            self.lapsed = Some(now);
            self.note_held(bans);
        }
    }

    /// Reads what a check has said. True if somebody else has changed what is ours: it is put right next.
    pub fn verify(&mut self, now: Instant, ok: bool, output: &str, bans: &Bans) -> bool {
        let Some(order) = self.flying.take() else {
            return false;
        };
        let matched = match ok {
            true => compare(self.backend, order.scope, now, output, bans),
            false => Matched::FrameLost,
        };
        let states = self.states.iter_mut();
        // It was distrusted while the check was under way, or shall go: then it does not matter any more.
        let even = |state: &&mut State| state.scope == order.scope && state.phase == Phase::Even;
        for state in states.filter(even) {
            state.seen = now;
            state.phase = match matched {
                Matched::All => Phase::Even,
                Matched::BansLost => Phase::Stale,
                Matched::FrameLost => Phase::Unknown,
            };
        }
        matched != Matched::All
    }

    /// Notes where some ban is enforced: in each turn it would be a walk along all of them.
    fn note_held(&mut self, bans: &Bans) {
        for state in &mut self.states {
            let scope = state.scope;
            let held = |(source, ban): (&Prefix, &Ban)| ban.enforced && scope.holds(source);
            state.held = bans.iter().any(held);
        }
    }

    fn advance(&mut self, now: Instant, order: Order, ok: bool) {
        let filled = self.fills(order.job) != Fill::Nothing;
        let mut states = self.states.iter_mut();
        if let Some(state) = states.find(|state| state.scope == order.scope) {
            match ok {
                true => state.succeed(now, order.job, filled),
                false => state.fail(now, order.job),
            }
        }
    }
}

fn enforce(ban: &mut Ban, there: bool) -> Change {
    ban.enforced = there;
    match there {
        true => Change::Enforced,
        false => Change::Gone,
    }
}

fn fail(now: Instant, ban: &mut Ban) -> Option<Change> {
    let waits = ban.due_in_firewall() && !ban.enforced && ban.step == Step::Stop;
    (waits && ban.failed_once(now)).then_some(Change::GivenUp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::firewall::{Backend, Scope};
    use crate::judge::protect::Protect;
    use crate::limits::{CHECK_PAUSE, UNLOADS_MAX};
    use crate::net::Family;

    fn run(now: Instant, ok: bool, reconciler: &mut Reconciler, bans: &mut Bans) -> Option<Order> {
        let order = reconciler.next(now, bans)?;
        let (protect, mut out) = (Protect::default(), String::new());
        let begun = reconciler.begin(now, order, bans, &protect, &mut out);
        assert_eq!(begun, Ok(()));
        reconciler.settle(now, ok, bans, |_, _, _| {});
        Some(order)
    }

    #[test]
    fn a_family_is_looked_at_while_somebody_of_it_is_banned() {
        let mut reconciler = Reconciler::new(Backend::Iptables, &Family::BOTH);
        reconciler.up = true;
        let (now, mut bans) = (Instant::default(), Bans::new((0, 0)));
        let addr = "192.0.2.7".parse().unwrap();
        let source = Prefix::host(addr);
        assert!(bans.insert(source, Ban::by_hand(now, addr)));
        while run(now, true, &mut reconciler, &mut bans).is_some() {}
        bans.calm();
        let later = now.after(CHECK_PAUSE);
        assert_eq!(reconciler.due_at(&bans), Some(later));
        let look = reconciler.next(later, &bans).map(|order| order.scope);
        assert_eq!(look, Some(Scope::Only(Family::V4)));
        bans.free(&source);
        assert!(run(later, true, &mut reconciler, &mut bans).is_some());
        assert_eq!(reconciler.due_at(&bans), None);
    }

    #[test]
    fn a_change_that_fails_puts_off_no_look() {
        let mut reconciler = Reconciler::new(Backend::Iptables, &[Family::V4]);
        reconciler.up = true;
        let (start, mut bans) = (Instant::default(), Bans::new((0, 0)));
        let ban = |bans: &mut Bans, now: Instant, addr: &str| {
            let addr = addr.parse().unwrap();
            assert!(bans.insert(Prefix::host(addr), Ban::by_hand(now, addr)));
        };
        ban(&mut bans, start, "192.0.2.7");
        while run(start, true, &mut reconciler, &mut bans).is_some() {}
        let look = start.after(CHECK_PAUSE);
        let before = Instant::from_millis(look.millis() - 100);
        ban(&mut bans, before, "192.0.2.8");
        let order = run(before, false, &mut reconciler, &mut bans).unwrap();
        assert_eq!(order.job, Job::Apply);
        let order = run(look, true, &mut reconciler, &mut bans).unwrap();
        assert_eq!(order.job, Job::Load);
    }

    #[test]
    fn what_was_never_loaded_as_a_whole_is_tried_to_be_taken_away_a_few_times() {
        let mut reconciler = Reconciler::new(Backend::Nft, &[Family::V4]);
        let (mut now, mut bans) = (Instant::default(), Bans::new((0, 0)));
        for (loads, unloads) in [(0, UNLOADS_MAX), (UNLOADS_MAX, 1)] {
            reconciler.suspect();
            for (up, times, job) in [(true, loads, Job::Load), (false, unloads, Job::Unload)] {
                reconciler.up = up;
                for _ in 0..times {
                    now = reconciler.due_at(&bans).unwrap().max(now);
                    let order = run(now, false, &mut reconciler, &mut bans);
                    assert_eq!(order.map(|order| order.job), Some(job));
                }
            }
            assert!(!reconciler.is_loaded() && reconciler.is_even(&bans));
        }
        // What was loaded is not given up.
        reconciler.up = true;
        assert!(run(now, true, &mut reconciler, &mut bans).is_some());
        reconciler.up = false;
        for _ in 0..2 * UNLOADS_MAX {
            now = reconciler.due_at(&bans).unwrap().max(now);
            run(now, false, &mut reconciler, &mut bans);
        }
        assert!(reconciler.is_loaded());
    }
}
