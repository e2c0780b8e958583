//! An init script that was written for 1.2 goes on working.

use crate::background::watches_both;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::binary;
use crate::lab::{Lab, eventually};
use std::fs;

const SCRIPT: &str = include_str!("../data/old-init.sh");

#[test]
fn a_script_that_starts_a_process_for_each_protocol_works() {
    let Some(lab) = Lab::new(&["ps", "start-stop-daemon"]) else {
        return;
    };
    let daemon = lab.background(&Config::blocking(Mode::Connect));
    let firewall = lab.watch_firewall();
    // A copy: the script stops whatever runs this very file, and other tests run the other one.
    let program = daemon.home.join("portsentry");
    fs::copy(binary(), &program).unwrap();
    let options = format!(
        "-c {0}/conf --run-dir {0}/run",
        daemon.home.to_str().unwrap()
    );
    let text = SCRIPT
        .replace("@DAEMON@", program.to_str().unwrap())
        .replace("@OPTIONS@", &options);
    let script = daemon.home.join("init");
    fs::write(&script, text).unwrap();
    let run = |verb: &str| lab.router.sh(&format!("sh {} {verb}", script.display()));

    assert_eq!(run("start"), "");
    watches_both(&daemon);
    let first = daemon.pid();
    // Nothing shows the second protocol, so it is started again.
    assert_eq!(run("start"), "");
    watches_both(&daemon);
    assert_eq!(daemon.pid(), first);
    // The stop does not wait; the start does, although the old daemon is still busy with its rules.
    firewall.hold();
    assert_eq!(run("stop"), "");
    eventually("ps shows no mode any more", || run("shown").is_empty());
    let mut start = lab.router.command("sh");
    let mut start = start.arg(&script).arg("start").spawn().unwrap();
    eventually("the start waits for the lock", || {
        daemon.processes().len() > 1
    });
    assert_eq!(daemon.pid(), first);
    firewall.release();
    assert!(start.wait().unwrap().success());
    watches_both(&daemon);
    assert_ne!(daemon.pid(), first);
    assert_eq!(run("stop"), "");
    eventually("its end", || daemon.resident().is_none());
}
