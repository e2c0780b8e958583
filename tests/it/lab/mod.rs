//! The lab: a small network of its own for each test, in namespaces, with real programs in it.
//!
//! ```text
//!   scanner eth0 ── wan router lan ── eth0 lan
//! ```
//!
//! The router runs the daemon; whoever lives in `scanner` plays the internet. Nothing of the machine
//! is changed: addresses, rules, /dev/log, /etc/hosts.deny and /run are all the lab's own, and the
//! kernel takes everything away when the last process in the namespaces ends.

pub(crate) mod ask;
pub(crate) mod backend;
pub(crate) mod background;
pub(crate) mod capture;
pub(crate) mod config;
pub(crate) mod daemon;
pub(crate) mod drawn;
pub(crate) mod firewall;
pub(crate) mod flood;
pub(crate) mod held;
pub(crate) mod kernel;
pub(crate) mod namespace;
pub(crate) mod packet;
pub(crate) mod scan;
pub(crate) mod shipped;
pub(crate) mod spent;
pub(crate) mod syslog;
pub(crate) mod talk;
pub(crate) mod touch;
pub(crate) mod trace;
pub(crate) mod wire;

use namespace::Namespace;
use std::cell::Cell;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use syslog::Syslog;
use tempfile::TempDir;

/// What every lab needs; a test names what it needs beyond.
const TOOLS: [&str; 6] = ["unshare", "nsenter", "setpriv", "ip", "mount", "iptables"];

/// Waiting for anything ends here. It only decides how long a failing test takes to fail.
pub(crate) const BOUND: Duration = Duration::from_secs(40);

pub(crate) const ROUTER: IpAddr = v4(10, 66, 0, 1);
pub(crate) const SCANNER: IpAddr = v4(10, 66, 0, 2);
/// A second address of the scanner's machine, for whoever must not be mistaken for `SCANNER`.
pub(crate) const SECOND: IpAddr = v4(10, 66, 0, 3);
pub(crate) const ROUTER6: IpAddr = v6(0xfd66, 1);
pub(crate) const SCANNER6: IpAddr = v6(0xfd66, 2);
/// The router's address in the LAN, and the one machine there.
pub(crate) const GATEWAY: IpAddr = v4(10, 77, 0, 1);
pub(crate) const LAN: IpAddr = v4(10, 77, 0, 2);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(net: u16, host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(net, 0, 0, 0, 0, 0, 0, host))
}

/// One network with a scanner, a router, perhaps a LAN, and everything the router says.
pub(crate) struct Lab {
    pub(crate) scanner: Namespace,
    pub(crate) router: Namespace,
    lan: Option<Namespace>,
    pub(crate) log: Syslog,
    strangers: Cell<u16>,
    // Last, so that it is removed after everything that lives in it.
    dir: TempDir,
}

impl Lab {
    /// A scanner and a router, or nothing (said on standard error) where a tool or a right is missing.
    pub(crate) fn new(tools: &[&str]) -> Option<Lab> {
        if !TOOLS.iter().chain(tools).all(|tool| need(tool)) || !need_namespaces() {
            return None;
        }
        let dir = TempDir::new().unwrap();
        let scanner = Namespace::new();
        let router = Namespace::new();
        router.sh(&router_world(dir.path()));
        lay_wire(&router, &scanner, ROUTER);
        let log = Syslog::open(&router, dir.path().join("log"));
        let lan = None;
        let strangers = Cell::new(0);
        Some(Lab {
            scanner,
            router,
            lan,
            log,
            strangers,
            dir,
        })
    }

    /// The same with a LAN behind the router, which forwards and masquerades for it.
    pub(crate) fn with_lan(tools: &[&str]) -> Option<Lab> {
        let mut lab = Lab::new(tools)?;
        let lan = Namespace::new();
        lab.router.sh(&format!(
            "ip link add lan type veth peer name eth0 netns {}
             ip addr add {GATEWAY}/24 dev lan
             ip link set lan up
             echo 1 > /proc/sys/net/ipv4/ip_forward
             iptables -w -t nat -A POSTROUTING -s 10.77.0.0/24 -o wan -j MASQUERADE",
            lan.pid()
        ));
        lan.sh(&format!(
            "ip link set lo up
             ip addr add {LAN}/24 dev eth0
             ip link set eth0 up
             ip route add default via {GATEWAY}"
        ));
        wait_for_wire(&lab.router, "lan");
        wait_for_wire(&lan, "eth0");
        // The scanner's machine knows the way to the LAN, for those who are merely forwarded.
        lab.scanner
            .sh(&format!("ip route add 10.77.0.0/24 via {ROUTER}"));
        lab.lan = Some(lan);
        Some(lab)
    }

    /// Cuts the wire to the scanner, devices and all.
    pub(crate) fn cut_wire(&self) {
        self.router.sh("ip link del wan");
    }

    /// Lays it again, with devices of the same names.
    pub(crate) fn lay_wire(&self) {
        self.lay_wire_to(ROUTER);
    }

    /// The same, and the router has another address at it.
    pub(crate) fn lay_wire_to(&self, own: IpAddr) {
        lay_wire(&self.router, &self.scanner, own);
    }

    pub(crate) fn lan(&self) -> &Namespace {
        self.lan.as_ref().expect("this lab has no LAN")
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// An address of the scanner's machine that nobody has seen yet, of the family of `to`. In IPv6
    /// each lives in a /64 of its own.
    pub(crate) fn stranger(&self, to: IpAddr) -> IpAddr {
        let n = self.strangers.get() + 1;
        self.strangers.set(n);
        let [high, low] = n.to_be_bytes();
        match to {
            IpAddr::V4(_) => v4(10, 99, high, low),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, n, 0, 0, 0, 1)),
        }
    }
}

/// The router's own /dev/log, /etc and /run.
///
/// Neither a device node nor a mount over one works in a user namespace, and /dev/log does not exist
/// on every machine: so /dev becomes a directory of links to the real one, plus the lab's log. The
/// machine's hosts.deny may belong to a root whom a user namespace does not know, and its resolv.conf
/// names its own resolvers: the lab begins with empty ones.
fn router_world(dir: &Path) -> String {
    format!(
        "cd {dir}
         mkdir world
         mount -t tmpfs lab world
         cd world
         mkdir dev changes work
         touch changes/hosts.deny changes/resolv.conf
         mount --rbind /dev dev
         mount -t tmpfs -o mode=755 lab /dev
         for node in $PWD/dev/*; do ln -s $node /dev/; done
         ln -sfn {dir}/log /dev/log
         mount -t overlay -o lowerdir=/etc,upperdir=changes,workdir=work lab /etc
         mount -t tmpfs lab /run",
        dir = dir.display()
    )
}

/// The wire between scanner and router, and how the router reaches the rest of the world.
///
/// Nobody is asked for hardware addresses: a first packet would wait for that, and a flood of answers
/// to forged sources even more. The default gateway, which is never banned, has an address nobody
/// uses and the scanner's hardware address. ICMP errors are not rationed: a closed UDP port shall say
/// so at once, as nmap hopes.
fn wan(scanner: &Namespace, own: IpAddr) -> String {
    format!(
        "ip link set lo up
         ip link add wan address 02:66:00:00:00:01 type veth \\
             peer name eth0 address 02:66:00:00:00:02 netns {}
         ip addr add {own}/24 dev wan
         ip addr add {ROUTER6}/64 dev wan nodad
         ip link set wan up
         for neighbour in 10.66.0.254 {SCANNER} {SCANNER6}; do
             ip neigh add $neighbour lladdr 02:66:00:00:00:02 dev wan nud permanent
         done
         ip route add default via 10.66.0.254
         ip route add 10.99.0.0/16 via {SCANNER}
         ip -6 route add fd99::/32 via {SCANNER6}
         echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
         echo 0 > /proc/sys/net/ipv6/icmp/ratelimit",
        scanner.pid()
    )
}

fn lay_wire(router: &Namespace, scanner: &Namespace, own: IpAddr) {
    router.sh(&wan(scanner, own));
    scanner.sh(&SCANNER_SIDE.replace("10.66.0.1 ", &format!("{own} ")));
    wait_for_wire(router, "wan");
    wait_for_wire(scanner, "eth0");
}

/// The scanner's machine; all of 10.99.0.0/16 and fd99::/32 (the strangers) are its own as well.
const SCANNER_SIDE: &str = "
    ip link set lo up
    ip addr add 10.66.0.2/24 dev eth0
    ip addr add 10.66.0.3/24 dev eth0
    ip addr add fd66::2/64 dev eth0 nodad
    ip link set eth0 up
    for neighbour in 10.66.0.1 fd66::1; do
        ip neigh add $neighbour lladdr 02:66:00:00:00:01 dev eth0 nud permanent
    done
    ip route replace local 10.99.0.0/16 dev lo
    ip -6 route replace local fd99::/32 dev lo
    echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind";

/// The kernel throws packets away until it has noticed, a moment later, that both ends are up.
fn wait_for_wire(place: &Namespace, device: &str) {
    let show = format!("ip link show {device}");
    eventually(device, || place.sh(&show).contains("state UP"));
}

/// Whether a program is there. A test without its tool is skipped, but not where CI counts on it.
pub(crate) fn need(tool: &str) -> bool {
    let here = [
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ];
    let there = here.iter().any(|dir| Path::new(dir).join(tool).exists());
    there || skip(&format!("{tool} is not installed"))
}

fn need_namespaces() -> bool {
    let mut trial = Command::new("unshare");
    trial
        .args(["--net", "--mount", "true"])
        .stderr(Stdio::null());
    trial.status().unwrap().success()
        || skip("no right to make namespaces: needs root, or `unshare --user --map-root-user`")
}

pub(crate) fn skip(reason: &str) -> bool {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "CI must not skip: {reason}"
    );
    report(&format!("skipped: {reason}"));
    false
}

/// Says a figure, or whatever somebody wants to know of a test that passes: the harness swallows `println!`.
pub(crate) fn report(text: &str) {
    let line = format!("{text}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Waits for what no event announces (a file, a rule, the end of a process).
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
