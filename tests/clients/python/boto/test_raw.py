"""What the SDKs never send but Postman, scripts and small signers do."""

import datetime

import raw
from harness import draft


def test_the_path_form_answers_absent_members_as_nulls(server, client):
    identifier = client.create_opportunity(**draft("Path form"))["Id"]
    answer = raw.call_path(server.endpoint, "GetOpportunity", {"Catalog": "Sandbox", "Identifier": identifier})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-amzn-requestid"]
    found = answer.json
    assert found["Project"]["Title"] == "Path form"
    for name in ("SoftwareRevenue", "NationalSecurity"):
        assert name in found
    assert found["SoftwareRevenue"] is None
    assert found["LifeCycle"]["ReviewComments"] is None
    assert found["RelatedEntityIdentifiers"]["Solutions"] == []
    assert isinstance(found["LastModifiedDate"], str) and found["LastModifiedDate"].endswith("Z")


def test_the_path_form_works_through_a_whole_life(server):
    created = raw.call_path(server.endpoint, "CreateOpportunity", draft("Path life"))
    assert created.status == 200
    identifier = created.json["Id"]
    found = raw.call_path(
        server.endpoint, "GetOpportunity", {"Catalog": "Sandbox", "Identifier": identifier}
    ).json
    # Sent back as it came, nulls and read-only members included.
    found["Identifier"] = found.pop("Id")
    found["LifeCycle"]["NextSteps"] = "Changed"
    updated = raw.call_path(server.endpoint, "UpdateOpportunity", found)
    assert updated.status == 200, updated.json
    related = {
        "Catalog": "Sandbox",
        "OpportunityIdentifier": identifier,
        "RelatedEntityType": "Solutions",
        "RelatedEntityIdentifier": "S-1234567",
    }
    assert raw.call_path(server.endpoint, "AssociateOpportunity", related).status == 200
    submit = {
        "Catalog": "Sandbox",
        "Identifier": identifier,
        "InvolvementType": "Co-Sell",
        "ClientToken": "unknown to this operation",
    }
    assert raw.call_path(server.endpoint, "SubmitOpportunity", submit).status == 200
    listed = raw.call_path(
        server.endpoint, "ListOpportunities", {"Catalog": "Sandbox", "Identifier": [identifier]}
    ).json
    assert [row["Id"] for row in listed["OpportunitySummaries"]] == [identifier]
    assert listed["NextToken"] is None


def test_errors_of_the_path_form_are_named_in_header_and_body(server):
    answer = raw.call_path(server.endpoint, "GetOpportunity", {"Catalog": "Sandbox", "Identifier": "O404"})
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"].startswith("ResourceNotFoundException")
    assert answer.json["Message"]


def test_null_members_count_as_absent(server):
    request = draft("Nulls")
    request["PartnerOpportunityIdentifier"] = None
    request["LifeCycle"]["ClosedLostReason"] = None
    request["Customer"]["Contacts"] = []
    request["SoftwareRevenue"] = {}
    request["NationalSecurity"] = None
    answer = raw.call(server.endpoint, "CreateOpportunity", request)
    assert answer.status == 200, answer.json
    listed = raw.call(
        server.endpoint,
        "ListOpportunities",
        {
            "Catalog": "Sandbox",
            "NextToken": None,
            "Identifier": [],
            "LastModifiedDate": {"AfterLastModifiedDate": None, "BeforeLastModifiedDate": None},
        },
    )
    assert listed.status == 200, listed.json
    missing = raw.call(server.endpoint, "ListOpportunities", {"Catalog": None})
    assert missing.json["ErrorList"][0]["FieldName"] == "catalog"
    assert missing.json["ErrorList"][0]["Code"] == "REQUIRED_FIELD_MISSING"


def test_unknown_members_are_ignored(server):
    request = draft("Unknown members", Unheard={"of": [1, 2, {"deep": None}]})
    request["Project"]["Unheard"] = "of"
    answer = raw.call(server.endpoint, "CreateOpportunity", request)
    assert answer.status == 200, answer.json
    found = raw.call(server.endpoint, "GetOpportunity", {"Catalog": "Sandbox", "Identifier": answer.json["Id"]})
    assert "Unheard" not in found.json and "Unheard" not in found.json["Project"]


def test_absent_members_are_left_out_of_the_sdks_protocol(server, client):
    identifier = client.create_opportunity(**draft("No nulls"))["Id"]
    answer = raw.call(server.endpoint, "GetOpportunity", {"Catalog": "Sandbox", "Identifier": identifier})
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert b":null" not in answer.body


def test_void_operations_answer_with_nothing(server, client):
    identifier = client.create_opportunity(**draft("Void"))["Id"]
    answer = raw.call(
        server.endpoint,
        "AssociateOpportunity",
        {
            "Catalog": "Sandbox",
            "OpportunityIdentifier": identifier,
            "RelatedEntityType": "Solutions",
            "RelatedEntityIdentifier": "S-1234567",
        },
    )
    assert answer.status == 200
    assert answer.body in (b"", b"{}")


def test_an_error_names_its_type_in_the_body_too_since_boto3_reads_nothing_else(server):
    answer = raw.call(server.endpoint, "GetOpportunity", {"Catalog": "Sandbox", "Identifier": "O404"})
    assert answer.json["__type"].rsplit("#")[-1] == "ResourceNotFoundException"
    assert answer.headers["x-amzn-errortype"] == "ResourceNotFoundException"
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"


def test_a_changed_body_does_not_fit_its_signature(server):
    import http.client
    import urllib.parse

    host = urllib.parse.urlsplit(server.endpoint).netloc
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AWSPartnerCentralSelling.ListOpportunities",
    }
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = raw.sign(host, "/", headers, b'{"Catalog":"Sandbox"}', raw.ONE, now)
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", "/", b'{"Catalog":"sandbox"}', signed)
    answer = raw.Answer(connection.getresponse())
    assert answer.status in (400, 403)
    assert answer.json["__type"].endswith("InvalidSignatureException")


def test_a_request_as_typed_with_line_breaks_is_understood(server):
    body = b'\r\n{\r\n  "Catalog" : "Sandbox",\r\n  "MaxResults" : 1\r\n}\r\n'
    assert raw.call_path(server.endpoint, "ListOpportunities", body).status == 200


def test_html_entities_of_an_echo_are_taken_back(server, client):
    request = draft("Plain & simple: a title")
    identifier = client.create_opportunity(**request)["Id"]
    found = raw.call_path(
        server.endpoint, "GetOpportunity", {"Catalog": "Sandbox", "Identifier": identifier}
    ).json
    assert found["Project"]["Title"] == "Plain & simple: a title"
    found["Identifier"] = found.pop("Id")
    found["Project"]["Title"] = "Plain &amp; simple&colon; a title"
    assert raw.call_path(server.endpoint, "UpdateOpportunity", found).status == 200
    after = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert after["Project"]["Title"] == "Plain & simple: a title"
