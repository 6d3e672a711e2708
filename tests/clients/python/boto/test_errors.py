"""Errors as boto3 raises them: the class, the parsed members, the identity behind the request."""

import datetime

import botocore.auth
import pytest
from botocore.exceptions import ClientError
from harness import ONE, codes, connect, draft


def refusal(call, *arguments, **request) -> ClientError:
    """The error of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **request)
    return caught.value


def test_a_validation_exception_lists_every_violation_of_the_shape(client):
    request = draft("Wrong")
    request["Customer"]["Account"]["Industry"] = "Nonsense"
    request["Customer"]["Account"]["Duns"] = "12"
    request["OpportunityType"] = "New"
    request["Project"]["CustomerBusinessProblem"] = "short"
    error = refusal(client.create_opportunity, **request)
    assert isinstance(error, client.exceptions.ValidationException)
    assert error.response["Error"]["Code"] == "ValidationException"
    assert error.response["Error"]["Message"]
    assert error.response["Reason"] == "REQUEST_VALIDATION_FAILED"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert codes(error) == {
        "customer.account.industry": "INVALID_ENUM_VALUE",
        "customer.account.duns": "INVALID_STRING_FORMAT",
        "opportunityType": "INVALID_ENUM_VALUE",
        "project.customerBusinessProblem": "INVALID_STRING_FORMAT",
    }
    messages = {item["FieldName"]: item["Message"] for item in error.response["ErrorList"]}
    assert "Net New Business" in messages["opportunityType"]


def test_business_rules_are_checked_after_the_shape_and_all_at_once(client):
    request = draft("Business")
    request["Customer"]["Account"]["Address"]["StateOrRegion"] = "CA"
    request["Customer"]["Account"]["Address"]["PostalCode"] = "ABC"
    request["LifeCycle"]["TargetCloseDate"] = "2020-01-01"
    error = refusal(client.create_opportunity, **request)
    assert isinstance(error, client.exceptions.ValidationException)
    assert error.response["Reason"] == "BUSINESS_VALIDATION_FAILED"
    assert set(codes(error)) == {
        "customer.account.address.stateOrRegion",
        "customer.account.address.postalCode",
        "lifeCycle.targetCloseDate",
    }


def test_an_unknown_opportunity_is_not_found_in_every_operation(client):
    missing = dict(Catalog="Sandbox")
    calls = [
        (client.get_opportunity, dict(Identifier="O404")),
        (client.get_aws_opportunity_summary, dict(RelatedOpportunityIdentifier="O404")),
        (client.submit_opportunity, dict(Identifier="O404", InvolvementType="Co-Sell")),
        (
            client.associate_opportunity,
            dict(
                OpportunityIdentifier="O404",
                RelatedEntityType="Solutions",
                RelatedEntityIdentifier="S-1234567",
            ),
        ),
        (
            client.disassociate_opportunity,
            dict(
                OpportunityIdentifier="O404",
                RelatedEntityType="Solutions",
                RelatedEntityIdentifier="S-1234567",
            ),
        ),
        (
            client.assign_opportunity,
            dict(
                Identifier="O404",
                Assignee={
                    "Email": f"nikki.wolf@{ONE.mail_domain}",
                    "FirstName": "Nikki",
                    "LastName": "Wolf",
                    "BusinessTitle": "OpportunityOwner",
                },
            ),
        ),
    ]
    for call, request in calls:
        error = refusal(call, **missing, **request)
        assert isinstance(error, client.exceptions.ResourceNotFoundException), call
        assert error.response["Error"]["Message"]


def test_every_answer_carries_a_request_id_of_its_own(client):
    seen = {client.list_solutions(Catalog="Sandbox")["ResponseMetadata"]["RequestId"] for _ in range(5)}
    error = refusal(client.get_opportunity, Catalog="Sandbox", Identifier="O404")
    seen.add(error.response["ResponseMetadata"]["RequestId"])
    assert len(seen) == 6 and all(seen)


def test_an_unknown_catalog_is_refused(client):
    error = refusal(client.list_opportunities, Catalog="Playground")
    assert isinstance(error, client.exceptions.ValidationException)
    assert "catalog" in codes(error)


def test_a_wrong_secret_is_an_invalid_signature(server):
    stranger = connect(server.endpoint, secret="wrong" * 8)
    error = refusal(stranger.list_opportunities, Catalog="Sandbox")
    assert error.response["Error"]["Code"] == "InvalidSignatureException"


def test_an_unknown_key_is_an_unrecognised_client(server):
    stranger = connect(server.endpoint, key="AKIAUNKNOWNEXAMPLE00")
    error = refusal(stranger.list_opportunities, Catalog="Sandbox")
    assert error.response["Error"]["Code"] == "UnrecognizedClientException"


@pytest.mark.parametrize("minutes", [-20, -6, 6, 20])
def test_a_skewed_clock_is_refused_with_both_times(server, monkeypatch, minutes):
    skewed = connect(server.endpoint)
    real = botocore.auth.get_current_datetime

    def wrong(*arguments, **settings):
        return real(*arguments, **settings) + datetime.timedelta(minutes=minutes)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", wrong)
    error = refusal(skewed.list_opportunities, Catalog="Sandbox")
    assert error.response["Error"]["Code"] in ("InvalidSignatureException", "RequestExpired")
    assert error.response["Error"]["Message"]


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_that_is_a_little_off_is_tolerated(server, monkeypatch, minutes):
    skewed = connect(server.endpoint)
    real = botocore.auth.get_current_datetime

    def wrong(*arguments, **settings):
        return real(*arguments, **settings) + datetime.timedelta(minutes=minutes)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", wrong)
    skewed.list_opportunities(Catalog="Sandbox")


def test_a_twelve_digit_key_is_an_account_of_its_own_in_development(server, client):
    first = connect(server.endpoint, key="999900001111", secret="anything")
    second = connect(server.endpoint, key="999900002222", secret="anything")
    identifier = first.create_opportunity(**draft("Open account"))["Id"]
    assert ":999900001111:" in first.get_opportunity(Catalog="Sandbox", Identifier=identifier)["Arn"]
    for stranger in (second, client):
        error = refusal(stranger.get_opportunity, Catalog="Sandbox", Identifier=identifier)
        assert error.response["Error"]["Code"] == "ResourceNotFoundException"
    assert second.list_opportunities(Catalog="Sandbox")["OpportunitySummaries"] == []
