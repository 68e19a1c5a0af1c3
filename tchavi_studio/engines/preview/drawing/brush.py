"""A brush for figures: pieces of paper in a figure's own measures, with a lit rim and a dark edge."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tchavi_studio.engines.preview.drawing.grade import Grade
from tchavi_studio.engines.preview.drawing.paper import Colour, hexed, lighter, mix
from tchavi_studio.engines.preview.drawing.shapes import Outline, capsule, curve, ellipse
from tchavi_studio.engines.preview.drawing.stage import Pen

RIM = 0.0042
"""How far the light reaches around an edge, in frame heights."""

MIN_RIMMED = 0.1
"""The smallest piece that has a rim, in a figure's own units: details inside it need none."""


@dataclass
class Brush:
    """Pieces are collected from the back to the front, in units of `size` around (`x`, `y`), y downwards.

    `heading` -1 mirrors the figure, `turn` turns it (radians), `squeeze` narrows it as when it turns around.
    """

    pen: Pen
    grade: Grade
    x: float
    y: float
    size: float
    heading: float = 1.0
    turn: float = 0.0
    squeeze: float = 1.0
    pieces: list[tuple[Outline, Colour, bool]] = field(default_factory=list)
    """Outline, colour, and whether it is large enough to have a rim."""

    def fill(self, outline: Outline, colour: Colour | str, shade: float = 0.0) -> None:
        """Add a piece in the thing's own colour."""
        own = hexed(colour) if isinstance(colour, str) else colour
        self._add(outline, self.grade.tone(own, 1.0, shade))

    def shine(self, outline: Outline, colour: Colour | str) -> None:
        """Add a piece that gives its own light."""
        own = hexed(colour) if isinstance(colour, str) else colour
        self._add(outline, self.grade.sky(own))

    def letter(self, contours: list[Outline], colour: Colour) -> None:
        """Draw a glyph at once, above what was drawn: its contours cut holes into each other."""
        self.pen.fills([self._on_stage(contour * (self.heading, 1)) for contour in contours], self.grade.sky(colour))

    def limb(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float,
        end_width: float,
        colour: Colour | str,
        shade: float = 0.0,
    ) -> None:
        self.fill(capsule(start, end, width, end_width), colour, shade)

    def oval(self, x: float, y: float, across: float, down: float, colour: Colour | str, shade: float = 0.0) -> None:
        self.fill(ellipse(x, y, across, down, 24), colour, shade)

    def shape(self, text: str, colour: Colour | str, shade: float = 0.0) -> None:
        """Add a smooth piece through points written as text."""
        self.fill(curve_of(text), colour, shade)

    def done(self, *, rim: bool = True) -> None:
        """Draw all pieces."""
        if rim:
            light = 1 if self.grade.sun[0] >= 0.5 else -1
            edge = mix(self.grade.sky(self.grade.sun_colour), self.grade.tone((255, 255, 255)), 0.4)
            dark = self.grade.sky(self.grade.dark)
            large = [(outline, colour) for outline, colour, is_large in self.pieces if is_large]
            for outline, _ in large:
                self.pen.fill(outline + (-0.8 * light * RIM, 0.5 * RIM), dark)
            for outline, colour in large:
                self.pen.fill(outline + (light * RIM, -0.7 * RIM), mix(colour, edge, 0.6))
        for outline, colour, _ in self.pieces:
            self.pen.fill(outline, colour)
        self.pieces.clear()

    def shadow(self, across: float, *, lift: float = 0.0) -> None:
        """The figure's shadow on the ground, smaller the higher it is."""
        reach = max(0.2, 1 - lift)
        lean = 0.25 * (0.5 - self.grade.sun[0]) * self.size
        spot = ellipse(
            self.x + lean, self.y + lift * self.size, across * self.size * reach, 0.028 * self.size * reach, 24
        )
        self.pen.veil(spot, self.grade.sky(self.grade.dark), 0.34 * reach)

    def _add(self, outline: Outline, colour: Colour) -> None:
        large = bool(np.ptp(outline, axis=0).max() > MIN_RIMMED)
        self.pieces.append((self._on_stage(outline), colour, large))

    def _on_stage(self, outline: Outline) -> Outline:
        local = outline * (self.size * self.heading * self.squeeze, self.size)
        if self.turn:
            cos, sin = np.cos(self.turn * np.sign(self.heading)), np.sin(self.turn * np.sign(self.heading))
            local = local @ np.array([[cos, sin], [-sin, cos]])
        placed: Outline = local + (self.x, self.y)
        return placed


_curves: dict[str, Outline] = {}


def curve_of(text: str) -> Outline:
    """`curve`, remembered: figures are drawn in every frame."""
    if text not in _curves:
        _curves[text] = curve(text, 5)
    return _curves[text]


Sketch = Callable[[Brush, float, "Look"], None]
"""Draws a figure at a time in seconds."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a sketch may vary: colours, act, pace and what makes one figure differ from its neighbour."""

    action: str = ""
    pace: float = 1.0
    colour: Colour | None = None
    skin: Colour = (122, 79, 54)
    cloth: Colour = (201, 100, 66)
    second: Colour = (62, 82, 104)
    offset: float = 0.0
    """A shift of the rhythm, in seconds."""
    faces_us: bool = False
    talks: tuple[tuple[float, float], ...] = ()
    """When this figure speaks, in seconds of the shot."""
    text: str = ""

    def speaks_at(self, seconds: float) -> bool:
        return any(start <= seconds < end for start, end in self.talks)

    def own(self, usual: str) -> Colour:
        """The colour that the prompt gives, or the usual one."""
        return self.colour or hexed(usual)

    def dark(self, usual: str, by: float = 0.2) -> Colour:
        return lighter(self.own(usual), -by)
