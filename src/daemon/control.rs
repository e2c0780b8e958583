//! The control socket's part of the loop. A new request is a variant of [`Request`] and an arm in
//! [`Daemon::answer`].

use std::io;

use crate::config::{Choice, Modes};
use crate::daemon::Daemon;
use crate::daemon::background::for_owner;
use crate::limits::{CLIENT_TIME, CLIENTS_MAX, REST};
use crate::sys::control::{Client, Heard, Listener};
use crate::sys::files;
use crate::sys::poll::{Place, Poll};
use crate::tell::control::{Answer, Request};
use crate::time::Instant;

/// The socket, and who asks.
pub(super) struct Control {
    listener: Listener,
    listener_at: Place,
    /// After a failure of the system nobody is let in for a while: it would fail at once again.
    rest_until: Instant,
    clients: Clients,
}

type Clients = heapless::Vec<Served, CLIENTS_MAX>;

struct Served {
    client: Client,
    at: Place,
    /// When it has had its time.
    until: Instant,
}

impl Control {
    /// Opens the socket of a directory whose lock is ours.
    pub(super) fn open(directory: &str) -> io::Result<Self> {
        Ok(Self {
            listener: Listener::open(directory)?,
            listener_at: Place::NONE,
            rest_until: Instant::default(),
            clients: Clients::new(),
        })
    }

    /// Adds what is waited for: nobody more than there is room for.
    pub(super) fn watch(&mut self, now: Instant, poll: &mut Poll) {
        let open = !self.clients.is_full() && now >= self.rest_until;
        self.listener_at = match open {
            true => poll.add(&self.listener),
            false => Place::NONE,
        };
        for served in &mut self.clients {
            served.at = match served.client.is_answered() {
                true => poll.add_writer(&served.client),
                false => poll.add(&served.client),
            };
        }
    }

    /// When somebody has had their time, or the next one may come again.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let rest = (now < self.rest_until).then_some(self.rest_until);
        self.clients
            .iter()
            .map(|served| served.until)
            .chain(rest)
            .min()
    }

    fn let_in(&mut self, now: Instant, poll: &Poll) -> io::Result<()> {
        if !poll.is_ready(self.listener_at) {
            return Ok(());
        }
        for _ in self.clients.len()..CLIENTS_MAX {
            let Some(client) = self.listener.accept()? else {
                break;
            };
            let (at, until) = (Place::NONE, now.after(CLIENT_TIME));
            let _room = self.clients.push(Served { client, at, until });
        }
        Ok(())
    }
}

impl Daemon {
    /// Serves whoever asks, and lets in who comes. No client is waited for.
    pub(super) fn serve(&mut self, now: Instant) {
        let mut clients = core::mem::take(&mut self.control.clients);
        clients.retain_mut(|served| now < served.until && self.is_served(now, served));
        self.control.clients = clients;
        if let Err(error) = self.control.let_in(now, &self.poll) {
            self.control.rest_until = now.after(REST);
            self.state.log.say(format_args!(
                "adminalert: ERROR: the control socket failed: {error}; it rests for a second"
            ));
        }
    }

    /// One step for one client; true if it stays.
    fn is_served(&mut self, now: Instant, served: &mut Served) -> bool {
        if !self.poll.is_ready(served.at) {
            return true;
        }
        if !served.client.is_answered() {
            let line = match served.client.hear() {
                Heard::Nothing => return true,
                Heard::Rubbish => return false,
                Heard::Request(line) => line,
            };
            let answer = match Request::parse(&line) {
                Ok(request) => self.answer(&request),
                Err(reason) => Answer::no(reason),
            };
            served.until = now.after(CLIENT_TIME);
            served.client.answer(&answer.to_string());
        }
        served.client.deliver()
    }

    fn answer(&mut self, request: &Request<'_>) -> Answer {
        match request {
            Request::Watch { modes, config } => self.watch_also(*modes, config),
        }
    }

    /// A second start: what it asks for is watched as well, or it learns why not. Asked for again, it is so
    /// already: an init script may be started twice.
    fn watch_also(&mut self, asked: Modes, config: &str) -> Answer {
        let process = std::process::id();
        let ours = &self.settings.config;
        if !files::is_same(ours, config) {
            return Answer::no(format!(
                "process {process} runs with {ours}, and one process has one configuration"
            ));
        }
        let mut wanted = self.settings.modes;
        let mut added = Vec::new();
        for (protocol, mode) in asked.named() {
            match self.state.config.side(protocol).mode {
                Some(known) if known == mode => {}
                Some(known) => {
                    let name = known.name(protocol);
                    return Answer::no(format!(
                        "{protocol} is watched as -{name} already, by process {process}; stop it first"
                    ));
                }
                None => {
                    *wanted.of(protocol) = Some(Choice::On(mode));
                    added.push(protocol);
                }
            }
        }
        if added.is_empty() {
            return Answer::yes(format!("process {process} watches that already"));
        }
        self.state.log.overhear();
        let result = self.join(wanted, &added);
        let said = self.state.log.overheard();
        match result {
            Ok(()) => Answer::yes(for_owner(&said, &self.settings.config)),
            Err(reason) => Answer::no(reason),
        }
    }
}
