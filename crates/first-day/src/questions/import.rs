//! User import jobs. Imported users are not billed, and get no message.

use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use cognito::{Operation, fetch};
use model::import_file::{PASSWORD_HASH, USERNAME, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::question::{Need, Observed, Question};
use crate::scratch::{Pool, Scratch, Trouble};

/// Rows of the job whose speed is measured.
const ROWS: usize = 300;
/// How long a job may take.
const LIMIT: Duration = Duration::from_secs(20 * 60);
/// Between two looks at a job.
const LOOK: Duration = Duration::from_secs(2);

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new(
            "import.header-order",
            "Does GetCSVHeader name the columns in the order of the schema?",
            "C.5",
            "in its order",
            |scratch| Box::pin(header_order(scratch)),
        ),
        Question::new(
            "import.hashes",
            "Is a hash import there for a new pool, and are its users CONFIRMED?",
            "C.5, Appendix 2",
            "CONFIRMED",
            |scratch| Box::pin(hashes(scratch)),
        )
        .needs(Need::Iam)
        .within(LIMIT),
        Question::new(
            "import.speed",
            "Are 300 rows without hashes imported, and how fast?",
            "C.5, Appendix 2",
            "300 imported, RESET_REQUIRED",
            |scratch| Box::pin(speed(scratch)),
        )
        .needs(Need::Iam)
        .within(LIMIT),
        Question::new(
            "import.creation-date",
            "Is an imported user's UserCreateDate after its job's CreationDate?",
            "C.5",
            "after it",
            |scratch| Box::pin(creation_date(scratch)),
        )
        .needs(Need::Iam)
        .within(LIMIT),
    ]
}

async fn header_order(scratch: &Scratch) -> Observed {
    let attribute =
        |name: &str| json!({"Name": name, "AttributeDataType": "String", "Mutable": true});
    let schema = [attribute("team"), attribute("area")];
    let pool = scratch.pool(json!({"Schema": schema})).await?;
    let described = scratch.describe(&pool).await?;
    let names = described["SchemaAttributes"]
        .as_array()
        .into_iter()
        .flatten();
    let expected = header(names.filter_map(|attribute| attribute["Name"].as_str()));
    let columns = columns(scratch, &pool).await?;
    Ok(if columns == expected {
        "in its order".to_owned()
    } else {
        columns.join(",")
    })
}

async fn columns(scratch: &Scratch, pool: &Pool) -> Result<Vec<String>, Trouble> {
    let answer = scratch
        .call(Operation::GetCSVHeader, json!({"UserPoolId": pool.id}))
        .await?;
    let columns = answer["CSVHeader"].as_array().into_iter().flatten();
    Ok(columns
        .filter_map(|column| column.as_str().map(str::to_owned))
        .collect())
}

/// A bcrypt text that no password is known for.
fn hash() -> String {
    let mut random = [0; 39];
    // Without randomness from the system the users of a scratch pool share a hash.
    let _ = getrandom::fill(&mut random);
    let base64 = GeneralPurpose::new(&BCRYPT, NO_PAD);
    let (salt, sum) = random.split_at(16);
    format!("$2b$10${}{}", base64.encode(salt), base64.encode(sum))
}

/// A finished job, and the first user of its pool.
struct Imported {
    job: Value,
    user: Value,
    seconds: f64,
}

async fn import(
    scratch: &Scratch,
    rows: usize,
    hashed: bool,
) -> Result<Result<Imported, String>, Trouble> {
    let role = scratch.import_role().await?;
    let pool = scratch
        .pool(json!({"AutoVerifiedAttributes": ["email"]}))
        .await?;
    let mut columns = columns(scratch, &pool).await?;
    let mut request =
        json!({"UserPoolId": pool.id, "JobName": "first-day", "CloudWatchLogsRoleArn": role});
    if hashed {
        columns.push(PASSWORD_HASH.to_owned());
        request["PasswordHashingAlgorithm"] = json!("BCRYPT");
    }
    let made = scratch.until_iam_knows(async || {
        scratch
            .ask(Operation::CreateUserImportJob, request.clone())
            .await
    });
    let made = match made.await? {
        Ok(made) => made,
        Err(refusal) => return Ok(Err(refusal.to_string())),
    };
    let job = &made["UserImportJob"];
    let mut text = columns.join(",") + "\n";
    for number in 0..rows {
        let value = |column: &String| match column.as_str() {
            USERNAME => format!("user-{number}"),
            "email" => format!("user-{number}@example.com"),
            "email_verified" => "true".to_owned(),
            "cognito:mfa_enabled" | "phone_number_verified" => "false".to_owned(),
            PASSWORD_HASH => hash(),
            _ => String::new(),
        };
        let row: Vec<String> = columns.iter().map(value).collect();
        text.push_str(&row.join(","));
        text.push('\n');
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    let url = job["PreSignedUrl"].as_str().unwrap_or_default();
    let uploaded = fetch::upload_csv(url, file).await;
    uploaded.map_err(|error| Trouble::NoAnswer {
        operation: "the upload of the file".to_owned(),
        cause: error.to_string(),
    })?;
    let id = json!({"UserPoolId": pool.id, "JobId": job["JobId"]});
    if let Err(refusal) = scratch
        .ask(Operation::StartUserImportJob, id.clone())
        .await?
    {
        return Ok(Err(refusal.to_string()));
    }
    let began = Instant::now();
    let job = loop {
        let mut answer = scratch
            .call(Operation::DescribeUserImportJob, id.clone())
            .await?;
        let job = answer["UserImportJob"].take();
        if !matches!(
            job["Status"].as_str(),
            Some("Pending" | "InProgress" | "Stopping")
        ) {
            break job;
        }
        tokio::time::sleep(LOOK.min(scratch.quiet_time())).await;
    };
    let seconds = began.elapsed().as_secs_f64();
    let mut listed = scratch
        .call(
            Operation::ListUsers,
            json!({"UserPoolId": pool.id, "Limit": 1}),
        )
        .await?;
    let user = listed["Users"][0].take();
    Ok(Ok(Imported { job, user, seconds }))
}

/// How the job ended, unless it succeeded.
fn unless_succeeded(job: &Value) -> Option<String> {
    let text = |member: &str| job[member].as_str().unwrap_or_default().to_owned();
    (job["Status"] != "Succeeded")
        .then(|| format!("{}: {}", text("Status"), text("CompletionMessage")))
}

fn status(user: &Value) -> String {
    user["UserStatus"]
        .as_str()
        .unwrap_or("not listed")
        .to_owned()
}

async fn hashes(scratch: &Scratch) -> Observed {
    let imported = match import(scratch, 2, true).await? {
        Ok(imported) => imported,
        Err(refusal) => return Ok(refusal),
    };
    Ok(unless_succeeded(&imported.job).unwrap_or_else(|| status(&imported.user)))
}

async fn speed(scratch: &Scratch) -> Observed {
    let imported = match import(scratch, ROWS, false).await? {
        Ok(imported) => imported,
        Err(refusal) => return Ok(refusal),
    };
    scratch.note("seconds", imported.seconds);
    let done = format!(
        "{} imported, {}",
        imported.job["ImportedUsers"],
        status(&imported.user)
    );
    Ok(unless_succeeded(&imported.job).unwrap_or(done))
}

async fn creation_date(scratch: &Scratch) -> Observed {
    let imported = match import(scratch, 2, false).await? {
        Ok(imported) => imported,
        Err(refusal) => return Ok(refusal),
    };
    let job = imported.job["CreationDate"].as_f64();
    let user = imported.user["UserCreateDate"].as_f64();
    Ok(match (job, user) {
        (Some(job), Some(user)) if user >= job => "after it",
        (Some(_), Some(_)) => "before it",
        _ => "not shown",
    }
    .to_owned())
}
