"""A real SMTP server on a free port of this machine that can be told to misbehave.

It runs in a thread of its own, so it serves tests with and without an event loop, and programs that
a test starts.
"""

import asyncio
import ssl
import subprocess
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from hashpost.testing.contracts.mail import message_of

Stage = Literal[
    "CONNECT", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "CONTENT", "DOT", "QUIT"
]
"""When it misbehaves: at a command, in the middle of the mail, or after its final dot."""

STALL: Final = "stall"
"""Says nothing more, and keeps the line."""

DROP: Final = "drop"
"""Drops the line without a word."""

ANSWER_AND_DROP: Final = "421 4.3.2 shutting down"
"""As a server does that is stopped."""

WAIT_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that the server has got whole, whether or not it said so."""

    sender: str
    recipients: Sequence[str]
    content: bytes
    smtputf8: bool
    tls: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return message_of(self.content)


@dataclass(slots=True)
class SmtpServer:
    """What a server was told to do and what it saw."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    commands: list[tuple[str, str | None]] = field(default_factory=list)
    lines: int = 0
    """How many connections there are now."""
    _plans: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    _always: dict[str, str] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def will(self, stage: Stage, action: str, *, times: int | None = None) -> None:
        """Do that at the stage: STALL, DROP, or an answer; so many times, or from now on."""
        if times is None:
            self._always[stage] = action
        else:
            self._plans[stage].extend([action] * times)

    def behave(self) -> None:
        """Do as a mail server should, from now on."""
        self._plans.clear()
        self._always.clear()

    def planned(self, stage: str) -> str | None:
        """What to do now at that stage; None for what is right."""
        plan = self._plans.get(stage)
        return plan.popleft() if plan else self._always.get(stage)

    def plans(self, stage: str) -> bool:
        """Whether something else than what is right is to be done at that stage."""
        return bool(self._plans.get(stage)) or stage in self._always

    def count(self, change: int) -> None:
        """Remember that a connection came or went."""
        with self._changed:
            self.lines += change
            self._changed.notify_all()

    def note(self, command: str, argument: str | None) -> None:
        """Remember a command."""
        with self._changed:
            self.commands.append((command, argument))
            self._changed.notify_all()

    def take(self, mail: Received) -> None:
        """Remember a mail."""
        with self._changed:
            self.received.append(mail)
            self._changed.notify_all()

    def said(self, command: str) -> list[str | None]:
        """The arguments with which a command came."""
        return [argument for name, argument in self.commands if name == command]

    def wait_until(self, condition: Callable[["SmtpServer"], bool]) -> None:
        """Return when it holds; checked whenever a line, command or mail comes in."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), WAIT_SECONDS), self.commands


class _Handler:
    """What aiosmtpd calls when a mail is whole."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def handle_DATA(  # noqa: N802
        self, line: "_Line", session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self._server.take(
            Received(
                sender=envelope.mail_from or "",
                recipients=tuple(envelope.rcpt_tos),
                content=envelope.content,
                smtputf8=envelope.smtp_utf8,
                tls=session.ssl is not None or line.implicit_tls,
                user=session.auth_data,
            )
        )
        return await line.act("DOT") or "250 2.0.0 taken"


class _Line(SMTP):
    """One connection: before a command does what it should, it may do something else."""

    def __init__(
        self, server: SmtpServer, *, implicit_tls: bool, auth_required: bool, **how: Any
    ) -> None:
        self._server = server
        self.implicit_tls = implicit_tls
        super().__init__(_Handler(server), hostname="localhost", **how)
        self._auth_required = auth_required  # given to SMTP, it would warn where TLS is ours
        self._smtp_methods = {
            name: partial(self._command, name, method)
            for name, method in self._smtp_methods.items()
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:
            self._server.count(1)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._server.count(-1)

    def drop(self) -> None:
        """Cut the line."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def act(self, stage: str) -> str | None:
        """The answer to give instead of what is right, if there is to be one."""
        action = self._server.planned(stage)
        if action == DROP:
            self.drop()
        if action in (STALL, DROP):
            await asyncio.Event().wait()  # until the line is lost, which cancels this
        return action

    async def _handle_client(self) -> None:
        answer = await self.act("CONNECT")
        if answer is None:
            await super()._handle_client()
        else:
            await self.push(answer)

    async def _command(self, name: str, method: Callable[..., Any], argument: str | None) -> None:
        self._server.note(name, argument)
        answer = await self.act(name)
        if answer is not None:
            await self.push(answer)
        elif name == "DATA" and self._server.plans("CONTENT"):
            await self.push("354 go on")
            await self._reader.readline()
            await self.act("CONTENT")
        else:
            await method(argument)


@contextmanager
def smtp_server(
    *,
    tls: ssl.SSLContext | None = None,
    implicit_tls: bool = False,
    users: dict[str, str] | None = None,
    auth_needs_tls: bool = True,
    smtputf8: bool = True,
) -> Iterator[SmtpServer]:
    """Yield a running server.

    With `tls` it offers STARTTLS, or speaks TLS from the first byte if `implicit_tls`; with `users`
    and their passwords it takes mails only from them.
    """
    server = SmtpServer()

    def authenticated(
        _line: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: LoginPassword
    ) -> AuthResult:
        user, password = login.login.decode(), login.password.decode()
        known = (users or {}).get(user) == password
        return AuthResult(success=known, handled=False, auth_data=user)

    def line() -> _Line:
        return _Line(
            server,
            implicit_tls=implicit_tls,
            tls_context=None if implicit_tls else tls,
            auth_required=bool(users),
            auth_require_tls=auth_needs_tls and not implicit_tls,
            authenticator=authenticated,
            enable_SMTPUTF8=smtputf8,
            loop=asyncio.get_running_loop(),
        )

    with _serving(line, ssl_context=tls if implicit_tls else None) as port:
        server.port = port
        yield server


@contextmanager
def _serving(line: Callable[[], _Line], *, ssl_context: ssl.SSLContext | None) -> Iterator[int]:
    """Accept connections in a thread until the block ends, then drop those that are left."""
    lines: list[_Line] = []
    started: Future[tuple[int, Callable[[], object]]] = Future()

    def new_line() -> _Line:
        lines.append(line())
        return lines[-1]

    async def serve() -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        async with await loop.create_server(new_line, "127.0.0.1", 0, ssl=ssl_context) as listening:
            port = listening.sockets[0].getsockname()[1]
            started.set_result((port, lambda: loop.call_soon_threadsafe(stopping.set)))
            await stopping.wait()
            for each in lines:
                each.drop()

    def run() -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    port, stop = started.result(WAIT_SECONDS)
    try:
        yield port
    finally:
        stop()
        thread.join(WAIT_SECONDS)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that signs itself, and what serves with it and what trusts it."""

    certificate: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """What a server uses."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client(self) -> ssl.SSLContext:
        """What trusts this certificate and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))


def certificate(folder: Path, *, names: str = "DNS:localhost,IP:127.0.0.1") -> Certificate:
    """A new certificate for those names, made by the `openssl` program."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    extensions = [
        f"subjectAltName={names}",
        "basicConstraints=critical,CA:TRUE",
        "keyUsage=critical,digitalSignature,keyCertSign",
    ]
    command: list[str | Path] = ["openssl", "req", "-x509", "-days", "2", "-subj", "/CN=test"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", made.key, "-out", made.certificate]
    for extension in extensions:
        command += ["-addext", extension]
    subprocess.run(command, check=True, capture_output=True)
    return made
