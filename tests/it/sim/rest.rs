//! Whether wanted, enforced and what the firewall holds are the same, wherever nothing is under way and nothing is
//! to be done.

use std::collections::HashMap;
use std::time::Duration;

use portsentry::judge::ban::{Step, Stop};
use portsentry::judge::detector::Detector;
use portsentry::limits::{BANS_MAX, KERNEL_TIME_MAX, LEAVING_MAX};
use portsentry::net::Prefix;
use portsentry::time::Instant;

use super::enforcer::Enforcer;
use super::flight::RUN_TIME;
use super::{Reach, reached};

const SECOND: Duration = Duration::from_secs(1);

impl Enforcer {
    pub(super) fn check(&mut self, now: Instant, detector: &Detector, reach: &mut Reach) {
        let bans = &detector.bans;
        assert!(bans.wanted() <= bans.most() && bans.most() <= BANS_MAX);
        assert!(bans.iter().count() <= BANS_MAX + LEAVING_MAX);
        if !self.reconciler.is_even(bans) || self.reconciler.backend() != self.backend {
            return;
        }
        let scopes: Vec<_> = self.reconciler.scopes().collect();
        if !self.reconciler.up {
            assert!(self.is_clean() && !self.reconciler.is_loaded());
            return;
        }
        for scope in scopes
            .into_iter()
            .filter(|scope| !self.is_disturbed(*scope))
        {
            reached(reach, "at rest and equal");
            let frame = self.firewall.frame(scope);
            assert!(
                self.frame(scope).ends_with(&frame),
                "an old frame:\n{frame}"
            );
            let held = self.firewall.held(now, scope);
            let count = held.len();
            let mut held: HashMap<Prefix, Option<Instant>> = held.into_iter().collect();
            assert_eq!(held.len(), count, "somebody is there twice");
            let wanted = bans.iter().filter(|(source, ban)| {
                let ours = ban.stop == Stop::Firewall && ban.step != Step::Confirm;
                ban.wanted && ours && scope.holds(source)
            });
            for (source, ban) in wanted {
                assert!(ban.enforced, "{source}");
                self.check_end(now, source, ban.since, ban.until, held.remove(source));
            }
            for (source, ends) in held {
                let over = ends.is_some_and(|ends| ends <= latest(now));
                assert!(
                    over,
                    "{source} is held still, until {ends:?}; it is {now:?}"
                );
            }
        }
        self.owner.check(detector);
    }

    /// What the firewall holds must not end a second before its ban does, nor outlive it by more.
    fn check_end(
        &self,
        now: Instant,
        source: &Prefix,
        since: Instant,
        until: Option<Instant>,
        held: Option<Option<Instant>>,
    ) {
        let Some(ends) = held else {
            let soon = until.is_some_and(|until| until <= now.after(SECOND));
            return assert!(soon, "{source} is not held; it is {now:?}, until {until:?}");
        };
        let by_kernel = until.filter(|until| until.since(since) <= KERNEL_TIME_MAX);
        let by_kernel = by_kernel.filter(|_| self.backend.has_timeouts());
        match (by_kernel, ends) {
            (None, None) => {}
            (Some(until), Some(ends)) => {
                let fits = ends.after(SECOND) >= until && ends <= latest(until);
                assert!(
                    fits,
                    "{source} is held until {ends:?}, banned until {until:?}"
                );
            }
            other => panic!("{source}: {other:?}"),
        }
    }
}

/// The end in the firewall of a ban that ends then: whole seconds from when a run was carried out.
fn latest(until: Instant) -> Instant {
    until.after(SECOND + Duration::from_millis(RUN_TIME))
}
