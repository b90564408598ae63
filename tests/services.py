"""Services for tests: the real adapters, with passwords that are cheap to hash."""

import asyncio

from hashpost.adapters.addresses import EmailSyntax
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.adapters.system import SystemIds
from hashpost.adapters.tokens import HmacCursors, HmacRefreshTokens, JwtAccessTokens
from hashpost.application.ports import Clock, Storage
from hashpost.application.service import Policy, Service, World, build_service
from hashpost.testing.clock import ManualClock
from hashpost.testing.subjects import InProcess

KEYS = [b"a key that is only for tests, 32+"]


def a_hasher() -> Argon2Hasher:
    """The real thing, a thousand times cheaper."""
    return Argon2Hasher(time_cost=1, memory_kib=8)


def a_service(storage: Storage, clock: Clock, hasher: Argon2Hasher) -> Service:
    """A service over that storage."""
    return build_service(
        World(
            storage=storage,
            clock=clock,
            ids=SystemIds(),
            hasher=hasher,
            access_tokens=JwtAccessTokens(KEYS),
            refresh_tokens=HmacRefreshTokens(KEYS),
            cursors=HmacCursors(KEYS),
            emails=EmailSyntax(),
        ),
        Policy(),
    )


def in_process(storage: Storage, runner: asyncio.Runner, hasher: Argon2Hasher) -> InProcess:
    """A service over that storage, for the state machine."""
    clock = ManualClock()
    return InProcess(a_service(storage, clock, hasher), clock, runner)
