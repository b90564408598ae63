"""A server that kills itself while it writes a post: `python -m …retries.doomed POINT`.

Everything in it is the real thing, set up by the settings, but for what stands around the storage
and the answer to strike. It prints its port.
"""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

from uvicorn import Config, Server

from hashpost.application.ports import Reading, Storage, Transaction
from hashpost.application.service import Service
from hashpost.entrypoints.http import create_app_opening
from hashpost.entrypoints.http.asgi import Application, Message, Receive, Scope, Send
from hashpost.entrypoints.http.server import settings as server_settings
from hashpost.entrypoints.library import open_settings
from hashpost.entrypoints.settings import Settings

POINTS = ["before the commit", "after the commit", "before the answer"]
"""Where it kills itself; NOWHERE where it does not."""
NOWHERE = "nowhere"


def strike() -> None:
    """End like a machine without power."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class DoomedStorage:
    """A storage that strikes around the commit."""

    storage: Storage
    point: str

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction."""
        async with self.storage.transaction() as tx:
            yield tx
            if self.point == "before the commit":
                strike()
        if self.point == "after the commit":
            strike()

    def reading(self) -> AbstractAsyncContextManager[Reading]:
        """A reading."""
        return self.storage.reading()

    async def ping(self) -> None:
        """Whether it answers."""
        await self.storage.ping()


def application(point: str) -> Application:
    """The application, doomed at that point."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Service]:
        async with open_settings(Settings.read(os.environ)) as service:
            create = service.create_post
            yield replace(
                service, create_post=replace(create, storage=DoomedStorage(create.storage, point))
            )

    app = create_app_opening(opened)

    async def doomed(scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message.get("status") == 201 and scope["path"] == "/api/posts/":
                strike()
            await send(message)

        await app(scope, receive, answer if point == "before the answer" else send)

    return doomed


def main(point: str) -> None:
    """Serve until SIGTERM, or until it strikes."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        options = server_settings() | {"factory": False}
        Server(Config(application(point), **options)).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1])
