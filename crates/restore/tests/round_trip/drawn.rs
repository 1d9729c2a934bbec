//! What is drawn by lot: pools, their clients and their users.

use proptest::prelude::*;
use simulator::Unmeasured;
use tokio::runtime::Runtime;

use crate::support::World;

pub(crate) const STATUSES: [&str; 8] = [
    "CONFIRMED",
    "FORCE_CHANGE_PASSWORD",
    "UNCONFIRMED",
    "RESET_REQUIRED",
    "EXTERNAL_PROVIDER",
    "ARCHIVED",
    "COMPROMISED",
    "UNKNOWN",
];

/// One world for each reading of what nobody has measured.
pub(crate) fn both_worlds(runtime: &Runtime) -> [World; 2] {
    [false, true].map(|later| {
        runtime.block_on(World::with(Unmeasured {
            omitted_members_are_kept: later,
            refresh_flow_is_optional: later,
            later_secret_is_shown: later,
        }))
    })
}

/// So many cases, unless `PROPTEST_CASES` says otherwise.
pub(crate) fn config(cases: u32, max_shrink_iters: u32) -> ProptestConfig {
    let cases = match std::env::var("PROPTEST_CASES") {
        Ok(cases) => cases.parse().unwrap(),
        Err(_) => cases,
    };
    ProptestConfig {
        cases,
        max_shrink_iters,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Pool {
    /// Which reading of what nobody has measured it meets.
    pub(crate) other_world: bool,
    /// Whether Describe shows all that it shows of a pool of 2026.
    pub(crate) recent: bool,
    /// None, a multi-Region key, a key of one Region.
    pub(crate) key: usize,
    /// Messages: Cognito's own, one for codes, one each for codes and links, the older members alone.
    pub(crate) messages: usize,
    /// Default, by e-mail, by administrators.
    pub(crate) recovery: usize,
    /// A role for SMS that is not for MFA, and whether Cognito takes it for the new pool.
    pub(crate) sms_role: Option<bool>,
    pub(crate) sign_in: usize,
    pub(crate) tier: usize,
    pub(crate) mfa: usize,
    pub(crate) verifies: bool,
    pub(crate) protected: bool,
    pub(crate) self_service: bool,
    pub(crate) minimum_length: u32,
    pub(crate) symbols: bool,
    pub(crate) schema: [bool; 4],
    pub(crate) groups: usize,
    pub(crate) domain: bool,
    pub(crate) google: bool,
    pub(crate) oidc: bool,
    pub(crate) saml: bool,
    /// What people may sign in with besides a password.
    pub(crate) factors: usize,
    /// Messages by SES, which MFA by e-mail needs.
    pub(crate) email_mfa: bool,
    pub(crate) server: bool,
    pub(crate) clients: Vec<Client>,
    pub(crate) users: Vec<User>,
}

#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// None, shown, not shown because the original one was deleted.
    pub(crate) secret: usize,
    /// Whether nothing was ever set that can be left unset.
    pub(crate) bare: bool,
    /// None, on, off.
    pub(crate) rotation: usize,
    pub(crate) oauth: bool,
    pub(crate) attributes: bool,
    pub(crate) revocation: Option<bool>,
    pub(crate) hides_users: Option<bool>,
    pub(crate) session_minutes: u32,
    pub(crate) refresh_days: u32,
    pub(crate) flows: usize,
    pub(crate) branding: bool,
    pub(crate) terms: bool,
    pub(crate) risk: bool,
    pub(crate) session: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) status: usize,
    pub(crate) enabled: bool,
    /// None, unverified, verified.
    pub(crate) email: usize,
    pub(crate) phone: usize,
    pub(crate) preferred: bool,
    pub(crate) text: String,
    pub(crate) groups: [bool; 4],
    pub(crate) linked: bool,
    pub(crate) mfa: usize,
    pub(crate) name: usize,
}

fn client() -> impl Strategy<Value = Client> {
    let flags = any::<(bool, bool, bool, Option<bool>, Option<bool>)>();
    let pages = any::<[bool; 4]>();
    let choices = (0_usize..3, 0_usize..3, 0_usize..4);
    (flags, 3_u32..=15, 1_u32..=3650, choices, pages).prop_map(
        |(
            (bare, oauth, attributes, revocation, hides_users),
            session_minutes,
            refresh_days,
            (secret, rotation, flows),
            [branding, terms, risk, session],
        )| Client {
            secret,
            bare,
            rotation,
            oauth,
            attributes,
            revocation,
            hides_users,
            session_minutes,
            refresh_days,
            flows,
            branding,
            terms,
            risk,
            session,
        },
    )
}

fn user() -> impl Strategy<Value = User> {
    (
        (0..STATUSES.len(), any::<bool>(), 0_usize..4, 0_usize..3),
        (any::<bool>(), "\\PC{0,24}", any::<[bool; 4]>()),
        (any::<bool>(), 0_usize..3, 0_usize..4),
    )
        .prop_map(
            |((status, enabled, email, phone), (preferred, text, groups), (linked, mfa, name))| {
                User {
                    status,
                    enabled,
                    email: email.min(2),
                    phone,
                    preferred,
                    text,
                    groups,
                    linked,
                    mfa,
                    name,
                }
            },
        )
}

pub(crate) fn pool() -> impl Strategy<Value = Pool> {
    let settings = (0_usize..8, 0_usize..3, 0_usize..5, any::<[bool; 3]>());
    let more = (6_u32..=32, any::<bool>(), any::<[bool; 4]>(), 0_usize..=4);
    let around = any::<(bool, bool, bool, bool, bool)>();
    let sign_in = (0_usize..5, any::<bool>());
    let shown = (
        any::<(bool, bool, Option<bool>)>(),
        0_usize..3,
        0_usize..4,
        0_usize..3,
    );
    let lists = (
        prop::collection::vec(client(), 0..3),
        prop::collection::vec(user(), 0..=12),
    );
    (settings, more, (around, sign_in, shown), lists).prop_map(
        |(
            (sign_in, tier, mfa, [verifies, protected, self_service]),
            (minimum_length, symbols, schema, groups),
            (
                (domain, google, oidc, saml, server),
                (factors, email_mfa),
                ((other_world, recent, sms_role), key, messages, recovery),
            ),
            (clients, users),
        )| Pool {
            other_world,
            recent,
            key,
            messages,
            recovery,
            sms_role,
            sign_in,
            tier,
            mfa,
            verifies,
            protected,
            self_service,
            minimum_length,
            symbols,
            schema,
            groups,
            domain,
            google,
            oidc,
            saml,
            factors,
            email_mfa,
            server,
            clients,
            users,
        },
    )
}
