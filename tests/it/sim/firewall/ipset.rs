//! The sets of one family, and the chains of iptables that ask them. Not one transaction: a line that fails leaves
//! done what stood before it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use portsentry::limits::BANS_MAX;
use portsentry::net::{Family, Prefix};
use portsentry::time::Instant;

use super::{Deed, Held, digit, key, lives};

type Set = HashMap<String, Option<Instant>>;

#[derive(Default)]
pub(crate) struct Sets {
    at: Instant,
    sets: BTreeMap<String, Set>,
    /// The rules of both chains; None: they are not there.
    rules: Option<Vec<String>>,
    jumps: usize,
    /// What was last loaded.
    pub(super) frame: String,
}

impl Sets {
    /// What has ended is gone by the time of the next run.
    pub(super) fn pass(&mut self, at: Instant) {
        self.at = at;
        let sets = self.sets.values_mut();
        sets.for_each(|set| set.retain(|_, ends| lives(at, *ends)));
    }

    /// As the script does it: sets, chains, jumps, each from its lines of the same input.
    pub(super) fn load(&mut self, input: &str) -> bool {
        let of = |part: &str| -> String {
            let lines = input.lines().filter_map(|line| line.strip_prefix(part));
            lines.map(|line| format!("{line}\n")).collect()
        };
        let known = |line: &str| line.starts_with("s ") || line.starts_with("r ");
        assert!(input.lines().all(known), "{input}");
        if !self.restore(&of("s ")) || !self.rules(&of("r ")) {
            return false;
        }
        self.jumps = 2;
        self.frame = input.to_owned();
        true
    }

    /// `ipset -exist restore`.
    pub(super) fn restore(&mut self, input: &str) -> bool {
        input.lines().all(|line| self.command(line))
    }

    fn command(&mut self, line: &str) -> bool {
        let at = self.at;
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["create", set, ..] => {
                self.sets.entry(set.to_owned()).or_default();
                true
            }
            ["flush", set] => self.sets.get_mut(set).map(HashMap::clear).is_some(),
            ["swap", a, b] => {
                if !self.sets.contains_key(a) || !self.sets.contains_key(b) {
                    return false;
                }
                let of_a = self.sets.remove(a).unwrap();
                let of_b = self.sets.insert(b.to_owned(), of_a).unwrap();
                self.sets.insert(a.to_owned(), of_b).is_none()
            }
            ["destroy", set] => {
                let used = |rule: &String| rule.split(' ').any(|word| word == set);
                let used = self.rules.iter().flatten().any(used);
                !used && self.sets.remove(set).is_some()
            }
            ["add", set, element, "timeout", seconds] => {
                key(element, set.ends_with('6'));
                let seconds = seconds.parse().unwrap();
                let ends = (seconds > 0).then(|| at.after(Duration::from_secs(seconds)));
                self.add(set, element, ends)
            }
            ["add", set, ports] => self.add(set, ports, None),
            ["del", set, element] => self.sets.get_mut(set).is_some_and(|set| {
                set.remove(element);
                true
            }),
            _ => panic!("ipset does not know {line:?}"),
        }
    }

    /// With `-exist` an element that is there gets the new end.
    fn add(&mut self, set: &str, element: &str, ends: Option<Instant>) -> bool {
        let Some(set) = self.sets.get_mut(set) else {
            return false;
        };
        set.insert(element.to_owned(), ends);
        assert!(set.len() <= 2 * BANS_MAX, "the set is full");
        true
    }

    /// `iptables-restore --noflush`; a rule about a set that is not there is refused.
    fn rules(&mut self, input: &str) -> bool {
        let mut rules = Vec::new();
        let mut lines = input.lines();
        assert_eq!(lines.next(), Some("*filter"));
        for line in lines.by_ref() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                [":PORTSENTRY" | ":PORTSENTRY-HOLD", "-", "[0:0]"] => {}
                ["-A", "PORTSENTRY" | "PORTSENTRY-HOLD", ..] => {
                    let named = words.windows(2).filter(|pair| pair[0].ends_with("-set"));
                    if !named.clone().all(|pair| self.sets.contains_key(pair[1])) {
                        return false;
                    }
                    rules.push(line.to_owned());
                }
                ["COMMIT"] => {
                    assert_eq!(lines.next(), None);
                    self.rules = Some(rules);
                    return true;
                }
                _ => panic!("iptables-restore does not know {line:?}"),
            }
        }
        panic!("rules without COMMIT");
    }

    /// The rule that asks the set of bans, if it is there.
    fn asks(&self, family: Family) -> bool {
        let rule = format!(
            "-A PORTSENTRY -m set --match-set portsentry{} src -j DROP",
            digit(family)
        );
        self.rules.iter().flatten().any(|other| *other == rule)
    }

    /// What the script of a check says.
    pub(super) fn check(&self, at: Instant, family: Family) -> Option<String> {
        let name = format!("portsentry{}", digit(family));
        let set = self.sets.get(&name).filter(|_| self.asks(family))?;
        let jumps = ["INPUT", "FORWARD"].into_iter().take(self.jumps);
        let mut said: String = jumps
            .map(|chain| format!("-A {chain} -m conntrack --ctstate INVALID,NEW -j PORTSENTRY\n"))
            .collect();
        said.push_str(&format!(
            "create {name} hash:net family inet timeout 0 bucketsize 12\n"
        ));
        for (element, ends) in set.iter().filter(|(_, ends)| lives(at, **ends)) {
            let left = ends.map_or(0, |ends| ends.since(at).as_millis().div_ceil(1000));
            said.push_str(&format!("add {name} {element} timeout {left}\n"));
        }
        Some(said)
    }

    pub(super) fn held(&self, at: Instant, family: Family) -> Held {
        let set = self.sets.get(&format!("portsentry{}", digit(family)));
        let led = self.asks(family) && self.jumps == 2;
        let elements = set.into_iter().flatten().filter(|_| led);
        let alive = elements.filter(|(_, ends)| lives(at, **ends));
        let read = |element: &String| element.parse::<Prefix>().unwrap();
        alive
            .map(|(element, ends)| (read(element), *ends))
            .collect()
    }

    pub(super) fn is_clean(&self) -> bool {
        self.sets.is_empty() && self.rules.is_none() && self.jumps == 0
    }

    pub(super) fn disturb(&mut self, deed: Deed, family: Family) {
        match deed {
            Deed::Empties => {
                let set = self.sets.get_mut(&format!("portsentry{}", digit(family)));
                set.map(HashMap::clear);
            }
            Deed::CutsOff => self.jumps = self.jumps.min(1),
            Deed::Deletes => *self = Self::default(),
        }
    }
}
