"""The AWS CLI itself, set up as the server's banner says: a profile is pasted, nothing else is known."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from harness import ONE, TWO, Server, connect, draft, in_days

COUNT = 45
# How version 1 of the AWS CLI ends when the service refused a request (version 2 says 254).
REFUSED = 255


class Cli:
    """`aws partnercentral-selling` under a profile of the banner."""

    def __init__(self, server: Server, folder: pathlib.Path):
        config = folder / "config"
        config.write_text(server.profiles(), encoding="utf-8")
        program = pathlib.Path(sys.executable).with_name("aws")
        assert program.is_file(), f"{program} does not exist: install requirements.txt into this environment"
        self.program = str(program)
        self.folder = folder
        self.environment = {
            **os.environ,
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "AWS_PAGER": "",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONUTF8": "1",
        }

    def run(self, operation: str, *arguments: str, profile: str = ONE.profile, **environment: str):
        """Runs one command; the answer has `returncode`, `stdout` and `stderr`."""
        return subprocess.run(
            [self.program, "partnercentral-selling", operation, *arguments, "--profile", profile],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )

    def text(self, operation: str, *arguments: str, **settings: str) -> str:
        """What a command that must succeed prints."""
        done = self.run(operation, *arguments, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, operation: str, *arguments: str, **settings: str):
        """What a command that must succeed prints, parsed; `None` when it prints nothing."""
        printed = self.text(operation, *arguments, "--output", "json", **settings)
        return json.loads(printed) if printed.strip() else None

    def file(self, name: str, content) -> str:
        """A file as the CLI takes it for a parameter."""
        path = self.folder / name
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return f"file://{path}"


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    """The CLI on a server of its own."""
    server = Server()
    yield Cli(server, tmp_path_factory.mktemp("cli"))
    server.stop()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """The CLI on a server with 45 opportunities, and their identifiers in the order of their making."""
    server = Server()
    client = connect(server.endpoint)
    made = [client.create_opportunity(**draft(f"Deal {number}"))["Id"] for number in range(COUNT)]
    yield Cli(server, tmp_path_factory.mktemp("filled")), made
    server.stop()


def created(cli: Cli, title: str, **members) -> str:
    """The identifier of a new opportunity."""
    given = cli.file("create.json", draft(title, **members))
    return cli.text("create-opportunity", "--cli-input-json", given, "--query", "Id", "--output", "text").strip()


def test_the_banner_holds_a_profile_for_each_account(cli):
    profiles = pathlib.Path(cli.environment["AWS_CONFIG_FILE"]).read_text(encoding="utf-8")
    assert f"[profile {ONE.profile}]" in profiles and f"[profile {TWO.profile}]" in profiles
    assert len(re.findall(r"^endpoint_url = http://127\.0\.0\.1:\d+$", profiles, re.MULTILINE)) == 2


def test_an_opportunity_goes_from_a_file_to_approval(cli):
    identifier = created(cli, "From a file")
    assert re.fullmatch(r"O\d+", identifier)
    place = ["--catalog", "Sandbox"]
    assert (
        cli.json(
            "associate-opportunity",
            *place,
            *("--opportunity-identifier", identifier),
            *("--related-entity-type", "Solutions"),
            *("--related-entity-identifier", "S-1234567"),
        )
        is None
    )
    submit = ["--identifier", identifier, "--involvement-type", "Co-Sell", "--visibility", "Full"]
    assert cli.json("submit-opportunity", *place, *submit) is None
    found = cli.json("get-opportunity", *place, "--identifier", identifier)
    assert found["LifeCycle"]["ReviewStatus"] == "Submitted"
    for name in ("Arn", "CreatedDate", "OpportunityTeam", "RelatedEntityIdentifiers"):
        found.pop(name, None)
    found["Identifier"] = found.pop("Id")
    found["LifeCycle"]["ReviewStatus"] = "Approved"
    updated = cli.json("update-opportunity", "--cli-input-json", cli.file("update.json", found))
    assert updated["Id"] == identifier and updated["LastModifiedDate"] > found["LastModifiedDate"]
    summary = ["--related-opportunity-identifier", identifier, "--query", "InvolvementType"]
    assert cli.json("get-aws-opportunity-summary", *place, *summary) == "Co-Sell"
    again = cli.run("update-opportunity", "--cli-input-json", cli.file("update.json", found))
    assert again.returncode == REFUSED
    assert "ConflictException" in again.stderr


def test_shorthand_parameters_work_as_well_as_files(cli):
    made = cli.json(
        "create-opportunity",
        *("--catalog", "Sandbox", "--client-token", "shorthand"),
        *("--customer", "Account={CompanyName=Shorthand,Industry=Automotive,WebsiteUrl=https://s.example.com}"),
        *("--life-cycle", f"Stage=Prospect,TargetCloseDate={in_days(60)}"),
        *("--tags", "Key=from,Value=shorthand"),
    )
    found = cli.json("get-opportunity", "--catalog", "Sandbox", "--identifier", made["Id"])
    assert found["Customer"]["Account"]["CompanyName"] == "Shorthand"
    tags = cli.json("list-tags-for-resource", "--resource-arn", found["Arn"])
    assert tags["Tags"] == [{"Key": "from", "Value": "shorthand"}]


def test_timestamps_are_printed_as_the_server_sends_them(cli):
    identifier = created(cli, "Timestamps")
    shown = cli.json("get-opportunity", "--catalog", "Sandbox", "--identifier", identifier)["LastModifiedDate"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)", shown), shown


def test_unicode_is_taken_and_printed(cli):
    title = "Żółć 数据湖 🏔️"
    identifier = created(cli, title)
    query = ["--query", "Project.Title", "--output", "text"]
    assert cli.text("get-opportunity", "--catalog", "Sandbox", "--identifier", identifier, *query).strip() == title


def test_the_cli_collects_all_pages_by_itself(filled):
    cli, made = filled
    found = cli.json("list-opportunities", "--catalog", "Sandbox", "--query", "OpportunitySummaries[].Id")
    assert found == made[::-1]


def test_max_items_and_starting_token_walk_through_the_list(filled):
    cli, made = filled
    found, token = [], None
    while True:
        arguments = ["--catalog", "Sandbox", "--max-items", "18", "--page-size", "7"]
        page = cli.json("list-opportunities", *arguments, *(["--starting-token", token] if token else []))
        found += [row["Id"] for row in page["OpportunitySummaries"]]
        token = page.get("NextToken")
        if not token:
            break
    assert found == made[::-1]


def test_without_pagination_the_first_page_and_its_token_are_shown(filled):
    cli, made = filled
    page = cli.json("list-opportunities", "--catalog", "Sandbox", "--no-paginate")
    assert [row["Id"] for row in page["OpportunitySummaries"]] == made[::-1][:20]
    following = ["--no-paginate", "--next-token", page["NextToken"]]
    second = cli.json("list-opportunities", "--catalog", "Sandbox", *following)
    assert [row["Id"] for row in second["OpportunitySummaries"]] == made[::-1][20:40]


def test_filters_and_sorts_are_passed_on(filled):
    cli, made = filled
    arguments = ["--catalog", "Sandbox", "--life-cycle-stage", "Qualified", "--identifier", *made[:3]]
    arguments += ["--sort", "SortBy=CreatedDate,SortOrder=ASCENDING", "--query", "OpportunitySummaries[].Id"]
    assert cli.json("list-opportunities", *arguments) == made[:3]
    dates = ["--target-close-date", f"AfterTargetCloseDate={in_days(1)},BeforeTargetCloseDate={in_days(2)}"]
    assert cli.json("list-opportunities", "--catalog", "Sandbox", *dates)["OpportunitySummaries"] == []


def test_text_output_has_one_line_for_each_row(filled):
    cli, made = filled
    query = ["--query", "OpportunitySummaries[].[Id,LifeCycle.Stage]", "--output", "text"]
    lines = cli.text("list-opportunities", "--catalog", "Sandbox", *query).splitlines()
    assert lines == [f"{identifier}\tQualified" for identifier in made[::-1]]


def test_table_output_shows_the_solutions(cli):
    table = cli.text("list-solutions", "--catalog", "Sandbox", "--output", "table")
    assert "ListSolutions" in table and "S-1234567" in table and table.startswith("---")


def test_two_profiles_are_two_accounts(cli):
    identifier = created(cli, "Of the first")
    place = ["--catalog", "Sandbox", "--identifier", identifier]
    assert cli.run("get-opportunity", *place).returncode == 0
    refused = cli.run("get-opportunity", *place, profile=TWO.profile)
    assert refused.returncode == REFUSED
    assert "ResourceNotFoundException" in refused.stderr and refused.stdout == ""


def test_a_validation_error_is_shown_with_what_to_mend(cli):
    request = draft("Wrong")
    request["OpportunityType"] = "Nonsense"
    refused = cli.run("create-opportunity", "--cli-input-json", cli.file("wrong.json", request))
    assert refused.returncode == REFUSED
    assert "(ValidationException)" in refused.stderr
    assert "opportunityType" in refused.stderr and "Net New Business" in refused.stderr


def test_a_wrong_secret_ends_the_command_with_an_error(cli):
    stranger = {"AWS_ACCESS_KEY_ID": ONE.key, "AWS_SECRET_ACCESS_KEY": "wrong"}
    profiles = pathlib.Path(cli.environment["AWS_CONFIG_FILE"]).read_text(encoding="utf-8")
    bare = cli.folder / "bare"
    bare.write_text(re.sub(r"aws_(access|secret).*\n", "", profiles), encoding="utf-8")
    program = [cli.program, "partnercentral-selling", "list-opportunities", "--catalog", "Sandbox"]
    endpoint = re.search(r"endpoint_url = (\S+)", profiles).group(1)
    refused = subprocess.run(
        [*program, "--endpoint-url", endpoint, "--region", "us-east-1"],
        env={**cli.environment, **stranger, "AWS_CONFIG_FILE": str(bare)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == REFUSED
    assert "InvalidSignatureException" in refused.stderr


def test_tags_are_set_and_removed(cli):
    identifier = created(cli, "Tagged")
    query = ["--query", "Arn", "--output", "text"]
    arn = cli.text("get-opportunity", "--catalog", "Sandbox", "--identifier", identifier, *query).strip()
    cli.text("tag-resource", "--resource-arn", arn, "--tags", "Key=a,Value=1", "Key=b,Value=2")
    cli.text("untag-resource", "--resource-arn", arn, "--tag-keys", "a")
    assert cli.json("list-tags-for-resource", "--resource-arn", arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_user_is_assigned(cli):
    identifier = created(cli, "Assigned")
    assignee = f"Email=ana.carolina@{ONE.mail_domain},FirstName=Ana,LastName=Carolina,BusinessTitle=OpportunityOwner"
    place = ["--catalog", "Sandbox", "--identifier", identifier]
    cli.text("assign-opportunity", *place, "--assignee", assignee)
    team = cli.json("get-opportunity", *place, "--query", "OpportunityTeam[].Email")
    assert team == [f"ana.carolina@{ONE.mail_domain}"]
