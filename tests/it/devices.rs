//! Devices that come and go, as a line to the provider does: nft has its chain on whichever is there.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, eventually};
use std::fs;
use std::net::{IpAddr, SocketAddr};

fn config() -> Config {
    Config::blocking(Mode::Stealth)
        .with("BACKEND", "nft")
        .with("INTERFACE", "dsl")
}

/// The device comes, with the scanner at its other end.
fn comes(lab: &Lab) {
    lab.router.sh(&format!(
        "ip link add dsl address 02:67:00:00:00:01 type veth \\
             peer name far address 02:67:00:00:00:02 netns {}
         ip addr add 10.67.0.1/24 dev dsl
         ip link set dsl up
         ip neigh add 10.67.0.2 lladdr 02:67:00:00:00:02 dev dsl nud permanent",
        lab.scanner.pid()
    ));
    lab.scanner.sh("
        ip addr add 10.67.0.2/24 dev far
        ip link set far up
        ip neigh add 10.67.0.1 lladdr 02:67:00:00:00:01 dev far nud permanent");
    eventually("the wire", || {
        let show = "ip link show far";
        lab.scanner.sh(show).contains("state UP")
    });
}

/// A scan on it is seen.
fn is_seen(lab: &Lab, port: u16) {
    let scanner: IpAddr = "10.67.0.2".parse().unwrap();
    let trap = SocketAddr::new("10.67.0.1".parse().unwrap(), port);
    let line = probed(scanner, Tcp, port);
    eventually("the probe", || {
        lab.scanner.touch(Tcp, scanner, trap);
        lab.log.texts().iter().any(|text| text.ends_with(&line))
    });
}

fn table(lab: &Lab, nft: &str) -> String {
    lab.router.sh(&format!("{nft} list table inet portsentry"))
}

fn chain_of(lab: &Lab, nft: &str) -> bool {
    table(lab, nft).contains("hook ingress device \"dsl\" ")
}

#[test]
fn a_named_device_may_come_late_and_go_and_come_back() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let mut daemon = lab.start(config());
    assert!(!table(&lab, "nft").contains("hook ingress"));
    comes(&lab);
    eventually("the chain", || chain_of(&lab, "nft"));
    is_seen(&lab, 11);
    let banned = || table(&lab, "nft").contains("elements = { 10.67.0.2 }");
    eventually("the ban", banned);
    for _ in 0..2 {
        lab.router.sh("ip link del dsl");
        eventually("no chain", || !table(&lab, "nft").contains("hook ingress"));
        comes(&lab);
        eventually("the chain is back", || chain_of(&lab, "nft"));
        assert!(banned());
    }
    // Once at the start, and whenever it went; nothing was refused, and nobody else changed anything.
    let texts = lab.log.texts();
    let said = |part: &str| texts.iter().filter(|text| text.contains(part)).count();
    assert_eq!(said("0 of 1 devices that are named exist"), 3, "{texts:#?}");
    assert_eq!(said("refused") + said("Somebody else"), 0, "{texts:#?}");
    assert!(daemon.stop().success());
}

/// The table that is being loaded is that of before; the next one has to follow.
#[test]
fn a_device_that_comes_while_nft_runs_has_its_chain() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let dir = lab.dir().join("nft");
    fs::create_dir(&dir).unwrap();
    lab.router.sh(&format!(
        "cd {dir}
         cp $(readlink -f $(command -v nft)) nft
         cat > script <<'END'
#!/bin/sh
while [ -e {dir}/hold ]; do echo > {dir}/held; sleep 0.01; done
exec {dir}/nft \"$@\"
END
         chmod 755 script
         mount --bind script $(readlink -f $(command -v nft))",
        dir = dir.display()
    ));
    let nft = dir.join("nft").display().to_string();
    let mut daemon = lab.start(config());
    fs::write(dir.join("hold"), "").unwrap();
    lab.router.sh("ip addr add 10.68.0.1/24 dev wan");
    eventually("nft runs", || dir.join("held").exists());
    comes(&lab);
    is_seen(&lab, 11);
    fs::remove_file(dir.join("hold")).unwrap();
    eventually("the chain", || chain_of(&lab, &nft));
    assert!(daemon.stop().success());
}
