//! What the operating system says of a process: processor time and memory, read from /proc.

use std::time::Duration;

use anyhow::Context as _;

/// Clock ticks per second of /proc/PID/stat: 100 on every Linux in use.
const TICKS: u64 = 100;

/// The processor time, user and system, that a process has used.
pub fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).context("reading /proc: is this Linux?")?;
    // The name in parentheses may hold spaces; what follows does not.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or_default()
    };
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS))
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
    /// Starts `program` beside this one, and waits for its `endpoint` and `ready` lines.
    pub fn start(program: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        use std::io::BufRead as _;
        let path = std::env::current_exe()?.with_file_name(program);
        let started = std::time::Instant::now();
        let mut child = std::process::Command::new(&path)
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
            if let Some((_, found)) = line.split_once("endpoint  http://") {
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
        let _ = std::process::Command::new("kill")
            .arg(self.pid().to_string())
            .status();
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
