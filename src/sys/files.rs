//! Files: short ones, read and written whole, with a bound.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};

/// Reads a file of at most `max` bytes; a longer one is an error.
pub fn read(path: &str, max: u64) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    read_open(&options.open(path)?, max)
}

/// Where OpenWrt's configuration is: since January 2025 libuci reads /var/run/uci/NAME in the place of
/// /etc/config/NAME, and `uci commit` writes there, when it is there. So do we, or `uci` would show another file.
pub fn in_force(path: &str) -> &str {
    const OVERRIDE: &str = "/var/run/uci/portsentry";
    match path == "/etc/config/portsentry" && fs::metadata(OVERRIDE).is_ok() {
        true => OVERRIDE,
        false => path,
    }
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

/// Puts a new file (0600) in the place of one, wholly or not at all. `fill` gives it piece by piece, and is false
/// with the last.
pub fn replace(path: &str, mut fill: impl FnMut(&mut String) -> bool) -> io::Result<()> {
    let new = format!("{path}.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let file = options.custom_flags(libc::O_NOFOLLOW).open(&new)?;
    let replaced = write_all(file, &mut fill).and_then(|()| fs::rename(&new, path));
    replaced.inspect_err(|_| {
        // Half a file only takes room on a disk that may be full.
        let _ = fs::remove_file(&new);
    })
}

fn write_all(mut file: File, fill: &mut dyn FnMut(&mut String) -> bool) -> io::Result<()> {
    let mut piece = String::new();
    loop {
        piece.clear();
        let more = fill(&mut piece);
        file.write_all(piece.as_bytes())?;
        if !more {
            return file.sync_all();
        }
    }
}

/// Moves a file that is of no use out of the way, and says where to.
pub fn set_aside(path: &str) -> io::Result<String> {
    let aside = format!("{path}.damaged");
    fs::rename(path, &aside).map(|()| aside)
}

/// The name of this boot (random(4)); empty where there is none.
pub fn boot() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    name.unwrap_or_default().trim().to_owned()
}

/// Sees to a directory that its owner alone may write (0755), and that is root's or ours: what is in there is
/// taken for our own.
pub fn own_directory(path: &str) -> io::Result<()> {
    match fs::create_dir(path) {
        // The umask of the background is stricter.
        Ok(()) => return fs::set_permissions(path, Permissions::from_mode(0o755)),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => {}
    }
    let data = fs::metadata(path)?;
    let ours = data.uid() == 0 || data.uid() == super::user();
    match ours && data.mode() & 0o022 == 0 {
        true => Ok(()),
        false => Err(io::Error::other("others than root may write there")),
    }
}

/// What tells a file from all others, for as long as somebody has it open or bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

impl Identity {
    /// Of what is at a path; a link is not followed.
    pub fn of(path: &str) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|data| Self::from(&data))
    }
}

impl From<&Metadata> for Identity {
    fn from(data: &Metadata) -> Self {
        Self(data.dev(), data.ino())
    }
}

/// Whether the lock that we hold is still the one of its run directory. What cannot be looked at is: to take it
/// for lost would leave to somebody else, who is not there, what is ours.
pub fn is_lock_of(lock: &File, directory: &str) -> bool {
    let there = Identity::of(&format!("{directory}/lock"));
    match (lock.metadata(), there) {
        (Ok(ours), Ok(there)) => Identity::from(&ours) == there,
        (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
        (Err(_), Ok(_)) => true,
    }
}

/// Takes the lock of a run directory, for as long as the file lives. None: somebody has it.
pub fn lock(directory: &str) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(format!("{directory}/lock"))?;
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

/// Whether the process that wrote its number into the lock of a run directory is there and has not ended: then its
/// memory, and with it its arguments, is the first that goes (proc(5), `cmdline`).
pub fn holder_lives(directory: &str) -> bool {
    let holder = read(&format!("{directory}/lock"), 16).unwrap_or_default();
    let holder = String::from_utf8_lossy(&holder);
    fs::read(format!("/proc/{}/cmdline", holder.trim())).is_ok_and(|line| !line.is_empty())
}

/// Whether two paths lead to one file, or at least are the same.
pub fn is_same(one: &str, other: &str) -> bool {
    let file = |path| fs::metadata(path).ok().map(|data| Identity::from(&data));
    one == other || file(one).is_some_and(|one| Some(one) == file(other))
}
