"""The command that has jobs done in time."""

import click

from hashpost.entrypoints.cli.running import example, run
from hashpost.entrypoints.cli.worker import shared_settings, stay


@click.command(epilog=example("  hashpost scheduler"))
def scheduler() -> None:
    """Tell workers of what is due until SIGTERM or Ctrl-C.

    That is periodic jobs (`hashpost schedule`), and messages that nobody has taken up. One
    scheduler is needed; any number do no harm. HASHPOST_REDIS_URL names the Redis through which
    workers hear of it.
    """
    settings = shared_settings()
    from hashpost.entrypoints.background import running_scheduler

    run(stay(running_scheduler(settings), ready="hashpost scheduler is ready"))
