"""Doing a thing once, however often it is asked for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from hashpost.application.ports import Clock, Transaction
from hashpost.domain.errors import require
from hashpost.domain.idempotency import KEPT, IdempotentRequest, fingerprint, key_faults
from hashpost.domain.user import User

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wording(Generic[T]):
    """How answers of one kind are put into words that can be kept, and read again."""

    written: Callable[[T], str]
    read: Callable[[str, User], T]


@dataclass(frozen=True, slots=True)
class Once:
    """Does what a user asks for under a key once, and answers every time what it did first.

    The key is claimed in the transaction of the effect: both are kept, or neither. Of two requests
    at once the second waits for the first to be kept. What failed is not remembered.
    """

    clock: Clock

    async def __call__(
        self,
        tx: Transaction,
        user: User,
        key: str | None,
        *asked: str | int,
        wording: Wording[T],
        work: Callable[[], Awaitable[T]],
    ) -> T:
        """The answer of `work`, now or the first time; without a key it is always now.

        `asked` says what is asked for: which use case, and with which inputs.

        Raises:
            InvalidInput: not a key.
            IdempotencyKeyReused: something else was asked for under this key within 24 hours.
        """
        if key is None:
            return await work()
        require(key_faults(key))
        request = IdempotentRequest(user.id, key, fingerprint(*asked), self.clock())
        earlier = await tx.requests.claim(request, forgotten=request.made_at - KEPT)
        if earlier is not None:
            return wording.read(earlier.answer_to(request), user)
        answer = await work()
        await tx.requests.save(request.answered(wording.written(answer)))
        return answer
