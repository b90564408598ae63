"""Mails go out of a server as it is run, on a mail server that does not always behave."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hashpost.application.service import Service
from hashpost.domain.message import Message, State
from hashpost.entrypoints.background import serving
from hashpost.entrypoints.settings import Settings
from tests.integration.mail.smtp_server import DROP, STALL, SmtpServer, smtp_server

PASSWORD = "correct horse battery"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@asynccontextmanager
async def running(url: str, server: SmtpServer) -> AsyncIterator[Service]:
    """A service with a worker and a scheduler beside it, as `hashpost serve` has them."""
    settings = Settings.read(
        {
            "HASHPOST_DATABASE_URL": url,
            "HASHPOST_SECRET_KEY": "a key that is good for tests only",
            "HASHPOST_SMTP_URL": f"smtp://127.0.0.1:{server.port}",
        }
    )
    async with serving(settings) as service:
        yield service


async def sign_up(service: Service, *names: str) -> None:
    for name in names:
        await service.sign_up(username=name, password=PASSWORD, email=f"{name}@example.org")


async def arrived(server: SmtpServer, count: int) -> list[str]:
    """Whom mails have reached, once there are so many."""
    await asyncio.to_thread(server.wait_until, lambda server: len(server.received) >= count)
    return sorted(mail.recipients[0] for mail in server.received)


async def ended(service: Service, state: State, count: int) -> None:
    async with asyncio.timeout(20):
        while len(await welcomes(service, state)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def welcomes(service: Service, state: State | None = None) -> Sequence[Message]:
    """The messages that are about mails; there may be periodic ones, once a minute is full."""
    return await service.list_messages(state=state, job="welcome-mail")


async def test_a_sign_up_is_welcomed_with_both_parts(migrated_url: str, server: SmtpServer) -> None:
    async with running(migrated_url, server) as service:
        await sign_up(service, "ada")
        assert await arrived(server, 1) == ["ada@example.org"]
        await ended(service, State.DONE, 1)

    message = server.received[0].message
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    assert message["To"] == "ada <ada@example.org>"


async def test_one_bad_address_and_one_stalled_line_hold_nobody_up(
    migrated_url: str, server: SmtpServer
) -> None:
    async with running(migrated_url, server) as service:
        server.will("RCPT", "550 5.1.1 no such user", times=1)
        await sign_up(service, "bad")
        await ended(service, State.DEAD, 1)
        server.will("MAIL", STALL, times=1)
        await sign_up(service, "slow")
        await asyncio.to_thread(server.wait_until, lambda server: len(server.said("MAIL")) == 2)

        await sign_up(service, "a", "b", "c")

        assert await arrived(server, 3) == ["a@example.org", "b@example.org", "c@example.org"]
        await ended(service, State.DONE, 3)
        (dead,) = await welcomes(service, State.DEAD)
        assert (dead.attempts, dead.outcome) == (
            1,
            "refused: the mail server answered 550 5.1.1 no such user",
        )
        (running_,) = await welcomes(service, State.RUNNING)
        assert running_.attempts == 1


@pytest.mark.parametrize("stage", ["CONNECT", "RCPT", "CONTENT", "DOT"])
async def test_a_mail_put_off_or_dropped_comes_later_under_the_same_id(
    migrated_url: str, server: SmtpServer, stage: str
) -> None:
    server.will(stage, DROP if stage in ("CONTENT", "DOT") else "451 later", times=1)  # type: ignore[arg-type]

    async with running(migrated_url, server) as service:
        await sign_up(service, "ada")
        await ended(service, State.DONE, 1)
        (message,) = await welcomes(service)

    keys = {mail.message["Message-ID"] for mail in server.received}
    assert message.attempts == 2
    assert keys == {f"<welcome-mail.{message.id}@localhost>"}
    assert len(server.received) == (2 if stage == "DOT" else 1)


async def test_without_a_mail_server_mails_lie_in_a_folder(
    migrated_url: str, tmp_path: Path
) -> None:
    settings = Settings.read(
        {
            "HASHPOST_DATABASE_URL": migrated_url,
            "HASHPOST_SECRET_KEY": "a key that is good for tests only",
            "HASHPOST_MAIL_DIR": str(tmp_path / "mail"),
        }
    )

    async with serving(settings) as service:
        await sign_up(service, "ada")
        await ended(service, State.DONE, 1)
        (message,) = await welcomes(service)

    assert [path.name for path in (tmp_path / "mail").iterdir()] == [
        f"welcome-mail.{message.id}.eml"
    ]
