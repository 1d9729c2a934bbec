use crate::support::Account;

#[test]
fn the_pools_of_a_region_are_listed() {
    let account = Account::new();
    let shop = account.pool("shop", 3);
    let printed = account.prints(&["pools"]);
    let lines: Vec<Vec<&str>> = printed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0][..4], ["ID", "NAME", "USERS", "PLAN"]);
    assert_eq!(lines[1][..3], [shop.as_str(), "shop", "3"]);

    let answer = account.json(&["pools"]);
    let pool = &answer["pools"][0];
    assert_eq!(pool["id"], shop.as_str());
    assert_eq!(pool["region"], "us-east-1");
    assert_eq!(pool["users"], 3);
    assert_eq!(pool["deletion_protection"], false);
    assert_eq!(pool["newest_backup"], serde_json::Value::Null);
}

#[test]
fn all_regions_are_listed_together() {
    let account = Account::new();
    account.pool("here", 0);
    let there = serde_json::json!({"UserPool": {"Name": "there"}});
    account.simulator.seed("eu-west-1", &there).unwrap();
    let answer = account.json(&["pools", "--all-regions"]);
    let pools = answer["pools"].as_array().unwrap();
    let named = pools.iter().map(|pool| (&pool["region"], &pool["name"]));
    let named: Vec<(&str, &str)> = named
        .map(|(region, name)| (region.as_str().unwrap(), name.as_str().unwrap()))
        .collect();
    assert_eq!(named, [("us-east-1", "here"), ("eu-west-1", "there")]);
}
