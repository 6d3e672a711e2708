use super::*;
use crate::{Delivery, DeliveryState, Key, Record, Value};
use bytes::Bytes;

fn record(id: &str) -> ExportItem {
    ExportItem::Record(Record {
        key: Key::new(Kind::Solution, "111122223333", "Sandbox", id),
        version: 3,
        document: Bytes::from_static(b"{ \"a\": \"\\u00e9\xc3\xa9\" }\n"),
        summary: Bytes::from_static(b"{}"),
        private: Bytes::new(),
        columns: vec![
            ("name", Value::from("one")),
            ("status", Value::Null),
            ("category", Value::Null),
            ("created", Value::Integer(-5)),
            ("marketplace_arn", Value::Null),
        ],
    })
}

fn sequence() -> ExportItem {
    ExportItem::Sequence {
        name: "s".to_owned(),
        next: 12,
    }
}

fn text() -> String {
    let mut writer = StateWriter::new(Vec::new(), Timestamp::from_millis(1_000)).unwrap();
    writer.item(&record("a")).unwrap();
    writer.item(&sequence()).unwrap();
    let (file, summary) = writer.finish().unwrap();
    assert_eq!(summary.items, 2);
    String::from_utf8(file).unwrap()
}

fn read(text: &str) -> Result<Vec<ExportItem>, String> {
    let reader = StateReader::new(text.as_bytes()).map_err(|error| error.to_string())?;
    reader
        .collect::<io::Result<_>>()
        .map_err(|error| error.to_string())
}

/// The file with another last line that is right for what is before it.
fn resealed(lines: &[String]) -> String {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let end = End {
        items: lines.len() as u64 - 1,
        sha256: line::hex(&Sha256::digest(body.as_bytes())),
    };
    format!("{body}{}\n", serde_json::to_string(&Line::End(end)).unwrap())
}

fn lines() -> Vec<String> {
    let text = text();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.pop();
    lines
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(read(&text()).unwrap(), [record("a"), sequence()]);
    assert_eq!(resealed(&lines()), text());
    let summary = verify(text().as_bytes()).unwrap();
    assert_eq!(
        (summary.items, summary.created_at),
        (2, Timestamp::from_millis(1_000))
    );
    assert!(text().starts_with(r#"{"format":"cosell-state","version":2,"kinds":{"#));
    assert!(text().contains(r#""createdAt":"1970-01-01T00:00:01.000Z"}"#));
}

#[test]
fn every_cut_is_refused() {
    let text = text();
    for at in 0..text.len() {
        if let Some(part) = text.get(..at) {
            assert!(read(part).is_err(), "cut at {at}");
            assert!(verify(part.as_bytes()).is_err(), "cut at {at}");
        }
    }
    let cut = read(&text[..text.len() - 1]).unwrap_err();
    assert!(
        cut.contains("ends after line 3") && cut.contains("another copy"),
        "{cut}"
    );
}

#[test]
fn every_changed_byte_is_refused() {
    let text = text();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(verify(&bytes[..]).is_err(), "changed at {at}");
    }
    let changed = read(&text.replace(r#""next":12"#, r#""next":13"#)).unwrap_err();
    assert!(changed.contains("checksum"), "{changed}");
}

#[test]
fn another_format_and_a_newer_version_are_refused_by_name() {
    for foreign in [
        "",
        "\n",
        "{}\n",
        "[1]\n",
        "SQLite format 3",
        r#"{"format":"x","version":1}"#,
    ] {
        let error = read(foreign).unwrap_err();
        assert!(error.contains("not a cosell state"), "{foreign}: {error}");
    }
    let newer = read(&text().replacen(r#""version":2"#, r#""version":3,"else":0"#, 1)).unwrap_err();
    assert!(
        newer.contains("version 3") && newer.contains("newer cosell"),
        "{newer}"
    );
}

#[test]
fn an_unknown_kind_or_column_is_refused_by_name() {
    let changed = |from: &str, to: &str| {
        let mut lines = lines();
        assert!(lines[0].contains(from), "{from}");
        lines[0] = lines[0].replacen(from, to, 1);
        read(&resealed(&lines)).unwrap_err()
    };
    let kind = changed(r#""setting":"#, r#""settings of tomorrow":"#);
    assert!(kind.contains("settings of tomorrow"), "{kind}");
    let column = changed(r#""marketplace_arn""#, r#""arn""#);
    assert!(column.contains("arn") && column.contains("solution"), "{column}");
    let missing = changed(r#","created","marketplace_arn""#, "");
    assert!(
        missing.contains("lacks") && missing.contains("created"),
        "{missing}"
    );
    // A kind that the header does not name has no columns to read its records by.
    let kinds = changed(
        r#""solution":["name","status","category","created","marketplace_arn"],"#,
        "",
    );
    assert!(kinds.contains("line 2") && kinds.contains("solution"), "{kinds}");
}

#[test]
fn a_state_of_before_a_column_that_may_be_null_is_read() {
    let mut lines = lines();
    lines[0] = lines[0].replacen(r#","created","marketplace_arn""#, r#","created""#, 1);
    lines[1] = lines[1].replacen(r#",-5,null]"#, ",-5]", 1);
    let items = read(&resealed(&lines)).unwrap();
    let ExportItem::Record(record) = &items[0] else {
        panic!("{items:?}")
    };
    assert_eq!(record.columns.len(), 4);
    assert_eq!(record.column("marketplace_arn"), &Value::Null);
}

#[test]
fn broken_lines_are_named() {
    for (line, from, to) in [
        (1, r#""version":3"#, r#""version":0"#),
        (1, r#""version":3"#, r#""version":"3""#),
        (1, r#",-5,null]"#, r#",-5]"#),
        (1, r#",-5,"#, r#",null,"#),
        (1, r#",-5,"#, r#",0.5,"#),
        (1, r#""private":"""#, r#""private":{"hex":"0g"}"#),
        (1, r#""private":"""#, r#""private":{"hex":"ff"}"#),
        (1, r#""private":"""#, r#""private":"","more":1"#),
        (1, "111122223333", ""),
        (2, "sequence", "sequences"),
        (2, "12", "0"),
        (2, "}", ""),
    ] {
        let mut lines = lines();
        assert!(lines[line].contains(from), "{from}");
        lines[line] = lines[line].replacen(from, to, 1);
        let error = read(&resealed(&lines)).unwrap_err();
        assert!(error.contains(&format!("line {}", line + 1)), "{to}: {error}");
    }
}

#[test]
fn more_or_fewer_items_than_told_and_a_second_end_are_refused() {
    let text = text();
    let told = text.replace(r#""items":2"#, r#""items":3"#);
    let error = read(&told).unwrap_err();
    assert!(error.contains("2 items") && error.contains('3'), "{error}");
    let error = read(&format!("{text}x")).unwrap_err();
    assert!(error.contains("goes on"), "{error}");
    assert!(read(&format!("{text}{text}")).is_err());
}

#[test]
fn a_reader_that_has_failed_gives_nothing_more() {
    let text = text().replace(r#""next":12"#, r#""next":-1"#);
    let mut reader = StateReader::new(text.as_bytes()).unwrap();
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let head = format!("{}\n", lines()[0]);
    let endless = io::BufReader::new(io::Read::chain(head.as_bytes(), io::repeat(b'x')));
    let mut reader = StateReader::new(endless).unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("bytes"), "{error}");
    assert!(reader.line.capacity() <= 2 * MAX_LINE);
}

#[test]
fn a_state_of_version_1_is_read() {
    let mut lines = lines();
    lines[0] = lines[0].replacen(r#""version":2"#, r#""version":1"#, 1);
    // Kinds that were not known then are not in its header.
    for kind in [r#""event_rule":["account"],"#, r#""event_target":["account"],"#] {
        assert!(lines[0].contains(kind), "{}", lines[0]);
        lines[0] = lines[0].replacen(kind, "", 1);
    }
    assert_eq!(read(&resealed(&lines)).unwrap(), [record("a"), sequence()]);
}

#[test]
fn targets_and_deliveries_are_written_and_read_back() {
    let items = [
        ExportItem::Target {
            target: "/crm".to_owned(),
            position: 7,
            status: Bytes::from_static(b"{}"),
            delivered: 1,
            attempts: 3,
            failures: 2,
        },
        ExportItem::Delivery(Delivery {
            target: "/crm".to_owned(),
            seq: 7,
            lane: None,
            state: DeliveryState::Dead,
            attempts: 8,
            due_at: Timestamp::from_millis(5),
            note: Bytes::new(),
        }),
    ];
    let mut writer = StateWriter::new(Vec::new(), Timestamp::from_millis(0)).unwrap();
    for item in &items {
        writer.item(item).unwrap();
    }
    let text = String::from_utf8(writer.finish().unwrap().0).unwrap();
    assert_eq!(read(&text).unwrap(), items);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (line, from, to) in [
        (1, r#""position":7"#, r#""position":9223372036854775808"#),
        (1, r#""target":"/crm""#, r#""target":"""#),
        (2, r#""state":"dead""#, r#""state":"alive""#),
        (2, r#""seq":7"#, r#""seq":0"#),
        (2, r#""lane":null"#, r#""lane":"""#),
    ] {
        let mut lines = lines[..3].to_vec();
        assert!(lines[line].contains(from), "{}", lines[line]);
        lines[line] = lines[line].replacen(from, to, 1);
        let error = read(&resealed(&lines)).unwrap_err();
        assert!(error.contains(&format!("line {}", line + 1)), "{to}: {error}");
    }
}
