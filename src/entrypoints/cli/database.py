"""Commands that look after the database."""

from dataclasses import asdict

import click

from hashpost.application.housekeeping import Difference
from hashpost.entrypoints.cli.running import (
    as_json,
    database_settings,
    example,
    print_json,
    run,
)
from hashpost.entrypoints.library import open_settings
from hashpost.entrypoints.settings import Settings


@click.command(
    epilog=example("  HASHPOST_DATABASE_URL=postgresql://hashpost@db/hashpost hashpost migrate")
)
def migrate() -> None:
    """Bring the database to the schema of this version.

    With SQLite that happens by itself at every start. Several at once do no harm.
    """
    settings = database_settings()
    from hashpost.adapters import sql

    url = settings.database_url.reveal()
    before = sql.schema_revision(url)
    sql.migrate(url)
    after = sql.schema_revision(url)
    click.echo(f"schema {after}" + (", as it was" if after == before else f", was {before}"))


@click.command(epilog=example("  hashpost check", "  hashpost check --json"))
@as_json
@click.pass_context
def check(ctx: click.Context, *, as_json: bool) -> None:
    """Recount what is stored, and name each difference.

    Every post's hashtags are read again from its text. Nothing is changed; a server may be running.
    Exit status 1 when there is a difference.
    """
    differences = run(_differences(database_settings(existing=True)))
    if as_json:
        print_json([asdict(each) for each in differences])
    else:
        for each in differences:
            click.echo(f"{each.subject}: stored {each.stored}, recounted {each.recounted}")
    click.echo(f"{len(differences) or 'no'} differences", err=True)
    if differences:
        ctx.exit(1)


async def _differences(settings: Settings) -> list[Difference]:
    async with open_settings(settings) as service:
        return [each async for each in service.check_storage()]
