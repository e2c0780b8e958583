//! Going to the background, as daemon(7) of old and 1.2 did: a session of its own, `/` as its directory, a umask
//! of 077. Unlike theirs, whoever called is told what became of it: two pipes lead from the child to its parent,
//! one in place of standard error, one for the news that all is well.

use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd};

use crate::limits::INHERITED_MAX;

// What the child tells.
const RUNS: u8 = 1;
const ENDS: u8 = 2;

/// Which of the two processes this is.
pub enum Side {
    /// The one that was called.
    Caller(Caller),
    /// The one that stays.
    Background(Starter),
}

/// What the caller knows of the other one.
pub struct Caller {
    child: libc::pid_t,
    said: PipeReader,
    ready: PipeReader,
}

/// The way back to the caller, who waits.
pub struct Starter(PipeWriter);

/// How a start ended for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The child runs, or did what there was to do.
    Ready,
    /// It ended with this status.
    Exited(u8),
    /// It was killed, or nothing is known of it.
    Lost,
}

/// Splits this process in two. To be called before anything is opened: what whoever started us left open is closed
/// here, so that a lock or a pipe of theirs is not held as long as we run.
pub fn leave() -> io::Result<Side> {
    close_inherited();
    // If it is ignored, as a starter may have left it, waitpid tells no status.
    // SAFETY: plain numbers.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let (said, says) = io::pipe()?;
    let (ready, starter) = io::pipe()?;
    // SAFETY: there is one thread, so that the child has everything that it needs.
    match super::check(unsafe { libc::fork() })? {
        0 => settle(&says).map(|()| Side::Background(Starter(starter))),
        child => Ok(Side::Caller(Caller { child, said, ready })),
    }
}

impl Caller {
    /// Waits until the child is ready or has ended, and hands on, line by line, what it wrote to its standard
    /// error before.
    pub fn wait(mut self, each: impl FnMut(&str)) -> End {
        let mut said = Vec::new();
        let mut buffer = [0; 512];
        while let Ok(len @ 1..) = self.said.read(&mut buffer) {
            said.extend(buffer.iter().take(len));
        }
        String::from_utf8_lossy(&said).lines().for_each(each);
        let mut news = [0];
        let told = self.ready.read(&mut news);
        if matches!(told, Ok(1)) && news == [RUNS] {
            return End::Ready;
        }
        match (told, end_of(self.child)) {
            (Ok(1), End::Exited(0)) => End::Ready,
            (_, end) => end,
        }
    }
}

impl Starter {
    /// What there was to do is done: the caller waits for our end only, so that ps shows nobody then.
    pub fn done(mut self) {
        let _gone = self.0.write(&[ENDS]);
    }

    /// All is well: the caller may go, and nobody reads our standard error any more.
    pub fn ready(mut self) {
        // The caller may have been killed meanwhile; that is no reason to end.
        let _gone = self.0.write(&[RUNS]);
        let _kept = OpenOptions::new()
            .write(true)
            .open("/dev/null")
            .and_then(|null| put(&null, libc::STDERR_FILENO));
    }
}

/// What daemon(7) asks of the process that stays.
fn settle(says: &PipeWriter) -> io::Result<()> {
    // SAFETY: takes and returns plain numbers.
    super::check(unsafe { libc::setsid() })?;
    std::env::set_current_dir("/")?;
    // SAFETY: takes and returns plain numbers.
    unsafe { libc::umask(0o077) };
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    put(&null, libc::STDIN_FILENO)?;
    put(&null, libc::STDOUT_FILENO)?;
    put(says, libc::STDERR_FILENO)
}

fn put(file: &impl AsFd, place: libc::c_int) -> io::Result<()> {
    // SAFETY: plain numbers; the standard descriptors belong to nobody in particular.
    super::check(unsafe { libc::dup2(file.as_fd().as_raw_fd(), place) }).map(drop)
}

/// The directory of this process, with a slash behind it.
pub fn directory() -> io::Result<String> {
    let path = std::env::current_dir()?.into_os_string().into_string();
    path.map(|path| path + "/")
        .map_err(|_| io::Error::other("the directory's name is no UTF-8 text"))
}

/// Closes what whoever started us had open: to be called before anything of ours is.
pub fn close_inherited() {
    for number in libc::STDERR_FILENO + 1..INHERITED_MAX {
        // SAFETY: nothing of ours is open yet, so it is nobody's. Most are not open at all.
        unsafe { libc::close(number) };
    }
}

fn end_of(child: libc::pid_t) -> End {
    let mut status = 0;
    loop {
        // SAFETY: the kernel fills the number it is given.
        match super::check(unsafe { libc::waitpid(child, &raw mut status, 0) }) {
            Ok(_) if libc::WIFEXITED(status) => {
                return u8::try_from(libc::WEXITSTATUS(status)).map_or(End::Lost, End::Exited);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return End::Lost,
        }
    }
}
