//! The rules of libuci's grammar told a second time: one cursor over the whole file and no buffer, from what is
//! known of libuci and not from our parser. What it reads is printed as `uci export` prints it.

/// The first error: its line, and libuci's words.
type Refused = (usize, &'static str);

const TOO_FEW: &str = "insufficient arguments";
const TOO_MANY: &str = "too many arguments";
const COMMAND: &str = "invalid command";
const NAME: &str = "invalid character in name field";

/// What `uci export` prints of the file, without the line `package`, or what it says is wrong.
pub(super) fn read(text: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut cursor = Cursor {
        text,
        at: 0,
        fence: 0,
        read: 0,
    };
    let mut package = Package::default();
    while cursor.next_line() {
        cursor.skip_white();
        while let Some(word) = cursor.keyword() {
            match word.as_slice() {
                b"p" | b"package" => {
                    let name = cursor.needed()?;
                    cursor.check(is_name(&name, "_-"), NAME)?;
                    cursor.no_more()?;
                }
                b"c" | b"config" => package.config(&mut cursor)?,
                b"o" | b"option" => package.set(&mut cursor, false)?,
                b"l" | b"list" => package.set(&mut cursor, true)?,
                _ => return cursor.refuse(COMMAND),
            }
        }
    }
    Ok(package.printed())
}

fn is_name(name: &[u8], also: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    name.iter().all(|byte| sound(char::from(*byte)))
}

/// Where the reading is. Only what stands before the fence is seen: the lines that were read, up to a remark.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    fence: usize,
    read: usize,
}

impl Cursor<'_> {
    /// Goes on behind the line, or the lines, of the last command. False at the end of the file.
    fn next_line(&mut self) -> bool {
        self.at = self.read;
        self.extend()
    }

    /// Reads one line more, and sees it from where the last one ends.
    fn extend(&mut self) -> bool {
        let rest = &self.text[self.read..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        self.read += end.map_or(rest.len(), |end| end + 1);
        self.fence = self.read;
        !rest.is_empty()
    }

    fn peek(&self) -> Option<u8> {
        (self.at < self.fence).then(|| self.text[self.at])
    }

    fn white(&self) -> bool {
        matches!(self.peek(), Some(b' ' | 9..=13))
    }

    fn skip_white(&mut self) {
        while self.white() {
            self.at += 1;
        }
    }

    fn refuse<T>(&self, reason: &'static str) -> Result<T, Refused> {
        let text = &self.text[..self.read];
        let ends = text.iter().filter(|byte| **byte == b'\n').count();
        Err((ends + usize::from(!text.ends_with(b"\n")), reason))
    }

    fn check(&self, so: bool, otherwise: &'static str) -> Result<(), Refused> {
        if so { Ok(()) } else { self.refuse(otherwise) }
    }

    /// Blanks and tabs end it, and nothing else does. None where the line is over, or a remark begins.
    fn keyword(&mut self) -> Option<Vec<u8>> {
        let blank = |byte: Option<u8>| matches!(byte, Some(b' ' | b'\t'));
        while blank(self.peek()) {
            self.at += 1;
        }
        let start = self.at;
        while self.peek().is_some() && !blank(self.peek()) {
            self.at += 1;
        }
        let word = self.text[start..self.at].to_vec();
        word.first().filter(|first| **first != b'#')?;
        Some(word)
    }

    fn needed(&mut self) -> Result<Vec<u8>, Refused> {
        let word = self.argument()?;
        self.check(!word.is_empty(), TOO_FEW)?;
        Ok(word)
    }

    fn no_more(&mut self) -> Result<(), Refused> {
        let word = self.argument()?;
        self.check(word.is_empty(), TOO_MANY)
    }

    /// The next argument; none is an empty one. A semicolon ends the command, but one that stands at the end of a
    /// word that is written without quotes and backslashes makes the rest of the line unseen.
    fn argument(&mut self) -> Result<Vec<u8>, Refused> {
        self.skip_white();
        let (mut word, mut bare) = (Vec::new(), true);
        if self.peek() == Some(b';') {
            self.at += 1;
            return Ok(word);
        }
        while let Some(byte) = self.peek().filter(|_| !self.white()) {
            match byte {
                b'\'' => self.single(&mut word)?,
                b'"' => self.double(&mut word)?,
                b'\\' => self.behind_backslash(&mut word),
                b';' if !bare => return Ok(word),
                b'#' | b';' => self.fence = self.at,
                _ => self.push(&mut word),
            }
            bare &= !matches!(byte, b'\'' | b'"' | b'\\');
        }
        // The one white character that ends it is gone with it, also where that is the end of the line.
        self.at += usize::from(self.white());
        Ok(word)
    }

    fn push(&mut self, word: &mut Vec<u8>) {
        word.extend(self.peek());
        self.at += 1;
    }

    fn single(&mut self, word: &mut Vec<u8>) -> Result<(), Refused> {
        self.at += 1;
        while self.inside("EOF with unterminated '")? != b'\'' {
            self.push(word);
        }
        self.at += 1;
        Ok(())
    }

    fn double(&mut self, word: &mut Vec<u8>) -> Result<(), Refused> {
        self.at += 1;
        loop {
            match self.inside("EOF with unterminated \"")? {
                b'"' => break,
                b'\\' => self.behind_backslash(word),
                _ => self.push(word),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// The next character within quotes, which do not end with the line.
    fn inside(&mut self, otherwise: &'static str) -> Result<u8, Refused> {
        if self.peek().is_none() {
            self.extend();
        }
        match self.peek() {
            Some(byte) => Ok(byte),
            None => self.refuse(otherwise),
        }
    }

    /// The end of a line is left out with its backslash; anything else means itself.
    fn behind_backslash(&mut self, word: &mut Vec<u8>) {
        self.at += 1;
        let rest = &self.text[self.at..self.fence];
        if matches!(rest, [] | [b'\n', ..] | b"\r\n") {
            self.at = self.read;
            self.extend();
        } else {
            self.push(word);
        }
    }
}

#[derive(Default)]
struct Package {
    sections: Vec<Part>,
    open: Option<usize>,
}

struct Part {
    kind: Vec<u8>,
    name: Vec<u8>,
    options: Vec<(Vec<u8>, bool, Vec<Vec<u8>>)>,
}

impl Package {
    fn config(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Refused> {
        let kind = cursor.needed()?;
        let plain = kind.iter().all(|byte| (33..=126).contains(byte));
        cursor.check(plain, "invalid character in type field")?;
        let name = cursor.argument()?;
        cursor.check(is_name(&name, "_"), NAME)?;
        cursor.no_more()?;
        let same = |part: &Part| !name.is_empty() && part.name == name;
        self.open = self.sections.iter().position(same);
        if let Some(at) = self.open {
            let same = self.sections[at].kind == kind;
            let reason = "section of different type overwrites prior section with same name";
            return cursor.check(same, reason);
        }
        self.open = Some(self.sections.len());
        let options = Vec::new();
        self.sections.push(Part {
            kind,
            name,
            options,
        });
        Ok(())
    }

    fn set(&mut self, cursor: &mut Cursor<'_>, list: bool) -> Result<(), Refused> {
        let Some(open) = self.open else {
            return cursor.refuse("option/list command found before the first section");
        };
        let name = cursor.needed()?;
        cursor.check(is_name(&name, "_"), NAME)?;
        let value = cursor.argument()?;
        cursor.no_more()?;
        let options = &mut self.sections[open].options;
        match options.iter_mut().find(|option| option.0 == name) {
            _ if !list && value.is_empty() => {}
            None => options.push((name, list, vec![value])),
            Some(option) if list => {
                option.1 = true;
                option.2.push(value);
            }
            Some(option) => *option = (name, false, vec![value]),
        }
        Ok(())
    }

    fn printed(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for Part {
            kind,
            name,
            options,
        } in &self.sections
        {
            out.extend(b"\nconfig ");
            escape(kind, &mut out);
            if !name.is_empty() {
                out.extend([b" '", &name[..], b"'"].concat());
            }
            out.push(b'\n');
            for (name, list, values) in options {
                for value in values {
                    out.extend(if *list {
                        b"\tlist ".as_slice()
                    } else {
                        b"\toption "
                    });
                    out.extend([name, b" '".as_slice()].concat());
                    escape(value, &mut out);
                    out.extend(b"'\n");
                }
            }
        }
        out
    }
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'\'' => out.extend(br"'\''"),
            byte => out.push(*byte),
        }
    }
}
