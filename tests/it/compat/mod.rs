//! Ours against Debian's own PortSentry 1.2: the same configuration and the same packets in twin networks.
//!
//! ```text
//! draw, themes → Case ┬→ twin: 1.2  → Seen ┐
//!                     └→ twin: ours → Seen ┴→ verdict: the same, or excused by numbers, or a failure
//! ```
//!
//! What is seen of a program: its datagrams to syslog, at the start, after each touch and at the stop; what
//! the scanner was answered; history, blocked file and hosts.deny; the commands it ran; its exit status. A
//! deliberate difference has a number in doc/differences.md, and here a function that says for one field of a
//! case which exact text is expected instead of 1.2's.
//!
//! `make compat` plays several hundred cases, `make test` the first few of them. `make compat CASE=n` plays one of
//! them again and shows it.

mod case;
mod changes;
mod differences;
mod draw;
mod edits;
mod observe;
mod planted;
mod play;
mod quiet;
mod responses;
mod starts;
mod themes;
mod twin;
mod verdict;

pub(crate) use play::original;
use play::{Played, play};
pub(crate) use quiet::received;
use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::sync::LazyLock;
use verdict::{Verdict, verdict};

const SHORT: usize = 60;
const LONG: usize = 400;

/// The list of differences that owners read.
const LIST: &str = include_str!("../../../doc/differences.md");

/// How often each difference was needed.
type Needed = BTreeMap<&'static str, usize>;

/// Judges them all, and says how it went.
#[track_caller]
fn check(played: &[Played]) -> Needed {
    let verdicts: Vec<Verdict> = played.iter().map(verdict).collect();
    let count = verdicts.len();
    let same = verdicts.iter().filter(|verdict| verdict.is_same()).count();
    let mut needed = Needed::new();
    for number in verdicts.iter().flat_map(|verdict| &verdict.excuses) {
        *needed.entry(number).or_default() += 1;
    }
    let failures: Vec<&str> = verdicts
        .iter()
        .filter_map(|v| v.failure.as_deref())
        .collect();
    // Not `eprintln!`, which the test harness swallows when a test passes.
    let summary = format!(
        "compat: {same} of {count} cases are the same as with PortSentry 1.2, {} differ as \
         doc/differences.md says, {} otherwise\n",
        count - same - failures.len(),
        failures.len()
    );
    std::io::stderr().write_all(summary.as_bytes()).unwrap();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(same * 10 >= count * 7, "too many excuses: {needed:?}");
    needed
}

/// The first few cases, played once for all tests that look at them.
static FIRST: LazyLock<Option<Vec<Played>>> = LazyLock::new(|| {
    let numbers: Vec<usize> = (0..SHORT).collect();
    play(&numbers)
});

#[test]
fn sixty_cases_come_out_as_with_1_2() {
    if let Some(played) = &*FIRST {
        check(played);
    }
}

#[test]
#[ignore = "takes minutes; `make compat` runs it"]
fn hundreds_of_cases_come_out_as_with_1_2() {
    if let Ok(number) = env::var("CASE") {
        let Some(played) = play(&[number.parse().unwrap()]) else {
            return;
        };
        return show(&played[0]);
    }
    let numbers: Vec<usize> = (0..LONG).collect();
    let Some(played) = play(&numbers) else { return };
    let needed = check(&played);
    for difference in &differences::SOMETIMES {
        let number = difference.number;
        assert!(needed.contains_key(number), "{number} was never needed");
    }
    assert_eq!(played.len(), LONG);
    let report = format!("compat: cases for each number: {needed:?}\n");
    std::io::stderr().write_all(report.as_bytes()).unwrap();
}

/// One case, in all that was seen of ours.
fn show(played: &Played) {
    let mut text = played.case.to_string();
    for (field, found) in &played.ours.0 {
        text += &format!("=== {field}\n{found}\n");
    }
    std::io::stderr().write_all(text.as_bytes()).unwrap();
    let verdict = verdict(played);
    assert_eq!(verdict.failure, None, "{:?}", verdict.excuses);
}

#[test]
fn each_difference_is_in_the_list() {
    for difference in differences::ALWAYS.iter().chain(&differences::SOMETIMES) {
        let line = format!("- **{}** ", difference.number);
        assert_eq!(LIST.matches(&line).count(), 1, "{line}");
    }
}
