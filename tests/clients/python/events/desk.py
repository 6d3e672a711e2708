"""A server with the command line of its operator: what a person does to have events sent somewhere."""

import json
import pathlib
import subprocess
import time

import harness

# Every event of the API.
ALL = {"source": ["aws.partnercentral-selling"]}


class Desk:
    """A server that keeps its data, and `cosell events` beside it."""

    def __init__(self, start, data: pathlib.Path):
        self.start = start
        self.data = data
        self._begin()

    def _begin(self) -> None:
        self.server = self.start(data=self.data)
        # boto3 as the first account.
        self.client = harness.connect(self.server.endpoint)

    def again(self) -> None:
        """Ends the server, unless it has died, and starts another on the same folder."""
        self.server.stop()
        self._begin()

    def command(self, *arguments: str) -> list[str]:
        """A command line of `cosell events`."""
        return [str(harness.binary()), "events", *arguments, "--data", str(self.data), "--output", "json"]

    def run(self, *arguments: str):
        """Runs `cosell events ...`: what it printed, read as JSON."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr or done.stdout}"
        return json.loads(done.stdout)

    def target(self, kind: str, *arguments: str, rule: str | None = None) -> dict:
        """Registers a target called `crm`, and a rule that sends it every event (or those of a pattern)."""
        made = self.run("target", "add", kind, "crm", *arguments)
        self.run("rule", "add", "everything", "--target", "crm", "--pattern", rule or json.dumps(ALL))
        return made

    def events(self, *arguments: str) -> list[dict]:
        """`cosell events list --output json`: an envelope a line, the oldest first."""
        done = subprocess.run(
            self.command("list", *arguments), capture_output=True, text=True, encoding="utf-8", timeout=60, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def until(self, what: str, check, within: float = 60):
        """Waits until a check answers something, and answers that."""
        end = time.monotonic() + within
        while not (found := check()):
            assert time.monotonic() < end, f"never: {what}"
            time.sleep(0.05)
        return found
