"""Which route a path belongs to.

The framework's own routing takes `+1` and Arabic digits for numbers, runs doubled slashes
together, decodes `%FF` to U+FFFD and tells of unknown methods as it likes. So paths are matched
here instead, strictly and as they came.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from hashpost.domain.ids import MAX_ID

TARGET: Final = "hashpost.target"
"""The key in the scope of what the path led to."""

_UNRESERVED: Final = "-._~!$&'()*+,;=:@"
_PARAMETER: Final = re.compile(r"\{(?P<name>\w+):(?P<kind>int|str)\}")
_KINDS: Final = {"int": "[1-9][0-9]{0,15}", "str": "[^/]+"}
_NAMED: Final = {"token": "[A-Za-z0-9_-]+"}
"""The forms of parameters by their kinds, and of those that have one of their own, by name."""

READS: Final = frozenset({"GET", "HEAD"})
"""The methods that change nothing."""

NO_STORE: Final = {"cache_control": "no-store"}
NO_CACHE: Final = {"cache_control": "no-cache"}
PRIVATE: Final = {"cache_control": "private, no-cache"}
ALWAYS_SERVED: Final = {"always_served": True}
HASHING: Final = {"hashing": True}
"""Options of handlers: who may keep the answers, which are given even under overload, and which
take a password to be hashed, for which others need not wait."""


@dataclass(frozen=True)
class Route:
    """A path template, as `/api/posts/{id_post:int}`, and the rules of its answers."""

    template: str
    methods: frozenset[str]
    cache_control: str
    always_served: bool = False
    hashing: frozenset[str] = frozenset()
    """The methods that hash a password."""

    @cached_property
    def allowed(self) -> tuple[str, ...]:
        """Every method that the path answers, in the order of the alphabet."""
        implied = {"HEAD", "OPTIONS"} if "GET" in self.methods else {"OPTIONS"}
        return tuple(sorted(self.methods | implied))


@dataclass(frozen=True, slots=True)
class Target:
    """What a path leads to: the route, the path in one spelling, and what it says.

    Of `parameters` those that are numbers are ids, all others are segments, percent-encoded.
    """

    route: Route
    path: str
    parameters: Mapping[str, int | str]

    @property
    def ids(self) -> dict[str, int]:
        """The parameters that are ids."""
        return {name: each for name, each in self.parameters.items() if isinstance(each, int)}


class Routes:
    """All routes, with and without a trailing slash."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, Target] = {}
        self._patterned: list[tuple[re.Pattern[str], Route]] = []
        for route in routes:
            if _PARAMETER.search(route.template):
                self._patterned.append((_pattern(route.template), route))
            else:
                self._exact[route.template] = Target(route, route.template, {})

    def find(self, raw_path: bytes) -> Target | None:
        """What the path, percent-encoded as it came, leads to."""
        path = raw_path.decode("ascii", "replace")
        path = path.removesuffix("/")
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        if "%" in path:
            path = "/".join(quote(unquote_to_bytes(each), _UNRESERVED) for each in path.split("/"))
            if (exact := self._exact.get(path)) is not None:
                return exact
        return self._find_patterned(path)

    def _find_patterned(self, path: str) -> Target | None:
        for pattern, route in self._patterned:
            if match := pattern.fullmatch(path):
                return _target(route, match)
        return None


def segment(text: str) -> str | None:
    """What a segment of a path says that a handler was given, or None if it is not UTF-8."""
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _pattern(template: str) -> re.Pattern[str]:
    # Of what a template is made of, only the braces of parameters mean something to a regex.
    return re.compile(_PARAMETER.sub(_group, template), re.ASCII)


def _group(parameter: re.Match[str]) -> str:
    form = _NAMED.get(parameter["name"]) or _KINDS[parameter["kind"]]
    return f"(?P<{parameter['name']}>{form})"


def _target(route: Route, match: re.Match[str]) -> Target | None:
    parameters: dict[str, int | str] = match.groupdict()
    for name, kind in _PARAMETER.findall(route.template):
        if kind == "int":
            parameters[name] = number = int(match[name])
            if number > MAX_ID:
                return None
    return Target(route, match.string, parameters)
