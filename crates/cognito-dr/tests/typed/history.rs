use cognito::Operation;
use model::change::{
    Change, ChangeSummary, CriticalChange, CriticalChanges, CriticalKind, MembershipChanges,
    NotCompared, SettingChanges, UserChanges,
};
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::{BackupKey, UserPoolId};
use serde_json::{Value, json};

use crate::support::says;
use crate::vault::{BUCKET, POOL, SECRET, WithVault};

const QUERY: &str = "DynamoDB_20120810.Query";
const LOOKUP: &str = "CloudTrail_20131101.LookupEvents";
const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/ops/bob";

fn key(began: &str) -> BackupKey {
    let pool: UserPoolId = POOL.parse().unwrap();
    BackupKey::new(&pool, began.parse().unwrap())
}

fn summary(previous: &str) -> Change {
    Change::Since(Box::new(ChangeSummary {
        previous: key(previous),
        users: UserChanges {
            before: 200,
            after: 198,
            made: 1,
            gone: 3,
            recreated: 0,
            changed: 12,
            disabled: 11,
            enabled: 0,
        },
        memberships: MembershipChanges { made: 0, gone: 2 },
        settings: SettingChanges {
            count: 4,
            removed: vec!["app_clients/c1".into()],
            changed: vec!["user_pool_config/Policies".into()],
            ..SettingChanges::default()
        },
        critical: CriticalChanges {
            count: 1,
            named: vec![CriticalChange {
                kind: CriticalKind::ClientGone,
                name: "web".into(),
                id: Some("c1".into()),
            }],
        },
        shrunk: true,
        slow_loss: None,
        last_shrunk: None,
        kept: Some("cognito-backup/kept/us-east-1_AbC-20260307-090000.json.zst".into()),
    }))
}

/// A backup that says what changed.
fn put(vault: &WithVault, began: &str, change: Option<Change>) -> BackupKey {
    let key = key(began);
    let mut head = BackupHead::new(POOL.parse().unwrap(), key.began());
    head.set(Section::UserPoolConfig, json!({"Id": POOL, "Name": "shop"}));
    let mut document = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut document);
    encoder.begin_memberships(&mut document);
    encoder.finish_with(key.began(), change, &mut document);
    let document = vault::testing::compressed(&document);
    vault.s3.put(BUCKET, &key.to_string(), document);
    key
}

/// Three backups: the first of the pool, one that says what changed, one that had no time.
fn three() -> (WithVault, [BackupKey; 3]) {
    let vault = WithVault::new();
    let first = Change::NotCompared(NotCompared::FirstBackup);
    let no_time = Change::NotCompared(NotCompared::NoTime);
    let keys = [
        put(&vault, "2026-03-07T09:00:00Z", Some(first)),
        put(
            &vault,
            "2026-03-07T10:00:00Z",
            Some(summary("2026-03-07T09:00:00Z")),
        ),
        put(&vault, "2026-03-07T11:00:00Z", Some(no_time)),
    ];
    (vault, keys)
}

#[test]
fn each_backup_has_a_row_with_what_changed_and_what_matters_stands_out() {
    let (vault, keys) = three();
    let printed = vault.account.prints(&["history", POOL]);
    for expected in [
        "+1    -3    ~12      11        -        -2           ~4",
        "2026-03-07T10:00:00Z  since 2026-03-07T09:00:00Z",
        "! 14 of 200 users are gone, made again or disabled; the last whole base is kept: cognito-backup/kept/",
        "! client gone: web (c1)",
        "- app_clients/c1",
        "~ user_pool_config/Policies",
        "~ ... and 2 more",
        "? not compared: no time was left",
        "? the first backup of the pool",
    ] {
        assert!(printed.contains(expected), "{expected} in\n{printed}");
    }
    let answer = vault.account.json(&["history", POOL]);
    let newest: Vec<&str> = answer["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|backup| backup["key"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = keys.iter().rev().map(ToString::to_string).collect();
    assert_eq!(newest, expected);
    let since = &answer["backups"][1]["change"]["since"];
    assert_eq!(since["previous"], keys[0].to_string());
    assert_eq!(since["users"]["disabled"], 11);
    let last = vault.account.json(&["history", POOL, "--last", "1"]);
    assert_eq!(last["backups"].as_array().unwrap().len(), 1);
    let since = ["history", POOL, "--since", "2026-03-07T09:30:00Z"];
    let until = ["--until", "2026-03-07T10:30:00Z"];
    let one = vault.account.json(&[&since[..], &until].concat());
    assert_eq!(one["backups"].as_array().unwrap().len(), 1);
    assert_eq!(one["backups"][0]["key"], keys[1].to_string());
    let shown = vault.account.prints(&["show", &keys[1].to_string()]);
    let changes = "Changes   since 2026-03-07T09:00:00Z: 1 users made, 3 users gone";
    assert!(shown.contains(changes), "{shown}");
    assert!(shown.contains("Kept      cognito-backup/kept/"), "{shown}");
}

#[test]
fn the_page_shows_what_the_terminal_shows_and_names_are_no_markup() {
    let (vault, _) = three();
    let page = |arguments: &[&str], file: &str| {
        let command = [&["history", POOL, "--page", file], arguments].concat();
        vault.account.prints(&command);
        std::fs::read_to_string(vault.account.path(file)).unwrap()
    };
    let rows = page(&[], "rows.html");
    for expected in [
        "3 backups; 1 to look at",
        "<td>2026-03-07T10:00:00Z</td><td data-name=\"users\">0</td><td data-name=\"made\">+1</td>",
        "<h2>2026-03-07T10:00:00Z</h2>",
        "since 2026-03-07T09:00:00Z",
        "<div class=\"sign bad\">!</div><div>client gone: web (c1)</div>",
        "<div class=\"sign fair\">~</div><div>user_pool_config/Policies</div>",
    ] {
        assert!(rows.contains(expected), "{expected} in\n{rows}");
    }
    let life = page(&["--of", "client:<b>x</b>"], "life.html");
    assert!(life.contains("in the oldest backup"), "{life}");
    assert!(!life.contains("<b>x"), "{life}");
    let again = vault
        .account
        .fails(&["history", POOL, "--page", "rows.html"]);
    assert!(again.contains("name another file"), "{again}");
}

#[test]
fn a_backup_that_is_damaged_has_a_row_that_says_so() {
    let (vault, keys) = three();
    vault.cut_off(&keys[1].to_string());
    let answer = vault.account.json(&["history", POOL]);
    let problem = answer["backups"][1]["problem"].as_str().unwrap();
    assert!(problem.contains("10"), "{problem}");
}

#[test]
fn rows_of_the_table_are_read_in_place_of_the_vault() {
    let (mut vault, keys) = three();
    let change = serde_json::to_string(&summary("2026-03-07T09:00:00Z")).unwrap();
    let item = |key: &BackupKey, change: Option<&str>| {
        let mut item = json!({
            "user_pool_id": {"S": POOL}, "s3_key": {"S": key.to_string()}, "user_count": {"N": "198"}, "bytes": {"N": "7"},
        });
        if let Some(change) = change {
            item["change"] = json!({"S": change});
        }
        item
    };
    let items = json!([item(&keys[1], Some(&change)), item(&keys[0], None)]);
    vault
        .s3
        .answer(QUERY, 200, json!({"Items": items, "Count": 2}));
    let endpoint = vault.s3.endpoint();
    vault.account.set("AWS_ENDPOINT_URL_DYNAMODB", &endpoint);
    let answer = vault.account.json(&[
        "history",
        POOL,
        "--table",
        "t",
        "--since",
        "2026-03-01T00:00:00Z",
    ]);
    assert_eq!(answer["backups"].as_array().unwrap().len(), 2);
    assert_eq!(answer["backups"][0]["change"]["since"]["users"]["gone"], 3);
    assert_eq!(answer["backups"][1]["change"], Value::Null);
    let asked = &vault.s3.calls(QUERY)[0];
    assert_eq!(asked["TableName"], "t");
    let values = &asked["ExpressionAttributeValues"];
    assert_eq!(values[":since"]["S"], "2026-03-01T00:00:00");
    let refused = json!({"__type": "AccessDeniedException", "message": "no"});
    vault.s3.answer(QUERY, 400, refused);
    let said = vault.account.fails(&["history", POOL, "--table", "t"]);
    assert!(
        said.contains("the table t") && said.contains("AccessDenied"),
        "{said}"
    );
}

/// A live pool of 20 users that was backed up before and after each of two changes; the backups
/// say nothing.
fn living() -> (WithVault, String) {
    let vault = WithVault::with_web_acls();
    let pool = vault.account.pool("shop", 20);
    vault.call(&pool, Operation::CreateGroup, json!({"GroupName": "staff"}));
    vault.backup_of(&pool, "2026-03-07T09:00:00Z");
    let user = json!({"Username": "user-0003"});
    vault.call(&pool, Operation::AdminDisableUser, user.clone());
    let member = json!({"Username": "user-0003", "GroupName": "staff"});
    vault.call(&pool, Operation::AdminAddUserToGroup, member);
    let group = json!({"GroupName": "staff", "RoleArn": "arn:aws:iam::000000000000:role/r"});
    vault.call(&pool, Operation::UpdateGroup, group);
    vault.backup_of(&pool, "2026-03-07T10:00:00Z");
    vault.backup_of(&pool, "2026-03-07T11:00:00Z");
    vault.call(&pool, Operation::AdminDeleteUser, user);
    vault.call(&pool, Operation::DeleteGroup, json!({"GroupName": "staff"}));
    vault.backup_of(&pool, "2026-03-08T09:00:00Z");
    (vault, pool)
}

/// The `sub` of a user in the oldest backup.
fn sub_of(vault: &WithVault, pool: &str, username: &str) -> String {
    let first = "2026-03-07T09:01:00Z";
    let show = ["show", first, "--pool", pool, "--section", "users"];
    let users: Value = serde_json::from_str(&vault.account.prints(&show)).unwrap();
    let mut users = users.as_array().unwrap().iter();
    let user = users.find(|user| user["Username"] == username).unwrap();
    let mut attributes = user["Attributes"].as_array().unwrap().iter();
    let sub = attributes.find(|attribute| attribute["Name"] == "sub");
    sub.unwrap()["Value"].as_str().unwrap().to_owned()
}

#[test]
fn backups_that_do_not_say_what_changed_are_compared_on_request() {
    let (vault, pool) = living();
    let unknown = vault.account.command(&["history", &pool]).assert().code(0);
    assert!(says(unknown).contains("--compare"));
    let answer = vault.account.json(&["history", &pool, "--compare"]);
    let change = |at: usize| &answer["backups"][at]["change"];
    assert_eq!(change(3)["not_compared"], "first_backup");
    let second = &change(2)["since"];
    assert_eq!(second["users"]["disabled"], 1);
    assert_eq!(second["memberships"]["made"], 1);
    assert_eq!(second["critical"]["named"][0]["kind"], "group_role_changed");
    assert_eq!(change(1)["since"]["users"]["changed"], 0);
    let fourth = &change(0)["since"];
    assert_eq!(fourth["users"]["gone"], 1);
    assert_eq!(fourth["critical"]["named"][0]["kind"], "group_gone");
    // The oldest that is shown is compared with the one before it.
    let last = vault
        .account
        .json(&["history", &pool, "--compare", "--last", "1"]);
    assert_eq!(last["backups"][0]["change"], *change(0));
}

#[test]
fn one_object_is_followed_through_the_backups() {
    let (vault, pool) = living();
    let sub = sub_of(&vault, &pool, "user-0003");
    let moments = |arguments: &[&str]| -> Vec<(String, Value)> {
        let command = [&["history", pool.as_str(), "--of"], arguments].concat();
        let answer = vault.account.json(&command);
        let moments = answer["moments"].as_array().unwrap().iter();
        moments
            .map(|moment| {
                let what = moment["what"].as_str().unwrap().to_owned();
                (what, moment["members"].clone())
            })
            .collect()
    };
    let of_user = moments(&[&sub, "--values"]);
    let changed = json!([
        {"member": "Enabled", "before": "true", "after": "false"},
        {"member": "groups", "before": "", "after": "staff"},
    ]);
    assert_eq!(
        of_user,
        [
            ("there".to_owned(), json!([])),
            ("changed".to_owned(), changed),
            ("gone".to_owned(), json!([])),
        ]
    );
    // Without --values what is personal is not told.
    assert_eq!(moments(&[&sub])[1].1[0]["after"], Value::Null);
    let of_group = moments(&["group:staff"]);
    assert_eq!(of_group[1].1[0]["member"], "groups/staff/RoleArn");
    assert_eq!(of_group[2].0, "gone");
    assert_eq!(moments(&["client:none"])[0].0, "not_there");
    let printed = vault.account.prints(&["history", &pool, "--of", &sub]);
    assert!(
        printed.contains("2026-03-07T10:00:00Z  changed\n  ~ Enabled\n  ~ groups\n"),
        "{printed}"
    );
    let said = vault
        .account
        .fails(&["history", &pool, "--of", "ann@example.com"]);
    assert!(said.contains("client:ID"), "{said}");
}

/// An event as CloudTrail gives it.
fn event(name: &str, members: Value) -> Value {
    let mut record = json!({
        "eventName": name,
        "eventTime": "2026-03-07T09:40:00Z",
        "userIdentity": {"type": "AssumedRole", "arn": ROLE},
    });
    record
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    json!({"EventName": name, "CloudTrailEvent": record.to_string()})
}

#[test]
fn cloudtrail_is_asked_who_called_and_only_calls_on_this_pool_that_succeeded_count() {
    let mut vault = WithVault::new();
    let endpoint = vault.s3.endpoint();
    vault.account.set("AWS_ENDPOINT_URL_CLOUDTRAIL", &endpoint);
    // Within the last 90 days, whenever this runs.
    let began = |hours: i64| {
        let now = jiff::Timestamp::now();
        let at = now - jiff::SignedDuration::from_hours(hours);
        format!("{}Z", at.strftime("%Y-%m-%dT%H:%M:%S"))
    };
    put(&vault, &began(3), None);
    let mut change = summary(&began(3));
    if let Change::Since(summary) = &mut change {
        summary.users = UserChanges {
            before: 200,
            after: 200,
            changed: 11,
            disabled: 11,
            ..UserChanges::default()
        };
        summary.memberships = MembershipChanges::default();
        summary.settings = SettingChanges::default();
    }
    put(&vault, &began(2), Some(change));
    let own = json!({"requestParameters": {"userPoolId": POOL}});
    let events = [
        event("AdminDisableUser", own.clone()),
        event("AdminDisableUser", own.clone()),
        event(
            "AdminDisableUser",
            json!({"requestParameters": {"userPoolId": "us-east-1_Other"}}),
        ),
        event(
            "AdminDisableUser",
            json!({"requestParameters": {"userPoolId": POOL}, "errorCode": "AccessDenied"}),
        ),
    ];
    vault.s3.answer(LOOKUP, 200, json!({"Events": events}));
    let answer = vault.account.json(&["history", POOL, "--who"]);
    let who = &answer["backups"][0]["who"];
    let disabling = &who["events"][0];
    assert_eq!(disabling["event"], "AdminDisableUser");
    assert_eq!(disabling["principal"], ROLE);
    assert_eq!(disabling["count"], 2);
    let asked = vault.s3.calls(LOOKUP);
    let names: Vec<&str> = asked
        .iter()
        .map(|call| {
            call["LookupAttributes"][0]["AttributeValue"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(names, ["AdminDisableUser", "AdminEnableUser"]);
    let printed = vault.account.prints(&["history", POOL, "--who"]);
    let expected = format!("by {ROLE}: AdminDisableUser 2 x, at 2026-03-07T09:40:00Z");
    assert!(printed.contains(&expected), "{printed}");

    let denied = json!({"__type": "AccessDeniedException", "Message": "no"});
    vault.s3.answer(LOOKUP, 400, denied);
    let printed = vault.account.prints(&["history", POOL, "--who"]);
    assert!(
        printed.contains("by ? not allowed to ask CloudTrail (cloudtrail:LookupEvents)"),
        "{printed}"
    );
}

#[test]
fn neither_history_nor_life_shows_secrets() {
    let vault = WithVault::new();
    vault.backup(POOL, "2026-03-07T09:00:00Z");
    let key = vault.backup(POOL, "2026-03-07T10:00:00Z");
    let whole = vault.s3.get(BUCKET, &key).unwrap().to_vec();
    // The checksum does not fit any more, which nobody reads here.
    let other = String::from_utf8(whole)
        .unwrap()
        .replace(SECRET, &"x".repeat(SECRET.len()));
    vault.s3.put(BUCKET, &key, other);
    let life = vault
        .account
        .prints(&["history", POOL, "--of", "client:client1"]);
    assert!(
        life.contains("~ app_clients/client1/ClientSecret\n"),
        "{life}"
    );
    let rows = vault.account.prints(&["history", POOL, "--compare"]);
    assert!(
        rows.contains("~ app_clients/client1/ClientSecret"),
        "{rows}"
    );
    for printed in [life, rows] {
        assert!(
            !printed.contains(SECRET) && !printed.contains("xxxx"),
            "{printed}"
        );
    }
}
