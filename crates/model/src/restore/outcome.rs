//! What became of each step.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::Finding;

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $title:literal);* $(;)?) => {
        /// The steps of a restore. `restore/src/plan.rs` shows them in order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Step { $($(#[$doc])* $name),* }

        impl Step {
            /// All steps, in the order in which they run.
            pub const ALL: &'static [Step] = &[$(Step::$name),*];

            /// The step's name in logs, state and report.
            pub fn name(self) -> &'static str {
                match self { $(Step::$name => $text),* }
            }

            /// What the step is about, for people.
            pub fn title(self) -> &'static str {
                match self { $(Step::$name => $title),* }
            }
        }
    };
}

steps! {
    /// Checks backup, map and target Region before anything is created.
    Preflight = "preflight", "Checks before the start";
    /// Creates the pool, quiet: no MFA, no triggers, no verification mail, no deletion protection.
    UserPool = "user_pool", "User pool";
    /// Adds the attributes that one CreateUserPool call cannot take.
    CustomAttributes = "custom_attributes", "Custom attributes";
    /// Creates resource servers, before the clients that use their scopes.
    ResourceServers = "resource_servers", "Resource servers";
    /// Creates identity providers, before the clients that name them.
    IdentityProviders = "identity_providers", "Identity providers";
    /// Creates groups.
    Groups = "groups", "Groups";
    /// Creates app clients with their secrets.
    AppClients = "app_clients", "App clients";
    /// Sets MFA and passkeys, before the users, whose MFA preferences need it.
    MfaConfiguration = "mfa_configuration", "MFA settings";
    /// Creates managed login styles.
    ManagedLoginBranding = "managed_login_branding", "Managed login branding";
    /// Creates terms documents.
    Terms = "terms", "Terms documents";
    /// Sets threat protection.
    RiskConfiguration = "risk_configuration", "Threat protection";
    /// Sets log delivery.
    LogDelivery = "log_delivery", "Log delivery";
    /// Sets session configuration.
    SessionConfiguration = "session_configuration", "Session configuration";
    /// Makes the users, with status, memberships, links, MFA preference and disabled flag.
    Users = "users", "Users";
    /// Attaches triggers and sets what else had to wait for the users.
    FinalSettings = "final_settings", "Triggers and final settings";
    /// Associates the web ACL, which would take the restore's own sign-ups for an attack.
    WebAcl = "web_acl", "Web ACL";
    /// Creates the domains, when all that guards their pages is there.
    Domains = "domains", "Domains";
    /// Sets the relying party of passkeys, which is the domain.
    Passkeys = "passkeys", "Passkeys";
    /// Sets the classic hosted UI; needs a domain.
    UiCustomization = "ui_customization", "Hosted UI customization";
    /// Opens self sign-up where it was open, and protects the pool from deletion.
    SelfSignUp = "self_sign_up", "Self sign-up and deletion protection";
}

impl std::fmt::Display for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What became of a step as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it is for; findings may tell of items that it could not do.
    Restored {
        /// How many items came back.
        count: u64,
    },
    /// The backup holds nothing for it.
    NothingToDo,
    /// It was left out.
    Skipped {
        /// Why.
        reason: String,
    },
    /// None of it came back, and the restore went on without.
    Failed {
        /// The error.
        error: String,
    },
}

/// Something that only the operator can do, with the ready command where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualStep {
    /// What to do.
    pub title: String,
    /// Why it was not done for them.
    pub why: String,
    /// The command, with the new ids filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl ManualStep {
    /// A step without a command.
    pub fn new(title: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            why: why.into(),
            command: None,
        }
    }

    /// Adds the command.
    pub fn with_command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// What Cognito never gives back, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownLoss {
    /// What is lost.
    pub what: String,
    /// How many users or things it concerns, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What it means for them.
    pub meaning: String,
}

/// What became of one step, with everything it had to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step.
    pub step: Step,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// News about single items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What is left to the operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manual_steps: Vec<ManualStep>,
    /// When the step began, in the invocation that finished it.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
}
