//! JSON documents that commands are given in files.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use cosell_operator::Document;
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
    // What a server would refuse is not mended on the way to it.
    let read = serde_json::from_str(&text);
    match read.with_context(|| format!("{shown} is not JSON as a server takes it"))? {
        Document(Value::Object(members)) => Ok(members),
        _ => bail!("{shown} holds no JSON object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_there_twice_is_not_dropped_in_silence() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        let said = |text: &str| {
            std::fs::write(&file, text).unwrap();
            object(&file).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(said(r#"{"stage":"A"}"#).unwrap()["stage"], "A");
        assert!(
            said(r#"{"stage":"A","stage":"B"}"#)
                .unwrap_err()
                .contains("twice")
        );
        assert!(said("[]").unwrap_err().contains("no JSON object"));
    }
}
