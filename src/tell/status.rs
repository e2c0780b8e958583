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
    /// What became of root's privileges: `kept` or `dropped`.
    pub privileges: &'static str,
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
    match form {
        Form::Text => sheet.begin("devices"),
        Form::Json => sheet.begin_array("devices"),
    }
    devices(form, facts.config, detector, &mut sheet);
    match form {
        Form::Text => sheet.end(),
        Form::Json => sheet.end_array(),
    }
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
    let (packets, lines) = (facts.lost_packets, facts.lost_lines);
    sheet.numbers("lost", &[("packets", packets), ("log lines", lines)]);
    sheet.finish()
}

fn daemon(form: Form, facts: &Facts<'_>, sheet: &mut Sheet) {
    sheet.begin("daemon");
    sheet.text("version", &env!("CARGO_PKG_VERSION"));
    sheet.number("process", &facts.process);
    sheet.text("privileges", &facts.privileges);
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
    sheet.begin(protocol.word());
    let mode = config.side(protocol).mode;
    sheet.text("mode", &mode.map_or("off", |mode| mode.word()));
    let traps = detector.policy.traps.of(protocol);
    sheet.number("traps", &traps.len());
    sheet.number(
        "block",
        match detector.policy.block(protocol) {
            Block::Off => &0_u64,
            Block::Full => &1_u64,
            Block::RunOnly => &2_u64,
        },
    );
    sheet.end();
}

/// Those of INTERFACE, or all that are watched without it.
fn devices(form: Form, config: &Config, detector: &Detector, sheet: &mut Sheet) {
    let names = || detector.protect.surroundings.watched_names();
    let mut device = |name: &str| {
        let there = names().any(|there| there == name);
        match form {
            Form::Json => {
                sheet.item();
                sheet.text("name", &name);
                sheet.flag("there", there);
                sheet.end();
            }
            Form::Text if there => sheet.text(name, &"there"),
            Form::Text => sheet.text(name, &"missing"),
        }
    };
    match config.names_devices() {
        false => names().for_each(device),
        true => config.devices.iter().for_each(|name| device(name)),
    }
}

fn bans(detector: &Detector, sheet: &mut Sheet) {
    let (bans, counts) = (&detector.bans, &detector.counts);
    let (mut by_hand, mut waiting, mut failed) = (0, 0, 0);
    for (_, ban) in bans.iter().filter(|(_, ban)| ban.wanted) {
        by_hand += u64::from(ban.by_hand);
        waiting += u64::from(!ban.failed && !ban.holds());
        failed += u64::from(ban.failed);
    }
    sheet.begin("bans");
    sheet.fill("in force", (bans.wanted(), bans.most()));
    sheet.number("by hand", &by_hand);
    sheet.number("waiting", &waiting);
    sheet.number("failed", &failed);
    sheet.end();
    sheet.numbers(
        "ever",
        &[
            ("banned", counts.bans),
            ("would be banned", counts.would_be),
            ("expired", counts.expired),
            ("failed", counts.failed),
            ("evicted", bans.evicted),
            ("refused", bans.refused),
        ],
    );
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
    sheet.numbers(
        "verdicts",
        &[
            ("forged", counts.forged),
            ("ignored", counts.ignored),
            ("explained", counts.explained),
            ("unknown", counts.unknown),
            ("counted", counts.counted),
            ("folded", counts.folded),
            ("reported", counts.reported),
            ("protected", counts.protected),
        ],
    );
}
