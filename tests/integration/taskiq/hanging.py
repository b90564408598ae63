"""A worker whose jobs never end, for whoever wants to kill it: REDIS_URL KEY DATABASE_URL."""

import asyncio
import sys
from datetime import timedelta

from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.system import SystemClock
from hashpost.adapters.taskiq.shared import RedisBroker
from tests.jobs import Shop, until

LEASE = timedelta(seconds=1)


async def main(redis_url: str, key: str, database_url: str) -> None:
    """Work until killed; say so when a job has begun."""
    storage = await SqlStorage.open(database_url)
    shop = Shop(RedisBroker(redis_url, key=key), storage=storage, clock=SystemClock(), lease=LEASE)
    shop.work.may_end.clear()
    async with shop.working():
        await until(lambda: bool(shop.work.begun))
        print("begun", flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
