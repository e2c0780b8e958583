//! Whatever a list of resolvers holds.

use super::bytes::{Random, scratch};
use super::{Reach, guided, must, reached};

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
        let list = guided::targets::lists::resolvers(&text);
        reached(&mut reach, if list.is_full() { "full" } else { "fits" });
        list.iter().for_each(|_| reached(&mut reach, "resolver"));
    }
    let wanted = [("fits", 10_000), ("full", 50), ("resolver", 40_000)];
    must(&reach, &wanted);
}
