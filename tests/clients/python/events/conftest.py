"""Peers for the tests, and servers that tell them."""

import os
import pathlib
import tempfile

import pytest

import peers

# The servers under test look for credentials of AWS where every client does. What the clients of the tests themselves use is
# given to them expressly.
os.environ.update(peers.CREDENTIALS)


@pytest.fixture(scope="session")
def moto():
    """EventBridge and SQS."""
    running = peers.Moto()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def nats():
    """nats-server."""
    with tempfile.TemporaryDirectory() as folder:
        running = peers.Nats(pathlib.Path(folder))
        yield running
        running.stop()


@pytest.fixture
def receiver():
    """A web hook."""
    running = peers.Receiver()
    yield running
    running.stop()


@pytest.fixture
def told(fresh_server, tmp_path):
    """A server on a folder of its own, with its command line."""
    import desk

    return desk.Desk(fresh_server, tmp_path / "data")
