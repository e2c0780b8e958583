//! Starting: at boot, by hand, and by whoever installs the package.

use super::ENABLED;
use super::router::{Did, Router, on_each_shell};
use std::fs;

/// What is logged and begins with the name of the file, without what else is said of it.
fn logged(router: &Router) -> Vec<String> {
    let log = router.read("log");
    let front = "-t portsentry -p daemon.err: ";
    let lines = log.lines().map(|line| line.strip_prefix(front).unwrap());
    lines.map(str::to_owned).collect()
}

#[test]
fn what_procd_is_told_is_known_word_for_word() {
    on_each_shell(|router| {
        router.set(ENABLED);
        router.network("wan", Some("pppoe-wan"));
        assert_eq!(router.procd("boot"), Did::Started);
        let expected = "\
service portsentry
instance
command </portsentry> <run> <-c> </etc/config/portsentry>
reload_signal <1>
file </etc/config/portsentry> </uci/portsentry> </run/devices> </etc/config/firewall>
respawn <3600> <5> <5>
term_timeout <10>
end of instance
triggers
trigger config.change <portsentry> </init> <reload>
trigger config.change <firewall> </init> <reload>
trigger interface <wan> </init> <reload>
trigger interface <wan6> </init> <reload>
set
";
        let told = router.read("told");
        assert_eq!(told, expected.replace("service portsentry", "service init"));
        assert_eq!(router.read("run/devices"), "wan pppoe-wan\nwan6 -\n");
        let left = fs::read_dir(router.path("run")).unwrap().count();
        assert_eq!((left, router.read("log").as_str()), (1, ""));
    });
}

/// The devices are written before the daemon is asked for.
#[test]
fn a_network_that_is_down_at_boot_is_found_when_it_comes() {
    on_each_shell(|router| {
        router.set(ENABLED);
        assert_eq!(router.procd("boot"), Did::Started);
        assert_eq!(router.read("run/devices"), "wan -\nwan6 -\n");
        router.network("wan", Some("eth1"));
        assert_eq!(router.procd("reload"), Did::Signalled);
        assert_eq!(router.read("run/devices"), "wan eth1\nwan6 -\n");
        router.network("wan6", Some("eth1"));
        assert_eq!(router.procd("reload"), Did::Signalled);
        assert_eq!(router.read("run/devices"), "wan eth1\nwan6 eth1\n");
    });
}

/// Without an instance nothing can be respawned, neither behind exit status 0 nor behind 2.
#[test]
fn what_is_not_enabled_has_no_instance_and_no_complaint() {
    on_each_shell(|router| {
        for value in ["0", "off", "false", "no", "disabled"] {
            router.set(&ENABLED.replace("enabled '1'", &format!("enabled '{value}'")));
            assert_eq!(router.procd("boot"), Did::Nothing, "{value}");
        }
        router.set(&ENABLED.replace("\toption enabled '1'\n", ""));
        assert_eq!(router.procd("boot"), Did::Nothing);
        assert_eq!(logged(router), [""; 0]);
        // It waits to be enabled all the same.
        assert_eq!(router.told("trigger config.change <portsentry>").len(), 1);
        for value in ["1", "on", "true", "yes", "enabled"] {
            router.set(&ENABLED.replace("enabled '1'", &format!("enabled '{value}'")));
            assert_eq!(router.procd("reload"), Did::Started, "{value}");
            assert_eq!(router.procd("stop"), Did::Stopped);
        }
    });
}

/// A broken file, what config_load has of it all the same, and what is logged before the last line.
const BROKEN: [(&str, &str, &str); 6] = [
    // The quote takes the rest of the file with it.
    (
        "config portsentry 'main'\n\toption kill_run_cmd 'x\n\toption enabled '1'\n",
        "config portsentry 'main'\n",
        "/etc/config/portsentry:3: EOF with unterminated ', which begins in line 2",
    ),
    (
        "config portsentry 'main'\n\toption enabled '1'\n\tlist tcp_ports 1 2\n",
        "config portsentry 'main'\n\toption enabled '1'\n\tlist tcp_ports 1\n",
        "/etc/config/portsentry:3: too many arguments; a value with a blank in it needs quotes",
    ),
    (
        "config portsentry\n\toption enabled '1'\n\tlist tcp_ports '23'\n",
        "config portsentry\n\toption enabled '1'\n\tlist tcp_ports '23'\n",
        "/etc/config/portsentry: there is no section config portsentry 'main'",
    ),
    // An empty file could be of either language.
    (
        "",
        "",
        "/etc/config/portsentry: no ports to watch: set TCP_PORTS or UDP_PORTS",
    ),
    (
        "config portsentry 'main'\n\toption enabled '1'\n\tlist tcp_ports '23'\n\toption trigger_port '2'\n",
        "config portsentry 'main'\n\toption enabled '1'\n\tlist tcp_ports '23'\n\toption trigger_port '2'\n",
        "/etc/config/portsentry:4: unknown option \"trigger_port\"; did you mean trigger_ports?",
    ),
    (
        "config portsentry 'main'\n\toption enabled 'maybe'\n\tlist tcp_ports '23'\n",
        "config portsentry 'main'\n\toption enabled 'maybe'\n\tlist tcp_ports '23'\n",
        "/etc/config/portsentry:2: enabled \"maybe\" is neither 1, on, true, yes, enabled nor 0, off, false, no, \
         disabled; it is left out",
    ),
];

#[test]
fn a_broken_file_is_told_of_and_is_not_started_with() {
    on_each_shell(|router| {
        for (text, seen, line) in BROKEN {
            let _ = fs::remove_file(router.path("log"));
            router.configure(text, seen);
            assert_eq!(router.procd("boot"), Did::Nothing, "{text}");
            let said = logged(router);
            assert!(said.contains(&line.to_owned()), "{text}: {said:?}");
            let last = "not started: /etc/config/portsentry cannot be used";
            assert_eq!(said.last().unwrap(), last);
            // Whoever corrects it needs no restart.
            router.set(ENABLED);
            assert_eq!(router.procd("reload"), Did::Started, "{text}");
            assert_eq!(router.procd("stop"), Did::Stopped);
        }
        let _ = fs::remove_file(router.path("log"));
        fs::remove_file(router.path("etc/config/portsentry")).unwrap();
        assert_eq!(router.procd("boot"), Did::Nothing);
        let said = logged(router);
        assert!(
            said[0].starts_with("/etc/config/portsentry: No such file"),
            "{said:?}"
        );
    });
}

/// The daemon reads the file, and the script what `uci set` has changed as well.
#[test]
fn what_is_not_committed_does_not_start_it() {
    on_each_shell(|router| {
        router.set(&ENABLED.replace("'1'", "'0'"));
        router.set_uncommitted(ENABLED);
        assert_eq!(router.procd("start"), Did::Nothing);
        let expected = "not started: enabled is not committed yet (uci commit portsentry)";
        assert_eq!(logged(router), [expected]);
        router.set(ENABLED);
        assert_eq!(router.procd("start"), Did::Started);
    });
}

/// `check` refuses them in the file. What is not committed it does not see, and the script does.
#[test]
fn names_that_no_network_has_are_not_evaluated() {
    let odd = "
config portsentry 'main'
\toption enabled '1'
\tlist network 'wan'
\tlist network 'a;touch $ROUTER/evil'
\tlist network '$(touch${IFS}$ROUTER/evil)'
\tlist network 'wan-6,wan6'
\tlist network '*'
\tlist network '-n'
\tlist network 'x=y}'
\tlist network ''
\tlist tcp_ports '23'
";
    on_each_shell(|router| {
        router.set(odd);
        assert_eq!(router.procd("start"), Did::Nothing);
        let said = logged(router);
        let refused = "/etc/config/portsentry:5: network: \"a;touch\" is no name of a network: ";
        assert!(
            said.iter().any(|line| line.starts_with(refused)),
            "{said:?}"
        );
        router.set(ENABLED);
        router.set_uncommitted(odd);
        router.network("wan", Some("eth0.2"));
        router.network("wan6", Some("br-lan@x!:1"));
        assert_eq!(router.procd("start"), Did::Started);
        assert!(!router.path("evil").exists());
        let devices = "wan eth0.2\nwan6 br-lan@x!:1\n";
        assert_eq!(router.read("run/devices"), devices);
        let triggers =
            ["wan", "wan6"].map(|name| format!("trigger interface <{name}> </init> <reload>"));
        assert_eq!(router.told("trigger interface"), triggers);
    });
}

/// Several ways to write two networks, and none.
#[test]
fn a_list_of_networks_is_read_as_the_daemon_reads_it() {
    on_each_shell(|router| {
        router.network("wan", Some("eth1"));
        router.network("wan6", Some("eth1"));
        for (lines, expected) in [
            ("\toption network 'wan wan6'\n", "wan eth1\nwan6 eth1\n"),
            ("\toption network 'wan,wan6'\n", "wan eth1\nwan6 eth1\n"),
            ("\tlist network 'wan\n\twan6 '\n", "wan eth1\nwan6 eth1\n"),
            ("\tlist network 'wan6'\n", "wan6 eth1\n"),
            ("\tlist device 'eth7'\n", ""),
        ] {
            let usual = "\tlist network 'wan'\n\tlist network 'wan6'\n";
            router.set(&ENABLED.replace(usual, lines));
            assert_eq!(router.procd("start"), Did::Started, "{lines}");
            assert_eq!(router.read("run/devices"), expected, "{lines}");
            assert_eq!(
                router.told("trigger interface").len(),
                expected.lines().count()
            );
            assert_eq!(router.procd("stop"), Did::Stopped);
        }
    });
}

/// network.sh keeps what it has asked in the environment, and hotplug starts scripts with its own.
#[test]
fn a_device_is_asked_for_anew() {
    on_each_shell(|router| {
        router.set(ENABLED);
        router.network("wan", Some("eth1"));
        let mut command = router.command(&["start"]);
        let output = command.env("NETWORK_CACHE_wan", "eth0").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(router.read("run/devices"), "wan eth1\nwan6 -\n");
    });
}
