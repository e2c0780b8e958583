//! The program in front of a packet socket: run here by a machine of our own, and held against the reader that
//! judges what the program lets through.

mod machine;
mod world;

use crate::fuzz::bytes::Random;
use machine::{Frame, PROGRAM_MAX, check_form, run};
use portsentry::limits::SNAP;
use portsentry::net::Family;
use portsentry::see::filter::{Insn, WHOLE, nothing};
use portsentry::see::packet::{self, NoProbe};
use portsentry::see::probe::{Kinds, Protocol};
use portsentry::see::traps::Traps;
use socket2::{Domain, SockFilter, Socket, Type};
use world::{KINDS, World, arrived, full, listed, segment};

/// Steps for a packet that is no probe, with every table full: one for each of 16 devices and 32 addresses of
/// IPv4, eight for each of 32 addresses of IPv6 that differ in the last word only. The search for a port takes
/// some 20; a linear one would take 256, and break this.
const STEPS_MAX: [(Family, usize); 2] = [(Family::V4, 90), (Family::V6, 320)];

/// Draws a frame: whether it passes, or how the program and the reader disagree about it.
fn judged(
    program: &[Insn],
    world: &World,
    family: Family,
    random: &Random,
) -> Result<bool, &'static str> {
    let (bytes, packet_type, device, damaged) = world.frame(random, family);
    let frame = Frame {
        bytes: &bytes,
        packet_type,
        device,
    };
    let (passed, _) = run(program, &frame);
    let version = bytes.first().map(|byte| byte >> 4);
    if version != Some(if family == Family::V4 { 4 } else { 6 }) {
        // The frame says one protocol and the packet another: the kernel takes it for neither.
        return Ok(passed);
    }
    let found = packet::parse(
        bytes.get(..SNAP).unwrap_or(&bytes),
        bytes.len(),
        world.kinds,
    );
    let ours = world.is_ours(&frame);
    let is_trap = |protocol, port| world.traps.of(protocol).contains(port);
    let probe = ours && found.is_ok_and(|probe| is_trap(probe.protocol, probe.port));
    // The machine cannot follow a chain of headers, nor add up a checksum.
    let next = bytes.get(6).copied();
    let chain = family == Family::V6 && matches!(next, Some(0 | 43 | 44 | 51 | 60));
    let garbled = damaged && matches!(found, Err(NoProbe::Length | NoProbe::Checksum));
    match (passed, probe) {
        (false, true) => Err("a probe is dropped"),
        (true, false) if !ours => Err("what is not for us passes"),
        (true, false) if !chain && !garbled => Err("what is no probe passes"),
        _ => Ok(passed),
    }
}

#[test]
fn the_program_and_the_reader_agree() {
    let random = Random::new(6);
    let (mut passed, mut dropped) = (0, 0);
    for n in 0..400 {
        let world = World::draw(&random, n % 4 == 0);
        for family in Family::BOTH {
            let program = world.program(family);
            check_form(&program);
            for _ in 0..500 {
                match judged(&program, &world, family, &random) {
                    Ok(true) => passed += 1,
                    Ok(false) => dropped += 1,
                    Err(how) => panic!("world {n}, {family:?}: {how}"),
                }
            }
        }
    }
    assert!(passed > 20_000 && dropped > 20_000, "{passed} {dropped}");
}

/// The same test on programs that are wrong in one place: a test turned round, or an end exchanged.
#[test]
fn a_wrong_program_is_found_out() {
    let random = Random::new(7);
    let mut world = World::draw(&random, false);
    world.traps = Traps {
        tcp: listed(&[(1, 1), (11, 15), (79, 79), (31337, 31337)]),
        udp: listed(&[(7, 7), (161, 162), (700, 700)]),
    };
    world.own = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]
        .map(|addr| addr.parse().unwrap())
        .to_vec();
    (world.devices, world.only) = (vec![2, 3], true);
    // The ones that survive drop a short segment that is no fragment, and a later fragment; so does the reader.
    let cases = Family::BOTH.map(|family| KINDS.map(|kinds| (family, kinds, 1)));
    for (family, kinds, survivors) in cases.concat() {
        world.kinds = kinds;
        let right = world.program(family);
        let found = |program: &[Insn]| {
            (0..50_000).find_map(|_| judged(program, &world, family, &random).err())
        };
        assert_eq!(found(&right), None);
        let wrong = |at: usize| {
            let mut wrong = right.clone();
            let insn = &mut wrong[at];
            match insn.code {
                0x06 => insn.k = WHOLE - insn.k,
                _ => (insn.jt, insn.jf) = (insn.jf, insn.jt),
            }
            wrong
        };
        let places = (0..right.len()).map(|at| (at, wrong(at)));
        let unnoticed = places.filter(|(_, wrong)| *wrong != right && found(wrong).is_none());
        let unnoticed: Vec<_> = unnoticed.map(|(at, _)| (at, right[at])).collect();
        assert_eq!(
            unnoticed.len(),
            survivors,
            "{family:?} {kinds:?}: {unnoticed:?}"
        );
    }
}

/// The first port about which a program and the traps are not of one mind, of all there are.
fn wrong_port(program: &[Insn], world: &World, family: Family) -> Option<(Protocol, u16)> {
    let (header, protocol_at) = match family {
        Family::V4 => (20, 9),
        Family::V6 => (40, 6),
    };
    let mut bytes = segment(world, family, 0, "S");
    for protocol in Protocol::BOTH {
        bytes[protocol_at] = protocol.number();
        for port in 0..=u16::MAX {
            bytes[header + 2..header + 4].copy_from_slice(&port.to_be_bytes());
            let (passed, _) = run(program, &arrived(world, &bytes));
            if passed != world.traps.of(protocol).contains(port) {
                return Some((protocol, port));
            }
        }
    }
    None
}

#[test]
fn every_trap_passes_and_no_other_port() {
    let random = Random::new(8);
    for (only, kinds) in [(true, Kinds::Classic), (false, Kinds::Extended)] {
        let world = full(&random, only, kinds);
        for family in Family::BOTH {
            let program = world.program(family);
            check_form(&program);
            assert_eq!(wrong_port(&program, &world, family), None);
        }
    }
}

/// From port 0 on, with gaps, and without any.
#[test]
fn the_ranges_of_advanced_modes_pass_and_no_other_port() {
    let mut world = full(&Random::new(14), true, Kinds::Classic);
    world.traps = Traps {
        tcp: listed(&[(0, 112), (114, 138), (140, 1023)]),
        udp: listed(&[(0, 65535)]),
    };
    for family in Family::BOTH {
        let program = world.program(family);
        check_form(&program);
        assert_eq!(wrong_port(&program, &world, family), None);
    }
}

/// What has ACK or RST, and whether it is among the extended kinds.
const ANSWERS: [(&str, bool); 9] = [
    ("A", true),
    ("PA", true),
    ("FA", true),
    ("SR", true),
    ("SFA", true),
    ("SFRPAU", true),
    ("SA", false),
    ("R", false),
    ("RA", false),
];

#[test]
fn what_has_ack_or_rst_passes_to_low_traps_where_it_is_looked_for() {
    let cases = Family::BOTH.map(|family| KINDS.map(|kinds| (family, kinds)));
    for (family, kinds) in cases.concat() {
        let mut world = full(&Random::new(15), true, kinds);
        world.traps.tcp = listed(&[(0, 112), (114, 138), (140, 2000), (31337, 31337)]);
        let program = world.program(family);
        check_form(&program);
        for (flags, extended) in ANSWERS {
            for port in 0..=u16::MAX {
                let bytes = segment(&world, family, port, flags);
                let (passed, _) = run(&program, &arrived(&world, &bytes));
                let trap = port < 1024 && world.traps.tcp.contains(port);
                let expected = kinds == Kinds::Extended && extended && trap;
                assert_eq!(passed, expected, "{kinds:?} {family:?}: {flags} to {port}");
            }
        }
    }
}

/// The kernel's own checker reads them as well; that takes no more than a socket.
#[test]
fn the_kernel_takes_the_longest_program() {
    let world = full(&Random::new(12), true, Kinds::Extended);
    for family in Family::BOTH {
        let program = world.program(family);
        let program = program.iter();
        let program = program.map(|i| SockFilter::new(i.code, i.jt, i.jf, i.k));
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        let taken = socket.attach_filter(&program.collect::<Vec<_>>());
        assert!(taken.is_ok(), "{family:?}: {taken:?}");
    }
}

/// The mutation check of `every_trap_passes_and_no_other_port`: a program that lacks one port, or has one more.
#[test]
fn one_wrong_port_is_found_out() {
    let random = Random::new(9);
    let world = full(&random, true, Kinds::Classic);
    for protocol in Protocol::BOTH {
        let traps = world.traps.of(protocol);
        let (port, _) = *traps
            .ranges()
            .iter()
            .find(|(first, last)| first == last)
            .unwrap();
        let left = traps.ranges().iter().copied();
        let fewer = listed(&left.filter(|range| range.0 != port).collect::<Vec<_>>());
        for family in Family::BOTH {
            let mut less = full(&random, true, Kinds::Classic);
            less.traps = world.traps.clone();
            match protocol {
                Protocol::Tcp => less.traps.tcp = fewer.clone(),
                Protocol::Udp => less.traps.udp = fewer.clone(),
            }
            let missing = wrong_port(&less.program(family), &world, family);
            assert_eq!(missing, Some((protocol, port)));
            let surplus = wrong_port(&world.program(family), &less, family);
            assert_eq!(surplus, Some((protocol, port)));
        }
    }
}

#[test]
fn an_honest_packet_costs_few_steps() {
    let random = Random::new(10);
    for (only, kinds) in [(true, Kinds::Classic), (false, Kinds::Extended)] {
        let world = full(&random, only, kinds);
        for (family, most) in STEPS_MAX {
            let program = world.program(family);
            assert!(program.len() < PROGRAM_MAX, "{}", program.len());
            let mut worst = 0;
            for port in 0..=u16::MAX {
                let flags = match (world.traps.tcp.contains(port), kinds) {
                    (false, _) => "S",
                    (true, Kinds::Classic) => "A",
                    (true, Kinds::Extended) => "SA",
                };
                let bytes = segment(&world, family, port, flags);
                let (passed, steps) = run(&program, &arrived(&world, &bytes));
                assert!(!passed, "{family:?} {port}");
                worst = worst.max(steps);
            }
            assert!(worst <= most, "{family:?}: {worst} steps");
            assert!(worst * 2 > most, "{family:?}: the bound says nothing");
        }
    }
}

#[test]
fn the_first_program_passes_nothing() {
    check_form(&nothing());
    let world = full(&Random::new(11), true, Kinds::Extended);
    let trap = world.traps.tcp.ranges()[0].0;
    let bytes = segment(&world, Family::V4, trap, "S");
    assert!(run(&world.program(Family::V4), &arrived(&world, &bytes)).0);
    assert!(!run(&nothing(), &arrived(&world, &bytes)).0);
}
