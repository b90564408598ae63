"""A client generated from the OpenAPI document: complete, typed, and good for a real server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hashpost.entrypoints.http import openapi_document
from tests.integration.cli.commands import in_a_shell
from tests.integration.cli.serving import serving

PACKAGE = "hashpost_client"
JOURNEY = Path(__file__).with_name("journey.py")
NO_NETWORK = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")


def run(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in the folder; all that it printed is in `stdout`."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the client is, and what the generator said."""
    folder = tmp_path_factory.mktemp("client")
    document = in_a_shell("openapi")
    assert document.status == 0, document.err
    (folder / "openapi.json").write_text(document.out, encoding="utf-8")
    # Formatting what nobody will read is left out.
    (folder / "generator.yaml").write_text("post_hooks: []\n", encoding="utf-8")
    done = run(
        *("-m", "openapi_python_client", "generate", "--path", "openapi.json"),
        *("--config", "generator.yaml", "--meta", "none", "--output-path", PACKAGE),
        folder=folder,
        **NO_NETWORK,
    )
    return folder, done.stdout


def typed(folder: Path, *paths: str | Path) -> subprocess.CompletedProcess[str]:
    """Check types, strictly, as somebody would who has only the client."""
    config = folder / "mypy.ini"
    config.write_text("[mypy]\nstrict = true\n", encoding="utf-8")
    command = ("-m", "mypy", "--config-file", config, "--cache-dir", folder / "cache")
    return run(*command, *paths, folder=folder, MYPYPATH=str(folder))


def test_the_generator_has_nothing_to_say_about_the_document(generated: tuple[Path, str]) -> None:
    _, said = generated

    assert said == f"Generating {PACKAGE}\n"


def test_the_client_has_a_module_for_every_operation(generated: tuple[Path, str]) -> None:
    folder, _ = generated
    operations = {
        (operation["tags"][0], operation["operationId"])
        for item in openapi_document()["paths"].values()
        for operation in item.values()
    }

    modules = (folder / PACKAGE / "api").glob("*/[!_]*.py")

    assert {(path.parent.name, path.stem.rstrip("_")) for path in modules} == operations


def test_the_client_and_a_program_with_it_are_typed_strictly(generated: tuple[Path, str]) -> None:
    folder, _ = generated

    done = typed(folder, "-p", PACKAGE)
    of_journey = typed(folder, JOURNEY)

    assert done.returncode == 0, done.stdout
    assert of_journey.returncode == 0, of_journey.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('CreatePostBody(text=" ")', "CreatePostBody(text=1)"),
        ('CreatePostBody(text=" ")', "CreatePostBody()"),
        ('prefix="＃WO", limit=3', "limit=3"),
        ("client=ada, page=number", 'client=ada, page="1"'),
        ("client=ada, page=number", "client=nobody, page=number"),
        ("deletion.purge_at > deletion.deleted_at", 'deletion.purge_at > ""'),
        ("assert edited.edited_at is not None", "pass"),
        ("assert not isinstance(answer, Problem), answer", "pass"),
    ],
)
def test_a_program_that_takes_one_thing_for_another_is_told_so(
    generated: tuple[Path, str], right: str, wrong: str
) -> None:
    folder, _ = generated
    text = JOURNEY.read_text(encoding="utf-8")
    mistaken = folder / "mistaken.py"
    mistaken.write_text(text.replace(right, wrong), encoding="utf-8")

    done = typed(folder, mistaken)

    assert text.count(right) == 1
    assert "Found 1 error in 1 file" in done.stdout
    assert "mistaken.py" in done.stdout


def test_a_program_with_the_client_gets_along_with_a_real_server(
    generated: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = generated

    with serving(tmp_path) as served:
        done = run("-W", "error", JOURNEY, served.url, folder=folder, PYTHONPATH=str(folder))

    assert done.returncode == 0, done.stdout
