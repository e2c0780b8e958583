//! inotify(7): a file was written, or another one is behind its name now.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd};

use crate::limits::TRAIL_MAX;

/// Bytes of an event before its name: watch, mask, cookie, length of the name; four bytes each.
const HEAD: usize = 16;

/// What is news of the entries of a directory. A link is made, a file is written when it is closed.
const ENTRIES: u32 = libc::IN_CREATE
    | libc::IN_CLOSE_WRITE
    | libc::IN_MOVED_TO
    | libc::IN_MOVED_FROM
    | libc::IN_DELETE
    | ITSELF;

/// What is news of a directory or a symbolic link.
const ITSELF: u32 = libc::IN_MOVE_SELF | libc::IN_DELETE_SELF | libc::IN_DONT_FOLLOW;

/// Hears of changes of some files.
pub struct Notify {
    file: File,
    /// The names that are looked up on the way to the files.
    names: Vec<String>,
    /// Why some of the way is not watched.
    gap: Option<io::Error>,
}

impl Notify {
    /// Hears from now on whenever one of the files is written, replaced or removed, whether by its own name, by
    /// that of a symbolic link to it, or by that of a directory on the way. None of them has to be there. What
    /// cannot be watched now leaves a [`Self::gap`].
    pub fn of(paths: &[String]) -> io::Result<Self> {
        // SAFETY: plain numbers.
        let fd = unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) };
        let fd = super::check(fd)?;
        // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
        let file = unsafe { File::from_raw_fd(fd) };
        let mut notify = Self {
            file,
            names: Vec::new(),
            gap: None,
        };
        for path in paths {
            if let Err(error) = notify.follow(path) {
                notify.gap = Some(error);
            }
        }
        Ok(notify)
    }

    /// Why some of the way is not watched, as where the kernel has no more watches for us (ENOSPC).
    pub fn gap(&self) -> Option<&io::Error> {
        self.gap.as_ref()
    }

    /// Goes the way that the kernel would go. Of a directory on the way only its own end is news: what else
    /// happens in a busy one shall not wake us. Of the last, and of one where the way ends too early, its
    /// entries are.
    fn follow(&mut self, path: &str) -> io::Result<()> {
        let mut ahead = path.to_owned();
        let mut here = String::from(root_of(path));
        for _ in 0..TRAIL_MAX {
            let way = ahead.trim_start_matches('/');
            let (step, rest) = way.split_once('/').unwrap_or((way, ""));
            if step.is_empty() {
                return Ok(());
            }
            let next = format!("{here}/{step}");
            let there = match rest.is_empty() {
                true => false,
                false => self.add(&next, ITSELF)?,
            };
            if !there {
                self.add(&here, ENTRIES)?;
                self.names.push(step.to_owned());
            }
            let link = fs::read_link(&next).ok();
            ahead = match link.as_ref().and_then(|target| target.to_str()) {
                Some(target) => {
                    if target.starts_with('/') {
                        root_of(target).clone_into(&mut here);
                    }
                    format!("{target}/{rest}")
                }
                None if there => {
                    here = next;
                    rest.to_owned()
                }
                None => return Ok(()),
            };
        }
        // In a circle of links all are watched by now.
        Ok(())
    }

    /// False: it is not there, or what is before it is no directory, or a circle of links. Whoever mends that
    /// changes an entry before it.
    fn add(&self, path: &str, mask: u32) -> io::Result<bool> {
        let path = CString::new(path)?;
        let mask = mask | libc::IN_MASK_ADD;
        // SAFETY: the path is a C string that lives across the call.
        let added = unsafe { libc::inotify_add_watch(self.file.as_raw_fd(), path.as_ptr(), mask) };
        match super::check(added) {
            Ok(_) => Ok(true),
            Err(error) => match error.raw_os_error() {
                Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP) => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Takes all news; true if some is about one of our names. Which it was does not matter.
    pub fn take(&self) -> bool {
        let mut ours = false;
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = (&self.file).read(&mut buffer) {
            ours |= tell_of(buffer.get(..len).unwrap_or_default(), &self.names);
        }
        ours
    }
}

/// Whether news, a row of `struct inotify_event`, are about one of the names.
pub fn tell_of(mut news: &[u8], names: &[String]) -> bool {
    let mut ours = false;
    while let Some((head, tail)) = news.split_at_checked(HEAD) {
        let len = head.last_chunk().map_or(0, |len| u32::from_ne_bytes(*len));
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let (name, tail) = tail.split_at_checked(len).unwrap_or_default();
        // Filled up with zeros. Without one it is about the directory itself, or news were lost.
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        ours |= name.is_empty() || names.iter().any(|n| n.as_bytes() == name);
        news = tail;
    }
    ours
}

/// Where a way begins.
fn root_of(path: &str) -> &'static str {
    if path.starts_with('/') { "/" } else { "." }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
