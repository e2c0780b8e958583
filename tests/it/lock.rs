//! One daemon for a run directory, by its lock.

use crate::lab::config::{Config, Mode};
use crate::lab::{Lab, ROUTER, ROUTER6, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portsentry::sys::files;
use std::fs;
use std::process::Command;
use std::time::Duration;

#[test]
fn a_start_right_behind_a_kill_waits_for_the_lock() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Connect);
    for _ in 0..8 {
        let first = lab.start(config.clone());
        first.signal(Signal::SIGKILL);
        let mut second = lab.start(config.clone());
        assert!(second.stop().success());
    }
}

/// What a kill leaves for a moment, made to last: a process that has ended, and its lock that is still held.
#[test]
fn the_lock_of_a_process_that_has_ended_is_waited_for() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Stealth);
    let run = lab.home("daemon", &config).join("run");
    let mut dead = Command::new("true").spawn().unwrap();
    let line = format!("/proc/{}/cmdline", dead.id());
    eventually("its end", || fs::read(&line).unwrap().is_empty());
    fs::create_dir(&run).unwrap();
    let lock = files::lock(run.to_str().unwrap()).unwrap().unwrap();
    fs::write(run.join("lock"), dead.id().to_string()).unwrap();
    let holder = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        drop(lock);
    });
    let mut daemon = lab.start(config);
    assert!(daemon.stop().success());
    holder.join().unwrap();
    dead.wait().unwrap();
}

#[test]
fn a_lock_that_a_living_process_holds_is_not_waited_for() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Stealth);
    let run = lab.home("daemon", &config).join("run");
    fs::create_dir(&run).unwrap();
    let _lock = files::lock(run.to_str().unwrap()).unwrap().unwrap();
    let (status, said) = lab.refused("daemon", "daemon", &config);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("another portsentry runs on"), "{said}");
}

/// Somebody empties /run under a daemon, and starts another one.
#[test]
fn a_daemon_that_lost_its_lock_leaves_socket_and_chain_to_the_next() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::blocking(Mode::Stealth));
    for (n, lost) in ["lock", ""].into_iter().enumerate() {
        assert_eq!(daemon.call(&["-stcp"]).0, 0);
        let first = daemon.pid();
        match daemon.run().join(lost) {
            file if lost.is_empty() => fs::remove_dir_all(file).unwrap(),
            file => fs::remove_file(file).unwrap(),
        }
        assert_eq!(daemon.call(&["-sudp"]).0, 0);
        let second = daemon.pid();
        assert_ne!(first, second);
        kill(Pid::from_raw(first.try_into().unwrap()), Signal::SIGTERM).unwrap();
        eventually("its end", || daemon.processes() == [second]);
        let said = ["/run/lock was removed while we ran; the chain", "is left"];
        let heard = |text: &str| said.iter().all(|part| text.contains(part));
        lab.log.wait_for_many(n + 1, heard);
        assert!(lab.chain(ROUTER).is_some(), "{lost}");
        // And whoever comes third finds the second.
        assert_eq!(daemon.call(&["-stcp"]), (0, String::new()), "{lost}");
        eventually("the third has gone", || daemon.processes() == [second]);
        daemon.stop();
        assert_eq!([lab.chain(ROUTER), lab.chain(ROUTER6)], [None, None]);
    }
}

#[test]
fn a_daemon_that_lost_its_lock_to_nobody_takes_its_chain_away() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    fs::remove_dir_all(daemon.file("run")).unwrap();
    assert!(lab.chain(ROUTER).is_some());
    assert!(daemon.stop().success(), "{}", daemon.stderr());
    assert!(daemon.said("/run/lock was removed while we ran"));
    assert_eq!([lab.chain(ROUTER), lab.chain(ROUTER6)], [None, None]);
}
