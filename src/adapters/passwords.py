"""Password hashes by argon2id."""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from hashpost.domain.errors import Unavailable

T = TypeVar("T")

NICER_BY: Final = 10
"""By how much hashing yields to the rest of the process; as much as the command nice does."""

_DECOY = (
    "$argon2id$v=19$m={memory},t={time},p={lanes}"
    "$b3VyIG93biBkZWNveSBzYWx0$4YbqZTnO0b1dPDvIVlAlBYVyDMqNkqLDVCnHX2pxuLY"
)
"""Verified against when there is no user, so that the work is the same; nothing hashes to it."""


class Argon2Hasher:
    """argon2id in threads of its own: hashing never runs on the event loop nor fills its pool.

    These threads are nicer than the others, so that whoever reads does not wait for a core.

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
    ) -> None:
        self._argon2 = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=1, type=Type.ID
        )
        self._decoy = _DECOY.format(memory=memory_kib, time=time_cost, lanes=1)
        # Measured on two cores, reads beside 50 log-ins that wait, 99th percentile: 18 ms with two
        # threads as nice as all, 9 ms with nicer ones, at 57 log-ins a second both; 8 ms with one
        # nicer thread, but at 41. Alone reads take 3 to 4 ms. To be nicer by 19, or SCHED_IDLE,
        # gained nothing; perhaps a thread that waits for a core holds the interpreter's lock.
        self._threads = ThreadPoolExecutor(
            threads, thread_name_prefix="argon2", initializer=_let_others_go_first
        )
        self._room = Semaphore(threads + waiting_max)

    async def hash(self, password: str) -> str:
        """A hash of the password that `verify` accepts.

        Raises:
            Unavailable: too many are waiting already.
        """
        return await self._apart(lambda: self._argon2.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the one that was hashed; with None the same work, in vain.

        Raises:
            Unavailable: too many are waiting already.
        """
        return await self._apart(lambda: self._matches(password, password_hash or self._decoy))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than those of today."""
        return self._argon2.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Let the threads go once their present work is done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password: str, password_hash: str) -> bool:
        try:
            return self._argon2.verify(password_hash, password)
        except VerifyMismatchError:
            return False

    async def _apart(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise Unavailable("Too many log-ins and sign-ups at once")
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)


def _let_others_go_first() -> None:
    """Make this thread nicer, on Linux only: elsewhere that is for the whole process."""
    if sys.platform == "linux":
        os.nice(NICER_BY)
