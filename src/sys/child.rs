//! Children: the firewall's programs and the owner's commands. Started without waiting, in a process group of
//! their own, with a clean environment, no inherited descriptors and default signals.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::limits::COMPLAINT_MAX;
use crate::sys::poll::Poll;
use crate::sys::spawn::spawn;

/// A child that runs, or has ended and was not asked yet.
#[derive(Debug)]
pub struct Child {
    pid: libc::pid_t,
    complaint: Complaint,
    /// What it writes to standard output, where somebody wants to know.
    output: Option<File>,
}

/// How a child ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit status 0.
    pub ok: bool,
    /// By itself, with a status: neither killed, nor never started.
    pub exited: bool,
    why: String,
}

impl Ended {
    /// As it should.
    pub fn well() -> Self {
        Self {
            ok: true,
            exited: true,
            why: String::new(),
        }
    }

    /// Not as it should, for a reason of ours.
    pub fn failed(why: &str) -> Self {
        Self {
            ok: false,
            exited: false,
            why: why.to_owned(),
        }
    }

    /// It could not even be started.
    pub fn never_ran(error: &io::Error) -> Self {
        Self::failed(&error.to_string())
    }

    /// Its status, and the beginning of what it wrote to standard error: "exit status: 2: no such chain".
    pub fn why(&self) -> &str {
        &self.why
    }
}

/// The beginning of a child's standard error. What a child starts in the background may keep the pipe open;
/// nobody waits for that.
#[derive(Debug, Default)]
struct Complaint {
    pipe: Option<File>,
    text: Vec<u8>,
}

impl Child {
    /// Starts a program with arguments and a text for its standard input.
    pub fn start(program: &str, arguments: &[&str], input: &str) -> io::Result<Self> {
        Self::start_to(program, arguments, input, None)
    }

    /// The same; what it writes to its standard output is kept.
    pub fn start_heard(program: &str, arguments: &[&str], input: &str) -> io::Result<Self> {
        Self::start_to(program, arguments, input, Some(file_with("")?))
    }

    fn start_to(
        program: &str,
        arguments: &[&str],
        input: &str,
        output: Option<File>,
    ) -> io::Result<Self> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let text = match input {
            "" => None,
            text => Some(file_with(text)?),
        };
        let (ours, theirs) = pipe()?;
        // Only our end: a child does not expect its standard error to be full.
        set_nonblocking(ours.as_fd())?;
        let stdin = text.as_ref().unwrap_or(&null).as_fd();
        let stdout = output.as_ref().unwrap_or(&null).as_fd();
        let pid = spawn(program, arguments, [stdin, stdout, theirs.as_fd()])?;
        let complaint = Complaint {
            pipe: Some(ours.into()),
            text: Vec::new(),
        };
        Ok(Self {
            pid,
            complaint,
            output,
        })
    }

    /// Its process id, as the kernel's messages name it.
    pub fn id(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// What it wrote, `most` bytes of it. None where that is not kept, is longer, or is no text.
    pub fn output(&mut self, most: u64) -> Option<String> {
        let file = self.output.as_mut()?;
        file.rewind().ok()?;
        let mut text = String::new();
        let len = file.take(most + 1).read_to_string(&mut text).ok()?;
        (u64::try_from(len).ok()? <= most).then_some(text)
    }

    /// Starts a command line of the owner's with `/bin/sh -c`.
    pub fn start_shell(command: &str) -> io::Result<Self> {
        Self::start("/bin/sh", &["-c", command], "")
    }

    /// Whether it has ended, and how. Does not wait.
    pub fn ended(&mut self) -> Option<Ended> {
        self.complaint.read();
        let mut status = 0;
        // SAFETY: the kernel fills the number it is given.
        let status = match super::check(unsafe {
            libc::waitpid(self.pid, &raw mut status, libc::WNOHANG)
        }) {
            Ok(0) => return None,
            Ok(_) => ExitStatus::from_raw(status),
            Err(error) => return Some(Ended::never_ran(&error)),
        };
        self.complaint.read();
        let why = match self.complaint.line() {
            complaint if complaint.is_empty() => status.to_string(),
            complaint => format!("{status}: {complaint}"),
        };
        Some(Ended {
            ok: status.success(),
            exited: status.code().is_some(),
            why,
        })
    }

    /// Waits for what it writes to standard error: it is read on, so that no child hangs at a full pipe.
    pub fn watch(&self, poll: &mut Poll) {
        if let Some(pipe) = &self.complaint.pipe {
            poll.add(pipe);
        }
    }

    /// Asks it and whatever it started to end.
    pub fn ask_to_end(&self) {
        super::signal::to_group(self.pid, false);
    }

    /// Ends it and whatever it started.
    pub fn kill(&self) {
        super::signal::to_group(self.pid, true);
    }
}

impl Complaint {
    /// Takes what is there; what is more than we keep is read and thrown away.
    fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else {
            return;
        };
        let mut buffer = [0; 512];
        // Bounded: a child that writes for ever shall not hold the loop.
        for _ in 0..16 {
            let len = match pipe.read(&mut buffer) {
                // Closed: poll would call it ready for ever.
                Ok(0) => {
                    self.pipe = None;
                    return;
                }
                Ok(len) => len,
                Err(_) => return,
            };
            let room = COMPLAINT_MAX.saturating_sub(self.text.len()).min(len);
            self.text.extend(buffer.iter().take(room));
        }
    }

    fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.text);
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        text.trim().chars().map(clean).collect()
    }
}

/// A file without a name that holds `text`: unlike a pipe it takes any length at once, so nobody waits.
fn file_with(text: &str) -> io::Result<File> {
    // SAFETY: the name is a C string; it only shows in /proc.
    let fd = unsafe { libc::memfd_create(c"portsentry".as_ptr(), libc::MFD_CLOEXEC) };
    let fd = super::check(fd)?;
    // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// The end to read and the end to write, which children inherit only where they are told to.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: the kernel fills the two numbers.
    super::check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the kernel just gave us these descriptors, nobody else owns them.
    Ok(ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).into())
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: plain numbers.
    let flags = super::check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    // SAFETY: plain numbers.
    let result = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) };
    super::check(result).map(drop)
}
