"""Weather and whatever else is in the air, drawn over each frame."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from tchavi_studio.engines.preview.drawing.paper import FRACTION_BITS, Colour, mix
from tchavi_studio.engines.preview.drawing.shapes import ellipse, rectangle
from tchavi_studio.engines.preview.drawing.stage import Pen, Stage

DISC = ellipse(0, 0, 1, 1, 8)
LEAF = ellipse(0, 0, 1, 0.5, 10)


@dataclass
class Particles:
    """Flakes, drops or sparks that cross the frame again and again."""

    kind: str
    colour: Colour
    count: int
    size: float
    fall: float
    """Frame heights a second, downwards."""
    blow: float
    chance: np.random.Generator
    aspect: float
    depth: float = 1.2
    waver: float = 0.0
    dim: Colour | None = None
    starts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        # Across, down, nearness, phase: each from 0 to 1.
        self.starts = self.chance.random((self.count, 4))

    def draw(self, pen: Pen, seconds: float) -> None:
        across, down, near, phase = self.starts.T
        pace = 0.5 + near
        wide = self.aspect + 0.3
        wave = self.waver * np.sin(seconds * (1.2 + near) + phase * 6.3)
        x = (across * wide + (self.blow * pace * seconds) + wave - pen.view.across * pace) % wide - wide / 2
        y = (down * 1.2 + self.fall * pace * seconds - pen.view.down * pace) % 1.2 - 0.1
        height, width = pen.pixels.shape[:2]
        spots = np.stack([x * height + width / 2, y * height], 1)
        size = self.size * (0.4 + 0.8 * near) * height
        if self.kind == "streaks":
            slant = np.array([self.blow, self.fall]) / max(0.01, math.hypot(self.blow, self.fall))
            lines = np.stack([spots, spots + slant * size[:, None] * 14], 1)
            for share, colour in ((near < 0.5, self.dim or self.colour), (near >= 0.5, self.colour)):
                cv2.polylines(
                    pen.pixels,
                    list(np.rint(lines[share] * 16).astype(np.int32)),
                    False,
                    (*colour, 255.0),
                    1 if height < 600 else 2 if share is near else 1,
                    cv2.LINE_AA,
                    FRACTION_BITS,
                )
            return
        shape = DISC
        if self.kind == "leaves":
            turn = phase * 6.3 + seconds * (1 + 2 * near)
            flat = np.abs(np.cos(turn * 1.3))[:, None] * 0.8 + 0.2
            cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
            bodies = np.stack(
                [LEAF[:, 0] * cos - LEAF[:, 1] * flat * sin, LEAF[:, 0] * sin + LEAF[:, 1] * flat * cos], 2
            )
        else:
            bodies = np.broadcast_to(shape, (self.count, *shape.shape))
        shown = np.ones(self.count, bool)
        if self.kind == "glowing":
            shown = np.sin(seconds * (2 + 3 * near) + phase * 6.3) > -0.4
        outlines = bodies[shown] * size[shown, None, None] + spots[shown, None, :]
        polygons = np.rint(outlines * 16).astype(np.int32)
        half = len(polygons) // 2
        for part, colour in ((polygons[:half], self.dim or self.colour), (polygons[half:], self.colour)):
            if len(part):
                cv2.fillPoly(pen.pixels, list(part), (*colour, 255.0), cv2.LINE_AA, FRACTION_BITS)


@dataclass
class Lightning:
    """A flash now and then: the whole frame brightens, and a bolt stands in it."""

    chance: np.random.Generator
    seconds: float
    aspect: float
    depth: float = 0.05

    def __post_init__(self) -> None:
        self._times = [self.seconds * at for at in (0.16, 0.55, 0.86)]
        self._bolts = []
        for _ in self._times:
            x = self.chance.uniform(-0.35, 0.35) * self.aspect
            down = np.linspace(0, 0.62, 9)
            wander = np.cumsum(self.chance.uniform(-0.045, 0.045, 9))
            self._bolts.append(np.stack([x + wander, down], 1))

    def draw(self, pen: Pen, seconds: float) -> None:
        for at, bolt in zip(self._times, self._bolts, strict=True):
            age = seconds - at
            if 0 <= age < 0.3:
                pen.pixels[:] = cv2.addWeighted(
                    pen.pixels, 1.0, pen.pixels, 0.5 * (1 - age / 0.3), 26 * (1 - age / 0.3)
                )
                if age < 0.2:
                    width = 0.007 * (1 - age / 0.2) + 0.002
                    thick = np.concatenate([bolt + (width, 0), (bolt - (width, 0))[::-1]])
                    pen.fill(thick, (255, 250, 240))


def lay_weather(stage: Stage, kinds: tuple[str, ...], *, indoors: bool) -> None:
    """Put the weather in front of everything; indoors it stays outside."""
    grade, chance, aspect = stage.grade, stage.chance, stage.aspect
    light = grade.sky(mix(grade.low, (255, 255, 255), 0.4))
    for kind in kinds:
        if indoors and kind in ("rain", "storm", "snow", "fog", "wind", "clouds"):
            continue
        if kind in ("rain", "storm"):
            heavy = kind == "storm"
            stage.items.append(
                Particles(
                    "streaks",
                    mix(light, (255, 255, 255), 0.3),
                    190 if heavy else 130,
                    0.0042,
                    2.1,
                    0.55 if heavy else 0.22,
                    chance,
                    aspect,
                    dim=mix(light, grade.sky(grade.middle), 0.5),
                )
            )
            if heavy:
                stage.items.append(Lightning(chance, stage.seconds, aspect))
        elif kind == "snow":
            stage.items.append(
                Particles(
                    "discs",
                    grade.sky((255, 255, 255)),
                    210,
                    0.0062,
                    0.16,
                    0.05,
                    chance,
                    aspect,
                    waver=0.03,
                    dim=mix(light, (255, 255, 255), 0.4),
                )
            )
        elif kind == "fog":
            fog(stage, mix(grade.sky(grade.haze), (255, 255, 255), 0.25), 0.5)
        elif kind == "dust":
            fog(stage, grade.sky((206, 158, 98)), 0.5)
            stage.items.append(
                Particles("discs", grade.sky((236, 206, 150)), 90, 0.0022, -0.01, 0.5, chance, aspect, waver=0.05)
            )
        elif kind == "wind":
            stage.items.append(
                Particles(
                    "leaves",
                    grade.tone((128, 150, 70)),
                    26,
                    0.012,
                    0.12,
                    0.75,
                    chance,
                    aspect,
                    waver=0.05,
                    dim=grade.tone((200, 150, 70)),
                )
            )
        elif kind == "petals":
            stage.items.append(
                Particles(
                    "leaves",
                    grade.tone((246, 170, 186)),
                    70,
                    0.011,
                    0.17,
                    0.16,
                    chance,
                    aspect,
                    waver=0.05,
                    dim=grade.tone((236, 120, 150)),
                )
            )
        elif kind == "leaves":
            amber, rust = grade.tone((226, 150, 50)), grade.tone((190, 84, 40))
            stage.items.append(Particles("leaves", amber, 60, 0.014, 0.16, 0.14, chance, aspect, waver=0.06, dim=rust))
        elif kind == "embers":
            stage.items.append(
                Particles(
                    "glowing", (255, 180, 80), 70, 0.0032, -0.22, 0.03, chance, aspect, waver=0.04, dim=(255, 110, 50)
                )
            )
        elif kind == "fireflies":
            stage.items.append(
                Particles(
                    "glowing", (232, 255, 140), 34, 0.0042, -0.01, 0.01, chance, aspect, waver=0.09, dim=(190, 240, 110)
                )
            )


def fog(stage: Stage, colour: Colour, strength: float) -> None:
    """Banks that drift across, thicker near the ground."""
    for depth, top, drift in ((0.9, stage.horizon - 0.12, 0.03), (1.3, stage.horizon + 0.1, -0.05)):
        sheet = stage.sheet(depth, drift=drift, fine=0.25)
        area = sheet.area
        sheet.shade(
            rectangle(area.left - 0.3, top, area.right + 0.3, area.bottom + 0.4),
            colour,
            colour,
            soft=0.08,
            alpha=strength * 0.8,
        )
        for _ in range(int(5 * (area.right - area.left))):
            x, y = stage.chance.uniform(area.left, area.right), top + stage.chance.uniform(-0.06, 0.3)
            sheet.fill(
                ellipse(x, y, stage.chance.uniform(0.12, 0.3), stage.chance.uniform(0.02, 0.06)),
                mix(colour, (255, 255, 255), 0.3),
                0.4 * strength,
                0.02,
            )
        stage.lay(sheet, depth, drift=drift, shadow=0, grain=False, blur=0)


def motes(stage: Stage, *, underwater: bool) -> None:
    """A little life in every picture: motes in the light, bubbles under water."""
    if underwater:
        stage.items.append(
            Particles(
                "discs",
                (170, 232, 232),
                34,
                0.005,
                -0.16,
                0.0,
                stage.chance,
                stage.aspect,
                waver=0.02,
                dim=(90, 190, 200),
            )
        )
    else:
        light = mix(stage.grade.sky(stage.grade.sun_colour), stage.grade.sky(stage.grade.middle), 0.45)
        stage.items.append(Particles("discs", light, 12, 0.0013, -0.012, 0.02, stage.chance, stage.aspect, waver=0.05))
