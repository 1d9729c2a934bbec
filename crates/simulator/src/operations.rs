//! The table of simulated operations: a new operation is one line here and one function.

use crate::call::{Answer, Call};
use crate::quota::Category;
use crate::state::State;
use crate::{limits, pool, user};

/// What an operation does: reads the call's request, reads and changes the state, answers or refuses.
pub(crate) type Handler = fn(&Call<'_>, &mut State) -> Answer;

/// One simulated operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The quota category of facts E that the operation draws on.
    pub(crate) category: Category,
    pub(crate) handler: Handler,
}

const fn op(name: &'static str, category: Category, handler: Handler) -> Operation {
    Operation {
        name,
        category,
        handler,
    }
}

/// All operations, by domain. Facts E places no category for client secrets, terms, log delivery, session
/// configuration and replicas; they stand in the one that it proposes (unverified).
#[rustfmt::skip]
pub(crate) const OPERATIONS: &[Operation] = &[
    // The account.
    op("GetProvisionedLimit", Category::LimitManagement, limits::get_provisioned),
    // User pools.
    op("CreateUserPool", Category::UserPoolUpdate, pool::user_pools::create),
    op("DescribeUserPool", Category::UserPoolRead, pool::user_pools::describe),
    op("UpdateUserPool", Category::UserPoolUpdate, pool::user_pools::update),
    op("DeleteUserPool", Category::UserPoolUpdate, pool::user_pools::delete),
    op("ListUserPools", Category::UserPoolRead, pool::user_pools::list),
    op("AddCustomAttributes", Category::UserPoolResourceUpdate, pool::custom_attributes::add),
    op("GetUserPoolMfaConfig", Category::UserPoolResourceRead, pool::mfa::get),
    op("SetUserPoolMfaConfig", Category::UserPoolResourceUpdate, pool::mfa::set),
    op("TagResource", Category::UserPoolResourceUpdate, pool::tags::tag),
    op("UntagResource", Category::UserPoolResourceUpdate, pool::tags::untag),
    op("ListTagsForResource", Category::UserPoolResourceRead, pool::tags::list),
    op("ListUserPoolReplicas", Category::UserPoolResourceRead, pool::replicas::list),
    op("GetUserPoolSessionConfiguration", Category::UserPoolResourceRead, pool::sessions::get),
    op("SetUserPoolSessionConfiguration", Category::UserPoolResourceUpdate, pool::sessions::set),
    op("GetUserPoolClientSessionConfiguration", Category::UserPoolClientRead, pool::sessions::get_for_client),
    op("SetUserPoolClientSessionConfiguration", Category::UserPoolClientUpdate, pool::sessions::set_for_client),
    // App clients.
    op("CreateUserPoolClient", Category::UserPoolClientUpdate, pool::clients::create),
    op("DescribeUserPoolClient", Category::UserPoolClientRead, pool::clients::describe),
    op("UpdateUserPoolClient", Category::UserPoolClientUpdate, pool::clients::update),
    op("DeleteUserPoolClient", Category::UserPoolClientUpdate, pool::clients::delete),
    op("ListUserPoolClients", Category::UserPoolClientRead, pool::clients::list),
    op("AddUserPoolClientSecret", Category::UserPoolClientUpdate, pool::client_secrets::add),
    op("ListUserPoolClientSecrets", Category::UserPoolClientRead, pool::client_secrets::list),
    op("DeleteUserPoolClientSecret", Category::UserPoolClientUpdate, pool::client_secrets::delete),
    // Identity providers.
    op("CreateIdentityProvider", Category::UserPoolResourceUpdate, pool::identity_providers::create),
    op("DescribeIdentityProvider", Category::UserPoolResourceRead, pool::identity_providers::describe),
    op("UpdateIdentityProvider", Category::UserPoolResourceUpdate, pool::identity_providers::update),
    op("DeleteIdentityProvider", Category::UserPoolResourceUpdate, pool::identity_providers::delete),
    op("ListIdentityProviders", Category::UserPoolResourceRead, pool::identity_providers::list),
    op("GetIdentityProviderByIdentifier", Category::UserPoolResourceRead, pool::identity_providers::by_identifier),
    op("GetSigningCertificate", Category::UserPoolResourceRead, pool::signing_certificate::get),
    // Resource servers.
    op("CreateResourceServer", Category::UserPoolResourceUpdate, pool::resource_servers::create),
    op("DescribeResourceServer", Category::UserPoolResourceRead, pool::resource_servers::describe),
    op("UpdateResourceServer", Category::UserPoolResourceUpdate, pool::resource_servers::update),
    op("DeleteResourceServer", Category::UserPoolResourceUpdate, pool::resource_servers::delete),
    op("ListResourceServers", Category::UserPoolResourceRead, pool::resource_servers::list),
    // Groups.
    op("CreateGroup", Category::UserPoolResourceUpdate, pool::groups::create),
    op("GetGroup", Category::UserPoolResourceRead, pool::groups::get),
    op("UpdateGroup", Category::UserPoolResourceUpdate, pool::groups::update),
    op("DeleteGroup", Category::UserPoolResourceUpdate, pool::groups::delete),
    op("ListGroups", Category::UserPoolResourceRead, pool::groups::list),
    // Domains and pages.
    op("CreateUserPoolDomain", Category::UserPoolResourceUpdate, pool::domains::create),
    op("DescribeUserPoolDomain", Category::UserPoolResourceRead, pool::domains::describe),
    op("UpdateUserPoolDomain", Category::UserPoolResourceUpdate, pool::domains::update),
    op("DeleteUserPoolDomain", Category::UserPoolResourceUpdate, pool::domains::delete),
    op("GetUICustomization", Category::UserPoolResourceRead, pool::ui_customization::get),
    op("SetUICustomization", Category::UserPoolResourceUpdate, pool::ui_customization::set),
    op("CreateManagedLoginBranding", Category::UserPoolResourceUpdate, pool::branding::create),
    op("DescribeManagedLoginBranding", Category::UserPoolResourceRead, pool::branding::describe),
    op("DescribeManagedLoginBrandingByClient", Category::UserPoolResourceRead, pool::branding::describe_by_client),
    op("UpdateManagedLoginBranding", Category::UserPoolResourceUpdate, pool::branding::update),
    op("DeleteManagedLoginBranding", Category::UserPoolResourceUpdate, pool::branding::delete),
    op("CreateTerms", Category::UserPoolResourceUpdate, pool::terms::create),
    op("DescribeTerms", Category::UserPoolResourceRead, pool::terms::describe),
    op("DescribeTermsByClient", Category::UserPoolResourceRead, pool::terms::describe_by_client),
    op("UpdateTerms", Category::UserPoolResourceUpdate, pool::terms::update),
    op("DeleteTerms", Category::UserPoolResourceUpdate, pool::terms::delete),
    op("ListTerms", Category::UserPoolResourceRead, pool::terms::list),
    // Threat protection and logs.
    op("DescribeRiskConfiguration", Category::UserPoolResourceRead, pool::risk::describe),
    op("SetRiskConfiguration", Category::UserPoolResourceUpdate, pool::risk::set),
    op("GetLogDeliveryConfiguration", Category::UserPoolResourceRead, pool::log_delivery::get),
    op("SetLogDeliveryConfiguration", Category::UserPoolResourceUpdate, pool::log_delivery::set),
    // Users.
    op("AdminCreateUser", Category::UserCreation, user::create::admin_create),
    op("SignUp", Category::UserCreation, user::sign_up::sign_up),
    op("AdminConfirmSignUp", Category::UserCreation, user::sign_up::admin_confirm),
    op("AdminGetUser", Category::UserRead, user::read::admin_get),
    op("AdminGetUserAuthFactors", Category::UserRead, user::read::admin_get_auth_factors),
    op("ListUsers", Category::UserList, user::list::list_users),
    op("AdminSetUserPassword", Category::UserAccountRecovery, user::password::admin_set),
    op("AdminResetUserPassword", Category::UserAccountRecovery, user::password::admin_reset),
    op("AdminEnableUser", Category::UserUpdate, user::update::admin_enable),
    op("AdminDisableUser", Category::UserUpdate, user::update::admin_disable),
    op("AdminDeleteUser", Category::UserUpdate, user::update::admin_delete),
    op("AdminUpdateUserAttributes", Category::UserUpdate, user::update::admin_update_attributes),
    op("AdminDeleteUserAttributes", Category::UserUpdate, user::update::admin_delete_attributes),
    op("AdminSetUserMFAPreference", Category::UserResourceUpdate, user::mfa::admin_set_preference),
    op("AdminLinkProviderForUser", Category::UserUpdate, user::link::admin_link),
    op("AdminDisableProviderForUser", Category::UserUpdate, user::link::admin_disable),
    op("AdminAddUserToGroup", Category::UserUpdate, user::membership::admin_add),
    op("AdminRemoveUserFromGroup", Category::UserUpdate, user::membership::admin_remove),
    op("AdminListGroupsForUser", Category::UserResourceRead, user::membership::admin_list),
    op("ListUsersInGroup", Category::UserList, user::membership::list_users_in_group),
    // User import.
    op("GetCSVHeader", Category::UserPoolResourceRead, user::import::csv_header),
    op("CreateUserImportJob", Category::UserPoolResourceUpdate, user::import::create),
    op("DescribeUserImportJob", Category::UserPoolResourceRead, user::import::describe),
    op("ListUserImportJobs", Category::UserPoolResourceRead, user::import::list),
    op("StartUserImportJob", Category::UserPoolResourceUpdate, user::import::start),
    op("StopUserImportJob", Category::UserPoolResourceUpdate, user::import::stop),
];

/// The operation of that name, if it is simulated.
pub(crate) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Model;

    #[test]
    fn every_operation_stands_once_in_the_table_and_in_amazons_model() {
        let model = Model::embedded().expect("the embedded model is readable");
        for operation in OPERATIONS {
            let name = operation.name;
            assert!(model.operation(name).is_some(), "{name}");
            let entries = OPERATIONS.iter().filter(|other| other.name == name);
            assert_eq!(entries.count(), 1, "{name}");
        }
        assert_eq!(model.operation_count(), OPERATIONS.len());
    }

    #[test]
    fn only_sign_up_is_unsigned() {
        let model = Model::embedded().expect("the embedded model is readable");
        let unsigned = OPERATIONS
            .iter()
            .map(|operation| operation.name)
            .filter(|name| model.operation(name).is_some_and(|shape| shape.unsigned));
        assert_eq!(unsigned.collect::<Vec<_>>(), ["SignUp"]);
    }
}
