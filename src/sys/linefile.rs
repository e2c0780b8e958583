//! A file of lines that is not ours alone: a line of ours is added once, and taken out again.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};

use crate::sys::files;

/// Adds a line unless the file has it already; true if it was added. A symbolic link is refused: what it leads to
/// is not ours to write. So is a file of more than `max` bytes.
pub fn add(path: &str, line: &str, max: u64) -> io::Result<bool> {
    let mut file = files::open_to_write(path, options().append(true)).map_err(in_words)?;
    let bytes = files::read_open(&file, max)?;
    if bytes
        .split(is_newline)
        .any(|known| known == line.as_bytes())
    {
        return Ok(false);
    }
    let newline = if matches!(bytes.last(), None | Some(b'\n')) {
        ""
    } else {
        "\n"
    };
    file.write_all(format!("{newline}{line}\n").as_bytes())?;
    Ok(true)
}

/// Takes lines out, each once. Everything else stays: other lines, mode and owner. Whoever reads meanwhile has the
/// old file or the new one.
pub fn remove(path: &str, mut lines: Vec<&str>, max: u64) -> io::Result<()> {
    let file = match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(in_words)?,
    };
    let bytes = files::read_open(&file, max)?;
    let mut kept = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(is_newline) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        match lines.iter().position(|ours| ours.as_bytes() == text) {
            Some(at) => drop(lines.swap_remove(at)),
            None => kept.extend_from_slice(line),
        }
    }
    if kept.len() == bytes.len() {
        return Ok(());
    }
    let new = format!("{path}.portsentry");
    let written = replace(path, &file, &new, &kept);
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Puts a file with other contents in the place of `old`, with its mode and owner.
fn replace(path: &str, old: &File, new: &str, bytes: &[u8]) -> io::Result<()> {
    // Left behind by one of us that was killed.
    let _ = fs::remove_file(new);
    let data = old.metadata()?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(new)?;
    file.write_all(bytes)?;
    fchown(&file, Some(data.uid()), Some(data.gid()))?;
    file.set_permissions(Permissions::from_mode(data.mode()))?;
    // What somebody added meanwhile would be lost.
    if fs::metadata(path)?.len() != data.len() {
        return Err(io::Error::other("somebody else writes it just now"));
    }
    fs::rename(new, path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW);
    options
}

fn is_newline(byte: &u8) -> bool {
    *byte == b'\n'
}

/// O_NOFOLLOW's error speaks of levels of links.
fn in_words(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ELOOP) => io::Error::other("it is a symbolic link"),
        _ => error,
    }
}
