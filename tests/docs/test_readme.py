"""What the README shows can be done, is done."""

import json
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import examples, page, section
from tests.integration.cli.serving import serving

README = page("README.md")


def test_the_library_example_runs_and_prints_what_is_said(tmp_path: Path) -> None:
    (program,) = examples(section(README, "As a library"), "python")

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert f"It prints `{done.stdout.strip()}`" in README


def test_the_walk_with_curl_works(tmp_path: Path) -> None:
    walk = "".join(examples(section(README, "Five minutes with curl"), "sh"))
    assert "http://127.0.0.1:8000" in walk

    with serving(tmp_path) as server:
        script = walk.replace("http://127.0.0.1:8000", server.url)
        done = subprocess.run(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                f'curl() {{ command curl -fsS -w "\\n" "$@"; }}\n{script}',
            ],
            capture_output=True,
            text=True,
        )

    said = [line.removeprefix("# ") for line in walk.splitlines() if line.startswith("# ")]
    answers = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert said == answers[-1:]
    assert [post["text"] for post in json.loads(answers[-2])["result"]] == [
        "Guten Tag, #Straße in #WORLD"
    ]


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = page("Makefile")

    assert [f"\n{target}: " in makefile for target in ("run", "test")] == [True, True]
