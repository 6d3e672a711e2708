"""Time that goes by, AWS played by a script, and faults on demand, as boto3 users meet them."""

import datetime
import json
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from harness import ONE, TWO, connect, draft, in_days, submitted

SANDBOX = "Sandbox"


class Operator:
    """The operator API of a server, with the token that its banner says."""

    def __init__(self, server):
        said = {line.rsplit(" ", 1)[0].strip(): line.split()[-1] for line in server.banner.splitlines() if line.strip()}
        self.base, self.token = said["operator API"], said["operator token"]

    def __call__(self, method: str, path: str, body=None):
        request = urllib.request.Request(
            self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)


def invited(client) -> str:
    room = client.create_engagement(
        Catalog=SANDBOX, ClientToken=str(uuid.uuid4()), Title="Data lake", Description="Plans of the lake"
    )
    return client.create_engagement_invitation(
        Catalog=SANDBOX,
        EngagementIdentifier=room["Id"],
        ClientToken=str(uuid.uuid4()),
        Invitation={
            "Message": "Join us",
            "Receiver": {"Account": {"AwsAccountId": TWO.id}},
            "Payload": {
                "OpportunityInvitation": {
                    "ReceiverResponsibilities": ["Reseller"],
                    "Customer": {
                        "CompanyName": "Example Customer",
                        "Industry": "Automotive",
                        "WebsiteUrl": "https://customer.example.com",
                        "CountryCode": "US",
                    },
                    "Project": {
                        "Title": "Data lake",
                        "BusinessProblem": "The customer needs one place for all of its data.",
                        "TargetCompletionDate": in_days(90),
                        "ExpectedCustomerSpend": [
                            {"Amount": "1000", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}
                        ],
                    },
                }
            },
        },
    )["Id"]


def test_an_invitation_expires_after_fifteen_days(fresh_server):
    server = fresh_server()
    operator = Operator(server)
    sender, receiver = connect(server.endpoint), connect(server.endpoint, TWO)
    invitation = invited(sender)
    operator("POST", "/clock/advance", {"by": "14d"})
    read = receiver.get_engagement_invitation(Catalog=SANDBOX, Identifier=invitation)
    assert read["Status"] == "PENDING"
    operator("POST", "/clock/advance", {"by": "1d"})
    read = receiver.get_engagement_invitation(Catalog=SANDBOX, Identifier=invitation)
    assert read["Status"] == "EXPIRED"
    with pytest.raises(ClientError) as refused:
        receiver.accept_engagement_invitation(Catalog=SANDBOX, Identifier=invitation)
    assert refused.value.response["Error"]["Code"] == "ConflictException"
    # boto3 signs by the machine's time all along, and what is made now carries the server's.
    made = sender.get_opportunity(Catalog=SANDBOX, Identifier=sender.create_opportunity(**draft())["Id"])
    now = datetime.datetime.now(datetime.timezone.utc)
    assert made["CreatedDate"] - now > datetime.timedelta(days=14, hours=23)


def test_a_script_plays_aws(fresh_server):
    server = fresh_server("--autopilot", "approve-fast")
    operator = Operator(server)
    client = connect(server.endpoint)
    identifier = submitted(client)
    operator("POST", "/clock/advance", {"by": "1d"})
    read = client.get_opportunity(Catalog=SANDBOX, Identifier=identifier)
    assert read["LifeCycle"]["ReviewStatus"] == "Approved"


def test_boto3_retries_after_a_cut_connection_and_one_opportunity_is_made(fresh_server):
    server = fresh_server()
    operator = Operator(server)
    rule = {"id": "cut", "operations": ["CreateOpportunity"], "first": 1, "effect": "dropAfterCommit"}
    operator("POST", "/faults", rule)
    client = connect(server.endpoint, ONE, retries={"mode": "standard", "max_attempts": 3})
    made = client.create_opportunity(**draft())
    assert made["ResponseMetadata"]["RetryAttempts"] == 1
    listed = client.list_opportunities(Catalog=SANDBOX)["OpportunitySummaries"]
    assert [row["Id"] for row in listed] == [made["Id"]]
    assert operator("GET", "/faults/cut")["hits"] == 1

    # Without retries of its own, a client repeats with the token it had.
    operator("POST", "/faults", {**rule, "id": "again"})
    once = connect(server.endpoint, ONE, retries={"mode": "standard", "total_max_attempts": 1})
    request = draft("Second")
    with pytest.raises(ConnectionClosedError):
        once.create_opportunity(**request)
    repeated = once.create_opportunity(**request)
    listed = client.list_opportunities(Catalog=SANDBOX)["OpportunitySummaries"]
    assert sorted(row["Id"] for row in listed) == sorted([made["Id"], repeated["Id"]])


def test_throttling_on_demand_is_retried_and_an_error_on_demand_is_its_exception(fresh_server):
    server = fresh_server()
    operator = Operator(server)
    operator("POST", "/faults", {"operations": ["List*"], "first": 2, "effect": "throttle"})
    client = connect(server.endpoint, ONE, retries={"mode": "standard", "max_attempts": 4})
    answer = client.list_solutions(Catalog=SANDBOX)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    operator("POST", "/faults", {"operations": ["Get*"], "effect": {"error": {"name": "AccessDeniedException"}}})
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.get_opportunity(Catalog=SANDBOX, Identifier="O1234567")
