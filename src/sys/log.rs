//! syslog by libc's socket calls, and standard error.
//!
//! Not `syslog(3)`: it blocks for ever when nobody reads /dev/log, and musl's stamps UTC. One datagram a line,
//! never waited for; what did not fit is counted, and the next line that does fit is told so.

use std::fmt::{self, Write};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::limits::LINE_MAX;
use crate::sys::clock;

/// Facility daemon, severity notice, for every line, as in 1.2.
const PRIORITY: u8 = 3 << 3 | 5;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The way to the log.
#[derive(Default)]
pub struct Log {
    socket: Option<OwnedFd>,
    lost: u64,
    line: Line,
}

/// Room for one line; what does not fit is cut off.
#[derive(Default)]
struct Line(heapless::String<{ LINE_MAX + 48 }>);

impl Log {
    /// Writes a line to syslog and to standard error. Never waits, never fails.
    pub fn say(&mut self, text: impl fmt::Display) {
        if self.lost > 0 {
            let lost = self.lost;
            let told = self.send(format_args!(
                "adminalert: {lost} lines were lost: syslog is not read"
            ));
            self.lost = if told { 0 } else { lost };
        }
        if !self.send(&text) {
            self.lost = self.lost.saturating_add(1);
        }
        self.line.0.clear();
        let _cut = writeln!(self.line, "{text}");
        to_standard_error(self.line.0.as_bytes());
    }

    /// How many lines could not be handed over, and have not been reported yet.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn send(&mut self, text: impl fmt::Display) -> bool {
        let t = clock::local_time();
        let month = usize::from(t.month.saturating_sub(1));
        let month = MONTHS.get(month).copied().unwrap_or("Jan");
        self.line.0.clear();
        let _cut = write!(
            self.line,
            "<{PRIORITY}>{month} {:2} {:02}:{:02}:{:02} portsentry[{}]: {text}",
            t.day,
            t.hour,
            t.minute,
            t.second,
            std::process::id(),
        );
        // syslogd may have been started anew since: connect again, once.
        for _ in 0..2 {
            if self.socket.is_none() {
                self.socket = connect().ok();
            }
            let Some(socket) = &self.socket else {
                return false;
            };
            match send(socket, self.line.0.as_bytes()) {
                Ok(()) => return true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => self.socket = None,
            }
        }
        false
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.push(character).is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn connect() -> io::Result<OwnedFd> {
    let socket = super::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0)?;
    // SAFETY: all members are integers, for which zero is a value.
    let mut address: libc::sockaddr_un = unsafe { core::mem::zeroed() };
    address.sun_family = libc::sa_family_t::try_from(libc::AF_UNIX).unwrap_or(0);
    for (place, byte) in address.sun_path.iter_mut().zip(b"/dev/log") {
        *place = libc::c_char::try_from(*byte).unwrap_or(0);
    }
    let pointer = (&raw const address).cast();
    let len = super::len_of::<libc::sockaddr_un>();
    // SAFETY: the address lives across the call and has the length given.
    super::check(unsafe { libc::connect(socket.as_raw_fd(), pointer, len) })?;
    Ok(socket)
}

fn send(socket: &OwnedFd, line: &[u8]) -> io::Result<()> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (pointer, len) = (line.as_ptr().cast(), line.len());
    // SAFETY: pointer and length are those of the slice.
    let sent = unsafe { libc::send(socket.as_raw_fd(), pointer, len, flags) };
    super::check_len(sent).map(drop)
}

/// Writes if it can be done at once: a pipe that poll calls writable takes at least PIPE_BUF bytes, and a line
/// is shorter.
fn to_standard_error(line: &[u8]) {
    let mut entry = libc::pollfd {
        fd: libc::STDERR_FILENO,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one structure, which lives across the call.
    let ready = unsafe { libc::poll(&raw mut entry, 1, 0) };
    if ready == 1 && entry.revents & libc::POLLOUT != 0 {
        // SAFETY: pointer and length are those of the slice.
        unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    }
}
