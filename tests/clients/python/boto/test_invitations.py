"""Invitations into engagements, as boto3 users work with them."""

import uuid

import pytest
from botocore.exceptions import ClientError
from harness import ONE, TWO, in_days

SANDBOX = "Sandbox"


def invite(client, engagement: str, receiver: str) -> dict:
    return client.create_engagement_invitation(
        Catalog=SANDBOX,
        EngagementIdentifier=engagement,
        ClientToken=str(uuid.uuid4()),
        Invitation={
            "Message": "Join us",
            "Receiver": {"Account": {"AwsAccountId": receiver}},
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
                            {
                                "Amount": "1000",
                                "CurrencyCode": "USD",
                                "Frequency": "Monthly",
                                "TargetCompany": "AWS",
                            }
                        ],
                    },
                }
            },
        },
    )


def engagement(client) -> str:
    made = client.create_engagement(
        Catalog=SANDBOX, ClientToken=str(uuid.uuid4()), Title="Data lake", Description="Plans of the lake"
    )
    return made["Id"]


def test_an_invitation_is_accepted_by_its_receiver_once(client, other):
    room = engagement(client)
    made = invite(client, room, TWO.id)
    read = other.get_engagement_invitation(Catalog=SANDBOX, Identifier=made["Arn"])
    assert (read["Status"], read["EngagementId"]) == ("PENDING", room)
    assert read["SenderAwsAccountId"] == ONE.id
    assert (read["ExpirationDate"] - read["InvitationDate"]).days == 15
    other.accept_engagement_invitation(Catalog=SANDBOX, Identifier=made["Id"])
    assert other.get_engagement(Catalog=SANDBOX, Identifier=room)["MemberCount"] == 2
    with pytest.raises(ClientError) as caught:
        other.accept_engagement_invitation(Catalog=SANDBOX, Identifier=made["Id"])
    assert caught.value.response["Error"]["Code"] == "ConflictException"


def test_invitations_are_paged_and_filtered_on_both_sides(client, other):
    rooms = [engagement(client) for _ in range(3)]
    made = [invite(client, room, TWO.id)["Id"] for room in rooms]
    other.reject_engagement_invitation(Catalog=SANDBOX, Identifier=made[1], RejectionReason="No capacity")

    def listed(who, **request) -> list:
        pages = who.get_paginator("list_engagement_invitations").paginate(
            Catalog=SANDBOX, EngagementIdentifier=rooms, PaginationConfig={"PageSize": 1}, **request
        )
        return [row["Id"] for page in pages for row in page["EngagementInvitationSummaries"]]

    assert listed(client, ParticipantType="SENDER") == made[::-1]
    assert listed(other, ParticipantType="RECEIVER") == made[::-1]
    assert listed(other, ParticipantType="RECEIVER", Status=["REJECTED"]) == [made[1]]
    assert listed(client, ParticipantType="RECEIVER") == []
    read = client.get_engagement_invitation(Catalog=SANDBOX, Identifier=made[1])
    assert (read["Status"], read["RejectionReason"]) == ("REJECTED", "No capacity")
