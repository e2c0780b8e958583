//! What really was on the wire, in its order.
//!
//! Not tcpdump: it insists on becoming another user, and a user namespace has no other. A packet
//! socket of ours sees the same.

use super::{Lab, ROUTER, eventually};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the script of `Lab::watch_firewall` sends a datagram each time a firewall program has ended.
pub(crate) const MARK: u16 = 9;

/// A TCP segment or a UDP datagram that passed the router's wire, and the flags it had.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Passed {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) rst: bool,
    pub(crate) udp: bool,
}

impl Passed {
    /// A TCP segment sent by the router.
    pub(crate) fn is_answer(&self) -> bool {
        !self.udp && self.from.ip() == ROUTER
    }

    /// The sign on the wire that a firewall program has just ended.
    pub(crate) fn is_mark(&self) -> bool {
        self.udp && self.to.port() == MARK && self.from.ip() == ROUTER
    }
}

pub(crate) struct Capture {
    passed: Arc<Mutex<Vec<Passed>>>,
}

impl Lab {
    /// Starts to note what the router receives and sends.
    pub(crate) fn capture(&self) -> Capture {
        const EVERY_PROTOCOL: u16 = 3;
        let protocol = Protocol::from(i32::from(EVERY_PROTOCOL.to_be()));
        let open = || Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol)).unwrap();
        let socket = self.router.inside(open);
        socket.set_recv_buffer_size(1 << 22).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        let passed = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&passed);
        std::thread::spawn(move || listen(socket, &noted));
        Capture { passed }
    }

    /// How many resets the router's kernel has sent, by its own count.
    pub(crate) fn resets(&self) -> usize {
        let snmp = self.router.sh("cat /proc/self/net/snmp");
        let mut tcp = snmp.lines().filter(|line| line.starts_with("Tcp:"));
        let (names, values) = (tcp.next().unwrap(), tcp.next().unwrap());
        let column = names.split(' ').position(|name| name == "OutRsts").unwrap();
        values.split(' ').nth(column).unwrap().parse().unwrap()
    }
}

impl Capture {
    /// Waits for a packet of that kind, and gives all that has passed.
    #[track_caller]
    pub(crate) fn until(&self, is_it: impl Fn(&Passed) -> bool) -> Vec<Passed> {
        eventually("the packet in the capture", || {
            self.all().iter().any(&is_it)
        });
        self.all()
    }

    pub(crate) fn all(&self) -> Vec<Passed> {
        self.passed.lock().unwrap().clone()
    }
}

/// Notes packets until nobody wants to know.
fn listen(mut socket: Socket, noted: &Arc<Mutex<Vec<Passed>>>) {
    let mut buffer = [0; 2048];
    while Arc::strong_count(noted) > 1 {
        let Ok(length) = socket.read(&mut buffer) else {
            continue;
        };
        if let Some(packet) = understood(&buffer[..length]) {
            noted.lock().unwrap().push(packet);
        }
    }
}

fn understood(bytes: &[u8]) -> Option<Passed> {
    let packet = SlicedPacket::from_ip(bytes).ok()?;
    let (source, destination): (IpAddr, IpAddr) = match packet.net? {
        NetSlice::Ipv4(ip) => (
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        ),
        NetSlice::Ipv6(ip) => (
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        ),
        NetSlice::Arp(_) => return None,
    };
    let passed = |from, to| Passed {
        from: SocketAddr::new(source, from),
        to: SocketAddr::new(destination, to),
        syn: false,
        ack: false,
        rst: false,
        udp: true,
    };
    match packet.transport? {
        TransportSlice::Udp(udp) => Some(passed(udp.source_port(), udp.destination_port())),
        TransportSlice::Tcp(tcp) => Some(Passed {
            syn: tcp.syn(),
            ack: tcp.ack(),
            rst: tcp.rst(),
            udp: false,
            ..passed(tcp.source_port(), tcp.destination_port())
        }),
        _ => None,
    }
}
