//! The table of weaknesses cannot rot: every number is in it, and every test that it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Number | what it is | tests, or why there is none | whether 1.2 is seen to have it.
const TABLE: &str = include_str!("../../data/weaknesses.txt");

struct Weakness {
    number: &'static str,
    tests: Vec<&'static str>,
    original: &'static str,
}

fn table() -> Vec<Weakness> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [number, what, tests, original] = columns[..] else {
            panic!("four columns: {line}");
        };
        assert!(!what.is_empty() && !original.is_empty(), "{line}");
        Weakness {
            number,
            tests: match tests.starts_with("no test: ") {
                true => vec![tests],
                false => tests.split(", ").collect(),
            },
            original,
        }
    };
    lines.map(row).collect()
}

#[test]
fn every_weakness_is_in_the_table_once() {
    let first = (1..=32).map(|n| format!("1.2-{n}"));
    let sixth =
        ["local", "extension", "fragments", "nodad", "prefix"].map(|n| format!("2.x-1.6-{n}"));
    let parts = [
        ('A', 1..=8),
        ('B', 9..=10),
        ('C', 11..=13),
        ('E', 18..=23),
        ('F', 24..=30),
    ];
    let lettered = |(letter, numbers): (char, std::ops::RangeInclusive<u8>)| {
        numbers.map(move |n| format!("2.x-{letter}{n}"))
    };
    let fifth = parts.into_iter().flat_map(lettered);
    let expected: Vec<String> = first.chain(sixth).chain(fifth).collect();
    let found: Vec<_> = table().iter().map(|weakness| weakness.number).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_test_in_the_table_exists() {
    let tests = existing();
    let mut named = BTreeSet::new();
    for weakness in table() {
        for test in weakness.tests {
            // A decision: `no test: why`, or the issue that removes it.
            if test.starts_with("no test: ") || test.starts_with("issue ") {
                continue;
            }
            assert!(tests.contains(test), "{}: {test}", weakness.number);
            named.insert(test.to_owned());
        }
    }
    let numbered = |name: &str| ["::w1_", "::w2_"].iter().any(|part| name.contains(part));
    let mut here = tests.iter().filter(|name| numbered(name));
    assert_eq!(
        here.find(|name| !named.contains(*name)),
        None,
        "not in the table"
    );
}

/// What the table says of 1.2 is what the tests do: where it is shown, a test here is pointed at both.
#[test]
fn what_is_said_to_be_shown_on_1_2_is_shown() {
    for weakness in table() {
        let (yes, number) = (weakness.original == "yes", weakness.number);
        let Some(number) = number.strip_prefix("1.2-") else {
            assert!(!yes, "{number}");
            continue;
        };
        let number = format!("{number:0>2}");
        let both = weakness.tests.iter().any(|test| is_shown(test, &number));
        assert_eq!(yes, both, "1.2-{number}");
    }
}

/// Whether a test has that number of 1.2's in its name, and calls `both`.
fn is_shown(test: &str, number: &str) -> bool {
    let Some((place, name)) = test.rsplit_once("::") else {
        return false;
    };
    let path = format!("tests/it/{}.rs", place.replace("::", "/"));
    let Ok(text) = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)) else {
        return false;
    };
    let body = text
        .split(&format!("fn {name}()"))
        .nth(1)
        .unwrap_or_default();
    let body = body.split("\n}").next().unwrap_or_default();
    let numbered =
        name.starts_with(&format!("w1_{number}_")) || name.contains(&format!("_and_{number}_"));
    numbered && body.contains("both(test, ")
}

/// An attack without a test is a claim.
#[test]
fn every_test_that_doc_security_names_exists() {
    let tests = existing();
    let text = include_str!("../../../doc/security.md");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<_> = rows.filter(|row| !row.starts_with("| attack |")).collect();
    assert!(rows.len() > 25, "{}", rows.len());
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        let [attack, .., named] = cells[..] else {
            panic!("{row}");
        };
        assert_eq!(cells.len(), 4, "{row}");
        for name in named.split(',') {
            let name = name.trim().trim_matches('`');
            assert!(tests.contains(name), "{attack}: {name}");
        }
    }
}

/// All tests there are.
fn existing() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    collect(&root.join("tests/it"), "", &mut tests);
    collect(&root.join("src"), "src::", &mut tests);
    tests
}

/// The tests of a directory, as cargo names them.
fn collect(dir: &Path, prefix: &str, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{stem}::"), tests);
            continue;
        }
        let module = match &stem[..] {
            "mod" => prefix.to_owned(),
            _ => format!("{prefix}{stem}::"),
        };
        let text = fs::read_to_string(&path).unwrap_or_default();
        for test in text.split("#[test]\n").skip(1) {
            let name = test
                .split_once("fn ")
                .and_then(|(_, rest)| rest.split_once('('));
            tests.insert(format!("{module}{}", name.unwrap().0));
        }
    }
}
