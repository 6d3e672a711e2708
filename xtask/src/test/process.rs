//! Running other programs: their output is shown as it comes, and handed on line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};

/// Runs a program; both of its outputs are shown and each line is handed to `line`. How it ended is the caller's to judge.
pub fn watch(mut command: Command, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
    let shown = show(&command);
    println!("\n$ {shown}");
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.stdout(writer.try_clone().context("cannot share a pipe")?);
    command.stderr(writer);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    // The command still holds the writing end, and the output would never end.
    drop(command);
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    let mut out = std::io::stdout().lock();
    while reader
        .read_until(b'\n', &mut bytes)
        .context("cannot read a program's output")?
        > 0
    {
        out.write_all(&bytes).context("cannot show a program's output")?;
        line(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    child.wait().with_context(|| format!("`{shown}` was lost"))
}

/// Runs a program that must succeed.
pub fn must(command: Command) -> Result<()> {
    let shown = show(&command);
    let status = watch(command, |_| {})?;
    if !status.success() {
        bail!("`{shown}` failed ({status}): its output above says why");
    }
    Ok(())
}

/// What a program prints to its standard output; `None` when it does not exist or fails.
pub fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
