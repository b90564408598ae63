"""Commands about users."""

import click

from hashpost.domain.user import User
from hashpost.entrypoints.cli.running import (
    Commands,
    as_json,
    database_settings,
    example,
    print_json,
    run,
    stdin,
)
from hashpost.entrypoints.library import open_settings
from hashpost.entrypoints.settings import Settings

PASSWORD_BYTES_MAX = 4096


@click.group(cls=Commands, epilog=example("  hashpost user create ada"))
def user() -> None:
    """Make users."""


@user.command(
    epilog=example(
        "  hashpost user create ada --email ada@example.org",
        "  hashpost user create ada --password-stdin < password.txt",
    )
)
@click.argument("name")
@click.option("--email", help="The user's address.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@as_json
def create(name: str, *, email: str | None, password_stdin: bool, as_json: bool) -> None:
    """Make the user NAME, asking for a password."""
    settings = database_settings()
    password = _piped_password() if password_stdin else _asked_password()
    made = run(_sign_up(settings, name=name, password=password, email=email))
    if as_json:
        print_json({"id": made.id, "username": made.username})
    else:
        click.echo(f"{made.username} has the id {made.id}.")


async def _sign_up(settings: Settings, *, name: str, password: str, email: str | None) -> User:
    async with open_settings(settings) as service:
        return await service.sign_up(username=name, password=password, email=email)


def _piped_password() -> str:
    """All of stdin but the line end that `echo` leaves."""
    data = stdin().read(PASSWORD_BYTES_MAX)
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise click.UsageError("The password on stdin is not UTF-8.") from error


def _asked_password() -> str:
    if not stdin().isatty():
        raise click.UsageError("There is no terminal to ask on; give --password-stdin.")
    password: str = click.prompt(
        "Password", hide_input=True, confirmation_prompt="Once more", err=True
    )
    return password
