//! What is done about each difference in the settings, and why nothing where nothing helps.

use compare::diff::SettingDifference;
use compare::documents::{Change, FoundDifference};
use model::document::BackupHead;
use model::inventory::Section;
use model::rules::is_group_of_provider;

use super::heads::{Heads, is_absent, section_of};
use super::pairs::CLIENT_ID;
use super::plan::{Action, MemberChange, What};
use super::scope::Scope;
use super::table::{self, Way};
use crate::steps::pool_document::is_reserved_tag;

/// Whether an attribute of the schema is a custom one, by its name.
fn is_custom(name: &str) -> bool {
    ["custom:", "dev:"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

impl Heads {
    /// What is done about the differences, in the order in which it is carried out.
    pub(super) fn actions(&self, differences: &[FoundDifference], scope: &Scope) -> Vec<Action> {
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

    fn verdict(
        &self,
        section: Section,
        found: &FoundDifference,
        scope: &Scope,
    ) -> (What, Option<String>) {
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
    fn is_added(&self, section: Section, found: &FoundDifference) -> bool {
        match section {
            Section::Tags => found.change == Change::Added,
            Section::UserPoolConfig | Section::MfaConfiguration => false,
            _ if section.is_list() => found.path.len() == 2 && found.change == Change::Added,
            _ => is_absent(self.point.section(section)),
        }
    }

    /// Whether it belongs to a client that was added since: it stays or goes with it.
    fn goes_with_its_client(&self, section: Section, found: &FoundDifference) -> bool {
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

    fn is_deleted(&self, section: Section, found: &FoundDifference) -> bool {
        match section {
            Section::Tags | Section::UserPoolConfig | Section::MfaConfiguration => false,
            _ if section.is_list() => found.path.len() == 2 && found.change == Change::Missing,
            _ => is_absent(self.live.section(section)),
        }
    }

    /// Members that no call makes as they were (facts A.1, A.2, A.6, A.9, A.17).
    fn why_impossible(&self, section: Section, found: &FoundDifference) -> Option<&'static str> {
        let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
        let was_there = found.first.is_some();
        match (section, &path[1..]) {
            (Section::UserPoolConfig, ["SchemaAttributes", name])
                if self.terms.is_some() && found.second.is_none() && is_custom(name) =>
            {
                None
            }
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
}

fn target_of(section: Section, found: &FoundDifference, what: What) -> Option<String> {
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
