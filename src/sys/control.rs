//! The control socket: one line is asked, an answer is given, and the connection is closed. Nobody is waited for.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crate::limits::{ANSWER_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::sys::files::Identity;

/// The socket that clients come to; its file goes with it.
pub struct Listener {
    socket: UnixListener,
    path: String,
    /// Which file it is: another daemon may have put its own there.
    file: Identity,
}

/// Somebody who asks.
pub struct Client {
    stream: UnixStream,
    asked: Vec<u8>,
    answer: Vec<u8>,
}

/// What came from a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Not yet a whole line.
    Nothing,
    /// Its request.
    Request(String),
    /// It has gone, or is no client of ours: too long, too much, no text.
    Rubbish,
}

impl Listener {
    /// Opens it for its owner alone (0600). Whoever calls holds the lock of the directory: a socket of that name
    /// is nobody's then. It is removed, not followed, and bind(2) does not follow a link either.
    pub fn open(directory: &str) -> io::Result<Self> {
        let path = path(directory);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Self::at(&path).inspect_err(|_| {
            // It may have been made before that.
            let _ = fs::remove_file(&path);
        })
    }

    fn at(path: &str) -> io::Result<Self> {
        let socket = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        socket.set_nonblocking(true)?;
        let (file, path) = (Identity::of(path)?, path.to_owned());
        Ok(Self { socket, path, file })
    }

    /// Lets the next one in; None if there is none, or none that may ask.
    pub fn accept(&self) -> io::Result<Option<Client>> {
        use ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
        let stream = match self.socket.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                return match error.kind() {
                    WouldBlock | Interrupted | ConnectionAborted => Ok(None),
                    _ => Err(error),
                };
            }
        };
        stream.set_nonblocking(true)?;
        Ok(may_ask(&stream).then_some(Client {
            stream,
            asked: Vec::new(),
            answer: Vec::new(),
        }))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if Identity::of(&self.path).is_ok_and(|file| file == self.file) {
            // Left behind it does no harm: nobody answers there.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Client {
    /// Takes what has come. A request is one line and nothing behind it, and whoever sent it is still there: an
    /// asker that gave up has told its owner so.
    pub fn hear(&mut self) -> Heard {
        let mut buffer = [0; 512];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Heard::Rubbish,
                Ok(len) => self.asked.extend(buffer.iter().take(len)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Heard::Rubbish,
            }
            if self.asked.len() > REQUEST_BYTES_MAX {
                return Heard::Rubbish;
            }
        }
        request(&self.asked)
    }

    /// What it shall be told; [`Self::deliver`] sends it.
    pub fn answer(&mut self, text: String) {
        self.answer = text.into_bytes();
    }

    /// Whether there is something to be delivered.
    pub fn is_answered(&self) -> bool {
        !self.answer.is_empty()
    }

    /// Sends as much of the answer as it takes. False when all is sent, or nothing more can be.
    pub fn deliver(&mut self) -> bool {
        while self.is_answered() {
            match self.stream.write(&self.answer) {
                Ok(0) => return false,
                Ok(len) => drop(self.answer.drain(..len.min(self.answer.len()))),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        false
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Whether somebody has left their socket in the run directory: only who was killed does.
pub fn is_left(directory: &str) -> bool {
    fs::symlink_metadata(path(directory)).is_ok()
}

/// Asks the daemon of a run directory, and waits for its whole answer.
pub fn ask(directory: &str, request: &str, time: Duration) -> io::Result<String> {
    let mut stream = UnixStream::connect(path(directory))?;
    stream.set_read_timeout(Some(time))?;
    stream.set_write_timeout(Some(time))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < ANSWER_BYTES_MAX {
        match stream.read(&mut buffer)? {
            0 => break,
            len => answer.extend(buffer.iter().take(len)),
        }
    }
    String::from_utf8(answer).map_err(|_| ErrorKind::InvalidData.into())
}

fn path(directory: &str) -> String {
    format!("{directory}/control")
}

/// What somebody has asked so far.
pub fn request(asked: &[u8]) -> Heard {
    match asked.iter().position(|byte| *byte == b'\n') {
        None => Heard::Nothing,
        Some(end) if end + 1 < asked.len() => Heard::Rubbish,
        Some(end) => match core::str::from_utf8(asked.get(..end).unwrap_or_default()) {
            Ok(line) => Heard::Request(line.to_owned()),
            Err(_) => Heard::Rubbish,
        },
    }
}

/// Root, or whoever we are: the modes of file and directory say so already, this does not rely on them (unix(7)).
fn may_ask(stream: &UnixStream) -> bool {
    let mut peer = libc::ucred {
        pid: 0,
        uid: libc::uid_t::MAX,
        gid: libc::gid_t::MAX,
    };
    let mut len = super::len_of::<libc::ucred>();
    let (fd, level, name) = (stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED);
    // SAFETY: the kernel fills at most `len` bytes of the structure.
    let result = unsafe { libc::getsockopt(fd, level, name, (&raw mut peer).cast(), &raw mut len) };
    result == 0 && (peer.uid == 0 || peer.uid == super::user())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel takes some hundred kilobytes for whoever does not read.
    #[test]
    fn whoever_takes_no_answer_is_not_waited_for() {
        let (stream, mut other) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        let (asked, answer) = (Vec::new(), Vec::new());
        let mut client = Client {
            stream,
            asked,
            answer,
        };
        client.answer("x".repeat(4 << 20));
        assert!(client.deliver());
        assert!(client.is_answered());
        let mut taken = 0;
        while client.deliver() {
            taken += other.read(&mut [0; 65536]).unwrap();
        }
        drop(client);
        let mut rest = Vec::new();
        other.read_to_end(&mut rest).unwrap();
        assert_eq!(taken + rest.len(), 4 << 20);
    }

    /// No signal ends us, and nothing is tried again.
    #[test]
    fn whoever_went_before_the_answer_is_done_with() {
        let (stream, other) = UnixStream::pair().unwrap();
        drop(other);
        let asked = Vec::new();
        let answer = b"x".to_vec();
        let mut client = Client {
            stream,
            asked,
            answer,
        };
        assert!(!client.deliver());
    }

    #[test]
    fn a_request_is_one_line_and_nothing_more() {
        let ours = |text: &str| Heard::Request(text.to_owned());
        assert_eq!(request(b""), Heard::Nothing);
        assert_eq!(request(b"status"), Heard::Nothing);
        assert_eq!(request(b"status\n"), ours("status"));
        assert_eq!(request(b"\n"), ours(""));
        assert_eq!(request(b"status\nlist\n"), Heard::Rubbish);
        assert_eq!(request(b"\xff\xfe\n"), Heard::Rubbish);
    }
}
