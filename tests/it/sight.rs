//! Who sees what: a real nmap against ours and against two other programs, scan by scan; what comes of it is
//! doc/sight.md.
//!
//! ```text
//! scans: rows ─→ watcher: a program in a network of its own ─→ Cell ─→ page ─→ the same as doc/sight.md?
//!            └─→ patience: our detector and a simulated clock ─→ Cell ┘
//! ```

mod page;
mod patience;
pub(crate) mod scanlogd;
mod scans;
mod watcher;

use crate::compat::original;
use crate::lab::Lab;
use portsentry::net::Family;
use scans::ROWS;
use std::{env, fs, thread};
use watcher::Program;

/// What a program made of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// All of it was reported.
    Yes,
    /// Nothing.
    No,
    /// So many of the ports.
    Some(usize),
    /// There is no such scan, or it was not run.
    None,
}

/// The cells of one program and family, from the first row to the last; nothing where it cannot be had.
type Column = Option<Vec<Cell>>;

/// Every scan against one program, one after the other.
fn column(program: Option<&Program>, family: Family) -> Column {
    let program = program?;
    let lab = Lab::new(&["nmap"])?;
    lab.tracks(family);
    let cells = ROWS.iter().map(|row| program.cell(&lab, family, row));
    Some(cells.collect())
}

#[test]
fn the_page_says_who_sees_what() {
    let programs = [
        Some(Program::Ours("classic")),
        Some(Program::Ours("extended")),
        original().map(Program::Original),
        scanlogd::unpacked().map(Program::Scanlogd),
    ];
    // All at once: of the patient scans they mostly wait for the end.
    let columns: Vec<Column> = thread::scope(|scope| {
        let heads = programs
            .iter()
            .flat_map(|program| Family::BOTH.map(|family| (program, family)));
        let all: Vec<_> = heads
            .map(|(program, family)| scope.spawn(move || column(program.as_ref(), family)))
            .collect();
        all.into_iter()
            .map(|column| column.join().unwrap())
            .collect()
    });
    let text = page::render(&columns);
    if env::var_os("UPDATE").is_some() {
        assert!(columns.iter().all(Option::is_some), "a program is missing");
        fs::write(page::path(), &text).unwrap();
    }
    let committed = page::committed();
    let is_new = |line: &&str| committed.lines().all(|old| old != *line);
    let news: Vec<&str> = text.lines().filter(is_new).collect();
    assert!(
        text == committed,
        "doc/sight.md does not say:\n{}",
        news.join("\n")
    );
}
