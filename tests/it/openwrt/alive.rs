//! The same with the daemon that procd would start, on a router with a network: the script, the file and the
//! daemon mean the same.

use super::ENABLED;
use super::router::{Did, Router};
use crate::lab::daemon::{binary, probed};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::process::{Child, Stdio};

/// A router whose procd has a process to look after.
struct Alive<'lab> {
    lab: &'lab Lab,
    router: Router,
    daemon: Option<Child>,
}

impl Alive<'_> {
    /// Runs the script, and does what procd does then.
    fn procd(&mut self, command: &str) -> Did {
        let did = self.router.procd(command);
        match did {
            Did::Nothing => {}
            Did::Started => {
                let [line] = &self.router.told("command")[..] else {
                    panic!("one command")
                };
                let words = line.split(['<', '>']).skip(1).step_by(2);
                let words: Vec<_> = words.skip(1).collect();
                assert_eq!(words[..2], ["run", "-c"]);
                let conf = self.router.path("etc/config/portsentry");
                assert_eq!(words[2..], ["/etc/config/portsentry"]);
                let mut program = self.lab.router.command(binary().to_str().unwrap());
                program.args(&words[..2]).arg(conf).stderr(Stdio::null());
                self.daemon = Some(program.spawn().unwrap());
            }
            Did::Signalled => self.signal(Signal::SIGHUP),
            Did::Stopped => {
                self.signal(Signal::SIGTERM);
                let mut daemon = self.daemon.take().unwrap();
                assert!(daemon.wait().unwrap().success());
            }
            Did::Restarted => panic!("{command}: never"),
        }
        did
    }

    fn signal(&self, signal: Signal) {
        let pid = self.daemon.as_ref().unwrap().id();
        kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
    }

    fn reloaded(&self, times: usize) {
        let said = |text: &str| text.ends_with("is read again and in force");
        self.lab.log.wait_for_many(times, said);
    }

    /// Until it is seen, or not at all.
    fn touch(&self, port: u16) {
        let from = SCANNER;
        let scanner = &self.lab.scanner;
        scanner.touch(Tcp, from, SocketAddr::new(ROUTER, port));
    }

    fn seen(&self, port: u16) -> usize {
        let line = probed(SCANNER, Tcp, port);
        self.lab.log.count(|text| text.ends_with(&line))
    }
}

#[test]
fn from_boot_to_the_end_it_does_what_the_file_says() {
    let Some(lab) = Lab::new(&["busybox"]) else {
        return;
    };
    let router = Router::in_lab(&lab);
    let mut alive = Alive {
        lab: &lab,
        router,
        daemon: None,
    };

    // At boot the file is broken: it is not started, and so not again and again.
    let broken = format!("{ENABLED}\toption trigger_port '2'\n");
    alive.router.set(&broken);
    assert_eq!(alive.procd("boot"), Did::Nothing);
    assert_eq!(lab.log.texts(), [""; 0]);

    // The network comes a minute later.
    alive.router.set(ENABLED);
    assert_eq!(alive.procd("reload"), Did::Started);
    let missing = |text: &str| text.starts_with("adminalert: network wan has no device in ");
    lab.log.wait_for(missing);
    lab.log
        .wait_for_text("adminalert: PortSentry is now active and listening.");
    alive.touch(23);
    alive.router.network("wan", Some("wan"));
    assert_eq!(alive.procd("reload"), Did::Signalled);
    alive.reloaded(1);
    eventually("the touch is seen", || {
        alive.touch(3389);
        alive.seen(3389) > 0
    });
    assert_eq!((alive.seen(23), lab.log.count(missing)), (0, 1));

    // A broken file is none; what is in force stays.
    alive.router.set(&broken.replace("3389", "445"));
    assert_eq!(alive.procd("reload"), Did::Signalled);
    lab.log
        .wait_for(|text| text.ends_with("is not used; the old one stays in force"));
    let reason = "unknown option \"trigger_port\"; did you mean trigger_ports?";
    assert_eq!(lab.log.count(|text| text.ends_with(reason)), 1);
    alive.touch(23);
    let line = probed(SCANNER, Tcp, 23);
    lab.log.wait_for(|text| text.ends_with(&line));

    // An edit takes effect.
    alive.router.set(&ENABLED.replace("3389", "445"));
    assert_eq!(alive.procd("reload"), Did::Signalled);
    alive.reloaded(2);
    alive.touch(445);
    let line = probed(SCANNER, Tcp, 445);
    lab.log.wait_for(|text| text.ends_with(&line));

    alive.router.set(&ENABLED.replace("'1'", "'0'"));
    assert_eq!(alive.procd("reload"), Did::Stopped);
    assert_eq!(alive.procd("reload"), Did::Nothing);
}
