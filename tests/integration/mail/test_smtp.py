"""Mails handed to a mail server: taken on once, refused, or to be tried again; never in clear."""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from hashpost.adapters.mail.address import SmtpServer as Address
from hashpost.adapters.mail.composing import Composer
from hashpost.adapters.mail.smtp import SmtpMailer
from hashpost.application.ports import MailRefused
from hashpost.domain.errors import Unavailable
from hashpost.testing.clock import START
from hashpost.testing.contracts.mail import PLAIN, Mailbox, MailerContract, mail_of
from tests.integration.mail.smtp_server import (
    ANSWER_AND_DROP,
    DROP,
    STALL,
    Certificate,
    SmtpServer,
    Stage,
    smtp_server,
)

USER, PASSWORD = "posts@example.org", "hunter2/@:ü"
CREDENTIALS = f"{quote(USER)}:{quote(PASSWORD, safe='')}@"
STAGES: list[Stage] = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"]


def mailer_at(
    server: SmtpServer,
    *,
    scheme: str = "smtp",
    credentials: str = "",
    **how: Any,
) -> SmtpMailer:
    return SmtpMailer(
        server=Address.parsed(f"{scheme}://{credentials}localhost:{server.port}"),
        composer=Composer(sender="hashpost@example.org", clock=lambda: START),
        **how,
    )


async def refusal(mailer: SmtpMailer) -> str:
    with pytest.raises(MailRefused) as caught:
        await mailer.send(PLAIN)
    return str(caught.value)


async def failure(mailer: SmtpMailer) -> str:
    with pytest.raises(Unavailable) as caught:
        await mailer.send(PLAIN)
    return str(caught.value)


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def guarded_server(local_certificate: Certificate) -> Iterator[SmtpServer]:
    """Takes mails after STARTTLS and a log-in."""
    with smtp_server(tls=local_certificate.server(), users={USER: PASSWORD}) as server:
        yield server


@pytest.fixture
def trust(local_certificate: Certificate) -> ssl.SSLContext:
    return local_certificate.client()


class TestSmtpMailer(MailerContract):
    @pytest.fixture
    def mailer(self, server: SmtpServer) -> SmtpMailer:
        return mailer_at(server)

    @pytest.fixture
    def mailbox(self, server: SmtpServer) -> Mailbox:
        return lambda: [mail_of(received.content) for received in server.received]


class TestSmtpMailerOverStarttls(MailerContract):
    @pytest.fixture
    def mailer(self, guarded_server: SmtpServer, trust: ssl.SSLContext) -> SmtpMailer:
        return mailer_at(guarded_server, credentials=CREDENTIALS, tls=trust)

    @pytest.fixture
    def mailbox(self, guarded_server: SmtpServer) -> Mailbox:
        return lambda: [mail_of(received.content) for received in guarded_server.received]


async def test_the_envelope_has_one_sender_and_one_recipient(server: SmtpServer) -> None:
    await mailer_at(server).send(replace(PLAIN, name="eve@example.com, bob@example.com"))

    (received,) = server.received
    assert received.sender == "hashpost@example.org"
    assert received.recipients == ("ada@example.org",)
    assert [received.tls, received.user] == [False, None]


async def test_a_mail_is_not_sent_in_place_of_another_at_once(server: SmtpServer) -> None:
    mailer = mailer_at(server)
    mails = [replace(PLAIN, key=f"k.{number}") for number in range(20)]

    await asyncio.gather(*map(mailer.send, mails))

    assert sorted(mail_of(received.content).key for received in server.received) == sorted(
        mail.key for mail in mails
    )


async def test_a_line_is_upgraded_before_the_password_is_said(
    guarded_server: SmtpServer, trust: ssl.SSLContext
) -> None:
    await mailer_at(guarded_server, credentials=CREDENTIALS, tls=trust).send(PLAIN)

    (received,) = guarded_server.received
    assert [received.tls, received.user] == [True, USER]
    assert [name for name, _ in guarded_server.commands] == [
        *("EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT")
    ]


async def test_smtps_is_tls_from_the_first_byte(
    local_certificate: Certificate, trust: ssl.SSLContext
) -> None:
    tls = local_certificate.server()
    with smtp_server(tls=tls, implicit_tls=True, users={USER: PASSWORD}) as server:
        await mailer_at(server, scheme="smtps", credentials=CREDENTIALS, tls=trust).send(PLAIN)

        assert [(received.tls, received.user) for received in server.received] == [(True, USER)]
        assert not server.said("STARTTLS")


async def test_smtps_works_without_a_user(
    local_certificate: Certificate, trust: ssl.SSLContext
) -> None:
    with smtp_server(tls=local_certificate.server(), implicit_tls=True) as server:
        await mailer_at(server, scheme="smtps", tls=trust).send(PLAIN)

        assert [received.user for received in server.received] == [None]


@pytest.mark.parametrize("implicit_tls", [False, True])
async def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    local_certificate: Certificate, *, implicit_tls: bool
) -> None:
    tls = local_certificate.server()
    with smtp_server(tls=tls, implicit_tls=implicit_tls, users={USER: PASSWORD}) as server:
        scheme = "smtps" if implicit_tls else "smtp"

        told = await failure(mailer_at(server, scheme=scheme, credentials=CREDENTIALS))

        assert told == "the certificate of the mail server is not to be trusted"
        assert not server.said("AUTH")
        assert not server.received


@pytest.mark.parametrize("implicit_tls", [False, True])
async def test_a_certificate_of_another_host_gets_no_password(
    foreign_certificate: Certificate, *, implicit_tls: bool
) -> None:
    tls, trust = foreign_certificate.server(), foreign_certificate.client()
    with smtp_server(tls=tls, implicit_tls=implicit_tls, users={USER: PASSWORD}) as server:
        scheme = "smtps" if implicit_tls else "smtp"

        told = await failure(mailer_at(server, scheme=scheme, credentials=CREDENTIALS, tls=trust))

        assert told == "the certificate of the mail server is not to be trusted"
        assert not server.said("AUTH")


async def test_a_password_is_never_said_in_clear() -> None:
    with smtp_server(users={USER: PASSWORD}, auth_needs_tls=False) as server:
        told = await failure(mailer_at(server, credentials=CREDENTIALS))

        assert "STARTTLS" in told
        assert [name for name, _ in server.commands] == ["EHLO"]


@pytest.mark.parametrize("action", ["454 4.7.0 TLS not available", "502 5.5.1 no", DROP, STALL])
async def test_where_starttls_fails_nothing_more_is_said(
    guarded_server: SmtpServer, trust: ssl.SSLContext, action: str
) -> None:
    guarded_server.will("STARTTLS", action)
    mailer = mailer_at(guarded_server, credentials=CREDENTIALS, tls=trust, step_seconds=0.3)

    await failure(mailer)

    assert [name for name, _ in guarded_server.commands] == ["EHLO", "STARTTLS"]


async def test_a_password_that_is_wrong_is_no_fault_of_the_mail(
    guarded_server: SmtpServer, trust: ssl.SSLContext
) -> None:
    credentials = f"{quote(USER)}:hunter3@"

    told = await failure(mailer_at(guarded_server, credentials=credentials, tls=trust))

    assert told == "the mail server refused the log-in (535)"


@pytest.mark.parametrize("code", [530, 534, 538])
async def test_a_server_that_wants_a_log_in_is_no_fault_of_the_mail(
    server: SmtpServer, code: int
) -> None:
    server.will("MAIL", f"{code} 5.7.0 Authentication required")

    assert str(code) in await failure(mailer_at(server))


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("code", [500, 550, 552, 554])
async def test_what_is_refused_for_good_is_refused(
    server: SmtpServer, stage: Stage, code: int
) -> None:
    server.will(stage, f"{code} 5.1.1 <ada@example.org> is unknown")

    told = await refusal(mailer_at(server))

    assert told == f"the mail server answered {code} 5.1.1 <***> is unknown"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("code", [421, 450, 451, 452])
async def test_what_is_put_off_can_be_tried_again(
    server: SmtpServer, stage: Stage, code: int
) -> None:
    server.will(stage, f"{code} 4.3.2 later", times=1)
    mailer = mailer_at(server)

    told = await failure(mailer)
    await mailer.send(PLAIN)

    assert told == f"the mail server answered {code} 4.3.2 later"
    assert server.received


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO"])
async def test_a_server_that_takes_no_mail_at_all_is_no_fault_of_the_mail(
    server: SmtpServer, stage: Stage
) -> None:
    server.will(stage, "554 5.3.2 no mail service here")

    assert "554" in await failure(mailer_at(server))


@pytest.mark.parametrize("stage", [*STAGES, "CONTENT"])
async def test_a_line_that_is_dropped_can_be_tried_again(server: SmtpServer, stage: Stage) -> None:
    server.will(stage, DROP, times=1)
    mailer = mailer_at(server)

    await failure(mailer)
    taken_on = len(server.received)
    await mailer.send(PLAIN)

    assert len(server.received) == taken_on + 1
    assert taken_on == (1 if stage == "DOT" else 0)


@pytest.mark.parametrize("stage", [*STAGES, "CONTENT"])
async def test_a_server_that_says_nothing_is_given_up_after_a_step(
    server: SmtpServer, stage: Stage
) -> None:
    server.will(stage, STALL)

    async with asyncio.timeout(5):
        told = await failure(mailer_at(server, step_seconds=0.2))

    assert told == "the mail server did not answer in time"


async def test_all_steps_together_are_bounded(server: SmtpServer) -> None:
    server.will("RCPT", STALL)

    async with asyncio.timeout(5):
        told = await failure(mailer_at(server, step_seconds=60, total_seconds=0.3))

    assert told == "the mail server did not answer in time"


async def test_a_mail_lost_after_its_final_dot_comes_again_with_the_same_message_id(
    server: SmtpServer,
) -> None:
    server.will("DOT", DROP, times=1)
    mailer = mailer_at(server)

    await failure(mailer)
    await mailer.send(PLAIN)

    first, second = (received.message["Message-ID"] for received in server.received)
    assert first == second == f"<{PLAIN.key}@example.org>"


@pytest.mark.parametrize("action", [STALL, DROP, ANSWER_AND_DROP])
async def test_what_goes_wrong_after_the_mail_was_taken_on_does_not_matter(
    server: SmtpServer, action: str
) -> None:
    server.will("QUIT", action)

    async with asyncio.timeout(5):
        await mailer_at(server).send(PLAIN)

    assert len(server.received) == 1


async def test_a_server_that_is_not_there_can_be_tried_again() -> None:
    with smtp_server() as server:
        pass

    assert "mail server" in await failure(mailer_at(server))


async def test_a_host_that_does_not_exist_can_be_tried_again(server: SmtpServer) -> None:
    elsewhere = Address.parsed("smtp://no-such-host.invalid")

    await failure(replace(mailer_at(server), server=elsewhere))


async def test_an_answer_that_is_none_can_be_tried_again(server: SmtpServer) -> None:
    server.will("RCPT", "hello there")

    await failure(mailer_at(server))


async def test_a_cancelled_mail_lets_go_of_the_line(server: SmtpServer) -> None:
    server.will("RCPT", STALL)
    sending = asyncio.create_task(mailer_at(server).send(PLAIN))
    await asyncio.to_thread(server.wait_until, lambda server: bool(server.said("RCPT")))

    sending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await sending
    await asyncio.to_thread(server.wait_until, lambda server: server.lines == 0)


async def test_an_address_beyond_ascii_goes_to_a_server_that_takes_it(server: SmtpServer) -> None:
    await mailer_at(server).send(replace(PLAIN, to="пример@почта.example.org", name="Пример"))

    (received,) = server.received
    assert received.recipients == ("пример@xn--80a1acny.example.org",)
    assert received.smtputf8
    assert mail_of(received.content).to == "пример@xn--80a1acny.example.org"


async def test_an_address_beyond_ascii_is_refused_where_no_server_takes_it() -> None:
    with smtp_server(smtputf8=False) as server:
        with pytest.raises(MailRefused, match="SMTPUTF8"):
            await mailer_at(server).send(replace(PLAIN, to="пример@example.org"))

        assert not server.said("MAIL")


async def test_a_domain_beyond_ascii_goes_to_every_server() -> None:
    with smtp_server(smtputf8=False) as server:
        await mailer_at(server).send(replace(PLAIN, to="ada@straße.example.org"))

        (received,) = server.received
        assert received.recipients == ("ada@xn--strae-oqa.example.org",)


async def test_an_address_that_is_none_never_reaches_a_server(server: SmtpServer) -> None:
    with pytest.raises(MailRefused):
        await mailer_at(server).send(replace(PLAIN, to="ada@example.org> SIZE=1"))

    assert not server.commands


@pytest.mark.parametrize("stage", ["EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DOT"])
async def test_no_failure_tells_the_password(
    guarded_server: SmtpServer, trust: ssl.SSLContext, stage: Stage
) -> None:
    mailer = mailer_at(guarded_server, credentials=CREDENTIALS, tls=trust)
    guarded_server.will(stage, f"454 4.7.0 {PASSWORD.encode('ascii', 'ignore').decode()}")

    with pytest.raises(Unavailable) as caught:
        await mailer.send(PLAIN)

    assert PASSWORD not in f"{caught.value} {mailer!r}"
    assert stage != "AUTH" or "hunter2" not in str(caught.value)
