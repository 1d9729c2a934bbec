//! One object's life over the backups.

use std::collections::BTreeMap;
use std::str::FromStr;

use compare::allowed::Relation;
use compare::diff::SettingDifference;
use compare::settings::{Ties, compare_sections, is_known, name_of};
use compare::user::Likeness;
use jiff::Timestamp;
use model::document::BackupHead;
use model::inventory::Section;
use model::{BackupKey, Sub, UserPoolId};
use serde::Serialize;
use serde_json::Value;
use vault::{UserInBackup, UserLookup, Vault};

use super::who::{self, Trail, Who, Window};
use super::{Arguments, page, text};
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// What is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    User(Sub),
    Client(String),
    Group(String),
    Provider(String),
    Setting(String),
}

impl FromStr for Object {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let object = match text.split_once(':') {
            Some(("client", id)) => named(id).map(Self::Client),
            Some(("group", name)) => named(name).map(Self::Group),
            Some(("provider", name)) => named(name).map(Self::Provider),
            Some(("setting", path)) => named(path).map(Self::Setting),
            Some(("user", sub)) => sub.parse().ok().map(Self::User),
            Some(_) => None,
            None => text.parse().ok().map(Self::User),
        };
        object.ok_or_else(|| {
            "write the sub of a user, client:ID, group:NAME, provider:NAME or setting:PATH, such as setting:user_pool_config/Policies".to_owned()
        })
    }
}

impl Object {
    fn in_words(&self) -> String {
        match self {
            Object::User(sub) => format!("user {}", sub.as_str()),
            Object::Client(id) => format!("client {id}"),
            Object::Group(name) => format!("group {name}"),
            Object::Provider(name) => format!("provider {name}"),
            Object::Setting(path) => format!("setting {path}"),
        }
    }

    /// The list that has it as an element, and its name there; nothing for users and settings.
    fn element(&self) -> Option<(Section, &str)> {
        match self {
            Object::Client(id) => Some((Section::AppClients, id)),
            Object::Group(name) => Some((Section::Groups, name)),
            Object::Provider(name) => Some((Section::IdentityProviders, name)),
            Object::User(_) | Object::Setting(_) => None,
        }
    }

    /// Whether a path is one of it or below it. What other sections hold of a client goes by its id.
    fn covers(&self, path: &[String]) -> bool {
        match (self, path) {
            (Object::Setting(setting), _) => {
                let path = path.join("/");
                let rest = path.strip_prefix(setting.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            (Object::Client(id), [_, name, ..]) => {
                name == id
                    || name
                        .strip_prefix(id.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
            }
            (_, [section, name, ..]) => self
                .element()
                .is_some_and(|(list, own)| section == list.member() && name == own),
            _ => false,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Life {
    pub(super) pool_id: UserPoolId,
    pub(super) object: String,
    pub(super) moments: Vec<Moment>,
}

/// A backup in which something about the object is new.
#[derive(Debug, Serialize)]
pub(super) struct Moment {
    key: BackupKey,
    pub(super) began: Timestamp,
    pub(super) what: What,
    pub(super) members: Vec<Member>,
    pub(super) who: Option<Who>,
}

/// What is new about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// The first backup that was looked at has it.
    There,
    /// The first backup that was looked at does not have it.
    NotThere,
    Appeared,
    Gone,
    Changed,
}

impl What {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            What::There => "there, in the oldest backup that was looked at",
            What::NotThere => "not there, in the oldest backup that was looked at",
            What::Appeared => "made",
            What::Gone => "gone",
            What::Changed => "changed",
        }
    }
}

/// One member that changed.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Member {
    pub(super) member: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// The object in one backup.
enum State {
    User(Option<Box<UserInBackup>>),
    Settings(Box<BackupHead>),
}

pub(super) async fn follow(
    context: &Context,
    arguments: &Arguments,
    object: &Object,
) -> Result<Exit, Error> {
    let vault = context.vault().await?;
    let progress = context.terminal.progress();
    let listed = vault.list(Some(&arguments.pool), arguments.until, arguments.limit());
    let listed = listed.await?.into_iter().map(|listed| listed.key);
    let mut keys: Vec<BackupKey> = listed.filter(|key| arguments.wants(key.began())).collect();
    keys.reverse();
    let mut trail = None;
    if arguments.who {
        trail = Some(Trail::new(
            &context.aws_of(&arguments.pool).await,
            &arguments.pool,
        ));
    }
    progress.begin("looking at backups", Some(keys.len() as u64));
    let mut lookup = match object {
        Object::User(sub) => Some(UserLookup::new(sub.clone())),
        _ => None,
    };
    let mut before: Option<(BackupKey, State)> = None;
    let mut moments = Vec::new();
    for key in keys {
        progress.one_done();
        let state = match state(&vault, &key, lookup.as_mut()).await {
            Ok(state) => state,
            Err(error) => {
                let warning = format!("{key} is passed over: {}", error.what());
                context.terminal.warn(&warning);
                continue;
            }
        };
        let found = compared(object, before.as_ref().map(|(_, state)| state), &state);
        if let Some((what, mut members)) = found {
            if lookup.is_some() && !arguments.values {
                for member in &mut members {
                    (member.before, member.after) = (None, None);
                }
            }
            let mut who = None;
            if let (Some(trail), Some((earlier, _))) = (&mut trail, &before) {
                let window = Window {
                    from: earlier.began(),
                    until: key.began(),
                };
                let (events, sub) = calls(object, what, &members);
                who = Some(trail.who(window, &events, sub).await);
            }
            moments.push(Moment {
                began: key.began(),
                key: key.clone(),
                what,
                members,
                who,
            });
        }
        before = Some((key, state));
    }
    progress.end();
    let life = Life {
        pool_id: arguments.pool.clone(),
        object: object.in_words(),
        moments,
    };
    if let Some(file) = &arguments.page {
        page::of_life(&life).write(file)?;
    }
    context
        .terminal
        .answer(&life, |out| text::write_life(out, &life))?;
    if life.moments.is_empty() {
        context.terminal.note("There are no such backups.");
    }
    Ok(Exit::Done)
}

async fn state(
    vault: &Vault,
    key: &BackupKey,
    lookup: Option<&mut UserLookup>,
) -> Result<State, Error> {
    Ok(match lookup {
        Some(lookup) => State::User(lookup.find(vault, key).await?.map(Box::new)),
        None => State::Settings(Box::new(vault.overview(key).await?.head)),
    })
}

/// What is new, if anything is.
fn compared(object: &Object, before: Option<&State>, after: &State) -> Option<(What, Vec<Member>)> {
    let was_there = before.and_then(|before| is_there(object, before));
    let is_there = is_there(object, after);
    let what = match (before, was_there, is_there) {
        (None, _, Some(false)) => What::NotThere,
        (None, _, _) => What::There,
        (_, Some(false), Some(true)) => What::Appeared,
        (_, Some(true), Some(false)) => What::Gone,
        (_, Some(false), Some(false)) => return None,
        _ => What::Changed,
    };
    if what != What::Changed {
        return Some((what, Vec::new()));
    }
    let members = match (before?, after) {
        (State::User(Some(before)), State::User(Some(after))) => of_user(before, after),
        (State::Settings(before), State::Settings(after)) => of_settings(object, before, after),
        _ => Vec::new(),
    };
    (!members.is_empty()).then_some((what, members))
}

/// Whether a backup has the object; nothing where it does not say.
fn is_there(object: &Object, state: &State) -> Option<bool> {
    match state {
        State::User(user) => Some(user.is_some()),
        State::Settings(head) => {
            let (section, name) = object.element()?;
            let mut elements = head.list(section).iter();
            let own = |element: &Value| name_of(section, element, str::to_owned) == name;
            is_known(head, section).then(|| elements.any(own))
        }
    }
}

fn of_user(before: &UserInBackup, after: &UserInBackup) -> Vec<Member> {
    let likeness = Likeness::of(Relation::SamePool);
    let tells = |user: &UserInBackup| user.record.mfa_settings.is_some();
    let with_mfa = tells(before) && tells(after);
    let members = |user: &UserInBackup| -> BTreeMap<String, String> {
        let mut members = likeness.members(&user.record, with_mfa);
        members.insert("groups".to_owned(), user.groups.join(", "));
        members
    };
    let (was, mut is) = (members(before), members(after));
    let readable = |text: String| text.replace('\u{0}', ":").replace('\u{1}', ", ");
    let mut changed = Vec::new();
    for (member, before) in was {
        let after = is.remove(&member);
        if after.as_ref() != Some(&before) {
            changed.push(Member {
                member,
                before: Some(readable(before)),
                after: after.map(readable),
            });
        }
    }
    changed.extend(is.into_iter().map(|(member, after)| Member {
        member,
        before: None,
        after: Some(readable(after)),
    }));
    changed
}

fn of_settings(object: &Object, before: &BackupHead, after: &BackupHead) -> Vec<Member> {
    let ties = Ties {
        relation: Relation::SamePool,
        ..Ties::default()
    };
    let both = |section: &Section| is_known(before, *section) && is_known(after, *section);
    let sections = Section::at_the_head().filter(both);
    let found = compare_sections(before, after, &ties, sections).found;
    let own = found.iter().filter(|found| object.covers(&found.path));
    own.map(|found| {
        let shown = SettingDifference::of(found);
        let text = |value: Option<Value>| value.map(|value| value.to_string());
        Member {
            member: found.path.join("/"),
            before: text(shown.first),
            after: text(shown.second),
        }
    })
    .collect()
}

/// The calls that may have made what is new, and whose.
fn calls<'a>(
    object: &'a Object,
    what: What,
    members: &[Member],
) -> (Vec<&'static str>, Option<&'a Sub>) {
    match (object, what) {
        (Object::User(sub), What::Appeared) => (who::USERS_MADE.to_vec(), Some(sub)),
        (Object::User(sub), What::Gone) => (who::USERS_GONE.to_vec(), Some(sub)),
        (Object::User(sub), _) => {
            let mut events = Vec::new();
            for member in members {
                events.extend_from_slice(match member.member.as_str() {
                    "groups" => who::MEMBERSHIPS,
                    "Enabled" => who::USERS_ENABLED_OR_DISABLED,
                    _ => who::USERS_CHANGED,
                });
            }
            events.dedup();
            (events, Some(sub))
        }
        (object, _) => {
            let own = object.element().map(|(section, _)| section.member());
            let changed = members.iter().map(|member| member.member.as_str());
            (who::events_of_paths(own.into_iter().chain(changed)), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_what_it_is() {
        for (text, expected) in [
            ("client:abc", Object::Client("abc".into())),
            ("group:a:b", Object::Group("a:b".into())),
            ("provider:okta", Object::Provider("okta".into())),
            (
                "setting:user_pool_config/Policies",
                Object::Setting("user_pool_config/Policies".into()),
            ),
            ("1a-2b", Object::User("1a-2b".parse().unwrap())),
            ("user:1a-2b", Object::User("1a-2b".parse().unwrap())),
        ] {
            assert_eq!(text.parse::<Object>().unwrap(), expected);
        }
        for text in ["client:", "what:ever", "ann@example.com", ""] {
            assert!(text.parse::<Object>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_object_covers_its_own_paths_alone() {
        let covers = |object: &str, path: &str| {
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            object.parse::<Object>().unwrap().covers(&path)
        };
        for (object, path, expected) in [
            ("client:c1", "app_clients/c1/CallbackURLs", true),
            ("client:c1", "client_risk_configurations/c1", true),
            ("client:c1", "app_clients/c10", false),
            ("group:admins", "groups/admins/RoleArn", true),
            ("group:admins", "app_clients/admins", false),
            ("setting:tags", "tags/team", true),
            (
                "setting:user_pool_config/Name",
                "user_pool_config/Names",
                false,
            ),
        ] {
            assert_eq!(covers(object, path), expected, "{object} {path}");
        }
    }
}
