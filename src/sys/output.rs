//! Standard output and standard error, written to as they are: std's buffers and locks are for threads.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;

/// Writes to standard output.
pub fn print(text: &str) -> io::Result<()> {
    write(libc::STDOUT_FILENO, text)
}

/// Writes to standard error; where there is none, it is lost.
pub fn complain(text: &str) {
    let _lost = write(libc::STDERR_FILENO, text);
}

fn write(fd: libc::c_int, text: &str) -> io::Result<()> {
    // SAFETY: it is not closed meanwhile. (At start std opens /dev/null in the place of a closed one.)
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    File::from(fd.try_clone_to_owned()?).write_all(text.as_bytes())
}
