use super::*;
use serde_json::json;

fn parse(value: &Value) -> Result<Translations, Vec<String>> {
    Translations::parse(value.to_string().as_bytes(), "us-west-2")
}

#[test]
fn the_documented_example_is_a_valid_map() {
    let page = include_str!("../../../../docs/translations.md");
    let example = page.split("```json").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let map = Translations::parse(example.as_bytes(), "us-west-2").unwrap();
    let function = "arn:aws:lambda:us-east-1:111122223333:function:pre-sign-up";
    assert_eq!(
        map.arn(ArnKind::Function, function).as_deref(),
        Some("arn:aws:lambda:us-west-2:111122223333:function:pre-sign-up-dr")
    );
    assert_eq!(map.domain_prefix("example-app"), Some("example-app-dr"));
    assert!(map.apple_private_key("ABC123DEFG").is_some());
}

#[test]
fn what_is_wrong_is_named_and_nothing_secret_is_quoted() {
    for (value, named) in [
        (json!([]), "not a JSON object"),
        (json!({"function": {}}), "\"function\""),
        (json!({"functions": []}), "functions is an object"),
        (json!({"functions": {"a": "b"}}), "both sides are ARNs"),
        (
            json!({"functions": {"arn:aws:lambda:us-east-1:1:function:f": "arn:aws:lambda:eu-west-1:1:function:f"}}),
            "in us-west-2",
        ),
        (
            json!({"kms_keys": {"arn:aws:kms:us-east-1:1:key/k": "arn:aws:lambda:us-west-2:1:function:f"}}),
            "one of kms",
        ),
        (
            json!({"custom_domains": {"auth.example.com": {"certificate_arn": "arn:aws:acm:us-west-2:1:certificate/c"}}}),
            "in us-east-1",
        ),
        (
            json!({"custom_domains": {"auth.example.com": {"cert": "x"}}}),
            "\"cert\"",
        ),
        (
            json!({"sms_roles": {"arn:aws:iam::1:role/r": {"external_id": "x"}}}),
            "role_arn",
        ),
        (
            json!({"callback_urls": {"https://a.example": "http://b.example"}}),
            "https",
        ),
        (json!({"domain_prefixes": {"a": "A_"}}), "lower-case"),
        (json!({"apple_private_keys": {"K": {"s3cr3t": 1}}}), "\"K\""),
    ] {
        let problems = parse(&value).unwrap_err().join("; ");
        assert!(problems.contains(named), "{problems}");
        assert!(!problems.contains("s3cr3t"), "{problems}");
    }
    let problems = Translations::parse(b"{\"a\": s3cr3t}", "us-west-2").unwrap_err();
    assert!(problems[0].contains("line 1"), "{problems:?}");
    assert!(!problems[0].contains("s3cr3t"));
}

#[test]
fn an_exact_entry_wins_over_a_prefix_and_a_longer_prefix_over_a_shorter_one() {
    let map = parse(&json!({
        "functions": {"arn:aws:lambda:us-east-1:1:function:a": "arn:aws:lambda:us-west-2:1:function:x"},
        "arn_prefixes": {
            "arn:aws:lambda:us-east-1:1:": "arn:aws:lambda:us-west-2:1:",
            "arn:aws:lambda:us-east-1:1:function:b": "arn:aws:lambda:us-west-2:1:function:longer-b",
        },
    }))
    .unwrap();
    let function = |name: &str| {
        map.arn(
            ArnKind::Function,
            &format!("arn:aws:lambda:us-east-1:1:function:{name}"),
        )
    };
    let ends = |name: &str, end: &str| {
        let found = function(name).unwrap();
        assert!(found.ends_with(end), "{found}");
    };
    ends("a", "us-west-2:1:function:x");
    ends("c", "us-west-2:1:function:c");
    ends("b1", "function:longer-b1");
    assert_eq!(
        map.arn(ArnKind::Function, "arn:aws:lambda:eu-west-1:1:function:a"),
        None
    );
}

#[test]
fn urls_are_rewritten_exactly_or_by_prefix() {
    let map = parse(&json!({
        "callback_urls": {"https://a.example/cb": "https://dr.example/cb"},
        "url_prefixes": {"https://a.example/": "https://b.example/"},
    }))
    .unwrap();
    for (old, new) in [
        ("https://a.example/cb", Some("https://dr.example/cb")),
        ("https://a.example/x", Some("https://b.example/x")),
        ("https://c.example/x", None),
    ] {
        assert_eq!(map.callback_url(old).as_deref(), new);
    }
    assert_eq!(
        map.logout_url("https://a.example/cb").as_deref(),
        Some("https://b.example/cb")
    );
}
