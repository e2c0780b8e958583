//! Signals become bytes in a pipe, and the pipe a descriptor like any other: no race with poll, and nothing
//! but one write happens in the handler. (Not signalfd: children would inherit the blocked mask.)

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// What somebody wants of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// The writing end, for the handler.
static PIPE: AtomicI32 = AtomicI32::new(-1);

// What has arrived. Not the bytes in the pipe: a full pipe loses some, and one of them could be the order to stop.
static STOP: AtomicBool = AtomicBool::new(false);
static RELOAD: AtomicBool = AtomicBool::new(false);

/// The reading end: a doorbell.
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
        unblock()?;
        Ok(Self(read))
    }

    /// What was asked for since the last time: a stop goes before all else, and a hundred reloads are one.
    pub fn take(&mut self) -> Option<Signal> {
        let mut bytes = [0; 64];
        while let Ok(64) = self.0.read(&mut bytes) {}
        if STOP.swap(false, Ordering::SeqCst) {
            return Some(Signal::Stop);
        }
        RELOAD
            .swap(false, Ordering::SeqCst)
            .then_some(Signal::Reload)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

extern "C" fn handler(signal: libc::c_int) {
    match signal {
        libc::SIGHUP => RELOAD.store(true, Ordering::SeqCst),
        // Whoever waits for children asks them at every turn: to be woken is enough.
        libc::SIGCHLD => {}
        _ => STOP.store(true, Ordering::SeqCst),
    }
    // SAFETY: takes and returns plain values.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: errno belongs to this thread.
    let errno = unsafe { *place };
    // SAFETY: write is async-signal-safe; the byte outlives the call. If the pipe is full the bell has rung.
    unsafe { libc::write(PIPE.load(Ordering::SeqCst), [1u8].as_ptr().cast(), 1) };
    // SAFETY: as above; whoever was interrupted finds its errno unchanged.
    unsafe { *place = errno };
}

/// Whoever started us may have blocked some, and a blocked SIGTERM would never arrive.
fn unblock() -> io::Result<()> {
    let mut none = core::mem::MaybeUninit::uninit();
    // SAFETY: fills the set.
    unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    // SAFETY: the set is initialised; what was blocked is not asked for.
    let result =
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), core::ptr::null_mut()) };
    super::check(result).map(drop)
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
pub(super) fn to_group(group: libc::pid_t, force: bool) {
    let signal = if force { libc::SIGKILL } else { libc::SIGTERM };
    // SAFETY: plain numbers. The leader has not been waited for yet, so the number is still its own.
    unsafe { libc::kill(-group, signal) };
}
