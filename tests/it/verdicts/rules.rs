//! Other rules are put in force while somebody is banned.

use super::{addr, core, source};
use crate::storm::core::{Core, syn};
use portsentry::judge::ban::{Ban, Stop};
use portsentry::judge::hand::{Target, Wish};
use portsentry::judge::policy::{Block, Policy};
use portsentry::see::probe::{Kind, Probe, Protocol};

fn touch(core: &mut Core, from: &str) {
    let _verdict = core.take(&syn(addr(from), 1));
}

fn ban_by_hand(core: &mut Core, whom: &str) {
    let wish = Wish {
        whom: Target::Network(source(whom)),
        time: None,
        forced: false,
    };
    assert!(core.detector.ban_by_hand(core.now, &wish).is_ok());
}

fn banned(core: &Core, whom: &str) -> Option<Ban> {
    core.detector.bans.get(&source(whom)).copied()
}

fn adopt(core: &mut Core, change: impl FnOnce(&mut Policy)) {
    let mut policy = core.detector.policy.clone();
    change(&mut policy);
    core.detector.adopt(policy);
}

/// Without UNBLOCK_CMD nothing ends what KILL_ROUTE began; our own firewall does not care.
#[test]
fn a_ban_by_kill_route_ends_only_while_something_undoes_it() {
    let mut core = core(|policy| (policy.stop, policy.undone) = (Stop::Route, true));
    touch(&mut core, "192.0.2.7");
    ban_by_hand(&mut core, "192.0.2.8");
    let ends = |core: &Core| {
        ["192.0.2.7", "192.0.2.8"].map(|whom| banned(core, whom).unwrap().until.is_some())
    };
    adopt(&mut core, |policy| policy.scan_trigger = 2);
    assert_eq!(ends(&core), [true, true]);
    adopt(&mut core, |policy| policy.undone = false);
    assert_eq!(ends(&core), [false, true]);
}

/// Either protocol alone keeps the firewall in use; the owner's word needs no protocol.
#[test]
fn bans_are_kept_while_either_protocol_is_blocked() {
    let mut core = core(|policy| policy.block_udp = Block::Full);
    touch(&mut core, "192.0.2.7");
    ban_by_hand(&mut core, "192.0.2.8");
    let kept = |core: &Core| ["192.0.2.7", "192.0.2.8"].map(|whom| banned(core, whom).is_some());
    for (tcp, udp, expected) in [
        (Block::Off, Block::Full, [true, true]),
        (Block::Full, Block::Off, [true, true]),
        (Block::RunOnly, Block::Off, [false, true]),
    ] {
        adopt(&mut core, |policy| {
            (policy.block_tcp, policy.block_udp) = (tcp, udp);
        });
        assert_eq!(kept(&core), expected, "{tcp:?} {udp:?}");
    }
}

/// A SYN may be forged, a finished handshake is not; and what was proven stays so.
#[test]
fn a_ban_is_proven_by_whatever_its_source_does_later() {
    let mut core = core(|_| {});
    touch(&mut core, "192.0.2.7");
    for (kind, verified) in [(Kind::Fin, false), (Kind::Connect, true), (Kind::Fin, true)] {
        let probe = Probe {
            kind,
            protocol: Protocol::Tcp,
            ..syn(addr("192.0.2.7"), 2)
        };
        let _verdict = core.take(&probe);
        let ban = banned(&core, "192.0.2.7").unwrap();
        assert_eq!((ban.verified, ban.ports), (verified, 2), "{kind:?}");
    }
}
