//! JSON documents that commands are given in files.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// The JSON object in a file; `-` is the standard input.
pub fn object(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = path.display();
    let text = if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.context("cannot read the standard input")?;
        text
    } else {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?
    };
    match serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))? {
        Value::Object(members) => Ok(members),
        _ => bail!("{shown} holds no JSON object"),
    }
}
