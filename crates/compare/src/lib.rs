//! What differs between two user pools: a backup and the pool that was restored from it, or any
//! two of backups and live pools.
//!
//! Everything here is pure: who compares hands the two sides in, [settings] as two heads, users and
//! memberships one by one or as the streams of a [`diff`]. Of the differences, [`allowed`] names those that every
//! restore has, and [`announced`] those that a restore told of itself. A user of the one side
//! takes 32 bytes of memory, a membership 16, whatever they hold.

pub mod allowed;
pub mod announced;
pub mod change;
pub mod diff;
pub mod documents;
pub mod excused;
pub mod hash;
pub mod settings;
pub mod tables;
pub mod tally;
pub mod user;
