"""Runs a module, and notes again and again where its main thread is: what `bench.profile` reads.

    python -m bench.sampled FILE MODULE ARGUMENTS…

SIGUSR1 begins, SIGUSR2 ends it and writes what was found: a JSON list of stacks, each with how
often it was met and its functions from the outermost in. A look every so much of CPU time costs a
per cent or two, where a tracing profiler doubles the price of what is cheap.
"""

import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

_EVERY = 0.001
"""Seconds of CPU time; most kernels make four milliseconds of it."""

_ROOTS = {
    "/site-packages/": "",
    "/hashpost/": "hashpost/",
    "/bench/": "bench/",
    f"/python{sys.version_info[0]}.{sys.version_info[1]}/": "python/",
}


class Sampler:
    """Counts stacks."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._met: Counter[tuple[CodeType, ...]] = Counter()

    def begin(self, *_: object) -> None:
        """Begin anew."""
        self._met.clear()
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)

    def end(self, *_: object) -> None:
        """Stop and write the file, all at once."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        told = [(count, [_name(code) for code in stack]) for stack, count in self._met.items()]
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(told))
        partial.rename(self._file)

    def _look(self, _: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._met[tuple(reversed(stack))] += 1


def _name(code: CodeType) -> tuple[str, str]:
    """The file, from its package on, and the function."""
    path = code.co_filename
    for root, package in _ROOTS.items():
        _, found, rest = path.rpartition(root)
        if found:
            return package + rest, code.co_qualname
    return f"python/{path}", code.co_qualname


def main() -> None:
    """Run the module that is named."""
    file, module, *arguments = sys.argv[1:]
    sampler = Sampler(Path(file))
    signal.signal(signal.SIGUSR1, sampler.begin)
    signal.signal(signal.SIGUSR2, sampler.end)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
