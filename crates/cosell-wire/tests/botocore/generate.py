"""Writes requests.json: requests as botocore signs them, for tests/sigv4_botocore.rs.

Run once per botocore version that should be covered:

    python3 -m venv venv && venv/bin/pip install botocore==1.44.5
    venv/bin/python generate.py > requests.json

The first half goes through whole clients (the request is caught before it is sent), the second half through the signer
alone with requests that no client of this API makes but that the rules cover. The clock and the random source are fixed,
so the same botocore writes the same file. User-Agent is left out: botocore does not sign it and it names the machine.
"""

import datetime
import json
import random
import sys
import uuid
from urllib.parse import urlsplit

import botocore
import botocore.auth
import botocore.handlers
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

SERVICE = "partnercentral-selling"
KEYS = [
    ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None),
    ("ASIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", "IQoJb3JpZ2luX2VjEXAMPLE/+token=="),
    ("111122223333", "x", None),
]
TIMES = [
    datetime.datetime(2026, 11, 21, 7, 43, 19, tzinfo=datetime.timezone.utc),
    datetime.datetime(2024, 2, 29, 23, 59, 59, tzinfo=datetime.timezone.utc),
    datetime.datetime(2027, 1, 1, 0, 0, 0, tzinfo=datetime.timezone.utc),
]
ENDPOINTS = ["http://127.0.0.1:7733", "https://partners.example.com", "http://localhost:80", "http://[::1]:7733/"]

chance = random.Random(20261121)
uuid.uuid4 = lambda: uuid.UUID(int=chance.getrandbits(128), version=4)
clock = TIMES[0]
botocore.auth.get_current_datetime = lambda *_, **__: clock


def fact(name, request, body, key, region):
    """One row: everything a server sees, and the secrets to check it with."""
    parts = urlsplit(request.url)
    headers = []
    for header, value in request.headers.items():
        if header.lower() != "user-agent":
            headers.append([header.lower(), value.decode() if isinstance(value, bytes) else str(value)])
    if not any(header == "host" for header, _ in headers):
        default = {"http": ":80", "https": ":443"}[parts.scheme]
        host = parts.netloc[: -len(default)] if parts.netloc.endswith(default) else parts.netloc
        headers.append(["host", host])
    return {
        "name": name,
        "now": clock.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "access_key_id": key[0],
        "secret": key[1],
        "session_token": key[2],
        "region": region,
        "method": request.method,
        "path": parts.path or "/",
        "query": parts.query or None,
        "headers": headers,
        "body": body.decode() if isinstance(body, bytes) else (body or ""),
    }


def through_clients():
    """Calls of every kind of body, with every key, endpoint and time."""
    global clock
    calls = [
        ("GetOpportunity", {"Catalog": "Sandbox", "Identifier": "O3019690"}),
        ("ListOpportunities", {"Catalog": "AWS", "MaxResults": 20, "Sort": {"SortBy": "LastModifiedDate", "SortOrder": "DESCENDING"}}),
        ("AssociateOpportunity", {"Catalog": "Sandbox", "OpportunityIdentifier": "O3019690", "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-1234567"}),
        ("CreateOpportunity", {
            "Catalog": "Sandbox", "ClientToken": "test-annjq11we", "Origin": "Partner Referral",
            "Customer": {"Account": {"CompanyName": "Bäckerei \"Zum Löwen\" 北京 🦁", "Industry": "Retail", "WebsiteUrl": "https://example.com",
                                     "Address": {"CountryCode": "DE", "PostalCode": "10115"}}},
            "Project": {"Title": "A  title   with spaces", "CustomerBusinessProblem": "line one\nline two\t" + "x" * 2000},
            "LifeCycle": {"Stage": "Prospect", "TargetCloseDate": "2027-03-31"},
        }),
        ("UntagResource", {"ResourceArn": "arn:aws:partnercentral:us-east-1:111122223333:catalog/Sandbox/opportunity/O3019690", "TagKeys": ["a b", "é"]}),
    ]
    caught = {}

    def catch(request, **_):
        caught["request"] = request
        return AWSResponse(request.url, 200, {}, type("Raw", (), {"stream": lambda self, *_: iter([b"{}"])})())

    for key in KEYS:
        for region, endpoint, clock in zip(["us-east-1", "eu-central-1", "us-east-1", "local"], ENDPOINTS, TIMES + TIMES[:1]):
            session = botocore.session.Session()
            session.set_credentials(*key)
            client = session.create_client(SERVICE, region_name=region, endpoint_url=endpoint, config=Config(parameter_validation=False))
            client.meta.events.register("before-send", catch)
            for operation, arguments in calls:
                caught.clear()
                client._make_api_call(operation, arguments)
                request = caught["request"]
                yield fact(f"client {operation} {endpoint} {key[0]}", request, request.body, key, region)


def through_the_signer():
    """Odd headers, paths, queries, dates and bodies."""
    global clock
    base = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSPartnerCentralSelling.GetOpportunity"}
    odd = [
        ("plain", "/", base, b"{}"),
        ("no headers", "/", {}, b""),
        ("path form", "/GetOpportunity", {"Content-Type": "application/json"}, b"{\r\n  \"Catalog\": \"AWS\"\r\n}"),
        ("repeated spaces", "/", base | {"X-Amz-Meta-Note": "  two  spaces   and    more  "}, b"{}"),
        ("empty value", "/", base | {"X-Amz-Meta-Empty": ""}, b"{}"),
        ("only spaces", "/", base | {"X-Amz-Meta-Empty": "    "}, b"{}"),
        ("tabs", "/", base | {"X-Amz-Meta-Tab": "a\tb \t c"}, b"{}"),
        ("commas and quotes", "/", base | {"X-Amz-Meta-List": "a,b, c,\"d  e\""}, b"{}"),
        ("own host", "/", base | {"Host": "partners.example.com:8443"}, b"{}"),
        ("http date", "/", base | {"Date": "to be replaced"}, b"{}"),
        ("content sha", "/", base | {"X-Amz-Content-SHA256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}, b"{}"),
        ("sorted query", "/?b=2&a=1&A=3&a-b=4", base, b"{}"),
        ("encoded query", "/?q=a%20b%2Fc&empty=&k=%E2%82%AC", base, b"{}"),
        ("dotted path", "/a/./b/../GetOpportunity", base, b"{}"),
        ("doubled slashes", "//a//b/", base, b"{}"),
        ("encoded path", "/a%20b/%E2%82%AC:*", base, b"{}"),
        ("utf-8 body", "/", base, "{\"Title\":\"Bäckerei 北京 🦁\"}".encode()),
        ("long body", "/", base, b"[" + b"1," * 1500 + b"1]"),
        ("browser headers", "/", base | {"Origin": "http://localhost:5173", "Accept": "*/*", "Accept-Language": "de;q=0.9,  en;q=0.8"}, b"{}"),
    ]
    for key in KEYS:
        for number, (name, path, headers, body) in enumerate(odd):
            clock = TIMES[number % len(TIMES)]
            request = AWSRequest(method="POST", url="http://127.0.0.1:7733" + path, headers=headers, data=body)
            SigV4Auth(Credentials(*key), SERVICE, "us-east-1").add_auth(request)
            yield fact(f"signer {name} {key[0]}", request, body, key, "us-east-1")


rows = list(through_clients()) + list(through_the_signer())
json.dump({"botocore": botocore.__version__, "requests": rows}, sys.stdout, ensure_ascii=False, indent=1)
sys.stdout.write("\n")
