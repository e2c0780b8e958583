//! The daemon under test: started in the router, read through /proc, stopped by its process id.

use super::ask::Asked;
use super::config::Config;
use super::spent::Spent;
use super::touch::Proto;
use super::{Lab, ROUTER, ROUTER6, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::env;
use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

/// The binary as `make build` leaves it, or the one of PORTSENTRY_BIN.
pub(crate) fn binary() -> PathBuf {
    let built = || {
        let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(usual, PathBuf::from);
        target.join("release/portsentry")
    };
    let path = env::var_os("PORTSENTRY_BIN").map_or_else(built, PathBuf::from);
    assert!(
        path.exists(),
        "{} is missing: `make build` makes it",
        path.display()
    );
    path
}

pub(crate) struct Daemon<'lab> {
    lab: &'lab Lab,
    child: Child,
    home: PathBuf,
    config: Config,
}

impl Lab {
    /// Starts the daemon and waits until it listens.
    #[track_caller]
    pub(crate) fn start(&self, config: Config) -> Daemon<'_> {
        self.start_in("daemon", config)
    }

    /// The same with a home of that name for its files and its run directory.
    #[track_caller]
    pub(crate) fn start_in(&self, name: &str, config: Config) -> Daemon<'_> {
        let mut daemon = self.try_start(name, config);
        assert!(
            daemon.ended().is_none(),
            "it did not start:\n{}",
            daemon.stderr()
        );
        daemon
    }

    /// The same for one that may refuse: waits until it listens, or has ended.
    #[track_caller]
    pub(crate) fn try_start(&self, name: &str, config: Config) -> Daemon<'_> {
        let home = self.home(name, &config);
        let child = self.launch(&home, name, &config).spawn().unwrap();
        let mut daemon = Daemon {
            lab: self,
            child,
            home,
            config,
        };
        eventually("the daemon listens, or has ended", || {
            daemon.ended().is_some() || daemon.said("PortSentry is now active and listening.")
        });
        daemon
    }

    /// Starts a daemon that shall refuse, and waits for its end: the status, and what it said.
    #[track_caller]
    pub(crate) fn refused(&self, other: &str, home: &str, config: &Config) -> (ExitStatus, String) {
        let home = self.home(home, config);
        let mut child = self.launch(&home, other, config).spawn().unwrap();
        eventually("the refusal", || child.try_wait().unwrap().is_some());
        let said = fs::read_to_string(home.join("stderr")).unwrap();
        (child.wait().unwrap(), said)
    }

    /// A directory with configuration and ignore file; what is there already, stays.
    pub(crate) fn home(&self, name: &str, config: &Config) -> PathBuf {
        let home = self.dir().join(name);
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("conf"), config.text(&home)).unwrap();
        File::options()
            .create(true)
            .append(true)
            .open(home.join("ignore"))
            .unwrap();
        home
    }

    fn launch(&self, home: &Path, other: &str, config: &Config) -> Command {
        let mut command = self.router.command("sh");
        command.args(["-c", "umask $0; exec \"$@\"", config.umask]);
        command.args(&config.before).arg(binary());
        command.arg("run").arg("-c").arg(home.join("conf"));
        command
            .arg("--run-dir")
            .arg(self.dir().join(other).join("run"));
        command.args(config.arguments);
        command.stderr(File::create(home.join("stderr")).unwrap());
        command
    }
}

impl Daemon<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether this very process has logged a text.
    pub(crate) fn said(&self, text: &str) -> bool {
        let ident = format!("portsentry[{}]: ", self.pid());
        self.lab.log.all().iter().any(|line| {
            let line = String::from_utf8_lossy(&line.datagram).into_owned();
            line.contains(&ident) && line.contains(text)
        })
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.home.join("stderr")).unwrap()
    }

    /// One of the files it keeps or reads: "ignore", "history", "blocked.stcp" …
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    /// Changes the configuration and asks for a reload; it is not waited for.
    pub(crate) fn reload(&mut self, config: Config) {
        self.write("conf", &config.text(&self.home));
        self.config = config;
        self.signal(Signal::SIGHUP);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap());
        kill(pid, signal).unwrap();
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks it over its socket, as the owner does: `ask("ban 192.0.2.7 --for 1h")`.
    #[track_caller]
    pub(crate) fn ask(&self, words: &str) -> Asked {
        self.lab.ask(words, &self.file("run"))
    }

    /// SIGTERM, and its exit status.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the daemon's end", || self.ended().is_some());
        self.ended().unwrap()
    }

    /// How often it has gone to sleep by itself: once for each time it was woken.
    pub(crate) fn wakeups(&self) -> u64 {
        self.status("voluntary_ctxt_switches:")
    }

    pub(crate) fn memory_kb(&self) -> u64 {
        self.status("VmRSS:")
    }

    pub(crate) fn data_kb(&self) -> u64 {
        self.status("VmData:")
    }

    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The processes it has started and not yet reaped, zombies among them.
    pub(crate) fn children(&self) -> Vec<u32> {
        children(self.pid())
    }

    /// Returns when all that was sent before has been judged, whatever came of it.
    ///
    /// A stranger touches a control trap by each way in, one after the other; each is logged. A
    /// sensor reports in the order of arrival, and all sensors are looked at before any of them is
    /// looked at again: so whatever was sent before the first of these touches is done with.
    #[track_caller]
    pub(crate) fn settle(&self) {
        for router in [ROUTER, ROUTER6] {
            for proto in [Proto::Tcp, Proto::Udp] {
                // Somebody new each time, who is neither banned yet nor folded.
                let from = self.lab.stranger(router);
                let traps = self.config.control_traps(proto);
                for port in &traps {
                    self.lab
                        .scanner
                        .touch(proto, from, SocketAddr::new(router, *port));
                }
                let line = probed(from, proto, traps[traps.len() - 1]);
                self.lab.log.wait_for(|text| text.ends_with(&line));
            }
        }
    }

    /// Returns when it has had nothing to do for a while. A flood uses up what may be said of strangers, so after
    /// one `settle` would wait in vain.
    #[track_caller]
    pub(crate) fn rests(&self) {
        let _spent = Spent::at_rest(self.pid());
    }

    /// The lines about probes of the traps under test, without those of `settle`.
    pub(crate) fn probe_lines(&self) -> Vec<String> {
        let is_probe = |text: &String| text.contains(" from host: ") && !is_control(text);
        self.lab.log.texts().into_iter().filter(is_probe).collect()
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a line about a probe ends, whatever kind it was of.
pub(crate) fn probed(from: IpAddr, proto: Proto, port: u16) -> String {
    format!("from host: {from}/{from} to {proto} port: {port}")
}

/// Strangers touch for the lab only: see `Daemon::settle`.
fn is_control(text: &str) -> bool {
    text.contains("host: 10.99.") || text.contains("host: fd99:")
}

/// The processes that a process has started, or taken over, and not yet reaped.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// The fourth word of /proc/PID/stat, counted after the name, which may have blanks in it.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
