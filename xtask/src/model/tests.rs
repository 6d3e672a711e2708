//! Both sources give the same facts, and differences are told in words.

use std::path::{Path, PathBuf};

use super::diff::differences;
use super::facts::Model;
use super::import::{keep, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

#[test]
fn both_sources_give_the_same_constraints() {
    let mut botocore = read(&fixture("botocore.json")).unwrap();
    let mut smithy = read(&fixture("smithy.json")).unwrap();
    assert_eq!(
        smithy.resources.get("Note").unwrap().template,
        "catalog/{Catalog}/note/{Id}"
    );
    let iam = smithy.operations.get("PutNote").unwrap().iam.clone().unwrap();
    assert_eq!(iam.action, "partnercentral:PutNote");
    assert_eq!(iam.required_actions, ["partnercentral:DropNote"]);
    // What only one of them knows comes over by the rule of imports.
    let kept = keep(&mut botocore, &smithy);
    assert!(
        kept.iter()
            .any(|line| line == "kept 2 HTTP statuses that the source does not have"),
        "{kept:?}"
    );
    keep(&mut smithy, &botocore);
    assert_eq!(differences(&smithy, &botocore), Vec::<String>::new());
    assert_eq!(smithy, botocore);
    assert!(!smithy.to_json().unwrap().contains("prose"));
}

#[test]
fn the_order_of_members_and_values_is_the_source_s() {
    let model = read(&fixture("botocore.json")).unwrap();
    let names: Vec<_> = model
        .shape("PutNoteRequest")
        .unwrap()
        .fields()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(names, ["ClientToken", "Body", "At", "Size", "Labels"]);
    let again = Model::from_json(&model.to_json().unwrap()).unwrap();
    assert_eq!(again, model);
}

#[test]
fn the_committed_facts_are_written_as_the_writer_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/partnercentral-selling.json");
    let model = Model::load(&path).unwrap();
    assert_eq!(model.to_json().unwrap(), std::fs::read_to_string(&path).unwrap());
    assert_eq!(
        (model.operations.len(), model.shapes.len(), model.resources.len()),
        (45, 442, 8)
    );
}

#[test]
fn differences_are_told_in_words() {
    let old = read(&fixture("botocore.json")).unwrap();
    let text = std::fs::read_to_string(fixture("botocore.json")).unwrap();
    let text = text
        .replace(
            r#""Size": { "shape": "PutNoteRequestSizeInteger" }"#,
            r#""Extent": { "shape": "PutNoteRequestSizeInteger" }"#,
        )
        .replace(r#"["ClientToken", "Body"]"#, r#"["Body", "At"]"#)
        .replace(r#""RAINY_DAY"]"#, r#""Foggy"]"#)
        .replace("{1,19}", "{1,20}")
        .replace(r#""max": 3, "min": 1"#, r#""max": 4, "min": 1"#)
        .replace("DropNote", "EraseNote")
        .replace(r#""sensitive": true"#, r#""sensitive": false"#)
        .replace(
            r#"{ "shape": "InternalServerException" }]"#,
            r#"{ "shape": "InternalServerException" }, { "shape": "ValidationException" }]"#,
        )
        .replace(
            r#"[{ "shape": "ValidationException" }, { "shape": "Int"#,
            r#"[{ "shape": "Int"#,
        );
    let new = super::botocore::read(&text, None).unwrap();
    let told = differences(&old, &new);
    for expected in [
        "operation DropNote removed",
        "operation EraseNote added",
        "member PutNoteRequest.Extent added (PutNoteRequestSizeInteger)",
        "member PutNoteRequest.Size removed",
        "member PutNoteRequest.At: became required",
        "member PutNoteRequest.ClientToken: is no longer required",
        "shape Mood: enum value \"RAINY_DAY\" removed",
        "shape Mood: enum value \"Foggy\" added",
        "shape NoteId: pattern changed from \"N[0-9]{1,19}\" to \"N[0-9]{1,20}\"",
        "shape PutNoteRequestMoodsList: upper bound changed from 3 to 4",
        "shape Secret: is no longer sensitive",
    ] {
        assert!(
            told.iter().any(|line| line == expected),
            "{expected} is not in {told:#?}"
        );
    }
}

#[test]
fn an_added_error_is_told() {
    let old = read(&fixture("botocore.json")).unwrap();
    let text = std::fs::read_to_string(fixture("botocore.json")).unwrap();
    let text = text.replace(
        r#""input": { "shape": "DropNoteRequest" }, "errors": ["#,
        r#""input": { "shape": "DropNoteRequest" }, "errors": [{ "shape": "InternalServerException" }, "#,
    );
    let new = super::botocore::read(&text, None).unwrap();
    let told = differences(&old, &new);
    assert!(
        told.contains(&"operation DropNote: error \"InternalServerException\" added".to_owned()),
        "{told:?}"
    );
}

#[test]
fn a_source_of_neither_kind_or_with_loose_ends_is_refused() {
    let missing = read(&fixture("nothing.json")).unwrap_err();
    assert!(format!("{missing:#}").contains("nothing.json"));
    assert!(super::botocore::read("{}", None).is_err());
    assert!(super::smithy::read(r#"{"smithy":"2.0","shapes":{}}"#).is_err());
    let text = read(&fixture("botocore.json")).unwrap().to_json().unwrap();
    let loose = text.replace("\"target\": \"NoteBody\"", "\"target\": \"Gone\"");
    assert!(format!("{:#}", Model::from_json(&loose).unwrap_err()).contains("Gone"));
}
