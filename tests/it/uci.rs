//! The configuration in UCI: read as libuci reads it, and what portsentry.conf becomes in it. No network needed.

mod convert;

use crate::fuzz::guided::targets::uci::exported;
use crate::fuzz::guided::targets::unescaped;
use portsentry::config::uci;

const VECTORS: &str = include_str!("../data/uci-vectors.txt");

/// The cases that were recorded from libuci's own `uci`.
#[test]
fn every_recorded_file_is_read_as_libuci_reads_it() {
    let mut lines = VECTORS.lines().skip_while(|line| !line.starts_with("= "));
    let mut seen = 0;
    while let Some(name) = lines.next() {
        let text = unescaped(lines.next().unwrap().strip_prefix("< ").unwrap());
        let result = lines.next().unwrap();
        let found = uci::parse(&text);
        if let Some(export) = result.strip_prefix("> ") {
            let sections = found.unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
            let expected = unescaped(export);
            let found = exported(&sections);
            assert_eq!(
                found.escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{name}"
            );
        } else {
            let refusal = found.expect_err(name);
            // Behind a semicolon we say what is allowed.
            let words = refusal.reason.split(';').next().unwrap();
            assert_eq!(format!("! {}: {words}", refusal.line), result, "{name}");
        }
        seen += 1;
        assert_eq!(lines.next().unwrap_or_default(), "", "{name}");
    }
    assert_eq!(seen, 123);
}

/// What was not recorded: the end of a file within a command, and where a value stands.
#[test]
fn a_line_has_its_number_wherever_the_file_ends() {
    for (text, line, begins, reason) in [
        ("config s a\nfoo", 2, 2, "invalid command"),
        ("config s a\noption", 2, 2, "insufficient arguments"),
        ("config", 1, 1, "insufficient arguments"),
        (
            "config s a\n\n\toption x 'a\nb\nc",
            5,
            3,
            "EOF with unterminated '",
        ),
        (
            "config s a\n\toption x \"a\nb\n",
            3,
            2,
            "EOF with unterminated \"",
        ),
        (
            "config s a\n\toption x a\\\nb c\n",
            3,
            2,
            "too many arguments",
        ),
        ("config s 'a';\n", 1, 1, "invalid command"),
    ] {
        let refusal = uci::parse(text.as_bytes()).expect_err(text);
        assert_eq!((refusal.line, refusal.begins), (line, begins), "{text}");
        assert!(refusal.reason.starts_with(reason), "{text}: {refusal:?}");
    }
    let text = "# a\nconfig s a\n\tlist x 1\n\tlist y '2\n3'\n\tlist x 4; list x '5'\n";
    let sections = uci::parse(text.as_bytes()).unwrap();
    assert_eq!(sections[0].line, 2);
    let lines = |at: usize| -> Vec<usize> {
        let values = &sections[0].options[at].values;
        values.iter().map(|(line, _)| *line).collect()
    };
    // The semicolon behind an unquoted value swallows the rest of its line.
    assert_eq!((lines(0), lines(1)), (vec![3, 6], vec![4]));
}
