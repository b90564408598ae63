"""Rate limits: how often a caller may do what costs much, or lets guess.

They are the network's business: who calls the service in-process is trusted. Where it is counted
is an adapter's; what is counted, for whom, and what the caller is told of it is decided here.
"""

from asyncio import Event, Lock
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import Final, Protocol

from hashpost.domain.errors import InvalidCredentials
from hashpost.domain.user import username_key
from hashpost.entrypoints.http.asgi import Header, Scope
from hashpost.entrypoints.http.problems import TooManyRequests

STANDINGS: Final = "hashpost.standings"
"""The key of a scope under which stands where the caller stands with each limit, by its name."""

_MINUTE: Final = 60
_NETWORK_BITS: Final = 64
"""Of an IPv6 address: what is behind them is one site, and free for its owner to choose."""


class Count(Protocol):
    """How often something happened within the window, and when the oldest will have left it."""

    @property
    def used(self) -> int:
        """How often."""

    @property
    def frees_in(self) -> float:
        """Seconds until the oldest has left the window; 0 if there is none."""

    @property
    def was_counted(self) -> bool:
        """Whether what was asked to be counted was."""


class Counts(Protocol):
    """What happened in the last so many seconds. It never fails, and never takes long."""

    async def take(self, key: str, *, limit: int, seconds: int) -> Count:
        """Count one more, if that makes no more than `limit`."""
        ...

    async def look(self, key: str, *, limit: int, seconds: int) -> Count:
        """Count nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit, by name: so often in any so many seconds; with 0 there is no limit."""

    name: str
    limit: int
    seconds: int

    def key(self, who: str) -> str:
        """Under which to count for somebody. Names and addresses are nobody's to read there."""
        digest = blake2b(who.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return f"{self.name}:{digest}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands with a limit."""

    policy: Policy
    used: int
    frees_in: float

    @property
    def left(self) -> int:
        """How much is left."""
        return max(0, self.policy.limit - self.used)

    @property
    def seconds(self) -> int:
        """In how many seconds there will be more, or else the window in which there is so much."""
        return max(1, ceil(self.frees_in)) if self.used else self.policy.seconds


def header_fields(standings: Iterable[Standing]) -> list[Header]:
    """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), if any applies."""
    standings = list(standings)
    if not standings:
        return []
    policies = [each.policy for each in standings]
    told = ", ".join(f'"{each.name}";q={each.limit};w={each.seconds}' for each in policies)
    left = ", ".join(f'"{each.policy.name}";r={each.left};t={each.seconds}' for each in standings)
    return [(b"ratelimit-policy", told.encode()), (b"ratelimit", left.encode())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """How often what may be done; 0 is without limit."""

    failed_logins_per_name: int
    """In a minute, as those for an address."""
    failed_logins_per_address: int
    sign_ups: int
    """In ten minutes for an address, as password resets."""
    password_resets: int
    writes: int
    """In a minute for a user."""


UNLIMITED: Final = Quotas(
    failed_logins_per_name=0,
    failed_logins_per_address=0,
    sign_ups=0,
    password_resets=0,
    writes=0,
)


class RateLimits:
    """The limits of one service, in the words of those who have to keep them.

    Every method notes in the request's scope where the caller stands.
    """

    def __init__(self, counts: Counts, quotas: Quotas) -> None:
        self._counts = counts
        self._writes = Policy("writes", quotas.writes, _MINUTE)
        self._sign_ups = Policy("sign-ups", quotas.sign_ups, 10 * _MINUTE)
        self._resets = Policy("password-resets", quotas.password_resets, 10 * _MINUTE)
        self._names = _Attempts(
            counts, Policy("failed-logins-name", quotas.failed_logins_per_name, _MINUTE)
        )
        self._addresses = _Attempts(
            counts, Policy("failed-logins-address", quotas.failed_logins_per_address, _MINUTE)
        )

    async def write(self, scope: Scope, user_id: int) -> None:
        """Count what a user writes.

        Raises:
            TooManyRequests: it is too much.
        """
        await self._take(self._writes, scope, str(user_id))

    async def sign_up(self, scope: Scope) -> None:
        """Count a sign-up.

        Raises:
            TooManyRequests: there were too many from this address.
        """
        await self._take(self._sign_ups, scope, address_of(scope))

    async def password_reset(self, scope: Scope) -> None:
        """Count a request for a new password.

        Raises:
            TooManyRequests: there were too many from this address.
        """
        await self._take(self._resets, scope, address_of(scope))

    @asynccontextmanager
    async def log_in(self, scope: Scope, username: str) -> AsyncIterator[None]:
        """A log-in goes on inside; it counts if it fails.

        Raises:
            TooManyRequests: too many failed, with this name or from this address.
        """
        async with (
            self._names.attempt(scope, username_key(username)),
            self._addresses.attempt(scope, address_of(scope)),
        ):
            yield

    async def _take(self, policy: Policy, scope: Scope, who: str) -> None:
        if not policy.limit:
            return
        count = await self._counts.take(policy.key(who), limit=policy.limit, seconds=policy.seconds)
        standing = _noted(policy, scope, count)
        if not count.was_counted:
            raise TooManyRequests(retry_after=standing.seconds)


@dataclass(slots=True)
class _Door:
    """Where attempts for one name, or from one address, come in: one after the other."""

    entry: Lock = field(default_factory=Lock)
    one_ended: Event = field(default_factory=Event)
    under_way: int = 0
    callers: int = 0


class _Attempts:
    """Attempts of which so many may fail.

    One is let through only while those that failed and those under way are fewer than the limit;
    else it waits for one of these to end. So any number of right ones gets through, and not more
    wrong ones than the limit, however many come at once to this process. (Of several processes,
    each may have as many under way as are left.)
    """

    def __init__(self, counts: Counts, policy: Policy) -> None:
        self._counts = counts
        self._policy = policy
        self._doors: dict[str, _Door] = {}

    @asynccontextmanager
    async def attempt(self, scope: Scope, who: str) -> AsyncIterator[None]:
        """An attempt goes on inside; it has failed if it raises `InvalidCredentials`.

        Raises:
            TooManyRequests: too many failed.
        """
        if not self._policy.limit:
            yield
            return
        key = self._policy.key(who)
        door = self._doors.setdefault(key, _Door())
        door.callers += 1
        try:
            async with door.entry:
                await self._wait_for_a_try(door, scope, key)
                door.under_way += 1
            try:
                yield
            except InvalidCredentials:
                policy = self._policy
                count = await self._counts.take(key, limit=policy.limit, seconds=policy.seconds)
                _noted(policy, scope, count)
                raise
            finally:
                # Not before the failure is counted, or it would be missing from both numbers.
                door.under_way -= 1
                door.one_ended.set()
        finally:
            door.callers -= 1
            if not door.callers:
                del self._doors[key]

    async def _wait_for_a_try(self, door: _Door, scope: Scope, key: str) -> None:
        policy = self._policy
        while True:
            door.one_ended.clear()
            count = await self._counts.look(key, limit=policy.limit, seconds=policy.seconds)
            standing = _noted(policy, scope, count)
            if count.used >= policy.limit:
                raise TooManyRequests(retry_after=standing.seconds)
            if door.one_ended.is_set():
                continue  # what was seen may be out of date
            if count.used + door.under_way < policy.limit:
                return
            await door.one_ended.wait()


def _noted(policy: Policy, scope: Scope, count: Count) -> Standing:
    standing = Standing(policy, count.used, count.frees_in)
    scope.setdefault(STANDINGS, {})[policy.name] = standing
    return standing


def address_of(scope: Scope) -> str:
    """Where the request comes from: an IPv4 address, or the /64 of an IPv6 one.

    An IPv4 address in IPv6's clothes is one, too. A server that has no address to tell, as on a
    Unix socket, has one caller.
    """
    host = (scope.get("client") or ("",))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _NETWORK_BITS), strict=False))
