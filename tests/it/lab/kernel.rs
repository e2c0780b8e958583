//! A kernel that lacks something: what a program asks of it is refused, and what it would list is not there.

use super::{Lab, skip};

/// Becomes a program whose calls a filter judges (seccomp(2)): the number of prctl, the filter, the program. Perl,
/// because this crate has no `unsafe`; PR_SET_NO_NEW_PRIVS is 38, PR_SET_SECCOMP 22, SECCOMP_MODE_FILTER 2.
const FILTERED: &str = "
    my ($prctl, $filter) = (shift, pack('H*', shift));
    my $program = pack('Sx6P', length($filter) / 8, $filter);
    syscall($prctl + 0, 38, 1, 0, 0, 0) == 0 or die $!;
    syscall($prctl + 0, 22, 2, $program) == 0 or die $!;
    exec { $ARGV[0] } @ARGV or die $!;";

/// What stands before a program to which socket(2) answers EAFNOSUPPORT when all of these arguments of it, counted
/// from 0, have these values. Nothing where calls have numbers that we do not know.
pub(crate) fn refusing(arguments: &[(u32, u32)]) -> Option<Vec<String>> {
    let (socket, prctl) = match std::env::consts::ARCH {
        "x86_64" => (41, 157),
        "aarch64" => (198, 167),
        other => {
            skip(&format!("no numbers of calls for {other}"));
            return None;
        }
    };
    // Words of `struct seccomp_data`: the call, then at 16 the lower halves of its arguments.
    let arguments = arguments.iter().map(|(n, value)| (16 + 8 * n, *value));
    let words: Vec<_> = [(0, socket)].into_iter().chain(arguments).collect();
    let (load, equal, done) = (0x20_u16, 0x15_u16, 0x06_u16);
    let (allow, refuse) = (0x7fff_0000_u32, 0x0005_0000 | 97);
    let mut filter = Vec::new();
    let last = 2 * words.len() + 1;
    for (n, (at, value)) in words.iter().enumerate() {
        filter.push((load, 0, *at));
        filter.push((equal, u8::try_from(last - 2 * n - 2).unwrap(), *value));
    }
    filter.extend([(done, 0, refuse), (done, 0, allow)]);
    let filter = filter.iter().map(|(code, otherwise, value)| {
        let [low, high] = code.to_le_bytes();
        let [a, b, c, d] = value.to_le_bytes();
        format!("{low:02x}{high:02x}00{otherwise:02x}{a:02x}{b:02x}{c:02x}{d:02x}")
    });
    let filter: String = filter.collect();
    let words = ["perl", "-e", FILTERED, &prctl.to_string(), &filter];
    Some(words.map(str::to_owned).to_vec())
}

impl Lab {
    /// Takes files away from the router's /proc/net. It becomes a directory of links, as /proc around it: nothing
    /// can be taken from the real one. Processes that start later are not listed, but each finds itself.
    pub(crate) fn hide_lists(&self, names: &[&str]) {
        self.router.sh(&format!(
            "cd {}/world
             mkdir proc
             mount --rbind /proc proc
             mount -t tmpfs lab /proc
             for node in $PWD/proc/*; do ln -s $node /proc/; done
             rm /proc/net
             mkdir /proc/net
             for list in $PWD/proc/self/net/*; do
                 ln -s $PWD/proc/self/net/${{list##*/}} /proc/net/
             done
             for hidden in {}; do rm /proc/net/$hidden; done",
            self.dir().display(),
            names.join(" ")
        ));
    }
}
