//! boto3 and the AWS CLI in a virtual environment of their own, with pinned versions, tested by pytest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use super::summary::{Counts, Summary};
use super::tools::Tools;
use super::{Place, process};

/// Makes the virtual environment, or takes the one that was made from the same requirements; answers its Python.
pub fn prepare(place: &Place, tools: &Tools) -> Result<PathBuf> {
    let requirements = folder(place).join("requirements.txt");
    let stamp = stamp(
        &[&requirements],
        &process::ask(&tools.python, &["-VV"]).unwrap_or_default(),
    )?;
    let environment = place.target.join("clients").join("python");
    let inside = if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    };
    let python = environment.join(inside);
    let stamped = environment.join("made-from");
    let made_from = std::fs::read_to_string(&stamped).unwrap_or_default();
    if made_from == stamp && python.is_file() {
        return Ok(python);
    }
    let mut make = Command::new(&tools.python);
    make.args(["-m", "venv", "--clear"]).arg(&environment);
    process::must(make)?;
    let mut install = Command::new(&python);
    install
        .args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(&requirements);
    process::must(install).context(
        "cannot install boto3 and the AWS CLI: a package index must be within reach the first time",
    )?;
    std::fs::write(&stamped, stamp).with_context(|| format!("cannot write {}", stamped.display()))?;
    Ok(python)
}

/// Runs the tests of one folder.
pub fn test(place: &Place, python: &Path, name: &str, tests: &str, summary: &mut Summary) -> Result<()> {
    let started = Instant::now();
    let mut command = Command::new(python);
    command
        .args(["-m", "pytest", "--quiet", tests])
        .current_dir(folder(place));
    command.env("COSELL_BIN", &place.server);
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PY_COLORS", "0")
        .env("PYTEST_ADDOPTS", "");
    let mut counts = Counts::default();
    let status = process::watch(command, |line| {
        if let Some(found) = result(line) {
            counts = found;
        }
    })?;
    counts.settle(status.success());
    summary.add(place.store.names(name), counts, started.elapsed());
    Ok(())
}

/// A digest of files and of what else matters; changes when any of it does.
pub fn stamp(files: &[&Path], also: &str) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    hash.update(also);
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn folder(place: &Place) -> PathBuf {
    place.root.join("tests/clients/python")
}

/// The counts of `1 failed, 3 passed, 2 skipped, 1 error in 0.12s`, which pytest may frame with `=`.
fn result(line: &str) -> Option<Counts> {
    let (outcomes, _) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    let mut counts = Counts::default();
    for part in outcomes.split(", ") {
        let (number, word) = part.split_once(' ')?;
        let number = number.parse::<u64>().ok()?;
        match word {
            "passed" => counts.passed += number,
            "failed" | "error" | "errors" | "xpassed" => counts.failed += number,
            "skipped" | "xfailed" | "deselected" => counts.skipped += number,
            "warning" | "warnings" => {}
            _ => return None,
        }
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_pytest_is_understood() {
        let counts = |passed, failed, skipped| {
            Some(Counts {
                passed,
                failed,
                skipped,
            })
        };
        for (line, expected) in [
            ("194 passed in 40.90s", counts(194, 0, 0)),
            (
                "== 2 failed, 3 passed, 1 skipped, 1 warning, 1 error in 61.02s (0:01:01) ==",
                counts(3, 3, 1),
            ),
            ("no tests ran in 0.01s", None),
            ("found something in a line", None),
        ] {
            assert_eq!(result(line), expected, "{line}");
        }
    }
}
