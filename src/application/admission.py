"""Who may act at all: every use case with an actor begins here."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hashpost.application.ports import AccessTokens, Clock, Storage, Transaction
from hashpost.domain.session import Access, Actor, actor_id, admitted
from hashpost.domain.user import User

REMEMBERED_FOR = timedelta(seconds=5)
"""For how long a read may go by what an earlier look said."""
REMEMBERED_ACTORS = 10_000


@dataclass(frozen=True, slots=True)
class Admission:
    """Tells whether an actor's user, tokens and session still hold.

    A write looks in its own transaction. A read may rely on an answer up to five seconds old; only
    good news is remembered, and none longer than that.
    """

    storage: Storage
    clock: Clock
    _seen: OrderedDict[Actor, datetime] = field(default_factory=OrderedDict)

    async def to_write(self, tx: Transaction, actor: Actor) -> User:
        """The acting user, as this transaction sees it; nobody deletes the user meanwhile.

        Raises:
            Unauthenticated: the user is gone, or the actor's tokens are dead.
        """
        session_id = actor.session_id if isinstance(actor, Access) else None
        user, session = await tx.users.for_write(actor_id(actor), session_id)
        return admitted(actor, user=user, session=session)

    async def to_change(self, tx: Transaction, actor: Actor) -> User:
        """The acting user, locked until the end: nobody else changes the user meanwhile.

        Raises:
            Unauthenticated: the user is gone, or the actor's tokens are dead.
        """
        await tx.users.for_change(actor_id(actor))
        return await self.to_write(tx, actor)  # as it is now that nobody else may change it

    async def to_read(self, actor: Actor) -> None:
        """Return if the actor may read.

        Raises:
            Unauthenticated: the user is gone, or the actor's tokens are dead.
        """
        now = self.clock()
        seen = self._seen.get(actor)
        if seen is not None and timedelta(0) <= now - seen < REMEMBERED_FOR:
            return
        self._seen.pop(actor, None)
        async with self.storage.reading() as reading:
            if isinstance(actor, Access):
                user, session = await reading.users.with_session(actor.user_id, actor.session_id)
            else:
                user, session = await reading.users.by_id(actor_id(actor)), None
        admitted(actor, user=user, session=session)
        self._seen[actor] = now
        while len(self._seen) > REMEMBERED_ACTORS:
            self._seen.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Whose access token this is. It must be signed by this service, unexpired and not revoked."""

    tokens: AccessTokens
    admission: Admission
    clock: Clock

    async def __call__(self, token: str) -> Access:
        """What the token says.

        Raises:
            Unauthenticated: it is malformed, expired, of the wrong kind, revoked, or of a deleted
                user; a revocation may be seen up to five seconds late.
        """
        access = self.tokens.read(token, at=self.clock())
        await self.admission.to_read(access)
        return access
