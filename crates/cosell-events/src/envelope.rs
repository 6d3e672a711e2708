//! An event as it is sent: one recipient's EventBridge envelope, with what the machinery needs of it read once.
//!
//! Must never change a byte of the envelope: every target gets what the log holds.

use bytes::Bytes;
use cosell_store::StoredEvent;
use serde_json::Value;

/// An event on its way.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Its place in the log; 0 for one that is in no log (a test event).
    pub seq: u64,
    /// Its id: the same at every try.
    pub id: String,
    /// The account that receives it.
    pub account: String,
    /// Its whole JSON.
    pub body: Bytes,
    /// The same, read. `Null` where it is no JSON, so that no pattern takes it.
    pub value: Value,
}

impl Envelope {
    /// Reads an event of the log.
    pub fn of(stored: StoredEvent) -> Self {
        let StoredEvent { seq, event } = stored;
        Self {
            seq,
            value: serde_json::from_slice(&event.body).unwrap_or_default(),
            id: event.id,
            account: event.account,
            body: event.body,
        }
    }

    /// A member of the envelope that is a string; empty where there is none.
    pub fn text(&self, member: &str) -> &str {
        self.value.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// What keeps order at a target: the account with the opportunity the event is about, else with the engagement; all
    /// other events of an account share one.
    pub fn lane(&self) -> String {
        let detail = self.value.get("detail");
        let at = |path: &[&str]| {
            path.iter()
                .try_fold(detail?, |value, name| value.get(name))
                .and_then(Value::as_str)
                .filter(|id| !id.is_empty())
        };
        let snapshot_of_opportunity = || {
            at(&["resourceSnapshot", "resourceId"])
                .filter(|_| at(&["resourceSnapshot", "resourceType"]) == Some("Opportunity"))
        };
        let subject = at(&["opportunity", "identifier"])
            .or_else(snapshot_of_opportunity)
            .or_else(|| at(&["engagement", "id"]))
            .or_else(|| at(&["engagement", "engagementId"]))
            .or_else(|| at(&["engagementInvitation", "engagementId"]))
            .or_else(|| at(&["resourceSnapshot", "engagementId"]))
            .unwrap_or_default();
        // Ids are short; a foreign one that is not must not exceed what a store takes as a name.
        let subject: String = subject.chars().take(200).collect();
        format!("{}/{subject}", self.account)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use cosell_model::Timestamp;
    use cosell_store::Event;
    use serde_json::json;

    use super::*;

    /// An event about an opportunity, as the log holds it.
    pub(crate) fn event(id: &str, account: &str, opportunity: &str) -> Event {
        let body = json!({"version": "0", "id": id, "detail-type": "Opportunity Updated",
            "source": "aws.partnercentral-selling", "account": account, "time": "2026-11-21T10:00:00Z",
            "region": "us-east-1", "resources": [],
            "detail": {"schemaVersion": "1", "catalog": "AWS", "opportunity": {"identifier": opportunity}}});
        Event {
            id: id.into(),
            account: account.into(),
            catalog: "AWS".into(),
            detail_type: "Opportunity Updated".into(),
            time: Timestamp::from_millis(1_795_255_200_000),
            body: body.to_string().into(),
        }
    }

    /// The same as the machinery sees it.
    pub(crate) fn envelope(seq: u64, opportunity: &str) -> Envelope {
        Envelope::of(StoredEvent {
            seq,
            event: event(&format!("id-{seq}"), "111111111111", opportunity),
        })
    }

    #[test]
    fn the_lane_is_the_opportunity_else_the_engagement_of_the_account() {
        for (detail, lane) in [
            (json!({"opportunity": {"identifier": "O1"}}), "1/O1"),
            (
                json!({"resourceSnapshot": {"engagementId": "eng-1", "resourceId": "O1", "resourceType": "Opportunity"}}),
                "1/O1",
            ),
            (
                json!({"resourceSnapshot": {"engagementId": "eng-1", "resourceId": "x", "resourceType": "Other"}}),
                "1/eng-1",
            ),
            (
                json!({"engagementInvitation": {"id": "engi-1", "engagementId": "eng-2"}}),
                "1/eng-2",
            ),
            (
                json!({"engagement": {"id": "eng-3"}, "engagementMember": {}}),
                "1/eng-3",
            ),
            (
                json!({"engagement": {"engagementId": "eng-4", "engagementArn": "a"}}),
                "1/eng-4",
            ),
            (json!({"other": 1}), "1/"),
            (json!(null), "1/"),
        ] {
            let envelope = Envelope {
                seq: 1,
                id: "e".into(),
                account: "1".into(),
                body: Bytes::new(),
                value: json!({ "detail": detail }),
            };
            assert_eq!(envelope.lane(), lane, "{detail}");
        }
    }

    #[test]
    fn what_is_no_json_has_a_lane_and_fits_no_pattern() {
        let mut broken = event("e", "1", "O1");
        broken.body = Bytes::from_static(b"{");
        let envelope = Envelope::of(StoredEvent {
            seq: 1,
            event: broken,
        });
        assert_eq!(envelope.lane(), "1/");
        assert_eq!(envelope.text("source"), "");
        let everything = crate::pattern::Pattern::parse(r#"{"x": [{"exists": false}]}"#).unwrap();
        assert!(!everything.matches(&envelope.value));
    }
}
