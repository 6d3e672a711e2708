//! A throw-away PostgreSQL for tests: one server for each test program, one database for each test.
//!
//! The server lives in a temporary folder and ends with the process, however that ends: a small shell watches a pipe whose
//! other end only the test process holds. It is never the system's own server. Without PostgreSQL's programs the tests fail;
//! they are never left out. Nothing here knows what a test keeps in its database.

// The shell outlives whoever started it, and so the server's end is waited for by nobody.
#![allow(clippy::unwrap_used, clippy::zombie_processes)]

pub mod relay;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Names the folder of PostgreSQL's programs where they are not found by themselves.
const BIN: &str = "COSELL_TEST_POSTGRES_BIN";
/// The oldest version that the store works with.
const OLDEST: u32 = 15;

/// A running server.
pub struct Server {
    /// Its folder, where its socket is too.
    pub folder: PathBuf,
    /// Its port on the loopback interface.
    pub port: u16,
    programs: PathBuf,
    _watch: Child,
}

/// The folder of the programs of the newest PostgreSQL that is installed, or that the variable [`BIN`] names.
///
/// # Errors
/// What to do where there is none, or only an old one.
pub fn programs() -> Result<PathBuf, String> {
    let mut all: Vec<PathBuf> = std::env::var_os(BIN).map(PathBuf::from).into_iter().collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut found: Vec<PathBuf> = versions.flatten().map(|v| v.path().join("bin")).collect();
        found.sort();
        all.extend(found.into_iter().rev());
    }
    all.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let has = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    let (found, version) = match all.into_iter().find(has) {
        Some(folder) => {
            let version = version(&folder.join("postgres"));
            (Some(folder), version)
        }
        None => (None, None),
    };
    match (found, version) {
        (Some(folder), Some(OLDEST..)) => Ok(folder),
        (found, _) => {
            let found = found.map_or("none".to_owned(), |folder| folder.display().to_string());
            Err(format!(
                "PostgreSQL {OLDEST} or newer is missing (found: {found}): install it (Debian: apt-get install postgresql), \
                 or name the folder of its programs initdb and postgres in {BIN}, and run this again"
            ))
        }
    }
}

/// The major version that `postgres --version` tells, as in `postgres (PostgreSQL) 15.20 (Debian 15.20-0)`.
fn version(program: &Path) -> Option<u32> {
    let told = Command::new(program).arg("--version").output().ok()?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let number = told.split(") ").nth(1)?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// A command that PostgreSQL is willing to be run by: it refuses root.
fn command(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]);
    command.arg(program);
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

/// A new folder that the server may use.
fn folder() -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix("cosell-pg-")
        .tempdir()
        .unwrap()
        .keep();
    if is_root() {
        run(Command::new("chown").arg("nobody:nogroup").arg(&folder));
    }
    folder
}

/// Starts a server with some settings more. `files` are names and contents of files in its data folder.
pub fn start(settings: &[&str], files: &[(&str, &str)]) -> Server {
    let programs = programs().unwrap_or_else(|missing| panic!("{missing}"));
    let folder = folder();
    let data = folder.join("data");
    let mut init = command(&programs.join("initdb"));
    init.current_dir(&folder).arg("-D").arg(&data);
    run(init.args([
        "-U",
        "cosell",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]));
    for (name, contents) in files {
        let path = data.join(name);
        std::fs::write(&path, contents).unwrap();
        run(Command::new("chmod").arg("600").arg(&path));
        if is_root() {
            run(Command::new("chown").arg("nobody:nogroup").arg(&path));
        }
    }
    launch(programs, folder, settings)
}

/// Starts a server on the data that is in its folder.
fn launch(programs: PathBuf, folder: PathBuf, settings: &[&str]) -> Server {
    let data = folder.join("data");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut server = command(&programs.join("postgres"));
    server.arg("-D").arg(&data).arg("-k").arg(&folder);
    server.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    // Its machine never loses power while a test runs, so nothing has to wait for the disk.
    let usual = [
        "max_connections=400",
        "log_min_messages=fatal",
        "shared_buffers=64MB",
        "fsync=off",
        "full_page_writes=off",
        // A replica that lags behind a hundred tests must still find what it lacks.
        "wal_keep_size=4GB",
    ];
    for setting in usual.iter().chain(settings) {
        server.args(["-c", setting]);
    }
    let words: Vec<_> = std::iter::once(server.get_program())
        .chain(server.get_args())
        .collect();
    // `cat` ends when the test process does; then the server goes at once, and its folder with it.
    let script = r#"folder=$1; shift; cd "$folder"; "$@" </dev/null >"$folder/log" 2>&1 & server=$!
        cat >/dev/null; kill -QUIT $server; wait $server; rm -rf "$folder""#;
    let mut watch = Command::new("sh");
    watch.args(["-c", script, "watch"]).arg(&folder).args(words);
    std::os::unix::process::CommandExt::process_group(&mut watch, 0);
    let watch = watch
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server {
        folder,
        port,
        programs,
        _watch: watch,
    };
    for _ in 0..600 {
        let mut ready = server.client("pg_isready");
        if ready.arg("-q").status().unwrap().success() {
            return server;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = std::fs::read_to_string(server.folder.join("log")).unwrap_or_default();
    panic!("PostgreSQL did not start: {log}");
}

/// Starts a server that answers a commit when it is on disk, as one that is in use does: for what is measured.
pub fn start_durable(settings: &[&str]) -> Server {
    let durable = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"];
    start(&[&durable, settings].concat(), &[])
}

impl Server {
    /// A streaming replica of this server, on which lists can be read. It ends when it is dropped, at once.
    pub fn replica(&self, settings: &[&str]) -> Server {
        let folder = folder();
        let mut copy = command(&self.programs.join("pg_basebackup"));
        copy.current_dir(&folder).arg("-h").arg(&self.folder);
        copy.args(["-p", &self.port.to_string(), "-U", "cosell", "-D"]);
        copy.arg(folder.join("data"));
        run(copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync"]));
        launch(self.programs.clone(), folder, settings)
    }

    /// The process that is the parent of all others of the server.
    pub fn pid(&self) -> u32 {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        file.lines().next().unwrap().trim().parse().unwrap()
    }

    /// The address of a database over the socket.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://cosell@{folder}:{}/{database}", self.port)
    }

    /// One of PostgreSQL's own programs that talk to a server, over the socket.
    fn client(&self, program: &str) -> Command {
        let mut client = Command::new(self.programs.join(program));
        client.arg("-h").arg(&self.folder);
        client.args(["-p", &self.port.to_string()]);
        client
    }

    /// Runs SQL as the server's owner.
    ///
    /// # Errors
    /// What the server said, with the code of the error.
    pub fn execute(&self, database: &str, sql: &str) -> Result<(), String> {
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"]);
        psql.args(["-U", "cosell", "-d", database, "-c", sql]);
        let output = psql.stdin(Stdio::null()).output().unwrap();
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// What a query of one value answers.
    pub fn value(&self, database: &str, sql: &str) -> String {
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-A", "-t", "-U", "cosell", "-d", database, "-c", sql]);
        let output = psql.stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {told}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A fresh database, as `template` is; its name.
    pub fn database(&self, template: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let make = format!("CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'");
        for _ in 0..100 {
            match self.execute("postgres", &make) {
                Ok(()) => return name,
                // The connection that has made the template is still on its way out.
                Err(error) if error.contains("55006") => std::thread::sleep(Duration::from_millis(50)),
                Err(error) => panic!("{name}: {error}"),
            }
        }
        panic!("{name} could not be made from {template}");
    }

    /// A fresh, empty database; its name.
    pub fn empty_database(&self) -> String {
        self.database("template0")
    }
}

/// The server of this test program.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| start(&[], &[]))
}
