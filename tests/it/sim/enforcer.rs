//! What `daemon/enforce` and `daemon/ground` do with children, done without them: a run takes some time, and may
//! fail, hang, or be killed when everything is done already.

use portsentry::act::firewall::{self, Backend, Job, Scope};
use portsentry::act::reconcile::Reconciler;
use portsentry::judge::ban::{Ban, Step, Stop};
use portsentry::judge::detector::Detector;
use portsentry::limits::{BANS_MAX, HEAL_PAUSE, HEAL_REST, RULES_MAX};
use portsentry::net::{Family, Prefix};
use portsentry::time::Instant;

use super::draw::Ground;
use super::firewall::{Deed, Firewall};
use super::flight::Flight;
use super::owner::Owner;
use super::random::Random;
use super::{Reach, reached};

pub(super) struct Enforcer {
    pub(super) reconciler: Reconciler,
    pub(super) firewall: Firewall,
    /// What shall be in force.
    pub(super) backend: Backend,
    pub(super) ground: Ground,
    /// How many bans the owner of this world lets it hold.
    pub(super) most: usize,
    /// Something that the frame, or the number of bans, depends on has changed.
    pub(super) changed: bool,
    pub(super) frames: Vec<(Scope, String)>,
    pub(super) owner: Owner,
    pub(super) flight: Option<Flight>,
    /// How many runs of a hundred go wrong.
    pub(super) bad: usize,
    /// One went wrong.
    pub(super) failed: bool,
    /// Where somebody else was, or a run that nobody knows the end of; and whether all is there that leads to the
    /// bans, so that writing them anew heals it.
    pub(super) disturbed: Vec<(Scope, bool)>,
    heal_at: Option<Instant>,
    healed: Instant,
}

impl Enforcer {
    pub(super) fn new(random: &mut Random, backend: Backend) -> Self {
        Self {
            reconciler: Reconciler::new(backend, &Family::BOTH),
            firewall: Firewall::new(backend),
            backend,
            ground: Ground::draw(random),
            most: random.pick(&[8, 64, BANS_MAX, BANS_MAX]),
            changed: true,
            frames: Vec::new(),
            owner: Owner::default(),
            flight: None,
            bad: random.pick(&[0, 5, 30, 80]),
            failed: false,
            disturbed: Vec::new(),
            heal_at: None,
            healed: Instant::default(),
        }
    }

    /// When something is due even if nothing happens.
    pub(super) fn due_at(&self, detector: &Detector) -> Option<Instant> {
        let firewall = match &self.flight {
            Some(flight) => Some(flight.lands),
            None => self.reconciler.due_at(&detector.bans),
        };
        [firewall, self.heal_at].into_iter().flatten().min()
    }

    /// Somebody else is at work. Of a table of nft the daemon hears it.
    pub(super) fn disturb(&mut self, now: Instant, scope: Scope, deed: Deed) {
        self.firewall.disturb(now, scope, deed);
        self.disturbed.retain(|(of, led)| *of != scope || !led);
        self.disturbed.push((scope, deed == Deed::Empties));
        if self.reconciler.backend() == Backend::Nft {
            let at = now.after(HEAL_PAUSE).max(self.healed.after(HEAL_REST));
            self.heal_at.get_or_insert(at);
        }
    }

    /// Whether somebody else was there, and it is not healed yet.
    pub(super) fn is_disturbed(&self, scope: Scope) -> bool {
        self.disturbed.iter().any(|(of, _)| *of == scope)
    }

    /// The news of a change by others, after a pause.
    pub(super) fn hear(&mut self, now: Instant) {
        if self.heal_at.take_if(|at| *at <= now).is_some() {
            self.healed = now;
            if self.reconciler.up {
                self.reconciler.distrust();
            }
        }
    }

    /// Keeps to the backend that shall be in force, and to what it is made of.
    pub(super) fn follow(&mut self, detector: &mut Detector, reach: &mut Reach) {
        let by_hand = detector.bans.iter().any(|(_, ban)| ban.by_hand);
        let up = detector.policy.needs_firewall() || by_hand;
        if self.reconciler.backend() != self.backend {
            self.reconciler.up = false;
            if self.reconciler.is_loaded() {
                return;
            }
            assert!(self.is_clean(), "left in the old firewall");
            reached(reach, "another backend");
            self.reconciler = Reconciler::new(self.backend, &Family::BOTH);
            self.firewall = Firewall::new(self.backend);
            self.disturbed.clear();
            detector.bans.stir_all();
            self.changed = true;
        }
        self.reconciler.up = up;
        if std::mem::take(&mut self.changed) {
            self.make_frames(detector);
        }
    }

    fn make_frames(&mut self, detector: &Detector) {
        let never: Vec<Prefix> = detector.protect.prefixes().collect();
        let site = self.ground.site(&never);
        let made = |scope| {
            let mut frame = String::new();
            firewall::frame(self.backend, scope, &site, &mut frame).unwrap();
            (scope, frame)
        };
        let frames: Vec<_> = self.reconciler.scopes().map(made).collect();
        if frames != self.frames {
            self.frames = frames;
            self.reconciler.distrust();
        }
    }

    /// How many bans there may be.
    pub(super) fn most(&self) -> usize {
        match self.backend {
            Backend::Iptables => self.most.min(RULES_MAX),
            _ => self.most,
        }
    }

    pub(super) fn frame(&self, scope: Scope) -> &str {
        let frame = self.frames.iter().find(|(of, _)| *of == scope);
        frame.map_or("", |(_, frame)| frame)
    }

    /// Whether nothing of ours is there. What a daemon that was killed left stays where no attempt to take it
    /// away succeeds.
    pub(super) fn is_clean(&self) -> bool {
        self.firewall.is_clean() || self.failed
    }

    /// The daemon is killed and started again, with the bans of its journal. What it had started may end yet.
    pub(super) fn start_again(
        &mut self,
        now: Instant,
        detector: &mut Detector,
        random: &mut Random,
    ) {
        if let Some(flight) = self.flight.take() {
            let goes_on = flight.order.job != Job::Check && random.percent(50);
            if goes_on && flight.works() {
                self.firewall.run(now, flight.order, &flight.batch);
            }
        }
        self.reconciler = Reconciler::new(self.reconciler.backend(), &Family::BOTH);
        self.reconciler.suspect();
        self.disturbed = self
            .reconciler
            .scopes()
            .map(|scope| (scope, false))
            .collect();
        self.frames.clear();
        self.changed = true;
        self.heal_at = None;
        detector.bans.stir_all();
        for (_, ban) in detector.bans.stirred_mut() {
            (ban.enforced, ban.renewed, ban.flying) = (false, false, None);
        }
        detector.bans.drop_gone();
    }
}

/// As `daemon/records` does: the firewall may have had it before its step came.
pub(super) fn skip_enforced(ban: &mut Ban, owner: &Owner) {
    if ban.step == Step::Stop && ban.stop == Stop::Firewall && ban.enforced {
        ban.proceed(owner.actions.next(Step::Stop, ban.stop));
    }
}
