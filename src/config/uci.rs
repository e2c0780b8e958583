//! UCI, the language of OpenWrt's /etc/config, as libuci reads it (file.c of 2025-12-02, strict): what it accepts
//! is accepted, with the same values; what it refuses is refused, for the same reason in the same line. There is
//! no libuci to ask on a plain busybox, and a daemon that reads a file otherwise than `uci` shows it is a trap.
//!
//! It knows nothing of what the sections mean.

mod command;

use command::Command;
pub(super) use command::Keyword;

/// A section: `config KIND 'NAME'` and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its type.
    pub kind: String,
    /// Empty where it is anonymous.
    pub name: String,
    /// Where it begins, from 1.
    pub line: usize,
    /// Its options, each once, in the order of their first lines.
    pub options: Vec<Setting>,
}

/// What an option is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// `list` and not `option`.
    pub is_list: bool,
    /// The values, each with its line; of an `option` there is one.
    pub values: Vec<(usize, Vec<u8>)>,
}

/// Why the file as a whole is refused, which is what libuci does at the first error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The line, counted as libuci counts; but the last line is one also where nothing ends it.
    pub line: usize,
    /// The line in which the command begins. A quote that is not closed is noticed at the end of the file.
    pub begins: usize,
    /// libuci's words, and behind a semicolon what is allowed.
    pub reason: &'static str,
}

const COMMAND: &str = "invalid command; a line begins with config, option or list";
const TYPE: &str = "invalid character in type field; it is a word of plain ASCII";
const NAME: &str =
    "invalid character in name field; letters, digits and _ are what a name is made of";
const NO_SECTION: &str = "option/list command found before the first section";
const OTHER_TYPE: &str = "section of different type overwrites prior section with same name";

/// The sections of a file, in its order.
pub fn parse(text: &[u8]) -> Result<Vec<Section>, Refusal> {
    let mut command = Command::of(text);
    let mut file = File::default();
    while command.next() {
        let begins = command.line();
        while command.refused.is_none() {
            let Some(word) = command.keyword() else {
                break;
            };
            carry_out(word, &mut command, &mut file);
        }
        if let Some((line, reason)) = command.refused {
            return Err(Refusal {
                line,
                begins,
                reason,
            });
        }
    }
    Ok(file.sections)
}

/// One command; semicolons may part several in a line.
fn carry_out(word: Keyword, command: &mut Command<'_>, file: &mut File) {
    let line = command.line();
    match word {
        Keyword::Unknown => command.demand(false, COMMAND),
        Keyword::Config => {
            let kind = command.required();
            command.demand(kind.iter().all(u8::is_ascii_graphic), TYPE);
            let name = command.word();
            command.demand(is_name(&name, b'_'), NAME);
            command.end();
            let same_type = file.open(line, text(kind), text(name));
            command.demand(same_type, OTHER_TYPE);
        }
        // It names the file, and the name of ours is known.
        Keyword::Package => {
            let name = command.required();
            command.demand(is_name(&name, b'-'), NAME);
            command.end();
        }
        Keyword::Option | Keyword::List => {
            command.demand(!file.sections.is_empty(), NO_SECTION);
            let name = command.required();
            command.demand(is_name(&name, b'_'), NAME);
            let value = command.word();
            command.end();
            file.set(text(name), (line, value), word == Keyword::List);
        }
    }
}

/// `also`: what may be in it beside letters, digits and `_`.
fn is_name(name: &[u8], also: u8) -> bool {
    let sound = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == also;
    name.iter().all(sound)
}

/// What is known to be ASCII.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// What was read so far.
#[derive(Default)]
struct File {
    sections: Vec<Section>,
    /// Which of them is open.
    current: usize,
}

impl File {
    /// `config`: a name that is there already opens that section again. False if that has another type.
    fn open(&mut self, line: usize, kind: String, name: String) -> bool {
        let same = |section: &Section| !name.is_empty() && section.name == name;
        let known = self.sections.iter().position(same);
        self.current = known.unwrap_or(self.sections.len());
        if let Some(section) = self.sections.get(self.current) {
            return section.kind == kind;
        }
        self.sections.push(Section {
            kind,
            name,
            line,
            options: Vec::new(),
        });
        true
    }

    /// `option` replaces what there is, also a list; `list` adds to it, also to an option. An empty `option` is
    /// as if it were not there, and does not unset anything.
    fn set(&mut self, name: String, value: (usize, Vec<u8>), is_list: bool) {
        let Some(section) = self.sections.get_mut(self.current) else {
            return;
        };
        if !is_list && value.1.is_empty() {
            return;
        }
        let mut options = section.options.iter_mut();
        let Some(setting) = options.find(|known| known.name == name) else {
            return section.options.push(Setting {
                name,
                is_list,
                values: vec![value],
            });
        };
        setting.is_list = is_list;
        if !is_list {
            setting.values.clear();
        }
        setting.values.push(value);
    }
}
