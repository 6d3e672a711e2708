//! The two stores that scenarios and clients run on, and how a client's tests come to PostgreSQL: by a program that stands in
//! for the server's. The tests know nothing of it, and so they are the same on both.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;

/// The script that stands in for the server, without the lines that say where things are.
const SCRIPT: &str = include_str!("on_postgres.sh");

/// Where servers under test keep everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// Their data folders.
    Sqlite,
    /// A throw-away PostgreSQL, with a database for each data folder.
    Postgres,
}

impl Store {
    /// A suite's name in the summary.
    pub fn names(self, suite: &str) -> String {
        match self {
            Self::Sqlite => format!("{suite} on SQLite"),
            Self::Postgres => format!("{suite} on PostgreSQL"),
        }
    }
}

/// Makes the program whose servers keep everything in PostgreSQL; the throw-away server starts with it, and ends with this
/// process. What servers leave behind lies in the folder that the program is in.
pub fn on_postgres(server: &Path, folder: &Path) -> Result<PathBuf> {
    let programs = cosell_test_postgres::programs().map_err(|missing| anyhow!(missing))?;
    let postgres = cosell_test_postgres::server();
    // What an earlier run left there is of no use: its databases are gone.
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    let passing = folder.join("passing");
    std::fs::create_dir_all(&passing).with_context(|| format!("cannot make {}", passing.display()))?;
    let (psql, port) = (programs.join("psql"), PathBuf::from(postgres.port.to_string()));
    let script = script(&[
        ("server", server),
        ("psql", &psql),
        ("socket", &postgres.folder),
        ("port", &port),
        ("passing", &passing),
    ]);
    let program = folder.join("cosell");
    write_program(&program, &script)?;
    Ok(program)
}

fn script(places: &[(&str, &Path)]) -> String {
    let mut script = String::from("#!/bin/sh\n");
    for (name, place) in places {
        script += &format!("{name}={}\n", quoted(&place.display().to_string()));
    }
    script + SCRIPT
}

/// A text as one word of a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn write_program(path: &Path, text: &str) -> Result<()> {
    let told = || format!("cannot write {}", path.display());
    std::fs::write(path, text).with_context(told)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let allowed = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, allowed).with_context(told)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use std::process::Command;

    use super::*;

    /// Runs the script with stand-ins for PostgreSQL's client and for the server, which say what they are given.
    fn run(psql: &str, arguments: &[&str]) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_program(&at("psql"), &format!("#!/bin/sh\n{psql}")).unwrap();
        let server = "#!/bin/sh\nprintf '%s\\n' \"${COSELL_STORE-none}\" \"$@\"\n";
        write_program(&at("it's a server"), server).unwrap();
        let script = script(&[
            ("server", &at("it's a server")),
            ("psql", &at("psql")),
            ("socket", Path::new("/some/where")),
            ("port", Path::new("5555")),
            ("passing", folder.path()),
        ]);
        write_program(&at("program"), &script).unwrap();
        let mut command = Command::new(at("program"));
        let output = command
            .args(arguments)
            .env_remove("COSELL_STORE")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        let passing = folder.path().display().to_string();
        (output.status.success(), said.replace(&passing, "PASSING"))
    }

    #[test]
    fn a_folder_has_one_database_whether_it_is_there_already_or_not() {
        let new = run("exit 0", &["dev", "--data", "a b", "--listen", "it's"]);
        let known = run(
            "echo 'it already exists' >&2; exit 1",
            &["check", "--data", "a b"],
        );
        let (new, known): (Vec<_>, Vec<_>) = (new.1.lines().collect(), known.1.lines().collect());
        assert_eq!(new[1..], ["dev", "--data", "a b", "--listen", "it's"]);
        assert_eq!(known[1..], ["check", "--data", "a b"]);
        assert_eq!(new[0], known[0]);
        assert!(
            new[0].starts_with("postgres://cosell@%2Fsome%2Fwhere:5555/client_"),
            "{new:?}"
        );
        let other = run("exit 0", &["check", "--data", "c"]).1;
        assert_ne!(other.lines().next(), Some(new[0]));
    }

    #[test]
    fn a_server_that_leaves_nothing_behind_has_a_folder_that_goes() {
        let (_, said) = run("exit 0", &["dev", "--ephemeral", "--seed", "starter"]);
        let said: Vec<_> = said.lines().collect();
        assert_eq!((said[1], said[2]), ("dev", "--data"));
        assert!(
            said[3].starts_with("PASSING/server-") && said[3].ends_with("/data"),
            "{said:?}"
        );
        assert_eq!(said[4..], ["--seed", "starter"]);
    }

    #[test]
    fn a_command_that_names_no_folder_has_no_database_and_a_database_that_cannot_be_made_is_an_error() {
        let (well, said) = run("exit 1", &["--version"]);
        assert_eq!((well, said.as_str()), (true, "none\n--version\n"));
        let (well, said) = run("echo 'no room' >&2; exit 1", &["dev", "--data", "d"]);
        assert!(!well && said.contains("no database for d: no room"), "{said}");
    }
}
