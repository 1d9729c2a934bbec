//! The settings of the point in time and of the pool: what differs, and the settings that an undo
//! brings about.

use std::collections::BTreeMap;

use compare::allowed::{Relation, Rule, row};
use compare::diff::SettingDifference;
use compare::documents::{Change, Found};
use compare::settings::{Ties, compare_sections, is_known};
use model::document::BackupHead;
use model::inventory::Section;
use model::rules::app_client::explicit_defaults;
use model::rules::is_group_of_provider;
use serde_json::{Map, Value};

use super::plan::{Action, MemberChange, What};
use super::scope::Scope;
use super::table::{self, Way};
use crate::document::object;
use crate::steps::pool_document::{
    complete, explicit_defaults as explicit_defaults_of_pool, is_reserved_tag, temporary_passwords,
};

/// Members of list elements that name a client.
const CLIENT_ID: &str = "ClientId";
/// Ids that Cognito gives to what is made again: without one, a thing is to be made.
const GIVEN: [&str; 2] = ["TermsId", "ManagedLoginBrandingId"];

/// The settings of both sides. Clients that were made again go by their ids at the point in time.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    pub(super) point: BackupHead,
    pub(super) live: BackupHead,
    /// The id that each client of the point in time has now.
    pub(super) clients: BTreeMap<String, String>,
}

impl Heads {
    /// `made_again`: ids at the point in time, and since an undo made them again.
    pub(super) fn new(
        point: &BackupHead,
        live: &BackupHead,
        made_again: &BTreeMap<String, String>,
    ) -> Self {
        let mut point = point.clone();
        let mut pool = object(point.user_pool());
        temporary_passwords(&mut pool);
        point.set(Section::UserPoolConfig, Value::Object(pool));
        let clients = pair_clients(&point, live, made_again);
        let back: BTreeMap<&str, &str> = clients
            .iter()
            .map(|(then, now)| (now.as_str(), then.as_str()))
            .collect();
        let mut renamed = live.clone();
        // What an update says of members that a pool does not show is the same as not showing them:
        // older pools show fewer.
        for head in [&mut point, &mut renamed] {
            let mut pool = object(head.user_pool());
            complete(&mut pool, &explicit_defaults_of_pool());
            head.set(Section::UserPoolConfig, Value::Object(pool));
        }
        for section in Section::at_the_head().filter(|section| section.is_list()) {
            let mut list = renamed.section(section).clone();
            let mut is_other = false;
            for element in list.as_array_mut().into_iter().flatten() {
                let then = element[CLIENT_ID].as_str().and_then(|now| back.get(now));
                if let Some(then) = then.copied()
                    && element[CLIENT_ID] != then
                {
                    element[CLIENT_ID] = then.into();
                    is_other = true;
                }
            }
            if is_other {
                renamed.set(section, list);
            }
        }
        Self {
            point,
            live: renamed,
            clients,
        }
    }

    /// Sections that both sides tell.
    fn compared(&self) -> impl Iterator<Item = Section> {
        Section::at_the_head()
            .filter(|section| is_known(&self.point, *section) && is_known(&self.live, *section))
    }

    /// Sections within the scope that one of the sides does not tell, though the other has
    /// something there.
    pub(super) fn not_compared(&self, scope: &Scope) -> Vec<Section> {
        let differ =
            |section: &Section| is_known(&self.point, *section) != is_known(&self.live, *section);
        Section::at_the_head()
            .filter(|section| differ(section) && scope.takes_section(*section))
            .collect()
    }

    /// What differs within the scope and is a setting, not something that Cognito computes.
    pub(super) fn differences(&self, scope: &Scope) -> Vec<Found> {
        let ties = Ties {
            relation: Relation::SamePool,
            ..Ties::default()
        };
        let sections = self.compared();
        let found = compare_sections(&self.point, &self.live, &ties, sections).found;
        let is_meant = |found: &Found| {
            let section = section_of(found);
            section.is_some_and(|section| scope.takes_section(section))
                && scope.takes_setting(&found.path)
                && !self.is_computed(found)
        };
        found.into_iter().filter(is_meant).collect()
    }

    /// Whether no call sets the member: what every new pool has of its own, what is shown twice.
    fn is_computed(&self, found: &Found) -> bool {
        let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
        if let ["waf_configuration", ..] = path[..] {
            return false;
        }
        if path == ["user_pool_config", "MfaConfiguration"] {
            return is_known(&self.point, Section::MfaConfiguration)
                && is_known(&self.live, Section::MfaConfiguration);
        }
        // While MFA is off, Cognito takes no factor (facts A.3).
        if let ["mfa_configuration", factor, ..] = path[..]
            && factor != "WebAuthnConfiguration"
            && factor != "MfaConfiguration"
            && self.point.section(Section::MfaConfiguration)["MfaConfiguration"] == "OFF"
        {
            return true;
        }
        row(&path).is_some_and(|row| match row.rule {
            Rule::Any => path.len() > 1,
            Rule::OnlyInPool => found.first.is_none() && !path.contains(&"AccountRecoverySetting"),
            _ => false,
        })
    }

    /// What is done about the differences, in the order in which it is carried out.
    pub(super) fn actions(&self, differences: &[Found], scope: &Scope) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::new();
        for found in differences {
            let Some(section) = section_of(found) else {
                continue;
            };
            if self.goes_with_its_client(section, found) {
                continue;
            }
            let (what, why) = self.verdict(section, found, scope);
            let target = target_of(section, found, what);
            let member = MemberChange::of(SettingDifference::of(found));
            let same = actions.iter_mut().find(|action| {
                (action.section, &action.target, action.what) == (section, &target, what)
                    && (what != What::Impossible || action.why == why)
            });
            match same {
                Some(action) => action.members.push(member),
                None => actions.push(Action {
                    section,
                    target,
                    what,
                    operation: operation(section, what),
                    why: why.or_else(|| what_is_new(section, what)),
                    members: vec![member],
                }),
            }
        }
        let last = table::rank(Section::Users) * 2;
        actions.sort_by_key(|action| match action.what {
            // What depends on others goes before them.
            What::Remove => last - table::rank(action.section),
            _ => table::rank(action.section),
        });
        actions
    }

    fn verdict(&self, section: Section, found: &Found, scope: &Scope) -> (What, Option<String>) {
        let row = table::row(section);
        let impossible = |why: &str| (What::Impossible, Some(why.to_owned()));
        if found.change == Change::Unreadable {
            return impossible("it cannot be read now");
        }
        if let Some(why) = self.why_impossible(section, found) {
            return impossible(why);
        }
        match (
            self.is_added(section, found),
            self.is_deleted(section, found),
        ) {
            (true, _) => match row.added {
                Way::By(_) if scope.remove_added => (What::Remove, None),
                _ => (What::LeftAlone, Some("it was added since".to_owned())),
            },
            (_, true) => match row.deleted {
                Way::By(_) => (What::MakeAgain, None),
                Way::Impossible(why) => impossible(why),
            },
            _ => match row.changed {
                Way::By(_) => (What::PutBack, None),
                Way::Impossible(why) => impossible(why),
            },
        }
    }

    /// Whether the whole thing was added since, and not a member of one.
    fn is_added(&self, section: Section, found: &Found) -> bool {
        match section {
            Section::Tags => found.change == Change::Added,
            Section::UserPoolConfig | Section::MfaConfiguration => false,
            _ if section.is_list() => found.path.len() == 2 && found.change == Change::Added,
            _ => is_absent(self.point.section(section)),
        }
    }

    /// Whether it belongs to a client that was added since: it stays or goes with it.
    fn goes_with_its_client(&self, section: Section, found: &Found) -> bool {
        use Section::*;
        let is_of_client = matches!(
            section,
            ClientSecrets
                | ClientUiCustomizations
                | UiImages
                | ManagedLoginBranding
                | Terms
                | ClientRiskConfigurations
                | ClientSessionConfigurations
        );
        let client = found.path.get(1).and_then(|name| name.split('/').next());
        let has = |head: &BackupHead| {
            let mut clients = head.list(AppClients).iter();
            clients.any(|one| one[CLIENT_ID].as_str() == client)
        };
        is_of_client && found.change == Change::Added && has(&self.live) && !has(&self.point)
    }

    fn is_deleted(&self, section: Section, found: &Found) -> bool {
        match section {
            Section::Tags | Section::UserPoolConfig | Section::MfaConfiguration => false,
            _ if section.is_list() => found.path.len() == 2 && found.change == Change::Missing,
            _ => is_absent(self.live.section(section)),
        }
    }

    /// Members that no call makes as they were (facts A.1, A.2, A.6, A.9, A.17).
    fn why_impossible(&self, section: Section, found: &Found) -> Option<&'static str> {
        let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
        let was_there = found.first.is_some();
        match (section, &path[1..]) {
            (Section::UserPoolConfig, ["SchemaAttributes", ..]) => {
                Some("attributes of the schema can only be added, and never changed")
            }
            (
                Section::UserPoolConfig,
                [
                    "AliasAttributes" | "UsernameAttributes" | "UsernameConfiguration",
                    ..,
                ],
            ) => Some("it is fixed when a pool is created"),
            (Section::UserPoolConfig, ["SmsConfiguration", ..])
                if is_absent(&self.point.user_pool()["SmsConfiguration"]) =>
            {
                Some("a pool that can send SMS stays able to")
            }
            (Section::UserPoolConfig, ["AccountRecoverySetting", ..]) if !was_there => {
                Some("a pool that says how passwords are recovered always does")
            }
            (Section::Tags, [key]) if is_reserved_tag(key) => {
                Some("tags that begin with aws: are AWS's own")
            }
            (Section::Groups, [name, ..])
                if is_group_of_provider(name, &self.point.user_pool_id) =>
            {
                Some("Cognito makes the groups of identity providers itself")
            }
            (Section::Groups, [_, _]) if !was_there => {
                Some("what a group has beyond its name can be changed, and not taken away")
            }
            (Section::ResourceServers, [name, ..]) if self.is_managed(name) => {
                Some("the resource server is Cognito's own")
            }
            (Section::AppClients, [_, "ClientSecret"]) => {
                Some("the secret of a client cannot be changed; another one can be added")
            }
            (Section::IdentityProviders, [_, "ProviderType"]) => {
                Some("the type of a provider cannot be changed")
            }
            (Section::UserPoolDomain | Section::CustomDomain, ["Domain"])
                if was_there && found.second.is_some() =>
            {
                Some("the pool has another domain in its place: delete that one first")
            }
            _ => None,
        }
    }

    fn is_managed(&self, identifier: &str) -> bool {
        let heads = [&self.point, &self.live];
        let mut servers = heads
            .into_iter()
            .flat_map(|head| head.list(Section::ResourceServers));
        servers.any(|server| server["Identifier"] == identifier && server["ManagedBy"] == "COGNITO")
    }

    /// The settings that are brought about: those of the pool, with what is put back as it was.
    /// Lists hold only what is put back or made again; a section of which nothing is, is empty.
    pub(super) fn wanted(
        &self,
        differences: &[Found],
        actions: &[Action],
        scope: &Scope,
    ) -> BackupHead {
        let whole = scope.settings.is_empty();
        let mut wanted = BackupHead::new(self.point.user_pool_id.clone(), self.point.timestamp);
        let secrets = self.point.section(Section::ClientSecrets);
        wanted.set(Section::ClientSecrets, secrets.clone());
        let pool = self.live.user_pool().clone();
        wanted.set(Section::UserPoolConfig, pool);
        let of_section = |section: Section| {
            let carried_out = actions.iter().filter(|action| action.what.is_carried_out());
            carried_out.filter(move |action| action.section == section)
        };
        let sections = Section::at_the_head().chain([Section::UiImages]);
        for section in sections {
            let chosen: Vec<&Action> = of_section(section).collect();
            if chosen.is_empty() {
                continue;
            }
            let is_chosen = |found: &&Found| {
                section_of(found) == Some(section)
                    && chosen.iter().any(|action| {
                        action
                            .members
                            .iter()
                            .any(|member| member.path == found.path)
                    })
            };
            let found: Vec<&Found> = differences.iter().filter(is_chosen).collect();
            let value = if section.is_list() {
                self.wanted_list(section, &chosen, &found, whole)
            } else {
                let mut live = object(self.live.section(section));
                let point = object(self.point.section(section));
                for found in found {
                    put_back(&mut live, &point, &found.path[1..], whole);
                }
                Value::Object(live)
            };
            wanted.set(section, value);
        }
        self.with_customizations_of_images(&mut wanted);
        wanted
    }

    fn wanted_list(
        &self,
        section: Section,
        chosen: &[&Action],
        found: &[&Found],
        whole: bool,
    ) -> Value {
        let named = |head: &BackupHead, target: &str| {
            let list = head.list(section).iter();
            let mut list = list.filter(|element| name_of(section, element) == target);
            list.next().map(object).unwrap_or_default()
        };
        let elements = chosen.iter().filter_map(|action| {
            let target = action.target.as_deref()?;
            let point = named(&self.point, target);
            match action.what {
                What::MakeAgain => {
                    let mut element = point;
                    GIVEN.iter().for_each(|id| {
                        element.shift_remove(*id);
                    });
                    Some(Value::Object(element))
                }
                What::PutBack => {
                    let mut element = named(&self.live, target);
                    for found in found.iter().filter(|found| found.path[1] == target) {
                        put_back(&mut element, &point, &found.path[2..], whole);
                    }
                    Some(Value::Object(element))
                }
                _ => None,
            }
        });
        elements.collect()
    }

    /// Style sheet and logo are set in one call (facts A.11): each brings the other along.
    fn with_customizations_of_images(&self, wanted: &mut BackupHead) {
        let of_pool = |image: &Value| image[CLIENT_ID].as_str().is_none_or(|id| id == "ALL");
        let images = wanted.list(Section::UiImages).to_vec();
        let customizations = [Section::UiCustomization, Section::ClientUiCustomizations];
        if images.iter().any(of_pool) && is_absent(wanted.section(Section::UiCustomization)) {
            let live = self.live.section(Section::UiCustomization).clone();
            wanted.set(Section::UiCustomization, live);
        }
        for image in images.iter().filter(|image| !of_pool(image)) {
            let section = Section::ClientUiCustomizations;
            let is_of = |one: &&Value| one[CLIENT_ID] == image[CLIENT_ID];
            if wanted.list(section).iter().any(|one| is_of(&one)) {
                continue;
            }
            let mut list = wanted.list(section).to_vec();
            list.extend(self.live.list(section).iter().find(is_of).cloned());
            wanted.set(section, list.into());
        }
        // The image that is there stays where only the style sheet is put back.
        let mut all = images;
        for customization in customizations
            .iter()
            .flat_map(|section| as_list(wanted.section(*section)))
        {
            let client = customization[CLIENT_ID].as_str().unwrap_or("ALL");
            let is_of = |image: &&Value| image[CLIENT_ID].as_str().unwrap_or("ALL") == client;
            if !all.iter().any(|image| is_of(&image)) {
                let live = self.live.list(Section::UiImages).iter().find(is_of);
                all.extend(live.cloned());
            }
        }
        if !all.is_empty() {
            wanted.set(Section::UiImages, all.into());
        }
    }
}

fn as_list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list.clone(),
        Value::Object(_) => vec![value.clone()],
        _ => Vec::new(),
    }
}

pub(super) fn section_of(found: &Found) -> Option<Section> {
    Section::of_member(found.path.first()?)
}

fn target_of(section: Section, found: &Found, what: What) -> Option<String> {
    let is_named = section.is_list()
        || (section == Section::Tags && matches!(what, What::Remove | What::LeftAlone));
    found.path.get(1).filter(|_| is_named).cloned()
}

fn operation(section: Section, what: What) -> Option<String> {
    let row = table::row(section);
    let way = match what {
        What::PutBack => row.changed,
        What::MakeAgain => row.deleted,
        What::Remove => row.added,
        What::LeftAlone | What::Impossible => return None,
    };
    match way {
        Way::By(operation) => Some(operation.to_owned()),
        Way::Impossible(_) => None,
    }
}

/// What cannot be the same of something that is made again.
fn what_is_new(section: Section, what: What) -> Option<String> {
    let new = match (section, what) {
        (Section::AppClients, What::MakeAgain) => {
            "it gets a new id: whoever uses it has to be told"
        }
        (Section::CustomDomain, What::MakeAgain) => {
            "it gets a new distribution: its DNS record has to be set"
        }
        _ => return None,
    };
    Some(new.to_owned())
}

/// The name by which the comparison tells the elements of a section apart.
fn name_of(section: Section, element: &Value) -> String {
    compare::settings::name_of(section, element, str::to_owned)
}

pub(super) fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.values().all(is_absent),
        _ => false,
    }
}

/// Makes the member at `path` what it is in `point`. Lists are put back whole: the comparison may
/// name their elements, which no call addresses. `whole`: what the point in time lacks goes with all
/// that is in it, what Cognito computes included.
fn put_back(
    live: &mut Map<String, Value>,
    point: &Map<String, Value>,
    path: &[String],
    whole: bool,
) {
    let Some((name, rest)) = path.split_first() else {
        *live = point.clone();
        return;
    };
    let nothing = Map::new();
    let then = point.get(name);
    if whole && then.is_none() {
        live.shift_remove(name);
        return;
    }
    let inner = live.get_mut(name).and_then(Value::as_object_mut);
    match (inner, then) {
        (Some(inner), then) if !rest.is_empty() && then.is_none_or(Value::is_object) => {
            let then = then.and_then(Value::as_object).unwrap_or(&nothing);
            put_back(inner, then, rest, whole);
            if inner.is_empty() && !point.contains_key(name) {
                live.shift_remove(name);
            }
        }
        (_, Some(then)) => {
            live.insert(name.clone(), then.clone());
        }
        (_, None) => {
            live.shift_remove(name);
        }
    }
}

/// The ids that the clients of the point in time have now: their own, or those that they got when
/// they were made again. Of the latter, what no record tells is told by the secret, or by being
/// the same in everything but the id.
fn pair_clients(
    point: &BackupHead,
    live: &BackupHead,
    made_again: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let id = |client: &Value| client[CLIENT_ID].as_str().unwrap_or_default().to_owned();
    let then = point.list(Section::AppClients);
    let now = live.list(Section::AppClients);
    let mut pairs = BTreeMap::new();
    for client in then {
        let of_now: Vec<String> = now.iter().map(id).collect();
        let kept = [Some(id(client)), made_again.get(&id(client)).cloned()];
        if let Some(kept) = kept.into_iter().flatten().find(|id| of_now.contains(id)) {
            pairs.insert(id(client), kept);
        }
    }
    for client in then {
        if pairs.contains_key(&id(client)) {
            continue;
        }
        let is_known = |other: &Value| {
            pairs.values().any(|known| *known == id(other))
                || then.iter().any(|client| id(client) == id(other))
        };
        let twin = now
            .iter()
            .find(|other| !is_known(other) && is_made_again(client, other));
        if let Some(twin) = twin {
            pairs.insert(id(client), id(twin));
        }
    }
    pairs
}

fn is_made_again(then: &Value, now: &Value) -> bool {
    let secret = |client: &Value| client["ClientSecret"].as_str().map(str::to_owned);
    if then["ClientName"] != now["ClientName"] || secret(then) != secret(now) {
        return false;
    }
    secret(then).is_some() || without_identity(then) == without_identity(now)
}

fn without_identity(client: &Value) -> Value {
    let mut client = object(client);
    explicit_defaults(&mut client);
    for member in [
        CLIENT_ID,
        "UserPoolId",
        "CreationDate",
        "LastModifiedDate",
        "ClientType",
        "RefreshTokenRotation",
    ] {
        client.shift_remove(member);
    }
    client.retain(|_, value| !is_absent(value));
    for list in client.values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
    }
    client.sort_keys();
    Value::Object(client)
}

#[cfg(test)]
mod tests;
