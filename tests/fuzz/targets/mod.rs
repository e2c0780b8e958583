//! What is fuzzed: readers of bytes that others wrote, each with what must be true of whatever it reads. The fuzz
//! crate looks for inputs that break it; `cargo test` tries those that are kept in `tests/fuzz/seeds`.

pub mod conf;
pub mod firewall;
pub mod journal;
pub mod lists;
pub mod netlink;
pub mod packet;
pub mod ports;
pub mod requests;
pub mod tables;
pub mod uci;

/// A target's name, which its file of seeds has as well, and itself: it panics where something is not true.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 13] = [
    ("packet", packet::check),
    ("classic", conf::check),
    ("uci", uci::check),
    ("ports", ports::check),
    ("ignore", lists::ignore),
    ("journal", journal::check),
    ("requests", requests::check),
    ("tables", tables::check),
    ("netlink", netlink::check),
    ("resolvers", |text| drop(lists::resolvers(text))),
    ("devices", lists::devices),
    ("denied", lists::denied),
    ("firewall", firewall::check),
];

/// The inputs in a file of seeds, a line each, written as Rust writes bytes.
pub fn inputs(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(unescaped).collect()
}

/// Bytes in which `\n`, `\t`, `\r`, `\\`, quotes and `\xNN` stand for what they do in Rust.
pub fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().unwrap() {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'x' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other @ (b'\\' | b'\'' | b'"') => other,
            other => panic!("\\{}", char::from(other)),
        });
    }
    out
}
