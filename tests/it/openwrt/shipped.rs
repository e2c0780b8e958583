//! The configuration that the package brings: sound, off, and with a reason for each value.

use crate::lab::daemon::binary;
use crate::lab::shipped::SHIPPED;
use portsentry::config::uci::parse;
use portsentry::config::{Modes, read};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const OPTIONS: &str = include_str!("../../../doc/options.md");

/// What `check` says of a text, and its exit status.
fn checked(text: &str) -> (Option<i32>, String) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("portsentry");
    fs::write(&path, text).unwrap();
    let output = Command::new(binary())
        .args(["check", "-c"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code(),
        said.replace(path.to_str().unwrap(), "FILE"),
    )
}

#[test]
fn it_is_off_and_enabled_it_is_sound() {
    let watched = "\
TCP: 19 trap ports, stealth; a scanner is blocked by the firewall that is there
TCP: a ban lasts 10m, the next one of the same source longer, up to 1d
UDP: 5 trap ports, stealth; a scan is logged and not blocked
FILE: sound
";
    let off = format!("FILE: note: enabled is 0: nothing is watched\n{watched}");
    assert_eq!(checked(SHIPPED), (Some(0), off));
    let enabled = SHIPPED.replace("option enabled '0'", "option enabled '1'");
    assert_eq!(checked(&enabled), (Some(0), watched.to_owned()));
}

/// What a row of the documentation says of an option, in the words of the file.
fn documented() -> Vec<(&'static str, String)> {
    let (_, section) = OPTIONS
        .split_once("\n## What the package for OpenWrt sets\n")
        .unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|row| {
        let cells: Vec<_> = row.split(" | ").collect();
        let [option, value, reason] = cells[..] else {
            panic!("{row}")
        };
        assert!(reason.trim_end_matches(" |").len() > 20, "{row}");
        let name = option.trim_start_matches("| ").trim_matches('`');
        (name, value.trim_matches('`').to_owned())
    });
    rows.collect()
}

#[test]
fn each_value_has_its_reason_in_the_documentation() {
    let sections = parse(SHIPPED.as_bytes()).unwrap();
    let [section] = &sections[..] else {
        panic!("one section")
    };
    let values = |values: &[(usize, Vec<u8>)]| {
        let texts = values
            .iter()
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap());
        texts.collect::<Vec<_>>().join(" ")
    };
    let options = section.options.iter();
    let shipped: Vec<_> = options
        .map(|setting| (setting.name.as_str(), values(&setting.values)))
        .collect();
    assert_eq!(documented(), shipped);
}

/// And in the file itself: each paragraph begins with a remark.
#[test]
fn each_value_has_its_remark_in_the_file() {
    for paragraph in SHIPPED.trim().split("\n\n") {
        let first = paragraph.trim_start_matches("config portsentry 'main'\n");
        assert!(first.starts_with("\t# "), "{paragraph}");
        for line in first.lines() {
            let fits = ["\t# ", "\toption ", "\tlist "]
                .iter()
                .any(|front| line.starts_with(front));
            assert!(fits, "{line}");
        }
    }
}

/// Every default that the issue of the first evening depends on is written down, not left to the program.
#[test]
fn nothing_depends_on_the_defaults_of_the_program() {
    let (config, problems) = read(SHIPPED.as_bytes(), Modes::default());
    assert_eq!(problems, []);
    assert!(!config.enabled);
    assert_eq!(config.networks, ["wan", "wan6"]);
    assert_eq!((config.trigger_ports, config.ban_rate_max), (2, 30));
}
