"""Hands mails to a mail server (RFC 5321, submission by RFC 6409)."""

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from hashpost.adapters.mail.address import SmtpServer
from hashpost.adapters.mail.composing import Composer, recipient
from hashpost.application.ports import MailRefused
from hashpost.domain.errors import Unavailable
from hashpost.domain.mail import Mail

ABOUT_US: Final = frozenset({530, 534, 535, 538})
"""Refusals that are about the log-in or the line (RFC 4954, RFC 3207) and not about the mail."""

_SAID_AT_MOST = 120
_FAREWELL_SECONDS = 1.0
_UNPRINTABLE = re.compile("[\\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpMailer:
    """Hands each mail over on a connection of its own.

    Connecting and each answer may take `step_seconds`, everything together `total_seconds`. `tls`
    is what certificates are checked with: by default those that this machine trusts.
    """

    server: SmtpServer
    composer: Composer
    step_seconds: float = 10.0
    total_seconds: float = 25.0
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    async def send(self, mail: Mail) -> None:
        """Return when the server has taken on the mail.

        Raises:
            MailRefused: the server refused the sender, the recipient or the mail for good.
            Unavailable: anything else went wrong; when the line was lost after the mail had been
                said, the server may have taken it on.
        """
        message = self.composer.compose(mail)
        client = self._client()
        try:
            async with asyncio.timeout(self.total_seconds):
                await client.connect()
                await _hand_over(client, self.composer.sender, message)
            with suppress(SMTPException, OSError):
                await client.quit(timeout=_FAREWELL_SECONDS)
        except SMTPResponseException as error:
            # Without the cause, which shows the recipient.
            raise _answered(error, recipient(message)) from None
        except (SMTPException, OSError) as error:
            raise Unavailable(_failed(error)) from error
        finally:
            client.close()

    def _client(self) -> SMTP:
        return _Client(
            hostname=self.server.host,
            port=self.server.port,
            username=self.server.user,
            password=self.server.password,
            use_tls=self.server.tls,
            start_tls=self.server.starttls,
            tls_context=self.tls,
            timeout=self.step_seconds,
            local_hostname=self.composer.sender.rpartition("@")[2],
        )


class _Client(SMTP):
    """A client that lets its line go at once.

    The library would wait up to 30 seconds for the server's farewell on an encrypted line, when all
    has been said.
    """

    def close(self) -> None:
        """Close the line."""
        transport = self.transport
        super().close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


async def _hand_over(client: SMTP, sender: str, message: EmailMessage) -> None:
    address = recipient(message)
    utf8 = not address.isascii()
    if client.is_ehlo_or_helo_needed:
        await client.ehlo()
    if utf8 and not client.supports_extension("smtputf8"):
        raise MailRefused("the mail server takes no addresses beyond ASCII (SMTPUTF8)")
    encoding = "utf-8" if utf8 else "ascii"
    options = ["BODY=8BITMIME", "SMTPUTF8"] if utf8 else []
    await client.mail(sender, options=options, encoding=encoding)
    await client.rcpt(address, encoding=encoding)
    await client.data(message.as_bytes())


def _answered(error: SMTPResponseException, address: str) -> Exception:
    """What an answer of the server means to the mail, with what the server said, on one line."""
    if isinstance(error, SMTPAuthenticationError):
        return Unavailable(f"the mail server refused the log-in ({error.code})")
    said = _UNPRINTABLE.sub(" ", error.message.replace(address, "***")).strip()[:_SAID_AT_MOST]
    text = f"the mail server answered {error.code} {said}".rstrip()
    about_the_mail = isinstance(error, SMTPSenderRefused | SMTPRecipientRefused | SMTPDataError)
    if about_the_mail and 500 <= error.code < 600 and error.code not in ABOUT_US:
        return MailRefused(text)
    return Unavailable(text)


def _failed(error: Exception) -> str:
    """Why nothing was handed over, in a few words of ours."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and isinstance(cause, Exception):
        causes.append(cause)
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return "the certificate of the mail server is not to be trusted"
    if isinstance(error, TimeoutError):
        return "the mail server did not answer in time"
    return f"no mail could be handed to the mail server: {_UNPRINTABLE.sub(' ', str(error))}"
