//! Two programs that talk: connections as they are used, both ways and with more than one packet.

use super::namespace::Namespace;
use super::{Lab, SCANNER};
use socket2::Socket;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

/// A few words each way.
#[track_caller]
pub(crate) fn check_talk(one: &mut (impl Read + Write), other: &mut (impl Read + Write)) {
    let mut heard = [0; 5];
    one.write_all(b"hello").unwrap();
    other.read_exact(&mut heard).unwrap();
    other.write_all(&heard).unwrap();
    one.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
}

/// Both ends of a connection.
pub(crate) struct Session(Socket, TcpStream);

impl Session {
    /// One from an address of a place to a service of another.
    #[track_caller]
    pub(crate) fn open(
        client: (&Namespace, IpAddr),
        server: (&Namespace, IpAddr),
        port: u16,
    ) -> Session {
        let listener = server.0.listen((server.1, port));
        let to = SocketAddr::new(server.1, port);
        let ours = client.0.connect(client.1, to).expect("no way");
        Session(ours, listener.accept().unwrap().0)
    }

    /// A word each way, and then more than one packet each way.
    #[track_caller]
    pub(crate) fn check_alive(&mut self) {
        let Session(client, server) = self;
        check_talk(client, server);
        check_talk(server, client);
        let page = [b'x'; 30_000];
        let mut heard = [0; 30_000];
        server.write_all(&page).unwrap();
        client.read_exact(&mut heard).unwrap();
        assert_eq!(heard, page);
    }
}

impl Lab {
    /// The scanner's machine visits a service, whose door this is, and comes in at the first attempt.
    #[track_caller]
    pub(crate) fn check_visit(&self, to: SocketAddr, door: &TcpListener) {
        let mut visitor = self.scanner.connect(SCANNER, to).expect("no way in");
        check_talk(&mut visitor, &mut door.accept().unwrap().0);
    }
}
