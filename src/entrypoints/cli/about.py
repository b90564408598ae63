"""Commands that tell about the program itself."""

import platform
import unicodedata

import click

from hashpost.entrypoints.cli.running import as_json, example, print_json, read_settings


@click.command(epilog=example("  hashpost config", "  hashpost config --json"))
@as_json
def config(*, as_json: bool) -> None:
    """Print the settings in use, secrets masked."""
    texts = read_settings().texts()
    if as_json:
        print_json(texts)
        return
    for name, text in texts.items():
        click.echo(f"# {name} is not set" if text is None else f"{name}={text}")


@click.command(epilog=example("  hashpost openapi > openapi.json"))
def openapi() -> None:
    """Print the OpenAPI document of the HTTP API."""
    from hashpost.entrypoints.http.app import openapi_document

    print_json(openapi_document())


@click.command(epilog=example("  hashpost version", "  hashpost version --json"))
@as_json
def version(*, as_json: bool) -> None:
    """Print the version, and those of Python and Unicode that it runs on.

    Another version of Unicode may read other hashtags from a text; `hashpost check` tells.
    """
    from importlib.metadata import version as version_of

    versions = {
        "hashpost": version_of("hashpost"),
        "python": platform.python_version(),
        "unicode": unicodedata.unidata_version,
    }
    if as_json:
        print_json(versions)
        return
    click.echo("hashpost {hashpost} (Python {python}, Unicode {unicode})".format(**versions))
