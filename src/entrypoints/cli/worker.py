"""The command that does jobs, and what it shares with the scheduler."""

from contextlib import AbstractAsyncContextManager

import click

from hashpost.entrypoints.cli.running import database_settings, example, run
from hashpost.entrypoints.cli.stopping import SIGNALS
from hashpost.entrypoints.library import require_lasting_key
from hashpost.entrypoints.settings import Settings, SettingsError, variable


@click.command(epilog=example("  hashpost worker", "  hashpost worker --concurrency 20"))
@click.option("--concurrency", type=click.IntRange(1, 1000), default=10, help="Jobs at once (10).")
def worker(*, concurrency: int) -> None:
    """Do jobs until SIGTERM or Ctrl-C, then finish those under way.

    Any number of workers share the work. HASHPOST_REDIS_URL names the Redis through which they hear
    of it.
    """
    settings = shared_settings()
    from hashpost.entrypoints.background import running_worker

    run(
        stay(
            running_worker(settings, concurrency=concurrency),
            ready=f"hashpost worker is ready for {concurrency} jobs at once",
        )
    )


def shared_settings() -> Settings:
    """The settings of a process that shares database and Redis with others.

    Raises:
        SettingsError: some cannot be used, or there is no Redis.
    """
    settings = database_settings()
    if settings.redis_url is None:
        raise SettingsError(
            [
                f"{variable('redis_url')} must be set: without it, `hashpost serve` does jobs and "
                "schedules them by itself"
            ]
        )
    require_lasting_key(settings)
    return settings


async def stay(opened: AbstractAsyncContextManager[None], *, ready: str) -> None:
    """Keep it open until the first SIGTERM or SIGINT; a second one kills."""
    import asyncio

    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def hear() -> None:
        stop.set()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, hear)
    async with opened:
        click.echo(ready)
        await stop.wait()
