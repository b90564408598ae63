"""Draws lines over a number of posts, as SVG: both axes are logarithmic.

The colours are fit for a light ground and for a dark one, and what is black on the one is white on
the other.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 230, 40, 50
_LABEL_HEIGHT = 15
_COLOURS = (
    "#3b82f6", "#ef4444", "#10a37f", "#d98e04", "#8b5cf6",
    "#0ea5b7", "#ec4899", "#84a318", "#f97316", "#7c8794",
)  # fmt: skip
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: bold }
.grid { stroke: #8884; stroke-width: 1 }
.line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
"""

Series = Mapping[str, Sequence[tuple[float, float]]]
"""For each line its points, from left to right; all numbers above 0."""


def plot(title: str, series: Series) -> str:
    """The drawing."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style>",
            f'<text x="{_LEFT}" y="22" class="title">{escape(title)}</text>',
            *_drawn(series),
            "</svg>\n",
        ]
    )


class _Axis:
    """Where numbers lie between two ends, by their logarithms."""

    def __init__(self, numbers: Sequence[float], *, begin: float, end: float) -> None:
        low, high = math.log10(min(numbers)), math.log10(max(numbers))
        self._low, self._high = math.floor(low + 1e-9), math.ceil(high - 1e-9)
        self._high += self._low == self._high
        self._begin, self._scale = begin, (end - begin) / (self._high - self._low)

    def at(self, number: float) -> float:
        """Where that number is."""
        return round(self._begin + (math.log10(number) - self._low) * self._scale, 1)

    def ticks(self) -> Iterator[float]:
        """The powers of ten."""
        return (10.0**power for power in range(self._low, self._high + 1))


def _drawn(series: Series) -> Iterator[str]:
    points = [point for line in series.values() for point in line]
    across = _Axis([x for x, _ in points], begin=_LEFT, end=_WIDTH - _RIGHT)
    up = _Axis([y for _, y in points], begin=_HEIGHT - _BOTTOM, end=_TOP)
    yield from _grid(across, up)
    ends = {name: up.at(line[-1][1]) for name, line in series.items()}
    labels = _apart(ends)
    for (name, line), colour in zip(series.items(), _repeated(_COLOURS), strict=False):
        places = [(across.at(x), up.at(y)) for x, y in line]
        path = " ".join(f"{x},{y}" for x, y in places)
        yield f'<polyline class="line" stroke="{colour}" points="{path}"/>'
        for x, y in places:
            yield f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
        label = f"{escape(name)} {line[-1][1]:.2g} ms"
        yield (
            f'<text x="{_WIDTH - _RIGHT + 12}" y="{labels[name] + 4:.1f}"'
            f' style="fill:{colour}">{label}</text>'
        )


def _grid(across: _Axis, up: _Axis) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for tick in across.ticks():
        x = across.at(tick)
        yield f'<path class="grid" d="M{x} {_TOP}V{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{tick:,.0f}</text>'
    for tick in up.ticks():
        y = up.at(tick)
        yield f'<path class="grid" d="M{_LEFT} {y}H{right}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{tick:g} ms</text>'
    middle = (_LEFT + right) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">posts</text>'


def _apart(ends: Mapping[str, float]) -> dict[str, float]:
    """The heights of labels: each beside the end of its line, as far as none covers another."""
    placed: dict[str, float] = {}
    last = -math.inf
    for name, height in sorted(ends.items(), key=lambda each: each[1]):
        last = placed[name] = max(height, last + _LABEL_HEIGHT)
    # Those that were pushed below the bottom push the others up.
    limit = float(_HEIGHT - _BOTTOM)
    for name in reversed(placed):
        placed[name] = min(placed[name], limit)
        limit = placed[name] - _LABEL_HEIGHT
    return placed


def _repeated(colours: Sequence[str]) -> Iterator[str]:
    while True:
        yield from colours
