"""Workers and schedulers as an operator starts them, and what they run into."""

import asyncio
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from time import perf_counter

from hashpost import open_service
from hashpost.domain.message import Message, State
from tests.integration.cli.commands import HASHPOST, environment
from tests.integration.cli.serving import KEY
from tests.jobs import until


@dataclass(frozen=True, slots=True)
class Started:
    """A process that is ready; `said` is what it printed then."""

    process: subprocess.Popen[str]
    said: str
    log: Path

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Its exit status, and how many seconds it took to end."""
        return stopped(self.process, how)


def stopped(
    process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM
) -> tuple[int, float]:
    """Exit status and seconds after a process was told to stop."""
    began = perf_counter()
    process.send_signal(how)
    return process.wait(30), perf_counter() - began


@contextmanager
def started(folder: Path, command: str, settings: Mapping[str, str]) -> Iterator[Started]:
    """Run `worker` or `scheduler` until the block ends."""
    log = folder / f"{command}.log"
    with (
        log.open("w") as err,
        subprocess.Popen(
            [*HASHPOST, command],
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            cwd=folder,
            env=environment({"SECRET_KEY": KEY, **settings}),
        ) as process,
    ):
        try:
            assert process.stdout
            said = process.stdout.readline()
            assert said, log.read_text()
            yield Started(process, said, log)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(text: str, log: Path) -> None:
    """Return as soon as something has been logged."""
    asyncio.run(until(lambda: text in log.read_text()))


def messages_in(url: str, states: Collection[State], *, count: int = 1) -> list[Message]:
    """All messages that are no schedule's, as soon as there are so many, all in those states."""
    return asyncio.run(_messages_in(url, states, count))


async def _messages_in(url: str, states: Collection[State], count: int) -> list[Message]:
    found: list[Message] = []

    async with open_service(url, secret_key=KEY) as service:

        async def are_there() -> bool:
            messages = await service.list_messages(limit=1000)
            found[:] = [message for message in messages if message.slot is None]
            return len(found) == count and {message.state for message in found} <= {*states}

        await until(are_there)
    return found


@dataclass
class SlowSmtp:
    """A mail server that takes eight seconds for each answer, until it is told to go on.

    Nobody gives up on it before its third answer.
    """

    called: Event = field(default_factory=Event)
    may_answer: Event = field(default_factory=Event)
    url: str = ""


@contextmanager
def slow_smtp() -> Iterator[SlowSmtp]:
    """Such a server, on a free port."""
    slow = SlowSmtp()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            slow.called.set()
            self._say("220 at last")
            for line in self.rfile:
                is_data = line.upper().startswith(b"DATA")
                self._say("354 go on" if is_data else "250 well")
                if is_data:
                    while self.rfile.readline() != b".\r\n":
                        pass
                    self._say("250 taken")

        def _say(self, answer: str) -> None:
            slow.may_answer.wait(8)
            self.wfile.write(f"{answer}\r\n".encode())

        def finish(self) -> None:
            """Whoever called may be gone."""

    class Server(ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A caller who hangs up is nothing to be told."""

    with Server(("127.0.0.1", 0), Handler) as server:
        slow.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield slow
        finally:
            slow.may_answer.set()
            server.shutdown()
            thread.join()
