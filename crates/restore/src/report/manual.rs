//! What is left to the operator, in the order in which it is best done.
//!
//! First what keeps people from signing in at all, then what faces outwards, then what can wait:
//! the order of the reference's table of critical manual steps.

use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{ManualStep, RestoreState, Step};

use super::new_pool::NewPool;
use crate::commands::{self, cognito};
use crate::context::RestoreSettings;
use crate::document::text;
use crate::resume;

/// The order of the steps' own manual steps; the numbers leave room for those of all restores.
fn rank(step: Step) -> u8 {
    match step {
        Step::Preflight => 0,
        Step::UserPool | Step::CustomAttributes => 10,
        Step::MfaConfiguration | Step::Passkeys => 11,
        Step::FinalSettings | Step::SelfSignUp => 12,
        Step::ResourceServers | Step::IdentityProviders | Step::Groups => 20,
        Step::AppClients => 21,
        Step::Domains => 22,
        Step::UiCustomization | Step::ManagedLoginBranding | Step::Terms => 60,
        Step::RiskConfiguration | Step::WebAcl => 61,
        Step::Users => PEOPLE,
        Step::LogDelivery | Step::SessionConfiguration => 62,
    }
}

const PROVIDERS: u8 = 30;
const DNS: u8 = 31;
const APPLICATIONS: u8 = 40;
const TRY: u8 = 50;
const PEOPLE: u8 = 51;
const AFTERWARDS: u8 = 70;

/// All manual steps of a restore that came to its end.
pub(crate) fn manual_steps(
    state: &RestoreState,
    head: &BackupHead,
    pool: Option<&NewPool>,
) -> Vec<ManualStep> {
    let mut steps: Vec<(u8, ManualStep)> = Vec::new();
    for record in &state.steps {
        steps.extend(
            record
                .manual_steps
                .iter()
                .map(|step| (rank(record.step), step.clone())),
        );
    }
    // Into an existing pool nothing moves; a dry run made none.
    if let Some(pool) = pool.filter(|_| is_new(state)) {
        external_providers(head, pool, &mut steps);
        dns(pool, &mut steps);
        applications(state, pool, &mut steps);
    }
    people(state, pool, &mut steps);
    steps.sort_by_key(|(rank, _)| *rank);
    let mut seen = std::collections::BTreeSet::new();
    steps
        .into_iter()
        .map(|(_, step)| step)
        .filter(|step| seen.insert((step.title.clone(), step.command.clone())))
        .collect()
}

/// Whether the restore made a new pool, which stays.
pub(crate) fn is_new(state: &RestoreState) -> bool {
    let options = &state.options;
    let makes_none = options.verify.is_some() || options.dry_run || options.rehearsal.is_some();
    options.target_user_pool_id.is_none() && !makes_none
}

fn external_providers(head: &BackupHead, pool: &NewPool, steps: &mut Vec<(u8, ManualStep)>) {
    for provider in head.list(Section::IdentityProviders) {
        let name = text(provider, "/ProviderName").unwrap_or_default();
        let kind = text(provider, "/ProviderType").unwrap_or_default();
        let (tell, why) = if kind == "SAML" {
            let certificate = cognito(&pool.region, &pool.id, "get-signing-certificate", &[]);
            (
                format!(
                    "Entity ID (audience): {}\nACS URL (single sign-on URL): {}\n# certificate, if the provider checks signed requests or encrypts:\n{certificate}",
                    pool.entity_id(),
                    pool.saml_acs()
                ),
                "The provider knows the old pool's entity id and address, and trusts no other.",
            )
        } else {
            (
                format!("Redirect URI: {}", pool.oauth_redirect()),
                "The provider redirects only to addresses that it was given.",
            )
        };
        let named = if name == kind {
            name.to_owned()
        } else {
            format!("{name} ({kind})")
        };
        let title = format!("Tell the identity provider {named} the new addresses");
        steps.push((PROVIDERS, ManualStep::new(title, why).with_command(tell)));
    }
}

fn dns(pool: &NewPool, steps: &mut Vec<(u8, ManualStep)>) {
    let Some(domain) = &pool.custom_host else {
        return;
    };
    let why = "A custom domain has a new alias target in CloudFront; until DNS follows, its sign-in pages are not reachable.";
    let target = pool.alias_target.as_deref().unwrap_or("(not known yet)");
    let mut command = format!("{domain}  ALIAS (A, AAAA) or CNAME  {target}");
    if pool.alias_target.is_none() {
        let ask = commands::aws(
            "cognito-idp describe-user-pool-domain",
            &pool.region,
            &[("domain", domain)],
        );
        command.push_str(&format!("\n# ask for the target:\n{ask}"));
    }
    steps.push((
        DNS,
        ManualStep::new(
            format!("Point the DNS record of {domain} to the new pool"),
            why,
        )
        .with_command(command),
    ));
}

fn applications(state: &RestoreState, pool: &NewPool, steps: &mut Vec<(u8, ManualStep)>) {
    let mut ids = format!("{}  ->  {}", state.user_pool_id, pool.id);
    for (old, new) in state.app_clients.iter().take(50) {
        ids.push_str(&format!("\n{old}  ->  {new}"));
    }
    if state.app_clients.len() > 50 {
        ids.push_str("\n... all of them are in id-map.json");
    }
    steps.push((
        APPLICATIONS,
        ManualStep::new(
            "Put the new ids into every application, API authorizer and identity pool",
            "Pool and clients have new ids; client secrets are the same. Ready-made configuration is below.",
        )
        .with_command(ids),
    ));
    steps.push((
        APPLICATIONS,
        ManualStep::new(
            "Deploy the applications",
            "Until then they talk to the old pool, and refuse tokens of the new one.",
        ),
    ));
}

fn people(state: &RestoreState, pool: Option<&NewPool>, steps: &mut Vec<(u8, ManualStep)>) {
    let counts = &state.users.counts;
    let restores = pool.is_some() && !state.options.dry_run && state.options.verify.is_none();
    if !restores {
        return;
    }
    let pool = pool.map_or((String::new(), String::new()), |pool| {
        (pool.region.clone(), pool.id.clone())
    });
    if is_new(state) {
        steps.push((
            TRY,
            ManualStep::new(
                "Try it: sign in, reset a password, register MFA, open a page that needs a group",
                "What the report cannot show is whether applications and providers got along with the change.",
            ),
        ));
        steps.push((
            PEOPLE,
            ManualStep::new(
                "Tell the users",
                "A restore sends no message to anybody. Passwords are gone; a text to send is below.",
            ),
        ));
        steps.push((
            AFTERWARDS,
            ManualStep::new(
                "Back the new pool up",
                "The schedule knows the old pool only. Deploy the backup stack in the new pool's Region, with this pool.",
            )
            .with_command(format!("sam deploy --template-file template-primary.yaml --region {} --parameter-overrides UserPoolIds={}", pool.0, pool.1)),
        ));
    }
    if counts.failed > 0 {
        steps.push((
            PEOPLE,
            ManualStep::new(
                format!("See to {} who did not come back", users(counts.failed)),
                "The findings name each by its old sub, with the reason. Put right what was wrong and resume the restore: it tries them again.",
            ),
        ));
    }
    if counts.cannot_reset_password > 0 {
        steps.push((
            PEOPLE,
            ManualStep::new(
                format!("Set a password for {} who cannot reset it", users(counts.cannot_reset_password)),
                "They have no verified e-mail address or phone number. The findings name them by their old sub; user-map.csv has the new username.",
            )
            .with_command(cognito(&pool.0, &pool.1, "admin-set-user-password", &[("username", "NEW_USERNAME"), ("password", "TEMPORARY_PASSWORD")])),
        ));
    }
}

fn users(count: u64) -> String {
    let noun = if count == 1 { "user" } else { "users" };
    format!("{count} {noun}")
}

/// What to do after a restore that failed: mend and go on, or start again, and what to do with a
/// pool that was begun.
pub(crate) fn after_a_failure(
    state: &RestoreState,
    pool: Option<&NewPool>,
    settings: &RestoreSettings,
) -> Vec<ManualStep> {
    let mut steps = Vec::new();
    // Of a restore that did not finish its first step nothing is remembered.
    let has_begun = !state.steps.is_empty() || state.new_user_pool_id.is_some();
    if has_begun {
        steps.push(
            ManualStep::new(
                "Read the error above, mend its cause and let the restore go on",
                "It goes on from where it stopped: what is there is not made again.",
            )
            .with_command(commands::restore(settings, state, true)),
        );
    }
    steps.push(
        ManualStep::new(
            if has_begun {
                "Or start anew, where another backup or another way is wanted"
            } else {
                "Read the error above, mend its cause and start the restore again"
            },
            "Every restore makes a pool of its own: a new attempt does not trip over this one.",
        )
        .with_command(commands::restore(settings, state, false)),
    );
    if let Some(pool) = pool.filter(|_| is_new(state)) {
        let mut commands = Vec::new();
        let prefix = pool
            .prefix_host
            .as_deref()
            .and_then(|host| host.split('.').next());
        for domain in prefix.into_iter().chain(pool.custom_host.as_deref()) {
            commands.push(cognito(
                &pool.region,
                &pool.id,
                "delete-user-pool-domain",
                &[("domain", domain)],
            ));
        }
        commands.push(cognito(&pool.region, &pool.id, "delete-user-pool", &[]));
        steps.push(
            ManualStep::new(
                format!("Remove the pool {} that this restore began, when you start anew", pool.id),
                "A new attempt does not use it, and after this the restore can no longer go on. It counts against the quota, and it may hold a domain that the next attempt needs. If deletion protection is on already, switch it off first.",
            )
            .with_command(commands.join("\n")),
        );
    }
    steps
}

/// What a rehearsal leaves to do: nothing, but where its pool could not be removed.
pub(crate) fn after_a_rehearsal(
    state: &RestoreState,
    settings: &RestoreSettings,
) -> Option<ManualStep> {
    let pool = state.new_user_pool_id.as_ref()?;
    let arguments = [("user-pool-id", pool.as_str())];
    let command = commands::aws("cognito-idp delete-user-pool", &settings.region, &arguments);
    state.removed.is_none().then(|| {
        ManualStep::new(
            format!("Remove the scratch pool {pool}"),
            "It could not be removed; the log says why. The next rehearsal tries again, and so does the stack every few hours.",
        )
        .with_command(command)
    })
}

/// What to do about all that did not come back, before the commands for each: once its cause is
/// mended, the restore brings it.
pub(crate) fn after_losses(state: &RestoreState, settings: &RestoreSettings) -> Option<ManualStep> {
    let again = resume::incomplete(&state.steps);
    let mut what: Vec<&str> = again.iter().map(|step| step.title()).collect();
    if state.users.counts.failed > 0 && !again.contains(&Step::Users) {
        what.push(Step::Users.title());
    }
    (is_new(state) && !what.is_empty()).then(|| {
        ManualStep::new(
            format!("Fill in the operator's map and resume the restore: {}", what.join(", ")),
            "What is listed below waits for a translation in cognito-restore/translations.json, or for something to be put right in the target Region. Resumed, the restore tries it again, leaves everything else alone and compares anew. The commands below are the other way.",
        )
        .with_command(commands::restore(settings, state, true))
    })
}

/// What a comparison on its own leaves to do.
pub(crate) fn is_comparison(state: &RestoreState) -> bool {
    state.options.verify.is_some()
}

/// What to do when the comparison found what nobody announced.
pub(crate) fn after_a_difference(
    state: &RestoreState,
    settings: &RestoreSettings,
) -> Option<ManualStep> {
    let unannounced = state
        .verification
        .as_ref()
        .map_or(0, |verification| verification.unannounced);
    (unannounced > 0).then(|| {
        ManualStep::new(
            format!("Look at the {unannounced} differences that nobody announced before you use the pool"),
            "The comparison below names each. Something may have changed the pool behind the restore's back. Once it is put right, compare again.",
        )
        .with_command(commands::restore(settings, state, true))
    })
}

#[cfg(test)]
mod tests {
    use super::super::losses::tests::state;
    use super::super::tests::settings;
    use super::*;
    use model::restore::{Outcome, StepRecord};
    use serde_json::json;

    fn head() -> BackupHead {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-03-07T09:05:02Z".parse().unwrap(),
        );
        head.set(
            Section::IdentityProviders,
            json!([{"ProviderName": "okta", "ProviderType": "SAML"}, {"ProviderName": "Google", "ProviderType": "Google"}]),
        );
        head
    }

    fn pool() -> NewPool {
        let mut pool = NewPool::of(
            &"us-west-2_New".parse().unwrap(),
            &json!({"Domain": "shop", "CustomDomain": "auth.example.com"}),
        );
        pool.alias_target = Some("d111.cloudfront.net".into());
        pool
    }

    fn with_step(step: Step, title: &str, state: &mut RestoreState) {
        state.steps.push(StepRecord {
            step,
            outcome: Outcome::Restored { count: 1 },
            findings: Vec::new(),
            manual_steps: vec![ManualStep::new(title, "why")],
            began: state.began,
            ended: state.began,
        });
    }

    #[test]
    fn what_keeps_people_from_signing_in_comes_first() {
        let mut state = state();
        with_step(Step::LogDelivery, "logs", &mut state);
        with_step(Step::WebAcl, "acl", &mut state);
        with_step(Step::FinalSettings, "triggers", &mut state);
        let steps = manual_steps(&state, &head(), Some(&pool()));
        let titles: Vec<&str> = steps.iter().map(|step| step.title.as_str()).collect();
        let place = |part: &str| {
            titles
                .iter()
                .position(|title| title.contains(part))
                .unwrap()
        };
        let order = [
            "triggers",
            "okta",
            "DNS",
            "new ids",
            "Deploy",
            "Try it",
            "Tell the users",
            "acl",
            "logs",
            "Back the new pool up",
        ];
        let places: Vec<usize> = order.iter().map(|part| place(part)).collect();
        assert!(places.is_sorted(), "{titles:#?}");
    }

    #[test]
    fn commands_name_the_new_pool_and_its_addresses() {
        let steps = manual_steps(&state(), &head(), Some(&pool()));
        let command = |part: &str| {
            let step = steps.iter().find(|step| step.title.contains(part)).unwrap();
            step.command.clone().unwrap()
        };
        assert!(command("okta").contains("urn:amazon:cognito:sp:us-west-2_New"));
        assert!(command("okta").contains("https://auth.example.com/saml2/idpresponse"));
        assert!(command("Google").contains("https://auth.example.com/oauth2/idpresponse"));
        assert!(command("DNS").contains("d111.cloudfront.net"));
        assert!(command("new ids").contains("oldweb  ->  newweb"));
        assert!(command("cannot reset").contains("--user-pool-id us-west-2_New"));
    }

    #[test]
    fn into_an_existing_pool_nothing_moves() {
        let mut state = state();
        state.options.target_user_pool_id = Some("us-west-2_New".parse().unwrap());
        let steps = manual_steps(&state, &head(), Some(&pool()));
        assert!(
            steps.iter().all(|step| step.title.contains(" who ")),
            "{steps:#?}"
        );
    }

    #[test]
    fn a_failed_restore_tells_how_to_remove_its_pool_domains_first() {
        let steps = after_a_failure(&state(), Some(&pool()), &settings());
        let command = steps[2].command.as_deref().unwrap();
        let lines: Vec<&str> = command.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].contains("delete-user-pool-domain") && lines[0].contains("--domain shop"));
        assert!(
            lines[2].contains("delete-user-pool --region us-west-2 --user-pool-id us-west-2_New")
        );
        assert_eq!(after_a_failure(&state(), None, &settings()).len(), 2);
    }

    #[test]
    fn a_failed_restore_is_resumed_unless_it_never_began() {
        let commands = |state: &RestoreState| -> Vec<String> {
            let steps = after_a_failure(state, None, &settings()).into_iter();
            steps.filter_map(|step| step.command).collect()
        };
        let payload = r#"'{"user_pool_id": "us-east-1_Old", "resume": "dr-restore-1"}'"#;
        assert!(commands(&state())[0].contains(payload));
        assert!(commands(&state())[1].contains(r#"'{"user_pool_id": "us-east-1_Old"}'"#));
        let mut state = state();
        state.new_user_pool_id = None;
        assert!(
            commands(&state)
                .iter()
                .all(|command| !command.contains("resume"))
        );
    }
}
