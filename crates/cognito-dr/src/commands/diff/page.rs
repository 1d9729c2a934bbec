//! The differences as one self-contained page, readable on a phone and on paper.

use askama::Template;
use compare::diff::{ChangeKind, Counts, Diff, MemberDifference, UsersDiff};

use super::{Answer, counts_in_words, label, not_compared, shown_values, sign};

#[derive(Template)]
#[template(path = "diff.html")]
struct Page<'a> {
    first: String,
    second: String,
    diff: &'a Diff,
    figures: [(u64, u64, u64, &'static str); 3],
    not_compared: Vec<String>,
    settings: Vec<Line>,
    users: Vec<Group<'a>>,
    groups: Vec<Group<'a>>,
}

/// One setting.
struct Line {
    class: &'static str,
    sign: char,
    path: String,
    values: String,
}

/// Users of one kind of change, or members of one group.
struct Group<'a> {
    class: &'static str,
    sign: char,
    title: String,
    counts: Vec<(&'a str, String)>,
    named: Vec<Named<'a>>,
    /// Of the kind, how many are not named here although names were asked for.
    unnamed: u64,
}

struct Named<'a> {
    sign: char,
    label: String,
    members: &'a [MemberDifference],
}

/// The differences as HTML; `named` says whether users were asked for by name.
pub(super) fn page(answer: &Answer, named: bool) -> Result<String, askama::Error> {
    let diff = &answer.diff;
    let (users, memberships) = (&diff.users, &diff.memberships);
    let settings = super::of_settings(&diff.settings);
    let page = Page {
        first: answer.first.in_words(),
        second: answer.second.in_words(),
        diff,
        figures: [
            (
                settings.added,
                settings.removed,
                settings.changed,
                "settings",
            ),
            (
                users.added,
                users.removed,
                users.changed + users.recreated,
                "users",
            ),
            (memberships.added, memberships.removed, 0, "memberships"),
        ],
        not_compared: not_compared(diff),
        settings: diff.settings.differences.iter().map(line).collect(),
        users: of_users(users, named),
        groups: of_memberships(diff, named),
    };
    page.render()
}

fn class(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "good",
        ChangeKind::Removed => "bad",
        ChangeKind::Changed | ChangeKind::Recreated | ChangeKind::Unreadable => "fair",
    }
}

fn line(found: &compare::diff::SettingDifference) -> Line {
    Line {
        class: class(found.change),
        sign: sign(found.change),
        path: found.path.join("/"),
        values: shown_values(found),
    }
}

fn of_users(users: &UsersDiff, named: bool) -> Vec<Group<'_>> {
    let kinds = super::kinds_of_users(users).into_iter();
    kinds
        .filter(|(_, count, _)| *count > 0)
        .map(|(kind, count, what)| {
            let of_kind = users.named.iter().filter(|user| user.change == kind);
            let of_kind: Vec<Named<'_>> = of_kind
                .map(|user| Named {
                    sign: sign(kind),
                    label: label(&user.name, &user.username),
                    members: &user.members,
                })
                .collect();
            let members = users.members.iter().filter(|_| kind == ChangeKind::Changed);
            Group {
                class: class(kind),
                sign: sign(kind),
                title: format!("{count} {what}"),
                counts: members
                    .map(|(member, counts)| (member.as_str(), counts_in_words(counts)))
                    .collect(),
                unnamed: unnamed(named, count, &of_kind),
                named: of_kind,
            }
        })
        .collect()
}

fn of_memberships(diff: &Diff, named: bool) -> Vec<Group<'_>> {
    let memberships = &diff.memberships;
    let groups = memberships.groups.iter();
    groups
        .map(|(group, counts)| {
            let members = memberships.named.iter();
            let members: Vec<Named<'_>> = members
                .filter(|member| member.group == *group)
                .map(|member| Named {
                    sign: sign(member.change),
                    label: label(&member.name, &member.username),
                    members: &[],
                })
                .collect();
            let (kind, count) = kind_of(counts);
            Group {
                class: class(kind),
                sign: sign(kind),
                title: format!("{group}: {}", counts_in_words(counts)),
                counts: Vec::new(),
                unnamed: unnamed(named, count, &members),
                named: members,
            }
        })
        .collect()
}

fn unnamed(asked: bool, count: u64, named: &[Named<'_>]) -> u64 {
    if asked {
        count.saturating_sub(named.len() as u64)
    } else {
        0
    }
}

fn kind_of(counts: &Counts) -> (ChangeKind, u64) {
    let kind = match (counts.added, counts.removed) {
        (_, 0) => ChangeKind::Added,
        (0, _) => ChangeKind::Removed,
        _ => ChangeKind::Changed,
    };
    (kind, counts.added + counts.removed)
}
