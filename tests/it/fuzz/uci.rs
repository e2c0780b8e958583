//! Whatever a configuration in UCI holds, and whatever becomes UCI.

use super::bytes::{Random, scratch};
use super::guided::targets::conf::hold;
use super::guided::targets::uci as guided;
use super::text::COPIES;
use super::{Reach, must, reached};
use portsentry::config::uci::{self, Section};
use portsentry::config::{self, Modes, Severity, classic};
use std::fs;
use std::path::Path;

/// What a command does.
#[derive(Clone, Copy)]
enum Does {
    Nothing,
    /// Type and name.
    Config(&'static str, &'static str),
    Option(&'static str, &'static [u8]),
    List(&'static str, &'static [u8]),
    Fail(&'static str),
    /// An `option` that fails so many lines below.
    FailAt(usize, &'static str),
}
use Does::{Config, Fail, FailAt, List, Nothing, Option};

/// Whole commands, one or several to a piece.
const VOCABULARY: [(&[u8], &[Does]); 30] = [
    (b"", &[Nothing]),
    (b"\r", &[Nothing]),
    (b"\t# option 'x", &[Nothing]),
    (b"package any-name", &[Nothing]),
    (b"package a.b", &[Fail("invalid character in name field")]),
    (b"config portsentry 'main'", &[Config("portsentry", "main")]),
    (b"c portsentry \"main\"\r", &[Config("portsentry", "main")]),
    (b"config portsentry", &[Config("portsentry", "")]),
    (b"config rule 'main'", &[Config("rule", "main")]),
    (b"config a/b.c x#y", &[Config("a/b.c", "x")]),
    (b"config a b c", &[Fail("too many arguments")]),
    (
        b"config a my-name",
        &[Fail("invalid character in name field")],
    ),
    (b"config ''", &[Fail("insufficient arguments")]),
    (
        b"option tcp_ports '1 11,15'",
        &[Option("tcp_ports", b"1 11,15")],
    ),
    (b"\to tcp_ports 7 # few", &[Option("tcp_ports", b"7")]),
    (
        b"list tcp_ports 512\\\n-515",
        &[List("tcp_ports", b"512-515")],
    ),
    (b"option tcp_ports ''", &[Option("tcp_ports", b"")]),
    (b"l\ttcp_ports\t''", &[List("tcp_ports", b"")]),
    (b"option tcp_ports 1 2", &[FailAt(0, "too many arguments")]),
    (
        b"option kill_run_cmd 'a\n\\'\\''\nb'",
        &[Option("kill_run_cmd", b"a\n\\'\nb")],
    ),
    (
        b"option port_banner \"a\\\"#\\\\;\"",
        &[Option("port_banner", b"a\"#\\;")],
    ),
    (
        b"option port_banner a'b c'\"d\"",
        &[Option("port_banner", b"ab cd")],
    ),
    (
        b"option udp_ports 9;list udp_ports 10",
        &[Option("udp_ports", b"9")],
    ),
    (
        b"option udp_ports '9' ;list udp_ports '1\n0'; list udp_ports 7",
        &[
            Option("udp_ports", b"9"),
            List("udp_ports", b"1\n0"),
            List("udp_ports", b"7"),
        ],
    ),
    (
        b"config portsentry 'main'; option x '1'; y",
        &[
            Config("portsentry", "main"),
            Option("x", b"1"),
            Fail("invalid command"),
        ],
    ),
    (
        b"option block-tcp 1",
        &[FailAt(0, "invalid character in name field")],
    ),
    (b"option", &[Fail("invalid command")]),
    (b"option x \\\n 'y'", &[FailAt(1, "too many arguments")]),
    (b"\xef\xbb\xbfconfig a", &[Fail("invalid command")]),
    (b"list ignore '\xff\x01'", &[List("ignore", b"\xff\x01")]),
];

/// Type, name, and options with their values.
type Plain = (String, String, Vec<(String, Vec<Vec<u8>>)>);

fn plain(section: Section) -> Plain {
    let values = |values: Vec<(usize, Vec<u8>)>| values.into_iter().map(|(_, value)| value);
    let options = section.options.into_iter();
    let options = options.map(|setting| (setting.name, values(setting.values).collect()));
    (section.kind, section.name, options.collect())
}

/// What was read so far, and the line and the reason of the refusal.
#[derive(Default)]
struct Model {
    sections: Vec<Plain>,
    current: usize,
    refused: std::option::Option<(usize, &'static str)>,
}

impl Model {
    fn step(&mut self, does: Does, line: usize) {
        let no_section = (line, "option/list command found before the first section");
        match does {
            _ if self.refused.is_some() => {}
            Nothing => {}
            Fail(reason) => self.refused = Some((line, reason)),
            Config(kind, name) => self.open(kind, name, line),
            _ if self.sections.is_empty() => self.refused = Some(no_section),
            FailAt(below, reason) => self.refused = Some((line + below, reason)),
            Option(_, b"") => {}
            Option(name, value) => *self.values(name) = vec![value.to_vec()],
            List(name, value) => self.values(name).push(value.to_vec()),
        }
    }

    fn open(&mut self, kind: &str, name: &str, line: usize) {
        let named = |section: &Plain| section.1 == name && !name.is_empty();
        let known = self.sections.iter().position(named);
        self.current = known.unwrap_or(self.sections.len());
        if known.is_none() {
            self.sections.push((kind.into(), name.into(), Vec::new()));
        } else if self.sections[self.current].0 != kind {
            let reason = "section of different type overwrites prior section with same name";
            self.refused = Some((line, reason));
        }
    }

    fn values(&mut self, name: &str) -> &mut Vec<Vec<u8>> {
        let options = &mut self.sections[self.current].2;
        let known = options.iter().position(|option| option.0 == name);
        let at = known.unwrap_or(options.len());
        if known.is_none() {
            options.push((name.into(), Vec::new()));
        }
        &mut options[at].1
    }
}

/// Every file of up to three pieces, against a model that knows what each of them does.
#[test]
fn every_short_file_is_read_piece_by_piece() {
    let mut reach = Reach::new();
    for a in VOCABULARY {
        check(&[a], &mut reach);
        for b in VOCABULARY {
            check(&[a, b], &mut reach);
            for c in VOCABULARY {
                check(&[a, b, c], &mut reach);
            }
        }
    }
    must(
        &reach,
        &[("accepted", 2500), ("refused", 15_000), ("usable", 100)],
    );
}

#[track_caller]
fn check(pieces: &[(&[u8], &[Does])], reach: &mut Reach) {
    let (mut text, mut model) = (Vec::new(), Model::default());
    for (bytes, does) in pieces {
        let line = 1 + text.iter().filter(|byte| **byte == b'\n').count();
        does.iter().for_each(|does| model.step(*does, line));
        text.extend(*bytes);
        text.push(b'\n');
    }
    match (uci::parse(&text), model.refused) {
        (Ok(sections), None) => {
            let sections: Vec<_> = sections.into_iter().map(plain).collect();
            assert_eq!(sections, model.sections, "{}", text.escape_ascii());
            reached(reach, "accepted");
        }
        (Err(found), Some((line, reason))) => {
            assert_eq!(found.line, line, "{}", text.escape_ascii());
            assert!(found.reason.starts_with(reason), "{}", text.escape_ascii());
            reached(reach, "refused");
        }
        (found, expected) => panic!("{}: {found:?}, not {expected:?}", text.escape_ascii()),
    }
    read(&text, reach);
}

#[track_caller]
fn read(text: &[u8], reach: &mut Reach) {
    let (config, problems) = config::read(text, Modes::default());
    hold(text, &config, &problems);
    match problems.iter().map(|problem| problem.severity).max() {
        None | Some(Severity::Note) => reached(reach, "usable"),
        Some(Severity::Mistake) => reached(reach, "with mistakes"),
        Some(Severity::Error) => reached(reach, "an error"),
    }
}

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// With one scratch to `most`.
fn damaged(random: &Random, good: &[u8], most: usize) -> Vec<u8> {
    let mut text = good.to_vec();
    for _ in 0..=random.below(most) {
        scratch(random, &mut text, good);
    }
    text
}

#[test]
fn damaged_files_of_uci_are_read() {
    let good = file("doc/portsentry.uci");
    let random = Random::new(6);
    let mut reach = Reach::new();
    for _ in 0..COPIES {
        let text = damaged(&random, &good, 3);
        read(&text, &mut reach);
    }
    must(
        &reach,
        &[("usable", 2000), ("with mistakes", 200), ("an error", 5000)],
    );
}

/// Whatever a portsentry.conf holds, it means the same when it has become UCI.
#[test]
fn damaged_configurations_mean_the_same_in_uci() {
    let good = file("cross/etc/portsentry/portsentry.conf");
    let random = Random::new(7);
    let mut reach = Reach::new();
    for _ in 0..COPIES {
        let text = damaged(&random, &good, 8);
        let (expected, _) = classic::read(&text, Modes::default());
        let (converted, _) = config::to_uci(&text);
        let (found, _) = config::read(converted.as_bytes(), Modes::default());
        assert_eq!(found, expected, "{}\n{converted}", text.escape_ascii());
        read(converted.as_bytes(), &mut reach);
    }
    must(
        &reach,
        &[("usable", 5000), ("with mistakes", 50), ("an error", 2000)],
    );
}

/// Whole commands in any order, and damaged: what our parser reads is what a model of libuci's rules reads, and
/// what libuci reads where PORTSENTRY_TEST_UCI names its `uci`.
#[test]
fn damaged_commands_are_read_as_libuci_reads_them() {
    let random = Random::new(8);
    for _ in 0..COPIES {
        let mut text = b"config portsentry 'main'\n".to_vec();
        for _ in 0..random.below(6) {
            text.extend(random.pick(&VOCABULARY).0);
            text.push(random.pick(b"\n\n\n; "));
        }
        guided::check(&damaged(&random, &text, 3));
    }
}
