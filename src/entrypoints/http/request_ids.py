"""Ids of requests that come without one."""

import os
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from hashpost.adapters.system import SystemClock, SystemIds
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
    clock, ids, process = SystemClock(), SystemIds(), os.getpid()
    return lambda: f"{ids.next(clock()):x}-{process:x}"
