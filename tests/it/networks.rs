//! A daemon that lives from UCI: logical networks, addresses in the file itself, `enabled`, and the file that
//! replaces another.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::{Daemon, binary, probed};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{GATEWAY, LAN, Lab, ROUTER, SCANNER, SECOND, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;

/// SIGHUP, and until it is in force; `times` is how often it was so far.
fn hang_up(lab: &Lab, daemon: &Daemon<'_>, times: usize) {
    daemon.signal(Signal::SIGHUP);
    lab.log
        .wait_for_many(times, |text| text.ends_with("is read again and in force"));
}

fn touch(lab: &Lab, port: u16) {
    lab.scanner
        .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, port));
}

fn seen(lab: &Lab, port: u16) -> usize {
    let line = probed(SCANNER, Tcp, port);
    lab.log.count(|text| text.ends_with(&line))
}

#[test]
fn a_network_is_watched_on_the_device_that_it_has() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    lab.write_devices("daemon", "lan lan\nwan wan\nwan6 -\n");
    let networks = "\tlist network 'wan'\n\toption network 'wan wan6'\n";
    let daemon = lab.start(Config::new(Mode::Stealth).in_uci(networks));
    let missing = |network: &str| {
        let line = format!("adminalert: network {network} has no device in ");
        lab.log.count(|text| text.starts_with(&line))
    };
    assert_eq!((missing("wan"), missing("wan6")), (0, 1));
    lab.lan().touch(Tcp, LAN, SocketAddr::new(GATEWAY, 11));
    touch(&lab, 11);
    daemon.settle();
    let line = |port| {
        format!(
            "attackalert: TCP SYN/Normal scan {}",
            probed(SCANNER, Tcp, port)
        )
    };
    assert_eq!(daemon.probe_lines(), [line(11)]);

    // It goes down; what is said of it is said once.
    lab.write_devices("daemon", "lan lan\nwan -\nwan6 -\n");
    hang_up(&lab, &daemon, 1);
    hang_up(&lab, &daemon, 2);
    touch(&lab, 15);
    fs::remove_file(lab.dir().join("daemon/run/devices")).unwrap();
    hang_up(&lab, &daemon, 3);
    touch(&lab, 79);
    assert_eq!((missing("wan"), missing("wan6")), (1, 1));

    // And comes back, then on another device as well.
    lab.write_devices("daemon", "wan wan\nwan6 lan\n");
    hang_up(&lab, &daemon, 4);
    touch(&lab, 111);
    lab.lan().touch(Tcp, LAN, SocketAddr::new(GATEWAY, 512));
    daemon.settle();
    let from_lan = format!("attackalert: TCP SYN/Normal scan {}", probed(LAN, Tcp, 512));
    let mut lines = daemon.probe_lines();
    lines.sort();
    let mut expected = [line(11), line(111), from_lan];
    expected.sort();
    assert_eq!(lines, expected);

    // A second time down is news again.
    lab.write_devices("daemon", "wan -\nwan6 lan\n");
    hang_up(&lab, &daemon, 5);
    assert_eq!((missing("wan"), missing("wan6")), (2, 1));
}

#[test]
fn a_device_of_the_file_is_watched_beside_those_of_networks() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    lab.write_devices("daemon", "wan wan");
    let both = "\tlist network 'wan'\n\tlist device 'lan'\n";
    let daemon = lab.start(Config::new(Mode::Stealth).in_uci(both));
    lab.lan().touch(Tcp, LAN, SocketAddr::new(GATEWAY, 11));
    touch(&lab, 11);
    daemon.settle();
    assert_eq!(daemon.probe_lines().len(), 2);
}

#[test]
fn addresses_of_the_file_are_ignored_beside_those_of_the_ignore_file() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = || Config::blocking(Mode::Stealth);
    let mut daemon = lab.start(config().in_uci("\tlist ignore '10.66.0.2'\n"));
    daemon.write("ignore", "10.66.0.3\n");
    hang_up(&lab, &daemon, 1);
    touch(&lab, 11);
    lab.scanner.touch(Tcp, SECOND, SocketAddr::new(ROUTER, 15));
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);

    daemon.reload(config().in_uci(""));
    eventually("it is no longer ignored", || {
        touch(&lab, 79);
        lab.banned("10.66.0.2/32")
    });
    assert!(!lab.banned("10.66.0.3/32"));
    daemon.reload(config().in_uci("\toption ignore '192.0.2.1 10.66.0.0/30'\n"));
    lab.log
        .wait_for_text("Host 10.66.0.2 is protected now and is freed");
    eventually("it is freed", || !lab.banned("10.66.0.2/32"));
}

#[test]
fn a_mistake_keeps_what_is_in_force_and_enabled_0_ends_it() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = || Config::blocking(Mode::Stealth);
    let mut daemon = lab.start(config().in_uci("\t# as it was\n"));
    let conf = daemon.file("conf");
    let (conf, before) = (conf.display(), lab.log.texts().len());
    daemon.reload(config().in_uci("\toption trigger_port '2'\n"));
    lab.log
        .wait_for_text("is not used; the old one stays in force");
    let lines = daemon.read("conf").lines().count();
    let reason = "unknown option \"trigger_port\"; did you mean trigger_ports?";
    assert_eq!(
        lab.log.texts()[before..before + 3],
        [
            format!("adminalert: {conf}:{lines}: {reason}"),
            format!("adminalert: ERROR: {conf} has mistakes"),
            format!("adminalert: ERROR: {conf} is not used; the old one stays in force"),
        ]
    );
    touch(&lab, 11);
    eventually("the ban", || lab.banned("10.66.0.2/32"));

    daemon.reload(config().in_uci("\toption enabled 'off'\n"));
    assert!(daemon.wait().success());
    assert_eq!(lab.chain(ROUTER), None);
    let said = format!("adminalert: {conf}: enabled is 0: nothing is watched");
    assert_eq!(lab.log.count(|text| text == said), 1);

    // Nor is it started.
    let before = lab.log.texts().len();
    let off = config().in_uci("\toption enabled '0'\n");
    let (status, stderr) = lab.refused("daemon", "daemon", &off);
    assert_eq!(
        (status.code(), stderr.as_str()),
        (Some(0), &*format!("{said}\n"))
    );
    // Who reads the log may be later than the end of the process.
    eventually("the line", || lab.log.texts().len() > before);
    assert_eq!(lab.log.texts()[before..], [said]);
    assert_eq!(seen(&lab, 11), 1);
}

/// libuci reads it in the place of the other, and `uci commit` writes there.
#[test]
fn a_file_in_var_run_uci_replaces_that_of_etc_config() {
    let Some(lab) = Lab::new(&[]) else { return };
    let portsentry = binary();
    let portsentry = portsentry.display();
    let sound =
        "config portsentry 'main'\n\toption enabled 1\n\tlist tcp_ports 1\n\toption udp_mode off\n";
    lab.router.sh(&format!(
        "mkdir /etc/config /run/uci
         printf \"{sound}\" >/etc/config/portsentry
         printf \"{sound}\toption enabled 0\n\tfoo\n\" >/etc/portsentry.uci"
    ));
    let check = |path: &str| {
        lab.router
            .sh(&format!("{portsentry} check -c {path} || true"))
    };
    let verdict = |path: &str| check(path).lines().last().unwrap().to_owned();
    let usual = "/etc/config/portsentry";
    assert_eq!(verdict(usual), "/etc/config/portsentry: sound");
    lab.router.sh("cp /etc/portsentry.uci /run/uci/portsentry");
    assert_eq!(verdict(usual), "/var/run/uci/portsentry: has mistakes");
    let line =
        "/var/run/uci/portsentry:6: invalid command; a line begins with config, option or list";
    assert!(check(usual).lines().any(|said| said == line));
    // Another path is another file.
    assert_eq!(
        verdict("/etc/config/../config/portsentry"),
        "/etc/config/../config/portsentry: sound"
    );

    lab.router.sh("sed -i /foo/d /run/uci/portsentry");
    lab.router.sh(&format!("{portsentry} run -c {usual}"));
    let disabled = "adminalert: /var/run/uci/portsentry: enabled is 0: nothing is watched";
    lab.log.wait_for(|text| text == disabled);

    // It may come and go while a daemon runs.
    lab.router.sh("mv /run/uci/portsentry /run/uci/later");
    let mut command = lab.router.command(binary());
    let mut daemon = command
        .args(["run", "-c", usual])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(daemon.id().try_into().unwrap());
    lab.log.wait_for_text("PortSentry is now active");
    let hang_up = || kill(pid, Signal::SIGHUP).unwrap();
    lab.router.sh("cp /etc/config/portsentry /run/uci/");
    hang_up();
    lab.log
        .wait_for_text("/var/run/uci/portsentry is read again and in force");
    lab.router.sh("rm /run/uci/portsentry");
    hang_up();
    lab.log
        .wait_for_text("/etc/config/portsentry is read again and in force");
    lab.router.sh("mv /run/uci/later /run/uci/portsentry");
    hang_up();
    lab.log.wait_for_many(2, |text| text == disabled);
    assert!(daemon.wait().unwrap().success());
}
