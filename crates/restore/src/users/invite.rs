//! Inviting users again whose temporary password nobody knows.

use model::restore::{ManualStep, RestoreState, UsersProgress};

use crate::commands;

/// "Forgot password" is refused in FORCE_CHANGE_PASSWORD (facts C.2); Cognito's own sender sends
/// 50 e-mails a day (facts A.5).
const WHY: &str = "They were invited and never signed in. Nobody knows their temporary password any more, and \"forgot password\" is refused in their state. This sends each a new invitation; run it again to go on where it stopped. Cognito's own sender sends 50 e-mails a day for the whole account: with more users, let the pool send by SES first. Users who are disabled, or have no address, are not in the list.";

/// The manual step, with a script for all of them.
/// `root` is the address of the workspace.
pub(super) fn again(region: &str, root: &str, state: &RestoreState) -> ManualStep {
    let key = state.restore_id.object_key(UsersProgress::INVITATIONS);
    let count = state.users.counts.temporary_password;
    let noun = if count == 1 { "user" } else { "users" };
    ManualStep::new(
        format!("Invite {count} {noun} with a temporary password again"),
        WHY,
    )
    .with_command(commands::invite(region, &format!("{root}{key}")))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    /// Runs the script with an `aws` that writes down what it is asked, and refuses the second.
    #[test]
    fn the_script_sends_each_request_once_and_goes_on_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let requests = [
            r#"{"Username":"--profile"}"#,
            r#"{"Username":"$(touch x) `touch x` '\"\\"}"#,
            r#"{"Username":"file://etc"}"#,
        ];
        std::fs::write(path.join("all"), requests.join("\n") + "\n").unwrap();
        let mut aws = std::fs::File::create(path.join("aws")).unwrap();
        writeln!(
            aws,
            "#!/bin/sh\nif [ \"$1\" = s3 ]; then cp all \"$4\"; exit; fi\n\
             if [ -e refuse ] && [ -e sent ]; then exit 1; fi\nprintf '%s\\n' \"$6\" >> sent"
        )
        .unwrap();
        drop(aws);
        std::fs::write(path.join("refuse"), "").unwrap();
        let state = serde_json::json!({
            "restore_id": "dr-restore-1", "user_pool_id": "us-east-1_Old", "options": {},
            "began": "2026-03-07T09:05:02Z",
            "s3_key": "cognito-backup/2026/03/07/us-east-1_Old-090502.json",
        });
        let state = serde_json::from_value(state).unwrap();
        let step = super::again("us-west-2", "s3://dr/", &state);
        let run = || {
            let status = Command::new("sh")
                .args(["-c", "chmod +x aws; PATH=.:$PATH; eval \"$SCRIPT\""])
                .env("SCRIPT", step.command.as_ref().unwrap())
                .current_dir(path)
                .status();
            assert!(status.is_ok());
        };
        let sent = || std::fs::read_to_string(path.join("sent")).unwrap();
        run();
        assert_eq!(sent().lines().collect::<Vec<_>>(), requests[..1]);
        std::fs::remove_file(path.join("refuse")).unwrap();
        run();
        assert_eq!(sent().lines().collect::<Vec<_>>(), requests);
        run();
        assert_eq!(sent().lines().count(), 3);
        assert!(!path.join("x").exists());
    }
}
