//! Minutes of everything at once in the lab, and then silence until all bans have ended.

use super::asked_for;
use super::left::Left;
use super::traffic::Traffic;
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::{Lab, eventually, report};
use std::time::{Duration, Instant};

/// Rounds after which every table and buffer has been used.
const WARM: u32 = 3;

fn soak(backend: Backend, time: Duration) {
    let Some(lab) = backend.lab(Lab::new) else {
        return;
    };
    let config = Config::blocking(Mode::Stealth)
        .with("UDP_MODE", "connect")
        .with("BACKEND", backend.word())
        .with("BAN_RATE_MAX", "300")
        .with("WINDOW", "61s")
        .with("BLOCK_TIME", "2s")
        .with("BLOCK_TIME_MAX", "2s");
    let mut daemon = lab.start(config.clone());
    let mut traffic = Traffic::new(&lab, backend, config);
    for _ in 0..WARM {
        traffic.round(&mut daemon);
    }
    rest(&daemon);
    let before = Left::by(&daemon);
    let end = Instant::now() + time;
    let mut rounds = 0;
    while rounds == 0 || Instant::now() < end {
        traffic.round(&mut daemon);
        rounds += 1;
    }
    rest(&daemon);
    let after = Left::by(&daemon);
    let status = daemon.ask("status --json").json();
    report(&format!(
        "{backend:?}: {rounds} rounds\n  before {before}\n  after  {after}\n  {} {} {}",
        status["ever"], status["probes"], status["lost"]
    ));
    after.check_same_as(&before);
    assert!(daemon.stop().success(), "{}", daemon.stderr());
    assert_eq!(lab.frame(), Vec::<String>::new());
}

/// Until all bans have ended, and the firewall is as it shall be.
fn rest(daemon: &Daemon) {
    eventually("all bans have ended", || {
        let status = daemon.ask("status --json").json();
        status["bans"]["in_force"] == 0
            && status["firewall"]["state"] == "good"
            && daemon.children().is_empty()
    });
}

#[test]
fn a_few_rounds() {
    soak(Backend::Nft, Duration::ZERO);
}

#[test]
#[ignore = "make soak"]
fn many_rounds() {
    soak(Backend::Nft, asked_for("TIME", 600));
}
