//! What root may do and a port-scan detector does not need: given up once everything is set up (capabilities(7)).

use std::io;

use super::check;

/// What is kept (linux/capability.h): ports below 1024, the firewall, packet sockets. Ports are bound at a reload,
/// too, which may ask for connect sensors.
const KEPT: [libc::c_ulong; 3] = [CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW];
const CAP_SETPCAP: libc::c_ulong = 8;
const CAP_NET_BIND_SERVICE: libc::c_ulong = 10;
const CAP_NET_ADMIN: libc::c_ulong = 12;
const CAP_NET_RAW: libc::c_ulong = 13;

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    process: libc::c_int,
}

/// `_LINUX_CAPABILITY_VERSION_3`, with two words of 32 bits for each set; process 0 is the one that asks.
const OWN: Header = Header {
    version: 0x2008_0522,
    process: 0,
};

/// `struct __user_cap_data_struct`; the first of two has the lower words.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// From the first moment on: files are nobody else's unless their mode says so, and a crash leaves no image of the
/// memory on a router's flash.
pub fn begin() -> io::Result<()> {
    // SAFETY: takes and returns plain numbers.
    unsafe { libc::umask(0o077) };
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel reads the structure it is given.
    check(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) }).map(drop)
}

/// Gives up all but [`KEPT`] for ever, for us and for every program that we start: out of every set, the bounding
/// set included, and no program gets more by its file's mode (`no_new_privs`).
pub fn drop_rest() -> io::Result<()> {
    let [mut sets, _] = held()?;
    // Who may not change the bounding set has little to lose: a container has seen to that.
    if sets.permitted & 1 << CAP_SETPCAP != 0 {
        bound()?;
    }
    let kept = KEPT
        .into_iter()
        .fold(0, |kept, capability| kept | 1 << capability);
    sets.permitted &= kept;
    sets.effective = sets.permitted;
    // What is in none of them is not in the ambient set either.
    sets.inheritable &= kept;
    // Of the upper words nothing is kept.
    set(&[sets, Sets::default()])?;
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

/// The bounding set: the kernel says where its capabilities end.
fn bound() -> io::Result<()> {
    for capability in (0..64).filter(|capability| !KEPT.contains(capability)) {
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
            dropped => dropped?,
        }
    }
    Ok(())
}

/// The kernel reads all five as long numbers, and refuses what it does not use and is not 0.
fn prctl(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    const UNUSED: libc::c_ulong = 0;
    // SAFETY: takes and returns plain numbers.
    check(unsafe { libc::prctl(option, value, UNUSED, UNUSED, UNUSED) }).map(drop)
}

fn held() -> io::Result<[Sets; 2]> {
    let mut header = OWN;
    let mut sets = [Sets::default(); 2];
    // SAFETY: the kernel reads the header and fills the two structures of version 3.
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    check_call(got).map(|()| sets)
}

fn set(sets: &[Sets; 2]) -> io::Result<()> {
    let mut header = OWN;
    // SAFETY: the kernel reads the header and the two structures of version 3.
    check_call(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) })
}

fn check_call(result: libc::c_long) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
