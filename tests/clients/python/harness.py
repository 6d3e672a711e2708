"""What every client test needs: a server of its own, clients for its two accounts, and requests to start from.

Starts the server's binary and nothing else; knows the API only as its public clients do. Must never import from the
project: what is tested here is what strangers see.
"""

import collections
import datetime
import json
import os
import pathlib
import subprocess
import threading
import uuid
from dataclasses import dataclass

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[3]
SERVICE = "partnercentral-selling"
REGION = "us-east-1"


@dataclass(frozen=True)
class Account:
    """An account of the development server, with the key of AWS's own documentation."""

    id: str
    profile: str
    key: str
    secret: str
    mail_domain: str


ONE = Account(
    "111122223333",
    "cosell",
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "one.example.com",
)
TWO = Account(
    "444455556666",
    "cosell-two",
    "AKIAI44QH8DHBEXAMPLE",
    "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    "two.example.com",
)


def binary() -> pathlib.Path:
    """The server under test."""
    given = os.environ.get("COSELL_BIN")
    path = pathlib.Path(given) if given else ROOT / "target" / "debug" / "cosell"
    if not path.is_file():
        raise RuntimeError(f"{path} does not exist: run `cargo build -p cosell`, or set COSELL_BIN to the binary")
    return path


class Server:
    """A development server on a free port of the loopback address, ended by `stop`."""

    def __init__(self, *arguments: str, data: pathlib.Path | None = None):
        place = ["--ephemeral"] if data is None else ["--data", str(data)]
        command = [str(binary()), "dev", *place, "--listen", "127.0.0.1:0", *arguments]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("COSELL_")}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env=clean,
        )
        self.banner = ""
        watchdog = threading.Timer(30, self.process.kill)
        watchdog.start()
        for line in self.process.stdout:
            self.banner += line
            if line.startswith("ready in"):
                break
        else:
            raise RuntimeError(f"the server did not become ready. It said:\n{self.banner}")
        watchdog.cancel()
        # What the server says later must not fill the pipe and stop it.
        self.said = collections.deque(maxlen=10_000)
        threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True).start()

    @property
    def endpoint(self) -> str:
        """The URL that the banner names."""
        for line in self.banner.splitlines():
            if line.startswith("endpoint"):
                return line.split()[1]
        raise RuntimeError(f"the banner names no endpoint:\n{self.banner}")

    def profiles(self) -> str:
        """The profiles of the banner, as a person would paste them into a configuration file."""
        lines = [line.strip() for line in self.banner.splitlines() if line.startswith("  ")]
        return "\n".join(lines) + "\n"

    def stop(self) -> None:
        """Ends this server and only this one."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def connect(endpoint: str, account: Account = ONE, **settings):
    """A boto3 client as a user makes it; `settings` are those of botocore's Config."""
    key = settings.pop("key", account.key)
    secret = settings.pop("secret", account.secret)
    # A proxy of the machine has no business between a test and its own server.
    settings.setdefault("proxies", {})
    return boto3.session.Session().client(
        SERVICE,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(**settings),
    )


def in_days(days: int) -> str:
    """A date that many days from today, in UTC."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return (today + datetime.timedelta(days=days)).isoformat()


def draft(title: str = "Data lake", company: str = "Example Customer", **members) -> dict:
    """Input of CreateOpportunity with everything that a submission asks for; `members` replace top-level members."""
    request = {
        "Catalog": "Sandbox",
        "ClientToken": str(uuid.uuid4()),
        "OpportunityType": "Net New Business",
        "PrimaryNeedsFromAws": ["Co-Sell - Deal Support"],
        "PartnerOpportunityIdentifier": "crm-1",
        "Customer": {
            "Account": {
                "CompanyName": company,
                "Industry": "Software and Internet",
                "WebsiteUrl": "https://customer.example.com",
                "Address": {
                    "CountryCode": "US",
                    "StateOrRegion": "California",
                    "PostalCode": "94105",
                    "City": "San Francisco",
                },
            },
            "Contacts": [{"FirstName": "Jane", "LastName": "Doe", "Email": "jane@customer.example.com"}],
        },
        "Project": {
            "Title": title,
            "CustomerBusinessProblem": "The customer needs one place for all of its data.",
            "CustomerUseCase": "Migration/Database Migration",
            "DeliveryModels": ["SaaS or PaaS"],
            "SalesActivities": ["SOW Signed"],
            "ExpectedCustomerSpend": [
                {"Amount": "10000.00", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}
            ],
        },
        "Marketing": {"Source": "None"},
        "LifeCycle": {"Stage": "Qualified", "TargetCloseDate": in_days(120), "NextSteps": "Call them"},
    }
    request.update(members)
    return request


# What GetOpportunity answers and UpdateOpportunity does not take.
NOT_IN_UPDATE = ("Arn", "CreatedDate", "Id", "OpportunityTeam", "RelatedEntityIdentifiers", "ResponseMetadata")


def echo(client, identifier: str, catalog: str = "Sandbox") -> dict:
    """What GetOpportunity answers, made into the input of UpdateOpportunity as the documentation describes."""
    found = client.get_opportunity(Catalog=catalog, Identifier=identifier)
    request = {name: value for name, value in found.items() if name not in NOT_IN_UPDATE}
    request["Identifier"] = identifier
    return request


def submitted(client, **members) -> str:
    """An opportunity that waits for AWS's review."""
    identifier = client.create_opportunity(**draft(**members))["Id"]
    client.associate_opportunity(
        Catalog="Sandbox",
        OpportunityIdentifier=identifier,
        RelatedEntityType="Solutions",
        RelatedEntityIdentifier="S-1234567",
    )
    client.submit_opportunity(
        Catalog="Sandbox", Identifier=identifier, InvolvementType="Co-Sell", Visibility="Full"
    )
    return identifier


def review(client, identifier: str, status: str, **life_cycle) -> dict:
    """Makes the sandbox act as AWS: an update that only changes the review status."""
    request = echo(client, identifier)
    request["LifeCycle"].update(ReviewStatus=status, **life_cycle)
    return client.update_opportunity(**request)


def codes(error) -> dict:
    """FieldName to Code of a ValidationException, as boto3 parsed it."""
    return {item.get("FieldName"): item["Code"] for item in error.response["ErrorList"]}


def text(value) -> str:
    """A document in a form that two equal ones share."""
    return json.dumps(value, sort_keys=True, default=str)
