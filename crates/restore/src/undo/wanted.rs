//! The settings that an undo brings about, as the steps of a restore read them: as a backup.

use compare::documents::FoundDifference;
use model::document::BackupHead;
use model::inventory::Section;
use serde_json::{Map, Value};

use super::heads::{Heads, is_absent, name_of, section_of};
use super::pairs::CLIENT_ID;
use super::plan::{Action, What};
use super::scope::Scope;
use crate::document::object;

/// Ids that Cognito gives to what is made again: without one, a thing is to be made.
const GIVEN: [&str; 2] = ["TermsId", "ManagedLoginBrandingId"];

impl Heads {
    /// The settings that are brought about: those of the pool, with what is put back as it was.
    /// Lists hold only what is put back or made again; a section of which nothing is, is empty.
    pub(super) fn wanted(
        &self,
        differences: &[FoundDifference],
        actions: &[Action],
        scope: &Scope,
    ) -> BackupHead {
        let whole = scope.settings.is_empty();
        let mut wanted = BackupHead::new(self.live.user_pool_id.clone(), self.point.timestamp);
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
            let is_chosen = |found: &&FoundDifference| {
                section_of(found) == Some(section)
                    && chosen.iter().any(|action| {
                        action
                            .members
                            .iter()
                            .any(|member| member.path == found.path)
                    })
            };
            let found: Vec<&FoundDifference> = differences.iter().filter(is_chosen).collect();
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
        found: &[&FoundDifference],
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
