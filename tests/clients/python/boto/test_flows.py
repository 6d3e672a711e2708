"""Co-selling with boto3 from end to end: two partners and AWS, a lead, a referral."""

import concurrent.futures
import uuid

import pytest
from botocore.exceptions import ClientError
from harness import ONE, TWO, draft, echo, in_days, review

SANDBOX = "Sandbox"
AWS = "390403897881"
VIEW = "OpportunitySummaryView"
CUSTOMER = {
    "CompanyName": "Example Customer",
    "Industry": "Automotive",
    "WebsiteUrl": "https://customer.example.com",
    "CountryCode": "US",
}
PROBLEM = "The customer needs one place for all of its data."


def token() -> str:
    return str(uuid.uuid4())


def prepared(client, **members) -> str:
    """A draft that can be submitted as it is."""
    identifier = client.create_opportunity(**draft(**members))["Id"]
    solution(client, identifier)
    return identifier


def solution(client, identifier: str) -> None:
    client.associate_opportunity(
        Catalog=SANDBOX,
        OpportunityIdentifier=identifier,
        RelatedEntityType="Solutions",
        RelatedEntityIdentifier="S-1234567",
    )


def submit(client, identifier: str, **request) -> dict:
    return client.start_engagement_from_opportunity_task(
        Catalog=SANDBOX,
        ClientToken=token(),
        Identifier=identifier,
        AwsSubmission={"InvolvementType": "Co-Sell", "Visibility": "Full"},
        **request,
    )


def complete(task: dict) -> dict:
    assert task["TaskStatus"] == "COMPLETE", (task.get("ReasonCode"), task.get("Message"))
    assert "Message" not in task and "ReasonCode" not in task
    return task


def failed(task: dict, reason: str) -> dict:
    assert (task["TaskStatus"], task.get("ReasonCode")) == ("FAILED", reason)
    assert task["Message"]
    return task


def accept(client, invitation: str) -> dict:
    return client.start_engagement_by_accepting_invitation_task(
        Catalog=SANDBOX, ClientToken=token(), Identifier=invitation
    )


def invite(client, engagement: str, receiver: str, payload: dict) -> str:
    made = client.create_engagement_invitation(
        Catalog=SANDBOX,
        ClientToken=token(),
        EngagementIdentifier=engagement,
        Invitation={
            "Message": "Join us",
            "Receiver": {"Account": {"AwsAccountId": receiver}},
            "Payload": payload,
        },
    )
    return made["Id"]


def outline() -> dict:
    return {
        "OpportunityInvitation": {
            "ReceiverResponsibilities": ["Reseller"],
            "Customer": CUSTOMER,
            "Project": {
                "Title": "Data lake",
                "BusinessProblem": PROBLEM,
                "TargetCompletionDate": in_days(90),
                "ExpectedCustomerSpend": [
                    {"Amount": "1000", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}
                ],
            },
        }
    }


def invited(client) -> tuple[dict, str]:
    """A submitted opportunity's task, and an invitation of the second account to it."""
    task = complete(submit(client, prepared(client)))
    return task, invite(client, task["EngagementId"], TWO.id, outline())


def revisions(client, engagement: str, opportunity: str) -> list[int]:
    pages = client.get_paginator("list_resource_snapshots").paginate(
        Catalog=SANDBOX,
        EngagementIdentifier=engagement,
        ResourceType="Opportunity",
        ResourceIdentifier=opportunity,
        ResourceSnapshotTemplateIdentifier=VIEW,
        PaginationConfig={"PageSize": 1},
    )
    return sorted(row["Revision"] for page in pages for row in page["ResourceSnapshotSummaries"])


def review_status(client, opportunity: str) -> str:
    found = client.get_opportunity(Catalog=SANDBOX, Identifier=opportunity)
    return found["LifeCycle"]["ReviewStatus"]


def test_two_partners_and_aws_sell_together(client, other):
    task, invitation = invited(client)
    mine, engagement = task["OpportunityId"], task["EngagementId"]
    assert review_status(client, mine) == "Submitted"
    assert revisions(client, engagement, mine) == [1]
    job = client.get_resource_snapshot_job(
        Catalog=SANDBOX, ResourceSnapshotJobIdentifier=task["ResourceSnapshotJobId"]
    )
    assert (job["Status"], job["ResourceId"]) == ("Running", mine)

    joined = complete(accept(other, invitation))
    theirs = joined["OpportunityId"]
    copy = other.get_opportunity(Catalog=SANDBOX, Identifier=theirs)
    assert copy["LifeCycle"]["Stage"] == "Prospect"
    assert copy["PrimaryNeedsFromAws"] == ["Do Not Need Support from AWS Sales Rep"]
    assert copy["Customer"]["Contacts"] == []

    review(client, mine, "Approved")
    assert review_status(other, theirs) == "Approved"
    answered = client.get_engagement_invitation(Catalog=SANDBOX, Identifier=task["EngagementInvitationId"])
    assert answered["Status"] == "ACCEPTED"
    members = other.list_engagement_members(Catalog=SANDBOX, Identifier=engagement)["EngagementMemberList"]
    assert [member["AccountId"] for member in members] == [ONE.id, TWO.id, AWS]
    assert revisions(other, engagement, mine) == revisions(client, engagement, theirs) == [1, 2]

    request = echo(client, mine)
    request["LifeCycle"]["NextSteps"] = "Sign the contract"
    client.update_opportunity(**request)
    shown = other.get_resource_snapshot(
        Catalog=SANDBOX,
        EngagementIdentifier=engagement,
        ResourceType="Opportunity",
        ResourceIdentifier=mine,
        ResourceSnapshotTemplateIdentifier=VIEW,
    )
    assert shown["Revision"] == 3
    assert shown["Payload"]["OpportunitySummary"]["Lifecycle"]["NextSteps"] == "Sign the contract"
    found = client.list_engagement_from_opportunity_tasks(Catalog=SANDBOX, OpportunityIdentifier=[mine])
    assert [row["TaskId"] for row in found["TaskSummaries"]] == [task["TaskId"]]


def test_a_lead_becomes_an_opportunity_and_is_submitted(client, other):
    contact = {"BusinessTitle": "CIO", "Email": "jane@customer.example.com", "FirstName": "Jane", "LastName": "Doe"}
    lead = {
        "Customer": {
            "CompanyName": CUSTOMER["CompanyName"],
            "Industry": CUSTOMER["Industry"],
            "WebsiteUrl": CUSTOMER["WebsiteUrl"],
            "Address": {"CountryCode": "US"},
        },
        "Interactions": [{"BusinessProblem": PROBLEM, "Contact": contact}],
    }
    engagement = client.create_engagement(
        Catalog=SANDBOX,
        ClientToken=token(),
        Title="A lead",
        Description="Of the fair",
        Contexts=[{"Type": "Lead", "Payload": {"Lead": lead}}],
    )["Id"]
    about = {
        "LeadInvitation": {
            "Customer": {"CompanyName": CUSTOMER["CompanyName"]},
            "Interaction": {"ContactBusinessTitle": "CIO"},
        }
    }
    other.accept_engagement_invitation(
        Catalog=SANDBOX, Identifier=invite(client, engagement, TWO.id, about)
    )

    def convert(context: str) -> dict:
        return other.start_opportunity_from_engagement_task(
            Catalog=SANDBOX, ClientToken=token(), Identifier=engagement, ContextIdentifier=context
        )

    failed(convert("9"), "ContextNotFound")
    task = complete(convert("1"))
    assert (task["EngagementId"], task["ContextId"]) == (engagement, "2")
    failed(convert("2"), "CustomerProjectContextNotPermitted")
    identifier = task["OpportunityId"]
    found = other.get_opportunity(Catalog=SANDBOX, Identifier=identifier)
    assert found["Project"]["Title"] == "Converted from Lead"
    assert found["Project"]["CustomerBusinessProblem"] == PROBLEM
    assert found["LifeCycle"]["TargetCloseDate"] == in_days(90)

    request, whole = echo(other, identifier), draft()
    for member in ("Customer", "Project", "PrimaryNeedsFromAws"):
        request[member] = whole[member]
    other.update_opportunity(**request)
    failed(submit(other, identifier), "OpportunityValidationFailed")
    solution(other, identifier)
    done = complete(submit(other, identifier))
    assert done["EngagementId"] == engagement
    assert done["ResourceSnapshotJobId"] != task["ResourceSnapshotJobId"]
    assert review_status(other, identifier) == "Submitted"


def test_a_referral_is_invisible_until_it_is_accepted(client):
    title = f"{token()} and a title that does not fit into forty characters"
    made = client.create_opportunity(**{**draft(title), "Origin": "AWS Referral"})
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_opportunity(Catalog=SANDBOX, Identifier=made["Id"])
    pages = client.get_paginator("list_engagement_invitations").paginate(
        Catalog=SANDBOX, ParticipantType="RECEIVER", SenderAwsAccountId=["aws"], Status=["PENDING"]
    )
    rows = [row for page in pages for row in page["EngagementInvitationSummaries"]]
    [row] = [row for row in rows if row["EngagementTitle"] == title[:40]]
    assert row["SenderAwsAccountId"] == AWS
    assert (row["ExpirationDate"] - row["InvitationDate"]).total_seconds() == 15 * 86_400
    task = complete(accept(client, row["Id"]))
    assert task["OpportunityId"] == made["Id"]
    found = client.get_opportunity(Catalog=SANDBOX, Identifier=made["Id"])
    assert (found["LifeCycle"]["ReviewStatus"], found["LifeCycle"]["Stage"]) == ("Approved", "Prospect")
    assert found["CreatedDate"] == made["LastModifiedDate"]


def test_a_rejected_invitation_opens_nothing(client, other):
    task, invitation = invited(client)
    other.reject_engagement_invitation(
        Catalog=SANDBOX, Identifier=invitation, RejectionReason="Unable to support"
    )
    failed(accept(other, invitation), "InvitationValidationFailed")
    with pytest.raises(ClientError) as caught:
        other.get_engagement(Catalog=SANDBOX, Identifier=task["EngagementId"])
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    found = client.get_engagement_invitation(Catalog=SANDBOX, Identifier=invitation)
    assert (found["Status"], found["RejectionReason"]) == ("REJECTED", "Unable to support")


def test_of_two_acceptances_at_once_one_is_complete(client, other):
    _, invitation = invited(client)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        tasks = list(pool.map(lambda _: accept(other, invitation), range(2)))
    done, lost = sorted(tasks, key=lambda task: task["TaskStatus"])
    complete(done)
    failed(lost, "EngagementInvitationConflict")
    found = other.list_engagement_by_accepting_invitation_tasks(
        Catalog=SANDBOX, EngagementInvitationIdentifier=[invitation]
    )
    assert {row["TaskId"] for row in found["TaskSummaries"]} == {done["TaskId"], lost["TaskId"]}


def test_the_tags_of_a_task_are_those_of_its_job(client):
    task = complete(submit(client, prepared(client), Tags=[{"Key": "team", "Value": "lake"}]))
    job = client.get_resource_snapshot_job(
        Catalog=SANDBOX, ResourceSnapshotJobIdentifier=task["ResourceSnapshotJobId"]
    )
    found = client.list_tags_for_resource(ResourceArn=job["Arn"])
    assert found["Tags"] == [{"Key": "team", "Value": "lake"}]
