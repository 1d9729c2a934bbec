//! All questions, by what they are about.

mod clients;
mod create_pool;
mod domains;
mod listing;
mod mfa;
mod pace;
mod refusals;
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
        pace::questions(),
    ];
    groups.into_iter().flatten().collect()
}
