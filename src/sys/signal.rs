//! Signals become bytes in a pipe, and the pipe a descriptor like any other: no race with poll, and nothing
//! but one write happens in the handler. (Not signalfd: children would inherit the blocked mask.)

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering};

/// What somebody wants of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
    /// SIGCHLD.
    Child,
}

/// The writing end, for the handler.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// The reading end.
pub struct Signals(UnixStream);

impl Signals {
    /// Catches TERM, INT, HUP and CHLD from now on.
    pub fn catch() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        PIPE.store(write.into_raw_fd(), Ordering::SeqCst);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD] {
            catch(signal)?;
        }
        Ok(Self(read))
    }

    /// The next signal that has arrived.
    pub fn take(&mut self) -> Option<Signal> {
        let mut byte = [0];
        self.0.read_exact(&mut byte).ok()?;
        match libc::c_int::from(byte[0]) {
            libc::SIGHUP => Some(Signal::Reload),
            libc::SIGCHLD => Some(Signal::Child),
            _ => Some(Signal::Stop),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

extern "C" fn handler(signal: libc::c_int) {
    let byte = [u8::try_from(signal).unwrap_or(0)];
    // SAFETY: takes and returns plain values.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: errno belongs to this thread.
    let errno = unsafe { *place };
    // SAFETY: write is async-signal-safe; the byte outlives the call. A full pipe loses the byte, and then
    // a thousand others are still to be read.
    unsafe { libc::write(PIPE.load(Ordering::SeqCst), byte.as_ptr().cast(), 1) };
    // SAFETY: as above; whoever was interrupted finds its errno unchanged.
    unsafe { *place = errno };
}

fn catch(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: all members are integers or a set of bits, for which zero is a value.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_sigaction = handler as extern "C" fn(libc::c_int) as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
    // SAFETY: the handler does nothing but write; the structure lives across the call.
    super::check(unsafe { libc::sigaction(signal, &raw const action, core::ptr::null_mut()) })
        .map(drop)
}

/// Asks a process group to end, or makes it end. A group that is gone is fine.
pub(super) fn to_group(group: u32, force: bool) {
    let signal = if force { libc::SIGKILL } else { libc::SIGTERM };
    let Ok(group) = libc::pid_t::try_from(group) else {
        return;
    };
    // SAFETY: plain numbers. The leader has not been waited for yet, so the number is still its own.
    unsafe { libc::kill(-group, signal) };
}
