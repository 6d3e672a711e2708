//! The AWS SDK for JavaScript, as its lock file pins it, tested by Node's own test runner.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::summary::{Counts, Summary};
use super::{Place, process, python};

/// Installs what the lock file names, unless that was done.
pub fn prepare(place: &Place) -> Result<()> {
    let folder = folder(place);
    let node = process::ask("node", &["--version"]).unwrap_or_default();
    let files = [folder.join("package.json"), folder.join("package-lock.json")];
    let stamp = python::stamp(&[&files[0], &files[1]], &node)?;
    let stamped = folder.join("node_modules/.made-from");
    if std::fs::read_to_string(&stamped).unwrap_or_default() == stamp {
        return Ok(());
    }
    let mut install = npm();
    install.arg("ci").current_dir(&folder);
    process::must(install).context(
        "cannot install the AWS SDK for JavaScript: a package registry must be within reach the first time",
    )?;
    std::fs::write(&stamped, stamp).with_context(|| format!("cannot write {}", stamped.display()))?;
    Ok(())
}

/// Runs the tests.
pub fn test(place: &Place, summary: &mut Summary) -> Result<()> {
    let started = Instant::now();
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .current_dir(folder(place));
    command
        .env("COSELL_BIN", &place.server)
        .env("NO_COLOR", "1")
        .env_remove("FORCE_COLOR");
    let mut counts = Counts::default();
    let status = process::watch(command, |line| note(line, &mut counts))?;
    counts.settle(status.success());
    summary.add(place.store.names("JavaScript SDK"), counts, started.elapsed());
    Ok(())
}

fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

fn folder(place: &Place) -> PathBuf {
    place.root.join("tests/clients/js")
}

/// Takes a count from a line such as `ℹ pass 24`, which the reporter writes once, at its end.
fn note(line: &str, counts: &mut Counts) {
    let Some(rest) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# ")) else {
        return;
    };
    let Some((word, Ok(number))) = rest
        .split_once(' ')
        .map(|(word, text)| (word, text.parse::<u64>()))
    else {
        return;
    };
    match word {
        "pass" => counts.passed += number,
        "fail" | "cancelled" => counts.failed += number,
        "skipped" | "todo" => counts.skipped += number,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_node_are_understood() {
        let mut counts = Counts::default();
        let lines = "ℹ tests 9\nℹ suites 3\nℹ pass 5\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 1\nℹ duration_ms 9.5\nfail 7";
        for line in lines.lines() {
            note(line, &mut counts);
        }
        assert_eq!(
            counts,
            Counts {
                passed: 5,
                failed: 2,
                skipped: 2
            }
        );
    }
}
