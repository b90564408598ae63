"""What it was measured on."""

import os
import platform
import re
import sqlite3
from importlib.metadata import version
from pathlib import Path

from bench.systems import POSTGRES
from tests import servers

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


def facts() -> dict[str, str]:
    """The machine and the versions."""
    options = ", ".join(f"{name} {value}" for name, value in POSTGRES.items())
    return {
        "machine": f"{os.cpu_count()} cores, {_cpu_model()}, {_memory_gib()} GiB of memory",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "database": f"{servers.find_postgres().text}; {options}",
        "SQLite": sqlite3.sqlite_version,
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }


def _cpu_model() -> str:
    known = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", known.read_text()) if known.exists() else None
    return found[1] if found else platform.machine()


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30))
