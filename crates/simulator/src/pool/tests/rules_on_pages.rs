//! Domains, hosted UI, managed login, terms.

use serde_json::{Value, json};

use super::{ACCOUNT, INVALID, REGION, World, rule};

const NOT_FOUND: &str = "ResourceNotFoundException";

#[test]
fn domains_have_valid_names_and_certificates() {
    let create = |name| rule(name, "CreateUserPoolDomain");
    let domain = |name: &str| json!({"Domain": name});
    for bad in ["Login", "log_in", "log.in", "-login", "login-"] {
        create("prefixes are lower-case letters, digits and hyphens").refuses(
            domain(bad),
            INVALID,
            "The domain name contains an invalid character. Domain names can only contain lower-case letters, numbers, and hyphens.",
            domain("log-1n"),
        );
    }
    for (bad, good) in [
        ("my-aws-login", "my-awsome-login"),
        ("amazon", "amazonas"),
        ("login-cognito", "login-cognitive"),
    ] {
        create("prefixes have no reserved words").refuses(
            domain(bad),
            INVALID,
            "Domain cannot contain reserved word: aws, amazon, or cognito",
            domain(good),
        );
    }
    let custom = |name: &str, region: &str| json!({"Domain": name, "CustomDomainConfig": {"CertificateArn": format!("arn:aws:acm:{region}:{ACCOUNT}:certificate/c")}});
    for bad in [
        "example.com",
        "login",
        "login.example.invalid",
        "login..com",
    ] {
        create("custom domains resolve").refuses(
            custom(bad, REGION),
            INVALID,
            "Custom domain is not a valid subdomain: Was not able to resolve a DNS A record for the parent domain or domain parent is a top-level domain.",
            custom("login.example.com", REGION),
        );
    }
    create("certificates are of us-east-1").refuses(
        custom("login.example.com", "eu-west-1"),
        INVALID,
        "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.",
        custom("login.example.com", "us-east-1"),
    );
    create("certificates are of the account").refuses(
        json!({"Domain": "login.example.com", "CustomDomainConfig": {"CertificateArn": format!("arn:aws:acm:{REGION}:444455556666:certificate/c")}}),
        INVALID,
        "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.",
        custom("login.example.com", REGION),
    );
    create("managed login needs Essentials")
        .in_pool(json!({"UserPoolTier": "LITE"}))
        .refuses(
            json!({"Domain": "login", "ManagedLoginVersion": 2}),
            "FeatureUnavailableInTierException",
            "The following feature is not available for the LITE pricing tier configured: Managed Login Version 2",
            json!({"Domain": "login", "ManagedLoginVersion": 1}),
        );
    create("there are two versions").refuses(
        json!({"Domain": "login", "ManagedLoginVersion": 3}),
        INVALID,
        "ManagedLoginVersion must be 1 or 2.",
        json!({"Domain": "login", "ManagedLoginVersion": 2}),
    );
    create("a pool has one prefix")
        .after("CreateUserPoolDomain", domain("login"))
        .refuses(
            domain("login2"),
            INVALID,
            "User pool already has a domain configured.",
            custom("login.example.com", REGION),
        );
    rule("a prefix has no certificate", "UpdateUserPoolDomain")
        .after("CreateUserPoolDomain", domain("login"))
        .refuses(
            custom("login", REGION),
            INVALID,
            "CustomDomainConfig cannot be set for a prefix domain.",
            json!({"Domain": "login", "ManagedLoginVersion": 2}),
        );
    for operation in ["UpdateUserPoolDomain", "DeleteUserPoolDomain"] {
        rule("the domain exists", operation)
            .after("CreateUserPoolDomain", domain("login"))
            .refuses(
                domain("other"),
                INVALID,
                "No such domain or user pool exists.",
                domain("login"),
            );
    }
}

#[test]
fn the_classic_pages_need_a_domain_and_take_only_known_styles() {
    const NO_DOMAIN: &str = "There has to be an existing domain associated with this user pool";
    for operation in ["GetUICustomization", "SetUICustomization"] {
        let world = World::new();
        let pool = world.pool(&json!({}));
        let request = json!({"UserPoolId": pool});
        let error = world.refused(operation, &request);
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            (INVALID, NO_DOMAIN)
        );
        world.done(
            "CreateUserPoolDomain",
            &json!({"UserPoolId": pool, "Domain": "login"}),
        );
        world.done(operation, &request);
    }
    let set = |name| {
        rule(name, "SetUICustomization").after("CreateUserPoolDomain", json!({"Domain": "login"}))
    };
    set("styles are of known classes").refuses(
        json!({"CSS": ".submitButton-customizable { color: red } body { color: red }"}),
        INVALID,
        "The CSS file contains a class that is not allowed.",
        json!({"CSS": ".submitButton-customizable:hover, .label-customizable { color: red }"}),
    );
    let css = |length: usize| {
        let rule = ".label-customizable{}";
        json!({"CSS": format!("{rule}{}", " ".repeat(length - rule.len()))})
    };
    set("styles have 3 KB").refuses(
        css(3073),
        INVALID,
        "The CSS file must not be larger than 3 KB.",
        css(3072),
    );
    let image = |start: &[u8], length: usize| {
        use base64::Engine;
        let mut bytes = start.to_vec();
        bytes.resize(length, 0);
        json!({"ImageFile": base64::engine::general_purpose::STANDARD.encode(bytes)})
    };
    set("logos have 100 KB").refuses(
        image(b"\x89PNG", 102_401),
        INVALID,
        "The image file must not be larger than 100 KB.",
        image(b"\x89PNG", 102_400),
    );
    set("logos are PNG or JPG").refuses(
        image(b"GIF89a", 100),
        INVALID,
        "The image file must be a PNG or JPG file.",
        image(b"\xFF\xD8\xFF", 100),
    );
    set("the client exists").refuses(
        json!({"ClientId": "nobody"}),
        NOT_FOUND,
        "User pool client nobody does not exist.",
        json!({"ClientId": "$CLIENT"}),
    );
}

#[test]
fn managed_login_styles_follow_the_rules() {
    const EITHER: &str = "useCognitoProvidedValues or settings should be specified (but not both)";
    let create = |name| rule(name, "CreateManagedLoginBranding");
    let style = |client: &str, more: Value| {
        let mut request = json!({"ClientId": client});
        request
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        request
    };
    for (tier, code) in [
        ("LITE", Some("FeatureUnavailableInTierException")),
        ("ESSENTIALS", None),
    ] {
        let world = super::World::new();
        let pool = world.pool(&json!({"UserPoolTier": tier}));
        let client = world.client(&pool, &json!({}));
        let request =
            json!({"UserPoolId": pool, "ClientId": client, "UseCognitoProvidedValues": true});
        let refused = world.call("CreateManagedLoginBranding", &request).err();
        assert_eq!(refused.map(|error| error.code), code.map(str::to_owned));
    }
    create("settings or defaults, not both").refuses(
        style(
            "$CLIENT",
            json!({"UseCognitoProvidedValues": true, "Settings": {"a": 1}}),
        ),
        INVALID,
        EITHER,
        style(
            "$CLIENT",
            json!({"UseCognitoProvidedValues": false, "Settings": {"a": 1}}),
        ),
    );
    create("settings or defaults, one of them").refuses(
        style("$CLIENT", json!({})),
        INVALID,
        EITHER,
        style("$CLIENT", json!({"UseCognitoProvidedValues": true})),
    );
    create("a client has one style")
        .after(
            "CreateManagedLoginBranding",
            style("$CLIENT", json!({"UseCognitoProvidedValues": true})),
        )
        .refuses(
            style("$CLIENT", json!({"UseCognitoProvidedValues": true})),
            "ManagedLoginBrandingExistsException",
            "A managed login branding already exists for the app client.",
            style("$OTHER", json!({"UseCognitoProvidedValues": true})),
        );
    create("the client exists").refuses(
        style("nobody", json!({"UseCognitoProvidedValues": true})),
        NOT_FOUND,
        "User pool client nobody does not exist.",
        style("$PUBLIC", json!({"UseCognitoProvidedValues": true})),
    );
    let asset = |category: &str, more: Value| {
        let mut asset = json!({"Category": category, "ColorMode": "LIGHT", "Extension": "ICO"});
        asset
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        style(
            "$CLIENT",
            json!({"UseCognitoProvidedValues": true, "Assets": [asset]}),
        )
    };
    create("ICO is for the icon").refuses(
        asset("FORM_LOGO", json!({"Bytes": "AAAA"})),
        INVALID,
        "The extension ICO is allowed for the category FAVICON_ICO only.",
        asset("FAVICON_ICO", json!({"Bytes": "AAAA"})),
    );
    create("a resource is of this pool").refuses(
        asset("FAVICON_ICO", json!({"ResourceId": "of another pool"})),
        INVALID,
        "The ResourceId of an asset does not exist in the user pool.",
        asset(
            "FAVICON_ICO",
            json!({"ResourceId": "of another pool", "Bytes": "AAAA"}),
        ),
    );
    create("an asset has contents").refuses(
        asset("FAVICON_ICO", json!({})),
        INVALID,
        "An asset needs Bytes or a ResourceId.",
        asset("FAVICON_ICO", json!({"Bytes": "AAAA"})),
    );
    let large = |bytes: usize| {
        let asset = |mode: &str| json!({"Category": "PAGE_BACKGROUND", "ColorMode": mode, "Extension": "PNG", "Bytes": "A".repeat(bytes / 8 * 4)});
        style(
            "$CLIENT",
            json!({"UseCognitoProvidedValues": true, "Assets": [asset("LIGHT"), asset("DARK")]}),
        )
    };
    create("a request has 2 MB").refuses(
        large(2_097_152),
        INVALID,
        "The request must not be larger than 2 MB.",
        large(2_096_000),
    );
    rule(
        "a client without style",
        "DescribeManagedLoginBrandingByClient",
    )
    .after(
        "CreateManagedLoginBranding",
        style("$CLIENT", json!({"UseCognitoProvidedValues": true})),
    )
    .refuses(
        json!({"ClientId": "$OTHER"}),
        NOT_FOUND,
        "Managed login branding does not exist.",
        json!({"ClientId": "$CLIENT"}),
    );
}

#[test]
fn terms_follow_the_rules() {
    let terms = |client: &str, name: &str| json!({"ClientId": client, "TermsName": name, "TermsSource": "LINK", "Enforcement": "NONE", "Links": {"cognito:default": "https://example.com"}});
    for good in [
        terms("$CLIENT", "privacy-policy"),
        terms("$OTHER", "terms-of-use"),
    ] {
        rule("a client has a document once", "CreateTerms")
            .after("CreateTerms", terms("$CLIENT", "terms-of-use"))
            .refuses(
                terms("$CLIENT", "terms-of-use"),
                "TermsExistsException",
                "Terms of this name already exist for the app client.",
                good,
            );
    }
    rule("a document is somewhere", "CreateTerms").refuses(
        json!({"ClientId": "$CLIENT", "TermsName": "terms-of-use", "TermsSource": "LINK", "Enforcement": "NONE"}),
        INVALID,
        "Links are required.",
        terms("$CLIENT", "terms-of-use"),
    );
    rule("the client exists", "CreateTerms").refuses(
        terms("nobody", "terms-of-use"),
        NOT_FOUND,
        "User pool client nobody does not exist.",
        terms("$CLIENT", "terms-of-use"),
    );
    rule("a client without the document", "DescribeTermsByClient")
        .after("CreateTerms", terms("$CLIENT", "terms-of-use"))
        .refuses(
            json!({"ClientId": "$CLIENT", "TermsName": "privacy-policy"}),
            NOT_FOUND,
            "Terms do not exist.",
            json!({"ClientId": "$CLIENT", "TermsName": "terms-of-use"}),
        );
}
