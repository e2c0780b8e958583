//! The kernel: sockets, signals, children, clocks, files. All `unsafe` and all `libc` of the program is here;
//! nothing here knows a rule of detection.

#![allow(unsafe_code)]

pub mod background;
pub mod batch;
pub mod child;
pub mod clock;
pub mod conntrack;
pub mod control;
pub mod diag;
pub mod files;
pub mod linefile;
pub mod lines;
pub mod log;
pub mod netlink;
pub mod nfnews;
pub mod notify;
pub mod output;
pub mod poll;
pub mod privileges;
pub mod random;
pub mod route;
pub mod services;
pub mod signal;
pub mod sniff;
mod sockaddr;
pub mod spawn;
pub mod title;
pub mod trap;

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// -1 becomes the error in errno.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}

/// The same for calls that return a length.
fn check_len(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// A non-blocking socket that children do not inherit.
fn socket(domain: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: takes and returns plain numbers.
    let fd = check(unsafe { libc::socket(domain, kind, protocol) })?;
    // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether an error of socket(2) says that this kernel has no such sockets: it will have none in a moment either,
/// as it may have memory and descriptors. (EPFNOSUPPORT is what qemu-user says of netlink that it does not know.)
pub fn is_lacking(error: &io::Error) -> bool {
    let lacking = [
        libc::EAFNOSUPPORT,
        libc::EPFNOSUPPORT,
        libc::EPROTONOSUPPORT,
    ];
    let code = error.raw_os_error();
    code.map_or(error.kind() == io::ErrorKind::Unsupported, |code| {
        lacking.contains(&code)
    })
}

/// setsockopt with a value of a plain C type.
fn set_option<T: Copy>(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: T,
) -> io::Result<()> {
    let pointer = (&raw const value).cast();
    // SAFETY: `value` lives across the call and its size is the one given.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, len_of::<T>()) };
    check(result).map(drop)
}

/// The size of a C structure as the socket calls want it.
fn len_of<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

/// The user that this process acts for.
fn user() -> libc::uid_t {
    // SAFETY: returns a plain number and cannot fail.
    unsafe { libc::geteuid() }
}

/// Raises the number of descriptors that this process may have, as far as the system allows: connect sensors
/// need two for each trap port.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel fills the structure it is given.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max.min(4096);
    // SAFETY: the kernel reads the structure it is given.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }).map(drop)
}
