"""What every mailer must do."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Final

import pytest

from hashpost.application.ports import Mailer
from hashpost.domain.mail import Mail

Mailbox = Callable[[], Sequence[Mail]]

PLAIN: Final = Mail(
    key="welcome-mail.4611686018427387904",
    to="ada@example.org",
    name="ada",
    subject="Welcome",
    text="Hello ada,\n\nyour account is ready.\n",
    html="<p>Hello ada, your account is ready.</p>\n",
)
MAILS: Final = {
    "plain": PLAIN,
    "a name with a dot": replace(PLAIN, name="Ada.Love-lace"),
    "a name that looks like an address": replace(PLAIN, name="eve@example.com, bob"),
    "a name in another script": replace(PLAIN, name="Ада, Лавлейс"),
    "a subject in another script": replace(PLAIN, subject="Новое: #привет 🙂 " + "和" * 50),
    "texts in other scripts": replace(PLAIN, text="#שלום 🙂\n", html="<p>#שלום 🙂</p>\n"),
    "a line that is a dot": replace(PLAIN, text="one\n.\n..two\nFrom me\n\n\n.\n"),
    "a line that is long": replace(PLAIN, text="x" * 5000 + "\n", html="y" * 5000 + "\n"),
    "a way out": replace(PLAIN, unsubscribe_url=f"https://example.org/unsubscribe/{'Ab-_' * 40}/"),
    "a plus in the address": replace(PLAIN, to="ada+posts@mail.example.org"),
}


class MailerContract:
    """The port `Mailer`. Fixtures: `mailer`, and `mailbox`, which gives the mails that arrived.

    `mail_of` makes a mail of what came over the wire.
    """

    @pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS)
    async def test_a_mail_arrives_as_it_was_sent(
        self, mailer: Mailer, mailbox: Mailbox, mail: Mail
    ) -> None:
        await mailer.send(mail)

        assert list(mailbox()) == [mail]

    async def test_a_mail_that_is_sent_again_can_be_known_by_its_key(
        self, mailer: Mailer, mailbox: Mailbox
    ) -> None:
        await mailer.send(PLAIN)
        await mailer.send(PLAIN)

        assert {mail.key for mail in mailbox()} == {PLAIN.key}

    async def test_mails_with_different_keys_all_arrive(
        self, mailer: Mailer, mailbox: Mailbox
    ) -> None:
        mails = [replace(PLAIN, key=f"digest-mail.{number}") for number in range(3)]

        for mail in mails:
            await mailer.send(mail)

        assert sorted(mailbox(), key=lambda mail: mail.key) == mails


def mail_of(content: bytes) -> Mail:
    """The mail that is said by a message, which must have exactly one recipient."""
    message = message_of(content)
    (address,) = message["To"].addresses
    unsubscribe = message["List-Unsubscribe"]
    return Mail(
        key=message["Message-ID"].removeprefix("<").partition("@")[0],
        to=address.addr_spec,
        name=address.display_name,
        subject=message["Subject"],
        text=_part(message, "plain"),
        html=_part(message, "html"),
        unsubscribe_url=None if unsubscribe is None else unsubscribe.strip("<>"),
    )


def message_of(content: bytes) -> EmailMessage:
    """The message in what came over the wire, whose headers may be in UTF-8 (RFC 6532)."""
    return message_from_string(content.decode(), policy=SMTPUTF8)


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    return "" if body is None else str(body.get_content()).replace("\r\n", "\n")
