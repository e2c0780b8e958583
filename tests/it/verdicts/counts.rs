//! `status` counts each packet once, under what was made of it.

use super::{addr, core, source};
use crate::storm::core::{Core, syn};
use portsentry::judge::counts::Counts;
use portsentry::see::conntrack::Belongs::{self, Forwarded, Nobody, Reply, Unknown, Us};
use portsentry::see::probe::{Flags, Kind, Mode, Probe, Protocol};

/// The counts under the names that `status` has for them.
fn named(counts: &Counts) -> Vec<(&'static str, u64)> {
    let kinds = Counts::KINDS.into_iter().zip(counts.kinds);
    let verdicts = [
        ("forged", counts.forged),
        ("ignored", counts.ignored),
        ("explained", counts.explained),
        ("unknown", counts.unknown),
        ("counted", counts.counted),
        ("folded", counts.folded),
        ("reported", counts.reported),
        ("protected", counts.protected),
        ("banned", counts.bans),
        ("would be banned", counts.would_be),
        ("held up", counts.valve),
        ("expired", counts.expired),
        ("failed", counts.failed),
    ];
    kinds.chain(verdicts).collect()
}

/// The names of what a packet was counted under; each must have grown by one.
fn counted(core: &mut Core, probe: &Probe, belongs: Belongs) -> String {
    let detector = &mut core.detector;
    let before = named(&detector.counts);
    if detector.candidate(probe).is_ok() {
        let _verdict = detector.judge(core.now, probe, Mode::Stealth, belongs);
    }
    let after = named(&detector.counts);
    let grown = before.into_iter().zip(after);
    let grown = grown.filter(|((_, before), (_, after))| before != after);
    let names = grown.map(|((name, before), (_, after))| {
        assert_eq!(after, before + 1, "{name}");
        name
    });
    names.collect::<Vec<_>>().join(", ")
}

fn udp(source: &str, port: u16) -> Probe {
    Probe {
        protocol: Protocol::Udp,
        kind: Kind::Udp,
        ..syn(addr(source), port)
    }
}

/// TCP is blocked from the second trap on, one ban a minute; UDP is not.
#[test]
fn each_packet_is_counted_under_what_was_made_of_it() {
    let mut core = core(|policy| {
        policy.traps.udp.add(1, 1023).unwrap();
        policy.trigger_ports = 2;
        policy.ban_rate_max = 1;
    });
    let protect = &mut core.detector.protect;
    protect.surroundings.add_own(addr("203.0.113.5"));
    protect.surroundings.add_gateway(addr("203.0.113.1"));
    protect.ignored.push(source("198.51.100.0/24"));
    let tcp = |source, port| syn(addr(source), port);
    let dhcp = Probe {
        source_port: 67,
        ..udp("192.0.2.67", 68)
    };
    for (probe, belongs, expected) in [
        (tcp("192.0.2.7", 2000), Nobody, ""),
        (tcp("203.0.113.5", 1), Nobody, "forged"),
        (tcp("198.51.100.7", 1), Nobody, "ignored"),
        (tcp("192.0.2.7", 1), Us, "explained"),
        (tcp("192.0.2.7", 1), Reply, "explained"),
        (tcp("192.0.2.7", 1), Forwarded, "explained"),
        (dhcp, Nobody, "explained"),
        (tcp("192.0.2.7", 1), Nobody, "syn, counted"),
        (tcp("192.0.2.7", 2), Nobody, "syn, reported, banned"),
        (tcp("192.0.2.7", 2), Nobody, "syn, folded"),
        (tcp("192.0.2.8", 1), Unknown, "syn, unknown, counted"),
        (tcp("192.0.2.8", 2), Nobody, "syn, reported, held up"),
        (udp("192.0.2.9", 1), Nobody, "udp, counted"),
        (
            udp("192.0.2.9", 2),
            Nobody,
            "udp, reported, would be banned",
        ),
        (udp("192.0.2.9", 3), Nobody, "udp, reported"),
        (tcp("203.0.113.1", 1), Nobody, "syn, counted"),
        (tcp("203.0.113.1", 2), Nobody, "syn, reported, protected"),
    ] {
        let counted = counted(&mut core, &probe, belongs);
        assert_eq!(counted, expected, "{probe:?}, {belongs:?}");
    }
}

#[test]
fn each_kind_of_probe_has_a_count_of_its_own() {
    let mut core = core(|policy| policy.trigger_ports = 9);
    for (kind, name) in [
        (Kind::Connect, "connect"),
        (Kind::Syn, "syn"),
        (Kind::Null, "null"),
        (Kind::Fin, "fin"),
        (Kind::Xmas, "xmas"),
        (Kind::Unknown(Flags::ACK), "other"),
        (Kind::Fragment, "fragment"),
    ] {
        let probe = Probe {
            kind,
            ..syn(addr("192.0.2.7"), 1)
        };
        for _ in 0..2 {
            let counted = counted(&mut core, &probe, Nobody);
            assert_eq!(counted, format!("{name}, counted"));
        }
    }
}
