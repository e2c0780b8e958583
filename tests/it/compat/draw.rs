//! Cases from seeds: the same number is the same case on every machine.

use super::case::{ADVANCED, Case, FORMS, HOME, How, Key, LISTED, MODES, Mode, Touch, Watch};
use super::themes;
use crate::lab::touch::Proto;
use crate::lab::{SCANNER, SECOND};
use crate::sim::random::Random;
use std::net::{IpAddr, Ipv4Addr};

const TCP_TRAPS: [u16; 14] = [
    1, 11, 15, 79, 111, 143, 513, 635, 1080, 1524, 6667, 12345, 31337, 54320,
];
const UDP_TRAPS: [u16; 12] = [
    7, 9, 69, 161, 513, 640, 700, 31335, 32770, 32771, 34555, 54321,
];
/// Ports that nobody watches.
const QUIET_PORTS: [u16; 4] = [2, 22, 8080, 40000];

/// Flags of segments; those with A or R are no probes.
const FLAGS: [&str; 16] = [
    "S", "S", "S", "", "F", "FPU", "SF", "P", "U", "SFPU", "SPU", "PU", "A", "R", "SA", "FA",
];

/// Ways to name somebody in the ignore file that both programs understand in silence.
const ENTRIES: [&str; 7] = [
    "ADDRESS\n",
    "ADDRESS/32\n",
    "ADDRESS # a remark\n",
    "ADDRESS\tsomebody\n",
    "ADDRESS#somebody\n",
    "ADDRESS\r\n",
    "# a remark\nADDRESS/32 \n\n",
];

pub(super) fn draw(number: usize) -> Case {
    let mut random = Random::new(number as u64);
    let theme = themes::of(number);
    // The themes are about modes with a list of ports.
    let turn = match theme {
        Some(_) => &MODES[number % LISTED],
        None => &MODES[number % MODES.len()],
    };
    let named = theme.and_then(|theme| theme.mode);
    let mode = named.map_or(turn, |name| {
        MODES.iter().find(|mode| mode.name == name).unwrap()
    });
    let mut case = Case {
        number,
        theme: theme.map_or("plain", |theme| theme.name),
        mode,
        flag: mode.flag,
        keys: Vec::new(),
        lines: Vec::new(),
        ignore: String::new(),
        touches: Vec::new(),
        last_word: None,
        service: None,
    };
    keys(&mut case, &mut random);
    let sources = sources(&mut random);
    case.ignore = ignore(&sources, &mut random);
    touches(&mut case, &sources, &mut random);
    if let Some(theme) = theme {
        (theme.change)(&mut case);
    }
    case
}

fn keys(case: &mut Case, random: &mut Random) {
    let [_, block] = case.mode.keys();
    let mut set = |name, value: String, form| case.keys.push(Key { name, value, form });
    let plain = FORMS[0];
    for (name, file) in [
        ("IGNORE_FILE", "ignore"),
        ("HISTORY_FILE", "history"),
        ("BLOCKED_FILE", "blocked"),
    ] {
        set(name, format!("{HOME}/{file}"), plain);
    }
    set("TCP_PORTS", ports(&TCP_TRAPS, random), random.pick(&FORMS));
    set("UDP_PORTS", ports(&UDP_TRAPS, random), random.pick(&FORMS));
    if case.mode.watch == Watch::Advanced {
        let [extent, excluded] = match case.mode.proto {
            Proto::Tcp => ["ADVANCED_PORTS_TCP", "ADVANCED_EXCLUDE_TCP"],
            Proto::Udp => ["ADVANCED_PORTS_UDP", "ADVANCED_EXCLUDE_UDP"],
        };
        set(excluded, ports(&ADVANCED, random), random.pick(&FORMS));
        if random.percent(70) {
            let most = random.pick(&["16", "128", "1024"]);
            set(extent, most.into(), random.pick(&FORMS));
        }
    }
    // How many touches it takes: both count in the same way from one on.
    let trigger = random.pick(&["0", "0", "0", "1", "2", "2", "3", " 2", "01"]);
    set("SCAN_TRIGGER", trigger.into(), random.pick(&FORMS));
    let level = random.pick(&["1", "1", "1", "1", "2", " 1", "01"]);
    set(block, level.into(), random.pick(&FORMS));
    let route = random.pick(&[
        "note stop $TARGET$ $PORT$ $MODE$",
        "note stop '$TARGET$' $TARGET$:$PORT$ && HOME/note next $MODE$",
        "note stop \\$TARGET $TARGET$ PORT$ | cat",
        "note stop $TARGET$$PORT$$MODE$",
    ]);
    set("KILL_ROUTE", command(route), random.pick(&FORMS));
    if random.percent(50) {
        let line = random.pick(&[
            "ALL: $TARGET$ : DENY",
            "ALL: $TARGET$",
            "$MODE$: $TARGET$ # $PORT$",
        ]);
        set("KILL_HOSTS_DENY", line.into(), random.pick(&FORMS));
    }
    if level == "2" || random.percent(50) {
        let run = random.pick(&[
            "note run $TARGET$ $PORT$ $MODE$",
            "note run",
            "note run $MODE$-$PORT$ # $TARGET$",
        ]);
        set("KILL_RUN_CMD", command(run), random.pick(&FORMS));
        let first = random.pick(&["0", "1", "1", "2"]);
        set("KILL_RUN_CMD_FIRST", first.into(), random.pick(&FORMS));
    }
    if random.percent(30) {
        set(
            "PORT_BANNER",
            "** GO AWAY 'now' **".into(),
            random.pick(&FORMS),
        );
    }
    if random.percent(50) {
        case.lines.extend(["# TCP_PORTS=\"99\"", "", "   ", "#"]);
    }
    // The order of lines says nothing.
    for last in (1..case.keys.len()).rev() {
        case.keys.swap(last, random.below(last + 1));
    }
}

fn command(text: &str) -> String {
    text.replacen("note", "HOME/note", 1).replace("HOME", HOME)
}

/// One to eight of them, in order.
fn ports(from: &[u16], random: &mut Random) -> String {
    let count = 1 + random.below(8);
    let mut ports: Vec<u16> = (0..count).map(|_| random.pick(from)).collect();
    ports.sort_unstable();
    ports.dedup();
    let comma = random.pick(&[",", ",", ", ", ",,"]);
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    ports.join(comma)
}

/// Numbers of a port list, as 1.2 reads them.
pub(super) fn numbers(list: &str) -> Vec<u16> {
    list.split(',')
        .filter_map(|port| port.trim().parse().ok())
        .collect()
}

/// One to three addresses; one may be the beginning of another's text.
fn sources(random: &mut Random) -> Vec<IpAddr> {
    let stranger = |a, b| IpAddr::V4(Ipv4Addr::new(10, 99, a, b));
    let all = [
        SCANNER,
        SECOND,
        stranger(1, 1),
        stranger(1, 11),
        stranger(1, 111),
        stranger(254, 7),
    ];
    (0..1 + random.below(3))
        .map(|_| random.pick(&all))
        .collect()
}

fn ignore(sources: &[IpAddr], random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(4) {
        let address = match random.percent(30) {
            true => random.pick(sources).to_string(),
            false => "192.0.2.7".to_owned(),
        };
        text += &random.pick(&ENTRIES).replace("ADDRESS", &address);
    }
    if random.percent(15) {
        text += random.pick(&[
            "10.99.1.0/24\n",
            "10.99.0.0/16\n",
            "10.66.0.7/30\n",
            "10.99.1.1/31\n",
        ]);
    }
    text
}

/// Two to seven, no two of which are the same to ours.
fn touches(case: &mut Case, sources: &[IpAddr], random: &mut Random) {
    let traps = case.traps();
    for _ in 0..2 + random.below(6) {
        let port = match random.percent(80) {
            true => random.pick(&traps),
            false => random.pick(&QUIET_PORTS),
        };
        let touch = Touch {
            from: random.pick(sources),
            source_port: source_port(case),
            port,
            how: how(case.mode, random),
        };
        if !case.touches.iter().any(|known| is_again(known, &touch)) {
            case.touches.push(touch);
        }
    }
}

/// A number of its own for each touch: the kernel's memory of the last case explains nothing of this one.
pub(super) fn source_port(case: &Case) -> u16 {
    let port = 1100 + (case.number * 16 + case.touches.len()) % 60_000;
    u16::try_from(port).unwrap()
}

fn how(mode: &Mode, random: &mut Random) -> How {
    match (mode.proto, mode.watch) {
        (Proto::Tcp, Watch::Connect) => How::Connection,
        (Proto::Udp, _) => How::Datagram(random.pick(&[0, 1, 5, 600])),
        (Proto::Tcp, Watch::Stealth | Watch::Advanced) => {
            let flags = random.pick(&FLAGS);
            match random.percent(15) {
                true => How::Options(flags),
                false => How::Segment(flags),
            }
        }
    }
}

/// Whether a touch is the same as one before, of the same kind at the same trap.
pub(super) fn is_again(known: &Touch, touch: &Touch) -> bool {
    (known.from, known.port) == (touch.from, touch.port) && kind(known) == kind(touch)
}

/// Kinds as ours tells them apart: all odd flags are one.
fn kind(touch: &Touch) -> &'static str {
    let (How::Segment(flags) | How::Options(flags)) = touch.how else {
        return "";
    };
    match flags {
        "" | "S" | "F" => flags,
        _ if flags.contains('A') || flags.contains('R') => "none",
        _ if ["F", "P", "U"].iter().all(|flag| flags.contains(flag)) => "FPU",
        _ => "odd",
    }
}
