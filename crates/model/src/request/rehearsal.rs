//! A rehearsal: a restore into a scratch pool, which is compared with the backup and removed.

use std::num::NonZeroU64;

use crc_fast::{CrcAlgorithm, checksum};
use serde::{Deserialize, Serialize};

use crate::restore_id::RestoreId;

/// What is asked of a rehearsal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// About how many users are made, other ones in each rehearsal; all when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<NonZeroU64>,
    /// What tells who belongs to the sample, once it is [drawn](Rehearsal::draw).
    #[serde(skip)]
    draw: Option<Draw>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Draw {
    restore_id: RestoreId,
    users: u64,
}

impl Rehearsal {
    /// A rehearsal with about `sample` users, or with all.
    pub fn new(sample: Option<NonZeroU64>) -> Self {
        Self { sample, draw: None }
    }

    /// Draws the sample of a backup with so many users: for each invocation of one rehearsal the
    /// same.
    pub fn draw(&mut self, restore_id: &RestoreId, users: u64) {
        self.draw = Some(Draw {
            restore_id: restore_id.clone(),
            users,
        });
    }

    /// Whether a user of the backup is left out. Nobody is before the sample is drawn.
    pub(super) fn leaves_out(&self, username: &str) -> bool {
        let (Some(sample), Some(draw)) = (self.sample, &self.draw) else {
            return false;
        };
        let text = format!("{} {username}", draw.restore_id.as_str());
        let place = spread(checksum(CrcAlgorithm::Crc64Nvme, text.as_bytes()));
        // The place among all users, were they shuffled.
        let place = (u128::from(place) * u128::from(draw.users)) >> 64;
        place >= u128::from(sample.get())
    }
}

/// Spreads similar numbers over all of them: a checksum of similar names is similar (the
/// finalizer of SplitMix64).
fn spread(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(sample: u64, users: u64, restore_id: &str) -> Rehearsal {
        let mut rehearsal = Rehearsal::new(NonZeroU64::new(sample));
        rehearsal.draw(&restore_id.parse().unwrap(), users);
        rehearsal
    }

    fn chosen(rehearsal: &Rehearsal, users: u64) -> Vec<u64> {
        let is_in = |user: &u64| !rehearsal.leaves_out(&format!("user-{user:06}"));
        (0..users).filter(is_in).collect()
    }

    #[test]
    fn a_sample_has_about_as_many_users_as_asked_for_and_the_same_in_each_invocation() {
        for (sample, users) in [(100, 10_000), (1_000, 10_000), (50, 100)] {
            let rehearsal = drawn(sample, users, "rehearsal-1");
            let found = chosen(&rehearsal, users);
            let count = found.len() as f64;
            let spread = 5.0 * (sample as f64).sqrt();
            assert!((count - sample as f64).abs() < spread, "{sample}: {count}");
            assert_eq!(found, chosen(&drawn(sample, users, "rehearsal-1"), users));
            assert_ne!(found, chosen(&drawn(sample, users, "rehearsal-2"), users));
        }
    }

    #[test]
    fn without_a_sample_and_with_one_of_all_nobody_is_left_out() {
        for rehearsal in [drawn(10, 10, "r"), drawn(11, 10, "r"), Rehearsal::default()] {
            assert_eq!(chosen(&rehearsal, 10).len(), 10);
        }
    }

    #[test]
    fn how_the_sample_was_drawn_does_not_travel() {
        let text = serde_json::to_string(&drawn(5, 10, "r")).unwrap();
        assert_eq!(text, r#"{"sample":5}"#);
    }
}
