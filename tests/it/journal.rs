//! What a restart remembers: bans outlive the daemon, with the time that is left, and nothing is there twice.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SECOND, eventually};
use nix::sys::signal::Signal;
use std::fs;
use std::net::{IpAddr, SocketAddr};

fn trap(router: IpAddr) -> SocketAddr {
    SocketAddr::new(router, 11)
}

/// The bans that the firewall holds, whichever it is, and what leads to them.
fn firewall(lab: &Lab) -> String {
    lab.router.sh("
        for set in ban4 ban6; do nft list set inet portsentry $set 2>/dev/null || true; done
        for set in portsentry4 portsentry6; do ipset save $set 2>/dev/null || true; done
        iptables -S
        ip6tables -S")
}

/// How often a prefix stands there as a word of its own.
fn times(text: &str, prefix: &str) -> usize {
    let words = text.split_whitespace();
    words
        .filter(|word| word.trim_end_matches("/32") == prefix)
        .count()
}

fn journal(daemon: &Daemon) -> String {
    daemon.read("run/journal")
}

#[test]
fn after_a_kill_the_next_one_goes_on_with_the_bans_and_nothing_is_there_twice() {
    for backend in ["nft", "ipset", "iptables"] {
        let Some(lab) = Lab::new(&["nft", "ipset"]) else {
            return;
        };
        let config = Config::blocking(Mode::Stealth).with("BACKEND", backend);
        let mut first = lab.start(config.clone());
        let stranger = lab.stranger(ROUTER6);
        lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
        lab.scanner.touch(Tcp, stranger, trap(ROUTER6));
        lab.log
            .wait_for_many(2, |text| text.contains("has been blocked"));
        eventually("the journal", || {
            journal(&first).matches(" done ").count() == 2
        });
        first.signal(Signal::SIGKILL);
        first.wait();
        let left = firewall(&lab);
        assert!(
            left.contains("10.66.0.2"),
            "{backend}: held without us\n{left}"
        );

        let second = lab.start(config);
        eventually("the bans of before", || {
            second.said("2 of 2 bans of before are in force again")
        });
        let service = SocketAddr::new(ROUTER, 9099);
        let _service = lab.router.listen(service);
        assert!(lab.scanner.connect(SCANNER, service).is_none(), "{backend}");
        assert!(lab.scanner.connect(SECOND, service).is_some(), "{backend}");
        let holds = firewall(&lab);
        assert_eq!(times(&holds, "10.66.0.2"), 1, "{backend}\n{holds}");
        assert_eq!(
            holds.matches("fd99:0:0:1::").count(),
            1,
            "{backend}\n{holds}"
        );
        let jumps = holds.matches("-j PORTSENTRY\n").count();
        assert_eq!(
            jumps,
            if backend == "nft" { 0 } else { 4 },
            "{backend}\n{holds}"
        );
        assert!(
            !second.said("has been blocked"),
            "{backend}: it is no new ban"
        );
    }
}

/// A ban that was under way when the journal was written, or it would be said and counted twice behind a crash.
#[test]
fn that_a_slow_firewall_has_a_ban_in_the_end_is_remembered() {
    let Some(lab) = Lab::new(&[]) else { return };
    let watch = lab.watch_firewall();
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    watch.hold();
    lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
    eventually("the first", || journal(&daemon).contains(" begun "));
    watch.release();
    eventually("the second", || journal(&daemon).contains(" done "));
    assert_eq!(daemon.read("history").lines().count(), 1);
}

#[test]
fn a_stop_leaves_nothing_and_a_start_goes_on_with_the_time_that_is_left() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let config = Config::blocking(Mode::Stealth)
        .with("BACKEND", "nft")
        .with("BLOCK_TIME", "1h")
        .with("KILL_HOSTS_DENY", "ALL: $TARGET$");
    let mut first = lab.start(config.clone());
    let before = "table inet portsentry";
    lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
    lab.log.wait_for_text("has been blocked via dropped route");
    assert!(first.stop().success());
    let rules = lab.router.sh("nft list ruleset");
    assert!(!rules.contains(before), "{rules}");
    let denied = || fs::read_to_string(lab.router.path("/etc/hosts.deny")).unwrap();
    assert_eq!(denied(), "");

    let second = lab.start(config);
    eventually("it is banned again", || {
        firewall(&lab).contains("10.66.0.2 timeout")
    });
    eventually("its line is back", || denied() == "ALL: 10.66.0.2\n");
    let journal = journal(&second);
    let ban = journal
        .lines()
        .find(|line| line.starts_with("ban 10.66.0.2 "))
        .unwrap();
    let times: Vec<u64> = ban
        .split(' ')
        .skip(2)
        .take(2)
        .map(|word| word.parse().unwrap())
        .collect();
    let hour = times[1] - times[0];
    assert!(
        (3_600_000..3_602_000).contains(&hour),
        "as long as it was to last: {ban}"
    );
}

#[test]
fn after_a_kill_another_backend_takes_over_from_the_old_one() {
    for (old, new) in [("nft", "iptables"), ("iptables", "ipset"), ("ipset", "nft")] {
        let Some(lab) = Lab::new(&["nft", "ipset"]) else {
            return;
        };
        let mut first = lab.start(Config::blocking(Mode::Stealth).with("BACKEND", old));
        lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
        lab.log.wait_for_text("has been blocked via dropped route");
        eventually("the journal", || journal(&first).ends_with("end 1\n"));
        first.signal(Signal::SIGKILL);
        first.wait();
        let mut second = lab.start(Config::blocking(Mode::Stealth).with("BACKEND", new));
        let holds = firewall(&lab);
        assert_eq!(times(&holds, "10.66.0.2"), 1, "{old} to {new}\n{holds}");
        assert!(second.stop().success());
        let left = firewall(&lab);
        assert!(
            !left.to_lowercase().contains("portsentry"),
            "{old} to {new}\n{left}"
        );
    }
}

#[test]
fn a_journal_that_is_damaged_is_set_aside_and_said() {
    for text in [
        "portsentry-journal 0\n",
        "",
        "\0\0\0",
        "portsentry-journal 1\nboot x 1 nft\nban 10.66.0.2\n",
    ] {
        let Some(lab) = Lab::new(&[]) else { return };
        let config = Config::blocking(Mode::Stealth);
        let home = lab.home("daemon", &config);
        fs::create_dir(home.join("run")).unwrap();
        fs::write(home.join("run/journal"), text).unwrap();
        let daemon = lab.start(config);
        assert!(
            daemon.said("run/journal is damaged or of another version"),
            "{text:?}"
        );
        assert_eq!(daemon.read("run/journal.damaged"), text);
        eventually("a new one", || journal(&daemon).ends_with("end 0\n"));
    }
}

#[test]
fn in_a_path_of_the_owners_it_is_written_at_the_end() {
    let Some(lab) = Lab::new(&[]) else { return };
    let path = lab.dir().join("flash");
    let config = Config::blocking(Mode::Stealth).with("JOURNAL_FILE", path.to_str().unwrap());
    let mut daemon = lab.start(config);
    lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
    lab.log.wait_for_text("has been blocked via dropped route");
    daemon.settle();
    assert!(!path.exists(), "flash is spared");
    assert!(daemon.stop().success());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\nban 10.66.0.2 "), "{text}");
    assert!(!daemon.file("run/journal").exists());
}

/// KILL_ROUTE is the owner's: what it did is undone by UNBLOCK_CMD, when the ban ends, also behind a restart.
#[test]
fn unblock_cmd_undoes_what_kill_route_did_when_the_ban_ends() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_ROUTE", "iptables -w -I INPUT -s $TARGET$ -j DROP")
        .with("UNBLOCK_CMD", "iptables -w -D INPUT -s $TARGET$ -j DROP")
        .with("BLOCK_TIME", "4s");
    let mut first = lab.start(config.clone());
    lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
    lab.log.wait_for_text("has been blocked via dropped route");
    let rule = "-A INPUT -s 10.66.0.2/32 -j DROP";
    assert!(lab.rules(ROUTER).contains(rule));
    assert!(first.stop().success());
    assert!(
        lab.rules(ROUTER).contains(rule),
        "it is the owner's, and the ban is not over"
    );
    let second = lab.start(config);
    eventually("it is over", || {
        second.said("Host 10.66.0.2 is no longer blocked; command run:")
    });
    assert!(!lab.rules(ROUTER).contains("DROP"));
}

/// Without UNBLOCK_CMD nothing could take it back, so such a ban has no end.
#[test]
fn a_ban_that_nothing_can_undo_never_ends() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_ROUTE", "iptables -w -I INPUT -s $TARGET$ -j DROP")
        .with("BLOCK_TIME", "1s");
    let mut daemon = lab.start(config);
    lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
    lab.log.wait_for_text("has been blocked via dropped route");
    assert!(daemon.stop().success());
    let journal = journal(&daemon);
    let ban = journal
        .lines()
        .find(|line| line.starts_with("ban "))
        .unwrap();
    assert_eq!(ban.split(' ').nth(3), Some("-"), "{ban}");
}
