"""Many threads on kept connections, and the published quotas."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError
from harness import connect, draft, echo

THREADS = 16


def test_sixteen_threads_work_at_once_on_kept_connections(fresh_server):
    client = connect(fresh_server().endpoint, max_pool_connections=THREADS)
    start = threading.Barrier(THREADS)

    def work(worker: int):
        start.wait()
        made = []
        for number in range(6):
            identifier = client.create_opportunity(**draft(f"Worker {worker}, {number}"))["Id"]
            request = echo(client, identifier)
            request["LifeCycle"]["NextSteps"] = f"By {worker}"
            client.update_opportunity(**request)
            found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
            assert found["LifeCycle"]["NextSteps"] == f"By {worker}"
            assert found["Project"]["Title"] == f"Worker {worker}, {number}"
            client.list_opportunities(Catalog="Sandbox", MaxResults=100)
            made.append(identifier)
        return made

    with ThreadPoolExecutor(THREADS) as pool:
        made = [identifier for part in pool.map(work, range(THREADS)) for identifier in part]
    assert len(set(made)) == THREADS * 6
    pages = client.get_paginator("list_opportunities").paginate(Catalog="Sandbox")
    assert sorted(row["Id"] for page in pages for row in page["OpportunitySummaries"]) == sorted(made)


def test_of_sixteen_writers_with_the_same_lock_exactly_one_wins(server):
    client = connect(server.endpoint, max_pool_connections=THREADS)
    identifier = client.create_opportunity(**draft("Race"))["Id"]
    request = echo(client, identifier)
    start = threading.Barrier(THREADS)

    def work(worker: int):
        mine = {**request, "Project": {**request["Project"], "Title": f"Writer {worker}"}}
        start.wait()
        try:
            client.update_opportunity(**mine)
            return f"Writer {worker}"
        except client.exceptions.ConflictException:
            return None

    with ThreadPoolExecutor(THREADS) as pool:
        winners = [name for name in pool.map(work, range(THREADS)) if name]
    assert len(winners) == 1
    found = client.get_opportunity(Catalog="Sandbox", Identifier=identifier)
    assert found["Project"]["Title"] == winners[0]


def test_one_token_sent_by_sixteen_threads_makes_one_opportunity(server):
    client = connect(server.endpoint, max_pool_connections=THREADS)
    request = draft("One token")
    start = threading.Barrier(THREADS)

    def work(_):
        start.wait()
        answer = client.create_opportunity(**request)
        return answer["Id"], answer["LastModifiedDate"]

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(work, range(THREADS)))) == 1


def test_the_published_quotas_answer_throttling_that_boto3_knows_by_name(fresh_server):
    client = connect(fresh_server("--throttle", "aws").endpoint, retries={"total_max_attempts": 1})
    refused = []
    for number in range(6):
        try:
            client.create_opportunity(**draft(f"Fast {number}"))
        except ClientError as error:
            assert isinstance(error, client.exceptions.ThrottlingException)
            refused.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
    assert refused and set(refused) == {400}


def test_boto3_retries_what_was_throttled_until_it_succeeds(fresh_server):
    endpoint = fresh_server("--throttle", "aws").endpoint
    for mode in ("legacy", "standard", "adaptive"):
        client = connect(endpoint, retries={"mode": mode, "total_max_attempts": 10})
        started = time.monotonic()
        answers = [client.create_opportunity(**draft(f"{mode} {number}")) for number in range(3)]
        assert len({answer["Id"] for answer in answers}) == 3
        # One write a second is published, so three cannot have been admitted at once.
        assert time.monotonic() - started > 1
        assert any(answer["ResponseMetadata"]["RetryAttempts"] > 0 for answer in answers)


def test_without_quotas_nothing_is_throttled(server):
    client = connect(server.endpoint, retries={"total_max_attempts": 1})
    for _ in range(60):
        client.list_solutions(Catalog="Sandbox")
