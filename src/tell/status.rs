//! `portsentry status`: how the daemon is.

use core::time::Duration;

use crate::config::Config;
use crate::judge::counts::Counts;
use crate::judge::detector::Detector;
use crate::judge::policy::Block;
use crate::see::probe::Protocol;
use crate::tell::sheet::{Form, Sheet};
use crate::time::{LocalTime, Rough};

/// What the core does not know by itself.
pub struct Facts<'a> {
    /// The process.
    pub process: u32,
    /// How long it has run.
    pub up: Duration,
    /// When it began.
    pub since: LocalTime,
    /// The configuration file.
    pub file: &'a str,
    /// The run directory.
    pub run_dir: &'a str,
    /// What is configured.
    pub config: &'a Config,
    /// How the firewall is.
    pub firewall: Firewall,
    /// Packets that the kernel had no room for.
    pub lost_packets: u64,
    /// Log lines that syslog did not get.
    pub lost_lines: u64,
}

/// How the firewall is.
pub struct Firewall {
    /// Whose programs are run.
    pub backend: &'static str,
    /// `off`, `good`, `changing` or `failing`.
    pub state: &'static str,
    /// Runs that failed since the last that did not.
    pub failures: u32,
    /// The kernel holds who touches a trap.
    pub hold: bool,
    /// It drops at the device already.
    pub ingress: bool,
}

/// The answer.
pub fn status(form: Form, facts: &Facts<'_>, detector: &Detector) -> String {
    let mut sheet = Sheet::new(form);
    daemon(form, facts, &mut sheet);
    for protocol in Protocol::BOTH {
        sensor(protocol, facts.config, detector, &mut sheet);
    }
    devices(form, facts.config, detector, &mut sheet);
    let firewall = &facts.firewall;
    sheet.begin("firewall");
    sheet.text("backend", &firewall.backend);
    sheet.text("state", &firewall.state);
    sheet.number("failures", &firewall.failures);
    sheet.flag("hold", firewall.hold);
    sheet.flag("ingress", firewall.ingress);
    sheet.end();
    bans(detector, &mut sheet);
    sources(detector, &mut sheet);
    counts(&detector.counts, &mut sheet);
    sheet.begin("lost");
    sheet.number("packets", &facts.lost_packets);
    sheet.number("log lines", &facts.lost_lines);
    sheet.end();
    sheet.finish()
}

fn daemon(form: Form, facts: &Facts<'_>, sheet: &mut Sheet) {
    sheet.begin("daemon");
    sheet.text("version", &env!("CARGO_PKG_VERSION"));
    sheet.number("process", &facts.process);
    match form {
        Form::Text => {
            sheet.text("since", &facts.since);
            sheet.text("up", &Rough(facts.up));
        }
        Form::Json => sheet.seconds("up seconds", Some(facts.up)),
    }
    sheet.end();
    sheet.begin("files");
    sheet.text("configuration", &facts.file);
    sheet.text("run directory", &facts.run_dir);
    sheet.end();
}

fn sensor(protocol: Protocol, config: &Config, detector: &Detector, sheet: &mut Sheet) {
    sheet.begin(match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    });
    let mode = config.side(protocol).mode;
    sheet.text("mode", &mode.map_or("off", |mode| mode.word()));
    let traps = detector.policy.traps.of(protocol);
    sheet.number("traps", &traps.len());
    sheet.number(
        "block",
        match detector.policy.block(protocol) {
            Block::Off => &0,
            Block::Full => &1,
            Block::RunOnly => &2,
        },
    );
    sheet.end();
}

/// Those of INTERFACE; without it all are watched, and the list is empty.
fn devices(form: Form, config: &Config, detector: &Detector, sheet: &mut Sheet) {
    let there = |name: &str| {
        let mut names = detector.protect.surroundings.watched_names();
        names.any(|there| there == name)
    };
    if form == Form::Json {
        sheet.begin_array("devices");
        for name in &config.devices {
            sheet.item();
            sheet.text("name", name);
            sheet.flag("there", there(name));
            sheet.end();
        }
        return sheet.end_array();
    }
    sheet.begin("devices");
    if config.devices.is_empty() {
        sheet.text("all", &"but loopback");
    }
    for name in &config.devices {
        match there(name) {
            true => sheet.text(name, &"there"),
            false => sheet.text(name, &"missing"),
        }
    }
    sheet.end();
}

fn bans(detector: &Detector, sheet: &mut Sheet) {
    let (bans, counts) = (&detector.bans, &detector.counts);
    let in_force = || bans.iter().filter(|(_, ban)| ban.wanted);
    sheet.begin("bans");
    sheet.fill("in force", (bans.wanted(), bans.most()));
    let by_hand = in_force().filter(|(_, ban)| ban.by_hand);
    sheet.number("by hand", &by_hand.count());
    let waiting = in_force().filter(|(_, ban)| !ban.holds() && !ban.failed);
    sheet.number("waiting", &waiting.count());
    let failed = in_force().filter(|(_, ban)| ban.failed);
    sheet.number("failed", &failed.count());
    sheet.end();
    sheet.begin("ever");
    for (name, count) in [
        ("banned", counts.bans),
        ("would be banned", counts.would_be),
        ("expired", counts.expired),
        ("failed", counts.failed),
        ("evicted", bans.evicted),
        ("refused", bans.refused),
    ] {
        sheet.number(name, &count);
    }
    sheet.end();
}

fn sources(detector: &Detector, sheet: &mut Sheet) {
    let [probation, known] = detector.sources.fill();
    sheet.begin("sources");
    sheet.fill("on probation", probation);
    sheet.fill("known", known);
    sheet.fill("offenders", detector.bans.offenders());
    sheet.number("evicted", &detector.sources.evicted);
    sheet.end();
    sheet.begin("valve");
    sheet.flag("closed", detector.valve.is_closed());
    sheet.number("held up", &detector.counts.valve);
    sheet.end();
}

fn counts(counts: &Counts, sheet: &mut Sheet) {
    sheet.begin("probes");
    for (name, count) in Counts::KINDS.iter().zip(counts.kinds) {
        sheet.number(name, &count);
    }
    sheet.end();
    sheet.begin("verdicts");
    for (name, count) in [
        ("forged", counts.forged),
        ("ignored", counts.ignored),
        ("explained", counts.explained),
        ("unknown", counts.unknown),
        ("counted", counts.counted),
        ("folded", counts.folded),
        ("reported", counts.reported),
        ("protected", counts.protected),
    ] {
        sheet.number(name, &count);
    }
    sheet.end();
}
