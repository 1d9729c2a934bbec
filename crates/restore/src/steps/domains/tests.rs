use super::*;
use crate::relocation::tests::Move;

fn head(prefix: Value, custom: Value) -> BackupHead {
    let mut head = BackupHead::new(
        "us-east-1_Old".parse().unwrap(),
        "2026-01-01T00:00:00Z".parse().unwrap(),
    );
    head.set(Section::UserPoolConfig, json!({"Id": "us-east-1_Old"}));
    head.set(Section::UserPoolDomain, prefix);
    head.set(Section::CustomDomain, custom);
    head
}

#[test]
fn a_prefix_domain_keeps_its_prefix_unless_the_map_renames_it() {
    let head = head(
        json!({"Domain": "app", "UserPoolId": "us-east-1_Old", "AWSAccountId": "1", "S3Bucket": "b", "CloudFrontDistribution": "d", "Version": "1", "Status": "ACTIVE", "CustomDomainConfig": {}, "ManagedLoginVersion": 2, "NewMember": 1}),
        Value::Null,
    );
    let (wanted, news) = plan(&head, &Move::plain().relocation());
    assert_eq!(
        Value::Object(wanted[0].request.clone()),
        json!({"Domain": "app", "ManagedLoginVersion": 2, "NewMember": 1})
    );
    assert!(news.findings.is_empty());
    let map = Move::with(&json!({"domain_prefixes": {"app": "app-dr"}}));
    let (wanted, news) = plan(&head, &map.relocation());
    assert_eq!(wanted[0].name, "app-dr");
    assert_eq!(
        news.findings[0].announces,
        ["user_pool_domain/Domain", "user_pool_config/Domain"]
    );
}

#[test]
fn a_custom_domain_is_created_only_when_the_map_says_that_it_is_free() {
    let certificate = "arn:aws:acm:us-east-1:111122223333:certificate/a";
    let head = head(
        Value::Null,
        json!({"Domain": "auth.example.com", "CustomDomainConfig": {"CertificateArn": certificate}, "Status": "ACTIVE"}),
    );
    let (wanted, news) = plan(&head, &Move::plain().relocation());
    assert!(wanted.is_empty());
    assert_eq!(news.findings[0].announces[0], "custom_domain");
    let command = news.manual_steps[0].command.as_deref().unwrap();
    assert!(
        command.contains("delete-user-pool-domain") && command.contains(certificate),
        "{command}"
    );
    let map = Move::with(&json!({"custom_domains": {"auth.example.com": {}}}));
    let (wanted, news) = plan(&head, &map.relocation());
    assert_eq!(
        wanted[0].request["CustomDomainConfig"]["CertificateArn"],
        certificate
    );
    assert!(news.findings.is_empty());
}

#[test]
fn a_certificate_of_the_lost_account_brings_no_custom_domain() {
    let certificate = "arn:aws:acm:us-east-1:444455556666:certificate/a";
    let own = "arn:aws:acm:us-east-1:111122223333:certificate/b";
    let head = head(
        Value::Null,
        json!({"Domain": "auth.example.com", "CustomDomainConfig": {"CertificateArn": certificate}, "Status": "ACTIVE"}),
    );
    for (map, brings) in [
        (json!({}), false),
        (json!({"custom_domains": {"auth.example.com": {}}}), false),
        (
            json!({"custom_domains": {"auth.example.com": {"certificate_arn": own}}}),
            true,
        ),
        (
            json!({"custom_domains": {"auth.example.com": {}}, "certificates": {certificate: own}}),
            true,
        ),
    ] {
        let moved = Move::with(&map).out_of_another_account();
        let (wanted, news) = plan(&head, &moved.relocation());
        assert_eq!(wanted.len(), usize::from(brings), "{map}");
        if brings {
            let config = &wanted[0].request["CustomDomainConfig"];
            assert_eq!(config["CertificateArn"], own);
        } else {
            assert_eq!(news.findings[0].announces[0], "custom_domain");
            let command = news.manual_steps[0].command.as_deref().unwrap();
            assert!(
                command.contains("CertificateArn=CERTIFICATE_ARN"),
                "{command}"
            );
        }
    }
}
