import re
import xml.etree.ElementTree as ET
from itertools import pairwise

from bench.plots import plot

SVG = "{http://www.w3.org/2000/svg}"


def drawn(series: dict[str, list[tuple[float, float]]]) -> ET.Element:
    return ET.fromstring(plot("CPU < time", series))  # noqa: S314 (our own words)


def test_each_line_is_drawn_and_named() -> None:
    drawing = drawn({"users": [(10, 1), (1000, 2)], "a & b": [(10, 3), (1000, 3)]})

    texts = [text.text for text in drawing.iter(f"{SVG}text")]
    assert len(list(drawing.iter(f"{SVG}polyline"))) == 2
    assert {"users 2 ms", "a & b 3 ms", "CPU < time"} <= set(texts)


def test_ten_times_as_many_lie_as_far_apart_everywhere() -> None:
    drawing = drawn({"users": [(10, 1), (100, 1), (1000, 1)]})

    places = next(drawing.iter(f"{SVG}polyline")).attrib["points"]
    first, second, third = (float(place.split(",")[0]) for place in places.split())
    assert abs((second - first) - (third - second)) < 0.2


def test_no_label_covers_another() -> None:
    drawing = drawn({f"line {number}": [(10, 1), (100, 1)] for number in range(10)})

    heights = sorted(
        float(text.attrib["y"])
        for text in drawing.iter(f"{SVG}text")
        if re.fullmatch(r"line \d 1 ms", text.text or "")
    )
    assert len(heights) == 10
    assert min(below - above for above, below in pairwise(heights)) >= 14
