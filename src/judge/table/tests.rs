use super::*;
use core::net::Ipv4Addr;
use std::collections::{HashMap, HashSet};

fn key(n: u32) -> Prefix {
    Prefix::host(Ipv4Addr::from_bits(n).into())
}

/// A small table, always nearly full, so that every probe sequence and every gap is met.
#[test]
fn it_agrees_with_a_plain_map() {
    let mut table = Table::new(24, (1, 2));
    let mut model = HashMap::new();
    let mut stirred = HashSet::new();
    let mut random = 7u32;
    let mut refused = 0;
    for step in 0..200_000u32 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let n = key((random >> 16) % 40);
        if random >> 31 == 0 {
            let fits = model.len() < 24 || model.contains_key(&n);
            assert_eq!(table.insert(n, step), fits);
            refused += u32::from(!fits);
            if fits {
                model.insert(n, step);
            }
        } else {
            assert_eq!(table.remove(&n), model.remove(&n));
            stirred.remove(&n);
        }
        let other = key((random >> 8) % 40);
        if random & 3 == 0 && model.contains_key(&other) {
            table.stir(&other);
            stirred.insert(other);
        }
        if random & 31 == 0 {
            table.calm(|value| value % 3 == 0);
            stirred.retain(|key| model[key] % 3 != 0);
        }
        if random & 1023 == 0 {
            table.stir_all();
            stirred.extend(model.keys());
        }
        let found: HashSet<_> = table.stirred_mut().map(|(key, _)| *key).collect();
        assert_eq!(found, stirred);
        let numbered = (0..).map_while(|at| table.stirred_key_at(at));
        assert!(numbered.eq(table.stirred().map(|(key, _)| *key)));
        assert_eq!(table.len(), model.len());
        assert_eq!(table.get(&n), model.get(&n));
    }
    assert!(refused > 0, "the table was never full");
    assert!(table.iter().all(|(key, value)| model[key] == *value));
}

#[test]
fn the_length_is_part_of_the_key() {
    let mut table = Table::new(4, (0, 0));
    let addr: IpAddr = "2001:db8::".parse().unwrap();
    let (wide, host) = (Prefix::new(addr, 64).unwrap(), Prefix::host(addr));
    assert!(table.insert(wide, 1) && table.insert(host, 2));
    assert_eq!((table.get(&wide), table.get(&host)), (Some(&1), Some(&2)));
}

/// A sender who found a thousand addresses that meet in one place of his own table has found nothing about ours.
#[test]
fn whoever_does_not_know_the_key_cannot_aim_at_one_place() {
    let place = |seed, n: &u32| hash(seed, &key(*n)) % 1024;
    let met: Vec<u32> = (0..1_000_000)
        .filter(|n| place((1, 2), n) == 0)
        .take(900)
        .collect();
    assert_eq!(met.len(), 900);
    for seed in [(1, 3), (2, 2), (0, 0), (u64::MAX, 7)] {
        let mut places = HashMap::new();
        for n in &met {
            *places.entry(place(seed, n)).or_insert(0) += 1;
        }
        let most = places.values().max().unwrap();
        assert!(places.len() > 500 && *most < 10, "{seed:?}: {most} meet");
    }
}
