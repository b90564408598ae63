"""Commands that change when periodic jobs run."""

from typing import Any

import click

from hashpost.application.periodic import DELETE_OLD_POSTS
from hashpost.application.schedules import PlannedSchedule
from hashpost.application.service import Service
from hashpost.domain.errors import ScheduleNotFound
from hashpost.domain.message import Argument
from hashpost.domain.schedule import Schedule
from hashpost.entrypoints.cli.running import (
    Commands,
    as_json,
    database_settings,
    example,
    print_json,
    print_table,
    rfc3339,
    run,
)
from hashpost.entrypoints.library import open_settings
from hashpost.entrypoints.settings import Settings


@click.group(cls=Commands, epilog=example("  hashpost schedule list"))
def schedule() -> None:
    """Change when periodic jobs run. It holds at once, without a restart."""


@schedule.command(
    "list", epilog=example("  hashpost schedule list", "  hashpost schedule list --json")
)
@as_json
def list_schedules(*, as_json: bool) -> None:
    """List all periodic jobs, and when they run next (UTC)."""
    planned = run(_list(database_settings()))
    if as_json:
        print_json([_presented(each.schedule) | {"next_at": _next(each)} for each in planned])
        return
    print_table(
        ["job", "cron (UTC)", "enabled", "next at", "arguments"],
        [
            [
                each.schedule.job,
                each.schedule.cron,
                "yes" if each.schedule.is_enabled else "no",
                each.next_at,
                _arguments(each.schedule),
            ]
            for each in planned
        ],
    )


async def _list(settings: Settings) -> list[PlannedSchedule]:
    async with open_settings(settings) as service:
        await service.ensure_schedules()
        return list(await service.list_schedules())


@schedule.command(epilog=example("  hashpost schedule enable delete-old-posts"))
@click.argument("job")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@click.pass_context
def enable(ctx: click.Context, job: str, *, yes: bool, as_json: bool) -> None:
    """Have the periodic job JOB run.

    Before `delete-old-posts` is enabled, it says how many posts it would delete now, and asks.
    """
    settings = database_settings()
    if job == DELETE_OLD_POSTS:
        count, days = run(_old_posts(settings))
        click.echo(
            f"{count} posts are older than {days} days and would be deleted (softly) at its next "
            "run, and from then on every post that becomes so old.",
            err=True,
        )
        if not yes and not click.confirm("Enable it?", err=True):
            ctx.exit(1)
    _print(run(_change(settings, job, enabled=True)), as_json=as_json)


async def _old_posts(settings: Settings) -> tuple[int, int]:
    async with open_settings(settings) as service:
        await service.ensure_schedules()
        found = await _schedule(service, DELETE_OLD_POSTS)
        days = int(found.arguments["days"] or 0)
        return await service.count_old_posts(days=days), days


async def _schedule(service: Service, job: str) -> Schedule:
    for each in await service.list_schedules():
        if each.schedule.job == job:
            return each.schedule
    raise ScheduleNotFound(f"There is no schedule called {job}")


@schedule.command(epilog=example("  hashpost schedule disable send-digests"))
@click.argument("job")
@as_json
def disable(job: str, *, as_json: bool) -> None:
    """Have the periodic job JOB not run any more. What it has missed then is not made up for."""
    _print(run(_change(database_settings(), job, enabled=False)), as_json=as_json)


@schedule.command(
    "set",
    epilog=example(
        '  hashpost schedule set send-digests --cron "0 18 * * 5"',
        "  hashpost schedule set delete-old-posts days=730",
    ),
)
@click.argument("job")
@click.argument("arguments", nargs=-1, metavar="[NAME=NUMBER]...")
@click.option("--cron", help="Minute, hour, day, month, weekday, in UTC.")
@as_json
def set_schedule(job: str, arguments: tuple[str, ...], *, cron: str | None, as_json: bool) -> None:
    """Change the times, or the arguments, of the periodic job JOB."""
    if cron is None and not arguments:
        raise click.UsageError("Give --cron, or an argument such as days=730.")
    given = dict(map(_argument, arguments))
    changed = run(_change(database_settings(), job, cron=cron, arguments=given))
    _print(changed, as_json=as_json)


def _argument(text: str) -> tuple[str, Argument]:
    name, separator, number = text.partition("=")
    if not separator or not (number.isascii() and number.isdecimal()):
        raise click.UsageError(f"{text} is not like days=730.")
    return name, int(number)


async def _change(settings: Settings, job: str, **changes: Any) -> Schedule:
    async with open_settings(settings) as service:
        await service.ensure_schedules()
        return await service.change_schedule(job, **changes)


@schedule.command("run", epilog=example("  hashpost schedule run self-check"))
@click.argument("job")
@as_json
def run_now(job: str, *, as_json: bool) -> None:
    """Have the periodic job JOB run now, besides its times, whether or not it is enabled.

    A server or worker does it; `hashpost jobs show` tells what came of it.
    """
    message_id = run(_run(database_settings(), job))
    if as_json:
        print_json({"id": message_id})
    else:
        click.echo(f"{job} will be run as message {message_id}")


async def _run(settings: Settings, job: str) -> int:
    async with open_settings(settings) as service:
        await service.ensure_schedules()
        return await service.run_schedule(job)


def _print(changed: Schedule, *, as_json: bool) -> None:
    if as_json:
        print_json(_presented(changed))
        return
    state = "enabled" if changed.is_enabled else "disabled"
    told = f"{changed.job} is {state}: {changed.cron} {_arguments(changed)}"
    click.echo(told.rstrip())


def _presented(shown: Schedule) -> dict[str, Any]:
    return {
        "job": shown.job,
        "cron": shown.cron,
        "enabled": shown.is_enabled,
        "arguments": dict(shown.arguments),
    }


def _next(planned: PlannedSchedule) -> str | None:
    return None if planned.next_at is None else rfc3339(planned.next_at)


def _arguments(shown: Schedule) -> str:
    return " ".join(f"{name}={value}" for name, value in shown.arguments.items())
