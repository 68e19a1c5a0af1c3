"""Text as outlines: split by direction, shaped by HarfBuzz, in the two fonts that lie beside this module."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import uharfbuzz as hb
from bidi import algorithm as bidi

from tchavi_studio.engines.preview.drawing.shapes import Outline

FONTS = Path(__file__).with_name("fonts")
LATIN, ARABIC = "NotoSans-Bold.ttf", "NotoSansArabic-Bold.ttf"
CURVE_STEPS = 5
ELLIPSIS = "…"
MAX_LETTERS = 400
"""More than any line holds: what comes after isn't looked at."""
REFUSED_CLASSES = frozenset(("", "LRI", "RLI", "FSI", "PDI"))
"""Of letters that python-bidi refuses: isolates, and what this Python doesn't know. The fonts have none of them."""


class Glyph(NamedTuple):
    """A glyph's contours, which cut holes into each other, where it stands in its text; in ems, y downwards."""

    contours: list[Outline]


class Text(NamedTuple):
    """Shaped text: its glyphs from left to right, starting at x = 0 on the baseline, and its width in ems."""

    glyphs: list[Glyph]
    width: float


@cache
def shaped(text: str) -> Text:
    """One line of text, in the order in which it is seen."""
    glyphs: list[Glyph] = []
    at = 0.0
    text = "".join(letter for letter in text if unicodedata.bidirectional(letter) not in REFUSED_CLASSES)
    for run, level in _visual_runs(text):
        font, units = _font(ARABIC if _is_arabic(run) else LATIN)
        buffer = hb.Buffer()
        buffer.add_str(run)
        buffer.direction = "rtl" if level % 2 else "ltr"
        buffer.guess_segment_properties()
        hb.shape(font, buffer)
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            # Glyph 0 is the box for what a font lacks: better nothing.
            contours = _contours(ARABIC if _is_arabic(run) else LATIN, info.codepoint) if info.codepoint else []
            shift = np.array([at + place.x_offset / units, -place.y_offset / units])
            if contours:
                glyphs.append(Glyph([contour + shift for contour in contours]))
            at += place.x_advance / units
    return Text(glyphs, at)


def wrapped(text: str, width: float, *, max_lines: int) -> list[str]:
    """The text in lines of at most `width` ems; what doesn't fit is cut with an ellipsis."""
    lines: list[str] = []
    text = " ".join(text.split())
    words = text[:MAX_LETTERS].split()
    while words and len(lines) < max_lines:
        taken = 1
        while taken < len(words) and shaped(" ".join(words[: taken + 1])).width <= width:
            taken += 1
        line = " ".join(words[:taken])
        words = words[taken:]
        is_cut_off = len(lines) + 1 == max_lines if words else len(text) > MAX_LETTERS
        lines.append(_cut(line, width) if is_cut_off or shaped(line).width > width else line)
    return lines


def _cut(line: str, width: float) -> str:
    fitting = bisect_right(range(len(line) + 1), width, key=lambda end: shaped(line[:end] + ELLIPSIS).width) - 1
    return line[: max(0, fitting)].rstrip() + ELLIPSIS


def _visual_runs(text: str) -> Iterator[tuple[str, int]]:
    """The stretches of one direction and one script, from left to right, each with its level: odd is right to left."""
    storage = bidi.get_empty_storage()
    base = bidi.get_base_level(text)
    storage["base_level"], storage["base_dir"] = base, ("L", "R")[base]
    bidi.get_embedding_levels(text, storage)
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    characters = [(str(char["ch"]), int(char["level"])) for char in storage["chars"]]
    runs = [
        ("".join(char for char, _ in stretch), level)
        for (level, _), stretch in groupby(characters, key=lambda pair: (pair[1], _is_arabic(pair[0])))
    ]
    # Rule L2: from the highest level to the lowest odd one, turn around whatever is at that level or above.
    for level in range(max((level for _, level in runs), default=0), 0, -1):
        turned: list[tuple[str, int]] = []
        above: list[tuple[str, int]] = []
        for run in runs:
            if run[1] >= level:
                above.insert(0, run)
            else:
                turned += [*above, run]
                above = []
        runs = turned + above
    return iter(runs)


def _is_arabic(text: str) -> bool:
    return any("\u0600" <= letter <= "\u06ff" or "\u0750" <= letter <= "\u077f" for letter in text)


@cache
def _font(name: str) -> tuple[hb.Font, int]:
    face = hb.Face(hb.Blob.from_file_path(str(FONTS / name)))
    return hb.Font(face), face.upem


@cache
def _contours(name: str, glyph: int) -> list[Outline]:
    font, units = _font(name)
    pen = _Pen()
    font.draw_glyph_with_pen(glyph, pen)
    return [np.array(contour) * (1 / units, -1 / units) for contour in pen.contours if len(contour) > 2]


class _Pen:
    """Collects a glyph's contours as polygons."""

    def __init__(self) -> None:
        self.contours: list[list[tuple[float, float]]] = []

    def moveTo(self, point: tuple[float, float]) -> None:
        self.contours.append([point])

    def lineTo(self, point: tuple[float, float]) -> None:
        self.contours[-1].append(point)

    def qCurveTo(self, control: tuple[float, float], end: tuple[float, float]) -> None:
        start = self.contours[-1][-1]
        for t in np.linspace(0, 1, CURVE_STEPS + 1)[1:]:
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
            self.contours[-1].append(
                (a * start[0] + b * control[0] + c * end[0], a * start[1] + b * control[1] + c * end[1])
            )

    def curveTo(self, first: tuple[float, float], second: tuple[float, float], end: tuple[float, float]) -> None:
        start = self.contours[-1][-1]
        for t in np.linspace(0, 1, CURVE_STEPS + 1)[1:]:
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            self.contours[-1].append(
                (
                    a * start[0] + b * first[0] + c * second[0] + d * end[0],
                    a * start[1] + b * first[1] + c * second[1] + d * end[1],
                )
            )

    def closePath(self) -> None:
        pass

    def endPath(self) -> None:
        pass
