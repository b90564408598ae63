"""Mails in files: whole, for their owner only, one a key."""

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from hashpost.adapters.mail.composing import Composer
from hashpost.adapters.mail.files import FileMailer
from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.application.ports import MailRefused
from hashpost.domain.errors import Unavailable
from hashpost.testing.clock import START
from hashpost.testing.contracts.mail import PLAIN, Mailbox, MailerContract, mail_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var" / "mail"


@pytest.fixture
def mailer(folder: Path) -> FileMailer:
    composer = Composer(sender="posts@example.org", clock=lambda: START)
    return FileMailer(folder=folder, composer=composer)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestFileMailer(MailerContract):
    @pytest.fixture
    def mailbox(self, folder: Path) -> Mailbox:
        return lambda: [mail_of(path.read_bytes()) for path in files(folder)]


class TestMemoryMailer(MailerContract):
    @pytest.fixture
    def mailer(self) -> MemoryMailer:
        return MemoryMailer()

    @pytest.fixture
    def mailbox(self, mailer: MemoryMailer) -> Mailbox:
        return lambda: mailer.sent


async def test_a_mail_that_is_tried_again_is_one_file(mailer: FileMailer, folder: Path) -> None:
    await mailer.send(PLAIN)
    await mailer.send(replace(PLAIN, text="again\n"))

    (path,) = files(folder)
    assert path.name == f"{PLAIN.key}.eml"
    assert mail_of(path.read_bytes()).text == "again\n"


async def test_only_the_owner_may_read_mails(mailer: FileMailer, folder: Path) -> None:
    await mailer.send(PLAIN)

    (path,) = files(folder)
    assert mode(folder) == 0o700
    assert mode(path) == 0o600


async def test_a_key_cannot_leave_the_folder(mailer: FileMailer, folder: Path) -> None:
    await mailer.send(replace(PLAIN, key="../../etc/passwd"))

    (path,) = files(folder)
    assert path.name == "..%2F..%2Fetc%2Fpasswd.eml"


async def test_where_a_mail_lies_is_logged_and_nothing_of_it(
    mailer: FileMailer, folder: Path
) -> None:
    with structlog.testing.capture_logs() as logs:
        await mailer.send(PLAIN)

    assert logs == [
        {
            "event": "mail written",
            "path": str(folder / f"{PLAIN.key}.eml"),
            "log_level": "info",
        }
    ]


async def test_a_folder_that_cannot_be_made_can_be_tried_again(
    mailer: FileMailer, folder: Path
) -> None:
    folder.parent.write_text("a file")

    with pytest.raises(Unavailable, match="the mail cannot be written: Not a directory"):
        await mailer.send(PLAIN)


async def test_a_mail_that_cannot_be_finished_leaves_the_former_one_and_nothing_else(
    mailer: FileMailer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    await mailer.send(PLAIN)
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(Unavailable, match="No space left"):
        await mailer.send(replace(PLAIN, text="again\n"))

    (path,) = files(folder)
    assert mail_of(path.read_bytes()) == PLAIN


async def test_an_address_that_is_none_is_refused(mailer: FileMailer, folder: Path) -> None:
    with pytest.raises(MailRefused):
        await mailer.send(replace(PLAIN, to="ada"))

    assert files(folder) == []
