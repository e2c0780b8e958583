//! Ways of touching a port: as a program does, and with raw packets.

use super::namespace::Namespace;
use super::{BOUND, eventually, packet};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// How long a connection may take that will not come about.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Proto {
    Tcp,
    Udp,
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Proto::Tcp => "TCP",
            Proto::Udp => "UDP",
        })
    }
}

impl Namespace {
    /// Touches a port with the kernel's own means. A stealth sensor sees a SYN or a datagram, a
    /// connect sensor a finished handshake or the same datagram.
    pub(crate) fn touch(&self, proto: Proto, from: IpAddr, to: SocketAddr) {
        match proto {
            Proto::Tcp => drop(self.connect(from, to)),
            Proto::Udp => drop(self.query(from, to)),
        }
    }

    /// A connection, or nothing where it was refused, or unanswered for a while.
    pub(crate) fn connect(&self, from: IpAddr, to: SocketAddr) -> Option<Socket> {
        self.inside(|| {
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
            socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
            socket.set_read_timeout(Some(BOUND)).unwrap();
            socket.connect_timeout(&to.into(), PATIENCE).ok()?;
            Some(socket)
        })
    }

    /// A service that whoever comes is connected to, by the kernel, until the test accepts it.
    pub(crate) fn listen(&self, at: impl ToSocketAddrs + Send + Sync) -> TcpListener {
        // A process that another thread is just starting may still have the last one that was closed here.
        let mut bound = None;
        let mut bind = || match TcpListener::bind(&at) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => false,
            result => bound.insert(result.unwrap()).local_addr().is_ok(),
        };
        self.inside(|| eventually("the port is free", &mut bind));
        let listener = bound.unwrap();
        // Accepted connections inherit the bound.
        SockRef::from(&listener)
            .set_read_timeout(Some(BOUND))
            .unwrap();
        listener
    }

    /// A UDP socket for whatever comes.
    pub(crate) fn receive(&self, at: impl ToSocketAddrs + Send) -> UdpSocket {
        let socket = self.inside(|| UdpSocket::bind(at).unwrap());
        socket.set_read_timeout(Some(BOUND)).unwrap();
        socket
    }

    /// A UDP socket that has just sent a few bytes, and waits for what comes back.
    pub(crate) fn query(&self, from: IpAddr, to: SocketAddr) -> UdpSocket {
        self.say(b"query", SocketAddr::new(from, 0), to)
    }

    /// The same with a source port and words of one's choice.
    pub(crate) fn say(&self, words: &[u8], from: SocketAddr, to: SocketAddr) -> UdpSocket {
        let socket = self.receive(from);
        socket.send_to(words, to).unwrap();
        socket
    }

    pub(crate) fn sender(&self) -> Sender {
        let raw = |domain| {
            self.inside(|| Socket::new(domain, Type::RAW, Some(Protocol::from(RAW))).unwrap())
        };
        Sender {
            four: raw(Domain::IPV4),
            six: raw(Domain::IPV6),
        }
    }
}

/// IPPROTO_RAW: who sends writes the IP header, source address included.
const RAW: i32 = 255;

/// Sends packets just as they are.
pub(crate) struct Sender {
    four: Socket,
    six: Socket,
}

impl Sender {
    pub(crate) fn send(&self, packet: &[u8]) {
        let to = packet::destination(packet);
        let socket = if to.is_ipv4() { &self.four } else { &self.six };
        let to = SocketAddr::new(to, 0).into();
        // Only a full queue is in the way of a packet, and only for a moment.
        for _ in 0..1_000_000 {
            if socket.send_to(packet, &to).is_ok() {
                return;
            }
            std::thread::yield_now();
        }
        panic!("a packet cannot be sent to {to:?}");
    }
}
