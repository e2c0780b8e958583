//! The control socket's part of the loop: who asks, and that nobody is waited for. What is answered is in
//! [`crate::daemon::answer`].

use std::io;

use crate::daemon::Daemon;
use crate::limits::{ASK_TIME, CLIENT_TIME, CLIENTS_MAX, REST};
use crate::sys::control::{Client, Heard, Listener};
use crate::sys::poll::{Place, Poll};
use crate::tell::control::Answer;
use crate::tell::request::Request;
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
            let (at, until) = (Place::NONE, now.after(ASK_TIME));
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
                Ok(request) => self.answer(now, &request),
                Err(reason) => Answer::no(reason),
            };
            served.until = now.after(CLIENT_TIME);
            served.client.answer(answer.sent());
        }
        served.client.deliver()
    }
}
