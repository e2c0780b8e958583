//! What firewall programs say that they have, and what the kernel says that it is.

use portsentry::act::firewall::kernel::outlives_device;
use portsentry::act::firewall::{Backend, Found, Job, Verb, change, found};
use portsentry::net::Prefix;

/// The output of a check; its lines are taken for a kernel's release and version as well.
pub fn check(output: &[u8]) {
    let output = String::from_utf8_lossy(output);
    for line in output.lines() {
        for backend in [Backend::Iptables, Backend::Ipset] {
            let text = match found(backend, line) {
                Some(Found::Ban(text)) => text,
                Some(Found::Jump) => {
                    assert!(line.ends_with("PORTSENTRY"), "{line}");
                    continue;
                }
                Some(Found::Foreign) | None => continue,
            };
            assert!(line.contains(text), "{line}");
            // One of ours, and what we write of it, is found again.
            let Ok(source) = text.parse::<Prefix>() else {
                continue;
            };
            let mut written = String::new();
            change(backend, Job::Apply, Verb::Add, &source, None, &mut written).unwrap();
            let last = written.lines().last().unwrap_or_default();
            let again = match backend {
                Backend::Ipset => found(backend, last.trim_start_matches("-exist ")),
                _ => found(backend, last),
            };
            let again = match again {
                Some(Found::Ban(text)) => text.parse::<Prefix>(),
                other => panic!("{other:?}: {written}"),
            };
            assert_eq!(again, Ok(source), "{line}: {written}");
        }
    }
    let (release, version) = output.split_once('\n').unwrap_or((&output, ""));
    if outlives_device(release, version) {
        // No kernel of another line than 5 and 6 has it.
        assert!(output.contains(['5', '6']), "{output}");
    }
}
