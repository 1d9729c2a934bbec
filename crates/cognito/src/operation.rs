//! Every operation of Cognito that this system calls: one line each.
//!
//! Quota categories are those of facts E. Operations that its table does not place (terms, log
//! delivery, client secrets, sessions, replicas) are put where their siblings are; facts E tags
//! this unverified, and a throttle slows the category down wherever it is.

macro_rules! categories {
    ($($(#[$doc:meta])* $name:ident: $quota:literal;)*) => {
        /// A quota category: an account's budget of requests per second in one Region (facts E).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Category { $($(#[$doc])* $name),* }

        impl Category {
            /// All categories.
            pub const ALL: &'static [Category] = &[$(Category::$name),*];

            /// The name that AWS gives it.
            pub fn name(self) -> &'static str {
                match self { $(Category::$name => stringify!($name)),* }
            }

            /// The default quota in requests per second, per account and Region (facts E).
            pub fn default_quota(self) -> f64 {
                match self { $(Category::$name => $quota),* }
            }
        }
    };
}

categories! {
    /// AdminCreateUser, SignUp. Adjustable.
    UserCreation: 50.0;
    /// AdminSetUserPassword. Shared with the live users' "forgot password".
    UserAccountRecovery: 30.0;
    /// AdminGetUser, AdminGetUserAuthFactors. Adjustable.
    UserRead: 120.0;
    /// Memberships, disabling, links, attributes.
    UserUpdate: 25.0;
    /// AdminListGroupsForUser. Adjustable.
    UserResourceRead: 50.0;
    /// MFA preferences.
    UserResourceUpdate: 25.0;
    /// ListUsers, ListUsersInGroup.
    UserList: 30.0;
    /// DescribeUserPool, ListUserPools.
    UserPoolRead: 15.0;
    /// CreateUserPool, UpdateUserPool, DeleteUserPool.
    UserPoolUpdate: 15.0;
    /// Reading what belongs to a pool. No operation above 5 requests per second and pool.
    UserPoolResourceRead: 20.0;
    /// Writing what belongs to a pool. No operation above 5 requests per second and pool.
    UserPoolResourceUpdate: 15.0;
    /// Reading clients. No operation above 5 requests per second and pool.
    UserPoolClientRead: 15.0;
    /// Writing clients. No operation above 5 requests per second and pool.
    UserPoolClientUpdate: 15.0;
    /// GetProvisionedLimit.
    LimitManagement: 1.0;
}

impl Category {
    /// Whether an account may have provisioned more than the default (facts E).
    pub fn is_adjustable(self) -> bool {
        use Category::*;
        matches!(self, UserCreation | UserRead | UserResourceRead)
    }

    /// How many requests per second one operation may send to one pool, where that is limited
    /// (facts E, the categories marked with an asterisk).
    pub fn quota_per_operation_and_pool(self) -> Option<f64> {
        match self {
            Category::UserPoolResourceRead
            | Category::UserPoolResourceUpdate
            | Category::UserPoolClientRead
            | Category::UserPoolClientUpdate => Some(5.0),
            _ => None,
        }
    }
}

/// What sending an operation twice does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It reads.
    Read,
    /// It writes, and a second time changes nothing more.
    Write,
    /// It creates, and a second time would create a second one or fail: no create operation of
    /// Cognito takes an idempotency token (facts B.1). Whoever gets no answer must look.
    Create,
}

macro_rules! operations {
    ($($name:ident: $category:ident, $effect:ident;)*) => {
        /// An operation of the Cognito user pools API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                $name,
            )*
        }

        impl Operation {
            /// All operations that this system knows.
            pub const ALL: &'static [Operation] = &[$(Operation::$name),*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Operation::$name => stringify!($name)),* }
            }

            /// The quota category that it counts against.
            pub fn category(self) -> Category {
                match self { $(Operation::$name => Category::$category),* }
            }

            /// What sending it twice does.
            pub fn effect(self) -> Effect {
                match self { $(Operation::$name => Effect::$effect),* }
            }
        }
    };
}

operations! {
    AddCustomAttributes: UserPoolResourceUpdate, Create;
    AddUserPoolClientSecret: UserPoolClientUpdate, Create;
    AdminAddUserToGroup: UserUpdate, Write;
    AdminCreateUser: UserCreation, Create;
    AdminDeleteUser: UserUpdate, Write;
    AdminDeleteUserAttributes: UserUpdate, Write;
    AdminDisableUser: UserUpdate, Write;
    AdminEnableUser: UserUpdate, Write;
    AdminGetUser: UserRead, Read;
    AdminGetUserAuthFactors: UserRead, Read;
    AdminLinkProviderForUser: UserUpdate, Create;
    AdminListGroupsForUser: UserResourceRead, Read;
    AdminRemoveUserFromGroup: UserUpdate, Write;
    AdminSetUserMFAPreference: UserResourceUpdate, Write;
    AdminSetUserPassword: UserAccountRecovery, Write;
    AdminUpdateUserAttributes: UserUpdate, Write;
    CreateGroup: UserPoolResourceUpdate, Create;
    CreateIdentityProvider: UserPoolResourceUpdate, Create;
    CreateManagedLoginBranding: UserPoolResourceUpdate, Create;
    CreateResourceServer: UserPoolResourceUpdate, Create;
    CreateTerms: UserPoolResourceUpdate, Create;
    CreateUserImportJob: UserPoolResourceUpdate, Create;
    CreateUserPool: UserPoolUpdate, Create;
    CreateUserPoolClient: UserPoolClientUpdate, Create;
    CreateUserPoolDomain: UserPoolResourceUpdate, Create;
    DeleteGroup: UserPoolResourceUpdate, Write;
    DeleteIdentityProvider: UserPoolResourceUpdate, Write;
    DeleteManagedLoginBranding: UserPoolResourceUpdate, Write;
    DeleteResourceServer: UserPoolResourceUpdate, Write;
    DeleteTerms: UserPoolResourceUpdate, Write;
    DeleteUserPool: UserPoolUpdate, Write;
    DeleteUserPoolClient: UserPoolClientUpdate, Write;
    DeleteUserPoolDomain: UserPoolResourceUpdate, Write;
    DeleteUserPoolClientSecret: UserPoolClientUpdate, Write;
    DescribeIdentityProvider: UserPoolResourceRead, Read;
    DescribeManagedLoginBrandingByClient: UserPoolResourceRead, Read;
    DescribeRiskConfiguration: UserPoolResourceRead, Read;
    DescribeTerms: UserPoolResourceRead, Read;
    DescribeUserImportJob: UserPoolResourceRead, Read;
    DescribeUserPool: UserPoolRead, Read;
    DescribeUserPoolClient: UserPoolClientRead, Read;
    DescribeUserPoolDomain: UserPoolResourceRead, Read;
    GetCSVHeader: UserPoolResourceRead, Read;
    GetLogDeliveryConfiguration: UserPoolResourceRead, Read;
    GetProvisionedLimit: LimitManagement, Read;
    GetSigningCertificate: UserPoolResourceRead, Read;
    GetUICustomization: UserPoolResourceRead, Read;
    GetUserPoolClientSessionConfiguration: UserPoolClientRead, Read;
    GetUserPoolMfaConfig: UserPoolResourceRead, Read;
    GetUserPoolSessionConfiguration: UserPoolResourceRead, Read;
    ListGroups: UserPoolResourceRead, Read;
    ListIdentityProviders: UserPoolResourceRead, Read;
    ListResourceServers: UserPoolResourceRead, Read;
    ListTagsForResource: UserPoolResourceRead, Read;
    ListTerms: UserPoolResourceRead, Read;
    ListUserImportJobs: UserPoolResourceRead, Read;
    ListUserPoolClientSecrets: UserPoolClientRead, Read;
    ListUserPoolClients: UserPoolClientRead, Read;
    ListUserPoolReplicas: UserPoolResourceRead, Read;
    ListUserPools: UserPoolRead, Read;
    ListUsers: UserList, Read;
    ListUsersInGroup: UserList, Read;
    SetLogDeliveryConfiguration: UserPoolResourceUpdate, Write;
    SetRiskConfiguration: UserPoolResourceUpdate, Write;
    SetUICustomization: UserPoolResourceUpdate, Write;
    SetUserPoolClientSessionConfiguration: UserPoolClientUpdate, Write;
    SetUserPoolMfaConfig: UserPoolResourceUpdate, Write;
    SetUserPoolSessionConfiguration: UserPoolResourceUpdate, Write;
    SignUp: UserCreation, Create;
    StartUserImportJob: UserPoolResourceUpdate, Create;
    StopUserImportJob: UserPoolResourceUpdate, Write;
    TagResource: UserPoolResourceUpdate, Write;
    UntagResource: UserPoolResourceUpdate, Write;
    UpdateGroup: UserPoolResourceUpdate, Write;
    UpdateIdentityProvider: UserPoolResourceUpdate, Write;
    UpdateManagedLoginBranding: UserPoolResourceUpdate, Write;
    UpdateResourceServer: UserPoolResourceUpdate, Write;
    UpdateTerms: UserPoolResourceUpdate, Write;
    UpdateUserPool: UserPoolUpdate, Write;
    UpdateUserPoolClient: UserPoolClientUpdate, Write;
    UpdateUserPoolDomain: UserPoolResourceUpdate, Write;
}

impl Operation {
    /// The IAM action that allows it.
    pub fn action(self) -> String {
        format!("cognito-idp:{}", self.name())
    }

    /// Whether it is open to everybody: it needs no permission, and a signature changes nothing
    /// (facts 0.1).
    pub fn is_public(self) -> bool {
        self == Operation::SignUp
    }

    /// Whether requests or errors of the operation may hold personal data of a user.
    pub fn is_personal(self) -> bool {
        matches!(
            self.category(),
            Category::UserCreation
                | Category::UserAccountRecovery
                | Category::UserRead
                | Category::UserUpdate
                | Category::UserResourceRead
                | Category::UserResourceUpdate
        )
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::inventory::ITEMS;

    /// The inventory also names actions of other services, and two of Cognito's that are
    /// permissions only.
    const NOT_OPERATIONS: [&str; 2] = [
        "cognito-idp:GetWebACLForResource",
        "cognito-idp:AssociateWebACL",
    ];

    #[test]
    fn the_inventory_names_operations_that_exist() {
        for item in ITEMS {
            for action in item
                .read
                .iter()
                .chain(item.write)
                .filter(|action| action.starts_with("cognito-idp:"))
            {
                let known = Operation::ALL
                    .iter()
                    .any(|operation| operation.action() == *action);
                assert!(known || NOT_OPERATIONS.contains(action), "{action}");
            }
        }
    }

    #[test]
    fn what_reads_is_named_so_and_what_creates_is_not_repeatable() {
        for operation in Operation::ALL {
            let name = operation.name().trim_start_matches("Admin");
            let reads = ["Get", "List", "Describe"]
                .iter()
                .any(|verb| name.starts_with(verb));
            assert_eq!(operation.effect() == Effect::Read, reads, "{operation}");
            if name.starts_with("Create") {
                assert_eq!(operation.effect(), Effect::Create, "{operation}");
            }
        }
    }
}
