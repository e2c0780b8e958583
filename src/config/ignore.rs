//! The ignore file: addresses and networks, one a line, with remarks.

use crate::judge::protect::Ignored;
use crate::limits::{IGNORED_MAX, PROBLEMS_MAX};
use crate::net::{NotAPrefix, Prefix};

/// Why a line adds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// It does not begin with an address.
    Address,
    /// The address is followed by a length that its family does not have.
    Netmask,
    /// The list is full.
    Full,
    /// So many more lines like these; the entry is their number.
    More,
}

/// Adds the entries of `text` to `list`; what cannot be one goes to `report`, with its line number and the
/// line: the first [`PROBLEMS_MAX`], and then how many more there are.
///
/// 1.2's grammar: `#` begins a remark, an entry ends at the first character that cannot belong to it. Repaired:
/// leading blanks, a missing last newline, IPv6, `/0`.
pub fn read(text: &[u8], list: &mut Ignored, mut report: impl FnMut(usize, BadLine, &str)) {
    let mut bad = 0;
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(line);
        // Reported lines are shown on terminals.
        let line = line.trim().replace(char::is_control, " ");
        let entry = line.trim();
        if entry.is_empty() || entry.starts_with('#') {
            continue;
        }
        let why = match prefix(entry) {
            Ok(prefix) if list.contains(&prefix) => continue,
            Ok(_) if list.len() == IGNORED_MAX => BadLine::Full,
            Ok(prefix) => {
                list.push(prefix);
                continue;
            }
            Err(NotAPrefix::Address) => BadLine::Address,
            Err(NotAPrefix::Length) => BadLine::Netmask,
        };
        bad += 1;
        if bad <= PROBLEMS_MAX {
            report(at + 1, why, entry);
        }
    }
    if let more @ 1.. = bad.saturating_sub(PROBLEMS_MAX) {
        report(0, BadLine::More, &more.to_string());
    }
}

/// The entry ends at a blank or `#`; failing that, where 1.2 ended it: `10.7.7.2x` is 10.7.7.2.
fn prefix(entry: &str) -> Result<Prefix, NotAPrefix> {
    let word = entry.split([' ', '\t', '#', ',', ';']).next();
    let word = word.unwrap_or(entry);
    word.parse().or_else(|error| {
        let end = word.find(|c: char| !(c.is_ascii_digit() || ".:/".contains(c)));
        let cut = end.and_then(|end| word.get(..end));
        cut.map_or(Err(error), |cut| cut.parse().map_err(|_| error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, entries: &[&str], bad: &[(usize, BadLine)]) {
        let mut list = Ignored::new();
        let mut found = Vec::new();
        read(text.as_bytes(), &mut list, |line, why, _| {
            found.push((line, why))
        });
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        assert_eq!(list, entries, "{text}");
        assert_eq!(found, bad, "{text}");
    }

    #[test]
    fn what_1_2_accepted() {
        check(
            "# remark\n\n127.0.0.1/32\n0.0.0.0\n",
            &["127.0.0.1", "0.0.0.0"],
            &[],
        );
        check("10.7.7.2\n10.7.7.2\n", &["10.7.7.2"], &[]);
        for line in [
            "10.7.7.2 # x",
            "10.7.7.2\tfoo",
            "10.7.7.2#c",
            "10.7.7.2x",
            "10.7.7.2\r",
        ] {
            check(line, &["10.7.7.2"], &[]);
        }
        check("10.9.9.9/8", &["10.0.0.0/8"], &[]);
    }

    #[test]
    fn what_1_2_got_wrong() {
        check(" 10.7.7.2\n", &["10.7.7.2"], &[]);
        check("10.7.7.2", &["10.7.7.2"], &[]);
        check("0.0.0.0/0\n", &["0.0.0.0/0"], &[]);
        check("2001:DB8::7/64 # lan", &["2001:db8::/64"], &[]);
        check("::1", &["::1"], &[]);
    }

    #[test]
    fn what_is_no_address_is_reported_with_its_line() {
        check("10.7\n", &[], &[(1, BadLine::Address)]);
        check(
            "10.7.7.1\nrouter.lan\n",
            &["10.7.7.1"],
            &[(2, BadLine::Address)],
        );
        check(
            "\n\n10.7.7.0/255.255.255.0\n",
            &[],
            &[(3, BadLine::Netmask)],
        );
        check("10.7.7.2/33", &[], &[(1, BadLine::Netmask)]);
        check("010.7.7.2", &[], &[(1, BadLine::Address)]);
    }

    #[test]
    fn nonsense_is_named_up_to_a_bound_and_then_counted() {
        let mut said = Vec::new();
        let text = "x\n".repeat(PROBLEMS_MAX + 36);
        read(text.as_bytes(), &mut Ignored::new(), |line, why, entry| {
            said.push((line, why, entry.to_owned()));
        });
        assert_eq!(said.len(), PROBLEMS_MAX + 1);
        assert_eq!(said.last(), Some(&(0, BadLine::More, "36".into())));
    }

    #[test]
    fn a_full_list_says_so() {
        let text: String = (0..=IGNORED_MAX)
            .map(|n| format!("10.0.{}.{}\n", n / 256, n % 256))
            .collect();
        let mut full = Vec::new();
        let mut list = Ignored::new();
        read(text.as_bytes(), &mut list, |line, why, _| {
            full.push((line, why))
        });
        assert_eq!(full, [(1025, BadLine::Full)]);
    }
}
