//! `doc/options.md` and `doc/portsentry.uci` say what the code does, or these tests fail.

use crate::config::advanced::Extent;
use crate::config::words::{Shape, keys};
use crate::config::{Config, Language, Modes, Problem, read};

const TABLE: &str = include_str!("../../doc/options.md");
const EXAMPLE: &str = include_str!("../../doc/portsentry.uci");

/// A row of the table.
struct Row {
    option: &'static str,
    key: &'static str,
    kind: &'static str,
    default: &'static str,
}

fn rows() -> Vec<Row> {
    // Behind it stands what a package sets.
    let table = TABLE.split("\n## ").next().unwrap_or_default();
    let lines = table.lines().filter(|line| line.starts_with("| `"));
    let cells = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let row = |cells: Vec<&'static str>| {
        let [_, option, key, kind, default, meaning, _] = cells[..] else {
            panic!("{cells:?}");
        };
        assert!(!meaning.is_empty(), "{option}");
        let plain = |cell: &'static str| cell.trim_matches('`');
        Row {
            option: plain(option),
            key: plain(key),
            kind,
            default,
        }
    };
    cells.map(row).collect()
}

/// What a file means where nothing else is said of an option; an option that is set twice is what is said last.
fn uci(lines: &str) -> (Config, Vec<Problem>) {
    let base = "config portsentry 'main'\n\tlist tcp_ports '1'\n\tlist udp_ports '7'\n";
    same(read(format!("{base}{lines}").as_bytes(), Modes::default()))
}

fn classic(line: &str) -> (Config, Vec<Problem>) {
    let base = "TCP_PORTS=\"1\"\nUDP_PORTS=\"7\"\n";
    same(read(format!("{line}{base}").as_bytes(), Modes::default()))
}

/// Two that are told apart only to say that something is missing.
fn same((mut config, problems): (Config, Vec<Problem>)) -> (Config, Vec<Problem>) {
    for side in [&mut config.tcp, &mut config.udp] {
        if side.advanced.extent == Extent::Assumed {
            side.advanced.extent = Extent::First(1024);
        }
    }
    (config, problems)
}

#[test]
fn every_option_is_in_the_table_and_no_other() {
    let mut found: Vec<_> = rows()
        .iter()
        .map(|row| (row.option.to_owned(), row.key))
        .collect();
    let mut expected: Vec<_> = keys(Language::Uci)
        .iter()
        .map(|key| {
            let is_classic = keys(Language::Classic).contains(key);
            (Language::Uci.name(key), if is_classic { *key } else { "–" })
        })
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_table_has_the_types_of_the_code() {
    for row in rows() {
        let key = keys(Language::Uci)
            .iter()
            .find(|key| Language::Uci.name(key) == row.option);
        let shape = match row.kind {
            "yes or no" => Shape::Bool,
            kind if kind.starts_with("list of ") => Shape::List,
            _ => Shape::Text,
        };
        assert_eq!(Shape::of(key.unwrap()), shape, "{}", row.option);
        // A value of this type is one, and makes a difference.
        let value = match row.kind {
            "yes or no" => "yes",
            "list of networks" | "list of devices" => "wan",
            "list of addresses" => "2001:db8::/32",
            "list of ports" => "2 9-11",
            "mode" => "connect",
            "number" => "2",
            "kinds" => "extended",
            "time" => "90s",
            "backend" => "nft",
            "command" => "x $TARGET$",
            "text" => "/etc/x",
            kind => panic!("{kind}"),
        };
        let (config, problems) = uci(&format!("\toption {} '{value}'\n", row.option));
        let (usual, _) = uci("");
        assert_eq!(
            config == usual,
            row.option == "resolve_host",
            "{}",
            row.option
        );
        let mistakes = problems.iter().filter(|problem| problem.line > 0);
        let expected = usize::from(row.option == "resolve_host");
        assert_eq!(mistakes.count(), expected, "{problems:?}");
    }
}

#[test]
fn the_table_has_the_defaults_of_the_code() {
    let mut written = 0;
    for row in rows() {
        let Some(default) = row.default.strip_prefix('`') else {
            // Then there is nothing that could be written.
            assert_eq!(row.default, "none", "{}", row.option);
            continue;
        };
        let (default, rest) = default.split_once('`').unwrap();
        let in_classic = rest.strip_prefix(" (portsentry.conf: `");
        let in_classic = in_classic.map_or(default, |rest| rest.trim_end_matches("`)"));
        let (config, problems) = uci(&format!("\toption {} '{default}'\n", row.option));
        let (usual, unsaid) = uci("");
        assert_eq!((config, problems), (usual, unsaid), "{}", row.option);
        if row.key != "–" {
            let (config, _) = classic(&format!("{}=\"{in_classic}\"\n", row.key));
            assert_eq!(config, classic("").0, "{}", row.key);
        }
        written += 1;
    }
    assert!(written > 15, "{written}");
}

/// As it stands, and with everything put in that is a remark.
#[test]
fn the_example_is_sound() {
    let (config, problems) = read(EXAMPLE.as_bytes(), Modes::default());
    assert_eq!(problems, []);
    assert_eq!(config.networks, ["wan", "wan6"]);
    let all = EXAMPLE
        .replace("\n\t#option ", "\n\toption ")
        .replace("\n\t#list ", "\n\tlist ");
    let (_, problems) = read(all.as_bytes(), Modes::default());
    assert_eq!(problems, []);
    for key in keys(Language::Uci) {
        // Nobody needs what has no effect.
        let name = format!(" {} '", Language::Uci.name(key));
        assert_eq!(all.contains(&name), *key != "RESOLVE_HOST", "{key}");
    }
}
