"""Events at a web hook that checks them with the Standard Webhooks specification's own package."""

import json
import time

import pytest
from harness import draft
from standardwebhooks import Webhook, WebhookVerificationError


def refuse(receiver, *answers):
    """Makes the receiver give these answers to its next calls."""
    for status, headers in answers:
        receiver.answers.put((status, headers))


def test_each_event_comes_signed_with_its_envelope_as_the_body(told, receiver):
    secret = told.target("webhook", "--url", receiver.url)["signingSecret"]
    identifier = told.client.create_opportunity(**draft())["Id"]
    headers, body, _ = receiver.next()
    event = Webhook(secret).verify(body, headers)
    assert event == told.events()[0]
    assert headers["webhook-id"] == event["id"]
    assert headers["content-type"] == "application/json"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert event["detail-type"] == "Opportunity Created"
    assert event["detail"]["opportunity"]["identifier"] == identifier
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


def test_while_a_secret_is_rotated_both_verify_and_afterwards_the_new_one_alone(told, receiver):
    old = told.target("webhook", "--url", receiver.url)["signingSecret"]
    told.client.create_opportunity(**draft())
    receiver.verified(old)

    new = told.run("target", "rotate-secret", "crm")["signingSecret"]
    assert new != old
    told.client.create_opportunity(**draft())
    headers, body, _ = receiver.next()
    assert Webhook(old).verify(body, headers) == Webhook(new).verify(body, headers)

    told.run("target", "rotate-secret", "crm", "--drop-old")
    told.client.create_opportunity(**draft())
    headers, body, _ = receiver.next()
    Webhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, headers)


def test_a_repeated_try_has_the_same_id_and_waits_as_long_as_the_receiver_wants(told, receiver):
    secret = told.target("webhook", "--url", receiver.url, "--retry", "0.1,0.7,0.1")["signingSecret"]
    # A second is wished for after the second try, for which the schedule has 0.7 to 1.4.
    refuse(receiver, (500, {}), (429, {"Retry-After": "1"}), (503, {}))
    told.client.create_opportunity(**draft())
    calls = []
    for _ in range(4):
        headers, body, status = receiver.next()
        Webhook(secret).verify(body, headers)
        calls.append((time.monotonic(), headers["webhook-id"], body, status))
    assert [status for *_, status in calls] == [500, 429, 503, 204]
    assert len({(identifier, body) for _, identifier, body, _ in calls}) == 1
    assert 0.95 < calls[2][0] - calls[1][0] < 1.6


def test_what_is_given_up_is_listed_and_can_be_sent_again_one_by_one_or_all_at_once(told, receiver):
    secret = told.target("webhook", "--url", receiver.url, "--retry", "0.05")["signingSecret"]
    refuse(receiver, *[(500, {})] * 6)
    for number in range(3):
        told.client.create_opportunity(**draft(title=f"Deal {number}"))
    told.until("three are given up", lambda: len(told.run("dead", "crm")) == 3)
    dead = told.run("dead", "crm")
    ids = [row["event"]["id"] for row in dead]
    assert sorted(ids) == sorted(event["id"] for event in told.events())
    assert [row["delivery"]["attempts"] for row in dead] == [2, 2, 2]
    for _ in range(6):
        receiver.next()

    shown = told.run("show", ids[0])
    assert shown["event"]["id"] == ids[0]
    [delivery] = shown["deliveries"]
    assert delivery["state"].lower() == "dead"
    assert [one["status"] for one in delivery["tries"]] == [500, 500]

    told.run("redeliver", ids[0], "--target", "crm")
    assert receiver.verified(secret)["id"] == ids[0]
    assert told.run("redeliver", "--dead", "--target", "crm")["events"] == 2
    assert sorted(receiver.verified(secret)["id"] for _ in range(2)) == sorted(ids[1:])
    told.until("nothing is dead", lambda: told.run("dead", "crm") == [])
    told.until("all count as delivered", lambda: told.run("target", "show", "crm")["state"]["delivered"] == 3)


def test_a_rule_chooses_and_a_replay_brings_what_it_chooses_from_before(told, receiver):
    told.client.create_opportunity(**draft(title="Before"))
    pattern = {"detail-type": [{"prefix": "Opportunity Cr"}], "detail": {"catalog": ["Sandbox"]}}
    secret = told.target("webhook", "--url", receiver.url, rule=json.dumps(pattern))["signingSecret"]
    told.client.create_opportunity(**draft(Catalog="AWS"))
    told.client.create_opportunity(**draft(title="After"))
    before, _, after = told.events()
    assert receiver.verified(secret)["id"] == after["id"]
    # A delivery that is not settled yet counts as the one that the replay asks for.
    told.until("it is settled", lambda: told.run("target", "show", "crm")["state"]["delivered"] == 1)
    told.run("replay", "--target", "crm", "--from", "2020-01-01T00:00:00Z")
    assert sorted(receiver.verified(secret)["id"] for _ in range(2)) == sorted([before["id"], after["id"]])
    assert receiver.calls.empty()


def test_a_test_event_says_how_the_receiver_answered(told, receiver):
    secret = told.target("webhook", "--url", receiver.url)["signingSecret"]
    refuse(receiver, (418, {}))
    failed = told.run("target", "test", "crm")
    assert (failed["delivered"], failed["status"]) == (False, 418)
    assert receiver.verified(secret)["detail-type"] == "Test Event"
    assert told.run("target", "test", "crm")["delivered"] is True
