//! What was measured, and how it is said.

use crate::lab::report;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// A figure whose runs lie further apart than this part of their median says so: it was measured on a loaded
/// machine, or means nothing.
const WIDE: f64 = 0.5;

/// The same thing, measured several times.
pub(super) struct Figure {
    /// In order.
    runs: Vec<f64>,
}

impl Figure {
    #[track_caller]
    pub(super) fn new(runs: impl IntoIterator<Item = f64>) -> Self {
        let mut runs: Vec<f64> = runs.into_iter().collect();
        assert!(!runs.is_empty(), "nothing was measured");
        runs.sort_by(f64::total_cmp);
        Self { runs }
    }

    pub(super) fn median(&self) -> f64 {
        self.runs[self.runs.len() / 2]
    }

    fn spread(&self) -> [f64; 2] {
        [self.runs[0], self.runs[self.runs.len() - 1]]
    }

    /// Counts of nothing and of a few are told apart by less than any machine's load.
    fn is_wide(&self) -> bool {
        let [least, most] = self.spread();
        let apart = most - least;
        apart > 2.0 && apart > WIDE * self.median()
    }

    /// `12 (11 to 14)`, with `wide` behind it where the runs do not agree.
    fn text(&self) -> String {
        let [least, most] = self.spread();
        let mut text = number(self.median());
        if least < most {
            let _ = write!(text, " ({} to {})", number(least), number(most));
        }
        if self.is_wide() {
            text.push_str(", wide");
        }
        text
    }
}

/// Three figures at most, and no more behind the point than they are worth.
fn number(value: f64) -> String {
    match value {
        _ if value.fract() == 0.0 || value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A section of the report: rows are who was measured, the first of them ours; columns are what.
pub(super) struct Table {
    /// Of its file as well.
    name: &'static str,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Option<Figure>>)>,
    notes: Vec<String>,
}

impl Table {
    pub(super) fn new<C: Into<String>>(
        name: &'static str,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        Self {
            name,
            columns: columns.into_iter().map(C::into).collect(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// None: cannot be measured with it, and a note says why.
    #[track_caller]
    pub(super) fn row(&mut self, who: &str, figures: impl IntoIterator<Item = Option<Figure>>) {
        let figures: Vec<_> = figures.into_iter().collect();
        assert_eq!(figures.len(), self.columns.len(), "{who}");
        self.rows.push((who.to_owned(), figures));
    }

    /// What could not be compared and why, how a row is reproduced, what to bear in mind.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Prints it, and writes it to target/bench/NAME.md.
    pub(super) fn end(self) {
        let text = self.text();
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(format!("{}.md", self.name)), &text).unwrap();
        report(&text);
    }

    fn text(&self) -> String {
        let mut text = format!("\n### {}\n\n| |", self.name);
        for column in &self.columns {
            let _ = write!(text, " {column} |");
        }
        let _ = write!(text, "\n|---|{}\n", "---|".repeat(self.columns.len()));
        for (who, figures) in &self.rows {
            let _ = write!(text, "| {who} |");
            for (column, figure) in figures.iter().enumerate() {
                let _ = write!(text, " {} |", self.cell(column, figure.as_ref()));
            }
            text.push('\n');
        }
        for note in &self.notes {
            let _ = write!(text, "\n- {note}");
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        text
    }

    /// With the ratio to ours, where there is one.
    fn cell(&self, column: usize, figure: Option<&Figure>) -> String {
        let Some(figure) = figure else {
            return "–".into();
        };
        let ours = self.rows[0].1[column].as_ref();
        match ours.filter(|ours| !std::ptr::eq(*ours, figure) && ours.median() > 0.0) {
            Some(ours) => {
                let ratio = number(figure.median() / ours.median());
                format!("{}, ×{ratio}", figure.text())
            }
            None => figure.text(),
        }
    }
}

#[test]
fn runs_that_do_not_agree_say_so() {
    assert_eq!(Figure::new([3.0, 1.0, 2.0]).text(), "2 (1 to 3)");
    assert_eq!(Figure::new([7.0]).text(), "7");
    assert_eq!(
        Figure::new([100.0, 110.0, 300.0]).text(),
        "110 (100 to 300), wide"
    );
    let mut table = Table::new("example", ["packets"]);
    table.row("ours", [Some(Figure::new([4.0]))]);
    table.row("another", [Some(Figure::new([10.0]))]);
    table.row("a third", [None]);
    table.note("The third has no packets.");
    assert_eq!(
        table.text(),
        "\n### example\n\n| | packets |\n|---|---|\n| ours | 4 |\n| another | 10, ×2.50 |\n\
         | a third | – |\n\n- The third has no packets.\n"
    );
}
