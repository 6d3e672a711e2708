"""Somebody plays AWS through the operator API, and partners see it with boto3, also in catalog AWS."""

import json
import urllib.error
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError
from harness import ONE, TWO, draft, in_days, submitted

# The development server's own; the sandbox has S-1234567 besides.
SOLUTION = "S-0000101"


class Operator:
    """The operator API with the token that the development server prints."""

    def __init__(self, banner: str):
        words = [line.split() for line in banner.splitlines() if line.startswith("operator ")]
        said = {word[1]: word[2] for word in words}
        self.base = said["API"].rstrip("/")
        self.token = said["token"]
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(self, method: str, path: str, body=None):
        """The status and the JSON of an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        request.add_header("authorization", "Bearer " + self.token)
        if data is not None:
            request.add_header("content-type", "application/json")
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def ok(self, method: str, path: str, body=None) -> dict:
        status, answer = self.send(method, path, body)
        assert status in (200, 201), answer
        return answer


@pytest.fixture(scope="module")
def operator(server):
    return Operator(server.banner)


def token() -> str:
    return str(uuid.uuid4())


def handed_in(client, catalog: str) -> dict:
    """A deal of catalog AWS or Sandbox that waits for its review: the task that submitted it."""
    request = draft(Catalog=catalog)
    identifier = client.create_opportunity(**request)["Id"]
    client.associate_opportunity(
        Catalog=catalog,
        OpportunityIdentifier=identifier,
        RelatedEntityType="Solutions",
        RelatedEntityIdentifier=SOLUTION,
    )
    return client.start_engagement_from_opportunity_task(
        Catalog=catalog,
        ClientToken=token(),
        Identifier=identifier,
        AwsSubmission={"InvolvementType": "Co-Sell", "Visibility": "Full"},
    )


@pytest.mark.parametrize("catalog", ["AWS", "Sandbox"])
def test_the_review_desk_is_seen_at_once(client, operator, catalog):
    task = handed_in(client, catalog)
    identifier = task["OpportunityId"]
    queue = operator.ok("GET", f"/reviews?catalog={catalog}&order=newest&limit=100")["items"]
    assert identifier in [row["id"] for row in queue]

    def life_cycle() -> dict:
        return client.get_opportunity(Catalog=catalog, Identifier=identifier)["LifeCycle"]

    operator.ok("POST", f"/reviews/{identifier}/take?catalog={catalog}")
    assert life_cycle()["ReviewStatus"] == "In review"
    reasons = {"reason": "MoreInformation", "comments": "Which customer is it?"}
    operator.ok("POST", f"/reviews/{identifier}/action-required?catalog={catalog}", reasons)
    seen = life_cycle()
    assert (seen["ReviewStatus"], seen["ReviewStatusReason"], seen["ReviewComments"]) == (
        "Action Required",
        "MoreInformation",
        "Which customer is it?",
    )
    status, problem = operator.send("POST", f"/reviews/{identifier}/approve?catalog={catalog}", {})
    assert (status, problem["type"]) == (409, "urn:cosell:problem:conflict")

    client.submit_opportunity(
        Catalog=catalog, Identifier=identifier, InvolvementType="Co-Sell", Visibility="Full"
    )
    operator.ok("POST", f"/reviews/{identifier}/approve?catalog={catalog}", {"comments": "Welcome"})
    assert life_cycle()["ReviewStatus"] == "Approved"
    members = client.list_engagement_members(Catalog=catalog, Identifier=task["EngagementId"])
    assert "AWS" in [member["CompanyName"] for member in members["EngagementMemberList"]]

    change = {"stage": "Business Validation", "nextSteps": "Meet them", "targetCloseDate": in_days(200)}
    operator.ok("PATCH", f"/aws-opportunities/{identifier}?catalog={catalog}", change)
    summary = client.get_aws_opportunity_summary(Catalog=catalog, RelatedOpportunityIdentifier=identifier)
    assert summary["LifeCycle"]["Stage"] == "Business Validation"
    assert summary["LifeCycle"]["NextSteps"] == "Meet them"
    view = client.get_resource_snapshot(
        Catalog=catalog,
        EngagementIdentifier=task["EngagementId"],
        ResourceType="Opportunity",
        ResourceIdentifier=identifier,
        ResourceSnapshotTemplateIdentifier="AwsOpportunitySummaryFullView",
    )
    shown = view["Payload"]["AwsOpportunitySummaryFullView"]
    assert shown["LifeCycle"]["NextSteps"] == "Meet them"


def test_a_rejection_is_final_and_says_why(client, operator):
    identifier = submitted(client)
    operator.ok("POST", f"/reviews/{identifier}/reject", {"reason": "Duplicate"})
    seen = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["LifeCycle"]
    assert (seen["ReviewStatus"], seen["ReviewStatusReason"]) == ("Rejected", "Duplicate")
    with pytest.raises(ClientError) as refused:
        client.submit_opportunity(Catalog="Sandbox", Identifier=identifier, InvolvementType="Co-Sell")
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_referral_in_catalog_aws_becomes_an_approved_opportunity(client, other, operator):
    deal = draft(title="Referred lake")
    for filled_in in ("Catalog", "ClientToken", "PartnerOpportunityIdentifier"):
        deal.pop(filled_in)
    receivers = [{"account": ONE.id}, {"account": TWO.id, "alias": "Lake people"}]
    body = {"catalog": "AWS", "receivers": receivers, "opportunity": deal, "message": "Would you?"}
    made = operator.ok("POST", "/referrals", body)["items"]
    assert [one["account"] for one in made] == [ONE.id, TWO.id]
    for partner, offered in zip((client, other), made):
        invitation = partner.get_engagement_invitation(Catalog="AWS", Identifier=offered["invitationId"])
        assert (invitation["SenderAwsAccountId"], invitation["InvitationMessage"]) == ("aws", "Would you?")
        with pytest.raises(ClientError) as hidden:
            partner.get_opportunity(Catalog="AWS", Identifier=offered["opportunityId"])
        assert hidden.value.response["Error"]["Code"] == "ResourceNotFoundException"
        task = partner.start_engagement_by_accepting_invitation_task(
            Catalog="AWS", ClientToken=token(), Identifier=offered["invitationId"]
        )
        assert (task["TaskStatus"], task["OpportunityId"]) == ("COMPLETE", offered["opportunityId"])
        opened = partner.get_opportunity(Catalog="AWS", Identifier=offered["opportunityId"])
        assert opened["LifeCycle"]["ReviewStatus"] == "Approved"
        assert opened["Project"]["Title"] == "Referred lake"


def test_a_lead_in_catalog_aws_is_accepted_and_becomes_an_opportunity(client, operator):
    lead = {
        "catalog": "AWS",
        "receivers": [{"account": ONE.id}],
        "title": "Visitor of a fair",
        "message": "Would you follow up?",
        "lead": {
            "Customer": {
                "CompanyName": "Example Visitor",
                "Industry": "Retail",
                "WebsiteUrl": "https://visitor.example.com",
                "Address": {"CountryCode": "US"},
            },
            "Interactions": [
                {
                    "SourceType": "Event",
                    "SourceName": "Fair",
                    "Contact": {
                        "BusinessTitle": "CIO",
                        "FirstName": "Jane",
                        "LastName": "Doe",
                        "Email": "jane@visitor.example.com",
                    },
                }
            ],
        },
    }
    offered = operator.ok("POST", "/leads", lead)["items"][0]
    client.accept_engagement_invitation(Catalog="AWS", Identifier=offered["invitationId"])
    task = client.start_opportunity_from_engagement_task(
        Catalog="AWS", ClientToken=token(), Identifier=offered["engagementId"], ContextIdentifier="1"
    )
    assert task["TaskStatus"] == "COMPLETE", task
    made = client.get_opportunity(Catalog="AWS", Identifier=task["OpportunityId"])
    assert made["Customer"]["Account"]["CompanyName"] == "Example Visitor"
    assert operator.ok("GET", f"/invitations/{offered['invitationId']}?catalog=AWS")["Status"] == "ACCEPTED"


def test_a_withdrawn_invitation_has_expired(client, operator):
    deal = draft()
    deal.pop("ClientToken")
    body = {"catalog": "Sandbox", "receivers": [{"account": ONE.id}], "opportunity": deal}
    offered = operator.ok("POST", "/referrals", body)["items"][0]["invitationId"]
    assert operator.ok("POST", f"/invitations/{offered}/withdraw")["Status"] == "EXPIRED"
    seen = client.get_engagement_invitation(Catalog="Sandbox", Identifier=offered)
    assert seen["Status"] == "EXPIRED"


def test_a_preview_lists_what_boto3_would_be_told(client, operator):
    wrong = draft()
    wrong["LifeCycle"]["TargetCloseDate"] = in_days(-1)
    told = operator.ok("POST", f"/accounts/{ONE.id}/preview", {"kind": "create", "document": wrong})
    with pytest.raises(ClientError) as refused:
        client.create_opportunity(**wrong)
    assert told["accepted"] is False
    assert told["error"] == refused.value.response["Error"]["Code"]
    assert told["ErrorList"] == refused.value.response["ErrorList"]
