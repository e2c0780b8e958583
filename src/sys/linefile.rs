//! A file of lines that is not ours alone: a line of ours is added once, and taken out again.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};

use crate::sys::files;

/// Adds a line unless the file has it already; what lies behind `max` bytes is not searched. True if it was added.
/// A symbolic link is refused: what it leads to is not ours to write.
pub fn add(path: &str, line: &str, max: u64) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW);
    let mut file = files::open_to_write(path, &mut options).map_err(in_words)?;
    let bytes = whole(&file, max)?;
    if bytes
        .split(|byte| *byte == b'\n')
        .any(|known| known == line.as_bytes())
    {
        return Ok(false);
    }
    let newline = if ends_a_line(&mut file)? { "" } else { "\n" };
    file.write_all(format!("{newline}{line}\n").as_bytes())?;
    Ok(true)
}

/// Takes lines out, each once. Everything else stays: other lines, mode and owner. Whoever reads meanwhile has the
/// old file or the new one. A file longer than `max` bytes is left alone.
pub fn remove(path: &str, lines: &[&str], max: u64) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(in_words(error)),
    };
    let bytes = whole(&file, max + 1)?;
    let mut left: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let mut kept = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        match left.iter().position(|ours| *ours == text) {
            Some(at) => drop(left.swap_remove(at)),
            None => kept.extend(line),
        }
    }
    if kept.len() == bytes.len() {
        return Ok(());
    }
    if bytes.len() as u64 > max {
        return Err(io::Error::other("it is too long to be written anew"));
    }
    replace(path, &file, &kept)
}

/// Puts a file with other contents in the place of `old`, with its mode and owner.
fn replace(path: &str, old: &File, bytes: &[u8]) -> io::Result<()> {
    let new = format!("{path}.portsentry");
    // Left behind by one of us that was killed.
    let _ = fs::remove_file(&new);
    let data = old.metadata()?;
    let written = (|| {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        fchown(&file, Some(data.uid()), Some(data.gid()))?;
        file.set_permissions(Permissions::from_mode(data.mode()))?;
        // Somebody added a line meanwhile: it would be lost.
        if fs::metadata(path)?.len() != data.len() {
            return Err(io::Error::other("somebody else writes it just now"));
        }
        fs::rename(&new, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

fn whole(file: &File, max: u64) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file ends with a newline, or is empty.
fn ends_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte == *b"\n")
}

/// O_NOFOLLOW's error speaks of levels of links.
fn in_words(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ELOOP) => io::Error::other("it is a symbolic link"),
        _ => error,
    }
}
