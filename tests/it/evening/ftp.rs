//! Active FTP (RFC 959): a machine of the LAN tells a server outside on which port it listens, and the server
//! connects to that. The numbers are traps, which is the worst that can happen.

use super::{at, check_owner, check_protects, home, start, touched};
use crate::lab::talk::check_talk;
use crate::lab::{LAN, Lab, ROUTER};
use socket2::Socket;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};

/// nft's word for what reads a protocol to know which connections it will open.
const READER: &str = concat!("help", "er");

/// The control connection, from the LAN to the server.
struct Control {
    client: Socket,
    server: TcpStream,
    from: IpAddr,
}

impl Control {
    #[track_caller]
    fn open(lab: &Lab) -> Control {
        let from = lab.stranger(ROUTER);
        let listener = lab.scanner.listen((from, 21));
        let client = lab.lan().connect(LAN, at(from, 21)).expect("no way out");
        let server = listener.accept().unwrap().0;
        let mut control = Control {
            client,
            server,
            from,
        };
        // The kernel reads a line only behind one that it saw.
        assert_eq!(control.say("USER anonymous"), "USER anonymous");
        control
    }

    /// A line, and what comes of it on the way.
    #[track_caller]
    fn say(&mut self, words: &str) -> String {
        self.client
            .write_all(format!("{words}\r\n").as_bytes())
            .unwrap();
        let mut line = String::new();
        while !line.ends_with('\n') {
            let mut byte = [0];
            self.server.read_exact(&mut byte).unwrap();
            line.push(char::from(byte[0]));
        }
        line.trim_end().to_owned()
    }

    /// What the server reads when the client says `PORT 10,77,0,2,34,184`.
    #[track_caller]
    fn port(&mut self, port: u16) -> SocketAddr {
        let [high, low] = port.to_be_bytes();
        let line = self.say(&format!("PORT 10,77,0,2,{high},{low}"));
        let numbers = line.trim_start_matches("PORT ").split(',');
        let numbers: Vec<u8> = numbers.map(|number| number.parse().unwrap()).collect();
        let [a, b, c, d, high, low] = numbers[..] else {
            panic!("{line}")
        };
        SocketAddr::new([a, b, c, d].into(), u16::from_be_bytes([high, low]))
    }
}

/// With the kernel's reader of FTP, where OpenWrt's kmod-nf-nathelper is installed: the connection is expected.
#[test]
fn an_active_ftp_server_connects_to_what_conntrack_expects() {
    let Some(lab) = home() else { return };
    let script = "nft -f - <<'END'
table inet fw4 {
    ct READER ftp {
        type \"ftp\" protocol tcp;
    }
    chain readers {
        type filter hook prerouting priority filter; policy accept;
        iifname lan tcp dport 21 ct READER set ftp
    }
}
END";
    lab.router.sh(&script.replace("READER", READER));
    let daemon = start(&lab);
    let mut control = Control::open(&lab);
    for port in [8888, 3306, 8888, 1723] {
        let door = lab.lan().listen((LAN, port));
        let to = control.port(port);
        assert_eq!(to, at(ROUTER, port), "it is translated");
        let mut data = lab.scanner.connect(control.from, to).expect("no data");
        check_talk(&mut data, &mut door.accept().unwrap().0);
    }
    assert_eq!(touched(&daemon, control.from), (0, false));
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}

/// Without it the transfer fails, as it does without us. The server knows only an address of the LAN, so it takes
/// the one that it sees, and its connection arrives as if it were a probe: one, of a client that takes one port.
#[test]
fn an_active_ftp_server_that_connects_to_nobody_is_not_banned() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    let mut control = Control::open(&lab);
    for _ in 0..3 {
        let to = control.port(8888);
        assert_eq!(to, at(LAN, 8888));
        let in_vain = lab.scanner.connect(control.from, at(ROUTER, to.port()));
        assert!(in_vain.is_none());
    }
    daemon.settle();
    assert_eq!(touched(&daemon, control.from), (1, false));
    check_talk(&mut control.client, &mut control.server);
    drop(Control::open(&lab));
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}
