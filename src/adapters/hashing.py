"""A process that does nothing but argon2, one call after the other; `passwords` starts it.

It is run by its path, so it imports nothing of ours. A call is a line of JSON on standard input,
its answer one on standard output; when the input ends, so does the process.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

YIELDS_EVERY: Final = 0.0005
"""Seconds; see `_yield_often`."""


def main(time_cost: int, memory_kib: int, nicer_by: int) -> None:
    """Answer until nobody asks any more."""
    argon2 = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
    # Whoever stops a server may tell all processes of it, yet what is under way is to be finished;
    # and then our input ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(nicer_by)
    _yield_often()
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_REAL, YIELDS_EVERY, YIELDS_EVERY)
        answer = _answer(argon2, *json.loads(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _answer(
    argon2: PasswordHasher, password: str, password_hash: str | None
) -> tuple[str, str | bool]:
    """What became of it, and the hash, or whether it matches, or what is wrong."""
    try:
        if password_hash is None:
            return "done", argon2.hash(password)
        return "done", argon2.verify(password_hash, password)
    except VerifyMismatchError:
        return "done", False
    except (Argon2Error, InvalidHashError) as error:
        return type(error).__name__, str(error)


def _yield_often() -> None:
    """At each tick of the timer ask the kernel, in the midst of argon2, who is to run.

    However nice we are, Linux lets us go on until its next tick, up to 4 ms, where whoever waits
    has just had more than its share (EEVDF looks at lag, not at patience). The handler is
    `sched_yield` itself: Python would run one of its own only after argon2.
    """
    libc = ctypes.CDLL(None)
    libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    libc.signal(signal.SIGALRM, ctypes.cast(libc.sched_yield, ctypes.c_void_p))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
