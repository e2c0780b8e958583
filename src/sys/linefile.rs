//! A file of lines that is not ours alone: a line of ours is added once, and taken out again.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};

use crate::limits::REWRITE_TRIES;
use crate::sys::files;

/// A file that lines are added to, as it was when it was opened.
pub struct LineFile {
    file: File,
    bytes: Vec<u8>,
}

impl LineFile {
    /// Opens it, or makes it. A symbolic link is refused: what it leads to is not ours to write. So is a file of
    /// more than `max` bytes.
    pub fn open(path: &str, max: u64) -> io::Result<Self> {
        let file = files::open_to_write(path, options().append(true)).map_err(in_words)?;
        let bytes = files::read_open(&file, max)?;
        Ok(Self { file, bytes })
    }

    /// Adds a line unless the file has it already; true if it was added.
    pub fn add(&mut self, line: &str) -> io::Result<bool> {
        let mut known = self.bytes.split(is_newline);
        if known.any(|known| known == line.as_bytes()) {
            return Ok(false);
        }
        let newline = if matches!(self.bytes.last(), None | Some(b'\n')) {
            ""
        } else {
            "\n"
        };
        let added = format!("{newline}{line}\n");
        self.file.write_all(added.as_bytes())?;
        self.bytes.extend_from_slice(added.as_bytes());
        Ok(true)
    }
}

/// Takes lines out, each once. Everything else stays: other lines, mode and owner. Whoever reads meanwhile has the
/// old file or the new one. If somebody else writes it all the time, it is left as it is: [`is_busy`].
pub fn remove(path: &str, lines: &[&str], max: u64) -> io::Result<()> {
    for _ in 0..REWRITE_TRIES {
        if remove_once(path, lines.to_vec(), max)? {
            return Ok(());
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        "somebody else writes it all the time",
    ))
}

/// Whether another attempt may succeed soon.
pub fn is_busy(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ResourceBusy
}

/// False: somebody else wrote it meanwhile.
fn remove_once(path: &str, lines: Vec<&str>, max: u64) -> io::Result<bool> {
    let old = match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        opened => opened.map_err(in_words)?,
    };
    let mut bytes = files::read_open(&old, max)?;
    let len = bytes.len();
    take_out(&mut bytes, lines);
    if bytes.len() == len {
        return Ok(true);
    }
    let new = format!("{path}.portsentry");
    let replaced = replace(path, &old, len as u64, &new, &bytes);
    if !matches!(replaced, Ok(Some(_))) {
        let _ = fs::remove_file(&new);
    }
    let Some(mut file) = replaced? else {
        return Ok(false);
    };
    // Who had opened the old one a moment ago may have added to it since.
    file.write_all(&files::read_open(&old, max)?)?;
    Ok(true)
}

/// Takes lines out of a text, each once. From the end, where ours are: a long file is not searched for each of
/// them.
pub fn take_out(bytes: &mut Vec<u8>, mut lines: Vec<&str>) {
    let mut end = bytes.len();
    while end > 0 && !lines.is_empty() {
        let before = bytes.get(..end - 1).unwrap_or_default();
        let start = before.iter().rposition(is_newline).map_or(0, |at| at + 1);
        let line = bytes.get(start..end).unwrap_or_default();
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if let Some(at) = lines.iter().rposition(|ours| ours.as_bytes() == text) {
            lines.remove(at);
            bytes.drain(start..end);
        }
        end = start;
    }
}

/// Puts a file with other contents in the place of `old`, with its mode and owner. None if that is not behind its
/// name any more, or is not as long as what was read of it: what somebody else wrote would be lost.
fn replace(path: &str, old: &File, len: u64, new: &str, bytes: &[u8]) -> io::Result<Option<File>> {
    // Left behind by one of us that was killed.
    let _ = fs::remove_file(new);
    let data = old.metadata()?;
    let mut options = OpenOptions::new();
    options.append(true).create_new(true).mode(0o600);
    let mut file = options.open(new)?;
    file.write_all(bytes)?;
    fchown(&file, Some(data.uid()), Some(data.gid()))?;
    file.set_permissions(Permissions::from_mode(data.mode()))?;
    // The new name may be on the disk before the contents are, and then the power fails.
    file.sync_all()?;
    let is_old =
        |now: fs::Metadata| (now.dev(), now.ino()) == (data.dev(), data.ino()) && now.len() == len;
    if !fs::symlink_metadata(path).is_ok_and(is_old) {
        return Ok(None);
    }
    fs::rename(new, path)?;
    Ok(Some(file))
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
