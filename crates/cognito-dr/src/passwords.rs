//! Which passwords restored users get, as a person says it. Never as an argument: those stand in
//! the list of processes.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use model::Secret;
use restore::users::{BoxFuture, PasswordSource, Passwords, UserToCome};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::error::Error;

/// How many commands for passwords run at once.
const COMMANDS: usize = 8;

/// The passwords of users who are made. Without any of these, users who had a password get one
/// that nobody knows, in silence: they choose "forgot password".
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Passwords")]
pub(crate) struct PasswordOptions {
    /// One temporary password for all users: the first line of this file (- for the standard
    /// input). Users choose their own at the first sign-in
    #[arg(long, value_name = "FILE", group = "passwords")]
    password_file: Option<PathBuf>,
    /// A temporary password for each user, from a file: CSV with the columns `username` (or
    /// `sub`) and `password`, or a JSON object of passwords by username
    #[arg(long, value_name = "FILE", group = "passwords")]
    passwords_file: Option<PathBuf>,
    /// A temporary password for each user, from a command: it is run by `sh -c` once for each
    /// user, reads {"username", "sub", "sign_in"} as one line of JSON, and writes the password as
    /// one line; an empty answer leaves the user out
    #[arg(long, value_name = "COMMAND", group = "passwords")]
    password_command: Option<String>,
    /// Let Cognito make up temporary passwords and send them to the users, by its invitation
    /// message. Asks first
    #[arg(long, group = "passwords")]
    invite: bool,
}

impl PasswordOptions {
    /// Whether users get passwords that nobody knows.
    pub(crate) fn are_unknown(&self) -> bool {
        let chosen = [&self.password_file, &self.passwords_file];
        !self.invite && self.password_command.is_none() && chosen.iter().all(|file| file.is_none())
    }

    /// Whether Cognito is to send messages to users.
    pub(crate) fn sends_messages(&self) -> bool {
        self.invite
    }

    /// The passwords that are meant.
    ///
    /// # Errors
    /// When the file cannot be read. Nothing of its content is told.
    pub(crate) fn read(&self) -> Result<Passwords, Error> {
        if let Some(path) = &self.password_file {
            let password = first_line(path).map_err(|error| cannot_read(path, &error))?;
            return match password {
                Some(password) => Ok(Passwords::OneForAll(password)),
                None => Err(Error::new(format!(
                    "the first line of {} is empty: it should be the password",
                    path.display()
                ))),
            };
        }
        if let Some(path) = &self.passwords_file {
            let file = PasswordFile::open(path).map_err(|error| cannot_read(path, &error))?;
            return Ok(Passwords::ForEach(Arc::new(file)));
        }
        if let Some(command) = &self.password_command {
            let command = PasswordCommand {
                command: command.clone(),
                at_once: Semaphore::new(COMMANDS),
            };
            return Ok(Passwords::ForEach(Arc::new(command)));
        }
        Ok(if self.invite {
            Passwords::Invitation
        } else {
            Passwords::Unknown
        })
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot read the passwords of {}", path.display())).because_of(error)
}

fn first_line(path: &Path) -> io::Result<Option<Secret>> {
    let mut line = String::new();
    if path == Path::new("-") {
        io::stdin().lock().read_line(&mut line)?;
    } else {
        io::BufReader::new(File::open(path)?).read_line(&mut line)?;
    }
    let line = line.trim_end_matches(['\r', '\n']);
    Ok((!line.is_empty()).then(|| Secret::new(line)))
}

/// A file with a password for each user.
enum PasswordFile {
    /// All of a JSON object.
    Object(HashMap<String, Secret>),
    /// Where the rows of a CSV file stand: sixteen bytes for each, whatever its length.
    Csv(Box<Rows>),
}

struct Rows {
    file: Mutex<File>,
    /// Hashes of names, and where their rows begin; sorted.
    places: Vec<(u64, u64)>,
    hasher: RandomState,
    name: usize,
    password: usize,
    /// Whether users are named by `sub`.
    by_sub: bool,
}

impl fmt::Debug for PasswordFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordFile(hidden)")
    }
}

impl PasswordFile {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut start = [0; 64];
        let read = file.read(&mut start)?;
        file.rewind()?;
        let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
        if start[..read].trim_ascii_start().starts_with(b"{") {
            let passwords: HashMap<String, Secret> =
                serde_json::from_reader(io::BufReader::new(file)).map_err(|error| {
                    let (line, column) = (error.line(), error.column());
                    invalid(format!(
                        "it is no JSON object of passwords: line {line}, column {column}"
                    ))
                })?;
            return Ok(Self::Object(passwords));
        }
        let mut reader = csv::Reader::from_reader(io::BufReader::new(file.try_clone()?));
        let header = reader
            .headers()
            .map_err(|_| invalid("it is neither JSON nor CSV".to_owned()))?;
        let column = |name: &str| header.iter().position(|column| column.trim() == name);
        let (name, by_sub) = match (column("username"), column("sub")) {
            (Some(name), _) => (name, false),
            (None, Some(name)) => (name, true),
            (None, None) => return Err(invalid("it has no column username or sub".to_owned())),
        };
        let password =
            column("password").ok_or_else(|| invalid("it has no column password".to_owned()))?;
        let hasher = RandomState::new();
        let mut places = Vec::new();
        let mut row = csv::StringRecord::new();
        loop {
            let at = reader.position().clone();
            match reader.read_record(&mut row) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return Err(invalid(format!("line {} is not CSV", at.line()))),
            }
            let at = row.position().map_or(at.byte(), csv::Position::byte);
            places.push((hasher.hash_one(row.get(name).unwrap_or_default()), at));
        }
        places.sort_unstable();
        Ok(Self::Csv(Box::new(Rows {
            file: Mutex::new(file),
            places,
            hasher,
            name,
            password,
            by_sub,
        })))
    }

    fn find(&self, user: UserToCome<'_>) -> io::Result<Option<Secret>> {
        match self {
            Self::Object(passwords) => Ok(names(user)
                .find_map(|name| passwords.get(name))
                .filter(|password| !password.expose().is_empty())
                .cloned()),
            Self::Csv(rows) if rows.by_sub => match user.sub {
                Some(sub) => rows.find(sub.as_str()),
                None => Ok(None),
            },
            Self::Csv(rows) => {
                for name in names(user) {
                    if let Some(password) = rows.find(name)? {
                        return Ok(Some(password));
                    }
                }
                Ok(None)
            }
        }
    }
}

/// What a file may name a user by.
fn names(user: UserToCome<'_>) -> impl Iterator<Item = &str> {
    let sub = user.sub.map(model::Sub::as_str);
    [Some(user.username), Some(user.sign_in), sub]
        .into_iter()
        .flatten()
}

impl Rows {
    fn find(&self, name: &str) -> io::Result<Option<Secret>> {
        let hash = self.hasher.hash_one(name);
        let first = self.places.partition_point(|(other, _)| *other < hash);
        let mut row = csv::StringRecord::new();
        for (_, at) in self.places[first..]
            .iter()
            .take_while(|(other, _)| *other == hash)
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(*at))?;
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(io::BufReader::with_capacity(1024, &mut *file));
            let is_row = reader.read_record(&mut row).unwrap_or(false);
            if is_row && row.get(self.name) == Some(name) {
                let password = row.get(self.password).filter(|text| !text.is_empty());
                return Ok(password.map(Secret::new));
            }
        }
        Ok(None)
    }
}

impl PasswordSource for PasswordFile {
    fn password<'a>(
        &'a self,
        user: UserToCome<'a>,
    ) -> BoxFuture<'a, Result<Option<Secret>, io::Error>> {
        let found = self.find(user);
        Box::pin(async move { found })
    }
}

/// A command that is asked for each user.
#[derive(Debug)]
struct PasswordCommand {
    command: String,
    at_once: Semaphore,
}

impl PasswordCommand {
    async fn ask(&self, user: UserToCome<'_>) -> io::Result<Option<Secret>> {
        let question = json!({
            "username": user.username,
            "sub": user.sub.map(model::Sub::as_str),
            "sign_in": user.sign_in,
        });
        let _permit = self.at_once.acquire().await.map_err(io::Error::other)?;
        let mut child = Command::new("sh")
            .args(["-c", &self.command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(format!("{question}\n").as_bytes()).await {
                // One that answers all alike need not read.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                written => written?,
            }
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            let status = output.status;
            return Err(io::Error::other(format!("the command ended with {status}")));
        }
        let answer = String::from_utf8(output.stdout)
            .map_err(|_| io::Error::other("the command's answer is not UTF-8"))?;
        let line = answer.lines().next().unwrap_or_default();
        Ok((!line.is_empty()).then(|| Secret::new(line)))
    }
}

impl PasswordSource for PasswordCommand {
    fn password<'a>(
        &'a self,
        user: UserToCome<'a>,
    ) -> BoxFuture<'a, Result<Option<Secret>, io::Error>> {
        Box::pin(self.ask(user))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    fn user(username: &str) -> UserToCome<'_> {
        UserToCome {
            username,
            sub: None,
            sign_in: "ann@example.com",
        }
    }

    #[test]
    fn a_file_gives_each_user_its_own_password() {
        for content in [
            "sub,username,password\n1,ann,Pass-1\n2,\"b, ob\",\"Pass,\"\"2\"\n3,empty,\n",
            "{\"ann\": \"Pass-1\", \"b, ob\": \"Pass,\\\"2\", \"empty\": \"\"}",
        ] {
            let file = file(content);
            let passwords = PasswordFile::open(file.path()).unwrap();
            for (name, password) in [
                ("ann", Some("Pass-1")),
                ("b, ob", Some("Pass,\"2")),
                ("empty", None),
                ("username", None),
            ] {
                let found = passwords.find(user(name)).unwrap();
                let found = found.as_ref().map(Secret::expose);
                assert_eq!(found, password, "{name}");
            }
            assert!(!format!("{passwords:?}").contains("Pass-"));
        }
        let by_address = file("username,password\nann@example.com,Pass-1\n");
        let passwords = PasswordFile::open(by_address.path()).unwrap();
        assert!(passwords.find(user("4f-6a")).unwrap().is_some());
    }

    #[test]
    fn a_wrong_file_is_told_without_its_content() {
        for (content, problem) in [
            ("name,password\nann,Secret-1\n", "no column username or sub"),
            ("username\nSecret-1\n", "no column password"),
            ("{\"ann\": Secret-1}", "line 1, column 9"),
            ("username,password\nann\n", "line 2"),
        ] {
            let file = file(content);
            let error = PasswordFile::open(file.path()).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            assert!(!error.contains("Secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_command_is_asked_for_each_user_and_its_failure_is_told() {
        let ask = async |command: &str| {
            let command = PasswordCommand {
                command: command.to_owned(),
                at_once: Semaphore::new(1),
            };
            let answer = command.ask(user("ann")).await;
            answer.map(|password| password.map(|password| password.expose().to_owned()))
        };
        let echoed = ask("read line; echo \"$line\" | tr -d '{}\"'").await;
        assert_eq!(
            echoed.unwrap().unwrap(),
            "sign_in:ann@example.com,sub:null,username:ann"
                .split(',')
                .rev()
                .collect::<Vec<_>>()
                .join(",")
        );
        assert_eq!(ask("true").await.unwrap(), None);
        assert_eq!(ask("echo Pass-1").await.unwrap().unwrap(), "Pass-1");
        let error = ask("echo Secret-1; exit 3").await.unwrap_err().to_string();
        assert!(error.contains('3') && !error.contains("Secret"), "{error}");
    }
}
