//! An answer: the same values in short lines for people, or as one JSON object for programs.

use core::cmp::Reverse;
use core::fmt::{Display, Write};
use core::time::Duration;
use std::collections::BinaryHeap;

/// In which form somebody wants an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Lines.
    #[default]
    Text,
    /// One line with one object (RFC 8259).
    Json,
}

/// Collects values with their names. In JSON a blank in a name is an underscore.
pub struct Sheet {
    form: Form,
    out: String,
    /// Nothing stands before the next value.
    fresh: bool,
}

impl Sheet {
    /// An empty one.
    pub fn new(form: Form) -> Self {
        let out = match form {
            Form::Text => String::new(),
            Form::Json => String::from("{"),
        };
        Self {
            form,
            out,
            fresh: true,
        }
    }

    /// All of it.
    pub fn finish(mut self) -> String {
        match self.form {
            Form::Text => drop(self.out.pop()),
            Form::Json => self.out.push('}'),
        }
        self.out
    }

    /// A line with a name at its front; an object of that name.
    pub fn begin(&mut self, name: &str) {
        match self.form {
            Form::Json => {
                self.name(name);
                self.out.push('{');
            }
            Form::Text => cell(&mut self.out, 10, &name),
        }
        self.fresh = true;
    }

    /// Its end.
    pub fn end(&mut self) {
        self.out.push(match self.form {
            Form::Text => '\n',
            Form::Json => '}',
        });
        self.fresh = false;
    }

    /// A line, or an object, of numbers alone.
    pub fn numbers(&mut self, name: &str, numbers: &[(&str, u64)]) {
        self.begin(name);
        for (name, number) in numbers {
            self.number(name, number);
        }
        self.end();
    }

    /// In JSON alone: an array of that name, of items or elements.
    pub fn begin_array(&mut self, name: &str) {
        self.name(name);
        self.out.push('[');
        self.fresh = true;
    }

    /// In JSON alone: its end.
    pub fn end_array(&mut self) {
        self.out.push(']');
        self.fresh = false;
    }

    /// In JSON alone: an object in an array, which ends with [`Self::end`].
    pub fn item(&mut self) {
        self.separate();
        self.out.push('{');
        self.fresh = true;
    }

    /// A number.
    pub fn number(&mut self, name: &str, value: &dyn Display) {
        self.name(name);
        // Writing to a String does not fail.
        let _written = write!(self.out, "{value}");
    }

    /// A number, and how large it may become.
    pub fn fill(&mut self, name: &str, (count, most): (usize, usize)) {
        self.number(name, &count);
        match self.form {
            Form::Text => drop(write!(self.out, " of {most}")),
            Form::Json => {
                self.key(name, "_max");
                let _written = write!(self.out, "{most}");
            }
        }
    }

    /// Whole seconds; null where there is no such time.
    pub fn seconds(&mut self, name: &str, span: Option<Duration>) {
        match span {
            Some(span) => self.number(name, &span.as_secs()),
            None => self.null(name),
        }
    }

    /// Nothing that could be said.
    pub fn null(&mut self, name: &str) {
        self.number(name, &"null");
    }

    /// Yes or no.
    pub fn flag(&mut self, name: &str, value: bool) {
        let word = match (self.form, value) {
            (Form::Text, false) => "no",
            (Form::Text, true) => "yes",
            (Form::Json, false) => "false",
            (Form::Json, true) => "true",
        };
        self.number(name, &word);
    }

    /// A text.
    pub fn text(&mut self, name: &str, value: &dyn Display) {
        self.name(name);
        match self.form {
            Form::Text => drop(write!(self.out, "{value}")),
            Form::Json => self.quote(value),
        }
    }

    /// In JSON alone: a text in an array.
    pub fn element(&mut self, value: &dyn Display) {
        self.separate();
        self.quote(value);
    }

    fn quote(&mut self, value: &dyn Display) {
        self.out.push('"');
        let _written = write!(Quoted(&mut self.out), "{value}");
        self.out.push('"');
    }

    fn name(&mut self, name: &str) {
        self.key(name, "");
    }

    fn key(&mut self, name: &str, end: &str) {
        self.separate();
        match self.form {
            Form::Text => {
                self.out.push_str(name);
                self.out.push(' ');
            }
            Form::Json => {
                self.out.push('"');
                let plain = |c| if c == ' ' { '_' } else { c };
                self.out.extend(name.chars().map(plain));
                self.out.push_str(end);
                self.out.push_str("\":");
            }
        }
    }

    fn separate(&mut self) {
        let comma = match self.form {
            Form::Text => ", ",
            Form::Json => ",",
        };
        if !core::mem::replace(&mut self.fresh, false) {
            self.out.push_str(comma);
        }
    }
}

/// Writes the inside of a string of JSON: quote, backslash and control characters are escaped (RFC 8259, 7).
struct Quoted<'a>(&'a mut String);

impl Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for character in text.chars() {
            match character {
                '"' | '\\' => self.0.extend(['\\', character]),
                '\0'..=' ' if character != ' ' => {
                    write!(self.0, "\\u{:04x}", u32::from(character))?
                }
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

/// Writes a value into a column that is `width` wide, and two blanks behind it.
pub(super) fn cell(out: &mut String, width: usize, value: &dyn Display) {
    let end = out.len() + width;
    let _written = write!(out, "{value}");
    while out.len() < end {
        out.push(' ');
    }
    out.push_str("  ");
}

/// The numbers of the keys, the smallest key first. A heap, because std's sorting is twenty times its size.
pub(super) fn in_order(keys: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    let mut heap: BinaryHeap<(Reverse<u64>, usize)> = keys.map(Reverse).zip(0..).collect();
    core::iter::from_fn(move || heap.pop().map(|(_, at)| at))
}
