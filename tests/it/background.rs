//! 1.2's flags alone: the daemon goes to the background, and whoever called it learns whether it is there.

mod join;

use crate::lab::background::Background;
use crate::lab::config::{Config, Mode};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually};
use nix::sys::signal::Signal;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

const ACTIVE: &str = "PortSentry is now active and listening.";

/// What a good start says to whoever called it.
const NOTHING: (i32, String) = (0, String::new());

#[test]
fn it_stays_without_a_terminal_and_holds_nothing_of_its_starters() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth));
    assert_eq!(daemon.call(&["-stcp"]), NOTHING);
    eventually("it is active", || daemon.said(ACTIVE));
    let pid = daemon.pid();
    assert_eq!(daemon.processes(), [pid]);

    let proc = |name: &str| format!("/proc/{pid}/{name}");
    let stat = fs::read_to_string(proc("stat")).unwrap();
    let stat: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // proc(5): state, parent, process group, session, terminal.
    assert_eq!(stat[2..5], [&pid.to_string(), &pid.to_string(), "0"]);
    assert_eq!(fs::read_link(proc("cwd")).unwrap(), Path::new("/"));
    let status = fs::read_to_string(proc("status")).unwrap();
    assert!(status.contains("Umask:\t0077\n"), "{status}");

    for open in fs::read_dir(proc("fd")).unwrap().flatten() {
        let number: u32 = open.file_name().to_str().unwrap().parse().unwrap();
        let to = fs::read_link(open.path()).unwrap();
        let to = to.to_str().unwrap();
        let ours = match number {
            0..=2 => to.ends_with("/dev/null"),
            _ => to.starts_with("socket:") || to == "anon_inode:inotify" || to.ends_with("/lock"),
        };
        assert!(ours, "{number} -> {to}");
    }
    // Others read the history, whatever our umask.
    let history = fs::metadata(daemon.home.join("history")).unwrap();
    assert_eq!(history.permissions().mode() & 0o777, 0o644);
    let run = fs::metadata(daemon.run()).unwrap();
    assert_eq!(run.permissions().mode() & 0o777, 0o755);

    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
    eventually("the probe", || daemon.said("to TCP port: 11"));
    daemon.stop();
    assert!(!daemon.run().join("control").exists());
}

#[test]
fn the_call_ends_when_the_firewall_is_ready_too() {
    let Some(lab) = Lab::new(&["bash"]) else {
        return;
    };
    let watch = lab.watch_firewall();
    let daemon = lab.background(&Config::blocking(Mode::Stealth));
    watch.hold();
    let mut call = daemon.begin(&["-stcp"]);
    eventually("the firewall is asked", || watch.held() > 0);
    assert!(!call.has_ended());
    watch.release();
    assert_eq!(call.end(), NOTHING);
    assert!(lab.chain(ROUTER).is_some());
    eventually("it is active", || daemon.said(ACTIVE));
}

#[test]
fn one_that_ends_before_it_is_ready_is_no_success() {
    for (signal, reason) in [
        (Signal::SIGKILL, "it ended before it was ready"),
        (Signal::SIGTERM, "it was stopped before it was ready"),
    ] {
        let Some(lab) = Lab::new(&["bash"]) else {
            return;
        };
        let watch = lab.watch_firewall();
        let daemon = lab.background(&Config::blocking(Mode::Stealth));
        watch.hold();
        let call = daemon.begin(&["-stcp"]);
        eventually("the firewall is asked", || watch.held() > 0);
        daemon.signal(signal);
        watch.release();
        let (status, said) = call.end();
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(reason), "{said}");
        assert_eq!(daemon.resident(), None);
    }
}

#[test]
fn a_mistake_is_told_to_whoever_called() {
    let table = [
        (
            "BACKEND",
            "hope",
            2,
            "conf:5: BACKEND \"hope\" is not known",
        ),
        (
            "TCP_PORTS",
            "",
            2,
            "No TCP ports supplied in config file. Aborting",
        ),
        // Bound by nobody else, but by the test.
        ("TCP_PORTS", "15", 1, "could not bind ANY TCP sockets"),
        // 1.2 started with such lines, so do we; but not in silence.
        ("SCAN_TRIGER", "1", 0, "did you mean SCAN_TRIGGER"),
        (
            "TCP_PORTS",
            "11,15",
            0,
            "could not bind TCP socket: 15. Attempting to continue",
        ),
    ];
    for (key, value, expected, reason) in table {
        let Some(lab) = Lab::new(&[]) else { return };
        let _web = lab.router.listen("[::]:15");
        let daemon = lab.background(&Config::new(Mode::Connect).with(key, value));
        let (status, said) = daemon.call(&["-tcp"]);
        assert_eq!(status, expected, "{key}={value}: {said}");
        assert!(said.contains(reason), "{key}={value}: {said}");
        assert!(!said.contains("Going into"), "{said}");
        assert_eq!(daemon.resident().is_some(), expected == 0, "{said}");
    }
}

#[test]
fn a_missing_file_is_told_to_whoever_called() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth));
    let (status, said) = daemon.begin_with(&["-sudp"], Path::new("/nowhere")).end();
    assert_eq!(status, 2, "{said}");
    assert!(
        said.contains("ERROR: /nowhere: No such file or directory"),
        "{said}"
    );
    assert!(!daemon.run().exists());
}

#[test]
fn a_start_after_a_kill_takes_the_place_over() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth));
    assert_eq!(daemon.call(&["-stcp"]), NOTHING);
    let first = daemon.pid();
    daemon.signal(Signal::SIGKILL);
    eventually("its end", || daemon.processes().is_empty());
    assert!(daemon.run().join("control").exists());
    assert_eq!(daemon.call(&["-stcp"]), NOTHING);
    assert_ne!(daemon.pid(), first);
    // And the socket is alive: the second mode goes through it.
    assert_eq!(daemon.call(&["-sudp"]), NOTHING);
    assert_eq!(daemon.processes(), [daemon.pid()]);
}

#[test]
fn a_start_right_behind_a_stop_waits_for_the_end() {
    let Some(lab) = Lab::new(&["bash"]) else {
        return;
    };
    let watch = lab.watch_firewall();
    let daemon = lab.background(&Config::blocking(Mode::Stealth));
    assert_eq!(daemon.call(&["-stcp"]), NOTHING);
    let first = daemon.pid();
    let before = watch.held();
    watch.hold();
    daemon.signal(Signal::SIGTERM);
    eventually("the teardown begins", || watch.held() > before);
    let mut call = daemon.begin(&["-stcp"]);
    eventually("the second one comes", || daemon.processes().len() > 1);
    assert!(!call.has_ended());
    watch.release();
    assert_eq!(call.end(), NOTHING);
    assert_ne!(daemon.pid(), first);
    assert!(lab.chain(ROUTER).is_some());
}

#[test]
fn a_link_in_the_sockets_place_is_replaced_and_one_in_the_locks_place_refused() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth));
    let (run, precious) = (daemon.run(), daemon.home.join("precious"));
    fs::create_dir(&run).unwrap();
    fs::write(&precious, "gold").unwrap();
    symlink(&precious, run.join("control")).unwrap();
    assert_eq!(daemon.call(&["-stcp"]), NOTHING);
    daemon.stop();

    fs::remove_file(run.join("lock")).unwrap();
    symlink(&precious, run.join("lock")).unwrap();
    let (status, said) = daemon.call(&["-stcp"]);
    assert_eq!(status, 1, "{said}");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "gold");
}

#[test]
fn a_run_directory_that_others_may_write_is_refused() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Stealth);
    let daemon = lab.background(&config);
    fs::create_dir(daemon.run()).unwrap();
    fs::set_permissions(daemon.run(), fs::Permissions::from_mode(0o777)).unwrap();
    let (status, said) = daemon.call(&["-stcp"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("others than root may write there"), "{said}");
    assert_eq!(fs::read_dir(daemon.run()).unwrap().count(), 0);
    let (status, said) = lab.refused("background", "background", &config);
    assert_eq!(status.code(), Some(1), "{said}");
}

/// Both protocols are watched, by one process.
#[track_caller]
pub(crate) fn watches_both(daemon: &Background<'_>) {
    use crate::lab::touch::Proto::Udp;
    // The call that joined may still be seen for a moment.
    eventually("one process", || daemon.processes() == [daemon.pid()]);
    for proto in [Tcp, Udp] {
        // Somebody new: whoever came before may be banned.
        let from = daemon.lab.stranger(ROUTER);
        let scanner = &daemon.lab.scanner;
        scanner.touch(proto, from, SocketAddr::new(ROUTER, 513));
        let line = crate::lab::daemon::probed(from, proto, 513);
        eventually(&line, || daemon.said(&line));
    }
}
