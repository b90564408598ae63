"""The command line: `hashpost`, one module a family of commands.

Data goes to stdout, all else to stderr. Exit status 0: done; 1: found something, or failed; 2:
called wrongly, which a bad setting counts as. What takes long to import is imported by the command
that needs it.
"""

import click

from hashpost.entrypoints.cli.about import config, openapi, version
from hashpost.entrypoints.cli.database import check, migrate
from hashpost.entrypoints.cli.jobs import jobs
from hashpost.entrypoints.cli.running import Commands, example
from hashpost.entrypoints.cli.schedule import schedule
from hashpost.entrypoints.cli.scheduler import scheduler
from hashpost.entrypoints.cli.serve import serve
from hashpost.entrypoints.cli.transfer import export_posts, import_posts
from hashpost.entrypoints.cli.users import user
from hashpost.entrypoints.cli.worker import worker


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("  hashpost serve", "  hashpost import posts.jsonl", "  hashpost check"),
)
def main() -> None:
    """Short posts with hashtags.

    Settings come from the environment (HASHPOST_...); `hashpost config` shows them.
    """


for command in (
    serve,
    worker,
    scheduler,
    migrate,
    import_posts,
    export_posts,
    user,
    jobs,
    schedule,
    check,
    config,
    openapi,
    version,
):
    main.add_command(command)
