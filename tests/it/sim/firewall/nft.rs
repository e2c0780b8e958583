//! What `nft -f -` makes of our input: all of it or nothing. As in kernels before 6.12 an element that is added
//! again keeps its old end.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv6Addr;
use std::time::Duration;

use portsentry::net::Prefix;
use portsentry::time::Instant;

use super::{Deed, Held, key, lives};

#[derive(Clone, Default)]
pub(crate) struct Ruleset(Option<Table>);

#[derive(Clone, Default)]
struct Table {
    sets: BTreeMap<String, Set>,
    chains: BTreeMap<String, Vec<String>>,
    /// As it was written, and which lines of it are still true.
    frame: String,
}

#[derive(Clone, Default)]
struct Set {
    v6: bool,
    /// Prefixes of any length, of which no two may overlap.
    interval: bool,
    size: Option<usize>,
    elements: HashMap<Prefix, Option<Instant>>,
}

impl Ruleset {
    pub(super) fn run(&mut self, at: Instant, input: &str) -> bool {
        let mut draft = self.clone();
        let sets = draft.0.iter_mut().flat_map(|table| table.sets.values_mut());
        sets.for_each(|set| set.elements.retain(|_, ends| lives(at, *ends)));
        let mut lines = input.lines();
        while let Some(line) = lines.next() {
            if line == "table inet portsentry {" {
                draft.0.get_or_insert_default().read(&mut lines);
            } else if !draft.command(at, line) {
                return false;
            }
        }
        *self = draft;
        true
    }

    fn command(&mut self, at: Instant, line: &str) -> bool {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["add", "table", "inet", "portsentry"] => {
                self.0.get_or_insert_default();
                true
            }
            ["delete", "table", "inet", "portsentry"] => self.0.take().is_some(),
            [
                verb,
                "element",
                "inet",
                "portsentry",
                name,
                "{",
                element,
                ..,
            ] => {
                let Some(table) = &mut self.0 else {
                    return false;
                };
                let Some(set) = table.sets.get_mut(name) else {
                    return false;
                };
                let element = key(element, set.v6);
                let words: Vec<&str> = line.split(' ').skip(7).collect();
                match (verb, &words[..]) {
                    ("add", ["}"]) => set.add(element, None),
                    ("add", ["timeout", time, "}"]) => {
                        let seconds = time.strip_suffix('s').unwrap().parse().unwrap();
                        assert!(seconds > 0, "nft takes that for no end at all");
                        set.add(element, Some(at.after(Duration::from_secs(seconds))))
                    }
                    ("delete", ["}"]) => set.elements.remove(&element).is_some(),
                    _ => panic!("nft does not know {line:?}"),
                }
            }
            _ => panic!("nft does not know {line:?}"),
        }
    }

    /// Every set of bans that a chain of ours asks, with the length that the rule compares.
    pub(super) fn held(&self, at: Instant) -> Held {
        let Some(table) = &self.0 else {
            return Vec::new();
        };
        let led = |chain: &Vec<String>| {
            let hook = chain.iter().any(|line| line.contains("hook prerouting"));
            hook && chain.contains(&"ct state { new, invalid } goto begun".to_owned())
        };
        if !table.chains.values().any(led) {
            return Vec::new();
        }
        let mut held = Vec::new();
        for rule in table.chains.get("begun").into_iter().flatten() {
            let (set, bits) = rule_of(rule);
            let Some(set) = table.sets.get(set) else {
                panic!("{rule}: there is no such set");
            };
            let alive = set.elements.iter().filter(|(_, ends)| lives(at, **ends));
            held.extend(alive.map(|(element, ends)| {
                let bits = if set.interval { element.bits() } else { bits };
                (Prefix::new(element.addr(), bits).unwrap(), *ends)
            }));
        }
        held
    }

    pub(super) fn is_clean(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn frame(&self) -> String {
        self.0
            .as_ref()
            .map_or_else(String::new, |t| t.frame.clone())
    }

    pub(super) fn disturb(&mut self, at: Instant, deed: Deed) {
        let Some(table) = &mut self.0 else {
            return;
        };
        match deed {
            Deed::Empties => {
                let sets = table.sets.values_mut();
                sets.for_each(|set| set.elements.retain(|_, ends| !lives(at, *ends)));
            }
            Deed::CutsOff => {
                table.chains.remove("prerouting");
            }
            Deed::Deletes => self.0 = None,
        }
    }
}

impl Table {
    /// The lines of `table inet portsentry { … }`.
    fn read<'a>(&mut self, lines: &mut impl Iterator<Item = &'a str>) {
        let mut chain: Option<(String, Vec<String>)> = None;
        for line in lines {
            self.frame.push_str(line);
            self.frame.push('\n');
            match (&mut chain, line) {
                (Some(_), "}") => self.chains.extend(chain.take()),
                (Some((_, rules)), rule) => rules.push(rule.to_owned()),
                (None, "}") => return self.is_whole(),
                (None, line) => chain = self.declare(line),
            }
        }
        panic!("a table without an end");
    }

    fn declare(&mut self, line: &str) -> Option<(String, Vec<String>)> {
        let words: Vec<&str> = line.split(' ').collect();
        let name = words[1].to_owned();
        match words[..] {
            ["set", _, "{", "type", ..] => {
                let after = |word: &str| {
                    let at = words.iter().position(|other| *other == word);
                    at.map(|at| words[at + 1].trim_end_matches(';'))
                };
                let set = Set {
                    v6: after("type") == Some("ipv6_addr"),
                    interval: words.contains(&"interval,"),
                    size: after("size").map(|size| size.parse().unwrap()),
                    elements: HashMap::new(),
                };
                self.sets.insert(name, set);
                None
            }
            ["chain", _, "{"] => Some((name, Vec::new())),
            ["chain", _, "{", ..] => Some((name, vec![words[3..].join(" ")])),
            _ => panic!("nft does not know {line:?}"),
        }
    }

    /// A rule about a set or a chain that is not there is refused.
    fn is_whole(&self) {
        for word in self
            .chains
            .values()
            .flatten()
            .flat_map(|rule| rule.split(' '))
        {
            let set = word.strip_prefix('@');
            assert!(set.is_none_or(|set| self.sets.contains_key(set)), "{word}");
        }
        assert!(self.chains.contains_key("begun"));
    }
}

impl Set {
    fn add(&mut self, element: Prefix, ends: Option<Instant>) -> bool {
        let other = |there: &&Prefix| **there != element && there.overlaps(&element);
        if self.interval && self.elements.keys().any(|there| other(&there)) {
            return false; // "conflicting intervals specified"
        }
        self.elements.entry(element).or_insert(ends);
        assert!(self.size.is_none_or(|size| self.elements.len() <= size));
        true
    }
}

/// `ip6 saddr & ffff:ffff:ffff:ffff:: @ban6 drop`: the set, and how many bits of an address are compared.
fn rule_of(rule: &str) -> (&str, u8) {
    let words: Vec<&str> = rule.split(' ').collect();
    match words[..] {
        ["ip", "saddr", set, "drop"] => (&set[1..], 32),
        ["ip6", "saddr", set, "drop"] => (&set[1..], 128),
        ["ip6", "saddr", "&", mask, set, "drop"] => {
            let mask: Ipv6Addr = mask.parse().unwrap();
            let bits = u8::try_from(mask.to_bits().leading_ones()).unwrap();
            (&set[1..], bits)
        }
        _ => panic!("{rule}: not a rule of ours"),
    }
}
