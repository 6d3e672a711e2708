"""Timestamps: what boto3 parses out of an answer must open the lock again, in each form that people send it."""

import datetime

import pytest
from harness import draft, echo

UTC = datetime.timezone.utc


def _as_parsed(moment):
    return moment


def _in_another_zone(moment):
    return moment.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=45)))


def _naive_utc(moment):
    return moment.astimezone(UTC).replace(tzinfo=None)


def _text_with_milliseconds(moment):
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text_with_microseconds_and_a_space(moment):
    return str(moment.astimezone(UTC).replace(microsecond=moment.microsecond))


def _text_with_offset(moment):
    return moment.astimezone(UTC).isoformat()


def _epoch_seconds(moment):
    return moment.timestamp()


@pytest.mark.parametrize(
    "form",
    [
        _as_parsed,
        _in_another_zone,
        _naive_utc,
        _text_with_milliseconds,
        _text_with_microseconds_and_a_space,
        _text_with_offset,
        _epoch_seconds,
    ],
)
def test_the_lock_opens_with_the_last_modified_date_in_the_form(client, form):
    identifier = client.create_opportunity(**draft("Lock by timestamp"))["Id"]
    for _ in range(3):
        request = echo(client, identifier)
        request["LastModifiedDate"] = form(request["LastModifiedDate"])
        client.update_opportunity(**request)


def test_a_millisecond_off_does_not_open_the_lock(client):
    identifier = client.create_opportunity(**draft("A millisecond off"))["Id"]
    for difference in (-1, 1):
        request = echo(client, identifier)
        request["LastModifiedDate"] += datetime.timedelta(milliseconds=difference)
        with pytest.raises(client.exceptions.ConflictException):
            client.update_opportunity(**request)


def test_answers_carry_aware_timestamps_close_to_now(client):
    before = datetime.datetime.now(UTC) - datetime.timedelta(seconds=1)
    created = client.create_opportunity(**draft("Aware"))["LastModifiedDate"]
    assert created.tzinfo is not None
    assert before <= created <= datetime.datetime.now(UTC) + datetime.timedelta(seconds=1)
    # A JavaScript Date keeps no more than milliseconds, so the server gives no more.
    assert created.microsecond % 1000 == 0


def test_every_change_moves_the_last_modified_date_strictly_forward(client):
    identifier = client.create_opportunity(**draft("Forward"))["Id"]
    seen = [client.get_opportunity(Catalog="Sandbox", Identifier=identifier)["LastModifiedDate"]]
    for _ in range(20):
        request = echo(client, identifier)
        seen.append(client.update_opportunity(**request)["LastModifiedDate"])
    assert all(earlier < later for earlier, later in zip(seen, seen[1:]))
