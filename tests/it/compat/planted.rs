//! A comparison that finds nothing proves nothing: here are wrong bytes for it to find.

use super::FIRST;
use super::differences::{ALWAYS, SOMETIMES};
use super::observe::{masked_file, masked_line};
use super::play::Played;
use super::verdict::{judge, verdict};

/// Cases enough for both protocols and ways of watching, with and without an excuse.
const CASES: usize = 8;

#[test]
fn one_wrong_byte_in_what_ours_does_is_found() {
    let Some(played) = &*FIRST else { return };
    for played in &played[..CASES] {
        assert_eq!(verdict(played).failure, None);
        plant(played);
    }
}

/// In each place of each text in turn: a byte too many, another one, and one too few.
fn plant(played: &Played) {
    for (field, (name, text)) in played.ours.0.iter().enumerate() {
        for at in 0..=text.len() {
            let (before, behind) = text.split_at(at);
            let rest = behind.get(1..).unwrap_or_default();
            let wrongs = [
                format!("{before}~{behind}"),
                format!("{before}~{rest}"),
                format!("{before}{rest}"),
            ];
            for wrong in wrongs.into_iter().filter(|wrong| wrong != text) {
                let mut ours = played.ours.clone();
                ours.0[field].1.clone_from(&wrong);
                let found = judge(&played.case, &played.original, &ours).failure;
                assert!(found.is_some(), "nobody noticed, in {name}: {wrong}");
            }
        }
    }
}

/// The masks hide what must differ, and nothing beside it.
#[test]
fn one_wrong_byte_in_a_datagram_is_found() {
    let line = b"<29>Nov 22 06:45:23 portsentry[4711]: attackalert: a\tline\n";
    assert_eq!(masked_line(line), "| attackalert: a\\tline\\n");
    let other = b"<29>Dec  1 16:15:03 portsentry[1]: attackalert: a\tline\n";
    assert_eq!(masked_line(other), masked_line(line));
    for at in 0..line.len() {
        let mut wrong = line.to_vec();
        wrong[at] = b'~';
        assert_ne!(masked_line(&wrong), masked_line(line), "at {at}");
    }
    let history = "1795329923 - 11/22/2026 06:45:23 Host: 10.7.7.1/10.7.7.1 Port: 11 TCP Blocked\n";
    for at in 0..history.len() {
        let wrong = format!("{}~{}", &history[..at], &history[at + 1..]);
        assert_ne!(masked_file(&wrong), masked_file(history), "at {at}");
    }
}

/// A number is in one table, and once.
#[test]
fn no_difference_is_excused_twice() {
    let numbers = ALWAYS
        .iter()
        .chain(&SOMETIMES)
        .map(|difference| difference.number);
    let mut numbers: Vec<&str> = numbers.collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all);
}
