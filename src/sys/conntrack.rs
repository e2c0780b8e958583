//! The witness: what connection tracking knows about a packet.
//!
//! One question to ctnetlink takes some microseconds. Where it is missing the list under /proc is read, but only
//! before a ban, and only while it is short.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::Path;

use crate::limits::{CONNTRACK_ENTRIES_MAX, CONNTRACK_LOOK, RECEIVED_MAX};
use crate::see::chatter::may_answer;
use crate::see::conntrack::{Belongs, Entry, Tuple, entry_of_line};
use crate::see::probe::{Kind, Probe, Protocol};
use crate::sys::batch::Batch;
use crate::sys::netlink::{self, Netlink};
use crate::time::Instant;

// linux/netfilter/nfnetlink_conntrack.h: subsystem CTNETLINK, message GET; attributes.
const CT_GET: u16 = 1 << 8 | 1;
const NESTED: u16 = 0x8000;
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_STATUS: u16 = 3;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
// linux/netfilter/nf_conntrack_common.h, a number in the network's byte order.
const IPS_ASSURED: u32 = 1 << 2;

const LIST: &str = "/proc/net/nf_conntrack";
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";

/// The way to connection tracking.
pub struct Conntrack {
    /// Err: why not.
    socket: io::Result<Netlink>,
    sequence: u32,
    batch: Batch,
    four: Trial,
    six: Trial,
}

/// Whose packets are, in the order of the questions.
pub type Answers = heapless::Vec<Belongs, RECEIVED_MAX>;

/// What the kernel tells of a packet's connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
    /// It did not answer, or could not.
    Nothing,
    /// It knows of none.
    NoEntry,
    /// What it knows.
    Entry(Entry),
}

/// Whether this machine really tracks the connections of a family, and when that was tried.
#[derive(Clone, Copy, Default)]
struct Trial {
    tracks: bool,
    at: Option<Instant>,
}

impl Conntrack {
    /// Opens it as far as this kernel has it.
    pub fn open() -> Self {
        Self {
            socket: Netlink::open(libc::NETLINK_NETFILTER, 0),
            sequence: 0,
            batch: Batch::default(),
            four: Trial::default(),
            six: Trial::default(),
        }
    }

    /// Whose these packets are, in their order; at most RECEIVED_MAX. `Unknown` where the kernel tracks
    /// connections and does not answer.
    pub fn ask(&mut self, now: Instant, probes: &[Probe]) -> Answers {
        let told = self.tell(probes);
        let answers = probes.iter().zip(told);
        answers
            .map(|(probe, told)| self.belongs(now, probe, told))
            .collect()
    }

    fn belongs(&mut self, now: Instant, probe: &Probe, told: Told) -> Belongs {
        match told {
            // An entry that was found by the packet's own addresses and is another's: NAT within NAT.
            Told::Entry(entry) => entry.belongs(probe).unwrap_or(Belongs::Unknown),
            Told::Nothing if is_tracking() => Belongs::Unknown,
            // Nobody remembers what we asked: it may be an answer to that.
            Told::NoEntry | Told::Nothing if may_answer(probe) && !self.tracks(now, probe) => {
                Belongs::Reply
            }
            // Without connection tracking nothing is translated, and no answer is led elsewhere.
            Told::NoEntry | Told::Nothing => Belongs::Nobody,
        }
    }

    /// Whether the kernel tracks anything of the probe's family. It does so only while some rule of the firewall
    /// wants to know (nf_ct_netns_get in net/netfilter/nf_conntrack_proto.c), and does not say whether one does: a
    /// datagram to ourselves shows it. Tried at most once in CONNTRACK_LOOK, and only when the answer matters.
    fn tracks(&mut self, now: Instant, probe: &Probe) -> bool {
        let (trial, here) = match probe.destination {
            IpAddr::V4(_) => (self.four, IpAddr::from(Ipv4Addr::LOCALHOST)),
            IpAddr::V6(_) => (self.six, IpAddr::from(Ipv6Addr::LOCALHOST)),
        };
        if trial.at.is_some_and(|at| now.since(at) < CONNTRACK_LOOK) {
            return trial.tracks;
        }
        let word = word_to_ourselves(here);
        let trial = Trial {
            tracks: word.is_ok_and(|word| matches!(*self.tell(&[word]), [Told::Entry(_)])),
            at: Some(now),
        };
        match here {
            IpAddr::V4(_) => self.four = trial,
            IpAddr::V6(_) => self.six = trial,
        }
        trial.tracks
    }

    /// What the kernel tells of each. All are asked for at once: that is two calls, however many they are.
    fn tell(&mut self, probes: &[Probe]) -> heapless::Vec<Told, RECEIVED_MAX> {
        let mut told: heapless::Vec<Told, RECEIVED_MAX> = heapless::Vec::new();
        told.extend(probes.iter().take(RECEIVED_MAX).map(|_| Told::Nothing));
        if matches!(&self.socket, Err(error) if !super::is_lacking(error)) {
            // There was no room for it.
            self.socket = Netlink::open(libc::NETLINK_NETFILTER, 0);
        }
        let Some(socket) = self.socket.as_ref().ok().filter(|_| !probes.is_empty()) else {
            return told;
        };
        let first = self.sequence.wrapping_add(1);
        let mut questions = netlink::Requests::new();
        for probe in probes {
            self.sequence = self.sequence.wrapping_add(1);
            let question = question(probe);
            let _fits = netlink::add_request(&mut questions, CT_GET, 0, self.sequence, &question);
        }
        if socket.send(&questions).is_err() {
            return told;
        }
        // Answers to older questions are passed over.
        for _ in 0..8 {
            if socket.receive_all(&mut self.batch).is_err() || self.batch.is_empty() {
                break;
            }
            let datagrams = self.batch.each().map(|(bytes, _)| bytes);
            datagrams.for_each(|datagram| read_answers(datagram, first, &mut told));
            if !told.iter().any(|told| matches!(told, Told::Nothing)) {
                break;
            }
        }
        told
    }
}

/// Puts what a datagram tells into the places of the questions, of which the first had that number.
pub fn read_answers(datagram: &[u8], first: u32, told: &mut [Told]) {
    for message in netlink::messages(datagram) {
        let place = usize::try_from(message.sequence.wrapping_sub(first)).ok();
        if let Some(told) = place.and_then(|place| told.get_mut(place)) {
            *told = read_answer(&message);
        }
    }
}

fn read_answer(message: &netlink::Message<'_>) -> Told {
    if message.kind != netlink::NLMSG_ERROR {
        return read_entry(message.body).map_or(Told::NoEntry, Told::Entry);
    }
    match netlink::refusal(message.body).raw_os_error() {
        Some(libc::ENOENT) => Told::NoEntry,
        _ => Told::Nothing,
    }
}

/// Reads the list under /proc and hands each entry of a protocol to `each`. False if it is not there, or
/// longer than a router should read in its loop.
pub fn read_list(protocol: Protocol, mut each: impl FnMut(&Entry)) -> bool {
    let count = std::fs::read_to_string(COUNT).ok();
    let count: Option<u32> = count.and_then(|text| text.trim().parse().ok());
    if count.is_none_or(|count| count > CONNTRACK_ENTRIES_MAX) {
        return false;
    }
    let read = super::lines::each(LIST, |line| {
        if let Some(entry) = entry_of_line(line, protocol) {
            each(&entry);
        }
        true
    });
    read.is_ok()
}

/// Sends a datagram over the loopback device, and describes it.
fn word_to_ourselves(here: IpAddr) -> io::Result<Probe> {
    let socket = UdpSocket::bind((here, 0))?;
    let here = socket.local_addr()?;
    socket.send_to(&[], here)?;
    Ok(Probe {
        source: here.ip(),
        destination: here.ip(),
        source_port: here.port(),
        port: here.port(),
        protocol: Protocol::Udp,
        kind: Kind::Udp,
        options: false,
    })
}

fn is_tracking() -> bool {
    Path::new(COUNT).exists()
}

/// `struct nfgenmsg` (family, version, resource), then the tuple as it came.
fn question(probe: &Probe) -> heapless::Vec<u8, 128> {
    let mut addresses: heapless::Vec<u8, 48> = heapless::Vec::new();
    let family = match (probe.source, probe.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            attribute(&mut addresses, 1, &source.octets());
            attribute(&mut addresses, 2, &destination.octets());
            libc::AF_INET
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            attribute(&mut addresses, 3, &source.octets());
            attribute(&mut addresses, 4, &destination.octets());
            libc::AF_INET6
        }
        _ => libc::AF_UNSPEC,
    };
    let mut ports: heapless::Vec<u8, 32> = heapless::Vec::new();
    attribute(&mut ports, 1, &[probe.protocol.number()]);
    attribute(&mut ports, 2, &probe.source_port.to_be_bytes());
    attribute(&mut ports, 3, &probe.port.to_be_bytes());
    let mut tuple: heapless::Vec<u8, 96> = heapless::Vec::new();
    attribute(&mut tuple, NESTED | CTA_TUPLE_IP, &addresses);
    attribute(&mut tuple, NESTED | CTA_TUPLE_PROTO, &ports);
    let mut body: heapless::Vec<u8, 128> = heapless::Vec::new();
    let family = u8::try_from(family).unwrap_or(0);
    let _fits = body.extend_from_slice(&[family, 0, 0, 0]);
    attribute(&mut body, NESTED | CTA_TUPLE_ORIG, &tuple);
    body
}

/// Appends an attribute, padded to four bytes. The longest question has 100 bytes; all buffers hold it.
fn attribute<const N: usize>(to: &mut heapless::Vec<u8, N>, kind: u16, value: &[u8]) {
    let len = u16::try_from(value.len() + 4).unwrap_or(0);
    let padding = value.len().next_multiple_of(4) - value.len();
    let parts: [&[u8]; 4] = [
        &len.to_ne_bytes(),
        &kind.to_ne_bytes(),
        value,
        [0; 3].get(..padding).unwrap_or_default(),
    ];
    for part in parts {
        let _fits = to.extend_from_slice(part);
    }
}

fn read_entry(body: &[u8]) -> Option<Entry> {
    let attributes = body.get(4..)?;
    let tuple = |wanted| {
        let (_, value) = netlink::attributes(attributes).find(|(kind, _)| *kind == wanted)?;
        read_tuple(value)
    };
    let mut all = netlink::attributes(attributes);
    let status = all.find_map(|(kind, value)| (kind == CTA_STATUS).then_some(value)?.first_chunk());
    Some(Entry {
        original: tuple(CTA_TUPLE_ORIG)?,
        reply: tuple(CTA_TUPLE_REPLY)?,
        assured: status.is_some_and(|bits| u32::from_be_bytes(*bits) & IPS_ASSURED != 0),
    })
}

fn read_tuple(bytes: &[u8]) -> Option<Tuple> {
    let part = |wanted| {
        let (_, value) = netlink::attributes(bytes).find(|(kind, _)| *kind == wanted)?;
        Some(value)
    };
    let addr = |v4, v6| {
        let (kind, value) = netlink::attributes(part(CTA_TUPLE_IP)?)
            .find(|(kind, _)| *kind == v4 || *kind == v6)?;
        match kind == v4 {
            true => Some(IpAddr::from(Ipv4Addr::from(*value.first_chunk::<4>()?))),
            false => Some(IpAddr::from(Ipv6Addr::from(*value.first_chunk::<16>()?))),
        }
    };
    let port = |wanted| {
        let mut ports = netlink::attributes(part(CTA_TUPLE_PROTO)?);
        let (_, value) = ports.find(|(kind, _)| *kind == wanted)?;
        Some(u16::from_be_bytes(*value.first_chunk::<2>()?))
    };
    Some(Tuple {
        source: addr(1, 3)?,
        destination: addr(2, 4)?,
        source_port: port(2)?,
        port: port(3)?,
    })
}
