"""Where a mail server is, as a URL says it, and what a sender's address looks like."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

FORM: Final = "smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465"
"""What a URL of a mail server looks like; user and password may be left out, both or neither."""

SUBMISSION_PORT: Final = 587
SUBMISSIONS_PORT: Final = 465
RELAY_PORT: Final = 25

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_SENDER = re.compile(f"(?=.{{3,254}}$)(?=[^@]{{1,64}}@)(?:{_LOCAL})@(?:{_DOMAIN})", re.ASCII)
_LABEL = r"[\w-]{1,63}"
_HOST = re.compile(
    rf"(?=.{{1,253}}$)(?:{_LABEL}(?:\.{_LABEL})*\.?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?)", re.ASCII
)
"""A name (underscores are none by the book, but container networks have them), or an IP address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """A mail server that takes on mails, and who we are to it.

    `tls` means TLS from the first byte (RFC 8314); without it, and with a password, the line is
    upgraded by STARTTLS before anything else is said.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def parsed(cls, url: str) -> "SmtpServer":
        """The server that a URL names.

        Raises:
            ValueError: it names none; the message says what would be right, and does not repeat it.
        """
        try:
            parts = urlsplit(url)
            user, password = _credentials(parts)
            return cls(
                host=_host(parts),
                port=_port(parts),
                user=user,
                password=password,
                tls=parts.scheme == "smtps",
            )
        except ValueError:
            raise ValueError(f"must be {FORM}") from None

    @property
    def starttls(self) -> bool:
        """Whether the line must be upgraded: a password never goes over a plain one."""
        return self.password is not None and not self.tls


def is_sender(address: str) -> bool:
    """Whether it is one plain ASCII address, such as `hashpost@localhost`; without a name."""
    return _SENDER.fullmatch(address) is not None


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    nothing_more = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme not in ("smtp", "smtps") or not nothing_more or not _HOST.fullmatch(host):
        raise ValueError(host)
    return host


def _port(parts: SplitResult) -> int:
    if parts.port == 0:
        raise ValueError(parts.port)
    if parts.scheme == "smtps":
        return parts.port or SUBMISSIONS_PORT
    return parts.port or (RELAY_PORT if parts.username is None else SUBMISSION_PORT)


def _credentials(parts: SplitResult) -> tuple[str, str] | tuple[None, None]:
    """User and password, percent-decoded: both or neither."""
    if parts.username is None and parts.password is None:
        return None, None
    user, password = (
        unquote(text or "", errors="strict") for text in (parts.username, parts.password)
    )
    if not user or not password or "\0" in user + password:
        raise ValueError("incomplete")
    return user, password
