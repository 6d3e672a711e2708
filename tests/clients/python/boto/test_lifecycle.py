"""An opportunity's life with boto3, from the draft to AWS's verdict."""

import copy
import datetime
import uuid

import pytest
from harness import ONE, codes, draft, echo, in_days, review, submitted, text

from botocore.exceptions import ClientError


def test_a_draft_reads_back_as_it_was_sent(client):
    request = draft("Reads back")
    created = client.create_opportunity(**request)
    assert created["Id"].startswith("O") and created["Id"][1:].isdigit()
    assert created["PartnerOpportunityIdentifier"] == "crm-1"
    found = client.get_opportunity(Catalog="Sandbox", Identifier=created["Id"])
    assert found["Arn"] == (
        f"arn:aws:partnercentral:us-east-1:{ONE.id}:catalog/Sandbox/opportunity/{created['Id']}"
    )
    assert found["CreatedDate"] == found["LastModifiedDate"] == created["LastModifiedDate"]
    assert found["LifeCycle"]["ReviewStatus"] == "Pending Submission"
    assert found["LifeCycle"]["NextStepsHistory"][0]["Value"] == "Call them"
    assert found["Customer"] == request["Customer"]
    assert found["Marketing"] == request["Marketing"]
    expected = copy.deepcopy(request["Project"])
    # AWS returns amounts without superfluous zeros.
    expected["ExpectedCustomerSpend"][0]["Amount"] = "10000"
    assert found["Project"] == expected
    assert "ClientToken" not in found and "Tags" not in found


def test_an_answer_of_get_serves_as_the_next_update(client):
    identifier = client.create_opportunity(**draft("Echo"))["Id"]
    before = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    request = echo(client, identifier)
    answer = client.update_opportunity(**request)
    assert answer["Id"] == identifier
    assert answer["LastModifiedDate"] > before["LastModifiedDate"]
    after = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    for volatile in ("LastModifiedDate", "ResponseMetadata"):
        before.pop(volatile), after.pop(volatile)
    assert text(after) == text(before)


def test_an_update_with_an_old_lock_is_a_conflict_and_changes_nothing(client):
    identifier = client.create_opportunity(**draft("Lock"))["Id"]
    first, second = echo(client, identifier), echo(client, identifier)
    first["Project"]["Title"] = "First writer"
    second["Project"]["Title"] = "Second writer"
    client.update_opportunity(**first)
    with pytest.raises(client.exceptions.ConflictException) as refusal:
        client.update_opportunity(**second)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "last modified date is not the latest" in str(refusal.value)
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert found["Project"]["Title"] == "First writer"


def test_what_an_update_leaves_out_is_cleared(client):
    identifier = client.create_opportunity(**draft("Cleared"))["Id"]
    request = echo(client, identifier)
    del request["Customer"]["Contacts"]
    del request["PartnerOpportunityIdentifier"]
    client.update_opportunity(**request)
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert "Contacts" not in found["Customer"]
    assert "PartnerOpportunityIdentifier" not in found


def test_next_steps_make_a_history(client):
    identifier = client.create_opportunity(**draft("History"))["Id"]
    for step in ("Send the offer", "Send the offer", "Ask for the signature"):
        request = echo(client, identifier)
        request["LifeCycle"]["NextSteps"] = step
        client.update_opportunity(**request)
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    history = [entry["Value"] for entry in found["LifeCycle"]["NextStepsHistory"]]
    assert history == ["Call them", "Send the offer", "Ask for the signature"]
    assert all(isinstance(entry["Time"], datetime.datetime) for entry in found["LifeCycle"]["NextStepsHistory"])


def test_entities_are_associated_and_taken_away_again(client):
    identifier = client.create_opportunity(**draft("Related"))["Id"]
    entities = [
        ("Solutions", "S-1234567", "Solutions"),
        ("Solutions", "S-0000101", "Solutions"),
        ("AwsProducts", "AmazonEC2Linux", "AwsProducts"),
        (
            "AwsMarketplaceOffers",
            f"arn:aws:aws-marketplace:us-east-1:{ONE.id}:AWSMarketplace/Offer/offer-abcdefghijklm",
            "AwsMarketplaceOffers",
        ),
    ]
    for kind, entity, _ in entities:
        request = dict(
            Catalog="Sandbox",
            OpportunityIdentifier=identifier,
            RelatedEntityType=kind,
            RelatedEntityIdentifier=entity,
        )
        client.associate_opportunity(**request)
        # Twice is not an error.
        client.associate_opportunity(**request)
    related = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["RelatedEntityIdentifiers"]
    assert related["Solutions"] == ["S-1234567", "S-0000101"]
    assert related["AwsProducts"] == ["AmazonEC2Linux"]
    assert related["AwsMarketplaceOffers"] == [entities[3][1]]
    client.disassociate_opportunity(
        Catalog="Sandbox",
        OpportunityIdentifier=identifier,
        RelatedEntityType="Solutions",
        RelatedEntityIdentifier="S-1234567",
    )
    related = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["RelatedEntityIdentifiers"]
    assert related["Solutions"] == ["S-0000101"]


def test_an_unknown_solution_cannot_be_associated(client):
    identifier = client.create_opportunity(**draft("Unknown solution"))["Id"]
    with pytest.raises(ClientError) as refusal:
        client.associate_opportunity(
            Catalog="Sandbox",
            OpportunityIdentifier=identifier,
            RelatedEntityType="Solutions",
            RelatedEntityIdentifier="S-99999999",
        )
    assert refusal.value.response["Error"]["Code"] in ("ValidationException", "ResourceNotFoundException")


def test_an_opportunity_is_assigned_to_a_registered_user(client):
    identifier = client.create_opportunity(**draft("Assigned"))["Id"]
    client.assign_opportunity(
        Catalog="Sandbox",
        Identifier=identifier,
        Assignee={
            "Email": f"nikki.wolf@{ONE.mail_domain}",
            "FirstName": "Ignored",
            "LastName": "Also ignored",
            "BusinessTitle": "OpportunityOwner",
        },
    )
    team = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["OpportunityTeam"]
    owner = [member for member in team if member["BusinessTitle"] == "OpportunityOwner"]
    # The names are those of the registered user, whatever the request says.
    assert [(member["FirstName"], member["LastName"]) for member in owner] == [("Nikki", "Wolf")]
    with pytest.raises(client.exceptions.ValidationException):
        client.assign_opportunity(
            Catalog="Sandbox",
            Identifier=identifier,
            Assignee={
                "Email": "stranger@elsewhere.example.com",
                "FirstName": "No",
                "LastName": "One",
                "BusinessTitle": "OpportunityOwner",
            },
        )


def test_a_submission_without_a_solution_is_refused_with_every_reason(client):
    request = draft("Incomplete")
    del request["Project"]["SalesActivities"]
    identifier = client.create_opportunity(**request)["Id"]
    with pytest.raises(client.exceptions.ValidationException) as refusal:
        client.submit_opportunity(Catalog="Sandbox", Identifier=identifier, InvolvementType="Co-Sell")
    assert refusal.value.response["Reason"] == "BUSINESS_VALIDATION_FAILED"
    assert {"relatedEntityIdentifiers.solutions", "project.salesActivities"} <= set(codes(refusal.value))


def test_a_submission_makes_the_summary_of_awss_side_appear(client):
    identifier = submitted(client, title="Summary")
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert found["LifeCycle"]["ReviewStatus"] == "Submitted"
    summary = client.get_aws_opportunity_summary(Catalog="Sandbox", RelatedOpportunityIdentifier=identifier)
    assert summary["RelatedOpportunityId"] == identifier
    assert summary["InvolvementType"] == "Co-Sell"
    assert summary["Visibility"] == "Full"
    assert summary["Origin"] == "Partner Referral"
    assert summary["Catalog"] == "Sandbox"


def test_a_submitted_opportunity_is_closed_to_updates_until_aws_has_looked_at_it(client):
    identifier = submitted(client, title="Under review")
    request = echo(client, identifier)
    request["Project"]["Title"] = "Too late"
    with pytest.raises(client.exceptions.ValidationException) as refusal:
        client.update_opportunity(**request)
    assert refusal.value.response["Reason"] == "BUSINESS_VALIDATION_FAILED"
    assert client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["Project"]["Title"] == "Under review"


def test_the_sandbox_approves_and_the_deal_moves_on_to_launch(client):
    identifier = submitted(client, title="To the launch")
    review(client, identifier, "In review")
    review(client, identifier, "Approved")
    for stage in ("Technical Validation", "Committed", "Launched"):
        request = echo(client, identifier)
        assert request["LifeCycle"]["ReviewStatus"] == "Approved"
        request["LifeCycle"]["Stage"] = stage
        if stage == "Launched":
            request["Customer"]["Account"]["AwsAccountId"] = "123456789012"
        client.update_opportunity(**request)
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert found["LifeCycle"]["Stage"] == "Launched"


def test_after_approval_the_title_is_locked_and_the_stage_is_free(client):
    identifier = submitted(client, title="Locked")
    review(client, identifier, "Approved")
    request = echo(client, identifier)
    request["Project"]["Title"] = "Renamed"
    with pytest.raises(client.exceptions.ValidationException) as refusal:
        client.update_opportunity(**request)
    assert codes(refusal.value) == {"project.title": "ACTION_NOT_PERMITTED"}
    request["Project"]["Title"] = "Locked"
    request["LifeCycle"]["Stage"] = "Business Validation"
    client.update_opportunity(**request)


def test_the_sandbox_asks_for_action_and_an_allowed_edit_submits_again(client):
    identifier = submitted(client, title="Action")
    review(
        client,
        identifier,
        "Action Required",
        ReviewStatusReason="Customer details",
        ReviewComments="Where does the customer live?",
    )
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["LifeCycle"]
    assert found["ReviewStatus"] == "Action Required"
    assert found["ReviewStatusReason"] == "Customer details"
    assert found["ReviewComments"] == "Where does the customer live?"
    request = echo(client, identifier)
    request["Customer"]["Account"]["Address"]["StreetAddress"] = "1 Main Street"
    client.update_opportunity(**request)
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert found["LifeCycle"]["ReviewStatus"] == "Submitted"
    assert found["Customer"]["Account"]["Address"]["StreetAddress"] == "1 Main Street"
    # Clients written for AWS submit once more, which must not hurt.
    client.submit_opportunity(Catalog="Sandbox", Identifier=identifier, InvolvementType="Co-Sell")
    review(client, identifier, "Approved")


def test_the_sandbox_rejects_and_that_is_the_end(client):
    identifier = submitted(client, title="Rejected")
    review(client, identifier, "Rejected", ReviewStatusReason="Duplicate")
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["LifeCycle"]
    assert (found["ReviewStatus"], found["ReviewStatusReason"]) == ("Rejected", "Duplicate")
    request = echo(client, identifier)
    request["LifeCycle"]["NextSteps"] = "Try again"
    with pytest.raises(client.exceptions.ValidationException):
        client.update_opportunity(**request)


def test_closing_a_deal_as_lost_needs_its_reason(client):
    identifier = submitted(client, title="Lost")
    review(client, identifier, "Approved")
    request = echo(client, identifier)
    request["LifeCycle"]["Stage"] = "Closed Lost"
    with pytest.raises(client.exceptions.ValidationException) as refusal:
        client.update_opportunity(**request)
    assert "lifeCycle.closedLostReason" in codes(refusal.value)
    request["LifeCycle"]["ClosedLostReason"] = "Price"
    client.update_opportunity(**request)
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["LifeCycle"]
    assert (found["Stage"], found["ClosedLostReason"]) == ("Closed Lost", "Price")


def test_a_close_date_of_today_is_refused_at_once(client):
    request = draft("Today")
    request["LifeCycle"]["TargetCloseDate"] = in_days(0)
    with pytest.raises(client.exceptions.ValidationException) as refusal:
        client.create_opportunity(**request)
    assert refusal.value.response["Reason"] == "BUSINESS_VALIDATION_FAILED"
    assert list(codes(refusal.value)) == ["lifeCycle.targetCloseDate"]


def test_the_same_token_and_body_give_the_first_answer_again(client):
    request = draft("Idempotent")
    first, second = client.create_opportunity(**request), client.create_opportunity(**request)
    assert first["Id"] == second["Id"]
    assert first["LastModifiedDate"] == second["LastModifiedDate"]


def test_the_same_token_with_another_body_is_a_conflict(client):
    request = draft("Idempotent, first")
    client.create_opportunity(**request)
    request["Project"]["Title"] = "Idempotent, second"
    with pytest.raises(client.exceptions.ConflictException) as refusal:
        client.create_opportunity(**request)
    assert "Conflicting client token" in str(refusal.value)


def test_without_a_token_boto3_makes_one_and_two_calls_make_two_opportunities(client):
    request = draft("No token")
    del request["ClientToken"]
    first, second = client.create_opportunity(**request), client.create_opportunity(**request)
    assert first["Id"] != second["Id"]


def test_free_forms_of_client_tokens_are_taken(client):
    for token in (f"hubspot-deal-{uuid.uuid4()}", f"org-{uuid.uuid4()}", "t" + uuid.uuid4().hex):
        client.create_opportunity(**draft("Token", ClientToken=token))


def test_unicode_and_emoji_survive(client):
    request = draft("Żółć 数据湖 🏔️👩‍💻 \"quoted\" \\ & <b> é", company="Grüße & Söhne 株式会社 🚀")
    request["Customer"]["Account"]["Address"]["City"] = "Zürich"
    request["LifeCycle"]["NextSteps"] = "línea uno\nline two\ttabbed"
    identifier = client.create_opportunity(**request)["Id"]
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert found["Project"]["Title"] == request["Project"]["Title"]
    assert found["Customer"]["Account"] == request["Customer"]["Account"]
    assert found["LifeCycle"]["NextSteps"] == request["LifeCycle"]["NextSteps"]
    client.update_opportunity(**echo(client, identifier))
    again = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert again["Project"]["Title"] == request["Project"]["Title"]


def test_tags_are_set_replaced_listed_and_removed(client):
    request = draft("Tagged", Tags=[{"Key": "team", "Value": "north"}])
    identifier = client.create_opportunity(**request)["Id"]
    arn = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["Arn"]

    def tags():
        listed = client.list_tags_for_resource(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in listed}

    assert tags() == {"team": "north"}
    client.tag_resource(
        ResourceArn=arn, Tags=[{"Key": "team", "Value": "south"}, {"Key": "größe", "Value": "xl"}]
    )
    assert tags() == {"team": "south", "größe": "xl"}
    client.untag_resource(ResourceArn=arn, TagKeys=["team", "never there"])
    assert tags() == {"größe": "xl"}
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(ResourceArn=arn[: arn.rindex("/")] + "/O999999999")


def test_a_contract_value_gives_the_monthly_amount_of_aws(client):
    request = draft("Contract")
    request["Project"]["ExpectedCustomerSpend"] = [
        {"Amount": "120000", "CurrencyCode": "USD", "Frequency": "None", "TargetCompany": "Self"}
    ]
    request["Project"]["ExpectedContractDuration"] = {"Term": "Months", "Value": "12"}
    identifier = client.create_opportunity(**request)["Id"]
    spend = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["Project"]["ExpectedCustomerSpend"]
    assert [(entry["TargetCompany"], entry["Amount"]) for entry in spend] == [("AWS", "10000"), ("Self", "120000")]
    # The pair of entries goes back unchanged.
    client.update_opportunity(**echo(client, identifier))
