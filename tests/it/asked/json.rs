//! `doc/json.md` and what is printed are the same fields.

use super::touch;
use crate::lab::config::{Config, Mode};
use crate::lab::{Lab, SCANNER, eventually};
use serde_json::Value;
use std::collections::BTreeMap;

const DOC: &str = include_str!("../../../doc/json.md");

/// The fields of a command, with their types, from its table.
fn documented(command: &str) -> BTreeMap<String, String> {
    let heading = format!("\n## {command}\n");
    let (_, section) = DOC.split_once(&heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut fields = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let columns: Vec<_> = row.split(" | ").collect();
        for name in columns[0].trim_start_matches("| ").split(", ") {
            fields.insert(name.trim_matches('`').to_owned(), columns[1].to_owned());
        }
    }
    assert!(!fields.is_empty(), "{command}");
    if command == "why" {
        // A ban is the same everywhere.
        let list = documented("list");
        for (name, kind) in &mut fields {
            if let Some(name) = name.strip_prefix("ban.") {
                kind.clone_from(&list[&format!("bans[].{name}")]);
            }
        }
    }
    fields
}

/// Every path in a value that a table has a row for: objects that are values of their own are rows as well.
fn paths(value: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            if !path.is_empty() {
                found.insert(path.to_owned(), value.clone());
            }
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                paths(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(items) => {
            let path = format!("{path}[]");
            found.insert(path.clone(), Value::Null);
            for item in items {
                paths(item, &path, found);
            }
        }
        _ => drop(found.insert(path.to_owned(), value.clone())),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    kind.split(" or ").any(|kind| match kind {
        "count" | "seconds" => value.is_u64(),
        "text" | "source" => value.is_string(),
        "null" => value.is_null(),
        "object" => value.is_object(),
        "" => true,
        _ => false,
    }) || (kind == "yes or no" && value.is_boolean())
}

/// Each field is in the table, each of the table is there, and all have their types.
#[track_caller]
fn check(command: &str, answers: &[Value]) {
    let documented = documented(command);
    let mut all = BTreeMap::new();
    for answer in answers {
        let mut found = BTreeMap::new();
        paths(answer, "", &mut found);
        for (path, value) in found {
            // A group, whose fields are in the table, needs no row of its own.
            let group = format!("{path}.");
            if documented.keys().any(|name| name.starts_with(&group))
                && !documented.contains_key(&path)
            {
                continue;
            }
            let list = format!("{path}[");
            if path.ends_with("[]") && !documented.contains_key(&path) {
                assert!(
                    documented
                        .keys()
                        .any(|name| name.starts_with(path.as_str())),
                    "{list}"
                );
                continue;
            }
            let kind = documented
                .get(&path)
                .unwrap_or_else(|| panic!("{path} is in no table"));
            let list = path.ends_with("[]");
            assert!(
                list || is_of(kind, &value),
                "{command}: {path} is {value}, not {kind}"
            );
            all.insert(path, value);
        }
    }
    let missing: Vec<_> = documented
        .keys()
        .filter(|name| !all.contains_key(*name))
        .collect();
    assert_eq!(missing, [""; 0], "{command}");
}

#[test]
fn every_field_is_documented_and_there() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::blocking(Mode::Stealth).with("INTERFACE", "wan");
    let daemon = lab.start(config);
    let ask = |words: &str| daemon.ask(&format!("{words} --json")).json();
    let nobody = ask("why 192.0.2.9");
    assert_eq!(
        (&nobody["ban"], &nobody["touched"]),
        (&Value::Null, &Value::Null)
    );
    let bans = ["ban 192.0.2.7", "ban 192.0.2.7 --for 1h", "ban 127.0.0.1"].map(ask);
    assert_eq!(
        bans.each_ref().map(|ban| &ban["done"]),
        [true, true, false].map(Value::from).each_ref()
    );
    touch(&lab, SCANNER, 11);
    eventually("the ban", || {
        ask("list")["bans"].as_array().unwrap().len() == 2
    });

    check("status", &[ask("status")]);
    check("list", &[ask("list")]);
    check(
        "why",
        &[
            nobody,
            ask("why 10.66.0.2"),
            ask("why 192.0.2.7"),
            ask("why 10.66.0.1"),
        ],
    );
    check("ban", &bans);
    check(
        "unban",
        &["unban 192.0.2.7", "unban 192.0.2.7", "unban --all"].map(ask),
    );
}

/// The names that a path may have are the owner's business.
#[test]
fn any_name_of_a_file_is_a_string() {
    let Some(lab) = Lab::new(&[]) else { return };
    let name = "quote\" back\\slash tab\t bell\u{7} wide\u{fc}\u{1f980} blank";
    let daemon = lab.start_in(name, Config::new(Mode::Stealth));
    let status = daemon.ask("status --json");
    assert_eq!(status.said.matches('\n').count(), 1);
    let files = &status.json()["files"];
    assert_eq!(
        files["configuration"],
        daemon.file("conf").to_str().unwrap()
    );
    assert_eq!(files["run_directory"], daemon.file("run").to_str().unwrap());
}
