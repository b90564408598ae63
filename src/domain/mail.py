"""Mails, ready to be sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to exactly one recipient, with a part of plain text and one of HTML.

    `key` stays the same over all attempts, and its Message-ID is made of it, so that a receiver
    knows a repeated mail by that (RFC 5322, 3.6.4). `unsubscribe_url` is where one click ends mails
    of this kind (RFC 8058).
    """

    key: str
    to: str
    name: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str | None = None

    def __repr__(self) -> str:
        return f"Mail(key={self.key!r})"
