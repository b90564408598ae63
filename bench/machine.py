"""What it was measured on."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psycopg

from bench.systems import POSTGRES

_LIBRARIES = (
    "litestar",
    "msgspec",
    "psycopg",
    "sqlalchemy",
    "uvicorn",
    "uvloop",
    "httptools",
    "pyjwt",
)


def facts(url: str) -> dict[str, str]:
    """The machine, the versions, and how the database at that URL is set up."""
    return {
        "machine": f"{os.cpu_count()} cores, {_cpu_model()}, {_memory_gib()} GiB of memory",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": _postgres(url),
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }


def _postgres(url: str) -> str:
    with psycopg.connect(url) as connection:
        shown = [
            f"{name} {connection.execute(f'SHOW {name}'.encode()).fetchall()[0][0]}"
            for name in ("server_version", *POSTGRES)
        ]
    return ", ".join(shown).removeprefix("server_version ")


def _cpu_model() -> str:
    known = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", known.read_text()) if known.exists() else None
    return found[1] if found else platform.machine()


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30))
