"""ListOpportunities and ListSolutions with boto3's own paginators, filters and sorts, over more than one page."""

import datetime
import subprocess

import pytest
from harness import ONE, TWO, Server, binary, connect, draft, echo, in_days, review, submitted

COUNT = 117
STAGES = ("Prospect", "Qualified", "Technical Validation", "Business Validation", "Committed")


@pytest.fixture(scope="module")
def listed():
    """An account with 117 drafts, and the client that sees them: (client, rows as GetOpportunity answers them)."""
    server = Server()
    client = connect(server.endpoint)
    rows = []
    for number in range(COUNT):
        request = draft(f"Deal {number}", company=f"Company {number % 13:02}")
        request["LifeCycle"]["Stage"] = STAGES[number % len(STAGES)]
        request["LifeCycle"]["TargetCloseDate"] = in_days(30 + number % 29)
        identifier = client.create_opportunity(**request)["Id"]
        rows.append(client.get_opportunity(Catalog="Sandbox", Identifier=identifier))
    yield client, rows
    server.stop()


def every(client, **request):
    """All summaries that the paginator of boto3 finds, and the sizes of its pages."""
    pages = list(client.get_paginator("list_opportunities").paginate(Catalog="Sandbox", **request))
    sizes = [len(page["OpportunitySummaries"]) for page in pages]
    return [summary for page in pages for summary in page["OpportunitySummaries"]], sizes


def ids(summaries):
    return [summary["Id"] for summary in summaries]


@pytest.mark.parametrize(
    ("size", "pages"), [(None, [20] * 5 + [17]), (100, [100, 17]), (50, [50, 50, 17]), (39, [39] * 3)]
)
def test_the_paginator_finds_every_row_once_whatever_the_page_size(listed, size, pages):
    client, rows = listed
    settings = {} if size is None else {"PaginationConfig": {"PageSize": size}}
    found, sizes = every(client, **settings)
    assert sorted(ids(found)) == sorted(ids(rows))
    assert sizes == pages


def test_the_paginator_stops_at_max_items_and_starts_again_from_its_token(listed):
    client, rows = listed
    paginator = client.get_paginator("list_opportunities")
    first = paginator.paginate(Catalog="Sandbox", PaginationConfig={"MaxItems": 33, "PageSize": 10})
    head = first.build_full_result()
    assert len(head["OpportunitySummaries"]) == 33
    rest = paginator.paginate(
        Catalog="Sandbox", PaginationConfig={"StartingToken": head["NextToken"], "PageSize": 10}
    )
    tail = rest.build_full_result()
    both = ids(head["OpportunitySummaries"]) + ids(tail["OpportunitySummaries"])
    assert sorted(both) == sorted(ids(rows)) and len(set(both)) == COUNT


def test_the_last_page_carries_no_token(listed):
    client, _ = listed
    assert "NextToken" in client.list_opportunities(Catalog="Sandbox", MaxResults=100)
    assert "NextToken" not in client.list_opportunities(Catalog="Sandbox", CustomerCompanyName=["Company 00"])


SORTS = {
    "LastModifiedDate": lambda row: row["LastModifiedDate"],
    "CreatedDate": lambda row: row["CreatedDate"],
    "Identifier": lambda row: row["Id"],
    "CustomerCompanyName": lambda row: row["Customer"]["Account"]["CompanyName"],
    "TargetCloseDate": lambda row: row["LifeCycle"]["TargetCloseDate"],
}


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
@pytest.mark.parametrize("field", SORTS)
def test_rows_come_in_the_order_asked_for_across_pages(listed, field, order):
    client, rows = listed
    found, _ = every(
        client, Sort={"SortBy": field, "SortOrder": order}, PaginationConfig={"PageSize": 25}
    )
    key = {row["Id"]: SORTS[field](row) for row in rows}
    values = [key[identifier] for identifier in ids(found)]
    assert values == sorted(key.values(), reverse=order == "DESCENDING")
    assert len(set(ids(found))) == COUNT


def test_without_a_sort_the_latest_change_comes_first(listed):
    client, rows = listed
    found, _ = every(client)
    assert ids(found) == [row["Id"] for row in sorted(rows, key=lambda row: row["LastModifiedDate"], reverse=True)]


def matches(rows, condition):
    return sorted(row["Id"] for row in rows if condition(row))


def test_the_stage_filter_takes_several_stages(listed):
    client, rows = listed
    wanted = ["Prospect", "Committed"]
    found, _ = every(client, LifeCycleStage=wanted)
    assert sorted(ids(found)) == matches(rows, lambda row: row["LifeCycle"]["Stage"] in wanted)
    assert found


def test_the_company_filter_takes_several_companies(listed):
    client, rows = listed
    wanted = ["Company 03", "Company 07", "Nobody"]
    found, _ = every(client, CustomerCompanyName=wanted)
    assert sorted(ids(found)) == matches(
        rows, lambda row: row["Customer"]["Account"]["CompanyName"] in wanted
    )
    assert found


def test_the_identifier_filter_takes_twenty_identifiers(listed):
    client, rows = listed
    wanted = [row["Id"] for row in rows[:20]]
    found, _ = every(client, Identifier=wanted)
    assert sorted(ids(found)) == sorted(wanted)
    with pytest.raises(client.exceptions.ValidationException):
        client.list_opportunities(Catalog="Sandbox", Identifier=[row["Id"] for row in rows[:21]])


def test_the_review_status_filter_follows_the_review(fresh_server):
    client = connect(fresh_server().endpoint)
    pending = client.create_opportunity(**draft("Pending"))["Id"]
    waiting = submitted(client, title="Waiting")
    approved = submitted(client, title="Approved")
    review(client, approved, "Approved")

    def with_status(*statuses):
        return sorted(ids(every(client, LifeCycleReviewStatus=list(statuses))[0]))

    assert with_status("Pending Submission") == [pending]
    assert with_status("Submitted") == [waiting]
    assert with_status("Submitted", "Approved") == sorted([waiting, approved])
    assert with_status("Rejected") == []


def test_filters_of_different_kinds_must_all_hold(listed):
    client, rows = listed
    found, _ = every(client, LifeCycleStage=["Qualified"], CustomerCompanyName=["Company 01", "Company 06"])
    assert sorted(ids(found)) == matches(
        rows,
        lambda row: row["LifeCycle"]["Stage"] == "Qualified"
        and row["Customer"]["Account"]["CompanyName"] in ("Company 01", "Company 06"),
    )
    assert found


@pytest.mark.parametrize("name", ["LastModifiedDate", "CreatedDate"])
def test_a_range_of_timestamps_includes_its_lower_end(listed, name):
    client, rows = listed
    moments = sorted(row[name] for row in rows)
    low, high = moments[20], moments[80]
    found, _ = every(client, **{name: {f"After{name}": low}})
    assert sorted(ids(found)) == matches(rows, lambda row: row[name] >= low)
    found, _ = every(client, **{name: {f"After{name}": low, f"Before{name}": high}})
    inside = matches(rows, lambda row: low <= row[name] < high)
    assert set(inside) <= set(ids(found)) <= set(matches(rows, lambda row: low <= row[name] <= high))


def test_the_range_of_target_close_dates_is_in_days(listed):
    client, rows = listed
    low, high = in_days(35), in_days(40)
    found, _ = every(
        client, TargetCloseDate={"AfterTargetCloseDate": low, "BeforeTargetCloseDate": high}
    )
    inside = matches(rows, lambda row: low < row["LifeCycle"]["TargetCloseDate"] < high)
    around = matches(rows, lambda row: low <= row["LifeCycle"]["TargetCloseDate"] <= high)
    assert inside and set(inside) <= set(ids(found)) <= set(around)


def test_the_recommended_synchronisation_finds_what_changed_since(fresh_server):
    client = connect(fresh_server().endpoint)
    created = [client.create_opportunity(**draft(f"Sync {number}"))["Id"] for number in range(5)]
    high_water = max(row["LastModifiedDate"] for row in every(client)[0])
    request = echo(client, created[2])
    request["LifeCycle"]["NextSteps"] = "Changed"
    client.update_opportunity(**request)
    since = high_water + datetime.timedelta(milliseconds=1)
    found, _ = every(client, LastModifiedDate={"AfterLastModifiedDate": since})
    assert ids(found) == [created[2]]


def test_summaries_say_what_the_document_says(listed):
    client, rows = listed
    by_id = {row["Id"]: row for row in rows}
    for summary in every(client, PaginationConfig={"PageSize": 100})[0]:
        row = by_id[summary["Id"]]
        for name in ("Arn", "Catalog", "CreatedDate", "LastModifiedDate", "OpportunityType"):
            assert summary[name] == row[name]
        assert summary["LifeCycle"]["Stage"] == row["LifeCycle"]["Stage"]
        assert summary["Customer"]["Account"]["CompanyName"] == row["Customer"]["Account"]["CompanyName"]
        assert summary["Project"]["ExpectedCustomerSpend"] == row["Project"]["ExpectedCustomerSpend"]


def test_empty_filters_are_as_good_as_none(listed):
    client, _ = listed
    found = client.list_opportunities(
        Catalog="Sandbox", MaxResults=100, LifeCycleStage=[], Identifier=[], CustomerCompanyName=[], LastModifiedDate={}
    )
    assert len(found["OpportunitySummaries"]) == 100


def test_a_token_of_another_request_is_refused(listed):
    client, _ = listed
    token = client.list_opportunities(Catalog="Sandbox", MaxResults=10)["NextToken"]
    for request in (
        {"MaxResults": 10, "LifeCycleStage": ["Qualified"]},
        {"MaxResults": 10, "Sort": {"SortBy": "Identifier", "SortOrder": "ASCENDING"}},
    ):
        with pytest.raises(client.exceptions.ValidationException) as refusal:
            client.list_opportunities(Catalog="Sandbox", NextToken=token, **request)
        assert refusal.value.response["ErrorList"][0]["FieldName"] == "nextToken"
    for forged in ("AAAA", token[:-4] + "AAAA"):
        with pytest.raises(client.exceptions.ValidationException):
            client.list_opportunities(Catalog="Sandbox", MaxResults=10, NextToken=forged)


def test_solutions_are_listed_with_filters_and_sorts(client):
    pages = client.get_paginator("list_solutions").paginate(Catalog="Sandbox", PaginationConfig={"PageSize": 1})
    found = [solution for page in pages for solution in page["SolutionSummaries"]]
    assert [solution["Id"] for solution in found] == sorted(solution["Id"] for solution in found)
    assert "S-1234567" in ids(found) and len(found) >= 3
    assert {solution["Status"] for solution in found} == {"Active"}
    assert all(solution["Arn"].endswith(f"/solution/{solution['Id']}") for solution in found)
    services = client.list_solutions(Catalog="Sandbox", Category=["Professional Service"])
    assert services["SolutionSummaries"]
    assert {item["Category"] for item in services["SolutionSummaries"]} == {"Professional Service"}
    one = client.list_solutions(Catalog="Sandbox", Identifier=["S-1234567"], Status=["Active"])
    assert ids(one["SolutionSummaries"]) == ["S-1234567"]
    assert client.list_solutions(Catalog="Sandbox", Status=["Inactive"])["SolutionSummaries"] == []
    for field, key in (("Identifier", "Id"), ("Name", "Name"), ("Status", "Status"), ("Category", "Category")):
        for order in ("ASCENDING", "DESCENDING"):
            listed = client.list_solutions(Catalog="Sandbox", Sort={"SortBy": field, "SortOrder": order})
            values = [item[key] for item in listed["SolutionSummaries"]]
            assert values == sorted(values, reverse=order == "DESCENDING")


def test_two_accounts_see_nothing_of_each_other(fresh_server):
    endpoint = fresh_server().endpoint
    mine, theirs = connect(endpoint), connect(endpoint, TWO)
    identifier = mine.create_opportunity(**draft("Mine"))["Id"]
    assert every(theirs)[0] == []
    with pytest.raises(theirs.exceptions.ResourceNotFoundException):
        theirs.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    request = echo(mine, identifier)
    with pytest.raises(theirs.exceptions.ResourceNotFoundException):
        theirs.update_opportunity(**request)
    arn = mine.get_opportunity(Catalog="Sandbox", Identifier=identifier)["Arn"]
    refusals = (theirs.exceptions.ResourceNotFoundException, theirs.exceptions.AccessDeniedException)
    with pytest.raises(refusals):
        theirs.tag_resource(ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    assert mine.list_tags_for_resource(ResourceArn=arn)["Tags"] == []
    token = draft("Same token in two accounts")
    assert mine.create_opportunity(**token)["Id"] != theirs.create_opportunity(**token)["Id"]


def test_two_catalogs_are_two_worlds(client):
    identifier = client.create_opportunity(**draft("Sandbox only"))["Id"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_opportunity(Catalog="AWS", Identifier=identifier)


def test_more_than_one_hundred_solutions_come_in_pages(fresh_server, tmp_path):
    client = connect(fresh_server(data=tmp_path / "data").endpoint)
    marketplace = f"arn:aws:aws-marketplace:us-east-1:{ONE.id}:AWSMarketplace/Solution/soln-abcdefghijklm"
    for number in range(105):
        add = [str(binary()), "solution", "add", "--data", str(tmp_path / "data"), "--account", ONE.id]
        add += ["--catalog", "Sandbox", "--id", f"S-5{number:06}", "--name", f"Solution {number}"]
        if number == 7:
            add += ["--marketplace-arn", marketplace]
        # Registered beside the running server, which must see them at once.
        subprocess.run([*add, "--category", "Software Product"], check=True, capture_output=True)
    paginator = client.get_paginator("list_solutions")
    pages = list(paginator.paginate(Catalog="Sandbox", PaginationConfig={"PageSize": 100}))
    found = [item["Id"] for page in pages for item in page["SolutionSummaries"]]
    assert [len(page["SolutionSummaries"]) for page in pages] == [100, 8]
    assert found == sorted(set(found))
    one = client.list_solutions(Catalog="Sandbox", AwsMarketplaceSolutionArn=[marketplace])
    assert ids(one["SolutionSummaries"]) == ["S-5000007"]
