"""A message has one recipient and is parsed as it was meant, whatever the mail holds."""

import re
import string
from dataclasses import replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from email_validator import EmailSyntaxError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from hashpost.adapters.mail.composing import Composer, file_safe, recipient
from hashpost.application.ports import MailRefused
from hashpost.domain.mail import Mail
from hashpost.domain.user import EMAIL_MAX_LENGTH, USERNAME_PATTERN
from hashpost.testing.clock import START
from hashpost.testing.contracts.mail import PLAIN, mail_of, message_of

COMPOSER = Composer(sender="posts@mail.example.org", clock=lambda: START)

ATOM = string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~" + "éßñ用户भारतдמ한"
LOCALS = st.lists(st.text(ATOM, min_size=1, max_size=20), min_size=1, max_size=3).map(".".join)
DOMAINS = st.sampled_from(
    ["example.org", f"{'a' * 63}.{'b' * 63}.example.com", "straße.example", "почта.example.org"]
)


def valid(address: str) -> bool:
    try:
        normalized = validate_email(address, check_deliverability=False).normalized
    except EmailSyntaxError:
        return False
    return normalized == address and len(address) <= EMAIL_MAX_LENGTH


ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS).filter(valid)
USERNAMES = st.from_regex(USERNAME_PATTERN, fullmatch=True)
KEYS = st.builds(
    "{}.{}".format, st.sampled_from(["welcome-mail", "digest-mail"]), st.integers(1, 2**53)
)
UNPRINTED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300)


def sent(mail: Mail) -> EmailMessage:
    """The mail as its receiver parses it."""
    return message_of(COMPOSER.compose(mail).as_bytes())


def on_one_line(text: str) -> str:
    return " ".join(UNPRINTED.sub(" ", text).split()).replace("=?", "= ?")


def ascii_form(address: str) -> str:
    local, _, domain = address.rpartition("@")
    found = validate_email(f"x@{domain}", check_deliverability=False).ascii_domain
    return f"{local}@{found}"


@given(USERNAMES, ADDRESSES, KEYS)
@example("_", "a@example.org", "k.1")
@example("a" * 30, f"{'é' * 20}@почта.example.org", "k.1")
def test_any_user_is_the_one_recipient(username: str, email: str, key: str) -> None:
    mail = replace(PLAIN, key=key, name=username, to=email)

    assert mail_of(COMPOSER.compose(mail).as_bytes()) == replace(mail, to=ascii_form(email))


@given(st.text(max_size=200))
@example("eve@example.com, bob@example.com")
@example("x\r\nBcc: eve@example.com")
@example("x" * 200)
@example('", <eve@example.com>, "')
@example("=?utf-8?q?=2C_=3Ceve=40example=2Ecom=3E?=")
@example("Грета, Ада <eve@example.com>; (x")
@example("\ud800")
def test_whatever_the_name_there_is_one_recipient(name: str) -> None:
    (address,) = sent(replace(PLAIN, name=name))["To"].addresses

    assert address.addr_spec == PLAIN.to
    # Python's parser leaves a space between two encoded words of a name (against RFC 2047, 6.2).
    assert address.display_name.replace(" ", "") == on_one_line(name).replace(" ", "")


@given(st.text(max_size=100) | st.builds("{}@example.org".format, st.text(max_size=100)))
@example("a@example.org, b@example.org")
@example("a@example.org\r\nBcc: b@example.org")
@example("a b@example.org")
@example('"a@b"@example.org')
@example("a@[127.0.0.1]")
@example("a@example.org>")
@example("a@")
@example("")
def test_whatever_the_address_it_is_the_one_recipient_or_refused(
    to: str,
) -> None:
    try:
        composed = COMPOSER.compose(replace(PLAIN, to=to))
    except MailRefused:
        return

    assert recipient(composed).rpartition("@")[0] == to.rpartition("@")[0]
    assert [each.addr_spec for each in message_of(composed.as_bytes())["To"].addresses] == [
        recipient(composed)
    ]


@given(LINES)
@example("#привет " * 30)
@example("x" * 2000)
@example("=?utf-8?q?x?=")
def test_a_subject_survives(subject: str) -> None:
    assert sent(replace(PLAIN, subject=subject))["Subject"] == on_one_line(subject)


@given(st.text(), st.text(), st.text())
@example("x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "https://h/\r\nBcc: eve@x.y")
@example("x\u2028Bcc: eve@example.com", "x\x85Bcc: a@b.c", "https://h/\x0bBcc: eve@x.y")
@example("\ud800", "\x00", "\ud800")
def test_no_text_makes_a_header(subject: str, name: str, url: str) -> None:
    message = sent(replace(PLAIN, subject=subject, name=name, unsubscribe_url=url))

    assert message.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type"),
    ]
    assert message.defects == []


def test_a_mail_says_who_sent_it_when_and_that_nobody_wrote_it() -> None:
    message = sent(PLAIN)

    assert message["From"].addresses == (Address(addr_spec="posts@mail.example.org"),)
    assert message["Date"].datetime == START.replace(microsecond=0)
    assert message["Message-ID"] == f"<{PLAIN.key}@mail.example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        *("text/plain", "text/html")
    ]


def test_a_message_id_is_the_same_on_every_try() -> None:
    moments = iter([START, START.replace(year=START.year + 1)])
    composer = Composer(sender="posts@mail.example.org", clock=lambda: next(moments))

    first, second = composer.compose(PLAIN), composer.compose(PLAIN)

    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] != second["Date"]


def test_one_click_unsubscribes() -> None:
    url = f"https://example.org/unsubscribe/{'Ab-_' * 60}/"

    content = COMPOSER.compose(replace(PLAIN, unsubscribe_url=url)).as_bytes()

    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content


def test_a_mail_that_nobody_can_unsubscribe_from_says_nothing_of_it() -> None:
    assert "List-Unsubscribe" not in sent(PLAIN)
    assert "List-Unsubscribe-Post" not in sent(PLAIN)


@given(LINES.filter(str.strip), LINES)
def test_every_line_fits_and_is_ascii_if_the_address_is(subject: str, text: str) -> None:
    mail = replace(PLAIN, subject=subject, text=text, html=text, name=subject[:60])

    lines = COMPOSER.compose(mail).as_bytes().split(b"\r\n")

    assert max(map(len, lines)) <= 998
    assert all(line.isascii() and b"\n" not in line for line in lines)
    assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\S+", b" ".join(lines)))


@given(st.text(), st.text())
@example("a", "a/../b")
def test_a_key_becomes_a_name_of_its_own(one: str, other: str) -> None:
    assert (file_safe(one) == file_safe(other)) == (one == other)
    assert set(file_safe(one)) <= set(f"{string.ascii_letters}{string.digits}-._~%")


def test_a_date_is_in_utc_and_in_english() -> None:
    composer = Composer(
        sender="a@b.c", clock=lambda: datetime.fromisoformat("2026-11-22T06:21:00+00:00")
    )

    assert composer.compose(PLAIN)["Date"] == "Sun, 22 Nov 2026 06:21:00 +0000"


@pytest.mark.parametrize("to", ["ada@localhost", "ada@mail"])
def test_a_host_of_the_own_network_is_a_domain(to: str) -> None:
    assert recipient(COMPOSER.compose(replace(PLAIN, to=to))) == to
