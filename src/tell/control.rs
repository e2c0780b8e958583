//! What is answered over the control socket: the last line is the exit status for whoever asked, the rest is for
//! people, or one line of JSON. What is asked is in [`crate::tell::request`].

use core::fmt::Write;

/// How the last line of an answer begins, which ends with a digit.
const END: &str = "\nstatus ";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The exit status of whoever asked.
    pub status: u8,
    /// For the owner, in lines.
    pub text: String,
}

impl Answer {
    /// It is so, or was done.
    pub fn yes(text: String) -> Self {
        Self { status: 0, text }
    }

    /// It was not done, and why.
    pub fn no(reason: String) -> Self {
        Self {
            status: 1,
            text: reason,
        }
    }

    /// As it is sent. It may be long, and is not copied for that.
    pub fn sent(self) -> String {
        let Self { status, mut text } = self;
        // Writing to a String does not fail.
        let _written = writeln!(text, "{END}{status}");
        text
    }

    /// Reads an answer; None if its end is missing.
    pub fn parse(whole: &str) -> Option<Self> {
        let (text, status) = whole
            .strip_suffix('\n')?
            .split_at_checked(whole.len() - 2)?;
        Some(Self {
            status: status.parse().ok()?,
            text: text.strip_suffix(END)?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_its_end_is_none() {
        let answer = Answer::no("two\nlines".into());
        let sent = answer.clone().sent();
        assert_eq!(Answer::parse(&sent), Some(answer));
        for cut in 0..sent.len() {
            assert_eq!(Answer::parse(&sent[..cut]), None, "{:?}", &sent[..cut]);
        }
        assert_eq!(
            Answer::parse(&Answer::yes(String::new()).sent()),
            Some(Answer::yes(String::new()))
        );
    }
}
