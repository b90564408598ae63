"""A Redis that a test may stop, hang and start, and that keeps its address."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from tests import servers
from tests.programs import folder_of_its_own, reachable, running


@dataclass
class OwnRedis:
    """It listens on a socket in its folder, whatever its port; it keeps nothing over a restart."""

    program: Path
    folder: Path
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """Where it is, or was."""
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> Path:
        return self.folder / "redis.sock"

    def start(self) -> None:
        place = ["--bind", "127.0.0.1", "--unixsocket", str(self._socket)]
        options = [*place, "--save", "", "--dir", str(self.folder)]
        self._running.enter_context(
            running(
                lambda port: [self.program, "--port", str(port), *options],
                ready=lambda port: servers.redis_answers(f"redis://127.0.0.1:{port}"),
                stop=signal.SIGKILL,
                folder=self.folder,
            )
        )

    def stop(self) -> None:
        """As when its machine is lost: without a farewell."""
        self._running.close()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """It keeps its connections, takes new ones, and says nothing."""
        with Redis.from_url(self.url) as client:
            process = int(client.info("server")["process_id"])
        os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process, signal.SIGCONT)


@contextmanager
def own_redis() -> Iterator[OwnRedis]:
    """A Redis, not started yet, and stopped in the end."""
    try:
        program = servers.find_redis().program
    except servers.ServerMissing as missing:
        pytest.skip(str(missing))
    if program is None:
        pytest.skip("the Redis at the URL is not ours to stop")
    with folder_of_its_own() as folder:
        own = OwnRedis(reachable(program, package=servers.REDIS.package, folder=folder), folder)
        try:
            yield own
        finally:
            own.stop()
