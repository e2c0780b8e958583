//! The init script that is installed, with sysvinit's shell and Debian's start-stop-daemon, and with busybox's.

mod defaults;
mod places;

use crate::lab::background::Background;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::binary;
use crate::lab::{Lab, eventually};
use std::fs;
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("../../cross/busybox/portsentry");

/// busybox's runs its own programs where it has them, start-stop-daemon among them.
const SHELLS: [&[&str]; 2] = [&["sh"], &["busybox", "sh"]];

const SLOW: &str = "#!/bin/sh
touch DIR/here
while [ -e DIR/hold ]; do sleep 0.01; done
PATH=${PATH#*:} exec mkfifo \"$@\"
";

/// The script as `make install` leaves it, and the home of the daemon that it starts.
struct Init<'lab> {
    daemon: Background<'lab>,
    shell: &'static [&'static str],
}

impl<'lab> Init<'lab> {
    fn new(lab: &'lab Lab, shell: &'static [&'static str]) -> Self {
        let daemon = lab.background(&Config::new(Mode::Stealth));
        let home = daemon.home.display();
        let lines = SCRIPT.lines().map(|line| match line.split_once('=') {
            Some(("DAEMON", _)) => format!("DAEMON={}\n", binary().display()),
            Some(("CONF", _)) => format!("CONF={home}/conf\n"),
            Some(("STATE", _)) => format!("STATE={home}/state\n"),
            _ => format!("{line}\n"),
        });
        let text: String = lines.collect();
        fs::write(daemon.home.join("init"), text).unwrap();
        Self { daemon, shell }
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = self.daemon.lab.router.command(self.shell[0]);
        command.args(&self.shell[1..]);
        command.arg(self.daemon.home.join("init")).arg(verb);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The exit status and what it said.
    fn run(&self, verb: &str) -> (Option<i32>, String) {
        let output = self.command(verb).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    /// The one daemon there is.
    #[track_caller]
    fn pid(&self) -> u32 {
        let all = self.daemon.processes();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0]
    }

    /// The one daemon is known, and can be stopped; nothing is left behind.
    #[track_caller]
    fn is_in_hand(&self) {
        let runs = format!("portsentry runs (process {})\n", self.pid());
        assert_eq!(self.run("status"), (Some(0), runs));
        let stopped = (Some(0), "portsentry stopped\n".to_owned());
        assert_eq!(self.run("stop"), stopped);
        assert_eq!(self.daemon.processes(), [0; 0]);
        assert_eq!(self.daemon.lab.router.sh("ls /run"), "portsentry\n");
    }
}

/// The example in UCI, for a box whose WAN is the lab's.
fn example(enabled: &str) -> String {
    include_str!("../../doc/portsentry.uci")
        .replace("list network 'wan6'", "")
        .replace("list network 'wan'", "list device 'wan'")
        .replace("enabled '0'", &format!("enabled '{enabled}'"))
}

/// Not with busybox's shell, whose mkfifo is its own.
#[test]
fn a_start_that_another_overtakes_leaves_the_daemon_to_it() {
    let Some(lab) = Lab::new(&["mkfifo"]) else {
        return;
    };
    let init = Init::new(&lab, SHELLS[0]);
    // It has looked who runs, and is held up before it starts anything.
    let dir = lab.dir().join("slow");
    let hold = dir.join("hold");
    fs::create_dir(&dir).unwrap();
    fs::write(&hold, "").unwrap();
    let slow = SLOW.replace("DIR", dir.to_str().unwrap());
    fs::write(dir.join("mkfifo"), slow).unwrap();
    lab.router
        .sh(&format!("chmod 755 {}/mkfifo", dir.display()));
    let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
    let late = init.command("start").env("PATH", path).spawn().unwrap();
    eventually("it is held up", || dir.join("here").exists());

    let (status, said) = init.run("start");
    assert_eq!(status, Some(0), "{said}");
    let pid = init.pid();
    fs::remove_file(&hold).unwrap();
    let late = late.wait_with_output().unwrap();
    assert!(late.status.success(), "{late:?}");
    let said = String::from_utf8(late.stdout).unwrap();
    assert_eq!(said, format!("portsentry runs already (process {pid})\n"));
    assert_eq!(init.pid(), pid);
    init.is_in_hand();
}

#[test]
fn starts_at_the_same_moment_leave_one_daemon_that_can_be_stopped() {
    for shell in SHELLS {
        let Some(lab) = Lab::new(&["busybox"]) else {
            return;
        };
        let init = Init::new(&lab, shell);
        for _ in 0..4 {
            let starts = [(); 3].map(|()| init.command("start").spawn().unwrap());
            for start in starts {
                let output = start.wait_with_output().unwrap();
                assert!(output.status.success(), "{shell:?}: {output:?}");
            }
            init.is_in_hand();
        }
    }
}

#[test]
fn what_is_wrong_with_the_file_is_said_and_nothing_stays() {
    let Some(lab) = Lab::new(&[]) else { return };
    let init = Init::new(&lab, SHELLS[0]);
    fs::write(init.daemon.home.join("conf"), "BACKEND=\"hope\"\n").unwrap();
    let (status, said) = init.run("start");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.starts_with("portsentry did not start:\n"), "{said}");
    assert!(said.contains("BACKEND \"hope\" is not known"), "{said}");
    assert_eq!(init.daemon.processes(), [0; 0]);
    assert_eq!(lab.router.sh("ls /run"), "");
    assert_eq!(init.run("status").0, Some(3));
}

#[test]
fn restart_is_another_daemon_and_reload_the_same_with_another_file() {
    for shell in SHELLS {
        let Some(lab) = Lab::new(&["busybox"]) else {
            return;
        };
        let init = Init::new(&lab, shell);
        let silent = (Some(7), "portsentry does not run\n".to_owned());
        assert_eq!(init.run("reload"), silent);
        // As at a first start.
        assert_eq!(init.run("restart").0, Some(0));
        let first = init.pid();
        assert_eq!(init.run("restart").0, Some(0));
        let second = init.pid();
        assert_ne!(first, second);
        assert_eq!(init.run("reload").0, Some(0));
        eventually("it is read again", || {
            lab.log
                .texts()
                .iter()
                .any(|line| line.contains("is read again"))
        });
        let conf = init.daemon.home.join("conf");
        fs::write(conf, "BACKEND=\"hope\"\n").unwrap();
        let (status, said) = init.run("reload");
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("BACKEND \"hope\" is not known"), "{said}");
        assert_eq!(init.pid(), second);
        init.is_in_hand();
    }
}
