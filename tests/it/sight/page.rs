//! The page: text around a table.

use super::scans::{ALWAYS, PORTS, ROWS};
use super::{Cell, Column};
use crate::lab::scan;
use std::fs;
use std::path::PathBuf;

/// How the page is made.
const COMMAND: &str = "UPDATE=1 tests/apart cargo test --locked --test it sight::";

pub(super) fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("doc/sight.md")
}

pub(super) fn committed() -> String {
    fs::read_to_string(path()).unwrap_or_default()
}

/// The page. Columns that could not be had are those of the page that is there.
pub(super) fn render(columns: &[Column]) -> String {
    let committed = committed();
    let old = |row: usize, column: usize| {
        let mut lines = committed.lines().filter(|line| line.starts_with("| `"));
        let cell = lines.nth(row)?.split(" | ").nth(column + 1)?;
        Some(cell.trim_end_matches(" |").to_owned())
    };
    let mut text = intro();
    for (at, row) in ROWS.iter().enumerate() {
        text += &format!("| {} |", row.name());
        for (nth, column) in columns.iter().enumerate() {
            let cell = match column {
                Some(cells) => word(cells[at], row.ports().len()),
                None => old(at, nth).unwrap_or_else(|| "?".to_owned()),
            };
            text += &format!(" {cell} |");
        }
        text.push('\n');
    }
    text + &outro()
}

fn word(cell: Cell, all: usize) -> String {
    match cell {
        Cell::Yes => "yes".to_owned(),
        Cell::No => "no".to_owned(),
        Cell::Some(many) => format!("{many} of {all}"),
        Cell::None => "-".to_owned(),
    }
}

fn intro() -> String {
    "# Who sees what

What nmap does, and who notices: `classic` and `extended` are ours with that KINDS, 1.2 is Debian's PortSentry
1.2, and scanlogd is Debian's 2.2.8.

| nmap | classic, IPv4 | IPv6 | extended, IPv4 | IPv6 | 1.2, IPv4 | IPv6 | scanlogd, IPv4 | IPv6 |
|---|---|---|---|---|---|---|---|---|
"
    .to_owned()
}

fn outro() -> String {
    format!(
        "
- **yes**: each port that was touched was reported; from scanlogd, which reports scans and not ports, a line about
  the scan. **no**: nothing was. **-**: nmap has no such scan, or it was not run.
- Each program is started anew for each scan, on a router of its own that lets everything in (but in the one row)
  and tracks connections. Ours and 1.2 have stealth sensors with the same traps, block nothing and report the first
  touch; scanlogd is as it was built.
- Each scan touches the ports {}. They are below 1024,
  where the extended kinds are looked for, and where scanlogd takes seven for a scan.
- nmap has `{ALWAYS}` before what the table says, and `-6` for IPv6.
- The row of `-T0` is made with our detector and a clock that is set: a source is banned at the very probe that
  SCAN_TRIGGER and TRIGGER_PORTS name, for each number from 2 to 5, with the default WINDOW and with 6 hours.
  The others were not run for hours.

A test makes this page with the real programs, and fails when they do something else (`tests/it/sight.rs`). After
`make build` and `tests/fetch original scanlogd`, this writes it anew:

    {COMMAND}
",
        scan::list(&PORTS).replace(',', ", ")
    )
}
