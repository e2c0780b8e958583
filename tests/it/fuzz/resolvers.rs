//! Whatever a list of resolvers holds.

use super::bytes::{Random, scratch};
use super::{Reach, must, reached};
use portsentry::config::resolvers;
use portsentry::judge::protect::Resolvers;

#[test]
fn a_list_of_resolvers_of_any_bytes_is_read() {
    const GOOD: &[u8] =
        b"# Interface wan\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch lan\n\
                          nameserver fe80::1%wan\nnameserver 127.0.0.1\noptions edns0\n";
    let random = Random::new(6);
    let mut reach = Reach::new();
    for n in 0..20_000 {
        let mut text = GOOD.to_vec();
        if n % 8 == 0 {
            // More than fit.
            text.extend(
                (1..30).flat_map(|at| format!("nameserver 10.1.{}.{at}\n", n % 256).into_bytes()),
            );
        }
        for _ in 0..random.below(8) {
            scratch(&random, &mut text, GOOD);
        }
        let mut list = Resolvers::new();
        let fit = resolvers::read(&text, &mut list);
        reached(&mut reach, if fit { "fits" } else { "full" });
        assert!(fit || list.is_full(), "{}", text.escape_ascii());
        for (at, addr) in list.iter().enumerate() {
            reached(&mut reach, "resolver");
            let mapped = addr.to_canonical() != *addr;
            let strange = addr.is_loopback() || addr.is_unspecified() || mapped;
            let twice = list[..at].contains(addr);
            assert!(!strange && !twice, "{addr}: {}", text.escape_ascii());
        }
        // Who reads it again learns nothing new.
        let mut again = list.clone();
        assert_eq!(resolvers::read(&text, &mut again), fit);
        assert_eq!(again, list);
    }
    let wanted = [("fits", 10_000), ("full", 50), ("resolver", 40_000)];
    must(&reach, &wanted);
}
