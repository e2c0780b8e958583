//! The two programs that a test of a weakness is pointed at: ours, and Debian's PortSentry 1.2.

use crate::compat::original;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::{Daemon, children, probed};
use crate::lab::namespace::Namespace;
use crate::lab::touch::Proto;
use crate::lab::{Lab, ROUTER, eventually};
use std::fmt::Debug;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// Where both read their configuration; 1.2 knows no other place.
const CONF: &str = "/etc/portsentry/portsentry.conf";

/// The traps, in a form that 1.2 reads. The last two are for `Started::settle`.
const PORTS: &str = "11,79,111,513,1524,31337,32771,61000,61001";

pub(crate) enum Program {
    Ours,
    Original(PathBuf),
}

/// A program at work in the router.
pub(crate) struct Started<'lab> {
    lab: &'lab Lab,
    process: Process<'lab>,
    home: PathBuf,
    trigger: u16,
}

enum Process<'lab> {
    Ours(Daemon<'lab>),
    /// What plays init for 1.2, which goes to the background.
    Original(Child),
}

/// The same with both programs, each in a network of its own: what is seen must be `sound` with ours, and `weak`
/// with 1.2.
#[track_caller]
pub(super) fn both<T: Debug + PartialEq>(
    test: impl Fn(&Lab, &Program) -> T,
    (sound, weak): (T, T),
) {
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    assert_eq!(test(&lab, &Program::Ours), sound, "ours");
    let (Some(original), Some(lab)) = (original(), Lab::new(&["perl"])) else {
        return;
    };
    let seen = test(&lab, &Program::Original(original));
    assert_eq!(seen, weak, "PortSentry 1.2: its weakness is not shown");
}

/// A configuration that both read: nothing is blocked, the first touch counts.
pub(crate) fn config() -> Config {
    Config::new(Mode::Stealth)
        .without("TCP_MODE")
        .without("UDP_MODE")
        .with("TCP_PORTS", PORTS)
        .with("UDP_PORTS", PORTS)
}

/// The same with blocking, by a command that does nothing.
pub(super) fn blocking() -> Config {
    config()
        .with("BLOCK_TCP", "1")
        .with("BLOCK_UDP", "1")
        .with("KILL_ROUTE", "/bin/true $TARGET$")
}

/// An address of the world that is neither the scanner's nor one of `Lab::stranger`.
pub(super) fn world(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 98, 0, n))
}

pub(super) fn at_router(port: u16) -> SocketAddr {
    SocketAddr::new(ROUTER, port)
}

impl Program {
    /// Starts it in one of 1.2's modes, such as "-stcp", and waits until it listens.
    #[track_caller]
    pub(crate) fn start<'lab>(
        &self,
        lab: &'lab Lab,
        flag: &'static [&'static str; 1],
        config: Config,
    ) -> Started<'lab> {
        let trigger = config.trigger();
        let home = lab.home("daemon", &config);
        let process = match self {
            Program::Ours => Process::Ours(lab.start(config.run_with(flag))),
            Program::Original(program) => {
                let before = lab.log.count(is_active);
                self.configure(lab, &config);
                let child = launch(&lab.router, program, flag[0]);
                lab.log.wait_for_many(before + 1, is_active);
                Process::Original(child)
            }
        };
        Started {
            lab,
            process,
            home,
            trigger,
        }
    }

    /// Puts the configuration where both look for it.
    pub(super) fn configure(&self, lab: &Lab, config: &Config) {
        let conf = lab.router.path(CONF);
        fs::create_dir_all(conf.parent().unwrap()).unwrap();
        fs::copy(lab.home("daemon", config).join("conf"), conf).unwrap();
    }

    pub(super) fn path(&self) -> PathBuf {
        match self {
            Program::Ours => crate::lab::daemon::binary(),
            Program::Original(path) => path.clone(),
        }
    }
}

fn is_active(text: &str) -> bool {
    text.contains("PortSentry is now active and listening.")
}

/// In a namespace of processes, which ends with the first of them.
fn launch(router: &Namespace, program: &Path, flag: &str) -> Child {
    let mut command = router.command("unshare");
    command.args(["--pid", "--fork", "--kill-child", "sh", "-c"]);
    command.args(["umask 022; \"$0\" \"$1\"; exec sleep 600"]);
    command.arg(program).arg(flag);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

impl Started<'_> {
    pub(crate) fn pid(&self) -> u32 {
        match &self.process {
            Process::Ours(daemon) => daemon.pid(),
            Process::Original(child) => {
                let init = children(child.id())[0];
                children(init)[0]
            }
        }
    }

    /// Returns when all that was sent before has been seen: a stranger's touches, sent later, are logged.
    #[track_caller]
    pub(crate) fn settle(&self, proto: Proto) {
        let from = self.lab.stranger(ROUTER);
        let last = 61000 + self.trigger - 1;
        for port in 61000..=last {
            self.lab.scanner.touch(proto, from, at_router(port));
        }
        let line = probed(from, proto, last);
        self.lab.log.wait_for(|text| text.ends_with(&line));
    }

    /// The lines about sources other than the strangers of `settle`.
    pub(crate) fn probe_lines(&self) -> Vec<String> {
        let is_probe = |text: &String| text.contains(" from host: ") && !text.contains(": 10.99.");
        self.lab.log.texts().into_iter().filter(is_probe).collect()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Waits until a file has a text in it, and gives what it has.
    #[track_caller]
    pub(super) fn read_until(&self, name: &str, text: &str) -> String {
        eventually(text, || self.read(name).contains(text));
        self.read(name)
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if let Process::Original(child) = &mut self.process {
            // unshare takes all of its namespace with it.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
