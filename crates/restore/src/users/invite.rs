//! Inviting users again whose temporary password nobody knows.

use model::restore::{ManualStep, RestoreState, UsersProgress};

use crate::commands;

/// "Forgot password" is refused in FORCE_CHANGE_PASSWORD (facts C.2); Cognito's own sender sends
/// 50 e-mails a day (facts A.5).
const WHY: &str = "They were invited and never signed in. Nobody knows their temporary password any more, and \"forgot password\" is refused in their state. This sends each a new invitation; run it again to go on where it stopped. Cognito's own sender sends 50 e-mails a day for the whole account: with more users, let the pool send by SES first. Users who are disabled, or have no address, are not in the list.";

/// The manual step, with the command for all of them. `root` is the address of the workspace.
pub(super) fn again(region: &str, root: &str, state: &RestoreState) -> ManualStep {
    let key = state.restore_id.object_key(UsersProgress::INVITATIONS);
    let count = state.users.counts.temporary_password;
    let pool = state.new_user_pool_id.as_ref();
    let pool = pool.map_or("USER_POOL_ID", |pool| pool.as_str());
    let noun = if count == 1 { "user" } else { "users" };
    ManualStep::new(
        format!("Invite {count} {noun} with a temporary password again"),
        WHY,
    )
    .with_command(commands::invite(region, pool, &format!("{root}{key}")))
}
