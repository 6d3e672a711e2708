//! The files that people deploy with, held against the program: a command, a flag, a variable, a path, a port or a figure that
//! stands there and is not in the program fails a test.

mod files;
mod running;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file of the source tree.
fn file(path: &str) -> String {
    let path = top().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn top() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).to_owned()
}

/// All that people deploy with, by its path: the files, and the words about them.
fn all() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![top().join("deploy")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("secrets") => {}
                true => folders.push(path),
                false => found.push(path.strip_prefix(top()).unwrap().display().to_string()),
            }
        }
    }
    assert!(found.len() >= 12, "deploy/ is not where it should be: {found:?}");
    found.extend(["Dockerfile", "docs/deployment.md"].map(str::to_owned));
    found
        .into_iter()
        .map(|path| {
            let text = file(&path);
            (path, text)
        })
        .collect()
}

/// The documents of a YAML file.
fn yaml(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the families that a server tells.
fn families(text: &str) -> std::collections::BTreeSet<String> {
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    names.map(str::to_owned).collect()
}
