//! What an undo can do about each section: one table, which it goes by and `docs/undo.md` repeats.

use model::inventory::Section;

use super::scope::Part;

/// What becomes of a difference of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// This operation makes it as it was.
    By(&'static str),
    /// Nothing does, for this reason.
    Impossible(&'static str),
}

impl Way {
    /// As `docs/undo.md` writes it.
    pub fn in_words(self) -> String {
        match self {
            Way::By(operation) => format!("`{operation}`"),
            Way::Impossible(why) => why.to_owned(),
        }
    }
}

/// One section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The section.
    pub section: Section,
    /// The part that it belongs to.
    pub part: Part,
    /// What puts back what was changed.
    pub changed: Way,
    /// What makes again what was deleted.
    pub deleted: Way,
    /// What removes, on request, what was added since.
    pub added: Way,
    /// What else there is to know.
    pub note: &'static str,
}

const NONE: Way = Way::Impossible("-");

macro_rules! way {
    ($operation:literal) => {
        Way::By($operation)
    };
    ((no $why:literal)) => {
        Way::Impossible($why)
    };
    (none) => {
        NONE
    };
}

macro_rules! table {
    ($($section:ident, $part:ident, $changed:tt, $deleted:tt, $added:tt, $note:literal;)*) => {
        /// The table, in the order in which settings are put back.
        pub const TABLE: &[Row] = &[$(Row {
            section: Section::$section,
            part: Part::$part,
            changed: way!($changed),
            deleted: way!($deleted),
            added: way!($added),
            note: $note,
        }),*];
    };
}

table! {
    UserPoolConfig, Settings, "UpdateUserPool", none, none,
        "not the schema, whose attributes can only be added, and nothing that is fixed when a pool is created; SMS, once set up, stays";
    Tags, Settings, "TagResource", "TagResource", "UntagResource", "not those that begin with aws:";
    ResourceServers, ResourceServers, "UpdateResourceServer", "CreateResourceServer", "DeleteResourceServer",
        "not those of Cognito itself";
    IdentityProviders, Providers, "UpdateIdentityProvider", "CreateIdentityProvider", "DeleteIdentityProvider",
        "Sign in with Apple only where its private key is known, which Cognito never returns";
    Groups, Groups, "UpdateGroup", "CreateGroup", "DeleteGroup",
        "a member that a group did not have cannot be taken away again; one that is made again gets its members back; those of identity providers are Cognito's own";
    AppClients, Clients, "UpdateUserPoolClient", "CreateUserPoolClient", "DeleteUserPoolClient",
        "one that is made again has the same secret and a new id; a secret that was changed cannot be put back";
    ClientSecrets, Clients, (no "Cognito never returns the value"), (no "Cognito never returns the value"), (no "left alone"),
        "the second secret of a client";
    MfaConfiguration, Settings, "SetUserPoolMfaConfig", "SetUserPoolMfaConfig", none, "while MFA is off, Cognito takes no factors, and none are compared";
    ManagedLoginBranding, Pages, "UpdateManagedLoginBranding", "CreateManagedLoginBranding", "DeleteManagedLoginBranding",
        "a style that is made again has a new id";
    Terms, Pages, "UpdateTerms", "CreateTerms", "DeleteTerms", "a document that is made again has a new id";
    RiskConfiguration, Settings, "SetRiskConfiguration", "SetRiskConfiguration", (no "left alone"), "";
    ClientRiskConfigurations, Settings, "SetRiskConfiguration", "SetRiskConfiguration", (no "left alone"), "";
    LogDeliveryConfiguration, Settings, "SetLogDeliveryConfiguration", "SetLogDeliveryConfiguration", (no "left alone"), "";
    SessionConfiguration, Settings, "SetUserPoolSessionConfiguration", "SetUserPoolSessionConfiguration", none, "";
    ClientSessionConfigurations, Settings, "SetUserPoolClientSessionConfiguration", "SetUserPoolClientSessionConfiguration", none, "";
    WafConfiguration, Settings, "AssociateWebACL", "AssociateWebACL", (no "left alone"), "the association, not the web ACL itself";
    UserPoolDomain, Domains, "UpdateUserPoolDomain", "CreateUserPoolDomain", (no "left alone"),
        "another domain in its place is left alone";
    CustomDomain, Domains, "UpdateUserPoolDomain", "CreateUserPoolDomain", (no "left alone"),
        "one that is made again has a new distribution: its DNS record is set by hand";
    UiCustomization, Pages, "SetUICustomization", "SetUICustomization", (no "left alone"), "";
    ClientUiCustomizations, Pages, "SetUICustomization", "SetUICustomization", (no "left alone"), "";
    UiImages, Pages, "SetUICustomization", "SetUICustomization", (no "left alone"), "";
    Replicas, Settings, (no "recorded only"), (no "recorded only"), (no "left alone"), "";
    SigningCertificate, Settings, (no "Cognito makes it"), (no "Cognito makes it"), (no "Cognito makes it"), "";
    Users, Users, "AdminUpdateUserAttributes", "AdminCreateUser", "AdminDisableUser",
        "attributes, whether enabled, MFA by SMS and e-mail. Not the status, which follows from passwords, nor links to other identities. One who is made again has a new `sub` and needs a new password. Nobody is deleted";
    GroupMemberships, Memberships, none, "AdminAddUserToGroup", "AdminRemoveUserFromGroup", "";
}

/// The row of a section.
pub fn row(section: Section) -> &'static Row {
    // A test holds the table against all sections.
    TABLE
        .iter()
        .find(|row| row.section == section)
        .unwrap_or(&TABLE[0])
}

/// Where a section stands in the order in which settings are put back.
pub(super) fn rank(section: Section) -> usize {
    let at = TABLE.iter().position(|row| row.section == section);
    at.unwrap_or(TABLE.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cognito::Operation;

    #[test]
    fn every_section_stands_in_the_table_once() {
        assert_eq!(TABLE.len(), Section::ALL.len());
        for section in Section::ALL {
            assert_eq!(row(*section).section, *section);
        }
    }

    #[test]
    fn what_the_table_names_can_be_called() {
        for row in TABLE {
            for way in [row.changed, row.deleted, row.added] {
                if let Way::By(name) = way
                    && name != "AssociateWebACL"
                {
                    let known = super::super::OPERATIONS.iter().any(|op| op.name() == name);
                    assert!(known, "{name}");
                    assert!(Operation::ALL.iter().any(|op| op.name() == name));
                }
            }
        }
    }

    #[test]
    fn the_document_repeats_the_table() {
        let page = include_str!("../../../../docs/undo.md");
        let rows: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let expected: Vec<String> = TABLE
            .iter()
            .map(|row| {
                let [changed, deleted, added] =
                    [row.changed, row.deleted, row.added].map(Way::in_words);
                let section = row.section;
                let part = row.part;
                format!(
                    "| `{section}` | {part} | {changed} | {deleted} | {added} | {} |",
                    row.note
                )
            })
            .collect();
        assert_eq!(rows, expected, "\n{}", expected.join("\n"));
    }
}
