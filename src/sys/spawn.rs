//! `posix_spawn`: a program in a process group of its own, with a clean environment, in `/`, with default signals,
//! and no descriptor but its first three.
//!
//! Not `std::process::Command`: what that can do beyond this is a tenth of the whole program on a router.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;
use std::ptr;

/// The environment of whoever started us says nothing about a router.
const ENVIRONMENT: &CStr = c"PATH=/usr/sbin:/usr/bin:/sbin:/bin";
/// The same, one by one.
const PLACES: [&str; 4] = ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"];

/// Whether a program is where one is looked for.
pub fn is_there(program: &str) -> bool {
    PLACES
        .iter()
        .any(|place| Path::new(&format!("{place}{program}")).exists())
}

/// Starts a program, looked for like a shell would unless it has a `/` in it. Its first three descriptors are
/// those given; all others of ours are close-on-exec. Returns its process id; the caller waits for it.
pub(super) fn spawn(
    program: &str,
    arguments: &[&str],
    descriptors: [BorrowedFd<'_>; 3],
) -> io::Result<libc::pid_t> {
    let words = [program].into_iter().chain(arguments.iter().copied());
    let words: Vec<CString> = words.map(CString::new).collect::<Result<_, _>>()?;
    let attributes = Attributes::new()?;
    let actions = Actions::new(descriptors)?;
    let places: &[&str] = if program.contains('/') {
        &[""]
    } else {
        &PLACES
    };
    let mut result = Err(io::ErrorKind::NotFound.into());
    for place in places {
        let path = CString::new(format!("{place}{program}"))?;
        result = start(&path, &words, &attributes, &actions);
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            break;
        }
    }
    result
}

fn start(
    path: &CStr,
    words: &[CString],
    attributes: &Attributes,
    actions: &Actions,
) -> io::Result<libc::pid_t> {
    let end = [ptr::null_mut()];
    let pointers = words.iter().map(|word| word.as_ptr().cast_mut());
    let pointers: Vec<_> = pointers.chain(end).collect();
    let environment = [ENVIRONMENT.as_ptr().cast_mut(), ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: path, words and environment are C strings that live across the call, in lists that end with a null
    // pointer; attributes and actions were initialised; nobody writes to the strings (POSIX, exec).
    let error = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            path.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            pointers.as_ptr(),
            environment.as_ptr(),
        )
    };
    done(error).map(|()| pid)
}

/// These functions return the error instead of setting errno.
fn done(error: libc::c_int) -> io::Result<()> {
    match error {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    fn new() -> io::Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: fills the structure.
        done(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: it was just initialised.
        let mut attributes = Self(unsafe { attributes.assume_init() });
        let it = &raw mut attributes.0;
        let mut signals = MaybeUninit::uninit();
        // SAFETY: fills the set.
        unsafe { libc::sigemptyset(signals.as_mut_ptr()) };
        // SAFETY: the set is initialised, and copied.
        done(unsafe { libc::posix_spawnattr_setsigmask(it, signals.as_ptr()) })?;
        // SAFETY: fills the set.
        unsafe { libc::sigfillset(signals.as_mut_ptr()) };
        // SAFETY: the set is initialised, and copied.
        done(unsafe { libc::posix_spawnattr_setsigdefault(it, signals.as_ptr()) })?;
        // SAFETY: plain numbers; 0 is a group of its own.
        done(unsafe { libc::posix_spawnattr_setpgroup(it, 0) })?;
        let flags = libc::POSIX_SPAWN_SETPGROUP
            | libc::POSIX_SPAWN_SETSIGMASK
            | libc::POSIX_SPAWN_SETSIGDEF;
        let flags = libc::c_short::try_from(flags).unwrap_or_default();
        // SAFETY: plain numbers.
        done(unsafe { libc::posix_spawnattr_setflags(it, flags) })?;
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, and never used again.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}

struct Actions(libc::posix_spawn_file_actions_t);

impl Actions {
    fn new(descriptors: [BorrowedFd<'_>; 3]) -> io::Result<Self> {
        let mut actions = MaybeUninit::uninit();
        // SAFETY: fills the structure.
        done(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: it was just initialised.
        let mut actions = Self(unsafe { actions.assume_init() });
        let it = &raw mut actions.0;
        for (fd, number) in descriptors.iter().zip(0..) {
            let fd = fd.as_raw_fd();
            // SAFETY: the descriptors are open until the program has started; the copies stay open in it.
            done(unsafe { libc::posix_spawn_file_actions_adddup2(it, fd, number) })?;
        }
        // SAFETY: the name is a C string, and copied. Not in POSIX, but in glibc 2.29 and musl 1.1.24.
        done(unsafe { libc::posix_spawn_file_actions_addchdir_np(it, c"/".as_ptr()) })?;
        Ok(actions)
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, and never used again.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}
