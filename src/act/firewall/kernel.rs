//! A mistake of kernels that makes a chain on a device dangerous.

/// From 5.10, the first with the ingress hook in a table of both families, each of these lines of kernels has the
/// repair (CVE-2024-26808; net/netfilter/nft_chain_filter.c takes the chain away with its device) from this patch
/// on: major, minor, patch.
const REPAIRED: [(u32, u32, u32); 5] = [
    (5, 10, 210),
    (5, 15, 149),
    (6, 1, 76),
    (6, 6, 15),
    (6, 7, 3),
];

/// Whether a chain that was on a device outlives it, with a pointer to memory that is the device's no longer:
/// after a PPP device went, changing our table could bring the machine down. From uname's release and version; a
/// release that does not tell its patch is not trusted, unless the version tells it, as Debian's does.
pub fn outlives_device(release: &str, version: &str) -> bool {
    let debian = version.split_once("Debian ").map(|(_, behind)| behind);
    let kernel = numbers(debian.unwrap_or(release));
    let (major, minor, patch) = kernel;
    if !((5, 10, 0)..(6, 8, 0)).contains(&kernel) {
        return false;
    }
    let line = REPAIRED
        .iter()
        .find(|line| (line.0, line.1) == (major, minor));
    line.is_none_or(|line| patch < line.2)
}

/// The first three numbers of "5.15.150-rt1".
fn numbers(text: &str) -> (u32, u32, u32) {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .map(|digits| digits.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_that_forget_a_device_are_known() {
        for (release, version, expected) in [
            // OpenWrt 21.02, 22.03.5, 22.03.7, 23.05.2, 23.05.3, 24.10.
            ("5.4.188", "#0 SMP Sat Apr 16 12:59:34 2022", false),
            ("5.10.176", "#0 SMP Thu Apr 27 20:28:15 2023", true),
            ("5.10.221", "#0 Mon Jul 22 21:28:56 2024", false),
            ("5.15.137", "#0 Tue Nov 14 13:38:11 2023", true),
            ("5.15.150", "#0 Fri Mar 22 22:09:42 2024", false),
            ("6.6.73", "#0 SMP Sun Jan 26 20:31:47 2025", false),
            // Debian's release has its own third number.
            (
                "6.1.0-17-4kc-malta",
                "#1 Debian 6.1.69-1 (2023-12-30)",
                true,
            ),
            (
                "6.1.0-18-4kc-malta",
                "#1 Debian 6.1.76-1 (2024-02-01)",
                false,
            ),
            // Nobody can tell.
            (
                "5.15.0-100-generic",
                "#110-Ubuntu SMP Wed Feb 7 13:27:48 UTC 2024",
                true,
            ),
            ("6.2.16", "", true),
            ("6.8.0-31-generic", "#31-Ubuntu SMP", false),
            ("6.18.5", "", false),
            ("", "", false),
        ] {
            assert_eq!(
                outlives_device(release, version),
                expected,
                "{release} {version}"
            );
        }
    }
}
