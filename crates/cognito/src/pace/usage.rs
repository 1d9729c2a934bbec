//! How much of the quotas was used.

use std::collections::HashMap;
use std::time::Duration;

use super::{Pacer, lock};
use crate::operation::Category;

/// What a pacer has counted since it was made.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    calls: HashMap<Category, u64>,
    pub(super) throttled: u64,
}

impl Usage {
    pub(super) fn count_call(&mut self, category: Category) {
        *self.calls.entry(category).or_default() += 1;
    }
}

/// What was used in a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Used {
    /// Calls that were throttled.
    pub throttled: u64,
    /// The largest part of a category's quota that was used on an average, 1 being all of it.
    pub share_of_quota: f64,
}

impl Pacer {
    /// What was counted until now.
    pub fn usage(&self) -> Usage {
        lock(&self.usage).clone()
    }

    /// What was used since `earlier`, which is `time` ago. Less than a second counts as a second,
    /// for a quota is a number of requests per second.
    pub fn used_since(&self, earlier: &Usage, time: Duration) -> Used {
        let now = self.usage();
        let seconds = time.as_secs_f64().max(1.0);
        let pace = lock(&self.pace);
        let shares = now.calls.iter().map(|(category, calls)| {
            let before = earlier.calls.get(category).copied().unwrap_or(0);
            (calls - before) as f64 / (pace.quota(*category) * seconds)
        });
        Used {
            throttled: now.throttled - earlier.throttled,
            share_of_quota: shares.fold(0.0, f64::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::pace::Pace;

    #[tokio::test(start_paused = true)]
    async fn the_share_is_that_of_the_category_of_which_most_was_used_since() {
        let pacer = Pacer::new(Pace::share_of_quotas(0.5));
        let permits = async |operation, calls| {
            for _ in 0..calls {
                pacer.permit(operation, None).await;
            }
        };
        permits(Operation::ListUsers, 60).await;
        let earlier = pacer.usage();
        permits(Operation::ListUsers, 90).await;
        permits(Operation::AdminCreateUser, 1).await;
        pacer.throttled(Operation::ListUsers, None);
        let used = pacer.used_since(&earlier, Duration::from_secs(10));
        // 90 in 10 s, of 30 a second.
        assert_eq!(used.throttled, 1);
        assert!((used.share_of_quota - 0.3).abs() < 1e-9, "{used:?}");
        let none = pacer.used_since(&pacer.usage(), Duration::ZERO);
        assert_eq!((none.throttled, none.share_of_quota), (0, 0.0));
    }
}
