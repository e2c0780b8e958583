//! A test for each weakness of PortSentry 1.2 and 2.x, with its number in its name: that we do not have it.
//!
//! Where 1.2's can be seen from outside, the same test is pointed at Debian's 1.2, and must show it. Numbers are
//! those of tests/data/weaknesses.txt, which says where else a weakness is tested.

mod detection;
mod devices;
mod list;
mod packets;
mod ports;
pub(crate) mod programs;
mod responses;
mod router;
mod six;
