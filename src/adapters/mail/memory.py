"""Keeps mails in a list, for tests and for whoever embeds hashpost."""

from dataclasses import dataclass, field

from hashpost.domain.mail import Mail


@dataclass(frozen=True, slots=True)
class MemoryMailer:
    """Takes on every mail, and keeps it in `sent`: one that is sent twice stands there twice."""

    sent: list[Mail] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        """Keep it."""
        self.sent.append(mail)
