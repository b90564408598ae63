"""Messages: jobs to be done, each a row that is the truth about it.

A message is added in the transaction of what gives rise to it. From then on somebody is told of it,
leases it, does the job, and marks it; whatever dies in between, it becomes due again. What a queue
in between knows does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hashpost.domain.ids import time_of

Argument = str | int | bool | None
"""What a job can be told: one of the simple values of JSON."""

TOLD_FIRST_WITHIN = timedelta(seconds=2)
"""When nobody has taken up a new message by then, the first word of it may have been lost."""
TOLD_AGAIN_AFTER = timedelta(seconds=10)
"""When nobody has taken it up by then, somebody is told of it once more."""
LEASE = timedelta(seconds=30)
"""How long a message belongs to who took it up, unless the lease is renewed."""
ATTEMPTS_MAX = 12
"""With the pauses between them, they take about 23 hours."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=6)
OUTCOME_MAX_LENGTH = 500


class State(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"


OPEN = (State.QUEUED, State.RUNNING, State.WAITING)
"""The states in which a message still becomes due."""


@dataclass(frozen=True, slots=True)
class Message:
    """A job with its arguments, and how far it has come.

    `next_at` is when an open message becomes due: a queued one to be told of again, a running one
    because its lease runs out, a waiting one to be tried again; None when it is done or dead.
    `slot` is the moment that a periodic job was planned for. `outcome` is what came of the last
    attempt, in words.
    """

    id: int
    job: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    state: State = State.QUEUED
    attempts: int = 0
    next_at: datetime | None = None
    finished_at: datetime | None = None
    slot: datetime | None = None
    outcome: str | None = None

    @classmethod
    def new(
        cls,
        *,
        id: int,
        job: str,
        arguments: Mapping[str, Argument] | None = None,
        slot: datetime | None = None,
    ) -> "Message":
        """A message that somebody is about to be told of."""
        return cls(
            id=id,
            job=job,
            arguments=arguments or {},
            next_at=time_of(id) + TOLD_FIRST_WITHIN,
            slot=slot,
        )

    @property
    def created_at(self) -> datetime:
        """When the message was made, in UTC: the time that its id holds."""
        return time_of(self.id)

    def is_due(self, *, at: datetime) -> bool:
        """Whether somebody should be told of it now."""
        return self.next_at is not None and self.next_at <= at

    def is_free(self, *, at: datetime) -> bool:
        """Whether it may be taken up: nobody holds it, and no pause is to be kept."""
        return self.state is State.QUEUED or self.is_due(at=at)

    def told(self, *, at: datetime) -> "Message":
        """The message after somebody was told of it: due again if nobody takes it up."""
        return replace(self, state=State.QUEUED, next_at=at + TOLD_AGAIN_AFTER)

    def taken(self, *, at: datetime, lease: timedelta = LEASE) -> "Message":
        """The message, taken up for one more attempt."""
        return replace(
            self, state=State.RUNNING, attempts=self.attempts + 1, next_at=at + lease, outcome=None
        )

    def held(self, *, at: datetime, lease: timedelta = LEASE) -> "Message":
        """The message with its lease renewed."""
        return replace(self, next_at=at + lease)

    def is_held_by(self, attempt: int) -> bool:
        """Whether it is that attempt that the message belongs to."""
        return self.state is State.RUNNING and self.attempts == attempt

    def done(self, *, at: datetime, outcome: str | None = None) -> "Message":
        """The message, done."""
        return self._finished(State.DONE, at=at, outcome=outcome)

    def dead(self, *, at: datetime, outcome: str) -> "Message":
        """The message, given up, for a reason that another attempt would not change."""
        return self._finished(State.DEAD, at=at, outcome=outcome)

    def failed(self, *, at: datetime, outcome: str, spread: float) -> "Message":
        """The message after an attempt that failed: waiting for the next, or dead after the last.

        `spread` is drawn from 0 … 1 and makes the pause half as long … half as long again, so that
        what failed together does not come back together.
        """
        if self.attempts >= ATTEMPTS_MAX:
            return self.dead(at=at, outcome=outcome)
        pause = pause_after(self.attempts) * (0.5 + spread)
        return replace(self, state=State.WAITING, next_at=at + pause, outcome=_shown(outcome))

    def revived(self, *, at: datetime) -> "Message":
        """The message, to be tried at once and with all its attempts before it.

        One that somebody works on, or that is done, stays as it is.
        """
        if self.state in (State.RUNNING, State.DONE):
            return self
        return replace(self, state=State.QUEUED, attempts=0, next_at=at, finished_at=None)

    def _finished(self, state: State, *, at: datetime, outcome: str | None) -> "Message":
        shown = None if outcome is None else _shown(outcome)
        return replace(self, state=state, next_at=None, finished_at=at, outcome=shown)


def pause_after(attempts: int) -> timedelta:
    """The mean pause after that many attempts: three times as long each time, up to a bound."""
    longer: int = 3 ** (min(attempts, ATTEMPTS_MAX) - 1)
    return min(FIRST_PAUSE * longer, LONGEST_PAUSE)


def _shown(outcome: str) -> str:
    """The words, shortened, without what cannot be kept: a job may cite anything."""
    short = outcome[:OUTCOME_MAX_LENGTH].replace("\0", "\N{SYMBOL FOR NULL}")
    return short.encode("utf-8", "replace").decode()
