//! The workspace's own tests: one build of everything, one `cargo test`, counted by crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::summary::{Counts, Summary};
use super::{Place, Store, Suite, process};

/// The crate that tests the AWS SDK for Rust.
const SDK: &str = "cosell-rust-sdk-tests";
/// Its test program.
const SDK_TESTS: &str = "rust-sdk";
/// The crate of the scenarios.
const SCENARIOS: &str = "cosell-scenarios";
/// Its test program.
const SCENARIOS_TESTS: &str = "all";

/// What Cargo knows of the workspace.
pub struct Metadata {
    /// The target directory.
    pub target: PathBuf,
    /// The crate that a test program belongs to, by the program's name without its hash.
    programs: BTreeMap<String, String>,
}

/// Features that are off by default and tested all the same. They are the same for every command here: others would mean a
/// second build.
const FEATURES: [&str; 2] = ["--features", "cosell/nats,cosell/otlp,cosell-events/nats"];

/// Which tests to run.
#[derive(Clone, Copy)]
pub enum Selection {
    /// All of them.
    Workspace,
    /// All but those of the SDK, which takes long to build.
    WithoutSdk,
    /// Those of the SDK alone.
    Sdk,
}

impl Selection {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Workspace => &["--workspace", FEATURES[0], FEATURES[1]],
            Self::WithoutSdk => &["--workspace", "--exclude", SDK, FEATURES[0], FEATURES[1]],
            Self::Sdk => &["--package", SDK],
        }
    }
}

/// Asks Cargo about the workspace.
pub fn metadata(root: &Path) -> Result<Metadata> {
    #[derive(Deserialize)]
    struct Answer {
        target_directory: PathBuf,
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        targets: Vec<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let output = cargo(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let answer: Answer = serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
    let mut programs = BTreeMap::new();
    for package in answer.packages {
        for target in package.targets {
            programs.insert(target.name.replace('-', "_"), package.name.clone());
        }
    }
    Ok(Metadata {
        target: answer.target_directory,
        programs,
    })
}

/// Builds the server and, unless one suite was asked for, everything else in the same go: a second selection of crates
/// would mean other features of their dependencies, and a second build of those.
pub fn build(place: &Place, only: Option<Suite>) -> Result<()> {
    let mut command = cargo(&place.root);
    match only {
        None => command
            .args(["build", "--workspace", "--all-targets"])
            .args(FEATURES),
        Some(Suite::Rust) => command
            .args(["build", "--workspace", "--all-targets", "--exclude", SDK])
            .args(FEATURES),
        Some(_) => command.args([
            "build",
            "--package",
            "cosell",
            "--features",
            "cosell/nats,cosell/otlp",
        ]),
    };
    process::must(command)
}

/// Runs tests and adds a row for each crate.
pub fn test(place: &Place, metadata: &Metadata, selection: Selection, summary: &mut Summary) -> Result<()> {
    report(place, metadata, command(place, selection), summary)
}

/// Runs the scenarios alone, on the store of the place.
pub fn test_scenarios(
    place: &Place,
    metadata: &Metadata,
    only: Option<Suite>,
    summary: &mut Summary,
) -> Result<()> {
    let mut command = command(
        place,
        only.map_or(Selection::Workspace, |_| Selection::WithoutSdk),
    );
    command.args(["--test", SCENARIOS_TESTS]);
    if place.store == Store::Postgres {
        command.env("COSELL_TEST_STORE", "postgres");
    }
    report(place, metadata, command, summary)
}

/// Runs the tests of the SDK alone, with the server of the place.
pub fn test_sdk(
    place: &Place,
    metadata: &Metadata,
    only: Option<Suite>,
    summary: &mut Summary,
) -> Result<()> {
    // As it was built: another selection of crates would mean another build.
    let mut command = command(place, only.map_or(Selection::Workspace, |_| Selection::Sdk));
    command.args(["--test", SDK_TESTS]);
    report(place, metadata, command, summary)
}

/// Runs tests; a row for each crate, with the store where it matters.
fn report(place: &Place, metadata: &Metadata, command: Command, summary: &mut Summary) -> Result<()> {
    for (name, counts, took) in run(metadata, command)? {
        let on_both = [SDK, SCENARIOS].contains(&name.as_str());
        let name = if on_both { place.store.names(&name) } else { name };
        summary.add(name, counts, took);
    }
    Ok(())
}

fn command(place: &Place, selection: Selection) -> Command {
    let mut command = cargo(&place.root);
    command
        .args(["test", "--no-fail-fast"])
        .args(selection.arguments())
        .env("COSELL_BIN", &place.server);
    command
}

/// Runs tests; a row for each crate.
fn run(metadata: &Metadata, command: Command) -> Result<Vec<(String, Counts, Duration)>> {
    let mut report = Report::default();
    let status = process::watch(command, |line| report.line(line, &metadata.programs))?;
    Ok(report.finish(status.success()))
}

/// Cargo, without what it told this program about itself.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).env("CARGO_TERM_COLOR", "never");
    // What Cargo told this program about itself is not true of the programs that Cargo builds next: build scripts that
    // watch these variables would build their crates anew, here and again at the next plain `cargo build`.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let own = name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_BIN_");
        if own {
            command.env_remove(&*name);
        }
    }
    command
}

/// Reads what `cargo test` says.
#[derive(Default)]
struct Report {
    rows: BTreeMap<String, (Counts, Duration)>,
    /// The crate whose test program runs, and since when.
    running: Option<(String, Instant)>,
}

impl Report {
    fn line(&mut self, line: &str, programs: &BTreeMap<String, String>) {
        let line = line.trim();
        if let Some(name) = program(line) {
            self.close(1, 0);
            let name = programs.get(name).map_or(name, String::as_str);
            self.running = Some((name.to_owned(), Instant::now()));
        } else if let Some(counts) = result(line)
            && let Some((name, since)) = self.running.take()
        {
            let row = self.rows.entry(name).or_default();
            row.0.add(counts);
            row.1 += since.elapsed();
        } else if line.starts_with("error: test failed") || line.starts_with("error: doctest failed") {
            self.close(0, 1);
        }
    }

    /// Counts a program that gave no result as one test: it has a `main` of its own, or it crashed, which Cargo says.
    fn close(&mut self, passed: u64, failed: u64) {
        if let Some((name, since)) = self.running.take() {
            let row = self.rows.entry(name).or_default();
            row.0.add(Counts {
                passed,
                failed,
                skipped: 0,
            });
            row.1 += since.elapsed();
        }
    }

    fn finish(mut self, succeeded: bool) -> Vec<(String, Counts, Duration)> {
        self.close(1, 0);
        let mut total = Counts::default();
        // A crate without a test says nothing to anybody.
        self.rows.retain(|_, (counts, _)| *counts != Counts::default());
        for (counts, _) in self.rows.values() {
            total.add(*counts);
        }
        let mut rows: Vec<_> = self
            .rows
            .into_iter()
            .map(|(name, (counts, took))| (name, counts, took))
            .collect();
        let before = total;
        total.settle(succeeded);
        if total != before {
            let counts = Counts {
                failed: 1,
                ..Counts::default()
            };
            rows.push(("cargo test itself".to_owned(), counts, Duration::ZERO));
        }
        rows
    }
}

/// The name of a test program that starts, without its hash; for documentation tests, of the crate.
fn program(line: &str) -> Option<&str> {
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(name.trim());
    }
    let path = line
        .strip_prefix("Running ")?
        .strip_suffix(')')?
        .rsplit_once('(')?
        .1;
    let file = path.rsplit(['/', '\\']).next()?.trim_end_matches(".exe");
    Some(file.rsplit_once('-')?.0)
}

/// The counts of `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
fn result(line: &str) -> Option<Counts> {
    // Output of a test without a final newline may stand before it.
    let (_, text) = line.split_once("test result: ")?;
    let (_, parts) = text.split_once(". ")?;
    let count = |word: &str| {
        parts
            .split(';')
            .find_map(|part| part.trim().strip_suffix(word)?.trim().parse::<u64>().ok())
    };
    Some(Counts {
        passed: count("passed")?,
        failed: count("failed")?,
        skipped: count("ignored")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(output: &str, succeeded: bool) -> Vec<(String, u64, u64, u64)> {
        let programs = BTreeMap::from([("rules".to_owned(), "the-domain".to_owned())]);
        let mut report = Report::default();
        for line in output.lines() {
            report.line(line, &programs);
        }
        let rows = report.finish(succeeded);
        rows.into_iter()
            .map(|(name, counts, _)| (name, counts.passed, counts.failed, counts.skipped))
            .collect()
    }

    #[test]
    fn results_are_counted_for_the_crate_whose_program_ran() {
        let output = "\
     Running unittests src/lib.rs (target/debug/deps/some_crate-0123abcd)
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
     Running tests/rules/main.rs (target/debug/deps/rules-89ab)
test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
   Doc-tests some_crate
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        let rows = [
            ("some_crate".to_owned(), 4, 0, 1),
            ("the-domain".to_owned(), 5, 2, 0),
        ];
        assert_eq!(report(output, false), rows);
    }

    #[test]
    fn a_program_without_a_result_is_one_test_that_fails_when_cargo_says_so() {
        let output = "\
     Running unittests src/lib.rs (target/debug/deps/crashed-01)
error: test failed, to rerun pass `-p crashed --lib`
Caused by:
  process didn't exit successfully: `target/debug/deps/crashed-01` (signal: 6, SIGABRT: process abort signal)
     Running tests/own.rs (target/debug/deps/own_main-02)
     Running unittests src/lib.rs (target/debug/deps/failing-03)
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
error: test failed, to rerun pass `-p failing --lib`";
        let rows = [("crashed", 0, 1), ("failing", 1, 1), ("own_main", 1, 0)];
        let rows = rows.map(|(name, passed, failed)| (name.to_owned(), passed, failed, 0));
        assert_eq!(report(output, false), rows);
    }

    #[test]
    fn a_build_that_failed_or_no_test_at_all_is_a_failure() {
        let broken = [("cargo test itself".to_owned(), 0, 1, 0)];
        assert_eq!(report("error: could not compile `some_crate`", false), broken);
        assert_eq!(report("", true), broken);
    }
}
