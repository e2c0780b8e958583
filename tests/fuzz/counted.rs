//! What the inputs reach of some source files, as `llvm-cov export` counted it: regions of code, and both outcomes
//! of each condition.
//!
//! ```text
//! counted EXPORT FILE...              how many of them, in one line
//! counted --missing EXPORT FILE...    and those that are not reached, a line each
//! ```

use serde_json::Value;
use std::collections::BTreeMap;
use std::{env, fs};

/// File, line, column, and what is there: then how often it was reached.
type Places = BTreeMap<(String, u64, u64, u64, u64, &'static str), u64>;

fn main() {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let missing = arguments.first().is_some_and(|first| first == "--missing");
    let files = arguments.split_off(1 + usize::from(missing));
    let export = fs::read(arguments.last().unwrap()).unwrap();
    let export: Value = serde_json::from_slice(&export).unwrap();
    let places = places(&export, &files);
    let count = |wanted: fn(&str) -> bool| {
        let of_kind = places.iter().filter(|(place, _)| wanted(place.5));
        let (reached, all) = of_kind.fold((0, 0), |(reached, all), (_, times)| {
            (reached + u64::from(*times > 0), all + 1)
        });
        format!("{reached}/{all}")
    };
    let (regions, outcomes) = (count(|what| what == "code"), count(|what| what != "code"));
    println!("{regions} regions, {outcomes} outcomes of conditions");
    let not_reached = places.iter().filter(|(_, times)| missing && **times == 0);
    for ((file, line, column, .., what), _) in not_reached {
        let said = match *what {
            "code" => "not reached".to_owned(),
            outcome => format!("never {outcome}"),
        };
        // It is run in the root of the project.
        let text = fs::read_to_string(format!("src/{file}")).unwrap();
        let at = usize::try_from(*line).unwrap() - 1;
        let text = text.lines().nth(at).unwrap_or_default().trim();
        println!("  src/{file}:{line}:{column}: {said}: {text}");
    }
}

/// Of generic functions each copy is counted; one that reaches a place is enough.
fn places(export: &Value, files: &[String]) -> Places {
    let mut places = Places::new();
    let functions = export["data"][0]["functions"].as_array().unwrap();
    for function in functions {
        let path = function["filenames"][0].as_str().unwrap();
        let Some(file) = files.iter().find(|file| path.ends_with(file.as_str())) else {
            continue;
        };
        let mut note = |row: &Value, times: &Value, what| {
            let [line, column, end, last] = [0, 1, 2, 3].map(|at| row[at].as_u64().unwrap());
            let place = places.entry((file.clone(), line, column, end, last, what));
            *place.or_default() += times.as_u64().unwrap();
        };
        let rows = |name: &str| function[name].as_array().unwrap().clone();
        // The kind, last, is 0 for code.
        for row in rows("regions").iter().filter(|row| row[7] == 0) {
            note(row, &row[4], "code");
        }
        for row in rows("branches") {
            note(&row, &row[4], "true");
            note(&row, &row[5], "false");
        }
    }
    places
}
