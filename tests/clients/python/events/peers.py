"""Peers that events are sent to, each started here on a free port of the loopback address and ended by its owner.

They are other people's programs and packages: moto plays EventBridge and SQS, nats-server is itself, and webhooks are
checked by the package of the Standard Webhooks specification. Must never import from the project.
"""

import http.server
import json
import os
import pathlib
import queue
import socket
import subprocess
import sys
import threading
import time

import boto3
from standardwebhooks import Webhook

# What the client chain finds where it looks for credentials: any will do for moto.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEOFPEERS00", "AWS_SECRET_ACCESS_KEY": "secret-of-the-peers"}
REGION = "us-east-1"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A program of its own that listens on a port."""

    def __init__(self, command: list[str], port: int, **environment: str):
        self.port = port
        self.output = b""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("COSELL_")}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**clean, **environment},
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    self.stop()
                    raise RuntimeError(f"{command[0]} does not listen: {self.output.decode(errors='replace')}") from None
                time.sleep(0.05)

    def _read(self) -> None:
        for line in self.process.stdout:
            self.output = (self.output + line)[-20_000:]

    def stop(self) -> None:
        """Ends it, and only it."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Moto(Program):
    """EventBridge and SQS."""

    def __init__(self):
        port = free_port()
        # moto takes the names of this file's place for those of its own settings otherwise.
        super().__init__(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port, **CREDENTIALS
        )
        self.endpoint = f"http://127.0.0.1:{port}"

    def client(self, service: str):
        """boto3 for one of its services."""
        return boto3.session.Session().client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def queue(self, name: str) -> tuple[str, str]:
        """A new queue: its URL and its ARN."""
        client = self.client("sqs")
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def bus(self, name: str, pattern: dict) -> str:
        """A new event bus, with a queue of whatever fits the pattern: the queue's URL."""
        url, arn = self.queue(f"behind-{name}")
        client = self.client("events")
        client.create_event_bus(Name=name)
        client.put_rule(Name="all", EventBusName=name, EventPattern=json.dumps(pattern))
        client.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def receive(self, url: str, count: int, within: float = 60) -> list[dict]:
        """The next messages of a queue, taken off it; fails when they do not come in time."""
        client = self.client("sqs")
        messages, until = [], time.monotonic() + within
        while len(messages) < count:
            if time.monotonic() > until:
                raise AssertionError(f"{count} messages were expected, {len(messages)} came: {messages}")
            answer = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(10, count - len(messages)),
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                messages.append(message)
        return messages


class Nats(Program):
    """nats-server with JetStream."""

    def __init__(self, folder: pathlib.Path):
        port = free_port()
        super().__init__(
            ["nats-server", "--addr", "127.0.0.1", "--port", str(port), "--jetstream", "--store_dir", str(folder)], port
        )
        self.url = f"nats://127.0.0.1:{port}"


class Receiver:
    """A web hook: takes what is posted to it, and answers as it is told."""

    def __init__(self):
        self.calls = queue.Queue()
        # What to answer to the next calls; 204 once they are used up.
        self.answers = queue.Queue()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers = receiver.answers.get() if not receiver.answers.empty() else (204, {})
                receiver.calls.put((dict(self.headers.items()), body, status))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, within: float = 60) -> tuple[dict, bytes, int]:
        """The next call: headers in lower case, body, and what was answered."""
        headers, body, status = self.calls.get(timeout=within)
        return {name.lower(): value for name, value in headers.items()}, body, status

    def verified(self, secret: str, within: float = 60) -> dict:
        """The next call's event, whose signature the specification's own package must accept."""
        headers, body, _ = self.next(within)
        return Webhook(secret).verify(body, headers)

    def stop(self) -> None:
        """Ends it."""
        self.server.shutdown()
        self.server.server_close()
