"""Ids of requests that come without one."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import count
from typing import Final

from hashpost.adapters.system import random_bytes
from hashpost.entrypoints.http.asgi import Header

_GOOD: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


def request_id(headers: Iterable[Header]) -> str:
    """The caller's `X-Request-ID`, if it is a good one and the only one, else a new one."""
    given = [value for name, value in headers if name == b"x-request-id"]
    if len(given) == 1 and _GOOD.fullmatch(text := given[0].decode("latin-1")):
        return text
    return _source()()


@cache
def _source() -> Callable[[], str]:
    # Made at the first request, hence in the process that serves: processes are forked or spawned.
    process, numbers = random_bytes(8).hex(), count(1)
    return lambda: f"{process}-{next(numbers):x}"
