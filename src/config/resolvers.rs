//! resolv.conf(5): the resolvers in use.

use core::net::IpAddr;

use crate::judge::protect::Resolvers;

/// Adds the resolvers that `text` names to `list`, each once; false if some did not fit.
///
/// One on a loopback address is a forwarder of this machine, whose own resolvers are named elsewhere. Leading
/// blanks are passed over, as dnsmasq does and the C library does not: whoever is protected without need harms
/// nobody.
pub fn read(text: &[u8], list: &mut Resolvers) -> bool {
    let lines = text.split(|byte| *byte == b'\n');
    let mut fit = true;
    for addr in lines.filter_map(resolver) {
        fit &= list.contains(&addr) || list.push(addr).is_ok();
    }
    fit
}

/// What is no such line is another option of the C library, a remark, or nonsense: nothing to us.
fn resolver(line: &[u8]) -> Option<IpAddr> {
    let line = core::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    words.next().filter(|word| *word == "nameserver")?;
    let word = words.next()?;
    // A link-local one is named with its device: `fe80::1%wan` (RFC 4007, 11).
    let addr = word.split_once('%').map_or(word, |(addr, _)| addr);
    let addr: IpAddr = addr.parse().ok()?;
    // Unspecified is loopback as well: "this host".
    let addr = addr.to_canonical();
    (!addr.is_loopback() && !addr.is_unspecified()).then_some(addr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::RESOLVERS_MAX;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut list = Resolvers::new();
        assert!(read(text.as_bytes(), &mut list));
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        assert_eq!(list, expected, "{text}");
    }

    #[test]
    fn what_netifd_writes_for_two_uplinks() {
        check(
            "# Interface wan\nnameserver 203.0.113.53\nnameserver 203.0.113.54\nsearch example.net\n\
             # Interface wan6\nnameserver 2001:db8:53::1\nnameserver fe80::1%pppoe-wan\n",
            &["203.0.113.53", "203.0.113.54", "2001:db8:53::1", "fe80::1"],
        );
    }

    #[test]
    fn a_forwarder_of_our_own_is_none() {
        check(
            "search lan\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 127.0.0.53\n\
             nameserver 0.0.0.0\nnameserver ::ffff:127.0.0.1\n",
            &[],
        );
    }

    #[test]
    fn lines_as_people_write_them() {
        check("nameserver\t9.9.9.9", &["9.9.9.9"]);
        check("  nameserver   9.9.9.9  # Quad9\r\n", &["9.9.9.9"]);
        check("nameserver 9.9.9.9\nnameserver 9.9.9.9\n", &["9.9.9.9"]);
        check("nameserver ::ffff:192.0.2.53\n", &["192.0.2.53"]);
        check(
            "# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nnameservers 1.1.1.1\nnameserver\n\
             nameserver dns.example.net\noptions timeout:1\nnameserver 9.9.9\n",
            &[],
        );
    }

    #[test]
    fn more_than_fit_are_left_out() {
        let text: String = (1..=RESOLVERS_MAX + 1)
            .map(|n| format!("nameserver 192.0.2.{n}\n"))
            .collect();
        let mut list = Resolvers::new();
        assert!(!read(text.as_bytes(), &mut list));
        assert_eq!(list.len(), RESOLVERS_MAX);
        assert_eq!(list.last().unwrap().to_string(), "192.0.2.16");
        assert!(!read(
            b"nameserver 192.0.2.99\nnameserver 192.0.2.1\n",
            &mut list
        ));
        assert!(read(b"nameserver 192.0.2.16\n", &mut list));
    }
}
