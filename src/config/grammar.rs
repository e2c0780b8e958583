//! PortSentry 1.2's lines: `KEY="value"`, the key in the first column.

use crate::config::problems::Problems;
use crate::config::{Severity, Words};

/// A line that sets something.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
}

/// Reads one line, without its newline. Nothing for blank lines, comments, and lines that are reported.
///
/// As in 1.2: between key and value stand blanks, `=`, or anything else that is no quote; the value ends at
/// the next quote, there is no escaping; what follows is a remark. Unlike 1.2, an indented key and one that
/// is followed by a tab are understood.
pub(super) fn assignment<'a>(
    line: &'a [u8],
    number: usize,
    problems: &mut Problems,
) -> Option<Assignment<'a>> {
    let mut report = |severity, reason: String| {
        problems.report(number, severity, Words::Ours, reason);
    };
    let text = line.trim_ascii();
    if text.is_empty() || text.first() == Some(&b'#') {
        return None;
    }
    let len = text.iter().take_while(|b| is_key_byte(**b)).count();
    let (key, rest) = text.split_at(len);
    let key = core::str::from_utf8(key).unwrap_or_default();
    let separated = matches!(rest.first(), Some(b'=' | b' ' | b'\t'));
    if key.is_empty() || !separated {
        report(
            Severity::Mistake,
            "not a line of the form KEY=\"value\"".into(),
        );
        return None;
    }
    if line.first().is_some_and(u8::is_ascii_whitespace) {
        report(
            Severity::Note,
            format!("{key} is indented; PortSentry 1.2 would not have found it"),
        );
    }
    let Some((_, value)) = split_at_quote(rest) else {
        let reason = format!("Quotes missing from {key} token. Option skipped\n");
        problems.report(number, Severity::Mistake, Words::Classic, reason);
        return None;
    };
    let (value, closed) = match split_at_quote(value) {
        Some((value, _)) => (value, true),
        None => (value, false),
    };
    let printable = value
        .iter()
        .take_while(|b| (0x20..0x7f).contains(*b))
        .count();
    let (value, cut) = value.split_at(printable);
    if !cut.is_empty() {
        report(
            Severity::Mistake,
            format!("the value of {key} ends at a character that is not plain ASCII"),
        );
    } else if !closed {
        report(
            Severity::Note,
            format!("the closing quote of {key} is missing"),
        );
    }
    let value = core::str::from_utf8(value).unwrap_or_default();
    Some(Assignment { key, value })
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn split_at_quote(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|b| *b == b'"')?;
    let (before, quote) = bytes.split_at(at);
    Some((before, quote.get(1..).unwrap_or_default()))
}

/// C's `atoi`, as 1.2 read numbers: leading blanks, a sign, digits, and whatever follows; 0 without digits.
/// The second part tells whether it was a plain number.
pub(super) fn number(value: &str) -> (i64, bool) {
    let text = value.trim_start();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = unsigned.split_at(digits);
    let value: i64 = match digits.parse() {
        Ok(value) => value,
        Err(_) if digits.is_empty() => 0,
        Err(_) => i64::MAX,
    };
    let plain = !digits.is_empty() && rest.trim_end().is_empty();
    match text.starts_with('-') {
        true => (-value, plain),
        false => (value, plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, &str)>, problem: Option<(Severity, &str)>) {
        let mut problems = Problems::none();
        let found = assignment(line.as_bytes(), 7, &mut problems);
        let problems = problems.finish();
        assert_eq!(found.map(|a| (a.key, a.value)), expected, "{line}");
        match problem {
            None => assert_eq!(problems, [], "{line}"),
            Some((severity, words)) => {
                assert_eq!(
                    (problems[0].severity, problems[0].line),
                    (severity, 7),
                    "{line}"
                );
                assert!(
                    problems[0].reason.contains(words),
                    "{line}: {}",
                    problems[0].reason
                );
            }
        }
    }

    /// The table of section 2.1 of the reference, line by line.
    #[test]
    fn the_grammar_of_1_2() {
        let kv = Some(("K", "v"));
        check(r#"K="v""#, kv, None);
        check(r#"K = "v""#, kv, None);
        check(r#"K   =   "v""#, kv, None);
        check(r#"K "v""#, kv, None);
        check(r#"K blah "v" "w""#, kv, None);
        check(r#"K="v" # comment "x""#, kv, None);
        check("K=\"v\"\r", kv, None);
        check(r#"K="""#, Some(("K", "")), None);
        check(r#"K="a\"b""#, Some(("K", "a\\")), None);
        check(r#"#K="v""#, None, None);
        check("", None, None);
        check("   ", None, None);
        check(r#"K="v"#, kv, Some((Severity::Note, "closing quote")));
        check(r#" K="v""#, kv, Some((Severity::Note, "indented")));
        check("K\t=\"v\"", kv, None);
        check(
            "K=v",
            None,
            Some((
                Severity::Mistake,
                "Quotes missing from K token. Option skipped",
            )),
        );
        check(
            "K='v'",
            None,
            Some((Severity::Mistake, "Quotes missing from K token")),
        );
        check("K=\"v\tw\"", kv, Some((Severity::Mistake, "plain ASCII")));
        check(
            "K=\"v\u{e9}\"",
            kv,
            Some((Severity::Mistake, "plain ASCII")),
        );
        check("[section]", None, Some((Severity::Mistake, "form KEY=")));
        check("K", None, Some((Severity::Mistake, "form KEY=")));
        check(r#"K:"v""#, None, Some((Severity::Mistake, "form KEY=")));
    }

    #[test]
    fn numbers_are_read_as_atoi_did() {
        for (text, expected) in [
            ("1", (1, true)),
            (" 1", (1, true)),
            ("01", (1, true)),
            ("1x", (1, false)),
            ("-1", (-1, true)),
            ("yes", (0, false)),
            ("", (0, false)),
            ("99999999999999999999", (i64::MAX, true)),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
