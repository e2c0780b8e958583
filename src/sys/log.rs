//! syslog by libc's socket calls, and standard error.
//!
//! Not `syslog(3)`: it blocks for ever when nobody reads /dev/log, and musl's stamps UTC. One datagram a line,
//! never waited for. What syslogd has no room for waits here, as much as fits, and goes when it has; the rest is
//! counted, and the count is reported.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::limits::{FAREWELL_TIME, HEARD_BYTES_MAX, LINE_MAX, WAITING_BYTES_MAX};
use crate::sys::clock;
use crate::sys::poll::Poll;

/// Facility daemon, severity notice, for every line, as in 1.2.
const PRIORITY: u8 = 3 << 3 | 5;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The line behind what was overheard, if there was too much.
const MORE: &str = "portsentry: there is more, see syslog\n";

/// The way to the log.
pub struct Log {
    socket: Option<OwnedFd>,
    /// Lines that wait, each behind its length in two bytes.
    waiting: VecDeque<u8>,
    /// Lines that were lost and of which that is not said yet, and all that ever were.
    lost: u64,
    lost_ever: u64,
    line: Line,
    terminal: Option<File>,
    /// What is said while somebody waits for it.
    heard: Option<String>,
}

/// Room for one line, and how much of it is its front: the text behind that is cut off at LINE_MAX.
#[derive(Default)]
struct Line(heapless::String<{ LINE_MAX + 48 }>, usize);

impl Default for Log {
    fn default() -> Self {
        Self {
            socket: None,
            waiting: VecDeque::with_capacity(WAITING_BYTES_MAX),
            lost: 0,
            lost_ever: 0,
            line: Line::default(),
            terminal: terminal(),
            heard: None,
        }
    }
}

impl Log {
    /// Writes a line to syslog and to standard error. Never waits, never fails. Some of 1.2's lines end with a
    /// newline in the datagram, others do not: it goes as it comes.
    pub fn say(&mut self, text: impl fmt::Display) {
        self.say_it(&text);
    }

    /// Once, and not once for each type of line.
    fn say_it(&mut self, text: &dyn fmt::Display) {
        self.flush();
        self.hand_over(text);
        self.line = Line::default();
        let _cut = write!(self.line, "{text}");
        if !self.line.0.ends_with('\n') {
            self.line.end();
        }
        if let Some(heard) = &mut self.heard {
            keep(&self.line.0, heard);
        }
        match &self.terminal {
            // A terminal that is not read loses lines, and holds up nothing.
            Some(terminal) => drop((&*terminal).write(self.line.0.as_bytes())),
            None => to_standard_error(self.line.0.as_bytes()),
        }
    }

    /// Keeps what is said from now on as well, for [`Self::overheard`].
    pub fn overhear(&mut self) {
        self.heard = Some(String::new());
    }

    /// What was said since then, in lines.
    pub fn overheard(&mut self) -> String {
        self.heard.take().unwrap_or_default()
    }

    /// Hands over what waits, as much as syslogd takes; and then how much was lost.
    pub fn flush(&mut self) {
        while let Some(len) = self.next_len() {
            self.line.0.clear();
            let bytes = self.waiting.iter().skip(2).take(len);
            bytes.for_each(|byte| drop(self.line.0.push(char::from(*byte))));
            if self.send().is_err() {
                return;
            }
            self.waiting.drain(..len + 2);
        }
        if self.lost > 0 && self.waiting.is_empty() {
            let (lost, ever) = (self.lost, self.lost_ever);
            self.hand_over(&format_args!(
                "adminalert: {lost} lines were lost: syslog is not read"
            ));
            // If that was lost as well, it is said again.
            self.lost = if self.lost == lost { 0 } else { lost };
            self.lost_ever = ever;
        }
    }

    /// Lines that never reached syslog.
    pub fn lost_ever(&self) -> u64 {
        self.lost_ever
    }

    /// Waits for room in syslogd if lines wait for it: they go with [`Self::flush`].
    pub fn watch(&self, poll: &mut Poll) {
        if let (Some(socket), false) = (&self.socket, self.waiting.is_empty()) {
            poll.add_writer(socket);
        }
    }

    fn next_len(&self) -> Option<usize> {
        let (high, low) = (self.waiting.front()?, self.waiting.get(1)?);
        Some(usize::from(u16::from_be_bytes([*high, *low])))
    }

    fn hand_over(&mut self, text: &dyn fmt::Display) {
        let t = clock::local_time();
        let month = usize::from(t.month.saturating_sub(1));
        let month = MONTHS.get(month).copied().unwrap_or("Jan");
        self.line = Line::default();
        let _fits = write!(
            self.line,
            "<{PRIORITY}>{month} {:2} {:02}:{:02}:{:02} portsentry[{}]: ",
            t.day,
            t.hour,
            t.minute,
            t.second,
            std::process::id(),
        );
        self.line.1 = self.line.0.len();
        let _cut = write!(self.line, "{text}");
        // Lines keep their order: behind those that wait, this one waits.
        let sent = match self.waiting.is_empty() {
            true => self.send(),
            false => Err(io::ErrorKind::WouldBlock.into()),
        };
        match sent {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_for_room(),
            Err(_) => self.lose(),
        }
    }

    fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
        self.lost_ever = self.lost_ever.saturating_add(1);
    }

    fn wait_for_room(&mut self) {
        let line = self.line.0.as_bytes();
        let len = u16::try_from(line.len()).unwrap_or(0).to_be_bytes();
        if self.waiting.len() + len.len() + line.len() > WAITING_BYTES_MAX {
            return self.lose();
        }
        self.waiting.extend(len);
        self.waiting.extend(line);
    }

    /// Sends the line at hand. syslogd may have been started anew since: connects again, once.
    fn send(&mut self) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match send(socket, self.line.0.as_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => self.socket = None,
                result => return result,
            }
        }
        let socket = self.socket.insert(connect()?);
        send(socket, self.line.0.as_bytes())
    }
}

/// The last lines of a run are the ones that tell why it ended.
impl Drop for Log {
    fn drop(&mut self) {
        let begun = clock::now();
        let end = begun.after(FAREWELL_TIME);
        self.flush();
        while !self.waiting.is_empty() && self.socket.is_some() && clock::now() < end {
            let mut poll = Poll::default();
            self.watch(&mut poll);
            if poll.wait(Some(end.since(clock::now()))).is_err() {
                return;
            }
            self.flush();
        }
    }
}

impl Line {
    /// The newline has room in any case: a line that was cut off ends as well.
    fn end(&mut self) {
        if self.0.push('\n').is_err() {
            self.0.pop();
            let _it_fits_now = self.0.push('\n');
        }
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A line is ASCII, whatever a path or a program's complaint may hold: it waits as bytes.
        for character in text.chars() {
            let plain = if character.is_ascii() { character } else { '?' };
            if self.0.len() >= self.1 + LINE_MAX || self.0.push(plain).is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn keep(line: &str, heard: &mut String) {
    if heard.ends_with(MORE) {
        return;
    }
    let fits = heard.len() + line.len() + MORE.len() <= HEARD_BYTES_MAX;
    heard.push_str(if fits { line } else { MORE });
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

/// Standard error as a terminal, opened once more: to write to it without waiting needs a flag, and the descriptor
/// that we were given shares its flags with the shell. None for pipes and files.
fn terminal() -> Option<File> {
    // SAFETY: takes and returns plain numbers.
    if unsafe { libc::isatty(libc::STDERR_FILENO) } != 1 {
        return None;
    }
    let mut options = OpenOptions::new();
    options
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open("/proc/self/fd/2").ok()
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
