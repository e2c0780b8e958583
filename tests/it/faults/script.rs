//! One life of the daemon, in a few seconds: start, two bans with the owner's actions, their end, a reload, two
//! more bans, a stop. At some point of it something fails.

use super::Usual;
use super::inject::{Faults, Point};
use super::rest::{self, Open};
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::held::host;
use crate::lab::touch::Proto::{self, Tcp, Udp};
use crate::lab::{Lab, ROUTER};
use nix::sys::signal::Signal;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

/// How soon everything is as it should be, or a line says why not.
const SOON: Duration = Duration::from_secs(30);

/// A scanner that is not answered tries the next trap.
const NEXT: Duration = Duration::from_secs(1);

/// How long an owner waits before he asks again.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) type Outcome<T> = Result<T, String>;

pub(super) struct Script<'lab> {
    pub(super) lab: &'lab Lab,
    pub(super) backend: Backend,
    name: String,
    pub(super) faults: Faults,
    library: &'lab Path,
    /// Bans that are in force for an hour, and since when.
    pub(super) lasting: Vec<(IpAddr, Instant)>,
    /// Those that were over in a second.
    pub(super) short: Vec<(IpAddr, Instant)>,
    /// Lines of the log that are of runs before.
    before: usize,
}

/// How far the daemon came.
pub(super) enum End<'lab> {
    /// Everything was done, and it is still there.
    Lives(Daemon<'lab>),
    /// It has ended on the way.
    Ended(Daemon<'lab>),
}

impl<'lab> Script<'lab> {
    pub(super) fn new(lab: &'lab Lab, backend: Backend, library: &'lab Path, point: Point) -> Self {
        let name = format!("{point:?}").replace(['(', ')', ',', ' '], "-");
        Script {
            lab,
            backend,
            faults: Faults::new(lab.dir().join(format!("{name}.faults")), point),
            name,
            library,
            lasting: Vec::new(),
            short: Vec::new(),
            before: lab.log.all().len(),
        }
    }

    /// Short bans and all the owner's actions; connect sensors and packet sockets.
    fn first(&self) -> Config {
        let home = self.lab.dir().join(&self.name);
        self.second()
            .with("BLOCK_TIME", "1s")
            .with("TCP_PORTS", "11,15")
            .with("UDP_PORTS", "69,161")
            .with("KILL_HOSTS_DENY", "ALL: $TARGET$ : DENY")
            .with(
                "KILL_RUN_CMD",
                &format!("echo $TARGET$ >> {}/ran", home.display()),
            )
    }

    /// Bans of an hour, another trap, and root's rights are given up.
    fn second(&self) -> Config {
        Config::blocking(Mode::Stealth)
            .with("TCP_MODE", "connect")
            .with("TCP_PORTS", "11,79")
            .with("UDP_PORTS", "69,513")
            .with("BACKEND", self.backend.word())
            .with("BLOCK_TIME", "1h")
    }

    /// What whoever was killed has written down.
    pub(super) fn journal(&self) -> String {
        let home = self.lab.dir().join(&self.name);
        std::fs::read_to_string(home.join("run/journal")).unwrap_or_default()
    }

    /// Starts it again after it was killed, with the configuration that was in force: which lines it had put into
    /// hosts.deny only that tells. Nothing fails any more.
    pub(super) fn start_again(&self) -> Daemon<'lab> {
        let config = match self.lasting.is_empty() {
            true => self.first(),
            false => self.second(),
        };
        self.lab.try_start(&self.name, config)
    }

    /// The script, up to where nothing is left to be done but to stop it.
    pub(super) fn play(&mut self) -> Outcome<End<'lab>> {
        let config = self.first().started_by(self.faults.words(self.library));
        let mut daemon = self.lab.try_start(&self.name, config);
        for (proto, ports) in [(Tcp, [11, 15]), (Udp, [69, 161])] {
            let Some(who) = self.scan(&mut daemon, proto, ports)? else {
                return Ok(End::Ended(daemon));
            };
            self.short.push((who, Instant::now()));
        }
        self.wait(&mut daemon, "the end of the bans", |_| {
            self.lab.bans(self.backend).is_empty()
        })?;
        if daemon.ended().is_none() {
            self.reload(&mut daemon)?;
        }
        if daemon.ended().is_some() {
            return Ok(End::Ended(daemon));
        }
        for (proto, ports) in [(Tcp, [79, 11]), (Udp, [513, 513])] {
            let Some(who) = self.scan(&mut daemon, proto, ports)? else {
                return Ok(End::Ended(daemon));
            };
            self.lasting.push((who, Instant::now()));
        }
        let journal = daemon.file("run/journal");
        self.wait(&mut daemon, "the journal", |_| {
            let text = std::fs::read_to_string(&journal).unwrap_or_default();
            let known = |(who, _): &(IpAddr, Instant)| text.contains(&who.to_string());
            self.lasting.iter().all(known)
        })?;
        match daemon.ended() {
            Some(_) => Ok(End::Ended(daemon)),
            None => Ok(End::Lives(daemon)),
        }
    }

    /// The other configuration; where it was not read, its owner asks once more.
    fn reload(&self, daemon: &mut Daemon<'lab>) -> Outcome<()> {
        daemon.reload(self.second());
        let mut next = Instant::now() + PATIENCE;
        self.wait(daemon, "the reload", |daemon| {
            if Instant::now() >= next {
                daemon.signal(Signal::SIGHUP);
                next = Instant::now() + PATIENCE;
            }
            let texts = self.texts(daemon);
            texts
                .iter()
                .any(|text| text.ends_with("is read again and in force"))
        })
    }

    /// Stops it, and looks at what it leaves.
    pub(super) fn stop(&self, daemon: &mut Daemon<'lab>) -> Outcome<()> {
        if daemon.ended().is_none() {
            daemon.signal(Signal::SIGTERM);
        }
        rest::check_left(self, daemon)
    }

    /// What the firewall has of ours.
    pub(super) fn frame(&self) -> Vec<String> {
        let frame = match self.backend {
            Backend::Nft => "nft -s -t list table inet portsentry 2>/dev/null || true",
            _ => "iptables -w -S; ip6tables -w -S; ipset list -n",
        };
        let frame = self.lab.router.sh(frame);
        let ours = |line: &&str| {
            let word = line.to_lowercase().contains("portsentry");
            self.backend == Backend::Nft || (word && !line.starts_with("-A PORTSENTRY -s "))
        };
        frame.lines().filter(ours).map(str::to_owned).collect()
    }

    /// What this daemon has said, to syslog or to standard error: one of the two may have failed.
    pub(super) fn texts(&self, daemon: &Daemon<'_>) -> Vec<String> {
        let ident = format!("portsentry[{}]: ", daemon.pid());
        let lines = self.lab.log.after(self.before).into_iter();
        let ours = lines.filter(|line| String::from_utf8_lossy(&line.datagram).contains(&ident));
        let errors = daemon.stderr();
        let errors = errors.lines().map(str::to_owned);
        ours.map(|line| line.text()).chain(errors).collect()
    }

    /// Somebody new touches traps until it is said what became of it. None: the daemon has ended.
    fn scan(
        &self,
        daemon: &mut Daemon<'lab>,
        proto: Proto,
        ports: [u16; 2],
    ) -> Outcome<Option<IpAddr>> {
        let who = self.lab.stranger(ROUTER);
        let (mut next, mut ports) = (Instant::now(), ports.iter().cycle());
        let blocked = format!("Host {who} has been blocked via dropped route");
        self.wait(daemon, &format!("a ban of {who}"), |daemon| {
            if Instant::now() >= next {
                let port = *ports.next().unwrap();
                self.lab
                    .scanner
                    .touch(proto, who, SocketAddr::new(ROUTER, port));
                next = Instant::now() + NEXT;
            }
            self.texts(daemon)
                .iter()
                .any(|text| text.contains(&blocked))
        })?;
        Ok(daemon.ended().is_none().then_some(who))
    }

    /// Waits until it is so, or the daemon has ended.
    pub(super) fn wait(
        &self,
        daemon: &mut Daemon<'_>,
        what: &str,
        mut is_so: impl FnMut(&Daemon<'_>) -> bool,
    ) -> Outcome<()> {
        let end = Instant::now() + SOON;
        while daemon.ended().is_none() && !is_so(daemon) {
            if Instant::now() >= end {
                let said = self.texts(daemon).join("\n    ");
                return Err(format!("waited in vain for {what}:\n    {said}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What the daemon wants and what the firewall has are the same; and nothing else is left over from the way.
    pub(super) fn check_even(
        &self,
        daemon: &mut Daemon<'lab>,
        usual: Option<&Usual>,
    ) -> Outcome<Open> {
        if let Some(usual) = usual {
            // Of a trap that could not be bound it says nothing.
            self.wait(daemon, "the whole frame", |daemon| {
                let texts = self.texts(daemon);
                texts.iter().any(|text| text.contains("could not bind"))
                    || self.frame() == usual.frame
            })?;
        }
        let mut wanted: Vec<String> = self.lasting.iter().map(|(who, _)| host(*who)).collect();
        wanted.sort();
        self.wait(daemon, "what is wanted in the firewall", |_| {
            let held: Vec<String> = self.lab.bans(self.backend).into_keys().collect();
            held == wanted
        })?;
        self.wait(daemon, "what list shows", |daemon| {
            rest::listed(daemon).as_ref() == Some(&wanted)
        })?;
        rest::at_rest(self, daemon, usual.map(|usual| &usual.open))
    }
}

/// Nothing of a run that went wrong stays for the next.
pub(super) fn clean(lab: &Lab) {
    lab.router
        .sh("nft delete table inet portsentry 2>/dev/null || true; : > /etc/hosts.deny");
}
