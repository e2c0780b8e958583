//! Clocks.

use core::time::Duration;

use crate::time::{Instant, LocalTime};

/// Now, on a clock that neither stands still in sleep nor is ever set.
pub fn now() -> Instant {
    // SAFETY: all members are integers (some of them padding on 32-bit musl), for which zero is a value.
    let mut time: libc::timespec = unsafe { core::mem::zeroed() };
    // SAFETY: the kernel fills the structure it is given; CLOCK_BOOTTIME exists since Linux 2.6.39.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let millis = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
    Instant::from_millis(seconds.saturating_mul(1000).saturating_add(millis))
}

/// The wall clock, in the time zone of the machine.
pub fn local_time() -> LocalTime {
    local_time_before(Duration::ZERO)
}

/// What the wall clock, as it goes now, showed so long ago: a clock that was set since tells it rightly.
#[allow(
    clippy::useless_conversion,
    reason = "time_t has 32 bits on some routers and 64 on others"
)]
pub fn local_time_before(span: Duration) -> LocalTime {
    // SAFETY: a null pointer asks for the return value only.
    let epoch = unsafe { libc::time(core::ptr::null_mut()) };
    let epoch = epoch.saturating_sub(span.as_secs().try_into().unwrap_or(0));
    // SAFETY: all members are integers and one pointer, for which zero is a value.
    let mut tm: libc::tm = unsafe { core::mem::zeroed() };
    // SAFETY: both pointers are to live variables; the result is not used behind them.
    let converted = unsafe { libc::localtime_r(&raw const epoch, &raw mut tm) };
    let small = |value: libc::c_int| u8::try_from(value).unwrap_or(0);
    if converted.is_null() {
        return LocalTime::default();
    }
    LocalTime {
        epoch: i64::from(epoch),
        year: tm.tm_year.saturating_add(1900),
        month: small(tm.tm_mon + 1),
        day: small(tm.tm_mday),
        hour: small(tm.tm_hour),
        minute: small(tm.tm_min),
        second: small(tm.tm_sec),
    }
}
