"""Posts come in and go out as JSON lines, and a run that ended early is taken up again."""

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hashpost import open_service
from tests.integration.cli.commands import HASHPOST, environment, hashpost

Settings = dict[str, str]

GOOD = [
    {"author": "ada", "text": "Hello #World", "created_at": "2026-01-02T03:04:05.006Z"},
    {"author": "bob", "text": "Привет, #мир 🌍", "created_at": "2026-01-02T03:04:06Z"},
    {"author": "ada", "text": "#World again", "created_at": "2026-01-02T05:04:07+02:00"},
]
BAD = [
    (b"nope", "not JSON"),
    (b"", "not JSON"),
    (b'{"author": "ada", "text": "\xff"}', "not UTF-8"),
    (b'\xef\xbb\xbf{"author": "ada", "text": "x"}', "not JSON"),
    (b'{"author": "ada"}', "missing required field `text`"),
    (b'{"author": "ada", "text": "x", "likes": 1}', "unknown field `likes`"),
    (b'{"author": "ada", "text": "x", "\\u001b[31m": 1}', r"unknown field `\x1b[31m`"),
    (b'{"author": "ada", "text": 1}', "$.text"),
    (b'["ada", "x"]', "Expected `object`"),
    (b'{"author": "ada", "text": "x"} {}', "not JSON"),
    (b'{"author": "ada", "text": "x", "created_at": "2026-01-02T03:04:05"}', "timezone"),
    (b'{"author": "ada", "text": "x", "created_at": "yesterday"}', "$.created_at"),
    (b'{"author": "ada", "text": "x", "created_at": "2999-01-01T00:00:00Z"}', "created_at: "),
    (b'{"author": "a da", "text": "x"}', "author: 1 to 30"),
    (b'{"author": "ada", "text": " "}', "text: something visible"),
    (b'{"author": "ada", "text": "\\u0000"}', "text: no control characters"),
    (b'{"author": "ada", "text": "\\ud800"}', "not JSON"),
    (b'{"author": "ada", "text": "' + b"x" * 5001 + b'"}', "text: 1 to 5000"),
    (b'{"author": "ada", "text": "' + b"x" * 70_000 + b'"}', "longer than 65536 bytes"),
    (b"[" * 60_000, "Expected `object`"),
]


def lines_of(posts: Sequence[dict[str, str]]) -> str:
    return "".join(json.dumps(post) + "\n" for post in posts)


def many(count: int) -> list[dict[str, str]]:
    """Lines of which some are alike, with and without a time."""
    return [
        {"author": f"user{n % 7}", "text": f"Number {n % 100} #tag{n % 5}"}
        | ({"created_at": f"2026-01-01T00:{n // 60 % 60:02}:{n % 60:02}Z"} if n % 3 else {})
        for n in range(count)
    ]


def exported(settings: Settings) -> list[dict[str, Any]]:
    done = hashpost("export", settings=settings)
    assert (done.status, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def contents(posts: Sequence[dict[str, str]]) -> Counter[tuple[str, str]]:
    return Counter((post["author"], post["text"]) for post in posts)


def test_an_import_makes_authors_and_posts_of_their_own_time(settings: Settings) -> None:
    done = hashpost("import", "-", stdin=lines_of(GOOD), settings=settings)

    assert (done.status, done.out) == (0, "imported 3, known already 0, rejected 0\n")
    assert exported(settings) == [
        {"author": "ada", "text": "Hello #World", "created_at": "2026-01-02T03:04:05.006Z"},
        {"author": "bob", "text": "Привет, #мир 🌍", "created_at": "2026-01-02T03:04:06.000Z"},
        {"author": "ada", "text": "#World again", "created_at": "2026-01-02T03:04:07.000Z"},
    ]


def test_a_second_import_of_the_same_file_adds_nothing(settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "posts.jsonl"
    source.write_text(lines_of(many(1200)))
    hashpost("import", source, settings=settings)

    again = hashpost("import", source, "--json", settings=settings)

    assert again.status == 0
    assert json.loads(again.out) == {"imported": 0, "known": 1200, "rejected": 0}
    assert contents(exported(settings)) == contents(many(1200))


def test_bad_lines_are_reported_and_the_others_go_in(settings: Settings) -> None:
    good = lines_of(GOOD).encode()
    source = good + b"".join(line + b"\n" for line, _ in BAD) + lines_of(many(3)).encode()

    done = hashpost("import", "-", "--json", stdin=source, settings=settings)

    reported = {line.partition(": ")[0]: line for line in done.err.splitlines()}
    missing = [
        (number, reason)
        for number, (_, reason) in enumerate(BAD, start=len(GOOD) + 1)
        if reason not in reported.get(f"line {number}", "")
    ]
    assert missing == []
    assert len(reported) == len(BAD)
    assert done.status == 1
    assert json.loads(done.out) == {"imported": 6, "known": 0, "rejected": len(BAD)}
    assert len(exported(settings)) == 6


def test_the_last_line_needs_no_end_and_lines_may_end_as_on_windows(settings: Settings) -> None:
    source = "\r\n".join(json.dumps(post) for post in GOOD)

    done = hashpost("import", "-", stdin=source, settings=settings)

    assert (done.status, done.out) == (0, "imported 3, known already 0, rejected 0\n")


def test_an_import_of_an_export_gives_the_same_export(settings: Settings, tmp_path: Path) -> None:
    hashpost("import", "-", stdin=lines_of(GOOD + many(100)), settings=settings)
    first = hashpost("export", settings=settings).out
    copy = {"DATABASE_URL": f"sqlite:///{tmp_path}/copy.db"}

    done = hashpost("import", "-", stdin=first, settings=copy)

    assert done.out == "imported 103, known already 0, rejected 0\n"
    assert hashpost("export", settings=copy).out == first


@contextmanager
def importing(settings: Settings, *arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """An import that is under way, its source a pipe; killed if it is still there in the end."""
    with subprocess.Popen(
        [*HASHPOST, "import", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(settings),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def feed(process: subprocess.Popen[bytes], lines: str) -> None:
    assert process.stdin
    process.stdin.write(lines.encode())
    process.stdin.flush()


async def wait_for_posts(url: str, count: int) -> None:
    """Return as soon as so many posts are there."""
    async with open_service(url) as service:
        found = 0
        while found < count:
            found = len([post async for post in service.export_posts()])


def test_an_import_that_was_killed_goes_on_without_doubling(settings: Settings, url: str) -> None:
    posts = many(3000)
    with importing(settings, "-") as process:
        feed(process, lines_of(posts[:1700]))
        asyncio.run(wait_for_posts(url, 1500))
        process.send_signal(signal.SIGKILL)
    before = len(exported(settings))

    done = hashpost("import", "-", "--json", stdin=lines_of(posts), settings=settings)

    assert 1500 <= before < 3000
    assert json.loads(done.out) == {"imported": 3000 - before, "known": before, "rejected": 0}
    assert contents(exported(settings)) == contents(posts)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_import_that_is_asked_to_stop_keeps_what_it_has_read(
    settings: Settings, url: str, number: signal.Signals
) -> None:
    posts = many(1000)
    with importing(settings, "-") as process:
        feed(process, lines_of(posts[:700]))
        asyncio.run(wait_for_posts(url, 500))
        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 128 + number
    assert (
        err.decode()
        == f"hashpost: stopped by {number.name} before the end; run it again to go on\n"
    )
    stopped = int(out.split()[1].rstrip(b","))
    assert 500 <= stopped <= 700
    again = hashpost("import", "-", stdin=lines_of(posts), settings=settings)
    assert again.out == f"imported {1000 - stopped}, known already {stopped}, rejected 0\n"
    assert contents(exported(settings)) == contents(posts)


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    """There is room for the program, and none for the line."""
    program = f"ulimit -v 1000000; exec {' '.join(HASHPOST)} import -"
    endless = f"(head -c 1100000000 /dev/zero | tr \"\\0\" x; echo; echo '{json.dumps(GOOD[0])}')"

    done = subprocess.run(
        ["sh", "-c", f"{endless} | ({program})"],
        capture_output=True,
        env=environment({"DATABASE_URL": f"sqlite:///{tmp_path}/posts.db"}),
    )

    assert done.stdout == b"imported 1, known already 0, rejected 1\n"
    assert b"line 1: longer than 65536 bytes" in done.stderr


def test_an_export_whose_reader_goes_away_is_quiet(settings: Settings) -> None:
    hashpost("import", "-", stdin=lines_of(many(2000)), settings=settings)

    with subprocess.Popen(
        [*HASHPOST, "export"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(settings),
    ) as export:
        assert export.stdout
        assert export.stderr
        export.stdout.readline()
        export.stdout.close()
        said = export.stderr.read()

    assert (export.returncode, said) == (1, b"")


def test_an_export_that_cannot_be_written_says_so(settings: Settings) -> None:
    hashpost("import", "-", stdin=lines_of(GOOD), settings=settings)

    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*HASHPOST, "export"], stdout=full, stderr=subprocess.PIPE, env=environment(settings)
        )

    assert (done.returncode, done.stderr) == (1, b"hashpost: No space left on device\n")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("export >&-", "hashpost: stdout is closed\n"),
        ("import - <&-", "hashpost: stdin is closed\n"),
        ("user create ada --password-stdin <&-", "hashpost: stdin is closed\n"),
        ("user create ada <&-", "hashpost: stdin is closed\n"),
    ],
)
def test_a_closed_stream_is_told_in_a_line(settings: Settings, command: str, told: str) -> None:
    hashpost("migrate", settings=settings)

    done = subprocess.run(
        ["sh", "-c", f"exec {' '.join(HASHPOST)} {command}"],
        capture_output=True,
        text=True,
        env=environment(settings),
    )

    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_an_import_into_a_database_that_is_away_says_how_to_go_on() -> None:
    away = {"DATABASE_URL": "postgresql://ada:hunter2@127.0.0.1:1/posts"}

    done = hashpost("import", "-", stdin=lines_of(GOOD), settings=away)

    assert done.status == 1
    assert "run it again to go on" in done.err
    assert "Connection refused" in done.err
    assert "Traceback" not in done.err
    assert "hunter2" not in done.err


def test_a_terminal_sees_a_progress_bar(tmp_path: Path) -> None:
    source = tmp_path / "posts.jsonl"
    source.write_text(lines_of(GOOD))
    main, terminal = os.openpty()

    with os.fdopen(main, "rb", buffering=0) as screen:
        done = subprocess.run(
            [*HASHPOST, "import", source],
            stdout=subprocess.PIPE,
            stderr=terminal,
            env=environment({"DATABASE_URL": f"sqlite:///{tmp_path}/posts.db"}) | {"TERM": "xterm"},
        )
        shown = screen.read(100_000)
        os.close(terminal)

    assert b"importing" in shown
    assert done.stdout == b"imported 3, known already 0, rejected 0\n"
