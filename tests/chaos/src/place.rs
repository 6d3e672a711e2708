//! Where everything of a run lives: one temporary folder, its ports, and the processes that work in it.
//!
//! Every process is started with its working folder beneath that folder, and only such processes are ever ended here. When
//! the run ends, however it ends, a small shell that watches a pipe ends them all and removes the folder. Nothing here knows
//! what the processes are for.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;

/// Ports of the run's own. Below those that systems give to outgoing connections: the port of a server that is down for a
/// while must not be taken by one.
const PORTS: std::ops::Range<u16> = 20_000..31_000;

/// Ends every process that works beneath the folder, and then the folder.
const END: &str = r#"cat >/dev/null
    for round in 1 2 3; do
        for process in /proc/[0-9]*; do
            case "$(readlink "$process/cwd")" in "$1"|"$1"/*) kill -9 "${process#/proc/}";; esac
        done
        sleep 0.2
    done
    rm -rf "$1""#;

/// The folder of a run.
pub struct Place {
    folder: PathBuf,
    /// Root cannot run PostgreSQL, and hands everything to somebody without rights.
    is_root: bool,
    /// The end of the pipe that the watching shell waits for. It outlives this, so nobody waits for its end.
    _watch: Child,
}

impl Place {
    /// Makes the folder, and the shell that will remove it.
    ///
    /// # Errors
    /// Where the system gives neither.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cosell-chaos-")
            .tempdir()
            .context("cannot make a temporary folder")?
            .keep();
        let mut watch = Command::new("sh");
        watch.args(["-c", END, "watch"]).arg(&folder).current_dir("/");
        // An interrupt from the keyboard must not take away who cleans up after it.
        std::os::unix::process::CommandExt::process_group(&mut watch, 0);
        let watch = watch
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start sh")?;
        let id = Command::new("id").arg("-u").output().context("cannot start id")?;
        let place = Self {
            folder,
            is_root: id.stdout.trim_ascii() == b"0",
            _watch: watch,
        };
        place.give(&place.folder)?;
        Ok(place)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder in it, for one process.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn make(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        self.give(&path)?;
        Ok(path)
    }

    /// Writes a file that only its owner may read.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, path: &Path, text: &str) -> Result<()> {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        run(Command::new("chmod").arg("600").arg(path))?;
        self.give(path)
    }

    fn give(&self, path: &Path) -> Result<()> {
        if self.is_root {
            run(Command::new("chown").arg("nobody:nogroup").arg(path))?;
        }
        Ok(())
    }

    /// A command without rights that works in a folder.
    #[must_use]
    pub fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = match self.is_root {
            true => {
                let mut command = own("setpriv".as_ref(), folder);
                command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]);
                command.arg(program);
                command
            }
            false => own(program, folder),
        };
        command.env("HOME", folder);
        command
    }

    /// Starts a process that works on; what it says goes to `log` in its folder.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(&self, mut command: Command, folder: &Path) -> Result<Child> {
        let path = folder.join("log");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let errors = log.try_clone().context("cannot share a file")?;
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let shown = format!("{command:?}");
        command
            .stdout(log)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {shown}"))
    }

    /// Sends a signal to everything that works beneath a folder. Says how many there were.
    ///
    /// # Errors
    /// Where the folder is not of this run.
    pub fn signal_all(&self, name: &str, folder: &Path) -> Result<usize> {
        if !folder.starts_with(&self.folder) {
            bail!("{} is not of this run", folder.display());
        }
        let alive = processes(folder)?;
        for id in &alive {
            // It may have ended by itself meanwhile.
            let _ = signal(name, *id);
        }
        Ok(alive.len())
    }

    /// Kills everything that works beneath a folder, as a loss of power would. Says how many there were.
    ///
    /// # Errors
    /// Where some are still there after a while.
    pub fn kill_all(&self, folder: &Path) -> Result<usize> {
        let mut killed = 0;
        for _ in 0..100 {
            match self.signal_all("KILL", folder)? {
                0 => return Ok(killed),
                alive => killed = alive.max(killed),
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        bail!("processes in {} outlive SIGKILL", folder.display())
    }
}

/// A command of the user who runs this, that works in a folder. What the environment says to the programs under test is left out.
#[must_use]
pub fn own(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["COSELL_", "PATRONI_", "ETCD", "PG"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
        .current_dir(folder)
        .env("TMPDIR", folder)
        .stdin(Stdio::null());
    command
}

/// Sends a signal.
///
/// # Errors
/// Where nobody has that number any more.
pub fn signal(name: &str, id: u32) -> Result<()> {
    run(Command::new("kill").args([&format!("-{name}"), &id.to_string()])).map(drop)
}

/// The processes that work in a folder or beneath it. Those that ended and were not waited for have no folder any more.
fn processes(folder: &Path) -> Result<Vec<u32>> {
    let all = std::fs::read_dir("/proc").context("cannot read /proc: this runs on Linux only")?;
    Ok(all
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse::<u32>().ok()?;
            let works_in = std::fs::read_link(entry.path().join("cwd")).ok()?;
            works_in.starts_with(folder).then_some(id)
        })
        .collect())
}

/// Runs a command to its end; what it printed.
///
/// # Errors
/// What it complained of.
pub fn run(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{shown}: {}: {}{out}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(out)
}

/// Loopback ports that nobody has.
pub struct Ports {
    next: u16,
}

impl Ports {
    /// Ports from somewhere in the range on.
    pub fn new(random: &mut ChaCha8Rng) -> Self {
        let span = u32::from(PORTS.end - PORTS.start - 200);
        let offset = u16::try_from(random.next_u32() % span).unwrap_or_default();
        Self {
            next: PORTS.start + offset,
        }
    }

    /// The next one.
    ///
    /// # Errors
    /// Where all are taken.
    pub fn take(&mut self) -> Result<SocketAddr> {
        while self.next < PORTS.end {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.next));
            self.next += 1;
            if TcpListener::bind(address).is_ok() {
                return Ok(address);
            }
        }
        bail!("all ports from {} to {} are taken", PORTS.start, PORTS.end)
    }
}
