//! What a user pool is made of: one row for each item of facts A, in its order.
//!
//! Collection, restore, verification, the check of the IAM roles and `docs/fidelity.md` go by
//! this table. A new feature of Cognito is one row here and one file in each of `backup` and
//! `restore`.

mod section;

pub use section::Section;

/// How far an item comes back in a restored pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComesBack {
    /// All that the source had.
    Fully,
    /// What the text says is lost or changed.
    Partly(&'static str),
    /// Never, for the reason that the text gives.
    Never(&'static str),
}

/// One item of a user pool.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// The row number in facts A.
    pub number: u8,
    /// What an operator calls it.
    pub title: &'static str,
    /// The sections of the backup document that hold it; none when no API returns it.
    pub sections: &'static [Section],
    /// The IAM actions by which a backup reads it.
    pub read: &'static [&'static str],
    /// The IAM actions by which a restore writes it, or looks before it writes.
    pub write: &'static [&'static str],
    /// How far it comes back.
    pub comes_back: ComesBack,
    /// Where the restore does it, for `docs/fidelity.md`.
    pub restored_by: &'static str,
}

/// The table.
pub const ITEMS: &[Item] = &[
    Item {
        number: 1,
        title: "Pool settings",
        sections: &[Section::UserPoolConfig],
        read: &["cognito-idp:DescribeUserPool"],
        write: &[
            "cognito-idp:CreateUserPool",
            "cognito-idp:ListUserPools",
            "cognito-idp:DescribeUserPool",
            "cognito-idp:UpdateUserPool",
        ],
        comes_back: ComesBack::Partly("the pool has a new id, ARN and issuer"),
        restored_by: "steps/user_pool.rs",
    },
    Item {
        number: 2,
        title: "Schema",
        sections: &[Section::UserPoolConfig],
        read: &["cognito-idp:DescribeUserPool"],
        write: &[
            "cognito-idp:CreateUserPool",
            "cognito-idp:AddCustomAttributes",
        ],
        comes_back: ComesBack::Fully,
        restored_by: "steps/custom_attributes.rs",
    },
    Item {
        number: 3,
        title: "MFA and passkey settings",
        sections: &[Section::MfaConfiguration],
        read: &["cognito-idp:GetUserPoolMfaConfig"],
        write: &["cognito-idp:SetUserPoolMfaConfig"],
        comes_back: ComesBack::Fully,
        restored_by: "steps/mfa_configuration.rs",
    },
    Item {
        number: 4,
        title: "Lambda triggers",
        sections: &[Section::UserPoolConfig],
        read: &["cognito-idp:DescribeUserPool"],
        write: &[
            "cognito-idp:DescribeUserPool",
            "cognito-idp:UpdateUserPool",
            "lambda:GetAlias",
            "lambda:GetFunctionConcurrency",
            "lambda:AddPermission",
        ],
        comes_back: ComesBack::Partly(
            "only functions that have a counterpart in the target Region",
        ),
        restored_by: "steps/final_settings.rs",
    },
    Item {
        number: 5,
        title: "E-mail and SMS senders",
        sections: &[Section::UserPoolConfig],
        read: &["cognito-idp:DescribeUserPool"],
        write: &[
            "cognito-idp:CreateUserPool",
            "cognito-idp:UpdateUserPool",
            "iam:PassRole",
        ],
        comes_back: ComesBack::Partly(
            "an SES identity and an SMS role must be usable in the target Region",
        ),
        restored_by: "steps/user_pool.rs",
    },
    Item {
        number: 6,
        title: "Tags",
        sections: &[Section::Tags],
        read: &["cognito-idp:ListTagsForResource"],
        write: &["cognito-idp:CreateUserPool", "cognito-idp:TagResource"],
        comes_back: ComesBack::Partly("tags whose key begins with aws: are reserved"),
        restored_by: "steps/user_pool.rs",
    },
    Item {
        number: 7,
        title: "Deletion protection and feature plan",
        sections: &[Section::UserPoolConfig],
        read: &["cognito-idp:DescribeUserPool"],
        write: &["cognito-idp:CreateUserPool", "cognito-idp:UpdateUserPool"],
        comes_back: ComesBack::Fully,
        restored_by: "steps/self_sign_up.rs",
    },
    Item {
        number: 8,
        title: "Key, issuer, ACR names and dynamic client registration",
        sections: &[Section::UserPoolConfig],
        read: &["cognito-idp:DescribeUserPool"],
        write: &["cognito-idp:CreateUserPool", "cognito-idp:UpdateUserPool"],
        comes_back: ComesBack::Partly("a customer-managed key must exist in the target Region"),
        restored_by: "steps/user_pool.rs",
    },
    Item {
        number: 9,
        title: "App clients",
        sections: &[Section::AppClients],
        read: &[
            "cognito-idp:ListUserPoolClients",
            "cognito-idp:DescribeUserPoolClient",
        ],
        write: &[
            "cognito-idp:CreateUserPoolClient",
            "cognito-idp:ListUserPoolClients",
            "cognito-idp:DescribeUserPoolClient",
        ],
        comes_back: ComesBack::Partly("the client id is new; the secret is kept"),
        restored_by: "steps/app_clients.rs",
    },
    Item {
        number: 10,
        title: "Second client secrets",
        sections: &[Section::ClientSecrets],
        read: &["cognito-idp:ListUserPoolClientSecrets"],
        write: &[],
        comes_back: ComesBack::Never("Cognito never returns the value of a second secret"),
        restored_by: "steps/app_clients.rs (reported)",
    },
    Item {
        number: 11,
        title: "Identity providers",
        sections: &[Section::IdentityProviders],
        read: &[
            "cognito-idp:ListIdentityProviders",
            "cognito-idp:DescribeIdentityProvider",
        ],
        write: &[
            "cognito-idp:CreateIdentityProvider",
            "cognito-idp:ListIdentityProviders",
        ],
        comes_back: ComesBack::Partly(
            "Sign in with Apple needs its private key again; external providers must be told the new addresses",
        ),
        restored_by: "steps/identity_providers.rs",
    },
    Item {
        number: 12,
        title: "Resource servers",
        sections: &[Section::ResourceServers],
        read: &["cognito-idp:ListResourceServers"],
        write: &[
            "cognito-idp:CreateResourceServer",
            "cognito-idp:ListResourceServers",
        ],
        comes_back: ComesBack::Fully,
        restored_by: "steps/resource_servers.rs",
    },
    Item {
        number: 13,
        title: "Groups",
        sections: &[Section::Groups],
        read: &["cognito-idp:ListGroups"],
        write: &[
            "cognito-idp:CreateGroup",
            "cognito-idp:ListGroups",
            "iam:PassRole",
        ],
        comes_back: ComesBack::Fully,
        restored_by: "steps/groups.rs",
    },
    Item {
        number: 14,
        title: "Group memberships",
        sections: &[Section::GroupMemberships],
        read: &["cognito-idp:ListUsersInGroup"],
        write: &["cognito-idp:AdminAddUserToGroup"],
        comes_back: ComesBack::Fully,
        restored_by: "users",
    },
    Item {
        number: 15,
        title: "Domains",
        sections: &[Section::UserPoolDomain, Section::CustomDomain],
        read: &["cognito-idp:DescribeUserPoolDomain"],
        write: &[
            "cognito-idp:CreateUserPoolDomain",
            "cognito-idp:DescribeUserPoolDomain",
        ],
        comes_back: ComesBack::Partly(
            "a prefix must be free in the target Region; a custom domain can belong to one pool only",
        ),
        restored_by: "steps/domains.rs",
    },
    Item {
        number: 16,
        title: "Classic hosted UI",
        sections: &[
            Section::UiCustomization,
            Section::ClientUiCustomizations,
            Section::UiImages,
        ],
        read: &["cognito-idp:GetUICustomization"],
        write: &["cognito-idp:SetUICustomization"],
        comes_back: ComesBack::Fully,
        restored_by: "steps/ui_customization.rs",
    },
    Item {
        number: 17,
        title: "Managed login branding",
        sections: &[Section::ManagedLoginBranding],
        read: &["cognito-idp:DescribeManagedLoginBrandingByClient"],
        write: &[
            "cognito-idp:CreateManagedLoginBranding",
            "cognito-idp:UpdateManagedLoginBranding",
            "cognito-idp:DescribeManagedLoginBrandingByClient",
        ],
        comes_back: ComesBack::Fully,
        restored_by: "steps/managed_login_branding.rs",
    },
    Item {
        number: 18,
        title: "Terms documents",
        sections: &[Section::Terms],
        read: &["cognito-idp:ListTerms", "cognito-idp:DescribeTerms"],
        write: &["cognito-idp:CreateTerms"],
        comes_back: ComesBack::Fully,
        restored_by: "steps/terms.rs",
    },
    Item {
        number: 19,
        title: "Risk configuration",
        sections: &[
            Section::RiskConfiguration,
            Section::ClientRiskConfigurations,
        ],
        read: &["cognito-idp:DescribeRiskConfiguration"],
        write: &["cognito-idp:SetRiskConfiguration"],
        comes_back: ComesBack::Partly(
            "e-mail notices need an SES identity in a Region that Cognito allows",
        ),
        restored_by: "steps/risk_configuration.rs",
    },
    Item {
        number: 20,
        title: "Log delivery",
        sections: &[Section::LogDeliveryConfiguration],
        read: &["cognito-idp:GetLogDeliveryConfiguration"],
        write: &["cognito-idp:SetLogDeliveryConfiguration"],
        comes_back: ComesBack::Partly("destinations must exist in the target Region"),
        restored_by: "steps/log_delivery.rs",
    },
    Item {
        number: 21,
        title: "Web ACL association",
        sections: &[Section::WafConfiguration],
        read: &[
            "wafv2:GetWebACLForResource",
            "wafv2:GetWebACL",
            "cognito-idp:GetWebACLForResource",
        ],
        write: &[
            "wafv2:ListWebACLs",
            "wafv2:GetWebACL",
            "wafv2:AssociateWebACL",
            "cognito-idp:AssociateWebACL",
        ],
        comes_back: ComesBack::Partly(
            "a web ACL of the same name, or the mapped one, must exist in the target Region",
        ),
        restored_by: "steps/web_acl.rs",
    },
    Item {
        number: 22,
        title: "Session configuration",
        sections: &[
            Section::SessionConfiguration,
            Section::ClientSessionConfigurations,
        ],
        read: &[
            "cognito-idp:GetUserPoolSessionConfiguration",
            "cognito-idp:GetUserPoolClientSessionConfiguration",
        ],
        write: &[
            "cognito-idp:SetUserPoolSessionConfiguration",
            "cognito-idp:SetUserPoolClientSessionConfiguration",
        ],
        comes_back: ComesBack::Fully,
        restored_by: "steps/session_configuration.rs",
    },
    Item {
        number: 23,
        title: "Replicas",
        sections: &[Section::Replicas],
        read: &["cognito-idp:ListUserPoolReplicas"],
        write: &[],
        comes_back: ComesBack::Never("replication is set up again by the operator"),
        restored_by: "steps/user_pool.rs (reported)",
    },
    Item {
        number: 24,
        title: "Provisioned limits",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never(
            "they belong to the account and cost money: raise them in the target Region beforehand",
        ),
        restored_by: "",
    },
    Item {
        number: 25,
        title: "User profiles",
        sections: &[Section::Users],
        read: &["cognito-idp:ListUsers"],
        write: &["cognito-idp:AdminCreateUser", "cognito-idp:AdminGetUser"],
        comes_back: ComesBack::Partly(
            "sub and dates are new; pools that sign in by e-mail or phone give a new username",
        ),
        restored_by: "users",
    },
    Item {
        number: 26,
        title: "User status and enabled flag",
        sections: &[Section::Users],
        read: &["cognito-idp:ListUsers"],
        write: &[
            "cognito-idp:AdminSetUserPassword",
            "cognito-idp:AdminDisableUser",
            "cognito-idp:SignUp",
        ],
        comes_back: ComesBack::Partly("archived, compromised and unknown users come back disabled"),
        restored_by: "users",
    },
    Item {
        number: 27,
        title: "Passwords",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never(
            "Cognito never returns them: users set a new one by \"forgot password\", and who never signed in is invited again",
        ),
        restored_by: "",
    },
    Item {
        number: 28,
        title: "Password history",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never("Cognito never returns it"),
        restored_by: "",
    },
    Item {
        number: 29,
        title: "MFA preferences",
        sections: &[Section::Users],
        read: &["cognito-idp:AdminGetUserAuthFactors"],
        write: &["cognito-idp:AdminSetUserMFAPreference"],
        comes_back: ComesBack::Partly(
            "SMS and e-mail, where the backup read them, as it does unless told otherwise; not TOTP",
        ),
        restored_by: "users",
    },
    Item {
        number: 30,
        title: "TOTP secrets",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never(
            "Cognito never returns them: users register their authenticator again",
        ),
        restored_by: "",
    },
    Item {
        number: 31,
        title: "Passkeys",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never("they are bound to the old pool: users register again"),
        restored_by: "",
    },
    Item {
        number: 32,
        title: "Devices",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never("their keys cannot be exported: devices are remembered anew"),
        restored_by: "",
    },
    Item {
        number: 33,
        title: "Linked identities",
        sections: &[Section::Users],
        read: &["cognito-idp:ListUsers"],
        write: &["cognito-idp:AdminLinkProviderForUser"],
        comes_back: ComesBack::Partly(
            "links of social providers; for SAML and OIDC the linked claim is not recorded by Cognito",
        ),
        restored_by: "users",
    },
    Item {
        number: 34,
        title: "Federated profiles",
        sections: &[Section::Users],
        read: &["cognito-idp:ListUsers"],
        write: &[],
        comes_back: ComesBack::Never("Cognito makes them at the next sign-in, with a new sub"),
        restored_by: "users (reported)",
    },
    Item {
        number: 35,
        title: "Authentication event history",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never("it cannot be written"),
        restored_by: "",
    },
    Item {
        number: 36,
        title: "Tokens, sessions and signing keys",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never("a new pool signs with new keys: everybody signs in again"),
        restored_by: "",
    },
    Item {
        number: 37,
        title: "Import job history",
        sections: &[],
        read: &[],
        write: &[],
        comes_back: ComesBack::Never("it cannot be written"),
        restored_by: "",
    },
    Item {
        number: 38,
        title: "SAML certificates of the pool",
        sections: &[Section::SigningCertificate],
        read: &["cognito-idp:GetSigningCertificate"],
        write: &[],
        comes_back: ComesBack::Never(
            "a new pool has new certificates: SAML providers must be given them",
        ),
        restored_by: "report",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_row_of_the_facts_once_and_in_order() {
        let numbers: Vec<u8> = ITEMS.iter().map(|item| item.number).collect();
        assert_eq!(numbers, (1..=38).collect::<Vec<u8>>());
    }

    #[test]
    fn every_section_belongs_to_an_item_and_is_read_by_some_call() {
        for section in Section::ALL {
            let item = ITEMS.iter().find(|item| item.sections.contains(section));
            assert!(item.is_some_and(|item| !item.read.is_empty()), "{section}");
        }
    }

    #[test]
    fn what_comes_back_is_written_by_some_call() {
        for item in ITEMS {
            match item.comes_back {
                ComesBack::Never(_) => assert!(item.write.is_empty(), "{}", item.title),
                ComesBack::Fully | ComesBack::Partly(_) => {
                    assert!(!item.write.is_empty(), "{}", item.title)
                }
            }
        }
    }
}
