"""Servers and clients for the tests."""

import os

import pytest

import harness

# The machine's own AWS settings must not reach the clients under test.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ.update(
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    NO_PROXY="127.0.0.1,localhost",
    no_proxy="127.0.0.1,localhost",
)


@pytest.fixture(scope="session")
def server():
    """One server that most tests share; none of them may count what others left there."""
    running = harness.Server()
    yield running
    running.stop()


@pytest.fixture
def fresh_server():
    """Starts further servers: for tests that need an empty one, or one with other settings."""
    started = []

    def start(*arguments, **settings):
        started.append(harness.Server(*arguments, **settings))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def client(server):
    """boto3 as the first account."""
    return harness.connect(server.endpoint)


@pytest.fixture(scope="session")
def other(server):
    """boto3 as the second account."""
    return harness.connect(server.endpoint, harness.TWO)
