"""Events as a CRM uses them: as a stream of lines, followed live, and as the sign to read a deal again."""

import json
import subprocess
import threading

from harness import ONE, TWO, connect, draft, echo, review, submitted
from standardwebhooks import Webhook


def flow(client) -> str:
    """A deal from its draft to its launch."""
    identifier = submitted(client, title="The flow")
    review(client, identifier, "Approved")
    for stage in ("Qualified", "Technical Validation", "Committed"):
        request = echo(client, identifier)
        request["LifeCycle"]["Stage"] = stage
        client.update_opportunity(**request)
    return identifier


def test_the_list_is_an_envelope_a_line_and_the_oldest_comes_first(told):
    flow(told.client)
    connect(told.server.endpoint, TWO).create_opportunity(**draft())
    events = told.events()
    assert len(events) > 5
    assert events[0]["detail-type"] == "Opportunity Created"
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    for event in events:
        assert set(event) == {
            "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"
        }
        assert (event["version"], event["source"]) == ("0", "aws.partnercentral-selling")
    assert told.events("--account", TWO.id) == [event for event in events if event["account"] == TWO.id]
    created = [event for event in events if event["detail-type"] == "Opportunity Created"]
    assert told.events("--type", "Opportunity Created") == created
    assert len(created) == 2
    assert told.events("--limit", "2") == events[:2]


def test_a_file_and_the_standard_output_get_the_same_lines(told):
    told.target("file", "--path", "crm/deals.jsonl")
    told.run("target", "add", "stdout", "out")
    told.run("rule", "add", "aloud", "--target", "out")
    identifier = flow(told.client)
    wanted = told.events()
    path = told.data / "events" / "crm" / "deals.jsonl"

    def lines():
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return len(text.splitlines()) >= len(wanted) and text

    came = [json.loads(line) for line in told.until("the file has all", lines).splitlines()]

    def by_id(events):
        return sorted(events, key=lambda event: event["id"])

    def of_deal(events):
        about = [event for event in events if "opportunity" in event["detail"]]
        return [event["id"] for event in about if event["detail"]["opportunity"]["identifier"] == identifier]

    assert by_id(came) == by_id(wanted)
    assert of_deal(came) == of_deal(wanted)

    def said():
        found = [json.loads(line) for line in list(told.server.said) if line.startswith('{"version"')]
        return len(found) >= len(wanted) and found

    assert by_id(told.until("the standard output has all", said)) == by_id(wanted)


def test_a_crm_that_reads_a_deal_again_at_each_event_has_the_same_deals_as_the_api(told, receiver):
    secret = told.target("webhook", "--url", receiver.url)["signingSecret"]
    client = told.client
    first = flow(client)
    second = client.create_opportunity(**draft(title="Another"))["Id"]
    rejected = submitted(client, title="Not for AWS")
    review(client, rejected, "Rejected")
    last = told.events("--account", ONE.id)

    crm, seen = {}, set()
    while len(seen) < len(last):
        event = receiver.verified(secret)
        seen.add(event["id"])
        detail = event["detail"]
        if event["account"] == ONE.id and "opportunity" in detail:
            identifier = detail["opportunity"]["identifier"]
            found = client.get_opportunity(Catalog=detail["catalog"], Identifier=identifier)
            crm[identifier] = {name: found[name] for name in ("LifeCycle", "Project", "LastModifiedDate")}
    assert set(crm) == {first, second, rejected}
    for identifier, kept in crm.items():
        found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
        assert kept == {name: found[name] for name in kept}
    assert crm[rejected]["LifeCycle"]["ReviewStatus"] == "Rejected"
    assert crm[first]["LifeCycle"]["Stage"] == "Committed"


class Tail:
    """`cosell events tail` as it runs."""

    def __init__(self, command: list[str]):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
        self.events = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)


def test_the_tail_comes_back_to_where_it_was_when_the_server_was_away(told):
    told.client.create_opportunity(**draft(title="Before"))
    tail = Tail(told.command("tail", "--after", "0"))
    try:
        told.until("the first is told", lambda: len(tail.events) == 1)
        told.client.create_opportunity(**draft(title="Live"))
        told.until("the second is told", lambda: len(tail.events) == 2)
        told.again()
        for number in range(5):
            told.client.create_opportunity(**draft(title=f"Later {number}"))
        told.until("those after the break are told", lambda: len(tail.events) >= 7)
        assert tail.events == told.events()
    finally:
        tail.stop()


def test_what_waits_for_a_receiver_survives_a_kill_of_the_server(told, receiver):
    retry = ",".join(["0.2"] * 8)
    secret = told.target("webhook", "--url", receiver.url, "--retry", retry)["signingSecret"]
    for _ in range(3):
        receiver.answers.put((500, {}))
    made = [told.client.create_opportunity(**draft(title=f"Deal {number}"))["Id"] for number in range(3)]
    told.server.process.kill()
    told.server.process.wait()
    told.again()
    came = {}
    while len(came) < 3:
        headers, body, status = receiver.next()
        event = json.loads(body)
        if status == 204:
            assert Webhook(secret).verify(body, headers) == event
            came[event["id"]] = event["detail"]["opportunity"]["identifier"]
    assert sorted(came) == sorted(event["id"] for event in told.events())
    assert sorted(came.values()) == sorted(made)
