//! One of the twins: a router of its own, in it one of the two programs, and what comes of a case.

mod files;
mod start;

use super::case::{Case, How, NAME, Touch};
use super::observe::{Seen, masked_line};
use super::quiet;
use crate::lab::touch::Sender;
use crate::lab::{BOUND, Lab, ROUTER, SCANNER, eventually, packet};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socket2::{SockRef, Socket};
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

#[derive(Clone)]
pub(super) enum Program {
    /// PortSentry 1.2, here.
    Original(PathBuf),
    Ours,
}

pub(super) struct Twin {
    lab: Lab,
    program: Program,
    sender: Sender,
    log: UnixDatagram,
    /// Lines not yet taken.
    heard: Vec<String>,
    running: Option<Running>,
    asked: Option<Asked>,
    service: Option<TcpListener>,
}

/// A program, and the process of it that stays.
struct Running {
    child: Child,
    pid: Option<u32>,
}

/// What the scanner holds open while its touch is dealt with.
enum Asked {
    Connection(Socket),
    Datagram(UdpSocket),
}

impl Twin {
    pub(super) fn new(program: &Program) -> Option<Twin> {
        let lab = Lab::new(&["perl"])?;
        let log = lab.log.stop_reading();
        log.set_read_timeout(Some(BOUND)).unwrap();
        fs::create_dir_all(lab.router.path("/etc/portsentry")).unwrap();
        // A user namespace may not write into a file of a root whom it does not know; it may cover it.
        lab.router.sh(&format!(
            "echo {SCANNER} {NAME} >/run/hosts; mount --bind /run/hosts /etc/hosts"
        ));
        Some(Twin {
            sender: lab.scanner.sender(),
            log,
            lab,
            program: program.clone(),
            heard: Vec::new(),
            running: None,
            asked: None,
            service: None,
        })
    }

    /// Waits until it listens, or has ended.
    pub(super) fn settle_start(&mut self) {
        let active = "PortSentry is now active and listening.";
        let is_active = |lines: &[String]| lines.iter().any(|line| line.contains(active));
        eventually("it listens, or has ended", || {
            self.drain();
            is_active(&self.heard) || self.has_ended()
        });
        if !is_active(&self.heard) {
            self.running.as_mut().unwrap().pid = None;
            return self.listen_up();
        }
        let mut found = None;
        eventually("its process id", || {
            found = self.find();
            found.is_some()
        });
        self.running.as_mut().unwrap().pid = found;
        self.settle();
    }

    pub(super) fn is_up(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.pid.is_some())
    }

    fn has_ended(&mut self) -> bool {
        let running = self.running.as_mut().unwrap();
        running.child.try_wait().unwrap().is_some()
    }

    pub(super) fn touch(&mut self, touch: &Touch) {
        let router = self.lab.router.pid();
        let before = quiet::received(router);
        let (from, to) = (
            SocketAddr::new(touch.from, touch.source_port),
            SocketAddr::new(ROUTER, touch.port),
        );
        let scanner = &self.lab.scanner;
        let mut packets = 1;
        match &touch.how {
            How::Segment(flags) => self.sender.send(&packet::tcp(from, to, flags)),
            How::Options(flags) => self
                .sender
                .send(&packet::tcp_with_ip_options(from, to, flags)),
            How::Datagram(bytes) => {
                let socket = scanner.say(&vec![b'x'; *bytes], from, to);
                self.asked = Some(Asked::Datagram(socket));
            }
            How::Connection => {
                let socket = scanner.connect(touch.from, to);
                packets += u64::from(socket.is_some());
                self.asked = socket.map(Asked::Connection);
            }
        }
        eventually("the packets arrive", || {
            quiet::received(router) >= before + packets
        });
    }

    /// Waits until all is done that comes of what was sent; `last_word` is what it says at the end of
    /// something that takes its time.
    pub(super) fn settle_after(&mut self, last_word: Option<&str>) {
        if let (Program::Ours, Some(text)) = (&self.program, last_word) {
            eventually("the last word", || {
                self.drain();
                self.heard.iter().any(|line| line.contains(text))
            });
        }
        self.settle();
    }

    fn settle(&mut self) {
        let pid = self.running.as_ref().unwrap().pid.unwrap();
        let end = Instant::now() + BOUND;
        let mut calm = 0;
        while calm < quiet::CALM {
            assert!(Instant::now() < end, "it never comes to rest");
            self.drain();
            calm = if quiet::is_idle(pid) { calm + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(1));
        }
        self.listen_up();
    }

    /// What is in the socket already. It is read here all the time, because 1.2 waits for its log.
    fn drain(&mut self) {
        self.log.set_nonblocking(true).unwrap();
        let mut buffer = [0; 8192];
        while let Ok(length) = self.log.recv(&mut buffer) {
            self.heard.push(masked_line(&buffer[..length]));
        }
        self.log.set_nonblocking(false).unwrap();
    }

    /// Takes all that was written before now: a line of our own goes the same way, and is the last.
    fn listen_up(&mut self) {
        self.drain();
        let mark = UnixDatagram::unbound().unwrap();
        mark.send_to(b"mark", self.lab.dir().join("log")).unwrap();
        let mut buffer = [0; 8192];
        loop {
            let length = self.log.recv(&mut buffer).unwrap();
            if &buffer[..length] == b"mark" {
                return;
            }
            self.heard.push(masked_line(&buffer[..length]));
        }
    }

    /// The lines since the last time, one a line.
    pub(super) fn lines(&mut self) -> String {
        self.heard.drain(..).collect::<Vec<_>>().join("\n")
    }

    /// What the scanner was answered; it hangs up so that nothing of it lingers at the trap.
    pub(super) fn answer(&mut self) -> String {
        let mut buffer = [0; 2048];
        let mut answer = String::new();
        match self.asked.take() {
            Some(Asked::Connection(mut socket)) => {
                socket.set_nonblocking(true).unwrap();
                let length = socket.read(&mut buffer).unwrap_or(0);
                answer = format!("{:?}", String::from_utf8_lossy(&buffer[..length]));
                SockRef::from(&socket)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
            }
            Some(Asked::Datagram(socket)) => {
                socket.set_nonblocking(true).unwrap();
                while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                    answer += &format!("{:?}", String::from_utf8_lossy(&buffer[..length]));
                }
            }
            None => {}
        }
        answer
    }

    /// SIGTERM, the last lines, and the status of the process that stayed.
    pub(super) fn stop(&mut self, case: &Case, seen: &mut Seen) {
        if let Some(pid) = self.running.as_ref().unwrap().pid {
            let pid = Pid::from_raw(i32::try_from(pid).unwrap());
            kill(pid, Signal::SIGTERM).unwrap();
        }
        eventually("its end", || {
            self.drain();
            self.has_ended()
        });
        self.listen_up();
        seen.add("stop", self.lines());
        self.files_after(case, seen);
        self.running.take().unwrap().child.wait().unwrap();
        let status = self.read("status").trim_end().replace('\n', ", ");
        seen.add("exit", status);
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            // unshare takes all of its namespace with it.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}
