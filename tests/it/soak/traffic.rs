//! One round of everything that can happen to a router, in a few seconds: the same each time.

use crate::lab::backend::Backend;
use crate::lab::config::{Config, TCP_TRAPS};
use crate::lab::daemon::Daemon;
use crate::lab::flood::{Flood, forged_datagram, forged_syn};
use crate::lab::talk::{Session, check_talk};
use crate::lab::{Lab, ROUTER, SECOND, eventually, scan};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// More than any table of sources has room for.
const FORGED: u32 = 6000;
const EACH_SECOND: u32 = 20_000;

/// A service, and a name server in the internet.
const SERVICE: u16 = 8080;
const NAMES: SocketAddr = SocketAddr::new(SECOND, 53);

pub(super) struct Traffic<'a> {
    lab: &'a Lab,
    backend: Backend,
    config: Config,
    /// One that lasts as long as all of it.
    session: Session,
    door: TcpListener,
    reloads: usize,
    meddled: Option<Instant>,
}

/// Whoever empties the firewall more often is given way to.
const SELDOM: Duration = Duration::from_secs(90);

impl<'a> Traffic<'a> {
    pub(super) fn new(lab: &'a Lab, backend: Backend, config: Config) -> Traffic<'a> {
        Traffic {
            lab,
            backend,
            config,
            session: Session::open((&lab.scanner, SECOND), (&lab.router, ROUTER), 8022),
            door: lab.router.listen((ROUTER, SERVICE)),
            reloads: 0,
            meddled: None,
        }
    }

    pub(super) fn round(&mut self, daemon: &mut Daemon) {
        self.scans();
        Flood::paced(self.lab, 0..FORGED, EACH_SECOND, forged_syn);
        self.honest();
        self.asks(daemon);
        Flood::paced(self.lab, 0..FORGED, EACH_SECOND, forged_datagram);
        self.surroundings();
        self.honest();
        self.reload(daemon);
        self.meddle(daemon);
        self.session.check_alive();
    }

    /// Each in the name of somebody else, and none for long: most of what they ask meets with silence.
    fn scans(&self) {
        let ports = scan::list(&TCP_TRAPS);
        self.lab.scanner.sh(&format!(
            "n=0
             for kind in -sS -sF -sU; do
                 n=$((n + 1))
                 timeout 5 nmap -n -Pn $kind --max-retries 0 -S 10.99.7.$n -e eth0 \\
                     -p {ports} {ROUTER} >/dev/null || true
             done
             timeout 5 nmap -n -Pn -sT --max-retries 0 -p {ports} {ROUTER} >/dev/null || true"
        ));
    }

    /// A visitor of a service, and a question to a name server that is answered: nobody's probes.
    fn honest(&mut self) {
        let to = SocketAddr::new(ROUTER, SERVICE);
        let mut visitor = self.lab.scanner.connect(SECOND, to).expect("no way in");
        check_talk(&mut visitor, &mut self.door.accept().unwrap().0);
        let server = self.lab.scanner.receive(NAMES);
        let client = self.lab.router.query(ROUTER, NAMES);
        let mut question = [0; 512];
        let (len, from) = server.recv_from(&mut question).unwrap();
        server.send_to(&question[..len], from).unwrap();
        assert_eq!(client.recv(&mut question).unwrap(), len);
    }

    fn asks(&self, daemon: &Daemon) {
        for words in [
            "status",
            "list",
            "list --json",
            "why 10.66.0.2",
            "ban 192.0.2.7 --for 1h",
            "unban 192.0.2.7",
        ] {
            daemon.ask(words).done();
        }
    }

    /// Addresses and devices come and go.
    fn surroundings(&self) {
        self.lab.router.sh("ip addr add 10.66.0.77/24 dev wan
             ip link add soak0 type veth peer name soak1
             ip addr add 10.88.0.1/24 dev soak0
             ip link set soak0 up
             ip addr del 10.66.0.77/24 dev wan
             ip link del soak0");
    }

    fn reload(&mut self, daemon: &mut Daemon) {
        self.reloads += 1;
        daemon.reload(self.config.clone());
        let read = |text: &str| text.contains("is read again and in force");
        self.lab.log.wait_for_many(self.reloads, read);
    }

    /// Somebody empties the firewall while somebody is banned; it is healed.
    fn meddle(&mut self, daemon: &Daemon) {
        if self.meddled.is_some_and(|at| at.elapsed() < SELDOM) {
            return;
        }
        self.meddled = Some(Instant::now());
        daemon.ask("ban 192.0.2.8 --for 1h").done();
        eventually("the ban", || self.lab.holds(self.backend, "192.0.2.8/32"));
        self.lab.meddle("nft delete table inet portsentry");
        eventually("it is healed", || {
            self.lab.holds(self.backend, "192.0.2.8/32")
        });
        daemon.ask("unban 192.0.2.8").done();
    }
}
