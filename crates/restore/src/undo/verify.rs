//! Compares the pool again: what was planned and is not so is named, with what Cognito said to it.

use super::Undo;
use super::carry_out::Work;
use super::heads::Heads;
use super::remembered::UndoProgress;
use super::report::Left;
use crate::error::RestoreError;
use crate::side::Side;

impl Undo<'_> {
    /// What was planned of the settings and is not so.
    pub(crate) async fn look_at_settings(
        &self,
        work: &Work,
        told: &UndoProgress,
    ) -> Result<Vec<Left>, RestoreError> {
        let heads = self.heads_now().await?;
        Ok(self.settings_left(&heads, work, told))
    }

    fn settings_left(&self, heads: &Heads, work: &Work, told: &UndoProgress) -> Vec<Left> {
        let differences = heads.differences(self.scope);
        let mut left = Vec::new();
        for action in heads.actions(&differences, self.scope) {
            if !action.what.is_carried_out() || !work.plan.carries_out(&action) {
                continue;
            }
            for member in &action.members {
                let path = member.path.join("/");
                left.push(Left {
                    item: action.item(),
                    why: told.why_of_setting(&member.path),
                    member: path,
                });
            }
        }
        left
    }

    /// What was planned and is not so, as `now` shows the pool: read again, or a backup that was made
    /// since.
    pub(super) async fn look(
        &self,
        work: &Work,
        told: &UndoProgress,
        now: Side<'_>,
    ) -> Result<Vec<Left>, RestoreError> {
        let made_again = self.made_again().await?;
        let head = compare::diff::Side::head(&now);
        let heads = self.heads(head, &made_again).await?;
        let people = &work.people;
        let mut left = self.settings_left(&heads, work, told);
        let still = self.compare_people(now, &made_again).await?;
        for (username, work) in &still.work {
            let Some(planned) = people.work.get(username) else {
                continue;
            };
            let item = format!("user {}", work.sub);
            let is_planned = |name: &str| planned.members.iter().any(|one| one.member == name);
            let members = work.members.iter().map(|member| member.member.as_str());
            let joined = work
                .join
                .iter()
                .filter(|group| planned.join.contains(group));
            let gone = work
                .leave
                .iter()
                .filter(|group| planned.leave.contains(group));
            let groups = joined.chain(gone).map(String::as_str);
            for member in members.filter(|name| is_planned(name)).chain(groups) {
                left.push(Left {
                    item: item.clone(),
                    member: member.to_owned(),
                    why: told.why_of_user(&item, member),
                });
            }
        }
        let whole = told.left.iter().filter(|left| left.member.is_empty());
        left.extend(whole.cloned());
        for sub in still
            .deleted
            .iter()
            .filter(|sub| people.deleted.contains(sub))
        {
            left.push(Left {
                item: format!("user {sub}"),
                member: String::new(),
                why: "the user was not made again: see the report of the restore whose name ends with -users".into(),
            });
        }
        Ok(left)
    }
}

impl UndoProgress {
    fn why_of_setting(&self, path: &[String]) -> String {
        let tokens: Vec<String> = path
            .iter()
            .map(|name| crate::document::token(name))
            .collect();
        let path = tokens.join("/");
        let announces = |announced: &String| {
            let below = path.strip_prefix(announced.as_str());
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        let findings = self.findings.iter();
        let mut about = findings.filter(|finding| finding.announces.iter().any(announces));
        let reason = about.next().map(|finding| finding.reason.clone());
        reason.unwrap_or_else(|| "Cognito took the call, and shows it as it was before".into())
    }

    fn why_of_user(&self, item: &str, member: &str) -> String {
        let mut about = self
            .left
            .iter()
            .filter(|left| left.item == item && left.member.split(", ").any(|name| name == member));
        let why = about.next().map(|left| left.why.clone());
        why.unwrap_or_else(|| "it differs again".into())
    }
}
