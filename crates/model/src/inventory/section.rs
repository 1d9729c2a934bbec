//! The sections of the backup document.

use serde::{Deserialize, Serialize};

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident = $member:literal),* $(,)?) => {
        /// One section of the backup document: a member of the JSON object with a status of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Section { $($(#[$doc])* $name),* }

        impl Section {
            /// All sections, in the order in which a document holds them.
            pub const ALL: &'static [Section] = &[$(Section::$name),*];

            /// The member of the backup document that holds this section.
            pub fn member(self) -> &'static str {
                match self { $(Section::$name => $member),* }
            }
        }
    };
}

sections! {
    /// The `UserPool` of DescribeUserPool, whole.
    UserPoolConfig = "user_pool_config",
    /// The answer of GetUserPoolMfaConfig.
    MfaConfiguration = "mfa_configuration",
    /// The answer of ListTagsForResource: a map of the tags.
    Tags = "tags",
    /// The `UserPoolClient` of DescribeUserPoolClient for each client, secrets included.
    AppClients = "app_clients",
    /// For each client with secrets: `{"ClientId", "ClientSecrets": [...]}`, without values.
    ClientSecrets = "client_secrets",
    /// The `Group` objects of ListGroups.
    Groups = "groups",
    /// The `IdentityProvider` of DescribeIdentityProvider for each provider.
    IdentityProviders = "identity_providers",
    /// The `ResourceServer` objects of ListResourceServers.
    ResourceServers = "resource_servers",
    /// The `DomainDescription` of the prefix domain.
    UserPoolDomain = "user_pool_domain",
    /// The `DomainDescription` of the custom domain.
    CustomDomain = "custom_domain",
    /// The pool's own `UICustomization` (ClientId `ALL`).
    UiCustomization = "ui_customization",
    /// The `UICustomization` of each client that has its own.
    ClientUiCustomizations = "client_ui_customizations",
    /// The logos: `{"ClientId", "ContentType", "Data"}` (base64), fetched from `ImageUrl`.
    UiImages = "ui_images",
    /// The `ManagedLoginBranding` of each client that has one.
    ManagedLoginBranding = "managed_login_branding",
    /// The `Terms` of DescribeTerms for each document.
    Terms = "terms",
    /// The pool's own `RiskConfiguration`.
    RiskConfiguration = "risk_configuration",
    /// The `RiskConfiguration` of each client that has its own.
    ClientRiskConfigurations = "client_risk_configurations",
    /// The `LogDeliveryConfiguration`.
    LogDeliveryConfiguration = "log_delivery_configuration",
    /// `{"WebACLName", "WebACLArn", "WebACLId"}` of the associated web ACL.
    WafConfiguration = "waf_configuration",
    /// The answer of GetUserPoolSessionConfiguration.
    SessionConfiguration = "session_configuration",
    /// `{"ClientId", ...}` with the answer of GetUserPoolClientSessionConfiguration.
    ClientSessionConfigurations = "client_session_configurations",
    /// The replicas that were seen: recorded, never restored.
    Replicas = "replicas",
    /// The pool's certificate as a SAML service provider: recorded for the hand-over.
    SigningCertificate = "signing_certificate",
    /// The users, streamed, one to a line.
    Users = "users",
    /// The usernames of each group's members, streamed, one to a line.
    GroupMemberships = "group_memberships",
}

impl Section {
    /// The sections that are read whole and stand at the head of a document, before the users.
    pub fn at_the_head() -> impl Iterator<Item = Section> {
        Section::ALL
            .iter()
            .copied()
            .filter(|section| !section.is_streamed())
    }

    /// The section that a member of the document holds; none when this version knows no such.
    pub fn of_member(member: &str) -> Option<Section> {
        let all = Section::ALL.iter().copied();
        all.into_iter().find(|section| section.member() == member)
    }

    /// Whether the section is streamed after the head.
    pub fn is_streamed(self) -> bool {
        matches!(self, Section::Users | Section::GroupMemberships)
    }

    /// Whether the section is a JSON array with an element for each thing.
    pub fn is_list(self) -> bool {
        use Section::*;
        matches!(
            self,
            AppClients
                | ClientSecrets
                | Groups
                | IdentityProviders
                | ResourceServers
                | ClientUiCustomizations
                | UiImages
                | ManagedLoginBranding
                | Terms
                | ClientRiskConfigurations
                | ClientSessionConfigurations
                | Replicas
                | Users
        )
    }

    /// Whether a backup without it is no backup: its failure fails the run.
    ///
    /// Everything else may be missing from a backup, marked as failed, and the pool still comes
    /// back in a form that its users can sign in to.
    pub fn is_essential(self) -> bool {
        use Section::*;
        matches!(
            self,
            UserPoolConfig | AppClients | Groups | Users | GroupMemberships
        )
    }
}

impl std::fmt::Display for Section {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.member())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_serializes_as_its_member() {
        for section in Section::ALL {
            assert_eq!(serde_json::to_value(section).unwrap(), section.member());
        }
    }
}
