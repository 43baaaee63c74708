"""Line plots as SVG, small enough to be read as text. The horizontal axis is logarithmic."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 60, 160, 40, 50
#: From one label to the next.
LINE = 16
COLOURS = ("#0b6e99", "#b5471b", "#4a7c2f", "#7a4fa3", "#a3772a", "#2f6f6f", "#99335c")


def draw(
    title: str,
    lines: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x: str,
    y: str,
    marks: Iterable[float] | None = None,
) -> str:
    """Draw named lines through points whose x is above 0. Lines that are the same share a label.

    The horizontal axis has `marks`, or the x of every point.
    """
    points = [point for line in lines.values() for point in line]
    least, most = (math.log10(bound(place for place, _ in points)) for bound in (min, max))
    highest = max(height for _, height in points) or 1

    def at(place: float, height: float) -> tuple[float, float]:
        share = (math.log10(place) - least) / ((most - least) or 1)
        room = HEIGHT - TOP - BOTTOM
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - height / highest * room

    parts = [_text(LEFT, 20, title, font_size="15")]
    for step in range(5):
        height = highest * step / 4
        _, level = at(10**least, height)
        parts.append(f'<path d="M{LEFT} {level:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, level + 4, f"{height:.3g}", text_anchor="end"))
    places = sorted({place for place, _ in points} if marks is None else marks)
    parts += [_text(at(place, 0)[0], HEIGHT - BOTTOM + 18, f"{place:,.7g}", text_anchor="middle") for place in places]
    parts += [_text(LEFT, HEIGHT - 10, x), _text(8, TOP - 8, y)]
    named: dict[str, list[str]] = {}
    for name, line in lines.items():
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in (at(*point) for point in line))
        named.setdefault(path, []).append(name)
    level = 0.0
    for (path, names), colour in zip(sorted(named.items(), key=_end), COLOURS * len(named), strict=False):
        level = max(level + LINE, _end((path, names)))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(WIDTH - RIGHT + 8, level + 4, ", ".join(names), fill=colour))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>", ""])


def _end(line: tuple[str, object]) -> float:
    """How far down the last point of a path is."""
    return float(line[0].rpartition(",")[2])


def _text(across: float, down: float, text: str, **about: str) -> str:
    """A text, with attributes whose names may have `_` for `-`."""
    attributes = {"font-size": "12", **{name.replace("_", "-"): value for name, value in about.items()}}
    told = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f'<text x="{across:.1f}" y="{down:.1f}" {told}>{escape(text)}</text>'
