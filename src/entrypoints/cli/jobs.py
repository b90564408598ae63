"""Commands that look into the outbox."""

from datetime import timedelta
from typing import Any

import click

from hashpost.domain.errors import MessageNotFound
from hashpost.domain.message import Message, State
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
from hashpost.entrypoints.settings import Settings, parsed_duration

STATES = click.Choice([state.value for state in State])


class Duration(click.ParamType[timedelta]):
    """A duration such as 12h or 30d."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The duration that a text tells."""
        if isinstance(value, timedelta):
            return value
        try:
            return parsed_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group(cls=Commands, epilog=example("  hashpost jobs list --state dead"))
def jobs() -> None:
    """Look into the outbox: what is to be done, what was, and what went wrong."""


@jobs.command(
    "list",
    epilog=example(
        "  hashpost jobs list", "  hashpost jobs list --state dead --job welcome-mail --json"
    ),
)
@click.option("--state", type=STATES, help="Only those in this state.")
@click.option("--job", help="Only those of this job.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, help="How many at most (50).")
@as_json
def list_jobs(*, state: str | None, job: str | None, limit: int, as_json: bool) -> None:
    """List messages, the newest first."""
    messages = run(_list(database_settings(existing=True), state=state, job=job, limit=limit))
    if as_json:
        print_json([presented(message) for message in messages])
        return
    print_table(
        ["id", "job", "state", "attempts", "next at", "outcome"],
        [[each.id, each.job, each.state, each.attempts, each.next_at, each.outcome]
         for each in messages],
    )  # fmt: skip


async def _list(
    settings: Settings, *, state: str | None, job: str | None, limit: int
) -> list[Message]:
    async with open_settings(settings) as service:
        wanted = None if state is None else State(state)
        return list(await service.list_messages(state=wanted, job=job, limit=limit))


@jobs.command(epilog=example("  hashpost jobs show 3676832686331981"))
@click.argument("message", type=click.IntRange(min=1), metavar="ID")
@as_json
def show(message: int, *, as_json: bool) -> None:
    """Show all that is known of the message ID."""
    shown = presented(run(_show(database_settings(existing=True), message)))
    if as_json:
        print_json(shown)
    else:
        print_table(["", ""], list(shown.items()))


async def _show(settings: Settings, message_id: int) -> Message:
    async with open_settings(settings) as service:
        return await service.read_message(message_id)


@jobs.command(
    epilog=example("  hashpost jobs retry 3676832686331981", "  hashpost jobs retry --dead")
)
@click.argument("messages", type=click.IntRange(min=1), metavar="ID", nargs=-1)
@click.option("--dead", is_flag=True, help="All dead messages.")
@as_json
def retry(messages: tuple[int, ...], *, dead: bool, as_json: bool) -> None:
    """Try messages again at once, with all their attempts before them.

    What is done, or being worked on, is left alone.
    """
    if dead == bool(messages):
        raise click.UsageError("Give the ids of messages, or --dead.")
    retried = run(_retry(database_settings(existing=True), messages))
    if as_json:
        print_json([presented(message) for message in retried])
    else:
        for message in retried:
            click.echo(f"{message.id} is {message.state}")


async def _retry(settings: Settings, message_ids: tuple[int, ...]) -> list[Message]:
    async with open_settings(settings) as service:
        if message_ids:
            return [await service.retry_message(message_id) for message_id in message_ids]
        retried: list[Message] = []
        while dead := await service.list_messages(state=State.DEAD, limit=1000):
            for message in dead:
                try:
                    retried.append(await service.retry_message(message.id))
                except MessageNotFound:
                    """It was purged just now."""
        return retried


@jobs.command(epilog=example("  hashpost jobs purge --state dead --older-than 30d"))
@click.option("--state", type=click.Choice(["done", "dead"]), default="done", help="done or dead.")
@click.option("--older-than", type=Duration(), default="7d", help="Since they ended (7d).")
@as_json
def purge(*, state: str, older_than: timedelta, as_json: bool) -> None:
    """Forget messages that are done, or dead, for good."""
    purged = run(_purge(database_settings(existing=True), State(state), older_than))
    if as_json:
        print_json({"purged": purged})
    else:
        click.echo(f"purged {purged}")


async def _purge(settings: Settings, state: State, older_than: timedelta) -> int:
    async with open_settings(settings) as service:
        return await service.purge_messages(state=state, older_than=older_than)


def presented(message: Message) -> dict[str, Any]:
    """A message as JSON shows it."""
    times = {
        "created_at": message.created_at,
        "next_at": message.next_at,
        "finished_at": message.finished_at,
        "slot": message.slot,
    }
    return {
        "id": message.id,
        "job": message.job,
        "arguments": dict(message.arguments),
        "state": message.state.value,
        "attempts": message.attempts,
        **{name: None if at is None else rfc3339(at) for name, at in times.items()},
        "outcome": message.outcome,
    }
