//! The provider's DHCP server, played by busybox, and a scan in its name: the router keeps its address, and gets
//! one.

use super::{check_owner, check_protects, forge, home, start};
use crate::lab::backend::Backend::Nft;
use crate::lab::held::host;
use crate::lab::{Lab, ROUTER, SCANNER, eventually, need};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::{Child, Stdio};

/// A program of busybox that runs until it is dropped.
struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.id().try_into().unwrap());
        kill(pid, signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn server(lab: &Lab) -> Running {
    let dir = lab.dir().display();
    let config = lab.dir().join("udhcpd.conf");
    fs::write(lab.dir().join("leases"), "").unwrap();
    let text = format!(
        "start 10.66.0.100\nend 10.66.0.110\ninterface eth0\nlease_file {dir}/leases\n\
         pidfile {dir}/udhcpd.pid\noption subnet 255.255.255.0\noption lease 600\n"
    );
    fs::write(&config, text).unwrap();
    let mut server = lab.scanner.command("busybox");
    server.args(["udhcpd", "-f", "-a", "100"]).arg(config);
    Running(server.stderr(Stdio::null()).spawn().unwrap())
}

fn client(lab: &Lab) -> Running {
    let script = lab.dir().join("event");
    let text = format!(
        "#!/bin/sh
         had=$(cat {had} 2>/dev/null)
         case $1 in
             deconfig) [ -z \"$had\" ] || ip addr del $had/24 dev wan ;;
             bound) ip addr add $ip/24 dev wan; echo $ip >{had} ;;
         esac
         echo \"$1 $ip $serverid\" >>{events}\n",
        had = lab.dir().join("had").display(),
        events = lab.dir().join("events").display(),
    );
    fs::write(&script, text).unwrap();
    lab.router.sh(&format!("chmod 755 {}", script.display()));
    let mut client = lab.router.command("busybox");
    client.args(["udhcpc", "-f", "-i", "wan", "-t", "9", "-T", "1", "-s"]);
    client.arg(script).stdout(Stdio::null());
    Running(client.stderr(Stdio::null()).spawn().unwrap())
}

/// Waits for the nth event of a kind.
#[track_caller]
fn wait_for(lab: &Lab, times: usize, what: &str) {
    let events = || fs::read_to_string(lab.dir().join("events")).unwrap_or_default();
    let count = || {
        events()
            .lines()
            .filter(|event| event.starts_with(what))
            .count()
    };
    eventually(what, || count() >= times);
}

/// A renewal is a question to the server alone, which conntrack knows; a new lease is asked of everybody, and the
/// client reads the answer before any firewall does.
#[test]
fn a_scan_in_the_name_of_the_dhcp_server_costs_no_lease() {
    if !need("busybox") {
        return;
    }
    let Some(lab) = home() else { return };
    let _server = server(&lab);
    let _daemon = start(&lab);
    let client = client(&lab);
    wait_for(&lab, 1, "bound 10.66.0.1");
    forge(&lab, SCANNER);
    eventually("a forged ban", || lab.holds(Nft, &host(SCANNER)));
    client.signal(Signal::SIGUSR1);
    wait_for(&lab, 1, "renew 10.66.0.1");
    client.signal(Signal::SIGUSR2);
    wait_for(&lab, 2, "deconfig");
    client.signal(Signal::SIGUSR1);
    wait_for(&lab, 2, "bound 10.66.0.1");
    // It was banned all the time.
    assert!(lab.holds(Nft, &host(SCANNER)));
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}
