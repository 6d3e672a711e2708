//! Takes back what the real service puts into its answers and would not take as a request: HTML entities, and a value
//! that is for reading only.
//!
//! AWS has been seen to return `&` and `:` encoded, even twice (`&amp;colon;`), and clients that read, merge and write send
//! that text back. cosell never encodes anything, but a client written for AWS may still replay such a text: where the
//! decoded text equals what is stored at the same place, the stored text is taken. Anything else stays as sent.

use serde_json::Value;

/// True when a body could hold an entity at all, so that the common request pays one scan and nothing else.
pub fn may_hold_entities(body: &[u8]) -> bool {
    body.contains(&b'&')
        && body
            .windows(2)
            .any(|pair| pair[0] == b'&' && (pair[1].is_ascii_alphabetic() || pair[1] == b'#'))
}

/// Takes out `PrimaryNeedsFromAws` where it is sent as it stands and holds the value that the service itself writes for
/// deals without support. That value is for reading only, so the contract refuses it in requests; leaving it out keeps it.
pub fn drop_read_only_needs(sent: &mut Value, stored: &Value) {
    const MEMBER: &str = "PrimaryNeedsFromAws";
    let unsupported = crate::opportunity::no_support_needed();
    let kept = stored.get(MEMBER).and_then(Value::as_array);
    let reads_only = kept.is_some_and(|needs| needs.iter().any(|need| need == unsupported.as_str()));
    if reads_only
        && sent.get(MEMBER) == stored.get(MEMBER)
        && let Some(sent) = sent.as_object_mut()
    {
        sent.remove(MEMBER);
    }
}

/// Replaces every string of `sent` that is an encoded form of the text stored at the same path by the stored text.
pub fn restore(sent: &mut Value, stored: &Value) {
    match (sent, stored) {
        (Value::String(text), Value::String(kept))
            if text != kept && text.contains('&') && decodes_to(text, kept) =>
        {
            text.clone_from(kept);
        }
        (Value::Object(sent), Value::Object(stored)) => {
            for (name, value) in sent {
                if let Some(kept) = stored.get(name) {
                    restore(value, kept);
                }
            }
        }
        (Value::Array(sent), Value::Array(stored)) => {
            for (index, value) in sent.iter_mut().enumerate() {
                match value {
                    // Lists of plain texts are sets to their senders: the echo may stand at another place.
                    Value::String(text) if text.contains('&') => {
                        let kept = stored
                            .iter()
                            .filter_map(Value::as_str)
                            .find(|kept| decodes_to(text, kept));
                        if let Some(kept) = kept {
                            *text = kept.to_owned();
                        }
                    }
                    value => {
                        if let Some(kept) = stored.get(index) {
                            restore(value, kept);
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

fn decodes_to(text: &str, kept: &str) -> bool {
    let once = decode(text);
    once == kept || decode(&once) == kept
}

/// Decodes the entities that were seen in AWS's answers, once.
fn decode(text: &str) -> String {
    const ENTITIES: [(&str, &str); 8] = [
        ("&amp;", "&"),
        ("&colon;", ":"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&#x27;", "'"),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
            Some((entity, plain)) => {
                out.push_str(plain);
                rest = &rest[entity.len()..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_encoded_echo_becomes_the_stored_text_even_when_encoded_twice() {
        let stored = json!({"Project": {"CustomerUseCase": "Business Applications: Mainframe Modernization", "Title": "A & B",
            "ApnPrograms": ["P3", "X & Y"]}});
        let mut sent = json!({"Project": {"CustomerUseCase": "Business Applications&amp;colon; Mainframe Modernization",
            "Title": "A &amp;amp; B", "ApnPrograms": ["X &amp; Y"]}});
        restore(&mut sent, &stored);
        assert_eq!(
            sent["Project"]["CustomerUseCase"],
            stored["Project"]["CustomerUseCase"]
        );
        assert_eq!(sent["Project"]["Title"], "A & B");
        assert_eq!(sent["Project"]["ApnPrograms"], json!(["X & Y"]));
    }

    #[test]
    fn a_new_text_with_entities_stays_as_sent() {
        let stored = json!({"Project": {"Title": "old"}});
        let mut sent = json!({"Project": {"Title": "R&amp;D"}});
        restore(&mut sent, &stored);
        assert_eq!(sent["Project"]["Title"], "R&amp;D");
        assert!(may_hold_entities(br#"{"Title":"R&amp;D"}"#));
        assert!(!may_hold_entities(br#"{"Title":"R & D; more"}"#));
    }

    #[test]
    fn the_read_only_need_is_dropped_as_an_echo_only() {
        let need = "Do Not Need Support from AWS Sales Rep";
        let stored = json!({"PrimaryNeedsFromAws": [need]});
        let mut echo = stored.clone();
        drop_read_only_needs(&mut echo, &stored);
        assert_eq!(echo, json!({}));
        for (sent, stored) in [
            (
                json!({"PrimaryNeedsFromAws": [need]}),
                json!({"PrimaryNeedsFromAws": ["Co-Sell - Deal Support"]}),
            ),
            (
                json!({"PrimaryNeedsFromAws": ["Co-Sell - Deal Support"]}),
                stored.clone(),
            ),
            (
                json!({"PrimaryNeedsFromAws": ["Co-Sell - Deal Support"]}),
                json!({"PrimaryNeedsFromAws": ["Co-Sell - Deal Support"]}),
            ),
        ] {
            let mut after = sent.clone();
            drop_read_only_needs(&mut after, &stored);
            assert_eq!(after, sent);
        }
    }
}
