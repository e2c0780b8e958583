//! The control socket: who may come, and that whoever comes harms nothing.

use crate::lab::background::Background;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{BOUND, Lab, ROUTER, SECOND, eventually};
use portsentry::limits::{ANSWER_BYTES_MAX, BANS_MAX, CLIENTS_MAX, REQUEST_BYTES_MAX};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::Duration;

/// Somebody at the socket.
fn client(daemon: &Background<'_>) -> UnixStream {
    let client = UnixStream::connect(daemon.run().join("control")).unwrap();
    client.set_read_timeout(Some(BOUND)).unwrap();
    client
}

/// What comes back until the connection is closed, which it has to be.
#[track_caller]
fn rest(mut client: UnixStream) -> String {
    let mut answer = Vec::new();
    match client.read_to_end(&mut answer) {
        Ok(_) => {}
        // Closed with something left that nobody has read.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("not closed: {error}"),
    }
    String::from_utf8(answer).unwrap()
}

#[track_caller]
fn started(lab: &Lab) -> Background<'_> {
    let daemon = lab.background(&Config::new(Mode::Stealth));
    assert_eq!(daemon.call(&["-stcp"]), (0, String::new()));
    daemon
}

/// Probes are judged, and the next request is answered.
#[track_caller]
fn is_well(daemon: &Background<'_>, port: u16) {
    let scanner = &daemon.lab.scanner;
    scanner.touch(Tcp, SECOND, SocketAddr::new(ROUTER, port));
    let line = probed(SECOND, Tcp, port);
    eventually(&line, || daemon.said(&line));
    assert_eq!(daemon.call(&["-stcp"]).0, 0);
}

#[test]
fn the_socket_is_roots_alone() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = started(&lab);
    let socket = daemon.run().join("control");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);

    // Whoever gets there in spite of that is not heard. There is a second user where we are the real root.
    let users = fs::read_to_string("/proc/self/uid_map").unwrap();
    let one_only = users.split_whitespace().nth(2) == Some("1");
    if one_only || !crate::lab::need("nc") {
        return;
    }
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let asked = |who: &str| {
        let socket = socket.display();
        let (walk, conf) = ("chmod a+x", daemon.home.join("conf"));
        lab.router.sh(&format!(
            "{walk} {} {}
             echo 'watch stcp {}' | {who} nc -U -w 5 {socket}",
            lab.dir().display(),
            daemon.home.display(),
            conf.display(),
        ))
    };
    assert!(asked("").ends_with("watches that already\nstatus 0\n"));
    assert_eq!(asked("setpriv --reuid 65534 --clear-groups --"), "");
    is_well(&daemon, 11);
}

#[test]
fn what_is_no_request_is_answered_or_closed() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = started(&lab);
    let long = vec![b'x'; REQUEST_BYTES_MAX + 1];
    let table: [(&[u8], &str); 8] = [
        (b"\n", "unknown request \"\"\nstatus 1\n"),
        (b"walk\n", "unknown request \"walk\"\nstatus 1\n"),
        (b"watch tcp\n", "not understood: watch tcp\nstatus 1\n"),
        (
            b"watch off /x\n",
            "not understood: watch off /x\nstatus 1\n",
        ),
        (b"two\nlines\n", ""),
        (b"\xff\xfe\xfd\n", ""),
        (b"\0\n", "unknown request \"\0\"\nstatus 1\n"),
        (&long, ""),
    ];
    for (request, expected) in table {
        let mut client = client(&daemon);
        client.write_all(request).unwrap();
        assert_eq!(rest(client), expected, "{}", request.escape_ascii());
    }
    is_well(&daemon, 11);
}

#[test]
fn whoever_says_nothing_is_closed_and_nobody_is_kept_waiting_for_ever() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = started(&lab);
    let mut crowd: Vec<_> = (0..3 * CLIENTS_MAX).map(|_| client(&daemon)).collect();
    for (n, client) in crowd.iter_mut().enumerate() {
        // Some begin a line, some ask and do not take the answer.
        let part: &[u8] = [&b""[..], b"wat", b"walk\n"][n % 3];
        client.write_all(part).unwrap();
    }
    // Probes do not wait for them.
    lab.scanner.touch(Tcp, SECOND, SocketAddr::new(ROUTER, 11));
    eventually("the probe", || daemon.said(&probed(SECOND, Tcp, 11)));
    let open = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    assert!(open.count() < 16 + CLIENTS_MAX, "all of them were let in");
    // Each gets its turn, and its end.
    for (n, client) in crowd.into_iter().enumerate() {
        assert_eq!(rest(client).is_empty(), n % 3 != 2, "{n}");
    }
    is_well(&daemon, 15);
}

#[test]
fn behind_a_crowd_that_says_nothing_somebody_is_answered_in_time() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let socket = daemon.file("run/control");
    let crowd: Vec<_> = (0..20)
        .map(|_| UnixStream::connect(&socket).unwrap())
        .collect();
    // Its own patience is what counts: the program says so when it is over.
    assert_eq!(daemon.ask("list").done(), "nobody is banned\n");
    drop(crowd);
}

#[test]
fn rubbish_is_closed_and_harms_nothing() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let socket = daemon.file("run/control");
    let memory = daemon.memory_kb();
    let mut random = 1_u32;
    let mut byte = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    };
    let megabyte = vec![b'x'; 1 << 20];
    let binary: Vec<u8> = (0..100_000).map(|_| byte()).collect();
    for rubbish in [&megabyte, &binary] {
        let mut client = UnixStream::connect(&socket).unwrap();
        // It may be closed before all is written.
        let _ = client.write_all(rubbish);
        assert_eq!(rest(client), "");
    }
    // Half a request, and gone; a whole one, and gone before the answer.
    for request in ["ban 192.0.2", "status --json\n", "list\n"] {
        for _ in 0..50 {
            let mut client = UnixStream::connect(&socket).unwrap();
            client.write_all(request.as_bytes()).unwrap();
        }
    }
    assert_eq!(daemon.ask("list").done(), "nobody is banned\n");
    assert!(daemon.memory_kb() < memory + 1024, "it keeps what was said");
}

/// A full table is two megabytes of JSON; whoever asks for it and does not read holds nobody up.
#[test]
fn the_longest_answer_comes_whole() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let config = Config::new(Mode::Stealth).with("BACKEND", "nft");
    let daemon = lab.start(config);
    let socket = daemon.file("run/control");
    let ask = |request: &str| {
        let mut client = UnixStream::connect(&socket).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        rest(client)
    };
    for n in 0..BANS_MAX {
        let answer = ask(&format!(
            "ban 2001:db8:{n:x}:ffff:ffff:ffff:ffff:ffff/64 --for 365d\n"
        ));
        assert!(
            answer.ends_with(" is banned for 365d\nstatus 0\n"),
            "{answer}"
        );
    }
    let full = daemon.ask("ban 192.0.2.7").refused();
    let expected = "portsentry: 192.0.2.7 cannot be banned: the table is full of others by hand\n";
    assert_eq!(full, expected);
    let crowd: Vec<_> = (1..CLIENTS_MAX)
        .map(|_| {
            let mut client = UnixStream::connect(&socket).unwrap();
            client.write_all(b"list --json\n").unwrap();
            client
        })
        .collect();
    let list = daemon.ask("list --json");
    assert!(list.said.len() < ANSWER_BYTES_MAX, "{}", list.said.len());
    assert_eq!(list.json()["bans"].as_array().unwrap().len(), BANS_MAX);
    assert_eq!(daemon.ask("list").done().lines().count(), BANS_MAX + 1);
    drop(crowd);
    assert_eq!(
        daemon.ask("unban --all").done(),
        "all 8192 bans are lifted\n"
    );
    assert_eq!(daemon.ask("list").done(), "nobody is banned\n");
}

#[test]
fn an_idle_daemon_with_a_socket_sleeps() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    // Somebody was there, and has gone: that leaves no deadline behind.
    drop(UnixStream::connect(daemon.file("run/control")).unwrap());
    // The kernel has news of a fresh link for a while.
    eventually("it sleeps two seconds through", || {
        let before = daemon.wakeups();
        sleep(Duration::from_secs(2));
        daemon.wakeups() == before
    });
}
