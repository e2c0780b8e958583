//! Of which touches nothing can depend on whose they are: those the kernel is not asked about.

use super::{MINUTE, SECOND, addr, core};
use crate::storm::core::{Core, syn};
use portsentry::judge::ban::Stop;
use portsentry::judge::policy::Block;
use std::time::Duration;

fn settled(core: &Core, source: &str, port: u16) -> bool {
    core.detector.is_settled(core.now, &syn(addr(source), port))
}

fn touch(core: &mut Core, source: &str, port: u16) {
    let _verdict = core.take(&syn(addr(source), port));
}

#[test]
fn while_nobody_is_banned_a_repeat_within_the_minute_is() {
    let mut core = core(|policy| policy.block_tcp = Block::Off);
    assert!(!settled(&core, "192.0.2.7", 1), "nobody knows of it");
    touch(&mut core, "192.0.2.7", 1);
    assert!(settled(&core, "192.0.2.7", 1));
    assert!(!settled(&core, "192.0.2.7", 2), "another trap");
    assert!(!settled(&core, "192.0.2.8", 1), "another source");
    core.pass(MINUTE - Duration::from_millis(1));
    assert!(settled(&core, "192.0.2.7", 1));
    core.pass(Duration::from_millis(1));
    assert!(!settled(&core, "192.0.2.7", 1), "it is reported anew");
}

#[test]
fn of_more_traps_than_are_remembered_the_latest_are_too() {
    let mut core = core(|policy| policy.block_tcp = Block::Off);
    for port in 1..=200 {
        touch(&mut core, "192.0.2.7", port);
    }
    for port in [1, 100, 200] {
        assert!(settled(&core, "192.0.2.7", port), "{port}");
    }
    assert!(!settled(&core, "192.0.2.7", 201));
}

/// Before that, what is known of the packet decides whether its source is banned.
#[test]
fn while_sources_are_banned_only_those_of_whom_the_firewall_has_it_are() {
    let mut core = core(|policy| policy.trigger_ports = 2);
    touch(&mut core, "192.0.2.7", 1);
    assert!(!settled(&core, "192.0.2.7", 1), "it may be banned yet");
    touch(&mut core, "192.0.2.7", 2);
    assert!(!settled(&core, "192.0.2.7", 2), "the firewall has it not");
    core.pass(SECOND);
    assert!(settled(&core, "192.0.2.7", 2));
    assert!(!settled(&core, "192.0.2.7", 3));
}

/// BLOCK 2: a touch of the other protocol's traps may make a ban of it.
#[test]
fn a_ban_that_stops_nothing_settles_nothing() {
    let mut core = core(|policy| policy.trigger_ports = 1);
    touch(&mut core, "192.0.2.7", 1);
    core.pass(SECOND);
    assert!(settled(&core, "192.0.2.7", 1));
    let ban = core.detector.bans.iter().next().map(|(key, _)| *key);
    core.detector.bans.get_mut(&ban.unwrap()).unwrap().stop = Stop::Nothing;
    assert!(!settled(&core, "192.0.2.7", 1));
}
