//! Where the servers of the tests keep what they are given: in their data folders or, where `COSELL_TEST_STORE` is `postgres`,
//! each folder's in a database of its own on a throw-away PostgreSQL.
//!
//! The tests are the same on both. Those about the database file of a folder say so, and have it on either run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

/// Chooses the store of all tests: `sqlite`, the default, or `postgres`.
const CHOICE: &str = "COSELL_TEST_STORE";

/// Names the database to the program.
pub const VARIABLE: &str = "COSELL_STORE";

/// The address of each folder's database; `None` for folders that hold theirs.
static DATABASES: LazyLock<Mutex<HashMap<PathBuf, Option<String>>>> = LazyLock::new(Mutex::default);

/// True where the servers keep their data in PostgreSQL.
pub fn is_postgres() -> bool {
    match std::env::var(CHOICE).as_deref() {
        Err(_) | Ok("sqlite") => false,
        Ok("postgres") => true,
        Ok(other) => panic!("{CHOICE} is \"{other}\", but must be sqlite or postgres"),
    }
}

/// Has a folder hold its own database, whatever the others do: for tests about that file.
pub fn embedded(data: &Path) {
    DATABASES.lock().unwrap().insert(data.to_owned(), None);
}

/// The address of a folder's database, made at the first time; `None` where the folder holds it.
fn database(data: &Path) -> Option<String> {
    let mut all = DATABASES.lock().unwrap();
    let make = || {
        let server = cosell_test_postgres::server();
        Some(server.url(&server.empty_database()))
    };
    all.entry(data.to_owned()).or_insert_with(make).clone()
}

/// Gives a command its arguments, and its store in the environment. A server that would leave nothing behind has the folder
/// `passing` instead: what is in PostgreSQL goes with the tests' own server.
pub fn arguments(command: &mut Command, arguments: &[&str], passing: &Path) {
    if !is_postgres() {
        command.args(arguments);
        return;
    }
    let mut data = None;
    let mut following = false;
    for argument in arguments {
        if *argument == "--ephemeral" {
            let folder = passing.join("data");
            command.arg("--data").arg(&folder);
            data = Some(folder);
            continue;
        }
        if following {
            data = Some(PathBuf::from(argument));
        }
        following = *argument == "--data";
        command.arg(argument);
    }
    if let Some(url) = data.and_then(|data| database(&data)) {
        command.env(VARIABLE, url);
    }
}
