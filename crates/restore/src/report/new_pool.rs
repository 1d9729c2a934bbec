//! What applications and external providers have to know of the new pool.

use cognito::{Cognito, Operation};
use model::UserPoolId;
use serde_json::json;

use crate::document::text;

/// The addresses of the new pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NewPool {
    /// Its id.
    pub(crate) id: String,
    /// Its Region.
    pub(crate) region: String,
    /// Its ARN.
    pub(crate) arn: String,
    /// The issuer of its tokens.
    pub(crate) issuer: String,
    /// The host of its prefix domain.
    pub(crate) prefix_host: Option<String>,
    /// Its custom domain.
    pub(crate) custom_host: Option<String>,
    /// Where the custom domain's DNS record has to point.
    pub(crate) alias_target: Option<String>,
}

impl NewPool {
    /// Reads the new pool. What cannot be read stays unknown: the page is written all the same.
    pub(crate) async fn read(cognito: &Cognito, id: &UserPoolId) -> Self {
        let request = json!({"UserPoolId": id.as_str()});
        let answer = match cognito.call(Operation::DescribeUserPool, &request).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(
                    code = error.code,
                    "the new pool's domains are not known to the hand-over page"
                );
                return Self::of(id, &json!({}));
            }
        };
        let mut pool = Self::of(id, &answer["UserPool"]);
        if let Some(domain) = &pool.custom_host {
            match cognito
                .call(
                    Operation::DescribeUserPoolDomain,
                    &json!({"Domain": domain}),
                )
                .await
            {
                Ok(answer) => {
                    pool.alias_target = text(&answer, "/DomainDescription/CloudFrontDistribution")
                        .map(str::to_owned);
                }
                Err(error) => tracing::warn!(
                    code = error.code,
                    "the alias target of the custom domain is not known"
                ),
            }
        }
        pool
    }

    /// What the `UserPool` of DescribeUserPool tells.
    pub(crate) fn of(id: &UserPoolId, user_pool: &serde_json::Value) -> Self {
        let region = id.region();
        // Facts A.1: two forms of the issuer.
        let issuer_host = match text(user_pool, "/IssuerConfiguration/Type") {
            Some("UPDATED") => "issuer-cognito-idp",
            _ => "cognito-idp",
        };
        Self {
            id: id.to_string(),
            region: region.to_owned(),
            arn: text(user_pool, "/Arn").unwrap_or_default().to_owned(),
            issuer: format!("https://{issuer_host}.{region}.amazonaws.com/{id}"),
            prefix_host: text(user_pool, "/Domain")
                .map(|prefix| format!("{prefix}.auth.{region}.amazoncognito.com")),
            custom_host: text(user_pool, "/CustomDomain").map(str::to_owned),
            alias_target: None,
        }
    }

    /// The host that sign-in pages and external providers use: discovery is served for the custom
    /// domain where there is one (facts A.10).
    pub(crate) fn host(&self) -> Option<&str> {
        self.custom_host.as_deref().or(self.prefix_host.as_deref())
    }

    /// The host, or what to put in its place.
    pub(crate) fn host_or_placeholder(&self) -> &str {
        self.host().unwrap_or("YOUR-DOMAIN")
    }

    /// The SAML entity id of the pool as a service provider (facts A.7).
    pub(crate) fn entity_id(&self) -> String {
        format!("urn:amazon:cognito:sp:{}", self.id)
    }

    /// Where a SAML provider posts its assertions (facts A.7).
    pub(crate) fn saml_acs(&self) -> String {
        format!("https://{}/saml2/idpresponse", self.host_or_placeholder())
    }

    /// Where an OAuth or OIDC provider redirects to (facts A.7).
    pub(crate) fn oauth_redirect(&self) -> String {
        format!("https://{}/oauth2/idpresponse", self.host_or_placeholder())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(user_pool: serde_json::Value) -> NewPool {
        NewPool::of(&"us-west-2_New".parse().unwrap(), &user_pool)
    }

    #[test]
    fn external_providers_are_told_the_addresses_of_the_new_pool() {
        let prefix = pool(json!({"Domain": "shop"}));
        assert_eq!(prefix.entity_id(), "urn:amazon:cognito:sp:us-west-2_New");
        assert_eq!(
            prefix.saml_acs(),
            "https://shop.auth.us-west-2.amazoncognito.com/saml2/idpresponse"
        );
        assert_eq!(
            prefix.oauth_redirect(),
            "https://shop.auth.us-west-2.amazoncognito.com/oauth2/idpresponse"
        );
        let both = pool(json!({"Domain": "shop", "CustomDomain": "auth.example.com"}));
        assert_eq!(
            both.saml_acs(),
            "https://auth.example.com/saml2/idpresponse"
        );
        assert_eq!(
            pool(json!({})).saml_acs(),
            "https://YOUR-DOMAIN/saml2/idpresponse"
        );
    }

    #[test]
    fn the_issuer_has_the_form_that_the_pool_is_set_to() {
        assert_eq!(
            pool(json!({})).issuer,
            "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_New"
        );
        assert_eq!(
            pool(json!({"IssuerConfiguration": {"Type": "UPDATED"}})).issuer,
            "https://issuer-cognito-idp.us-west-2.amazonaws.com/us-west-2_New"
        );
    }
}
