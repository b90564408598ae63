"""The words of mails, as Jinja templates that come along or that an operator puts in their place.

A mail `welcome` is `welcome.txt`, whose first line is `Subject: …` and whose rest is the plain
text, and `welcome.html`, which extends `layout.html`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from typing import Final

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    select_autoescape,
)

SUBJECT: Final = "Subject: "
SHOWN_OF_A_POST: Final = 500
_SUFFIXES: Final = (".txt", ".html")


class BrokenTemplate(ValueError):
    """A template that cannot be used: the message says where, by file and line, and why."""


class JinjaTemplates:
    """Renders mails; each file of the same name in `folder` takes the place of ours.

    What has another name there can be included or extended. Files may change while this runs.
    Values are escaped in HTML, and one that is not given is an error.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Read what is in the folder.

        Raises:
            BrokenTemplate: a file in it is no template.
        """
        self._environment = _environment(folder)
        for name in _names(folder):
            try:
                self._environment.get_template(name)
            except Exception as error:
                raise _broken(error, name) from error

    def render(self, name: str, values: Mapping[str, object]) -> tuple[str, str, str]:
        """Subject, text and HTML of the mail of that name.

        Raises:
            BrokenTemplate: there is no such template, or it does not suit the values.
        """
        whole = self._rendered(f"{name}.txt", values)
        first, _, text = whole.partition("\n")
        subject = first.removeprefix(SUBJECT).strip()
        if not first.startswith(SUBJECT) or not subject:
            raise BrokenTemplate(f"{name}.txt, line 1: must be '{SUBJECT}' and a subject")
        html = self._rendered(f"{name}.html", {**values, "subject": subject})
        return subject, f"{text.strip()}\n", html

    def _rendered(self, name: str, values: Mapping[str, object]) -> str:
        try:
            return self._environment.get_template(name).render(values)
        except Exception as error:
            raise _broken(error, name) from error


def _environment(folder: Path | None) -> Environment:
    loaders: list[BaseLoader] = [PackageLoader("hashpost.adapters.mail", "templates")]
    if folder is not None:
        loaders.insert(0, FileSystemLoader(folder))
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"utc": _utc, "excerpt": _excerpt}
    return environment


def _names(folder: Path | None) -> Iterable[str]:
    """The names of the templates in a folder, sub-folders included."""
    if folder is None:
        return []
    found = (path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _broken(error: Exception, name: str) -> BrokenTemplate:
    if isinstance(error, TemplateNotFound):
        return BrokenTemplate(f"{name}: there is no template {error.name}")
    if isinstance(error, TemplateSyntaxError):
        return BrokenTemplate(f"{error.filename or name}, line {error.lineno}: {error.message}")
    return BrokenTemplate(f"{_place(error) or name}: {error}")


def _place(error: Exception) -> str | None:
    """The file and line at which rendering failed: Jinja writes them into the traceback."""
    frames = [frame for frame in extract_tb(error.__traceback__) if _is_template(frame.filename)]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None


def _is_template(filename: str) -> bool:
    return filename.endswith(_SUFFIXES)


def _utc(at: datetime) -> str:
    """A moment as people read it, in whatever language: `2026-11-22 06:21 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _excerpt(text: str) -> str:
    """The beginning of a text, if it is long: mail programs cut off long mails anywhere."""
    return text if len(text) <= SHOWN_OF_A_POST else f"{text[:SHOWN_OF_A_POST].rstrip()}…"
