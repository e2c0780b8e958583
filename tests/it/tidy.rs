//! What `src/lib.rs` promises of the text itself, held by a test. Each rule is shown to find what it forbids.
//!
//! A `@` in the words below is taken out before they are used: so this file keeps its own rules.

mod rules;

use rules::Violations;
use std::fs;
use std::path::Path;

/// A rule: its name, itself, and places where it is broken.
type Rule = (
    &'static str,
    fn(&str, &str) -> Violations,
    &'static [(&'static str, &'static str)],
);

/// Stands for a text that is too long in every way.
const LONG: &str = "@long";

const RULES: [Rule; 11] = [
    (
        "unsafe and libc are in sys",
        rules::unsafe_is_in_sys,
        &[
            ("src/see/packet.rs", "fn f() { unsafe { g() } }"),
            ("src/daemon/mod.rs", "use libc::c_int;"),
            ("src/act/mod.rs", "use {libc, heapless};"),
            ("tests/it/lab/mod.rs", "unsafe fn f() {}"),
        ],
    ),
    (
        "the core is pure",
        rules::core_is_pure,
        &[
            ("src/see/packet.rs", "use crate::sys::clock;"),
            ("src/judge/bans.rs", "use crate::{daemon, net::Prefix};"),
            ("src/config/mod.rs", "fn f() { std::fs::read(\"x\"); }"),
            (
                "src/tell/report.rs",
                "use std::{\n    io,\n    net::{IpAddr, UdpSocket},\n};",
            ),
            ("src/act/actions.rs", "use std::process::Command;"),
            ("src/cli.rs", "fn f() { std::env::args(); }"),
            ("src/time.rs", "pub use std::time::SystemTime as Clock;"),
            ("src/net.rs", "use std::{thread as t};"),
        ],
    ),
    (
        "sys knows no rule of detection",
        rules::sys_knows_no_rule,
        &[
            ("src/sys/log.rs", "use crate::tell::report;"),
            ("src/sys/mod.rs", "use crate::{judge, net::Family};"),
            ("src/sys/files.rs", "fn f(_: &crate::config::Config) {}"),
        ],
    ),
    (
        "a file is short",
        rules::file_is_short,
        &[("src/x.rs", LONG)],
    ),
    (
        "a line is short",
        rules::line_is_short,
        &[("src/x.rs", LONG)],
    ),
    (
        "a function is short",
        rules::function_is_short,
        &[("src/x.rs", LONG)],
    ),
    (
        "the glossary",
        rules::glossary,
        &[
            ("src/x.rs", "struct Port@Mana@ger;"),
            ("src/x.rs", "fn parse_ut@ils() {}"),
            ("src/x.rs", "fn f() -> &'static str { \"the vic@tim: {}\" }"),
            ("src/sys/poll.rs", "fn hand@ler() {}"),
        ],
    ),
    (
        "a limit has its reason",
        rules::limit_has_a_reason,
        &[(
            "src/limits/act.rs",
            "/// A.\npub const A: u8 = 1;\n\n#[allow(x)]\npub const B: u8 = 2;",
        )],
    ),
    (
        "nothing is left to be done",
        rules::nothing_is_left_over,
        &[("src/x.rs", "// TO@DO: more"), ("src/x.rs", "// FIX@ME")],
    ),
    (
        "nothing is of one machine only",
        rules::nothing_is_of_one_machine,
        &[
            ("src/x.rs", "const A: &str = \"/ho@me/me/x\";"),
            ("src/x.rs", "// see /wo@rk/notes"),
        ],
    ),
    (
        "nothing is printed",
        rules::nothing_is_printed,
        &[
            ("src/x.rs", "fn f() { println!(); }"),
            ("src/main.rs", "fn f() { eprintln!(\"x\") }"),
        ],
    ),
];

#[test]
fn the_tree_keeps_the_rules() {
    let files = tree();
    assert!(files.len() > 60, "{}", files.len());
    let mut violations = Vec::new();
    for (path, text) in &files {
        for (name, rule, _) in RULES {
            let found = rule(path, text).into_iter();
            violations.extend(found.map(|(line, what)| format!("{path}:{line}: {name}: {what}")));
        }
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// A rule that finds nothing where it is broken holds nothing.
#[test]
fn each_rule_finds_what_breaks_it() {
    let long = format!(
        "fn f() {{\n{}}}\n",
        format!("// {}\n", "x".repeat(113)).repeat(301)
    );
    for (name, rule, planted) in RULES {
        for (path, text) in planted {
            let text = match *text {
                LONG => long.clone(),
                text => text.replace('@', ""),
            };
            let found = rule(path, &text);
            assert_ne!(found, [], "{name}: {text}");
        }
    }
}

/// What looks like a violation, and is none.
#[test]
fn the_rules_leave_sound_text_alone() {
    let sound = "//! unsafe, libc, crate::sys, std::fs, println!, vic@tim\n\
                 use core::net::IpAddr;\nuse std::{cell::Cell, fmt::{self, Write}};\n\
                 fn f<'a>(_: &'a str) -> char {\n    let _ = \"unsafe { std::fs } \\\" libc\";\n    '\"'\n}\n\
                 fn unsafe_code() { r#\"println!(\"x\")\"#; }\n"
        .replace('@', "");
    for (name, rule, _) in RULES {
        assert_eq!(rule("src/see/x.rs", &sound), [], "{name}");
    }
    assert_eq!(
        rules::glossary("src/sys/signal.rs", &"fn hand@ler() {}".replace('@', "")),
        []
    );
    assert_eq!(
        rules::unsafe_is_in_sys("src/sys/log.rs", "use libc::c_int;"),
        []
    );
    assert_eq!(
        rules::core_is_pure("src/daemon/mod.rs", "use crate::sys::clock;"),
        []
    );
}

/// What reaches a router: nothing of it comes by chance.
#[test]
fn the_dependencies_are_three() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert_eq!(rules::dependencies(&manifest), "heapless lexopt libc");
    let planted = [
        "[dependencies]\nserde = \"1\"\n",
        "[dependencies.serde]\nversion = \"1\"\n",
        "[build-dependencies]\nserde = \"1\"\n",
        "[target.'cfg(unix)'.dependencies]\nserde.version = \"1\"\n",
    ];
    for more in planted {
        let more = format!("{manifest}\n{more}");
        let found = rules::dependencies(&more);
        assert_eq!(found, "heapless lexopt libc serde", "{more}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All of our Rust: path from the root of the package, and text.
fn tree() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut directories = ["src", "tests/it", "tests/fuzz"]
        .map(|name| root().join(name))
        .to_vec();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
                files.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
