//! All questions, by what they are about.

mod buckets;
mod clients;
mod create_pool;
mod domains;
mod import;
mod listing;
mod mfa;
mod pace;
mod permissions;
mod refusals;
mod stacks;
mod updates;
mod users;

use crate::question::Question;

/// All questions, in the order in which they are asked.
pub fn all() -> Vec<Question> {
    let groups = [
        create_pool::questions(),
        updates::questions(),
        mfa::questions(),
        clients::questions(),
        domains::questions(),
        refusals::questions(),
        users::questions(),
        listing::questions(),
        import::questions(),
        permissions::questions(),
        buckets::questions(),
        stacks::questions(),
        pace::questions(),
    ];
    groups.into_iter().flatten().collect()
}
