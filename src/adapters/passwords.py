"""Password hashes by argon2id."""

import asyncio
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Semaphore
from typing import IO, Final, TypeVar, cast

import argon2.exceptions
from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from hashpost.domain.errors import Unavailable

T = TypeVar("T")

NICER_BY: Final = 10
"""By how much hashing yields to the rest of the process; as much as the command nice does."""

HANGS_AFTER: Final = 10.0
"""Seconds without an answer after which a process that hashes is taken to hang."""

_DECOY = (
    "$argon2id$v=19$m={memory},t={time},p={lanes}"
    "$b3VyIG93biBkZWNveSBzYWx0$4YbqZTnO0b1dPDvIVlAlBYVyDMqNkqLDVCnHX2pxuLY"
)
"""Verified against when there is no user, so that the work is the same; nothing hashes to it."""


class Argon2Hasher:
    """argon2id in threads of its own: hashing never runs on the event loop nor fills its pool.

    These threads are nicer than the others, so that whoever reads does not wait for a core. With
    `processes`, which is for servers, each has argon2 done by a process of its own (ADR 16), begun
    with the first call; elsewhere than on Linux that makes no difference.

    The parameters are those of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane);
    the calls take some 25 ms each. At most `waiting_max` calls wait, for 2 seconds or so at worst;
    more are refused at once.
    """

    def __init__(
        self,
        *,
        time_cost: int = 2,
        memory_kib: int = 19 * 1024,
        threads: int = 2,
        waiting_max: int = 64,
        processes: bool = False,
    ) -> None:
        self._argon2 = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=1, type=Type.ID
        )
        self._decoy = _DECOY.format(memory=memory_kib, time=time_cost, lanes=1)
        self._calculators = (
            [Calculator(time_cost=time_cost, memory_kib=memory_kib) for _ in range(threads)]
            if processes and sys.platform == "linux"
            else []
        )
        self._idle: SimpleQueue[Calculator] = SimpleQueue()
        for calculator in self._calculators:
            self._idle.put(calculator)
        self._threads = ThreadPoolExecutor(
            threads,
            thread_name_prefix="argon2",
            # A thread that only waits for its process shall go on at once.
            initializer=None if self._calculators else _let_others_go_first,
        )
        self._room = Semaphore(threads + waiting_max)

    async def hash(self, password: str) -> str:
        """A hash of the password that `verify` accepts.

        Raises:
            Unavailable: too many are waiting already, or the processes that hash die or hang.
        """
        return await self._apart(lambda: self._hashed(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the one that was hashed; with None the same work, in vain.

        Raises:
            Unavailable: too many are waiting already, or the processes that hash die or hang.
        """
        return await self._apart(lambda: self._matches(password, password_hash or self._decoy))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than those of today."""
        return self._argon2.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Let the threads go once their present work is done; that of processes ends at once."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for calculator in self._calculators:
            calculator.close()

    def _hashed(self, password: str) -> str:
        if self._calculators:
            return str(self._calculated(password, None))
        return self._argon2.hash(password)

    def _matches(self, password: str, password_hash: str) -> bool:
        if self._calculators:
            return self._calculated(password, password_hash) is True
        try:
            return self._argon2.verify(password_hash, password)
        except VerifyMismatchError:
            return False

    def _calculated(self, password: str, password_hash: str | None) -> str | bool:
        calculator = self._idle.get()  # there are as many as threads
        try:
            return calculator(password, password_hash)
        finally:
            self._idle.put(calculator)

    async def _apart(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise Unavailable("Too many log-ins and sign-ups at once")
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)


class Calculator:
    """Has argon2 done by a process, started when it is needed, and again when it has died.

    The process does one call after the other, and ends when its input does: with this process,
    however that ends. One that gives no answer for `patience` seconds is killed.
    """

    def __init__(self, *, time_cost: int, memory_kib: int, patience: float = HANGS_AFTER) -> None:
        self._costs = (time_cost, memory_kib)
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._asking = Lock()
        self._starting = Lock()
        self._closed = False

    def __call__(self, password: str, password_hash: str | None) -> str | bool:
        """A hash of the password, or whether it is the one that was hashed.

        Raises:
            Unavailable: the process died twice over it, or hung; none can be started; or this is
                closed.
            argon2.exceptions: what `argon2.PasswordHasher` raises, but for a mismatch.
        """
        question = json.dumps([password, password_hash]).encode() + b"\n"
        with self._asking:
            answer = self._asked(question) or self._asked(question)
        if not answer:
            raise Unavailable("Passwords cannot be hashed at the moment")
        outcome, value = json.loads(answer)
        if outcome != "done":
            raise getattr(argon2.exceptions, outcome)(value)
        return value  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the process, whatever it does; there will be no other."""
        with self._starting:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        with self._asking:  # who asked has found out by now, or soon does
            self._bury()

    def _asked(self, question: bytes) -> bytes:
        """The answer; empty if the process died over it, or had to be killed."""
        process = self._running()
        questions, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        answer = b""
        with suppress(BrokenPipeError):  # it was dead already
            questions.write(question)
            questions.flush()
            if _has_something(answers, within=self._patience):
                answer = answers.readline()
        if answer.endswith(b"\n"):
            return answer
        self._bury()
        return b""

    def _running(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._closed:
                raise Unavailable("Passwords are not hashed any more")
            if self._process is None:
                self._process = _start(*self._costs)
            return self._process

    def _bury(self) -> None:
        with self._starting:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()  # closes the pipes, and waits


def _start(time_cost: int, memory_kib: int) -> subprocess.Popen[bytes]:
    """A process that hashes, out of reach of Ctrl-C, which is for those that ask it.

    Raises:
        Unavailable: there is no room for one.
    """
    program = Path(__file__).with_name("hashing.py")
    numbers = map(str, (time_cost, memory_kib, NICER_BY))
    try:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", program, *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
    except OSError as error:
        raise Unavailable("Passwords cannot be hashed at the moment") from error


def _has_something(pipe: IO[bytes], *, within: float) -> bool:
    """Wait so many seconds for something to read, or the end of it, and say whether it is there."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(within * 1000))


def _let_others_go_first() -> None:
    """Make this thread nicer, on Linux only: elsewhere that is for the whole process."""
    if sys.platform == "linux":
        os.nice(NICER_BY)
