//! Who is never banned: the resolvers in use, and the networks of devices that are not watched. Followed live.

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::daemon::{Daemon, binary, probed};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{GATEWAY, LAN, Lab, ROUTER, ROUTER6, SECOND, eventually, packet};
use std::net::{IpAddr, SocketAddr};

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A daemon that blocks. Whoever becomes protected is freed without a packet of his, and whoever is so no more can
/// be banned again.
struct Protecting<'lab> {
    lab: &'lab Lab,
    daemon: Daemon<'lab>,
}

impl Protecting<'_> {
    fn begin(lab: &Lab, config: Config) -> Protecting<'_> {
        let daemon = lab.start(config);
        Protecting { lab, daemon }
    }

    /// A SYN in somebody's name.
    fn forge(&self, from: IpAddr, port: u16) {
        let router = if from.is_ipv4() { ROUTER } else { ROUTER6 };
        let [from, to] = [SocketAddr::new(from, 40000), SocketAddr::new(router, port)];
        self.lab.scanner.sender().send(&packet::tcp(from, to, "S"));
    }

    /// `from` scans until that is banned which he is banned as.
    #[track_caller]
    fn bans(&self, from: &str, banned: &str, when: &str) {
        let mut ports = TCP_TRAPS.into_iter().cycle();
        eventually(when, || {
            self.forge(addr(from), ports.next().unwrap());
            self.lab.banned(banned)
        });
    }

    #[track_caller]
    fn frees(&self, banned: &str, when: &str) {
        eventually(when, || !self.lab.banned(banned));
    }

    /// His probes are logged, and he is not banned: somebody else is, later.
    #[track_caller]
    fn reports(&self, from: &str) {
        self.forge(addr(from), 512);
        let line = format!("Host: {from}/{from} is protected and is not blocked");
        self.lab.log.wait_for_text(&line);
        self.daemon.settle();
        let rules = self.lab.chain(addr(from)).unwrap();
        assert!(
            !rules.iter().any(|rule| rule.contains(from)),
            "{from}: {rules:?}"
        );
    }
}

#[test]
fn a_resolver_is_protected_as_long_as_resolv_conf_names_it() {
    let Some(lab) = Lab::new(&[]) else { return };
    let it = Protecting::begin(&lab, Config::blocking(Mode::Stealth));
    it.bans("10.66.0.2", "10.66.0.2/32", "no resolver is named");
    lab.router
        .sh("printf 'search lan\\nnameserver 10.66.0.2\\n' > /etc/resolv.conf");
    it.frees("10.66.0.2/32", "he is the resolver");
    it.reports("10.66.0.2");

    // As resolvconf does: a new file in the place of the old, and an option more.
    lab.router.sh(
        "printf 'nameserver 10.66.0.3\\noptions edns0\\n' > /etc/resolv.conf.new
                   mv /etc/resolv.conf.new /etc/resolv.conf",
    );
    it.bans("10.66.0.2", "10.66.0.2/32", "somebody else is the resolver");
    it.reports("10.66.0.3");
    lab.router.sh("rm /etc/resolv.conf");
    it.bans("10.66.0.3", "10.66.0.3/32", "there is no list any more");
    lab.router
        .sh("printf 'nameserver 10.66.0.3' > /etc/resolv.conf");
    it.frees("10.66.0.3/32", "the list is back");
    assert!(lab.banned("10.66.0.2/32"));
}

/// A ban of its /64 would hit the resolver as well.
#[test]
fn a_resolver_frees_the_network_it_lives_in() {
    let Some(lab) = Lab::new(&[]) else { return };
    let it = Protecting::begin(&lab, Config::blocking(Mode::Stealth));
    it.bans("fd99:7::9", "fd99:7::/64", "nobody lives there");
    lab.router
        .sh("echo 'nameserver fd99:7::53' > /etc/resolv.conf");
    it.frees("fd99:7::/64", "the resolver lives there");
    it.bans("fd99:7::9", "fd99:7::9/128", "it is about him alone now");
    it.reports("fd99:7::53");
}

/// The router has /tmp as OpenWrt has it: an own one, in which its resolv.conf lies, and that names dnsmasq.
fn openwrt(lab: &Lab) {
    let (dir, program) = (lab.dir().display(), binary());
    let program = program.parent().unwrap().display();
    lab.router.sh(&format!(
        "mkdir /run/lab /run/program
         mount --rbind {dir} /run/lab
         mount --rbind {program} /run/program
         mount -t tmpfs lab /tmp
         mkdir -p {dir} {program}
         mount --rbind /run/lab {dir}
         mount --rbind /run/program {program}
         ln -sf /tmp/resolv.conf /etc/resolv.conf
         printf 'search lan\\nnameserver 127.0.0.1\\nnameserver ::1\\n' > /tmp/resolv.conf
         touch /etc/openwrt_release"
    ));
}

#[test]
fn the_resolvers_of_openwrts_dnsmasq_are_protected() {
    for file in [
        "/tmp/resolv.conf.d/resolv.conf.auto",
        "/tmp/resolv.conf.auto",
    ] {
        let Some(lab) = Lab::new(&[]) else { return };
        openwrt(&lab);
        lab.router
            .sh("mkdir /tmp/resolv.conf.d; touch /tmp/resolv.conf.d/resolv.conf.auto");
        let it = Protecting::begin(&lab, Config::blocking(Mode::Stealth));
        it.bans("10.66.0.2", "10.66.0.2/32", "the uplink named no resolver");
        // As netifd does.
        let write = |text: &str| {
            let script = format!("printf '{text}' > {file}.tmp; mv {file}.tmp {file}");
            lab.router.sh(&script);
        };
        write("# Interface wan\\nnameserver 10.66.0.2\\n");
        it.frees("10.66.0.2/32", "the uplink names one");
        it.reports("10.66.0.2");
        write("# Interface wan\\nnameserver 10.66.0.99\\n");
        it.bans("10.66.0.2", "10.66.0.2/32", "the uplink names another");
        // dnsmasq stops, and its own resolvers are asked.
        write("# Interface wan\\nnameserver 10.66.0.2\\n");
        it.frees("10.66.0.2/32", "the first one is back");
        lab.router.sh(&format!("ln -sf {file} /tmp/resolv.conf"));
        it.reports("10.66.0.2");
    }
}

/// Where anybody may write into /tmp, nobody protects himself.
#[test]
fn a_list_in_tmp_means_nothing_elsewhere() {
    let Some(lab) = Lab::new(&[]) else { return };
    openwrt(&lab);
    lab.router.sh("rm /etc/openwrt_release
                   mkdir /tmp/resolv.conf.d
                   echo 'nameserver 10.66.0.2' > /tmp/resolv.conf.auto
                   echo 'nameserver 10.66.0.2' > /tmp/resolv.conf.d/resolv.conf.auto");
    let it = Protecting::begin(&lab, Config::blocking(Mode::Stealth));
    it.bans("10.66.0.2", "10.66.0.2/32", "he named himself");
}

#[test]
fn the_resolvers_of_systemds_forwarder_are_protected() {
    let Some(lab) = Lab::new(&[]) else { return };
    lab.router.sh("mkdir -p /run/systemd/resolve
                   cd /run/systemd/resolve
                   echo 'nameserver 127.0.0.53' > stub-resolv.conf
                   ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf");
    let it = Protecting::begin(&lab, Config::blocking(Mode::Stealth));
    it.bans("10.66.0.2", "10.66.0.2/32", "it knows none yet");
    lab.router
        .sh("echo 'nameserver 10.66.0.2' > /run/systemd/resolve/resolv.conf");
    it.frees("10.66.0.2/32", "it knows one");
    it.reports("10.66.0.2");
}

/// The WAN alone is watched, and whoever is there says that he is somebody in the LAN.
#[test]
fn a_forged_scan_in_the_name_of_the_lan_bans_nobody() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    lab.router.sh("ip addr add fd77::1/64 dev lan nodad");
    let config = Config::blocking(Mode::Stealth).with("INTERFACE", "wan");
    let it = Protecting::begin(&lab, config);
    let sender = lab.scanner.sender();
    let names = [
        "10.77.0.2",
        "10.77.0.99",
        "10.77.0.1",
        "10.77.0.255",
        "fd77::2",
        "fd77::1",
    ];
    for from in names.map(addr) {
        let router = if from.is_ipv4() { ROUTER } else { ROUTER6 };
        let from = SocketAddr::new(from, 40000);
        for port in TCP_TRAPS {
            sender.send(&packet::tcp(from, SocketAddr::new(router, port), "S"));
        }
    }
    for from in ["10.77.0.2", "10.77.0.99", "fd77::2"] {
        it.reports(from);
        let host = format!("host: {from}/");
        let told = lab.log.count(|text| text.contains(&host));
        assert_eq!(told, TCP_TRAPS.len(), "{from}");
    }
    for router in [ROUTER, ROUTER6] {
        let rules = lab.chain(router).unwrap();
        let of_the_lan = |rule: &String| rule.contains(" 10.77.") || rule.contains(" fd77:");
        assert_eq!(rules.into_iter().find(of_the_lan), None);
    }
    // A neighbour on the WAN is nobody special, nor is one with a link-local address, of which the LAN has some
    // too.
    it.bans("10.66.0.3", "10.66.0.3/32", "a scan on the WAN");
    it.bans("fe80::66", "fe80::66/128", "a scan from the next house");
}

/// Connect sensors listen everywhere, and whoever is there is no forgery.
#[test]
fn a_scanner_in_a_lan_that_is_not_watched_is_reported() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let it = Protecting::begin(
        &lab,
        Config::blocking(Mode::Connect).with("INTERFACE", "wan"),
    );
    let trap = SocketAddr::new(GATEWAY, 11);
    lab.lan().touch(Tcp, LAN, trap);
    lab.log
        .wait_for(|text| text.ends_with(&probed(LAN, Tcp, 11)));
    lab.log
        .wait_for_text("Host: 10.77.0.2/10.77.0.2 is protected and is not blocked");
    lab.scanner.touch(Tcp, SECOND, SocketAddr::new(ROUTER, 11));
    eventually("a ban of somebody else", || lab.banned("10.66.0.3/32"));
    drop(it);
    assert!(!lab.banned("10.77.0.2/32"));
}

#[test]
fn a_lan_is_protected_from_the_reload_on_that_leaves_it_out() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let config = Config::blocking(Mode::Stealth);
    let mut it = Protecting::begin(&lab, config.clone());
    // Everything is watched, so nobody in the LAN is anything special.
    lab.lan().touch(Tcp, LAN, SocketAddr::new(GATEWAY, 11));
    eventually("a ban in the LAN", || lab.banned("10.77.0.2/32"));
    it.daemon.reload(config.clone().with("INTERFACE", "wan"));
    it.frees("10.77.0.2/32", "the LAN is not watched any more");
    lab.log
        .wait_for_text("Host 10.77.0.2 is protected now and is freed");
    it.reports("10.77.0.2");
    it.daemon.reload(config.with("INTERFACE", "wan lan"));
    it.bans("10.77.0.2", "10.77.0.2/32", "the LAN is watched again");
}

#[test]
fn networks_of_a_lan_come_and_go() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let config = Config::blocking(Mode::Stealth).with("INTERFACE", "wan");
    let it = Protecting::begin(&lab, config);
    let (four, six) = ("192.0.2.7", "2001:db8:77::7");
    it.bans(four, "192.0.2.7/32", "nobody knows the network");
    it.bans(six, "2001:db8:77::/64", "nobody knows the network");
    it.bans(
        "198.51.100.2",
        "198.51.100.2/32",
        "it is nobody's other end",
    );
    it.bans("198.51.100.3", "198.51.100.3/32", "nor is this");

    lab.router.sh("ip addr add 192.0.2.1/24 dev lan");
    it.frees("192.0.2.7/32", "the LAN has his network");
    it.reports(four);
    lab.router
        .sh("ip addr add 2001:db8:77:0:1::1/60 dev lan nodad");
    it.frees("2001:db8:77::/64", "the LAN has more than his network");
    it.reports(six);
    lab.router
        .sh("ip addr add 198.51.100.1 peer 198.51.100.2/32 dev lan");
    it.frees("198.51.100.2/32", "he is the other end of a link");
    it.reports("198.51.100.2");
    assert!(lab.banned("198.51.100.3/32"));

    lab.router.sh("ip addr del 192.0.2.1/24 dev lan");
    it.bans(four, "192.0.2.7/32", "the network is gone");
    // The whole device: with it go its networks.
    lab.router.sh("ip link del lan");
    it.bans(six, "2001:db8:77::/64", "the device is gone");
}
