"""The pages of the project, and the examples in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def examples(text: str, language: str) -> list[str]:
    """All blocks in that language."""
    return [body for kind, body in _BLOCK.findall(text) if kind == language]


def section(text: str, title: str) -> str:
    """What stands under that heading, to the next one of its kind."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
