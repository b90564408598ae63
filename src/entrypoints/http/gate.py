"""Who is worked on now, who waits, and who is turned away."""

import asyncio
from asyncio import CancelledError, Future
from dataclasses import dataclass
from typing import Final

from hashpost.domain.errors import Unavailable

WAITING_MAX: Final = 512
WAITING_SECONDS: Final = 1.0


class CallerGone(Exception):
    """Whoever asked has gone away."""


@dataclass(slots=True)
class Line:
    """Those who wait, the longest waiting first, and how many were turned away so far.

    What is waited for is True for whoever is let in, False for whoever is turned away.
    """

    waiting: dict[Future[bool], None]
    turned_away: int = 0


class Gate:
    """Lets so many in at once; the others wait in two lines, of which reads go first.

    Whoever waits is let in, is turned away after a while, or goes away. When too many wait, the
    last to come is turned away; but a read takes the place of the last write in line.
    """

    def __init__(
        self,
        *,
        at_once: int,
        waiting_max: int = WAITING_MAX,
        waiting_seconds: float = WAITING_SECONDS,
    ) -> None:
        self.inside = 0
        self.reads = Line({})
        self.writes = Line({})
        self._at_once = at_once
        self._waiting_max = waiting_max
        self._waiting_seconds = waiting_seconds

    async def enter(self, *, is_read: bool, gone: Future[None] | None = None) -> None:
        """Go in, now or after a while; whoever is in must `leave`. `gone` ends the waiting.

        Raises:
            Unavailable: too many wait, or it takes too long.
            CallerGone: `gone` came first.
        """
        # Nobody waits while there is room: whoever leaves lets the next one in.
        if self.inside < self._at_once:
            self.inside += 1
            return
        line = self.reads if is_read else self.writes
        if not self._has_room_in_line(is_read=is_read):
            line.turned_away += 1
            raise Unavailable("Too many requests at once")
        await self._wait(line, gone)

    def leave(self) -> None:
        """Go out; the next in line goes in."""
        for line in (self.reads, self.writes):
            if line.waiting:
                place = next(iter(line.waiting))
                del line.waiting[place]
                place.set_result(True)
                return
        self.inside -= 1

    def _has_room_in_line(self, *, is_read: bool) -> bool:
        if len(self.reads.waiting) + len(self.writes.waiting) < self._waiting_max:
            return True
        if is_read and self.writes.waiting:
            place, _ = self.writes.waiting.popitem()
            place.set_result(False)
            return True
        return False

    async def _wait(self, line: Line, gone: Future[None] | None) -> None:
        place: Future[bool] = asyncio.get_running_loop().create_future()
        line.waiting[place] = None
        awaited: list[Future[bool] | Future[None]] = [place] if gone is None else [place, gone]
        try:
            await asyncio.wait(
                awaited, timeout=self._waiting_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        except CancelledError:
            self._give_up(line, place)
            raise
        if gone is not None and gone.done():
            self._give_up(line, place)
            raise CallerGone
        if not (place.done() and place.result()):
            line.waiting.pop(place, None)
            line.turned_away += 1
            raise Unavailable("Too many requests at once")

    def _give_up(self, line: Line, place: Future[bool]) -> None:
        """Leave the line; or the inside, if a place came just now."""
        if place.done() and place.result():
            self.leave()
        else:
            line.waiting.pop(place, None)
