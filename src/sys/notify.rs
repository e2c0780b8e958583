//! inotify(7): somebody wrote a file in a directory.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd};

/// Hears of changed files.
pub struct Notify(File);

impl Notify {
    /// Hears nothing yet.
    pub fn open() -> io::Result<Self> {
        // SAFETY: plain numbers.
        let fd = unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) };
        let fd = super::check(fd)?;
        // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
        Ok(Self(unsafe { File::from_raw_fd(fd) }))
    }

    /// Hears from now on of files written, moved and removed in `directory`: editors replace a file as often
    /// as they change it.
    pub fn add(&self, directory: &str) -> io::Result<()> {
        let path = CString::new(directory)?;
        let written = libc::IN_CLOSE_WRITE | libc::IN_MOVED_TO | libc::IN_MOVED_FROM;
        let mask = written | libc::IN_DELETE;
        // SAFETY: the path is a C string that lives across the call.
        let added = unsafe { libc::inotify_add_watch(self.0.as_raw_fd(), path.as_ptr(), mask) };
        super::check(added).map(drop)
    }

    /// Takes all news; which file it was does not matter, the contents are compared.
    pub fn drain(&self) {
        let mut buffer = [0; 4096];
        while let Ok(1..) = (&self.0).read(&mut buffer) {}
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
