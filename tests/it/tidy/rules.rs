//! The rules: from the path and the text of a file to what is wrong with it.

use regex::{Captures, Regex};
use std::collections::BTreeSet;

const FILE_LINES_MAX: usize = 300;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_MAX: usize = 115;

/// Words that say nothing, or the wrong thing, with why. The glossary of the design has better ones.
const NEVER: [&str; 7] = [
    "atta@cker",
    "ha@cker",
    "vic@tim",
    "mana@ger",
    "hand@ler",
    "hel@per",
    "ut@il",
];
const LEFT_OVER: [&str; 3] = ["TO@DO", "FIX@ME", "XX@X"];
const AT_HOME: [&str; 4] = ["/ho@me/", "/ro@ot/", "/Us@ers/", "/wo@rk/"];

/// What is wrong with a file: the number of the line, and how.
pub(super) type Violations = Vec<(usize, String)>;

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| word.replace('@', "")).collect()
}

/// The text with comments and literals blanked, and the literals with all else blanked; every line in its place.
fn apart(text: &str) -> (String, String) {
    let comment = r"//[^\n]*|/\*.*?\*/";
    let raw = r##"\bb?r"[^"]*"|\bb?r#".*?"#"##;
    let literal = r#""(?:\\.|[^"\\])*"|'(?:\\.[^']*|[^\\'])'"#;
    let token = Regex::new(&format!("(?s)(?P<comment>{comment})|{raw}|{literal}")).unwrap();
    let blank = |text: &str| text.replace(|c| c != '\n', " ");
    let code = token.replace_all(text, |found: &Captures<'_>| blank(&found[0]));
    let mut literals = String::new();
    let mut end = 0;
    for found in token
        .captures_iter(text)
        .filter(|found| found.name("comment").is_none())
    {
        let range = found.get(0).unwrap().range();
        literals.push_str(&blank(&text[end..range.start]));
        literals.push_str(&text[range.clone()]);
        end = range.end;
    }
    (code.into_owned(), literals)
}

/// Where a pattern is found.
fn found(pattern: &str, text: &str) -> Violations {
    let matches = Regex::new(pattern).unwrap();
    let matches = matches.find_iter(text);
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    matches
        .map(|m| (line(m.start()), m.as_str().trim().to_owned()))
        .collect()
}

/// `use a::{b, c::{d}}` becomes `use a::b, a::c::d`.
fn spread(code: &str) -> String {
    let group = Regex::new(r"((?:\w+::)+)\{([^{}]*)\}").unwrap();
    let mut code = code.to_owned();
    while group.is_match(&code) {
        let spread = group.replace_all(&code, |found: &Captures<'_>| {
            let items = found[2].split(',').filter(|item| !item.trim().is_empty());
            let spread = items.map(|item| {
                let lines = "\n".repeat(item.matches('\n').count());
                format!("{lines}{}{}", &found[1], item.trim())
            });
            let spread = spread.collect::<Vec<_>>().join(", ");
            let missing = found[2].matches('\n').count() - spread.matches('\n').count();
            spread + &"\n".repeat(missing)
        });
        code = spread.into_owned();
    }
    code
}

pub(super) fn unsafe_is_in_sys(path: &str, text: &str) -> Violations {
    // The counting allocator of this crate cannot be written without.
    if path.starts_with("src/sys/") || path == "tests/it/noalloc.rs" {
        return Vec::new();
    }
    let words = if path.starts_with("src/") {
        r"\b(unsafe|libc)\b"
    } else {
        r"\bunsafe\b"
    };
    found(words, &apart(text).0)
}

pub(super) fn core_is_pure(path: &str, text: &str) -> Violations {
    let shell = ["src/main.rs", "src/inspect.rs", "src/daemon/", "src/sys/"];
    if !path.starts_with("src/") || shell.iter().any(|shell| path.starts_with(shell)) {
        return Vec::new();
    }
    // Addresses are in core::net, spans of time in core::time: of std nothing is needed that does something.
    let never =
        r"\bcrate::(sys|daemon)\b|\bstd::(fs|net|process|thread|time|env|os|io)\b|\bextern crate\b";
    found(never, &spread(&apart(text).0))
}

pub(super) fn sys_knows_no_rule(path: &str, text: &str) -> Violations {
    match path.starts_with("src/sys/") {
        true => found(
            r"\bcrate::(judge|config|daemon|act|tell)\b",
            &spread(&apart(text).0),
        ),
        false => Vec::new(),
    }
}

pub(super) fn file_is_short(_: &str, text: &str) -> Violations {
    match text.lines().count() {
        0..=FILE_LINES_MAX => Vec::new(),
        lines => vec![(lines, format!("{lines} lines"))],
    }
}

pub(super) fn line_is_short(_: &str, text: &str) -> Violations {
    let lines = (1..).zip(text.lines().map(|line| line.chars().count()));
    let long = lines.filter(|(_, characters)| *characters > LINE_MAX);
    long.map(|(at, characters)| (at, format!("{characters} characters")))
        .collect()
}

/// From its first line to the last brace, remarks included.
pub(super) fn function_is_short(_: &str, text: &str) -> Violations {
    let code = apart(text).0;
    let start = Regex::new(r"\bfn\s+\w+").unwrap();
    let mut violations = Vec::new();
    for found in start.find_iter(&code) {
        let lines = code[found.start()..found.end() + len_of_function(&code[found.end()..])]
            .matches('\n')
            .count()
            + 1;
        if lines > FUNCTION_LINES_MAX {
            let line = code[..found.start()].matches('\n').count() + 1;
            violations.push((line, format!("{}: {lines} lines", found.as_str())));
        }
    }
    violations
}

/// What follows the name of a function, up to the brace that ends it, or to the semicolon of one without a body.
fn len_of_function(code: &str) -> usize {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (at, character) in code.char_indices() {
        match character {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return at,
            '{' => braces += 1,
            '}' if braces <= 1 => return at,
            '}' => braces -= 1,
            _ => {}
        }
    }
    code.len()
}

/// In identifiers and in messages; a remark may well say why a word is avoided.
pub(super) fn glossary(path: &str, text: &str) -> Violations {
    let (code, literals) = apart(text);
    let never = words(&NEVER);
    // An identifier falls into words at underscores and at capital letters.
    let word = r"[A-Z]?[a-z]+|[A-Z]+";
    let mut violations = found(word, &code);
    violations.extend(found(word, &literals));
    violations.retain(|(_, word)| {
        let word = word.to_lowercase();
        let word = word.strip_suffix('s').unwrap_or(&word);
        // What the kernel calls in the middle of anything has no better name.
        let signal = path == "src/sys/signal.rs" && word == words(&["hand@ler"])[0];
        never.iter().any(|never| never == word) && !signal
    });
    violations
}

pub(super) fn limit_has_a_reason(path: &str, text: &str) -> Violations {
    if !path.starts_with("src/limits/") {
        return Vec::new();
    }
    let mut violations = Vec::new();
    let mut explained = false;
    for (at, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.starts_with("pub const ") && !explained {
            violations.push((at, line.to_owned()));
        }
        explained = line.starts_with("///") || (explained && line.starts_with("#["));
    }
    violations
}

pub(super) fn nothing_is_left_over(_: &str, text: &str) -> Violations {
    found(&format!(r"\b({})\b", words(&LEFT_OVER).join("|")), text)
}

pub(super) fn nothing_is_of_one_machine(_: &str, text: &str) -> Violations {
    found(&words(&AT_HOME).join("|"), text)
}

pub(super) fn nothing_is_printed(path: &str, text: &str) -> Violations {
    match path.starts_with("src/") {
        true => found(r"\b(e?println|e?print|dbg)!", &apart(text).0),
        false => Vec::new(),
    }
}

/// What a manifest makes the program depend on; what tests need is not part of it.
pub(super) fn dependencies(manifest: &str) -> String {
    let section = Regex::new(r"^\[(?:.*\.)?(build-)?dependencies(?:\.([\w-]+))?\]$").unwrap();
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            let found = section.captures(line);
            inside = found.is_some();
            if let Some(name) = found.and_then(|found| found.get(2)) {
                names.insert(name.as_str().to_owned());
                inside = false;
            }
        } else if let (true, Some((key, _))) = (inside, line.split_once('=')) {
            let name = key.trim().split('.').next().unwrap_or(key);
            names.insert(name.to_owned());
        }
    }
    names.into_iter().collect::<Vec<_>>().join(" ")
}
