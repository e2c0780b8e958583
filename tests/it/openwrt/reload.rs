//! Reloading, which procd turns into a signal, nothing, or a stop; and stopping.

use super::ENABLED;
use super::router::{Did, on_each_shell};
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};

#[test]
fn a_reload_signals_when_something_changed_and_never_restarts() {
    on_each_shell(|router| {
        router.set(ENABLED);
        router.network("wan", Some("eth1"));
        assert_eq!(router.procd("start"), Did::Started);
        assert_eq!(router.procd("reload"), Did::Nothing);
        // Whoever installs an upgrade starts it as well.
        assert_eq!(router.procd("start"), Did::Nothing);

        router.set(&format!("{ENABLED}\toption trigger_ports '2'\n"));
        assert_eq!(router.procd("reload"), Did::Signalled);
        router.set(&format!(
            "{ENABLED}\tlist network 'vpn'\n\toption tcp_mode 'connect'\n"
        ));
        assert_eq!(router.procd("reload"), Did::Signalled);
        assert_eq!(router.told("trigger interface").len(), 3);

        // A network that comes back as it was is no news; on another device it is.
        assert_eq!(router.procd("reload"), Did::Nothing);
        router.network("wan", Some("pppoe-wan"));
        assert_eq!(router.procd("reload"), Did::Signalled);
        router.network("wan", None);
        assert_eq!(router.procd("reload"), Did::Signalled);
        assert_eq!(router.read("run/devices"), "wan -\nwan6 -\nvpn -\n");

        // The file that replaces the other, when it comes and when it goes.
        fs::write(router.path("uci/portsentry"), ENABLED).unwrap();
        assert_eq!(router.procd("reload"), Did::Signalled);
        fs::remove_file(router.path("uci/portsentry")).unwrap();
        assert_eq!(router.procd("reload"), Did::Signalled);

        fs::write(router.path("etc/config/firewall"), "config defaults\n").unwrap();
        assert_eq!(router.procd("reload"), Did::Signalled);
        assert_eq!(router.procd("reload"), Did::Nothing);
    });
}

#[test]
fn enabled_0_stops_it_and_enabled_1_starts_it_again() {
    on_each_shell(|router| {
        for value in ["0", "off", "false", "no", "disabled"] {
            router.set(ENABLED);
            assert_eq!(router.procd("reload"), Did::Started);
            router.set(&ENABLED.replace("enabled '1'", &format!("enabled '{value}'")));
            assert_eq!(router.procd("reload"), Did::Stopped, "{value}");
            assert_eq!(router.procd("reload"), Did::Nothing);
        }
        // What LuCI does with a value that is the default.
        router.set(ENABLED);
        assert_eq!(router.procd("reload"), Did::Started);
        router.set(&ENABLED.replace("\toption enabled '1'\n", ""));
        assert_eq!(router.procd("reload"), Did::Stopped);
        assert_eq!(router.read("log"), "");
    });
}

/// procd stops what has no instance any more, and config_load goes on behind an error: the rest of a file, with
/// `enabled` in it, may be lost to a single quote. What is in force stays; the daemon says what is wrong.
#[test]
fn a_broken_file_does_not_stop_what_runs() {
    let all = ENABLED;
    let quote = ENABLED.replace("enabled '1'", "enabled '1");
    let after = format!("{ENABLED}\toption kill_run_cmd \"x\n");
    let word = ENABLED.replace("enabled '1'", "enabled 'maybe'");
    let anonymous = ENABLED.replace("'main'", "");
    for (text, seen) in [
        (quote.as_str(), "config portsentry 'main'\n"),
        (&after, all),
        (&word, &word),
        (&anonymous, &anonymous),
        ("", ""),
        ("<html>", ""),
    ] {
        on_each_shell(|router| {
            router.set(ENABLED);
            assert_eq!(router.procd("start"), Did::Started);
            fs::remove_file(router.path("calls")).unwrap();
            router.configure(text, seen);
            for command in ["reload", "start", "boot"] {
                let did = router.procd(command);
                assert!(
                    matches!(did, Did::Signalled | Did::Nothing),
                    "{text}: {did:?}"
                );
            }
            // It is the daemon that reads it.
            assert_eq!(router.read("calls"), "", "{text}");
            router.set(ENABLED);
            assert_eq!(router.procd("reload"), Did::Signalled);
            // A restart is a start: it does not begin with such a file.
            assert_eq!(router.procd("stop"), Did::Stopped);
            router.configure(text, seen);
            assert_eq!(router.procd("start"), Did::Nothing);
        });
    }
}

#[test]
fn a_file_that_is_gone_does_not_stop_what_runs() {
    on_each_shell(|router| {
        router.set(ENABLED);
        assert_eq!(router.procd("start"), Did::Started);
        router.configure("", "");
        fs::remove_file(router.path("etc/config/portsentry")).unwrap();
        assert_eq!(router.procd("reload"), Did::Signalled);
    });
}

/// procd does not wait, and the next start would be refused while somebody has the lock.
#[test]
fn a_stop_ends_when_the_daemon_has() {
    on_each_shell(|router| {
        router.set(ENABLED);
        assert_eq!(router.procd("start"), Did::Started);
        let lock = File::create(router.path("run/lock")).unwrap();
        let lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
        let mut stop = router.command(&["stop"]).spawn().unwrap();
        let told = || router.read("told").contains("delete");
        crate::lab::eventually("procd is told", told);
        assert!(stop.try_wait().unwrap().is_none());
        drop(lock);
        assert!(stop.wait().unwrap().success());
        // Nothing is made that was not there.
        fs::remove_file(router.path("run/lock")).unwrap();
        assert_eq!(router.procd("stop"), Did::Stopped);
        assert!(!router.path("run/lock").exists());
    });
}
