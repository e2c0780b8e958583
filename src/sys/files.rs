//! Files: short ones, read and written whole, with a bound.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Reads a file of at most `max` bytes; a longer one is an error.
pub fn read(path: &str, max: u64) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    read_open(&options.open(path)?, max)
}

/// Reads an open file from where it is. What is no file, such as a pipe, could hold us for ever.
pub(super) fn read_open(file: &File, max: u64) -> io::Result<Vec<u8>> {
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too long"));
    }
    Ok(bytes)
}

/// Opens a file, or makes it: then everybody may read it (0644), although the umask of the background is stricter.
pub(super) fn open_to_write(path: &str, options: &mut OpenOptions) -> io::Result<File> {
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.create(true).open(path)
        }
        made => {
            let file = made?;
            file.set_permissions(Permissions::from_mode(0o644))?;
            Ok(file)
        }
    }
}

/// Adds a text at the end, making the file (0644) if it is missing.
pub fn append(path: &str, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(libc::O_NONBLOCK);
    open_to_write(path, &mut options)?.write_all(text.as_bytes())
}

/// Like [`append`], but a file that has reached `max` bytes is renamed to `.1` first.
pub fn append_bounded(path: &str, text: &str, max: u64) -> io::Result<()> {
    let len = fs::metadata(path).map_or(0, |data| data.len());
    if len + text.len() as u64 > max {
        fs::rename(path, format!("{path}.1"))?;
    }
    append(path, text)
}

/// Empties a file, making it (0644) if it is missing.
pub fn truncate(path: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(true);
    options.custom_flags(libc::O_NONBLOCK);
    open_to_write(path, &mut options).map(drop)
}

/// Takes the lock of a protocol in the run directory, for as long as the file lives. None: somebody has it.
pub fn lock(directory: &str, name: &str) -> io::Result<Option<File>> {
    fs::create_dir_all(directory)?;
    let path = Path::new(directory).join(name);
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let mut file = options.open(path)?;
    // SAFETY: plain numbers. (std's own lock is younger than our oldest compiler.)
    let locked = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
    match super::check(locked) {
        Ok(_) => {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())?;
            Ok(Some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
