"""Turns a mail into a message as it goes over the wire (RFC 5322, RFC 2045, RFC 6532)."""

import re
import string
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import (
    Address,
    AddressHeader,
    BaseHeader,
    HeaderRegistry,
    UnstructuredHeader,
)
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy, Policy
from urllib.parse import quote

from hashpost.application.ports import Clock, MailRefused
from hashpost.domain.mail import Mail

_CONTROLS = re.compile("[\\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LOCAL = re.compile('[^\\s\x00-\x20\x7f-\xa0\ud800-\udfff()<>\\[\\]:;@\\\\,".]+')
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)

_PLAIN_MAX_LENGTH = 500
"""Of what need not be folded; a line may have 998 characters."""
_ENCODED_MAX_LENGTH = 75
"""Of an encoded word, and of a line that begins with a space and one of them (RFC 2047, 2)."""


class _Url(UnstructuredHeader, BaseHeader):
    """A header that is never folded: a receiver would not find the URL in encoded words."""

    def fold(self, *, policy: Policy) -> str:
        """The header on one line."""
        return f"{self.name}: {self}{policy.linesep}"


class _Text(UnstructuredHeader, BaseHeader):
    """A header that is read as it was written.

    As Python 3.11 folds one, white space between two words beyond ASCII may be lost.
    """

    def fold(self, *, policy: Policy) -> str:
        """The header, with a text that is not plain in encoded words."""
        return f"{self.name}: {_phrase(str(self), header=self.name, policy=policy)}{policy.linesep}"


class _Recipient(AddressHeader, BaseHeader):  # type: ignore[misc] # mixed as they come
    """The address of one recipient, whose name is no part of it whatever it holds."""

    def fold(self, *, policy: Policy) -> str:
        """The header, with a name that is not plain in encoded words."""
        (address,) = self.addresses
        whole = str(address)
        if not _is_plain(whole) and not _is_plain(address.display_name):
            name = _phrase(address.display_name, header=self.name, policy=policy)
            whole = f"{name}{policy.linesep} <{address.addr_spec}>"
        return f"{self.name}: {whole}{policy.linesep}"


def _is_plain(text: str) -> bool:
    """Whether it can stand in a header as it is."""
    return text.isascii() and len(text) <= _PLAIN_MAX_LENGTH


def _phrase(text: str, *, header: str, policy: Policy) -> str:
    """A text that can stand in a header, in encoded words where it must (RFC 2047)."""
    if _is_plain(text):
        return text
    words = Header(text, "utf-8", maxlinelen=_ENCODED_MAX_LENGTH, header_name=header)
    return words.encode(linesep=policy.linesep)


def _policy(base: "EmailPolicy[EmailMessage]") -> "EmailPolicy[EmailMessage]":
    """Only ASCII in the body, so that no server needs 8BITMIME for it."""
    headers = HeaderRegistry()
    for name, kind in {"to": _Recipient, "subject": _Text, "list-unsubscribe": _Url}.items():
        headers.map_to_type(name, kind)
    return base.clone(cte_type="7bit", header_factory=headers)


_ASCII, _UTF8 = _policy(SMTP), _policy(SMTPUTF8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Composes messages from one sender; the clock gives them their date."""

    sender: str
    clock: Clock

    def compose(self, mail: Mail) -> EmailMessage:
        """The message: to one recipient, whatever the name and the subject hold.

        Its Message-ID is the same every time. It has headers in UTF-8 (RFC 6532) when the
        recipient's address cannot be written otherwise.

        Raises:
            MailRefused: the address is none, so no message can be made of it.
        """
        local, domain = _address(mail.to)
        message = EmailMessage(policy=_ASCII if local.isascii() else _UTF8)
        sender_local, _, sender_domain = self.sender.rpartition("@")
        message["From"] = Address(username=sender_local, domain=sender_domain)
        message["To"] = Address(_line(mail.name), username=local, domain=domain)
        message["Subject"] = _line(mail.subject)
        message["Date"] = self.clock()
        message["Message-ID"] = f"<{file_safe(mail.key)}@{sender_domain}>"
        message["Auto-Submitted"] = "auto-generated"
        if mail.unsubscribe_url is not None:
            url = quote(mail.unsubscribe_url, safe=string.punctuation, errors="replace")
            message["List-Unsubscribe"] = f"<{url}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


def recipient(message: EmailMessage) -> str:
    """The address of the one recipient of a composed message."""
    (address,) = message["To"].addresses
    return str(address.addr_spec)


def file_safe(key: str) -> str:
    """The key, in letters, digits and `-._~%` of ASCII; different for different keys."""
    return quote(key, safe="", errors="surrogatepass")


def _line(text: str) -> str:
    """The text on one line, in which nothing is taken for a header or an encoded word."""
    return _CONTROLS.sub(" ", text).strip().replace("=?", "= ?")


def _address(address: str) -> tuple[str, str]:
    local, _, domain = address.rpartition("@")
    if not all(_LOCAL.fullmatch(part) for part in local.split(".")):
        raise MailRefused("the address cannot be written in a mail")
    return local, domain if _DOMAIN.fullmatch(domain) else _ascii_domain(domain)


def _ascii_domain(domain: str) -> str:
    """An international domain as DNS knows it (IDNA 2008)."""
    from email_validator import EmailSyntaxError, validate_email

    try:
        return validate_email(f"x@{domain}", check_deliverability=False).ascii_domain
    except EmailSyntaxError:
        raise MailRefused("the domain of the address cannot be written in a mail") from None
