"""The README's tour, run as it is printed."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import harness


def tour() -> str:
    """The shell lines behind the remark that names this file."""
    text = (harness.ROOT / "README.md").read_text()
    found = re.search(r"<!--[^>]*test_readme\.py[^>]*-->\n```sh\n(.*?)```", text, re.S)
    assert found, "the README has no tour"
    return found.group(1)


def test_the_tour_of_the_readme_works_line_by_line_as_printed(fresh_server, tmp_path):
    running = fresh_server()
    # The server of the tests has another port, and the file that the tour writes belongs elsewhere; nothing else differs.
    lines = tour().replace("http://127.0.0.1:7733", running.endpoint)
    shutil.copytree(harness.ROOT / "docs", tmp_path / "docs")
    tools = pathlib.Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    id_ = done.stdout.splitlines()[0]
    assert re.fullmatch(r"O\d{8}", id_)
    last_table = done.stdout[done.stdout.rindex("ListOpportunities") :]
    assert id_ in last_table and "Approved" in last_table and "Example Customer" in last_table
    document = harness.connect(running.endpoint).get_opportunity(Catalog="Sandbox", Identifier=id_)
    assert document["LifeCycle"]["ReviewStatus"] == "Approved"
    assert document["RelatedEntityIdentifiers"]["Solutions"] == ["S-1234567"]
