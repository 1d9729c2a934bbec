//! Groups.

use cognito::Operation;
use model::document::BackupHead;
use model::inventory::Section;
use model::request::{RestoreOptions, Selection};
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use model::rules::is_group_of_provider;

use super::create::{self, Kind, ToCreate};
use crate::commands;
use crate::context::Restore;
use crate::document::{Document, member, object, remove, token};
use crate::error::RestoreError;
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};
use crate::translate::ArnKind;

const KIND: Kind = Kind {
    list: Operation::ListGroups,
    name: "GroupName",
    create: Operation::CreateGroup,
    describe: None,
    update: Some(Operation::UpdateGroup),
    change: (Operation::UpdateGroup, &[]),
};

/// Recreates groups.
///
/// Runs before the users, who are put into them. The groups that Cognito fills for identity
/// providers carry the lost pool's id in their name and are made again by Cognito (facts A.9).
///
/// Which groups an existing pool lacked is written down before the first is made: their members
/// come back with them, also those who are still there.
///
/// # Errors
/// As [`create::missing`].
pub async fn groups(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let pool = restore.target(state)?.clone();
    let relocation = Relocation::of(restore, Some(&pool));
    let (wanted, mut news) = plan(restore.head(), &state.options, &relocation);
    if wanted.is_empty() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    if state.options.target_user_pool_id.is_some() && state.users.groups_made.is_none() {
        let there = restore.cognito.list(KIND.list, &pool).await?;
        let is_there = |name: &str| there.iter().any(|group| group[KIND.name] == name);
        let names = wanted.iter().map(|group| group.name.clone());
        state.users.groups_made = Some(names.filter(|name| !is_there(name)).collect());
        restore.save(state).await?;
    }
    // The groups of an existing pool stay as they are.
    let kind = Kind {
        update: KIND
            .update
            .filter(|_| state.options.target_user_pool_id.is_none()),
        ..KIND
    };
    let created = create::missing(restore, &pool, &kind, wanted, &mut news).await?;
    if created.interrupted {
        return Ok(StepProgress::InProgress);
    }
    for (name, error) in created.refused {
        let reason = format!("it was not created: {error}");
        news.finding(
            Finding::new(FindingKind::Failed, name.as_str(), reason)
                .announcing(Section::Groups, &token(&name))
                .announcing(Section::GroupMemberships, &token(&name)),
        );
    }
    Ok(StepResult::restored(created.there).telling(news).into())
}

/// The requests for the groups of the backup that the options select.
pub(super) fn plan(
    head: &BackupHead,
    options: &RestoreOptions,
    relocation: &Relocation<'_>,
) -> (Vec<ToCreate>, News) {
    let mut news = News::default();
    tell_if_missing(head, Section::Groups, &mut news);
    let mut wanted = Vec::new();
    for group in head.list(Section::Groups) {
        let mut request = object(group);
        let Some(name) = member(&request, "GroupName").map(str::to_owned) else {
            continue;
        };
        if !selects_group(options, &name) {
            continue;
        }
        if is_group_of_provider(&name, relocation.from) {
            let reason = "Cognito makes such a group for each identity provider, with the new pool's id in its name";
            news.finding(
                Finding::new(FindingKind::Skipped, name.as_str(), reason)
                    .announcing(Section::Groups, &token(&name))
                    .announcing(Section::GroupMemberships, &token(&name)),
            );
            continue;
        }
        remove(
            &mut request,
            &["UserPoolId", "CreationDate", "LastModifiedDate"],
        );
        place_role(&mut request, &name, relocation, &mut news);
        let otherwise = request.contains_key("RoleArn").then(|| {
            let mut without = request.clone();
            let role = member(&without, "RoleArn").unwrap_or_default().to_owned();
            remove(&mut without, &["RoleArn"]);
            let mut told = News::default();
            tell_role(
                &name,
                &role,
                "Cognito or IAM refused the role",
                relocation,
                &mut told,
            );
            (without, told)
        });
        wanted.push(ToCreate {
            name,
            request,
            otherwise,
        });
    }
    (wanted, news)
}

/// Whether the options ask for a group of the backup.
fn selects_group(options: &RestoreOptions, name: &str) -> bool {
    match &options.select {
        Some(Selection::Group(group)) => group == name,
        Some(Selection::MissingUsers | Selection::Users(_) | Selection::UsersFrom(_)) => false,
        Some(Selection::MissingGroupsAndUsers) | None => true,
    }
}

/// A role must belong to the pool's account (facts A.9). That Cognito looks whether it is there is
/// not known.
fn place_role(request: &mut Document, name: &str, relocation: &Relocation<'_>, news: &mut News) {
    let Some(role) = member(request, "RoleArn").map(str::to_owned) else {
        return;
    };
    let Some(new) = relocation.group_role(&role) else {
        remove(request, &["RoleArn"]);
        let why = "its role belongs to another account than the new pool, and the operator's map has no other";
        tell_role(name, &role, why, relocation, news);
        return;
    };
    if new == role {
        return;
    }
    let why = relocation.why_translated(ArnKind::Role, &role);
    news.finding(
        Finding::new(
            FindingKind::Expected,
            name,
            format!("its role was {role}: {why}"),
        )
        .announcing(Section::Groups, &format!("{}/RoleArn", token(name))),
    );
    if relocation.translations.arn(ArnKind::Role, &role).is_none() {
        let role_name = new.rsplit('/').next().unwrap_or_default();
        let command = commands::aws(
            "iam get-role",
            relocation.region,
            &[("role-name", role_name)],
        );
        let why = format!(
            "The group has the role {new}: the operator's map has no other for {role}. See that it is there, and may do what the other did."
        );
        news.manual(ManualStep::new(see_to_role(name), why).with_command(command));
    }
    request.insert("RoleArn".into(), new.into());
}

fn see_to_role(group: &str) -> String {
    format!("See to the role of the group {group}")
}

fn tell_role(name: &str, role: &str, why: &str, relocation: &Relocation<'_>, news: &mut News) {
    news.finding(
        Finding::new(
            FindingKind::Degraded,
            name,
            format!("it came back without its role {role}: {why}"),
        )
        .announcing(Section::Groups, &format!("{}/RoleArn", token(name))),
    );
    let arguments = [("group-name", name), ("role-arn", "ROLE_ARN")];
    let command = commands::cognito(
        relocation.region,
        relocation.pool,
        "update-group",
        &arguments,
    );
    news.manual(ManualStep::new(see_to_role(name), format!("{why}.")).with_command(command));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocation::tests::Move;
    use serde_json::{Value, json};

    fn head(groups: Value) -> BackupHead {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(Section::Groups, groups);
        head
    }

    #[test]
    fn groups_that_cognito_makes_for_providers_are_left_to_it() {
        let head = head(json!([
            {"GroupName": "admins", "UserPoolId": "us-east-1_Old", "Precedence": 0, "Description": "d", "CreationDate": 1.5},
            {"GroupName": "us-east-1_Old_Google"},
            {"GroupName": "us-east-1_Older"},
        ]));
        let moved = Move::plain();
        let (wanted, news) = plan(&head, &RestoreOptions::default(), &moved.relocation());
        let names: Vec<&str> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
        assert_eq!(names, ["admins", "us-east-1_Older"]);
        assert_eq!(
            Value::Object(wanted[0].request.clone()),
            json!({"GroupName": "admins", "Precedence": 0, "Description": "d"})
        );
        assert_eq!(
            news.findings[0].announces,
            [
                "groups/us-east-1_Old_Google",
                "group_memberships/us-east-1_Old_Google"
            ]
        );
    }

    #[test]
    fn a_role_of_another_account_is_translated_or_left_out_and_told() {
        let ours = "arn:aws:iam::111122223333:role/ours";
        let theirs = "arn:aws:iam::999988887777:role/theirs";
        let head = head(json!([
            {"GroupName": "a", "RoleArn": ours},
            {"GroupName": "b", "RoleArn": theirs},
        ]));
        let plain = Move::plain();
        let (wanted, news) = plan(&head, &RestoreOptions::default(), &plain.relocation());
        assert_eq!(wanted[0].request["RoleArn"], ours);
        assert!(!wanted[1].request.contains_key("RoleArn"));
        assert_eq!(news.findings[0].announces, ["groups/b/RoleArn"]);
        assert!(
            news.manual_steps[0]
                .command
                .as_deref()
                .unwrap()
                .contains("update-group")
        );
        let mapped = Move::with(&json!({"roles": {theirs: ours}}));
        let (wanted, news) = plan(&head, &RestoreOptions::default(), &mapped.relocation());
        assert_eq!(wanted[1].request["RoleArn"], ours);
        assert!(news.manual_steps.is_empty());
    }

    #[test]
    fn a_role_of_the_lost_account_becomes_the_one_of_its_name_until_it_is_refused() {
        let lost = "arn:aws:iam::444455556666:role/path/admins";
        let head = head(json!([{"GroupName": "a", "RoleArn": lost}]));
        let moved = Move::plain().out_of_another_account();
        let relocation = moved.relocation();
        let (wanted, mut news) = plan(&head, &RestoreOptions::default(), &relocation);
        let there = "arn:aws:iam::111122223333:role/path/admins";
        assert_eq!(wanted[0].request["RoleArn"], there);
        assert_eq!(news.findings[0].kind, FindingKind::Expected);
        assert_eq!(news.findings[0].announces, ["groups/a/RoleArn"]);
        let look = news.manual_steps[0].command.as_deref().unwrap();
        assert!(look.ends_with("--role-name admins"), "{look}");
        let (without, told) = wanted[0].otherwise.clone().unwrap();
        assert!(!without.contains_key("RoleArn"));
        news.replace(told);
        let kinds: Vec<_> = news.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, [FindingKind::Degraded]);
        assert_eq!(news.manual_steps.len(), 1);
        let command = news.manual_steps[0].command.as_deref().unwrap();
        assert!(command.contains("update-group"), "{command}");
    }

    #[test]
    fn a_selection_takes_the_groups_that_it_names() {
        let head = head(json!([{"GroupName": "a"}, {"GroupName": "b"}]));
        let moved = Move::plain();
        for (select, names) in [
            (Some(Selection::Group("b".into())), vec!["b"]),
            (Some(Selection::MissingUsers), vec![]),
            (Some(Selection::MissingGroupsAndUsers), vec!["a", "b"]),
            (None, vec!["a", "b"]),
        ] {
            let options = RestoreOptions {
                select,
                ..RestoreOptions::default()
            };
            let (wanted, _) = plan(&head, &options, &moved.relocation());
            let found: Vec<&str> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
            assert_eq!(found, names);
        }
    }
}
