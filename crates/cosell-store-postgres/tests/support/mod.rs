//! A throw-away PostgreSQL for tests: one server for each test binary, one database for each test.
//!
//! The server lives in a temporary folder and ends with the process, however that ends: a small shell watches a pipe whose
//! other end only the test process holds. It is never the system's own server. Without PostgreSQL's programs the tests fail;
//! they are never left out.

// The shell outlives whoever started it, and so the server's end is waited for by nobody.
#![allow(clippy::unwrap_used, clippy::zombie_processes, dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio_postgres::NoTls;

/// Names the folder of PostgreSQL's programs where they are not found by themselves.
const BIN: &str = "COSELL_TEST_POSTGRES_BIN";

/// A running server.
pub struct Server {
    /// Its folder, where its socket is too.
    pub folder: PathBuf,
    /// Its port on the loopback interface.
    pub port: u16,
    _watch: Child,
}

fn programs() -> PathBuf {
    let has = |folder: &Path| folder.join("initdb").exists() && folder.join("postgres").exists();
    let mut all: Vec<PathBuf> = std::env::var_os(BIN).map(PathBuf::from).into_iter().collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut found: Vec<PathBuf> = versions.map(|v| v.unwrap().path().join("bin")).collect();
        found.sort();
        all.extend(found.into_iter().rev());
    }
    all.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let found = all.into_iter().find(|folder| has(folder));
    found.unwrap_or_else(|| {
        panic!(
            "these tests need a PostgreSQL server, version 15 or later: install it (Debian: apt install postgresql), \
             or name the folder of initdb and postgres in {BIN}"
        )
    })
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

/// Starts a server with some settings more. `files` are names and contents of files in its data folder.
pub fn start(settings: &[&str], files: &[(&str, &str)]) -> Server {
    let bin = programs();
    let folder = tempfile::Builder::new()
        .prefix("cosell-pg-")
        .tempdir()
        .unwrap()
        .keep();
    if is_root() {
        run(Command::new("chown").arg("nobody:nogroup").arg(&folder));
    }
    let data = folder.join("data");
    let mut init = command(&bin.join("initdb"));
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
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut server = command(&bin.join("postgres"));
    server.arg("-D").arg(&data).arg("-k").arg(&folder);
    server.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    server.args([
        "-c",
        "max_connections=400",
        "-c",
        "log_min_messages=fatal",
        "-c",
        "shared_buffers=64MB",
    ]);
    for setting in settings {
        server.args(["-c", setting]);
    }
    let words = std::iter::once(server.get_program()).chain(server.get_args());
    let words: Vec<_> = words.collect();
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
    for _ in 0..600 {
        let mut ready = Command::new(bin.join("pg_isready"));
        if ready
            .arg("-q")
            .arg("-h")
            .arg(&folder)
            .args(["-p", &port.to_string()])
            .status()
            .unwrap()
            .success()
        {
            return Server {
                folder,
                port,
                _watch: watch,
            };
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    panic!("PostgreSQL did not start: {log}");
}

impl Server {
    /// The address of a database over the socket.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://cosell@{folder}:{}/{database}", self.port)
    }

    /// The address of a database over the loopback interface.
    pub fn tcp_url(&self, database: &str) -> String {
        format!("postgres://cosell@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as the server's owner.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls).await?;
        let driving = tokio::spawn(connection);
        let done = client.batch_execute(sql).await;
        drop(client);
        driving.await.unwrap()?;
        done
    }

    /// A connection for tests that look for themselves.
    pub async fn client(&self, database: &str) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// The server of this test binary.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| start(&[], &[]))
}

/// A fresh, empty database; its name.
pub async fn empty_database() -> String {
    make_database("template0").await
}

async fn make_database(template: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let make = format!("CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'");
    for _ in 0..100 {
        match server().execute("postgres", &make).await {
            Ok(()) => return name,
            // The connection that has made the template is still on its way out.
            Err(error) if error.code().is_some_and(|code| code.code() == "55006") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
    panic!("{name} could not be made from {template}");
}

/// A database whose schema is there already; made by `migrate` once for all.
pub async fn database<F: Future<Output = ()>>(migrate: impl FnOnce(String) -> F) -> String {
    static TEMPLATE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let template = TEMPLATE.get_or_init(|| async {
        let name = empty_database().await;
        migrate(server().url(&name)).await;
        name
    });
    make_database(template.await).await
}
