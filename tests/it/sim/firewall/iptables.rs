//! The chain of one family in iptables, and the jumps to it.

use portsentry::net::Prefix;

use super::{Deed, Held};

#[derive(Clone, Default)]
pub(crate) struct Chain {
    /// None: not there.
    rules: Option<Vec<Prefix>>,
    jumps: usize,
}

impl Chain {
    pub(super) fn load(&mut self) {
        self.rules.get_or_insert_default();
        self.jumps = 2;
    }

    pub(super) fn unload(&mut self) {
        *self = Self::default();
    }

    /// `iptables-restore --noflush`: wholly or not at all. False if it is refused.
    pub(super) fn restore(&mut self, input: &str) -> bool {
        let mut rules = self.rules.clone();
        let mut lines = input.lines();
        assert_eq!(lines.next(), Some("*filter"));
        for line in lines.by_ref() {
            let done = match line.split(' ').collect::<Vec<_>>()[..] {
                ["COMMIT"] => {
                    self.rules = rules;
                    assert_eq!(lines.next(), None);
                    return true;
                }
                [":PORTSENTRY", "-", "[0:0]"] => {
                    rules = Some(Vec::new());
                    true
                }
                ["-A", "PORTSENTRY", "-p", "tcp", .., "-j", "RETURN"] => true,
                ["-A", "PORTSENTRY", "-s", source, "-j", "DROP"] => {
                    let source = source.parse().unwrap();
                    rules.as_mut().map(|rules| rules.push(source)).is_some()
                }
                ["-D", "PORTSENTRY", "-s", source, "-j", "DROP"] => remove(&mut rules, source),
                _ => panic!("iptables-restore does not know {line:?}"),
            };
            if !done {
                return false;
            }
        }
        panic!("a batch without COMMIT");
    }

    /// `iptables -S`, which writes the length of every prefix.
    pub(super) fn check(&self) -> Option<String> {
        let rules = self.rules.as_ref()?;
        let jumps = ["INPUT", "FORWARD"].into_iter().take(self.jumps);
        let mut said: String = jumps
            .map(|chain| format!("-A {chain} -m conntrack --ctstate INVALID,NEW -j PORTSENTRY\n"))
            .collect();
        said.push_str("-N PORTSENTRY\n");
        for source in rules {
            let (addr, bits) = (source.addr(), source.bits());
            said.push_str(&format!("-A PORTSENTRY -s {addr}/{bits} -j DROP\n"));
        }
        Some(said)
    }

    pub(super) fn held(&self) -> Held {
        let rules = self.rules.iter().flatten();
        rules
            .filter(|_| self.jumps == 2)
            .map(|source| (*source, None))
            .collect()
    }

    pub(super) fn is_clean(&self) -> bool {
        self.rules.is_none() && self.jumps == 0
    }

    pub(super) fn disturb(&mut self, deed: Deed) {
        match deed {
            Deed::Empties => self.rules.iter_mut().for_each(Vec::clear),
            Deed::CutsOff => self.jumps = self.jumps.min(1),
            Deed::Deletes => *self = Self::default(),
        }
    }
}

fn remove(rules: &mut Option<Vec<Prefix>>, source: &str) -> bool {
    let source: Prefix = source.parse().unwrap();
    let Some(rules) = rules else {
        return false;
    };
    let at = rules.iter().position(|rule| *rule == source);
    at.map(|at| rules.remove(at)).is_some()
}
