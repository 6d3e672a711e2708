"""The starter's pipeline with boto3's own paginators and parsers: everything in it can be read by a client as it is."""

import collections
import subprocess

import pytest
from harness import ONE, TWO, Server, binary, connect


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A server that began with the starter: (server, its data folder)."""
    data = tmp_path_factory.mktemp("starter") / "data"
    server = Server("--seed", "starter", data=data)
    yield server, data
    server.stop()


def pages(client, operation, member, **request):
    """All rows that the paginator of boto3 finds, three to a page."""
    paginator = client.get_paginator(operation)
    found = paginator.paginate(Catalog="Sandbox", PaginationConfig={"PageSize": 3}, **request)
    return [row for page in found for row in page[member]]


def test_every_page_and_every_document_of_the_starter_can_be_read(started):
    server, _ = started
    stages, reviews, invitations = collections.Counter(), collections.Counter(), collections.Counter()
    for account in (ONE, TWO):
        client = connect(server.endpoint, account)
        for row in pages(client, "list_opportunities", "OpportunitySummaries"):
            read = client.get_opportunity(Catalog="Sandbox", Identifier=row["Id"])
            assert read["LifeCycle"]["Stage"] == row["LifeCycle"]["Stage"]
            stages[row["LifeCycle"]["Stage"]] += 1
            reviews[row["LifeCycle"]["ReviewStatus"]] += 1
            if row["LifeCycle"]["ReviewStatus"] == "Approved":
                client.get_aws_opportunity_summary(Catalog="Sandbox", RelatedOpportunityIdentifier=row["Id"])
        for engagement in pages(client, "list_engagements", "EngagementSummaryList"):
            client.get_engagement(Catalog="Sandbox", Identifier=engagement["Id"])
            pages(client, "list_engagement_members", "EngagementMemberList", Identifier=engagement["Id"])
            pages(client, "list_resource_snapshots", "ResourceSnapshotSummaries", EngagementIdentifier=engagement["Id"])
        for side in ("SENDER", "RECEIVER"):
            listed = pages(
                client, "list_engagement_invitations", "EngagementInvitationSummaries", ParticipantType=side
            )
            for row in listed:
                invitations[row["Status"]] += 1
        for task in ("engagement_by_accepting_invitation", "engagement_from_opportunity"):
            assert pages(client, f"list_{task}_tasks", "TaskSummaries"), task
    assert sum(stages.values()) == 40
    assert len(stages) == 7 and len(reviews) == 6
    assert set(invitations) == {"ACCEPTED", "EXPIRED", "PENDING", "REJECTED"}


def test_the_check_finds_every_document_of_the_starter_sound(started):
    _, data = started
    done = subprocess.run(
        [str(binary()), "check", "--data", str(data)], capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
