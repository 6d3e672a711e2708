//! Co-selling as partners do it: tasks, snapshots and their jobs, and the usual steps with them.

use serde_json::{Value, json};

use super::deal::{associate, create, draft};
use super::engagement::{caller, invitation, named};
use super::{Answer, Caller, Key, Server};

/// AWS's account in catalog Sandbox.
pub const AWS: &str = "390403897881";
/// The template that every member of an engagement may read.
pub const VIEW: &str = "OpportunitySummaryView";
/// The template that AWS writes for the owner alone.
pub const AWS_VIEW: &str = "AwsOpportunitySummaryFullView";

/// The kinds of tasks, as their ARNs name them.
pub const FROM_OPPORTUNITY: &str = "engagement-from-opportunity-task";
/// Likewise.
pub const BY_ACCEPTING: &str = "engagement-by-accepting-invitation-task";
/// Likewise.
pub const FROM_LEAD: &str = "opportunity-from-engagement-task";

/// A caller of the shared server whose account is registered, so that others can invite it.
#[track_caller]
pub fn registered(account: &str) -> Caller {
    let mut caller = caller(account);
    caller
        .call("ListEngagements", &json!({"Catalog": "Sandbox"}))
        .ok();
    caller
}

/// Creates a draft that can be submitted as it is.
#[track_caller]
pub fn prepared(caller: &mut Caller, token: &str) -> String {
    let id = create(caller, &draft(token));
    associate(caller, &id);
    id
}

/// The request of StartEngagementFromOpportunityTask.
pub fn submission(id: &str, token: &str) -> Value {
    json!({"Catalog": "Sandbox", "ClientToken": token, "Identifier": id,
        "AwsSubmission": {"InvolvementType": "Co-Sell", "Visibility": "Full"}})
}

/// Submits an opportunity by a task.
#[track_caller]
pub fn from_opportunity(caller: &mut Caller, id: &str, token: &str) -> Answer {
    caller.call("StartEngagementFromOpportunityTask", &submission(id, token))
}

/// The request of StartEngagementByAcceptingInvitationTask.
pub fn acceptance(invitation: &Value, token: &str) -> Value {
    json!({"Catalog": "Sandbox", "ClientToken": token, "Identifier": invitation})
}

/// Accepts an invitation by a task.
#[track_caller]
pub fn by_accepting(caller: &mut Caller, invitation: &Value, token: &str) -> Answer {
    caller.call(
        "StartEngagementByAcceptingInvitationTask",
        &acceptance(invitation, token),
    )
}

/// Makes an opportunity of a lead by a task.
#[track_caller]
pub fn from_lead(caller: &mut Caller, engagement: &Value, context: &str, token: &str) -> Answer {
    let body = json!({"Catalog": "Sandbox", "ClientToken": token, "Identifier": engagement,
        "ContextIdentifier": context});
    caller.call("StartOpportunityFromEngagementTask", &body)
}

#[track_caller]
fn task(answer: &Answer, kind: &str, status: &str) -> Value {
    let task = answer.ok();
    assert_eq!(task["TaskStatus"], status, "{answer}");
    let id = task["TaskId"].as_str().unwrap();
    assert_eq!(id.strip_prefix("task-").map(str::len), Some(13), "{answer}");
    let arn = format!("arn:aws:partnercentral:us-east-1::catalog/Sandbox/{kind}/{id}");
    assert_eq!(task["TaskArn"], arn);
    assert!(task["StartTime"].is_string(), "{answer}");
    task
}

/// Asserts that a task of that kind is done, and returns it.
#[track_caller]
pub fn complete(answer: &Answer, kind: &str) -> Value {
    let task = task(answer, kind, "COMPLETE");
    assert!(
        task.get("Message").is_none() && task.get("ReasonCode").is_none(),
        "{answer}"
    );
    assert!(
        task["ResourceSnapshotJobId"]
            .as_str()
            .is_some_and(|id| id.starts_with("job-") && id.len() == 17),
        "{answer}"
    );
    task
}

/// Asserts that a task of that kind failed for that reason and made nothing, and returns it.
#[track_caller]
pub fn failed(answer: &Answer, kind: &str, reason: &str) -> Value {
    let task = task(answer, kind, "FAILED");
    assert_eq!(task["ReasonCode"], reason, "{answer}");
    assert!(
        task["Message"]
            .as_str()
            .is_some_and(|message| !message.is_empty()),
        "{answer}"
    );
    assert!(task.get("ResourceSnapshotJobId").is_none(), "{answer}");
    task
}

/// Every row of a list with that filter, over all pages.
#[track_caller]
pub fn rows(caller: &mut Caller, operation: &str, filter: Value) -> Vec<Value> {
    let member = rows_member(operation);
    let mut request = filter;
    request["Catalog"] = "Sandbox".into();
    let mut rows = Vec::new();
    loop {
        let page = caller.call(operation, &request).ok();
        rows.extend(page[member].as_array().unwrap().clone());
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => return rows,
        }
    }
}

fn rows_member(operation: &str) -> &'static str {
    match operation {
        "ListEngagements" => "EngagementSummaryList",
        "ListEngagementMembers" => "EngagementMemberList",
        "ListEngagementInvitations" => "EngagementInvitationSummaries",
        "ListEngagementResourceAssociations" => "EngagementResourceAssociationSummaries",
        "ListOpportunities" => "OpportunitySummaries",
        "ListResourceSnapshots" => "ResourceSnapshotSummaries",
        "ListResourceSnapshotJobs" => "ResourceSnapshotJobSummaries",
        _ => "TaskSummaries",
    }
}

/// One member of every row, in their order.
pub fn column(rows: &[Value], member: &str) -> Vec<Value> {
    rows.iter().map(|row| row[member].clone()).collect()
}

/// Asserts that a list shows nothing: it is empty, or says that there is no such thing.
#[track_caller]
pub fn shows_nothing(caller: &mut Caller, operation: &str, filter: Value) {
    let mut request = filter;
    request["Catalog"] = "Sandbox".into();
    let answer = caller.call(operation, &request);
    if answer.status == 200 {
        assert_eq!(answer.ok()[rows_member(operation)], json!([]), "{operation}");
    } else {
        answer.is("ResourceNotFoundException");
    }
}

/// The numbers of the snapshots that every member may read, in order.
#[track_caller]
pub fn revisions(caller: &mut Caller, engagement: &Value, id: &str) -> Vec<i64> {
    let filter = json!({"EngagementIdentifier": engagement, "ResourceType": "Opportunity",
        "ResourceIdentifier": id, "ResourceSnapshotTemplateIdentifier": VIEW});
    let listed = rows(caller, "ListResourceSnapshots", filter);
    let mut numbers: Vec<i64> = listed
        .iter()
        .map(|row| row["Revision"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Reads a snapshot of a template; the newest where no number is given.
#[track_caller]
pub fn snapshot(
    caller: &mut Caller,
    engagement: &Value,
    id: &str,
    template: &str,
    revision: Option<i64>,
) -> Answer {
    let mut body = json!({"Catalog": "Sandbox", "EngagementIdentifier": engagement, "ResourceType": "Opportunity",
        "ResourceIdentifier": id, "ResourceSnapshotTemplateIdentifier": template});
    if let Some(revision) = revision {
        body["Revision"] = revision.into();
    }
    caller.call("GetResourceSnapshot", &body)
}

/// The request that names a snapshot job.
pub fn job_named(id: &Value) -> Value {
    json!({"Catalog": "Sandbox", "ResourceSnapshotJobIdentifier": id})
}

/// Does something to a snapshot job that answers nothing.
#[track_caller]
pub fn act_on_job(caller: &mut Caller, operation: &str, id: &Value) {
    let answer = caller.call(operation, &job_named(id));
    answer.ok();
    assert!(answer.body.is_empty(), "{operation}: {answer}");
}

/// Invites an account to a deal; the invitation's identifier.
#[track_caller]
pub fn invite(caller: &mut Caller, engagement: &Value, receiver: &str, token: &str) -> Value {
    let body = invitation(engagement, receiver, token);
    caller.call("CreateEngagementInvitation", &body).ok()["Id"].clone()
}

/// The status of an invitation.
#[track_caller]
pub fn invitation_status(caller: &mut Caller, id: &Value) -> Value {
    caller.call("GetEngagementInvitation", &named(id)).ok()["Status"].clone()
}

/// A submitted opportunity in an engagement of its own.
pub struct Deal {
    /// Whose it is.
    pub owner: Caller,
    /// `O…`.
    pub opportunity: String,
    /// `eng-…`.
    pub engagement: Value,
    /// AWS's invitation, `engi-…`.
    pub invitation: Value,
    /// `job-…`.
    pub job: Value,
}

/// Makes one in an account.
#[track_caller]
pub fn deal(account: &str, token: &str) -> Deal {
    made_by(registered(account), token)
}

/// Makes one on a server of its own, on which any secret will do.
#[track_caller]
pub fn deal_on(server: &Server, account: &str, token: &str) -> Deal {
    made_by(server.caller(Key::new(account, "any")), token)
}

#[track_caller]
fn made_by(mut owner: Caller, token: &str) -> Deal {
    let opportunity = prepared(&mut owner, token);
    let answer = from_opportunity(&mut owner, &opportunity, &format!("task-{token}"));
    let task = complete(&answer, FROM_OPPORTUNITY);
    Deal {
        owner,
        opportunity,
        engagement: task["EngagementId"].clone(),
        invitation: task["EngagementInvitationId"].clone(),
        job: task["ResourceSnapshotJobId"].clone(),
    }
}

/// A deal, and an invitation to it that a second account has not answered.
#[track_caller]
pub fn invited(first: &str, second: &str, token: &str) -> (Deal, Caller, Value) {
    let mut deal = deal(first, token);
    let two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, token);
    (deal, two, invitation)
}
