//! How libuci reads a command: a line, or several where quotes or backslashes join them; its keyword and words.

const TOO_FEW: &str = "insufficient arguments; it is config TYPE 'NAME' or option NAME 'VALUE'";
const TOO_MANY: &str = "too many arguments; a value with a blank in it needs quotes";
const SINGLE: &str = "EOF with unterminated '";
const DOUBLE: &str = "EOF with unterminated \"";

/// The word at the beginning of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Keyword {
    Package,
    Config,
    Option,
    List,
    Unknown,
}

impl Keyword {
    /// That of a word.
    pub(in crate::config) fn of(word: &[u8]) -> Self {
        match word {
            b"p" | b"package" => Self::Package,
            b"c" | b"config" => Self::Config,
            b"o" | b"option" => Self::Option,
            b"l" | b"list" => Self::List,
            _ => Self::Unknown,
        }
    }
}

/// isspace(3) in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The file on its way through libuci's buffer.
pub(super) struct Command<'a> {
    rest: &'a [u8],
    /// Line ends that were read.
    lines: usize,
    /// 1 while a line is read that nothing ends.
    open: usize,
    /// The line, or the lines of a command that goes on. What is behind its end counts as NUL.
    buffer: Vec<u8>,
    at: usize,
    /// What the buffer of libuci holds, which doubles: a NUL hides what is behind it in one filling.
    room: usize,
    /// The first error, and its line: what is read after it does not count.
    pub(super) refused: Option<(usize, &'static str)>,
}

impl<'a> Command<'a> {
    /// Nothing read yet.
    pub(super) fn of(file: &'a [u8]) -> Self {
        Self {
            rest: file,
            lines: 0,
            open: 0,
            buffer: Vec::new(),
            at: 0,
            room: 32,
            refused: None,
        }
    }

    /// Reads the next line. False: that was the last.
    pub(super) fn next(&mut self) -> bool {
        let more = !self.rest.is_empty();
        self.at = 0;
        self.read_line(0);
        self.skip_space();
        more
    }

    /// The number of the line that was read last.
    pub(super) fn line(&self) -> usize {
        self.lines + self.open
    }

    /// The byte to be looked at; 0 at the end.
    fn now(&self) -> u8 {
        self.ahead(0)
    }

    fn ahead(&self, bytes: usize) -> u8 {
        self.buffer
            .get(self.at + bytes)
            .copied()
            .unwrap_or_default()
    }

    /// Puts the next line in the place of what is behind `at`.
    fn read_line(&mut self, at: usize) {
        self.buffer.truncate(at);
        if at + 1 >= self.room {
            self.room = self.room.saturating_mul(2);
        }
        loop {
            let most = self.room.saturating_sub(self.buffer.len() + 1);
            let filling = self.rest.get(..most).unwrap_or(self.rest);
            let end = filling.iter().position(|byte| *byte == b'\n');
            let (filling, rest) = self.rest.split_at(end.map_or(filling.len(), |end| end + 1));
            self.rest = rest;
            let line = filling.split(|byte| *byte == 0).next().unwrap_or(filling);
            let Some(last) = line.last() else {
                return;
            };
            self.buffer.extend_from_slice(line);
            self.open = 1;
            if *last == b'\n' {
                self.lines += 1;
                self.open = 0;
                return;
            }
            self.room = self.room.saturating_mul(2);
        }
    }

    fn skip_space(&mut self) {
        while is_space(self.now()) {
            self.at += 1;
        }
    }

    /// The word at the beginning of a command, which only blanks and tabs end. None: there is no command any more.
    pub(super) fn keyword(&mut self) -> Option<Keyword> {
        while matches!(self.now(), b' ' | b'\t') {
            self.at += 1;
        }
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let mut words = rest.split(|byte| matches!(*byte, b' ' | b'\t'));
        let word = words.next().unwrap_or_default();
        let keyword = Keyword::of(word);
        let is_comment = word.first().is_none_or(|first| *first == b'#');
        self.at += word.len();
        (!is_comment).then_some(keyword)
    }

    /// Refuses the file unless `so`.
    pub(super) fn demand(&mut self, so: bool, otherwise: &'static str) {
        if !so && self.refused.is_none() {
            self.refused = Some((self.line(), otherwise));
        }
    }

    /// The next argument, which must be there.
    pub(super) fn required(&mut self) -> Vec<u8> {
        let word = self.word();
        self.demand(!word.is_empty(), TOO_FEW);
        word
    }

    /// The next argument; empty where there is none.
    pub(super) fn word(&mut self) -> Vec<u8> {
        self.skip_space();
        let mut word = Vec::new();
        let start = self.at;
        if self.now() == b';' {
            self.at += 1;
            return word;
        }
        loop {
            match self.now() {
                quote @ (b'\'' | b'"') => self.quoted(quote, &mut word),
                // libuci ends the word where it stands, without its quotes and backslashes: without any it
                // overwrites the semicolon, and the rest of the line is lost.
                b';' if start + word.len() < self.at => return word,
                b'#' | b';' => self.buffer.truncate(self.at),
                b'\\' => self.escaped(&mut word),
                0 => return word,
                _ => self.take(&mut word),
            }
            if is_space(self.now()) {
                self.at += 1;
                return word;
            }
        }
    }

    /// A command has no more arguments.
    pub(super) fn end(&mut self) {
        let more = self.word();
        self.demand(more.is_empty(), TOO_MANY);
    }

    fn take(&mut self, word: &mut Vec<u8>) {
        word.push(self.now());
        self.at += 1;
    }

    /// Behind a backslash a character means itself, and the end of a line that the next one goes on.
    fn escaped(&mut self, word: &mut Vec<u8>) {
        self.at += 1;
        match (self.now(), self.ahead(1), self.ahead(2)) {
            (0 | b'\n', ..) | (b'\r', b'\n', 0) => self.read_line(self.at),
            _ => self.take(word),
        }
    }

    /// Within quotes the end of a line is a character as others are.
    fn quoted(&mut self, quote: u8, word: &mut Vec<u8>) {
        self.at += 1;
        loop {
            match self.now() {
                byte if byte == quote => break,
                b'\\' if quote == b'"' => self.escaped(word),
                0 => {
                    self.read_line(self.at);
                    if self.now() == 0 {
                        let single = quote == b'\'';
                        return self.demand(false, if single { SINGLE } else { DOUBLE });
                    }
                }
                _ => self.take(word),
            }
        }
        self.at += 1;
    }
}
