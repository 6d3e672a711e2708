//! `cargo xtask licences`: every dependency may be used under a licence that deny.toml allows. Needs no network and no
//! other tool: it reads what Cargo has already fetched.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Deserialize)]
struct Rules {
    licenses: Allowed,
}

#[derive(Deserialize)]
struct Allowed {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Checks the packages that a build for this machine takes in; an error names each one that is not allowed.
pub fn run(root: &Path) -> Result<()> {
    let file = root.join("deny.toml");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let rules: Rules = toml::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?;
    let packages = packages(root)?;
    let mut refused = Vec::new();
    for package in &packages {
        let stated = package.license.as_deref().unwrap_or_default();
        if !allows(&rules.licenses.allow, stated) {
            let stated = if stated.is_empty() {
                "states no licence"
            } else {
                stated
            };
            refused.push(format!("{} {}: {stated}", package.name, package.version));
        }
    }
    if !refused.is_empty() {
        bail!(
            "deny.toml does not allow the licence of:\n  {}\nreplace these dependencies, or allow their licence there",
            refused.join("\n  ")
        );
    }
    println!(
        "{} packages, all under licences that deny.toml allows",
        packages.len()
    );
    Ok(())
}

fn packages(root: &Path) -> Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let about = Command::new(rustc)
        .arg("-vV")
        .output()
        .context("cannot start rustc")?;
    let about = String::from_utf8_lossy(&about.stdout);
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc -vV names no host")?;
    // Packages of other platforms may never have been fetched, and are no part of what is built here.
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["metadata", "--format-version", "1", "--filter-platform", host])
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
    Ok(metadata.packages)
}

/// True when a licence expression can be met with allowed licences alone. AND binds tighter than OR; a slash is how old
/// packages write OR.
fn allows(allowed: &BTreeSet<String>, expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(allowed, &mut rest);
    met == Some(true) && rest.is_empty()
}

/// `None` for what is no licence expression.
fn any_of(allowed: &BTreeSet<String>, rest: &mut &[&str]) -> Option<bool> {
    let mut met = all_of(allowed, rest)?;
    while take(rest, "OR") {
        met |= all_of(allowed, rest)?;
    }
    Some(met)
}

fn all_of(allowed: &BTreeSet<String>, rest: &mut &[&str]) -> Option<bool> {
    let mut met = one(allowed, rest)?;
    while take(rest, "AND") {
        met &= one(allowed, rest)?;
    }
    Some(met)
}

fn one(allowed: &BTreeSet<String>, rest: &mut &[&str]) -> Option<bool> {
    if take(rest, "(") {
        let met = any_of(allowed, rest)?;
        return take(rest, ")").then_some(met);
    }
    let (name, after) = rest.split_first()?;
    if ["OR", "AND", "WITH", ")"].contains(name) {
        return None;
    }
    *rest = after;
    if !take(rest, "WITH") {
        return Some(allowed.contains(*name));
    }
    let (exception, after) = rest.split_first()?;
    *rest = after;
    Some(allowed.contains(&format!("{name} WITH {exception}")))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == word => {
            *rest = after;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_by_allowed_licences_only() {
        let allowed = [
            "MIT",
            "Apache-2.0",
            "Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ];
        let allowed = allowed.map(str::to_owned).into();
        for (expression, met) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only OR MIT", true),
            ("GPL-3.0-only AND MIT", false),
            ("MIT OR GPL-3.0-only AND GPL-2.0-only", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("MIT WITH LLVM-exception", false),
            ("GPL-3.0-only", false),
            ("", false),
            ("MIT MIT", false),
            ("MIT OR", false),
            ("(MIT", false),
        ] {
            assert_eq!(allows(&allowed, expression), met, "{expression}");
        }
    }
}
