//! A firewall that understands what iptables-restore understands of our batches, and nothing else.

use portsentry::net::Family;

/// One chain for each family; None: not there.
#[derive(Default)]
pub(super) struct Firewall {
    v4: Option<Vec<String>>,
    v6: Option<Vec<String>>,
}

impl Firewall {
    pub(super) fn chain(&mut self, family: Family) -> &mut Option<Vec<String>> {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }

    /// Loads a batch, wholly or not at all. False if it is refused.
    pub(super) fn restore(&mut self, family: Family, batch: &str) -> bool {
        let mut rules = self.chain(family).clone();
        let mut lines = batch.lines();
        assert_eq!(lines.next(), Some("*filter"));
        for line in lines {
            let done = match line.split(' ').collect::<Vec<_>>()[..] {
                ["COMMIT"] => {
                    *self.chain(family) = rules;
                    return true;
                }
                [":PORTSENTRY", "-", "[0:0]"] => {
                    rules = Some(Vec::new());
                    true
                }
                ["-A", "PORTSENTRY", "-p", "tcp", .., "-j", "RETURN"] => true,
                ["-A", "PORTSENTRY", "-s", source, "-j", "DROP"] => rules
                    .as_mut()
                    .map(|rules| rules.push(source.to_owned()))
                    .is_some(),
                ["-D", "PORTSENTRY", "-s", source, "-j", "DROP"] => remove(&mut rules, source),
                _ => panic!("iptables-restore does not know {line:?}"),
            };
            if !done {
                return false;
            }
        }
        panic!("a batch without COMMIT");
    }
}

fn remove(rules: &mut Option<Vec<String>>, source: &str) -> bool {
    let Some(rules) = rules else {
        return false;
    };
    let at = rules.iter().position(|rule| rule == source);
    at.map(|at| rules.remove(at)).is_some()
}
