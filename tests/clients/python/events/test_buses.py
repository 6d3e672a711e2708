"""Events at other people's buses, queues and streams, read there with their own clients."""

import asyncio
import json

import nats as nats_client
import peers
from harness import draft, echo


def aws(moto) -> list[str]:
    """The options of a target at moto. The credentials come from the server's environment."""
    return ["--region", peers.REGION, "--endpoint", moto.endpoint]


def deals(told, count: int) -> list[str]:
    """Some deals, each edited twice, in turn."""
    client = told.client
    made = [client.create_opportunity(**draft(title=f"Deal {number}"))["Id"] for number in range(count)]
    for edit in range(2):
        for identifier in made:
            request = echo(client, identifier)
            request["Project"]["Title"] = f"Edit {edit}"
            client.update_opportunity(**request)
    return made


def subject(event: dict) -> str:
    return event["detail"]["opportunity"]["identifier"]


def assert_same(came: list[dict], told) -> None:
    """Fails unless these are the events of the log, those of each deal in their order."""
    wanted = told.events()
    assert sorted(event["id"] for event in came) == sorted(event["id"] for event in wanted)
    for identifier in {subject(event) for event in wanted}:
        assert [event for event in came if subject(event) == identifier] == [
            event for event in wanted if subject(event) == identifier
        ]


def test_eventbridge_matches_them_by_its_own_rules_and_hands_them_to_a_queue(told, moto):
    pattern = {"source": ["aws.partnercentral-selling"], "detail": {"opportunity": {"identifier": [{"prefix": "O"}]}}}
    queue = moto.bus("deals", pattern)
    told.target("eventbridge", *aws(moto), "--bus", "deals")
    deals(told, 4)
    came = [json.loads(message["Body"]) for message in moto.receive(queue, 12)]
    # The bus gives its own id; everything else is the event's.
    wanted = {}
    for event in told.events():
        parts = {name: event[name] for name in ("detail-type", "source", "time", "resources", "detail")}
        wanted.setdefault(json.dumps(parts, sort_keys=True), []).append(event)
    for event in came:
        parts = {name: event[name] for name in ("detail-type", "source", "time", "resources", "detail")}
        wanted[json.dumps(parts, sort_keys=True)].pop()
    assert not any(wanted.values())


def test_a_queue_gets_the_envelopes(told, moto):
    url, _ = moto.queue("plain")
    told.target("sqs", *aws(moto), "--queue-url", url)
    deals(told, 4)
    came = [json.loads(message["Body"]) for message in moto.receive(url, 12)]
    assert sorted(event["id"] for event in came) == sorted(event["id"] for event in told.events())
    for event in came:
        assert event in told.events()


def test_a_fifo_queue_keeps_the_order_of_each_deal_and_takes_a_repetition_once(told, moto):
    url, _ = moto.queue("deals.fifo")
    told.target("sqs", *aws(moto), "--queue-url", url)
    made = deals(told, 3)
    # What is sent again has the same deduplication id, so the queue takes it as the same.
    told.until("all were sent", lambda: told.run("target", "show", "crm")["state"]["delivered"] == 9)
    told.run("redeliver", told.events()[0]["id"], "--target", "crm")
    told.until("one was sent again", lambda: told.run("target", "show", "crm")["state"]["delivered"] == 10)
    messages = moto.receive(url, 9)
    came = [json.loads(message["Body"]) for message in messages]
    assert_same(came, told)
    groups = {}
    for message, event in zip(messages, came):
        assert message["Attributes"]["MessageDeduplicationId"] == event["id"]
        groups.setdefault(message["Attributes"]["MessageGroupId"], set()).add(subject(event))
    assert sorted(map(sorted, groups.values())) == sorted([identifier] for identifier in made)
    answer = moto.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert "Messages" not in answer


def test_a_queue_that_is_not_there_is_told_as_the_last_error(told, moto):
    url, _ = moto.queue("short")
    told.target("sqs", *aws(moto), "--queue-url", url + "-gone", "--retry", "0.1")
    told.client.create_opportunity(**draft())
    [row] = told.until("it is given up", lambda: told.run("dead", "crm"))
    assert "does not exist" in row["delivery"]["tries"][-1]["error"]


def test_a_stream_of_nats_gets_them_by_subject_and_takes_a_repetition_once(told, nats):
    async def stream():
        client = await nats_client.connect(nats.url)
        await client.jetstream().add_stream(name="deals", subjects=["crm.>"])
        await client.close()

    async def received(count: int) -> tuple:
        client = await nats_client.connect(nats.url)
        reader = await client.jetstream().pull_subscribe("crm.>", stream="deals")
        messages = []
        while len(messages) < count:
            messages += await reader.fetch(count - len(messages), timeout=20)
        state = (await client.jetstream().stream_info("deals")).state.messages
        await client.close()
        return messages, state

    asyncio.run(stream())
    told.target("nats", "--url", nats.url, "--subject", "crm.{account}.{catalog}.{type}")
    deals(told, 3)
    messages, _ = asyncio.run(received(9))
    came = [json.loads(message.data) for message in messages]
    assert_same(came, told)
    for message, event in zip(messages, came):
        kind = event["detail-type"].lower().replace(" ", "-")
        assert message.subject == f"crm.{event['account']}.sandbox.{kind}"
        assert message.headers["Nats-Msg-Id"] == event["id"]
    told.until("all are settled", lambda: told.run("target", "show", "crm")["state"]["delivered"] == 9)
    told.run("redeliver", came[0]["id"], "--target", "crm")
    told.until("it was sent", lambda: told.run("target", "show", "crm")["state"]["delivered"] == 10)
    _, held = asyncio.run(received(0))
    assert held == 9
