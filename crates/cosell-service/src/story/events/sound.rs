//! What must hold of the events after every story: each thing that is there was told once to everybody who hears of it, and
//! nothing was told twice or of what is not there. Counted from the records, not from what was done.

use cosell_domain::engagement::Engagement;
use cosell_domain::engagement::invitation::Invitation;
use cosell_store::Kind;

use super::*;
use crate::answer::stored;
use crate::opportunity::record as opportunities;
use crate::snapshot::record as snapshots;

/// Who hears which type about what.
type Told = (String, &'static str, String);

impl Story {
    /// See the room.
    pub(in crate::story) async fn check_told(&self) {
        let mut expected = BTreeMap::<Told, usize>::new();
        // What may be told or not, by what the records do not tell any more.
        let mut either = BTreeSet::<Told>::new();
        let mut opened = BTreeSet::new();
        let records = self.everything().await;
        for (kind, account, _, record) in &records {
            if *kind == Kind::Opportunity {
                let found = opportunities::decode(record).unwrap();
                let (id, private) = (found.document.id, found.private);
                if private.copy || private.origin.as_str() == "AWS Referral" {
                    opened.insert(id.clone());
                }
                expected.insert(((*account).to_owned(), CREATED, id), 1);
            }
        }
        for (kind, account, _, record) in &records {
            match kind {
                Kind::Invitation => {
                    let one: Invitation = stored(&record.document, "an invitation").unwrap();
                    if *account == AWS {
                        continue;
                    }
                    let mut tell = |name| expected.insert(((*account).to_owned(), name, one.id.clone()), 1);
                    tell("Engagement Invitation Created");
                    match one.status.as_str() {
                        "ACCEPTED" => drop(tell("Engagement Invitation Accepted")),
                        "REJECTED" => drop(tell("Engagement Invitation Rejected")),
                        "EXPIRED" => drop(tell("Engagement Invitation Expired")),
                        _ => {}
                    }
                }
                Kind::Engagement => {
                    let one: Engagement = stored(&record.document, "an engagement").unwrap();
                    let accounts: Vec<_> = one.members.iter().map(|one| &one.profile.account_id).collect();
                    for (place, joined) in accounts.iter().enumerate() {
                        for hears in accounts[..=place].iter().filter(|hears| **hears != AWS) {
                            let told = ((*hears).clone(), MEMBER, format!("{}/{joined}", one.id));
                            match place {
                                // The founder of what a task made.
                                0 => drop(either.insert(told)),
                                _ => drop(expected.insert(told, 1)),
                            }
                        }
                    }
                    if accounts[0] != AWS {
                        expected.insert((accounts[0].clone(), ROOM, one.id), 1);
                    }
                }
                Kind::Snapshot => {
                    let one = snapshots::decode(record).unwrap();
                    let document = &one.document;
                    let id = document.resource_id.as_ref().unwrap();
                    for hears in document.target_member_accounts.iter().flatten() {
                        let told = (hears.clone(), SHOWN, document.arn.clone().unwrap());
                        let own = document.created_by.as_ref() == Some(hears);
                        if opened.contains(id) && one.revision() == 1 && !own {
                            either.insert(told);
                        } else if hears != AWS {
                            expected.insert(told, 1);
                        }
                    }
                }
                _ => {}
            }
        }
        let mut told = BTreeMap::<Told, usize>::new();
        for one in (Ear { seen: 0 }).events(self).await {
            let body: Value = serde_json::from_slice(&one.event.body).unwrap();
            let detail = &body["detail"];
            let name = DetailType::ALL.into_iter().map(DetailType::as_str);
            let name = name
                .into_iter()
                .find(|name| *name == one.event.detail_type)
                .unwrap();
            let about = match name {
                CREATED => text(&detail["opportunity"], "identifier"),
                ROOM => text(&detail["engagement"], "engagementId"),
                SHOWN => text(&detail["resourceSnapshot"], "arn"),
                MEMBER => {
                    let joined = text(&detail["engagementMember"], "accountId");
                    format!("{}/{joined}", text(&detail["engagement"], "id"))
                }
                UPDATED | CONTEXTS => continue,
                _ => text(&detail["engagementInvitation"], "id"),
            };
            *told.entry((one.event.account, name, about)).or_default() += 1;
        }
        told.retain(|told, _| !either.contains(told));
        // The rows of others were not looked at.
        let known = |told: &Told| [ONE, TWO, THREE].contains(&told.0.as_str());
        told.retain(|told, _| known(told));
        expected.retain(|told, _| known(told));
        assert_eq!(told, expected);
    }
}

const SHOWN: &str = "Engagement Resource Snapshot Created";
