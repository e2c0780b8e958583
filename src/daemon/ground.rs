//! What the firewall is made of: which backend, its frame, and the news that somebody else changed it.

use core::time::Duration;
use std::io;

use crate::act::firewall::{self, Backend, Detail, Scope, Site, kernel, nft};
use crate::act::reconcile::Reconciler;
use crate::config::Config;
use crate::daemon::{State, frame};
use crate::limits::{CHECK_PAUSE, DEVICES_MAX, FOLLOW_REST, HEAL_PAUSE, HEAL_REST, REST_MAX};
use crate::net::{Family, Prefix};
use crate::sys::nfnews::News;
use crate::sys::poll::{Place, Poll};
use crate::sys::{self, files, spawn};
use crate::time::Instant;

/// The backend in force and those behind it.
pub(super) struct Ground {
    /// The first is in force; the others take its place when it does not work.
    backends: heapless::Vec<Backend, 3>,
    detail: Detail,
    /// The most that it is ever asked for.
    most: Detail,
    /// That it is less than everything was said.
    warned: bool,
    /// What was said of that: a kernel lacks for ever what it lacks.
    told: Detail,
    frames: Vec<(Scope, String)>,
    news: Option<News>,
    news_at: Place,
    /// News that could not be had are asked for again then.
    news_again: Option<Instant>,
    /// Somebody changed our table: it is made anew then.
    heal_at: Option<Instant>,
    healed: Instant,
    /// The least time from one repair to the next.
    heal_rest: Duration,
    /// The last two children that changed the firewall: of what they do we hear as well.
    ours: [u32; 2],
}

impl Ground {
    pub(super) fn new(config: &Config) -> Self {
        let most = match has_dangerous_hook() {
            true => Detail::NoIngress,
            false => Detail::Full,
        };
        Self {
            backends: candidates(config.backend),
            detail: most,
            most,
            warned: false,
            told: Detail::Full,
            frames: Vec::new(),
            news: None,
            news_at: Place::NONE,
            news_again: None,
            heal_at: None,
            healed: Instant::default(),
            heal_rest: HEAL_REST,
            ours: [0; 2],
        }
    }

    /// The backend that shall be in force.
    pub(super) fn backend(&self) -> Backend {
        self.backends.first().copied().unwrap_or_default()
    }

    /// How much of the frame the kernel takes.
    pub(super) fn detail(&self) -> Detail {
        self.detail
    }

    /// Whether nft goes without the ingress hook because of a mistake of this kernel; that is worth one line.
    pub(super) fn is_wary(&mut self) -> bool {
        let wary = self.backend() == Backend::Nft && self.most == Detail::NoIngress;
        wary && !core::mem::replace(&mut self.warned, true)
    }

    /// Another configuration is in force.
    pub(super) fn adopt(&mut self, config: &Config) {
        self.backends = candidates(config.backend);
        self.told = Detail::Full;
        self.renew();
    }

    /// What a kernel refused it may take now.
    pub(super) fn renew(&mut self) {
        self.detail = self.most;
        self.frames.clear();
    }

    /// What one run reads before its changes.
    pub(super) fn frame(&self, scope: Scope) -> &str {
        let frame = self.frames.iter().find(|(of, _)| *of == scope);
        frame.map_or("", |(_, frame)| frame)
    }

    /// The frames are made anew; where one differs from what is loaded, it is loaded.
    pub(super) fn follow(&mut self, state: &mut State, reconciler: &mut Reconciler) {
        state.hold = None;
        if reconciler.backend() == Backend::Iptables {
            return;
        }
        let (hold, datagrams) = (frame::hold(state), frame::datagrams(state));
        let names: heapless::Vec<&str, DEVICES_MAX> = state
            .detector
            .protect
            .surroundings
            .watched_names()
            .collect();
        let never: Vec<Prefix> = state.detector.protect.prefixes().collect();
        let site = Site {
            devices: &names,
            named: state.config.names_devices(),
            datagrams,
            hold: hold.clone(),
            never: &never,
            detail: self.detail,
        };
        let made = |scope| {
            let mut frame = String::new();
            // Writing to a String does not fail.
            let _written = firewall::frame(reconciler.backend(), scope, &site, &mut frame);
            (scope, frame)
        };
        let frames: Vec<_> = reconciler.scopes().map(made).collect();
        state.hold = hold.filter(|_| self.detail != Detail::NoHold);
        if frames != self.frames {
            self.frames = frames;
            reconciler.distrust();
        }
    }

    /// The firewall refused the frame. Whether a smaller one, or another backend, is worth an attempt at once.
    pub(super) fn concede(&mut self, scope: Scope, failures: u32) -> Option<Concession> {
        // Without its program a smaller frame is refused as well.
        if missing(self.backend(), scope).is_none() {
            if let Some(less) = self.less() {
                self.detail = less;
                return Some(Concession::Less(less));
            }
            self.detail = self.most;
        }
        let next = *self.backends.get(1)?;
        if failures < 3 || missing(next, scope).is_some() {
            return None;
        }
        self.backends.remove(0);
        (self.detail, self.told) = (self.most, Detail::Full);
        Some(Concession::Backend(next))
    }

    fn less(&self) -> Option<Detail> {
        match self.backend() {
            Backend::Iptables => None,
            // It has no ingress hook to go without.
            Backend::Ipset if self.detail == Detail::Full => Some(Detail::NoHold),
            _ => self.detail.less(),
        }
    }

    /// Whether it is worth a line that the kernel takes no more than that.
    pub(super) fn is_news(&mut self, less: Detail) -> bool {
        let news = less > self.told;
        self.told = self.told.max(less);
        news
    }

    /// A child begins to change the firewall.
    pub(super) fn note_child(&mut self, child: u32) {
        self.ours = [child, self.ours[0]];
    }

    /// Hears of changes by others, while they can be heard of.
    pub(super) fn watch(&mut self, now: Instant, backend: Backend, poll: &mut Poll) {
        match backend {
            Backend::Nft => self.listen(now, News::open),
            _ => (self.news, self.news_again) = (None, None),
        }
        self.news_at = match &self.news {
            Some(news) => poll.add(news),
            None => Place::NONE,
        };
    }

    /// A kernel that has no news for us has no nftables either, or somebody between us and it refuses them: to ask
    /// for what is missing may make it look for a module, so that is done seldom.
    fn listen(&mut self, now: Instant, open: impl FnOnce() -> io::Result<News>) {
        if self.news.is_some() || self.news_again.is_some_and(|at| now < at) {
            return;
        }
        let opened = open();
        let rest = |error: &io::Error| match sys::is_lacking(error) {
            true => REST_MAX,
            false => FOLLOW_REST,
        };
        self.news_again = opened.as_ref().err().map(|error| now.after(rest(error)));
        self.news = opened.ok();
    }

    /// Whether a change by others that a look found is worth a line: who empties both families is found twice, and
    /// said once. What a look finds later in the same family comes more than a pause later.
    pub(super) fn is_new(&mut self, now: Instant) -> bool {
        let new = now >= self.healed.after(CHECK_PAUSE);
        if new {
            self.healed = now;
        }
        new
    }

    /// When a change by others is put right, or news are asked for again.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let times = [self.heal_at, self.news_again];
        times.into_iter().flatten().min()
    }

    /// Hears of changes by others, which come in bursts. Whether it is time to put them right.
    pub(super) fn hear(&mut self, now: Instant, poll: &Poll) -> bool {
        if let Some(news) = self.news.as_ref().filter(|_| poll.is_ready(self.news_at)) {
            if news.drain(nft::TABLE, self.ours) {
                let at = now.after(HEAL_PAUSE).max(self.healed.after(self.heal_rest));
                self.heal_at.get_or_insert(at);
            }
        }
        let due = self.heal_at.is_some_and(|at| at <= now);
        if due {
            self.heal_at = None;
            self.rest_after_healing(now);
            self.healed = now;
        }
        due
    }

    /// Whoever changes it again and again is given way to, more and more: another program of the owner's, or nft
    /// itself where a script in its place gives it another process id than we know.
    fn rest_after_healing(&mut self, now: Instant) {
        let again = now.since(self.healed) < self.heal_rest.saturating_mul(2);
        self.heal_rest = match again {
            true => self.heal_rest.saturating_mul(2).min(REST_MAX),
            false => HEAL_REST,
        };
    }
}

/// What is tried when the firewall refuses.
pub(super) enum Concession {
    /// A smaller frame.
    Less(Detail),
    /// Another backend.
    Backend(Backend),
}

/// Whether this kernel has the ingress hook, and not the repair of what happens when its device goes.
fn has_dangerous_hook() -> bool {
    let says = |name: &str| {
        let read = files::read(&format!("/proc/sys/kernel/{name}"), 256);
        String::from_utf8(read.unwrap_or_default()).unwrap_or_default()
    };
    kernel::outlives_device(&says("osrelease"), &says("version"))
}

/// The backends that a configuration means, of those whose programs are there; with `auto` the best first.
fn candidates(wanted: Backend) -> heapless::Vec<Backend, 3> {
    if wanted != Backend::Auto {
        return [wanted].into_iter().collect();
    }
    // Without the programs of IPv6 it is only that which cannot be blocked.
    let four = Scope::Only(Family::V4);
    let all = [Backend::Nft, Backend::Ipset, Backend::Iptables].into_iter();
    all.filter(|backend| missing(*backend, four).is_none())
        .collect()
}

/// The first program that a scope needs and that is not there.
pub(super) fn missing(backend: Backend, scope: Scope) -> Option<&'static str> {
    let mut programs = firewall::programs(backend, scope).iter().copied();
    programs.find(|program| !spawn::is_there(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_that_cannot_be_had_are_asked_for_seldom() {
        let config = crate::config::read(b"", crate::config::Modes::default()).0;
        let mut ground = Ground::new(&config);
        let mut asked = 0;
        for seconds in 0..2 * REST_MAX.as_secs() {
            ground.listen(Instant::from_millis(seconds * 1000), || {
                asked += 1;
                Err(io::ErrorKind::Unsupported.into())
            });
        }
        assert_eq!(asked, 2);
        assert!(ground.news.is_none());
    }
}
