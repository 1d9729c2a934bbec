//! Users from CSV: in Cognito's own form, told by its header, or as spreadsheets write it.

use std::collections::BTreeSet;
use std::io::BufRead;

use model::import_file::{MFA_ENABLED, PASSWORD_HASH, USERNAME, birthdate_from_file, values};
use model::restore::spreadsheet::unguarded;
use serde_json::{Map, Value, json};

use super::columns::{Columns, Meaning};
use super::{ForeignError, Users};

/// Reads the file to its end.
pub(super) fn read(
    file: impl BufRead,
    columns: Option<&Columns>,
    users: &mut Users,
) -> Result<(), ForeignError> {
    let mut file = file;
    let mut first = Vec::new();
    file.read_until(b'\n', &mut first)?;
    let header = std::str::from_utf8(&first).map_err(|_| not_text(1))?;
    let cognitos: Vec<String> = values(header.trim_end());
    if columns.is_none() && cognitos.iter().any(|column| column == USERNAME) {
        read_cognitos_form(file, &cognitos, users)
    } else {
        read_spreadsheet(std::io::Read::chain(&first[..], file), columns, users)
    }
}

fn read_cognitos_form(
    mut file: impl BufRead,
    header: &[String],
    users: &mut Users,
) -> Result<(), ForeignError> {
    must_be_different(header)?;
    if header.iter().any(|column| column == PASSWORD_HASH) {
        let problem = format!(
            "it has a column {PASSWORD_HASH}: only an import job of Cognito can take the passwords over (aws cognito-idp create-user-import-job). Without the column, the users are restored with other passwords"
        );
        return Err(ForeignError::Unusable(problem));
    }
    let mut line = Vec::new();
    for number in 2_u64.. {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let row = std::str::from_utf8(&line).map_err(|_| not_text(number))?;
        let row = row.trim_end_matches(['\n', '\r']);
        if row.trim().is_empty() {
            continue;
        }
        let place = format!("line {number}");
        let row = values(row);
        if row.len() != header.len() {
            users.fault(format!(
                "{place} has {} values and the header {} (a comma in a value is written \\,)",
                row.len(),
                header.len()
            ));
            continue;
        }
        let mut user = User::default();
        for (column, value) in header.iter().zip(&row) {
            match column.as_str() {
                USERNAME => user.username = value.clone(),
                MFA_ENABLED => user.has_text_messages = value.eq_ignore_ascii_case("true"),
                "birthdate" if !value.is_empty() => match birthdate_from_file(value) {
                    Some(date) => user.set("birthdate", &date),
                    None => user.fault = Some("a birthdate that is not mm/dd/yyyy"),
                },
                name => user.set(name, value),
            }
        }
        user.give_to(users, &place)?;
    }
    Ok(())
}

fn read_spreadsheet(
    file: impl std::io::Read,
    columns: Option<&Columns>,
    users: &mut Users,
) -> Result<(), ForeignError> {
    let mut reader = ::csv::ReaderBuilder::new()
        .flexible(true)
        .trim(::csv::Trim::Headers)
        .from_reader(file);
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => return Err(of_reader(error)),
    };
    must_be_different(&header)?;
    if let Some(lacking) = columns
        .into_iter()
        .flat_map(Columns::names)
        .find(|name| !header.iter().any(|column| column == name))
    {
        let problem = format!("its first line has no column {lacking:?}");
        return Err(ForeignError::Unusable(problem));
    }
    let meanings: Vec<Meaning> = header
        .iter()
        .map(|name| match columns {
            Some(columns) => columns.meaning(name),
            None => Meaning::of(name),
        })
        .collect();
    if !meanings.contains(&Meaning::Username) {
        return Err(ForeignError::UnknownForm);
    }
    let mut row = ::csv::StringRecord::new();
    loop {
        match reader.read_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => return Err(of_reader(error)),
        }
        let number = row.position().map_or(0, ::csv::Position::line);
        let place = format!("line {number}");
        if row.len() != header.len() {
            users.fault(format!(
                "{place} has {} values and the header {}",
                row.len(),
                header.len()
            ));
            continue;
        }
        let mut user = User::default();
        for (meaning, cell) in meanings.iter().zip(&row) {
            let value = unguarded(cell);
            match meaning {
                Meaning::Username => user.username = value.to_owned(),
                Meaning::Status if value.is_empty() => {}
                Meaning::Status => user.status = Some(value.to_ascii_uppercase()),
                Meaning::Enabled => match value.to_ascii_lowercase().as_str() {
                    "" | "true" => {}
                    "false" => user.disabled = true,
                    _ => user.fault = Some("in the column enabled neither true nor false"),
                },
                Meaning::Attribute(name) => user.set(name, value),
                Meaning::Nothing => {}
            }
        }
        user.give_to(users, &place)?;
    }
}

/// Two columns of one name would give a user one of two values.
fn must_be_different(header: &[String]) -> Result<(), ForeignError> {
    let mut seen = BTreeSet::new();
    match header
        .iter()
        .find(|name| !name.is_empty() && !seen.insert(*name))
    {
        None => Ok(()),
        Some(name) => Err(ForeignError::Unusable(format!(
            "its first line has the column {name:?} twice"
        ))),
    }
}

fn not_text(line: u64) -> ForeignError {
    ForeignError::Unusable(format!("line {line} is not UTF-8"))
}

fn of_reader(error: ::csv::Error) -> ForeignError {
    let line = error.position().map_or(0, ::csv::Position::line);
    match error.kind() {
        ::csv::ErrorKind::Io(error) => ForeignError::Storage(error.to_string()),
        ::csv::ErrorKind::Utf8 { .. } => not_text(line),
        _ => ForeignError::Unusable(format!("line {line} is not CSV")),
    }
}

/// What a row says of a user.
#[derive(Default)]
struct User {
    username: String,
    attributes: Map<String, Value>,
    status: Option<String>,
    disabled: bool,
    has_text_messages: bool,
    fault: Option<&'static str>,
}

impl User {
    fn set(&mut self, name: &str, value: &str) {
        // An import job gives no attribute for an empty value either.
        if !value.is_empty() && !name.is_empty() {
            self.attributes.insert(name.to_owned(), value.into());
        }
    }

    /// The user as ListUsers would give it. A file that tells no status is of people who are to
    /// sign in: `CONFIRMED`.
    fn give_to(self, users: &mut Users, place: &str) -> Result<(), ForeignError> {
        if let Some(fault) = self.fault {
            users.fault(format!("{place} has {fault}"));
            return Ok(());
        }
        let attributes = self.attributes.into_iter();
        let attributes = attributes.map(|(name, value)| json!({"Name": name, "Value": value}));
        let mut user = json!({
            "Username": self.username,
            "Attributes": attributes.collect::<Vec<_>>(),
            "UserStatus": self.status.as_deref().unwrap_or("CONFIRMED"),
            "Enabled": !self.disabled,
        });
        if self.has_text_messages {
            user["MFAOptions"] = json!([
                {"DeliveryMedium": "SMS", "AttributeName": "phone_number"}
            ]);
        }
        users.take(&user, place)
    }
}
