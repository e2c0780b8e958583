//! The configured rules.

use core::time::Duration;

use crate::judge::ban::Stop;
use crate::see::probe::Protocol;
use crate::see::traps::Traps;
use crate::time::{Instant, SPAN_MAX};

/// What BLOCK_TCP or BLOCK_UDP asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Block {
    /// 0: log only.
    #[default]
    Off,
    /// 1: stop packets, and every action.
    Full,
    /// 2: KILL_RUN_CMD only.
    RunOnly,
}

/// The configured rules.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The trap ports of what is watched.
    pub traps: Traps,
    /// BLOCK_TCP.
    pub block_tcp: Block,
    /// BLOCK_UDP.
    pub block_udp: Block,
    /// How a full block stops packets.
    pub stop: Stop,
    /// UNBLOCK_CMD is set: what KILL_ROUTE did can be undone.
    pub undone: bool,
    /// SCAN_TRIGGER: the hit that bans; 0 and 1 are the first.
    pub scan_trigger: u32,
    /// TRIGGER_PORTS: the distinct trap that bans; 0 and 1 are the first.
    pub trigger_ports: u32,
    /// WINDOW: a source that touched nothing for so long is forgotten.
    pub window: Duration,
    /// BLOCK_TIME; zero is for ever.
    pub block_time: Duration,
    /// BLOCK_TIME_MAX; zero is without end.
    pub block_time_max: Duration,
    /// BAN_RATE_MAX; zero is without limit.
    pub ban_rate_max: u32,
}

impl Policy {
    /// The block option of a protocol.
    pub fn block(&self, protocol: Protocol) -> Block {
        match protocol {
            Protocol::Tcp => self.block_tcp,
            Protocol::Udp => self.block_udp,
        }
    }

    /// Whether a source has done enough to be banned.
    pub fn is_triggered(&self, hits: u32, ports: u16) -> bool {
        hits >= self.scan_trigger && u32::from(ports) >= self.trigger_ports
    }

    /// Whether some ban would be held by our firewall.
    pub fn needs_firewall(&self) -> bool {
        let full = self.block_tcp == Block::Full || self.block_udp == Block::Full;
        full && self.stop == Stop::Firewall
    }

    /// When the nth ban of a source ends: each lasts twice as long as the one before. A ban that nothing can undo
    /// never ends.
    pub fn until(&self, now: Instant, strikes: u8, stop: Stop) -> Option<Instant> {
        let stays = stop == Stop::Route && !self.undone;
        if self.block_time.is_zero() || stays {
            return None;
        }
        let doublings = u32::from(strikes.saturating_sub(1)).min(24);
        let time = self.block_time.saturating_mul(1 << doublings);
        let most = match self.block_time_max.is_zero() {
            true => SPAN_MAX,
            false => self.block_time_max.max(self.block_time),
        };
        Some(now.after(time.min(most)).whole_second())
    }

    /// How long it is remembered that a source was banned: as long as a ban may last, and a day at least.
    pub fn memory(&self) -> Duration {
        self.block_time_max
            .max(self.block_time)
            .max(Duration::from_secs(24 * 3600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(time: u64, most: u64, strikes: u8, expected: Option<u64>) {
        let policy = Policy {
            traps: Traps::default(),
            block_tcp: Block::Full,
            block_udp: Block::Off,
            stop: Stop::Firewall,
            undone: false,
            scan_trigger: 0,
            trigger_ports: 0,
            window: Duration::from_secs(3600),
            block_time: Duration::from_secs(time),
            block_time_max: Duration::from_secs(most),
            ban_rate_max: 0,
        };
        let now = Instant::from_millis(5000);
        let until = policy.until(now, strikes, Stop::Firewall);
        assert_eq!(until.map(|until| until.since(now).as_secs()), expected);
        assert_eq!(policy.until(now, strikes, Stop::Route), None);
    }

    #[test]
    fn each_ban_lasts_twice_as_long_as_the_one_before() {
        let day = 24 * 3600;
        check(600, day, 1, Some(600));
        check(600, day, 2, Some(1200));
        check(600, day, 8, Some(76_800));
        check(600, day, 9, Some(day));
        check(600, day, u8::MAX, Some(day));
        check(600, 0, u8::MAX, Some(365 * day));
        check(7 * day, day, 1, Some(7 * day));
        check(0, day, 1, None);
    }
}
