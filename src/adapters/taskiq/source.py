"""The slots of periodic jobs, as taskiq's scheduler asks for them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from taskiq import ScheduledTask, ScheduleSource
from taskiq.exceptions import ScheduledTaskCancelledError

from hashpost.adapters.outages import Outage
from hashpost.adapters.taskiq.brokers import TASK
from hashpost.application.schedules import Slot
from hashpost.domain.errors import Unavailable

PlanSlots = Callable[[], Awaitable[Sequence[Slot]]]
ClaimSlot = Callable[[Slot], Awaitable[int | None]]


class OutboxScheduleSource(ScheduleSource):
    """Plans slots whose time has come, and claims each before it is sent.

    Any number of schedulers may do so at the same time: one of them gets the slot, which then is a
    message like any other.
    """

    def __init__(self, plan_slots: PlanSlots, claim_slot: ClaimSlot) -> None:
        self._plan_slots = plan_slots
        self._claim_slot = claim_slot
        self._planned: dict[str, Slot] = {}
        self._unclaimed: set[str] = set()
        self._storage = Outage("the storage, for schedules")
        self._under_way: set[asyncio.Task[Any] | None] = set()
        self._has_ended = False

    async def get_schedules(self) -> list[ScheduledTask]:
        """The slots to be claimed now.

        taskiq sends a task of the same id once, for as long as it goes on being planned. So one
        that could not be claimed is left out for once, to be sent again if it is still free then.
        """
        with self._counted():
            try:
                slots = [] if self._has_ended else await self._plan_slots()
            except Unavailable as error:
                self._storage.began(error)
                return []
        self._storage.is_over()
        left_out, self._unclaimed = self._unclaimed, set()
        planned = {f"{slot.job}:{slot.at.isoformat()}": slot for slot in slots}
        self._planned = {name: slot for name, slot in planned.items() if name not in left_out}
        return [_task(name, slot) for name, slot in self._planned.items()]

    async def pre_send(self, task: ScheduledTask) -> None:
        """Claim the slot, and put the id of its message into the task.

        Raises:
            ScheduledTaskCancelledError: somebody else has it, or the storage is away.
        """
        message_id = await self._claimed(task.schedule_id)
        if message_id is None:
            raise ScheduledTaskCancelledError
        task.task_id = str(message_id)
        task.args = [message_id]

    async def shutdown(self) -> None:
        """Begin nothing more, and let what is under way end."""
        self._has_ended = True
        tasks = [task for task in self._under_way if task is not None]
        if tasks:
            await asyncio.wait(tasks)

    async def _claimed(self, name: str) -> int | None:
        slot = self._planned.get(name)
        if slot is None or self._has_ended:
            return None
        message_id = None
        with self._counted():
            try:
                message_id = await self._claim_slot(slot)
            except Unavailable as error:
                self._storage.began(error)
        if message_id is None:
            self._unclaimed.add(name)
        return message_id

    @contextmanager
    def _counted(self) -> Iterator[None]:
        task = asyncio.current_task()
        self._under_way.add(task)
        try:
            yield
        finally:
            self._under_way.discard(task)


def _task(name: str, slot: Slot) -> ScheduledTask:
    return ScheduledTask(
        task_name=TASK, labels={}, args=[], kwargs={}, schedule_id=name, time=slot.at
    )
