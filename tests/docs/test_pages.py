"""What the pages say can be followed: links, commands, options, settings."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hashpost.entrypoints.cli import main
from hashpost.entrypoints.settings import variables
from tests.docs.pages import ROOT, examples, page, section
from tests.integration.cli.commands import hashpost

PAGES = ["README.md", "docs/settings.md", "docs/operations.md"]
LINKING = [*PAGES, "CONTRIBUTING.md", "docs/architecture.md", "docs/errors.md", "docs/http.md"]
OPERATIONS = page("docs/operations.md")


def links(name: str) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)#]+)", page(name)):
        if "://" not in target:
            yield target


def commands(name: str) -> Iterator[str]:
    """Every call of the command in an example, without what the shell does around it."""
    for block in examples(page(name), "sh"):
        for line in block.splitlines():
            if called := re.search(r"(?:^|\| )(hashpost [^|<>]*)", line):
                yield called[1].strip()


ALL_COMMANDS = sorted({each for name in PAGES for each in commands(name)})


@pytest.mark.parametrize("name", LINKING)
def test_every_link_leads_somewhere(name: str) -> None:
    missing = [each for each in links(name) if not (ROOT / name).parent.joinpath(each).exists()]

    assert missing == []


def test_every_folder_and_file_of_the_map_is_there() -> None:
    (tree,) = examples(
        section(page("README.md"), "Where things are").replace("```\n", "```x\n", 1), "x"
    )

    named = re.findall(r"^(\S+(?: \S+)*)(?:  |$)", tree, re.MULTILINE)
    paths = [path for line in named for path in line.split()]
    assert [path for path in paths if not list(ROOT.glob(path))] == []
    inner = re.findall(r"^  (\w+)/", tree, re.MULTILINE)
    assert sorted(inner) == sorted(
        path.parent.name for path in (ROOT / "src").glob("*/__init__.py")
    )


@pytest.mark.parametrize("line", ALL_COMMANDS)
def test_every_command_on_a_page_can_be_called(line: str) -> None:
    words = iter(shlex.split(line)[1:])
    command: click.Command = main
    while isinstance(command, click.Group):
        command = command.commands[next(words)]

    context = command.make_context("x", [word if word != "posts.jsonl" else "-" for word in words])

    assert context.params.keys() == {each.name for each in command.params}


def test_the_settings_that_operations_name_exist() -> None:
    assert set(re.findall(r"HASHPOST_[A-Z_]+[A-Z]", OPERATIONS)) <= set(variables())


def test_every_command_is_told_of_somewhere() -> None:
    told = "".join(page(name) for name in PAGES)

    assert [name for name in main.commands if f"hashpost {name}" not in told] == []


def test_a_backup_as_told_holds_the_same_posts_and_the_same_key(tmp_path: Path) -> None:
    line = '{"author":"ada","text":"Hello #World","created_at":"2026-01-02T03:04:05.006Z"}\n'
    database = {"DATABASE_URL": f"sqlite:///{tmp_path}/hashpost.db"}
    backup = {"DATABASE_URL": f"sqlite:///{tmp_path}/backup.db"}
    hashpost("import", "-", settings=database, stdin=line)
    (recipe,) = examples(section(OPERATIONS, "Backups"), "sh")

    subprocess.run(["bash", "-euo", "pipefail", "-c", recipe], cwd=tmp_path, check=True)

    assert hashpost("check", settings=backup).status == 0
    assert hashpost("export", settings=backup).out == line
    keys = [tmp_path / "hashpost.db.key", tmp_path / "backup.db.key"]
    assert keys[0].read_text() == keys[1].read_text()


def test_the_line_shown_for_imports_goes_in(tmp_path: Path) -> None:
    (line,) = examples(section(OPERATIONS, "Importing"), "json")

    done = hashpost(
        "import", "-", settings={"DATABASE_URL": f"sqlite:///{tmp_path}/posts.db"}, stdin=line
    )

    assert (done.status, done.out) == (0, "imported 1, known already 0, rejected 0\n")
