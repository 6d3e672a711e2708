"""Engagements, their contexts and the selling system settings, as boto3 users work with them."""

import datetime
import uuid

import pytest
from botocore.exceptions import ClientError
from harness import ONE, Server, codes, connect, in_days

SANDBOX = "Sandbox"
CONTACT = {
    "BusinessTitle": "CIO",
    "FirstName": "Jane",
    "LastName": "Doe",
    "Email": "jane@customer.example.com",
}


def lead(number: int = 0) -> dict:
    return {
        "Customer": {"CompanyName": "Example Customer"},
        "Interactions": [{"SourceName": f"Fair {number}", "Contact": CONTACT}],
    }


def project() -> dict:
    return {
        "Customer": {
            "Industry": "Automotive",
            "CompanyName": "Example Customer",
            "WebsiteUrl": "https://customer.example.com",
            "CountryCode": "US",
        },
        "Project": {
            "Title": "Data lake",
            "BusinessProblem": "The customer needs one place for all of its data.",
            "TargetCompletionDate": in_days(90),
        },
    }


def created(client, *contexts, **members) -> dict:
    """What CreateEngagement answers; the token is boto3's own where none is given."""
    known = {"Lead": lead, "CustomerProject": project}
    if contexts:
        members["Contexts"] = [{"Type": kind, "Payload": {kind: known[kind]()}} for kind in contexts]
    return client.create_engagement(**{"Catalog": SANDBOX, "ClientToken": str(uuid.uuid4()), **members})


def refused(call, **request) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value


def test_an_engagement_reads_back_by_identifier_and_by_arn(client):
    made = created(client, "CustomerProject", "Lead", Title="Data lake", Description="For all of the data")
    read = client.get_engagement(Catalog=SANDBOX, Identifier=made["Id"])
    assert read["Arn"] == made["Arn"] and read["ModifiedAt"] == made["ModifiedAt"] == read["CreatedAt"]
    assert isinstance(read["CreatedAt"], datetime.datetime)
    assert (read["Title"], read["Description"]) == ("Data lake", "For all of the data")
    assert read["CreatedBy"] == read["ModifiedBy"] == ONE.id
    assert read["MemberCount"] == 1
    assert [(context["Id"], context["Type"]) for context in read["Contexts"]] == [
        ("1", "CustomerProject"),
        ("2", "Lead"),
    ]
    assert read["Contexts"][0]["Payload"] == {"CustomerProject": project()}
    assert read["Contexts"][1]["Payload"]["Lead"]["QualificationStatus"] == "Unqualified"
    by_arn = client.get_engagement(Catalog=SANDBOX, Identifier=made["Arn"])
    assert {**by_arn, "ResponseMetadata": None} == {**read, "ResponseMetadata": None}


def test_the_creator_is_the_only_member(client):
    made = created(client)
    pages = client.get_paginator("list_engagement_members").paginate(Catalog=SANDBOX, Identifier=made["Id"])
    (member,) = [member for page in pages for member in page["EngagementMemberList"]]
    assert member["AccountId"] == ONE.id and member["CompanyName"] == "Example Partner One"


def test_strangers_learn_nothing_of_an_engagement(client, other):
    made = created(client, "Lead")
    for call in (other.get_engagement, other.list_engagement_members):
        for name in (made["Id"], made["Arn"]):
            error = refused(call, Catalog=SANDBOX, Identifier=name)
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
    listed = other.list_engagements(Catalog=SANDBOX, EngagementIdentifier=[made["Id"]])
    assert listed["EngagementSummaryList"] == []
    error = refused(
        other.create_engagement_context,
        Catalog=SANDBOX,
        EngagementIdentifier=made["Id"],
        ClientToken=str(uuid.uuid4()),
        Type="Lead",
        Payload={"Lead": lead()},
    )
    assert isinstance(error, other.exceptions.ResourceNotFoundException)


def test_the_paginator_finds_every_engagement_once_and_filters_hold():
    server = Server()
    client = connect(server.endpoint)
    try:
        kinds = [(), ("Lead",), ("CustomerProject",), ("Lead", "CustomerProject")]
        made = [created(client, *kinds[number % 4])["Id"] for number in range(48)]

        def listed(**request):
            pages = client.get_paginator("list_engagements").paginate(Catalog=SANDBOX, **request)
            return [row["Id"] for page in pages for row in page["EngagementSummaryList"]]

        for size in (1, 7, 20, 100):
            found = listed(PaginationConfig={"PageSize": size})
            assert sorted(found) == sorted(made), size
        ascending = listed(Sort={"SortBy": "CreatedDate", "SortOrder": "ASCENDING"})
        assert ascending == listed(Sort={"SortBy": "CreatedDate", "SortOrder": "DESCENDING"})[::-1]
        assert ascending[::-1] == listed()
        assert sorted(listed(ContextTypes=["Lead"])) == sorted(made[1::4] + made[3::4])
        assert sorted(listed(ExcludeContextTypes=["Lead"])) == sorted(made[0::4] + made[2::4])
        assert sorted(listed(ContextTypes=["Lead"], ExcludeContextTypes=["CustomerProject"])) == sorted(made[1::4])
        assert sorted(listed(CreatedBy=[ONE.id])) == sorted(made)
        assert listed(ExcludeCreatedBy=[ONE.id]) == []
        assert sorted(listed(EngagementIdentifier=made[:3])) == sorted(made[:3])
    finally:
        server.stop()


def test_the_time_of_a_read_opens_the_lock_and_an_older_one_does_not(client):
    made = created(client, "Lead")
    place = {"Catalog": SANDBOX, "EngagementIdentifier": made["Id"], "ContextIdentifier": "1", "Type": "Lead"}
    for number in range(1, 4):
        read = client.get_engagement(Catalog=SANDBOX, Identifier=made["Id"])
        changed = client.update_engagement_context(
            **place,
            EngagementLastModifiedAt=read["ModifiedAt"],
            Payload={
                "Lead": {
                    "Customer": {"CompanyName": f"Customer {number}"},
                    "Interaction": lead(number)["Interactions"][0],
                }
            },
        )
        assert changed["ContextId"] == "1" and changed["EngagementArn"] == made["Arn"]
        assert changed["EngagementLastModifiedAt"] > read["ModifiedAt"]
    read = client.get_engagement(Catalog=SANDBOX, Identifier=made["Id"])
    kept = read["Contexts"][0]["Payload"]["Lead"]
    assert kept["Customer"] == {"CompanyName": "Customer 3"}
    assert [one["SourceName"] for one in kept["Interactions"]] == ["Fair 0", "Fair 1", "Fair 2", "Fair 3"]
    error = refused(
        client.update_engagement_context,
        **place,
        EngagementLastModifiedAt=made["ModifiedAt"],
        Payload={"Lead": {"Customer": {"CompanyName": "Too late"}}},
    )
    assert isinstance(error, client.exceptions.ConflictException)


def test_five_contexts_are_the_limit_and_a_token_is_answered_again(client):
    made = created(client, "CustomerProject")

    def add(token):
        return client.create_engagement_context(
            Catalog=SANDBOX,
            EngagementIdentifier=made["Arn"],
            ClientToken=token,
            Type="Lead",
            Payload={"Lead": lead()},
        )

    tokens = [str(uuid.uuid4()) for _ in range(4)]
    answers = [add(token) for token in tokens]
    assert [answer["ContextId"] for answer in answers] == ["2", "3", "4", "5"]
    error = refused(add, token=str(uuid.uuid4()))
    assert isinstance(error, client.exceptions.ServiceQuotaExceededException)
    again = add(tokens[-1])
    assert again["ContextId"] == "5"
    assert again["EngagementLastModifiedAt"] == answers[-1]["EngagementLastModifiedAt"]


def test_contexts_of_aws_and_payloads_of_another_type_are_refused(client):
    made = created(client)
    place = {"Catalog": SANDBOX, "EngagementIdentifier": made["Id"]}
    for kind, code in (("ProspectingResult", "ACTION_NOT_PERMITTED"), ("CustomerProject", "INVALID_VALUE")):
        error = refused(
            client.create_engagement_context,
            **place,
            ClientToken=str(uuid.uuid4()),
            Type=kind,
            Payload={"Lead": lead()},
        )
        assert error.response["Reason"] == "BUSINESS_VALIDATION_FAILED"
        assert codes(error) == {"type" if code == "ACTION_NOT_PERMITTED" else "payload": code}
    assert client.get_engagement(Catalog=SANDBOX, Identifier=made["Id"])["Contexts"] == []


def test_the_same_token_is_one_engagement_and_another_body_under_it_a_conflict(client):
    token = str(uuid.uuid4())
    first = created(client, "Lead", ClientToken=token, Title="Once")
    again = created(client, "Lead", ClientToken=token, Title="Once")
    assert again["Id"] == first["Id"] and again["ModifiedAt"] == first["ModifiedAt"]
    error = refused(created, client=client, ClientToken=token, Title="Twice")
    assert isinstance(error, client.exceptions.ConflictException)
    assert error.response["Error"]["Message"] == "Conflicting client token submitted for a new request body."


def test_the_role_of_the_snapshot_jobs_is_put_and_read(fresh_server):
    client = connect(fresh_server().endpoint)
    assert "ResourceSnapshotJobRoleArn" not in client.get_selling_system_settings(Catalog=SANDBOX)
    put = client.put_selling_system_settings(Catalog=SANDBOX, ResourceSnapshotJobRoleIdentifier="snapshots")
    assert put["ResourceSnapshotJobRoleArn"] == f"arn:aws:iam::{ONE.id}:role/snapshots"
    read = client.get_selling_system_settings(Catalog=SANDBOX)
    assert read["ResourceSnapshotJobRoleArn"] == put["ResourceSnapshotJobRoleArn"]
    assert "ResourceSnapshotJobRoleArn" not in client.get_selling_system_settings(Catalog="AWS")
    error = refused(
        client.put_selling_system_settings,
        Catalog=SANDBOX,
        ResourceSnapshotJobRoleIdentifier="arn:aws:iam::999988887777:role/theirs",
    )
    assert isinstance(error, client.exceptions.ValidationException)
    assert codes(error) == {"resourceSnapshotJobRoleIdentifier": "INVALID_VALUE"}
