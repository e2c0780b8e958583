//! The lab's syslog: every datagram that the router's programs write to /dev/log.

use super::BOUND;
use super::namespace::Namespace;
use std::cell::Cell;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) datagram: Vec<u8>,
}

impl Line {
    /// The message proper, after `<29>Mmm dd hh:mm:ss portsentry[pid]: `; a newline at its end is no part of it.
    pub(crate) fn text(&self) -> String {
        let line = String::from_utf8_lossy(&self.datagram);
        line.split_once("]: ")
            .map_or(&*line, |(_, text)| text)
            .trim_end_matches('\n')
            .to_owned()
    }
}

#[derive(Default)]
struct Shelf {
    lines: Mutex<Vec<Line>>,
    grown: Condvar,
    /// Whoever reads shall stop.
    enough: AtomicBool,
}

pub(crate) struct Syslog {
    shelf: Arc<Shelf>,
    path: PathBuf,
    reader: Cell<Option<JoinHandle<UnixDatagram>>>,
}

impl Syslog {
    /// Binds the socket that the router's /dev/log leads to, and reads it.
    pub(crate) fn open(router: &Namespace, path: PathBuf) -> Syslog {
        let syslog = Syslog {
            shelf: Arc::default(),
            path,
            reader: Cell::default(),
        };
        syslog.read(syslog.bind(router));
        syslog
    }

    /// Ends and begins anew, as syslogd does after an update: with another socket.
    pub(crate) fn restart(&self, router: &Namespace) {
        self.end();
        self.begin(router);
    }

    /// Ends, and takes its socket with it.
    pub(crate) fn end(&self) {
        drop(self.stop_reading());
        fs::remove_file(&self.path).unwrap();
    }

    /// Begins with a socket that is not there yet.
    pub(crate) fn begin(&self, router: &Namespace) {
        self.read(self.bind(router));
    }

    /// Leaves the socket as it is, but reads no more.
    pub(crate) fn stop_reading(&self) -> UnixDatagram {
        self.shelf.enough.store(true, Ordering::Relaxed);
        self.reader.take().unwrap().join().unwrap()
    }

    pub(crate) fn read(&self, socket: UnixDatagram) {
        let shelf = Arc::clone(&self.shelf);
        shelf.enough.store(false, Ordering::Relaxed);
        let reader = std::thread::spawn(move || collect(socket, &shelf));
        self.reader.set(Some(reader));
    }

    fn bind(&self, router: &Namespace) -> UnixDatagram {
        // The length of its queue is that of the namespace it was made in.
        let path = &self.path;
        let socket = router.inside(|| UnixDatagram::bind(path).unwrap());
        let patience = Some(Duration::from_millis(100));
        socket.set_read_timeout(patience).unwrap();
        socket
    }

    pub(crate) fn all(&self) -> Vec<Line> {
        self.shelf.lines.lock().unwrap().clone()
    }

    /// All but the first so many.
    pub(crate) fn after(&self, n: usize) -> Vec<Line> {
        let lines = self.shelf.lines.lock().unwrap();
        lines.get(n..).unwrap_or_default().to_vec()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.all().iter().map(Line::text).collect()
    }

    pub(crate) fn count(&self, is_it: impl Fn(&str) -> bool) -> usize {
        self.texts().iter().filter(|text| is_it(text)).count()
    }

    /// The first line of that kind, waited for if need be.
    #[track_caller]
    pub(crate) fn wait_for(&self, is_it: impl Fn(&str) -> bool) -> Line {
        self.wait_for_many(1, is_it)
    }

    #[track_caller]
    pub(crate) fn wait_for_text(&self, text: &str) -> Line {
        match self.wait(1, |line| line.contains(text)) {
            Some(line) => line,
            None => panic!("never logged: {text:?}\nbut:\n{}", self.tail()),
        }
    }

    /// The n-th line of that kind.
    #[track_caller]
    pub(crate) fn wait_for_many(&self, n: usize, is_it: impl Fn(&str) -> bool) -> Line {
        match self.wait(n, is_it) {
            Some(line) => line,
            None => panic!("the {n}. such line was never logged, but:\n{}", self.tail()),
        }
    }

    /// The last few lines, for the message of a failing test.
    fn tail(&self) -> String {
        let texts = self.texts();
        texts[texts.len().saturating_sub(40)..].join("\n")
    }

    fn wait(&self, n: usize, is_it: impl Fn(&str) -> bool) -> Option<Line> {
        let deadline = Instant::now() + BOUND;
        let mut lines = self.shelf.lines.lock().unwrap();
        loop {
            let found = lines.iter().filter(|line| is_it(&line.text())).nth(n - 1);
            if let Some(line) = found {
                return Some(line.clone());
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            lines = self.shelf.grown.wait_timeout(lines, left).unwrap().0;
        }
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        self.shelf.enough.store(true, Ordering::Relaxed);
    }
}

/// Shelves datagrams until it is told that there are enough, and hands the socket back.
fn collect(socket: UnixDatagram, shelf: &Shelf) -> UnixDatagram {
    let mut buffer = [0; 8192];
    while !shelf.enough.load(Ordering::Relaxed) {
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        let datagram = buffer[..length].to_vec();
        shelf.lines.lock().unwrap().push(Line { datagram });
        shelf.grown.notify_all();
    }
    socket
}
