use std::io::{Read, Write};

use super::*;

fn converted(content: &str, columns: Option<&str>) -> Result<Converted, ForeignError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    let columns: Option<Columns> = columns.map(|columns| columns.parse().unwrap());
    let pool = "us-east-1_A".parse().unwrap();
    let written = "2026-03-07T09:05:02Z".parse().unwrap();
    convert(file, columns.as_ref(), pool, written)
}

/// Each user as `username status enabled name=value,...`, in the file's order.
fn users(content: &str, columns: Option<&str>) -> Vec<String> {
    let mut converted = converted(content, columns).unwrap();
    let mut text = String::new();
    converted.file.rewind().unwrap();
    converted.file.read_to_string(&mut text).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let users = document["users"].as_array().unwrap();
    assert_eq!(converted.trailer.users, users.len() as u64);
    let line = |user: &Value| {
        let user: UserRecord = serde_json::from_value(user.clone()).unwrap();
        let attributes: Vec<String> = user
            .attributes
            .iter()
            .map(|attribute| format!("{}={}", attribute.name, attribute.value))
            .collect();
        format!(
            "{} {} {} {}",
            user.username.as_str(),
            user.status.as_str(),
            user.enabled,
            attributes.join(",")
        )
    };
    users.iter().map(line).collect()
}

fn error(content: &str, columns: Option<&str>) -> String {
    converted(content, columns).unwrap_err().to_string()
}

const ANN: &str = r#"{"Username":"ann","Attributes":[{"Name":"sub","Value":"1-2"},{"Name":"email","Value":"ann@example.com"}],"UserCreateDate":"2020-01-01T00:00:00.000Z","Enabled":false,"UserStatus":"FORCE_CHANGE_PASSWORD"}"#;
const ANN_READ: &str = "ann FORCE_CHANGE_PASSWORD false sub=1-2,email=ann@example.com";

#[test]
fn json_as_list_users_gives_it_is_read() {
    for file in [
        format!("[{ANN}]"),
        format!("\u{feff} [\n{ANN}\n]\n"),
        format!("{{\"Users\": [{ANN}]}}"),
        format!("{{\n \"Users\": [{ANN}], \"PaginationToken\": null}}"),
    ] {
        assert_eq!(users(&file, None), [ANN_READ], "{file}");
    }
    assert_eq!(users("[]", None), [] as [String; 0]);
}

#[test]
fn a_file_of_users_says_of_all_else_that_it_was_not_read() {
    let head = converted("[]", None).unwrap().head;
    let groups = head.status(Section::Groups);
    assert!(matches!(
        groups,
        model::document::SectionStatus::NotRead { .. }
    ));
    assert!(head.user_pool().is_null());
    assert_eq!(head.user_pool_id.as_str(), "us-east-1_A");
}

#[test]
fn cognitos_own_form_is_read_by_its_own_rules() {
    let file = "name,birthdate,email,email_verified,cognito:mfa_enabled,cognito:username\r\n\
                Ann\\, the \"first\",02/28/1990,ann@example.com,true,, ann \r\n\
                \r\n\
                =1+1,,,,true,bob\n";
    assert_eq!(
        users(file, None),
        [
            "ann CONFIRMED true name=Ann, the \"first\",birthdate=1990-02-28,email=ann@example.com,email_verified=true,sub=line-2",
            "bob CONFIRMED true name==1+1,sub=line-4",
        ]
    );
}

#[test]
fn a_spreadsheet_is_read_by_its_columns_or_by_those_that_are_named() {
    let file = "username,status,enabled,created,phone_number\n\
                \"b, ob\",reset_required,FALSE,2020,'+1555\n";
    assert_eq!(
        users(file, None),
        ["b, ob RESET_REQUIRED false phone_number=+1555,sub=line-2"]
    );
    let file = "Login,E-Mail,Plan,Note\nann,ann@example.com,pro,\"two\nlines\"\nbob,,,\n";
    assert_eq!(
        users(file, Some("Login=username, E-Mail=email ,Plan=custom:plan")),
        [
            "ann CONFIRMED true email=ann@example.com,custom:plan=pro,sub=line-2",
            "bob CONFIRMED true sub=line-4",
        ]
    );
}

#[test]
fn a_wrong_file_is_refused_by_the_numbers_of_its_lines_and_never_by_its_content() {
    let header = "email,birthdate,cognito:mfa_enabled,cognito:username\n";
    let mapped = Some("Login=username");
    let many = "secret,,,,\n".repeat(12);
    for (file, columns, expected) in [
        ("", None, "empty"),
        ("  \n", None, "empty"),
        ("[", None, "cut off after line 1"),
        ("[{\"Username\":\"secret\"},", None, "cut off after line 1"),
        ("[{\"Username\":\"secret\"}]]", None, "line 1, column 24"),
        (
            "[1, {}]",
            None,
            "user 1 is not a user as ListUsers gives it; user 2",
        ),
        ("[{\"Username\":\"\"}]", None, "user 1 has no username"),
        ("{\"secret\": 1}", None, "no file of users"),
        (
            "{\"Users\":[],\"PaginationToken\":\"secret\"}",
            None,
            "one page",
        ),
        ("secret", None, "no file of users"),
        ("email,name\nsecret,secret\n", None, "no file of users"),
        (
            &format!("{header}secret,,x\n"),
            None,
            "line 2 has 3 values and the header 4",
        ),
        (&format!("{header},,,\n"), None, "line 2 has no username"),
        (
            &format!("{header},1990-01-01,,secret\n"),
            None,
            "line 2 has a birthdate that is not mm/dd/yyyy",
        ),
        (
            &format!("{header}{many}"),
            None,
            "line 11 has 5 values and the header 4 (a comma in a value is written \\,); and 2 more",
        ),
        (
            "cognito:username,password_hash\nsecret,secret\n",
            None,
            "password_hash",
        ),
        ("cognito:username,email,email\n", None, "\"email\" twice"),
        (
            "Login,x\nsecret\n",
            mapped,
            "line 2 has 1 values and the header 2",
        ),
        ("x\nsecret\n", mapped, "no column \"Login\""),
        (
            "username,enabled\nsecret,secret\n",
            None,
            "line 2 has in the column enabled neither",
        ),
    ] {
        let error = error(file, columns);
        assert!(error.contains(expected), "{file:?}: {error}");
        assert!(!error.contains("secret"), "{file:?}: {error}");
    }
}

#[tokio::test]
async fn a_file_opens_as_a_backup_of_the_pool_that_is_named() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(format!("[{ANN}]").as_bytes()).unwrap();
    let pool: UserPoolId = "us-east-1_A".parse().unwrap();
    let opened = Backup::open_users_file(file.path(), None, pool.clone()).await;
    let backup = opened.unwrap();
    assert_eq!(
        (&backup.head.user_pool_id, backup.trailer.users),
        (&pool, 1)
    );
    backup.check_whole().await.unwrap();
    let mut users = backup.users(None).await.unwrap();
    let first = users.next().await.unwrap().unwrap();
    assert_eq!(first.record.username.as_str(), "ann");
    assert_eq!(users.next().await.unwrap(), None);
    let mut memberships = backup.memberships().await.unwrap();
    assert_eq!(memberships.next().await.unwrap(), None);
    file.write_all(b"]").unwrap();
    let error = Backup::open_users_file(file.path(), None, pool).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("it is no list of users: line 1"), "{error}");
    let nowhere = Path::new("/nowhere/users.csv");
    let error = Backup::open_users_file(nowhere, None, "us-east-1_A".parse().unwrap()).await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("/nowhere/users.csv")
    );
}

#[test]
fn a_file_of_users_is_told_from_a_backup_by_how_it_begins() {
    for (content, is_users) in [
        ("\u{feff}[\n{\"Username\"", true),
        ("{ \"Users\": [", true),
        ("email,cognito:username\n", true),
        ("Username,Email\n", true),
        ("{\"format_version\":2,", false),
        ("{\"timestamp\":", false),
        ("email,name\nusername,x\n", false),
        ("", false),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        assert_eq!(is_users_file(file.path()).unwrap(), is_users, "{content}");
    }
}

#[test]
fn a_mapping_of_columns_names_the_username_and_nothing_twice() {
    for (columns, expected) in [
        ("a=email", "no column is the username"),
        ("a=username,b=username", "stands twice"),
        ("a=username,a=email", "stands twice"),
        ("username", "names no column"),
        ("", "names no column"),
    ] {
        let error = columns.parse::<Columns>().unwrap_err().to_string();
        assert!(error.contains(expected), "{columns}: {error}");
    }
}
