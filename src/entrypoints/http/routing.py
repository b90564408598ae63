"""Which route a path belongs to, before any framework sees it.

The framework's own routing takes `+1` and Arabic digits for numbers, runs doubled slashes
together, decodes `%FF` to U+FFFD and tells of unknown methods as it likes. So paths are matched
here, strictly and as they came, and only those that are known go on, in one spelling.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from hashpost.domain.ids import MAX_ID

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


@dataclass(frozen=True, slots=True)
class Route:
    """A path template, as `/api/posts/{id_post:int}`, and the rules of its answers."""

    template: str
    methods: frozenset[str]
    cache_control: str
    always_served: bool = False
    hashing: frozenset[str] = frozenset()
    """The methods that hash a password."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Every method that the path answers, in the order of the alphabet."""
        implied = {"HEAD", "OPTIONS"} if "GET" in self.methods else {"OPTIONS"}
        return tuple(sorted(self.methods | implied))


@dataclass(frozen=True, slots=True)
class Target:
    """What a path leads to: the route, the path in the spelling that the framework is given."""

    route: Route
    path: str
    ids: Mapping[str, int]


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
    ids = {}
    path = match.string
    for name, kind in _PARAMETER.findall(route.template):
        if kind == "str":
            # Or a hashtag that is called like another route would lead the framework there.
            start = match.start(name)
            path = f"{path[:start]}{_escaped(path[start])}{path[start + 1 :]}"
        elif int(match[name]) <= MAX_ID:
            ids[name] = int(match[name])
        else:
            return None
    return Target(route, path, ids)


def _escaped(character: str) -> str:
    return character if character == "%" else f"%{ord(character):02X}"
