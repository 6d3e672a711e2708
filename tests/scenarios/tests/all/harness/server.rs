//! The program under test as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Caller, Key, Operator, store};

/// The program: `COSELL_BIN` where it is set, else built once in this run.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("COSELL_BIN") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        // What cargo tells this test of its own package would make build scripts believe that something changed.
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_")
            && !matches!(&*name, "CARGO_HOME" | "CARGO_TARGET_DIR" | "CARGO_NET_OFFLINE")
        {
            build.env_remove(&*name);
        }
    }
    let output = build
        .args([
            "build",
            "-p",
            "cosell",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo build -p cosell failed: see above");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "cosell")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program it built")
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COSELL_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a command said.
pub struct Said {
    /// Whether it succeeded.
    pub success: bool,
    /// What it ended with.
    pub code: Option<i32>,
    /// Its output.
    pub out: String,
    /// Its complaints.
    pub err: String,
}

impl Said {
    /// The output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert!(self.success, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.out))
    }
}

/// Runs a command to its end.
pub fn cosell(arguments: &[&str]) -> Said {
    cosell_with(arguments, &[])
}

/// A command as it is typed, not run yet.
pub fn typed(arguments: &[&str]) -> Command {
    let mut command = command(program());
    store::arguments(&mut command, arguments, Path::new("nowhere"));
    command
}

/// Runs a command to its end, with environment variables.
pub fn cosell_with(arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let names_a_store = variables.iter().any(|(name, _)| *name == store::VARIABLE);
    let mut command = match names_a_store {
        true => {
            let mut command = command(program());
            command.args(arguments);
            command
        }
        false => typed(arguments),
    };
    let output = command
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    Said {
        success: output.status.success(),
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A running server; it is killed when this is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it listens for operators.
    pub operator_address: SocketAddr,
    /// The operator's token, where the server says it.
    pub operator_token: Option<String>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    /// Its temporary files: it is killed, so it cannot remove them itself.
    _temporary: tempfile::TempDir,
}

impl Server {
    /// Starts the program with these arguments and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        Self::try_start(arguments)
            .unwrap_or_else(|complaint| panic!("the server does not start: {complaint}"))
    }

    /// Starts the program with these arguments; where it does not become ready, what it complained of.
    pub fn try_start(arguments: &[&str]) -> Result<Self, String> {
        Self::spawn(command(program()), arguments)
    }

    /// An ephemeral development server with these arguments besides.
    pub fn dev(arguments: &[&str]) -> Self {
        Self::start(&[&["dev", "--ephemeral", "--listen", "127.0.0.1:0"], arguments].concat())
    }

    /// The development server on a data folder.
    pub fn on(data: &Path) -> Self {
        let data = data.display().to_string();
        Self::start(&["dev", "--listen", "127.0.0.1:0", "--data", &data])
    }

    /// One ephemeral development server that many tests use, each in accounts of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| {
            // Statics are never dropped: a shell waits for this process to go, whatever way, and then kills the server and
            // removes its temporary files.
            // What the shell would say about that, nobody is there to read.
            let script = r#""$0" "$@" & server=$!; cat > /dev/null; exec 2> /dev/null; kill -9 $server
                wait $server; rm -rf "$TMPDIR""#;
            let mut shell = command(Path::new("sh"));
            shell.args(["-c", script]).arg(program());
            shell.stdin(Stdio::piped());
            let arguments = ["dev", "--ephemeral", "--listen", "127.0.0.1:0"];
            Self::spawn(shell, &arguments)
                .unwrap_or_else(|complaint| panic!("the server does not start: {complaint}"))
        })
    }

    fn spawn(mut command: Command, arguments: &[&str]) -> Result<Self, String> {
        let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
        store::arguments(&mut command, arguments, temporary.path());
        let mut child = command
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let log = Arc::new(Mutex::new(String::new()));
        let mut complaints = child.stderr.take().ok_or("no stderr")?;
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(read @ 1..) = complaints.read(&mut chunk) {
                kept.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
        });
        let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let mut address = None;
        let (mut operator_address, mut operator_token) = (None, None);
        let ready = lines.by_ref().map_while(Result::ok).any(|line| {
            let endpoint = line
                .strip_prefix("endpoint")
                .or(line.strip_prefix("cosell serves"));
            if let Some((_, bound)) = endpoint.and_then(|text| text.split_once("://")) {
                address = bound.trim().parse().ok();
            }
            if let Some((_, bound)) = line
                .strip_prefix("operator API")
                .and_then(|text| text.split_once("://"))
            {
                operator_address = bound.split_once('/').and_then(|(bound, _)| bound.parse().ok());
            }
            if let Some(token) = line.strip_prefix("operator token ") {
                operator_token = Some(token.to_owned());
            }
            line.starts_with("ready in ")
        });
        // What is said later is read too: a full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        match (ready, address, operator_address) {
            (true, Some(address), Some(operator_address)) => Ok(Self {
                child,
                address,
                operator_address,
                operator_token,
                log,
                reader: Some(reader),
                _temporary: temporary,
            }),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                let _ = reader.join();
                let log = log.lock().unwrap().clone();
                Err(log)
            }
        }
    }

    /// A caller with this key.
    pub fn caller(&self, key: Key) -> Caller {
        Caller::new(self.address, key)
    }

    /// An operator with the token that the server says.
    pub fn operator(&self) -> Operator {
        let token = self
            .operator_token
            .as_deref()
            .expect("only `cosell dev` says a token");
        Operator::new(self.operator_address, Some(token))
    }

    /// What was logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Kills the server as a power cut would.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the server to stop.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends the server a signal, such as `-STOP`.
    pub fn signal(&self, signal: &str) {
        let done = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(done.success());
    }

    /// Waits for the server to end by itself; true when it ended well.
    pub fn wait(mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("the server can be waited for") {
                if let Some(reader) = self.reader.take() {
                    let _ = reader.join();
                }
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not stop within 30 seconds: {}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
