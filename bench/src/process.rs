//! What the operating system says of a process: processor time and memory, read from /proc.

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

/// Clock ticks per second of /proc/PID/stat: 100 on every Linux in use.
const TICKS: u64 = 100;

/// What the operating system keeps about a process.
struct Stat(String);

impl Stat {
    /// A number by its place behind the name: 1 is the parent, 11 and 12 are ticks, 13 and 14 those of ended children.
    fn field(&self, place: usize) -> u64 {
        // The name in parentheses may hold spaces; what follows does not.
        let rest = self.0.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let field = rest.split_whitespace().nth(place);
        field.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Two fields of ticks together.
    fn time(&self, first: usize) -> Duration {
        Duration::from_millis((self.field(first) + self.field(first + 1)) * 1000 / TICKS)
    }
}

fn stat(pid: u32) -> anyhow::Result<Stat> {
    let text =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).context("reading /proc: is this Linux?")?;
    Ok(Stat(text))
}

/// The processor time, user and system, that a process has used.
pub fn cpu(pid: u32) -> anyhow::Result<Duration> {
    Ok(stat(pid)?.time(11))
}

/// That of its children that have ended.
fn ended_children(pid: u32) -> anyhow::Result<Duration> {
    Ok(stat(pid)?.time(13))
}

/// The processor time that a process has used with its children, those that ended included. PostgreSQL's are children of
/// one process all.
pub fn cpu_of_family(pid: u32) -> anyhow::Result<Duration> {
    let mut all = cpu(pid)? + ended_children(pid)?;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that ends while it is looked at is counted with those that ended, the next time.
        if stat(child).is_ok_and(|stat| stat.field(1) == u64::from(pid)) {
            all += cpu(child).unwrap_or_default();
        }
    }
    Ok(all)
}

/// Has the operating system write to disk what programs have left to it, so that who is measured next does not pay for who
/// was measured before.
pub fn write_back() -> anyhow::Result<()> {
    let status = Command::new("sync").status().context("running sync")?;
    anyhow::ensure!(status.success(), "sync ended with {status}");
    Ok(())
}

/// Resident memory in bytes: all of it, and the part that is not backed by files.
pub fn memory(pid: u32) -> anyhow::Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |name: &str| {
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .split_whitespace()
                    .next()?
                    .parse::<u64>()
                    .ok()
            })
            .unwrap_or_default()
    };
    Ok((kib("VmRSS:") * 1024, kib("RssAnon:") * 1024))
}

/// A server started for a measurement: stopped when dropped.
pub struct Started {
    child: std::process::Child,
    /// Address and port it listens on.
    pub address: String,
    /// From the start of the process to the line that says it is ready.
    pub ready: Duration,
}

impl Started {
    /// Starts `program` beside this one, and waits for the lines that tell its address and that it is ready.
    pub fn start(program: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        use std::io::BufRead as _;
        let path = std::env::current_exe()?.with_file_name(program);
        let started = std::time::Instant::now();
        let mut child = Command::new(&path)
            .args(arguments)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "cannot start {}: build it first, with the same profile",
                    path.display()
                )
            })?;
        let output = child.stdout.take().context("no output")?;
        let mut address = String::new();
        for line in std::io::BufReader::new(output).lines() {
            let line = line?;
            let named = ["endpoint  http://", "cosell serves http://"];
            if let Some((_, found)) = named.iter().find_map(|words| line.split_once(words)) {
                found.clone_into(&mut address);
            }
            if line.starts_with("ready in") {
                return Ok(Self {
                    child,
                    address,
                    ready: started.elapsed(),
                });
            }
        }
        anyhow::bail!("{} did not start", path.display())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Asks first, so that the server can end in order; a kill is the last resort.
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        for _ in 0..300 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
