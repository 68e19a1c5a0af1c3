"""Animals in profile, one unit long, heading right, their feet on y = 0."""

import math
from dataclasses import dataclass

import numpy as np

from tchavi_studio.engines.preview.drawing.brush import Brush, Look, Sketch, curve_of
from tchavi_studio.engines.preview.drawing.paper import Colour, lighter
from tchavi_studio.engines.preview.drawing.people import TAU, reach
from tchavi_studio.engines.preview.drawing.shapes import ellipse, line, ribbon


@dataclass(frozen=True, kw_only=True)
class Beast:
    """A four-legged animal: its outline without legs, where the legs begin, and what they are like."""

    coat: str
    body: str
    """A closed curve; the head is a piece of its own."""
    head: tuple[tuple[str, str | None, float], ...]
    """Pieces of the head: curve, colour or None for the coat, shade."""
    hips: tuple[float, float]
    """Where fore and hind legs begin, across."""
    leg: float
    thick: float
    eye: tuple[float, float]
    tail: tuple[tuple[float, float], ...]
    tail_width: float = 0.03
    stride: float = 0.5
    spots: bool = False
    stripes: bool = False
    hoof: str | None = None


BEASTS = {
    "cat": Beast(
        coat="d98a3e",
        body="-0.42,-0.44 -0.2,-0.5 0.05,-0.48 0.28,-0.52 0.36,-0.4 0.28,-0.28 0,-0.24 -0.3,-0.24 -0.44,-0.32",
        head=(
            ("0.24,-0.66 0.26,-0.86 0.36,-0.72", None, 0.14),
            ("0.42,-0.72 0.52,-0.84 0.53,-0.62", None, 0.0),
            ("0.22,-0.58 0.28,-0.72 0.42,-0.74 0.54,-0.62 0.56,-0.52 0.46,-0.44 0.3,-0.44", None, 0.0),
            ("0.5,-0.54 0.58,-0.52 0.56,-0.47 0.48,-0.46", "f4dfc4", 0.0),
        ),
        hips=(0.24, -0.32),
        leg=0.3,
        thick=0.1,
        eye=(0.46, -0.6),
        stripes=True,
        tail=((-0.42, -0.4), (-0.58, -0.46), (-0.64, -0.66), (-0.56, -0.8)),
        tail_width=0.06,
    ),
    "dog": Beast(
        coat="a8713f",
        body="-0.4,-0.54 -0.1,-0.54 0.2,-0.6 0.34,-0.56 0.34,-0.4 0.1,-0.32 -0.2,-0.34 -0.42,-0.36",
        head=(
            ("0.22,-0.5 0.28,-0.8 0.42,-0.86 0.5,-0.76 0.68,-0.7 0.7,-0.6 0.5,-0.56 0.4,-0.5", None, 0.0),
            ("0.3,-0.84 0.24,-0.7 0.28,-0.56 0.38,-0.66 0.38,-0.82", None, 0.3),
            ("0.64,-0.71 0.71,-0.69 0.69,-0.63", "2a2020", 0.0),
        ),
        hips=(0.24, -0.32),
        leg=0.38,
        thick=0.09,
        eye=(0.46, -0.74),
        tail=((-0.4, -0.5), (-0.52, -0.62), (-0.58, -0.76)),
        tail_width=0.05,
    ),
    "horse": Beast(
        coat="7a4a2c",
        body="-0.44,-0.66 -0.3,-0.76 0,-0.7 0.22,-0.76 0.34,-0.66 0.3,-0.5 0.05,-0.46 -0.28,-0.48 -0.44,-0.52",
        head=(
            ("0.16,-0.72 0.3,-0.92 0.42,-1.06 0.52,-1.06 0.5,-0.9 0.36,-0.62 0.28,-0.56", None, 0.0),
            ("0.42,-1.1 0.52,-1.06 0.72,-0.86 0.7,-0.78 0.6,-0.78 0.46,-0.92", None, 0.0),
            ("0.44,-1.08 0.45,-1.18 0.51,-1.08", None, 0.2),
            ("0.1,-0.74 0.2,-0.9 0.34,-1.06 0.44,-1.12 0.42,-1.0 0.28,-0.82 0.2,-0.68", "2e1d16", 0.0),
        ),
        hips=(0.24, -0.34),
        leg=0.54,
        thick=0.1,
        eye=(0.55, -0.96),
        hoof="2a2020",
        tail=((-0.44, -0.64), (-0.58, -0.58), (-0.62, -0.34), (-0.58, -0.22)),
        tail_width=0.1,
        stride=0.6,
    ),
    "cheetah": Beast(
        coat="dca64c",
        body="-0.44,-0.44 -0.3,-0.53 -0.05,-0.47 0.2,-0.53 0.36,-0.5 "
        "0.36,-0.36 0.18,-0.28 -0.1,-0.32 -0.36,-0.28 -0.46,-0.34",
        head=(
            ("0.28,-0.52 0.36,-0.64 0.48,-0.65 0.58,-0.56 0.6,-0.47 0.5,-0.42 0.36,-0.42", None, 0.0),
            ("0.36,-0.62 0.35,-0.71 0.43,-0.66", None, 0.25),
            ("0.52,-0.5 0.61,-0.49 0.59,-0.44 0.52,-0.43", "f4e2c0", 0.0),
        ),
        hips=(0.24, -0.34),
        leg=0.34,
        thick=0.1,
        eye=(0.51, -0.56),
        spots=True,
        tail=((-0.44, -0.44), (-0.62, -0.4), (-0.74, -0.5), (-0.84, -0.48)),
        tail_width=0.045,
        stride=0.85,
    ),
    "lion": Beast(
        coat="d49a4a",
        body="-0.44,-0.46 -0.3,-0.55 -0.05,-0.5 0.2,-0.56 0.36,-0.52 "
        "0.36,-0.36 0.18,-0.28 -0.1,-0.3 -0.36,-0.28 -0.46,-0.34",
        head=(
            ("0.14,-0.6 0.22,-0.8 0.38,-0.86 0.52,-0.78 0.58,-0.6 0.52,-0.42 0.38,-0.3 0.22,-0.34", "7a4420", 0.0),
            ("0.2,-0.58 0.28,-0.74 0.4,-0.78 0.5,-0.7 0.52,-0.52 0.4,-0.38 0.26,-0.42", "965a2a", 0.0),
            ("0.34,-0.56 0.4,-0.68 0.5,-0.68 0.6,-0.58 0.62,-0.48 0.52,-0.42 0.4,-0.44", None, 0.0),
            ("0.38,-0.66 0.36,-0.76 0.45,-0.7", None, 0.25),
            ("0.54,-0.51 0.64,-0.5 0.61,-0.44 0.53,-0.43", "f4e2c0", 0.0),
        ),
        hips=(0.24, -0.34),
        leg=0.36,
        thick=0.11,
        eye=(0.53, -0.58),
        tail=((-0.44, -0.44), (-0.6, -0.38), (-0.7, -0.46), (-0.76, -0.42)),
        tail_width=0.045,
        stride=0.7,
    ),
    "tiger": Beast(
        coat="e08a38",
        body="-0.44,-0.46 -0.3,-0.55 -0.05,-0.5 0.2,-0.55 0.36,-0.52 "
        "0.36,-0.36 0.18,-0.28 -0.1,-0.3 -0.36,-0.28 -0.46,-0.34",
        head=(
            ("0.28,-0.54 0.36,-0.68 0.5,-0.7 0.61,-0.6 0.63,-0.5 0.52,-0.43 0.36,-0.42", None, 0.0),
            ("0.37,-0.66 0.35,-0.76 0.44,-0.7", None, 0.25),
            ("0.54,-0.53 0.64,-0.52 0.61,-0.46 0.53,-0.45", "f6ead8", 0.0),
        ),
        hips=(0.24, -0.34),
        leg=0.36,
        thick=0.11,
        eye=(0.54, -0.6),
        stripes=True,
        tail=((-0.44, -0.44), (-0.62, -0.4), (-0.74, -0.5), (-0.84, -0.48)),
        tail_width=0.05,
        stride=0.75,
    ),
    "elephant": Beast(
        coat="8d8a92",
        body="-0.46,-0.62 -0.3,-0.82 0,-0.84 0.26,-0.78 0.34,-0.56 0.22,-0.36 -0.1,-0.32 -0.38,-0.36 -0.48,-0.46",
        head=(
            ("0.16,-0.72 0.3,-0.86 0.46,-0.84 0.56,-0.68 0.5,-0.5 0.32,-0.46 0.2,-0.54", None, 0.0),
            (
                "0.46,-0.7 0.57,-0.66 0.62,-0.4 0.6,-0.16 0.66,-0.08 0.62,-0.02 0.54,-0.08 0.53,-0.3 0.46,-0.52",
                None,
                0.08,
            ),
            ("0.5,-0.5 0.62,-0.44 0.7,-0.46 0.62,-0.38 0.5,-0.44", "f4ecd8", 0.0),
            ("0.12,-0.78 0.26,-0.84 0.34,-0.66 0.3,-0.46 0.16,-0.44 0.06,-0.6", None, 0.2),
        ),
        hips=(0.18, -0.3),
        leg=0.42,
        thick=0.17,
        eye=(0.44, -0.68),
        tail=((-0.46, -0.6), (-0.52, -0.44), (-0.51, -0.32)),
        tail_width=0.025,
        stride=0.32,
    ),
    "giraffe": Beast(
        coat="e0aa55",
        body="-0.34,-0.82 -0.1,-0.92 0.14,-1.0 0.24,-0.86 0.16,-0.68 -0.1,-0.66 -0.32,-0.68",
        head=(
            ("0.06,-0.96 0.22,-1.3 0.36,-1.7 0.46,-1.72 0.4,-1.4 0.26,-0.92 0.16,-0.82", None, 0.0),
            ("0.36,-1.78 0.46,-1.8 0.66,-1.66 0.64,-1.58 0.5,-1.6 0.38,-1.66", None, 0.0),
            ("0.38,-1.76 0.37,-1.9 0.42,-1.9 0.43,-1.78", "5a3a22", 0.0),
        ),
        hips=(0.13, -0.24),
        leg=0.76,
        thick=0.075,
        eye=(0.49, -1.71),
        spots=True,
        tail=((-0.34, -0.8), (-0.42, -0.6), (-0.4, -0.48)),
        stride=0.38,
    ),
    "cow": Beast(
        coat="e9ddd0",
        body="-0.46,-0.66 -0.2,-0.72 0.1,-0.72 0.3,-0.74 0.36,-0.56 0.24,-0.38 -0.2,-0.34 -0.44,-0.4",
        head=(
            ("0.26,-0.72 0.4,-0.84 0.54,-0.78 0.66,-0.58 0.6,-0.5 0.44,-0.54 0.34,-0.52", None, 0.0),
            ("0.58,-0.6 0.68,-0.58 0.66,-0.5 0.56,-0.5", "d9a79a", 0.0),
            ("0.38,-0.84 0.42,-1.02 0.5,-1.06 0.47,-0.94 0.46,-0.82", "efe4c8", 0.0),
            ("0.28,-0.8 0.4,-0.78 0.38,-0.72 0.28,-0.72", None, 0.3),
        ),
        hips=(0.22, -0.36),
        leg=0.4,
        thick=0.1,
        eye=(0.5, -0.7),
        tail=((-0.46, -0.64), (-0.53, -0.44), (-0.51, -0.26)),
        hoof="2a2020",
        stride=0.36,
    ),
}
DARK: Colour = (40, 28, 26)


def beast(name: str) -> Sketch:
    """The sketch of a four-legged animal."""
    kind = BEASTS[name]

    def sketch(brush: Brush, t: float, look: Look) -> None:
        coat = look.own(kind.coat)
        at = t * look.pace + look.offset
        if look.action == "sleep":
            curled(brush, at, coat, ears=name != "elephant", spots=kind.spots, mane=name == "lion")
        elif look.action == "sit" and name in ("cat", "dog", "lion", "tiger"):
            seated(brush, at, coat, look)
        else:
            _moving(brush, at, look, kind, coat)

    return sketch


def _moving(brush: Brush, t: float, look: Look, kind: Beast, coat: Colour) -> None:
    running = look.action in ("run", "jump", "drive")
    walking = running or look.action in ("walk", "dance", "play", "turn")
    beat = TAU * t * (1.75 if running else 0.8)
    swing = (kind.stride * 1.15 if running else kind.stride * 0.72) if walking else 0.04 * math.sin(t)
    rise = 0.05 * math.sin(beat) if running else 0.008 * math.sin(2 * beat if walking else t * 1.6)
    if look.action == "jump":
        rise += 0.25 * max(0.0, math.sin(beat * 0.5))
    # In a gallop the fore legs go together and then the hind legs; in a walk each leg has its own turn.
    phases = (0.0, 0.5, 2.6, 3.1) if running else (0.0, math.pi, 1.6, 1.6 + math.pi)
    legs = []
    for number, phase in enumerate(phases):
        fore = number < 2
        hip = (kind.hips[0 if fore else 1] + 0.02 * (number % 2), -kind.leg * 0.98 - rise)
        angle = swing * math.sin(beat + phase)
        fold = (-1 if not fore else 1) * -0.9 * swing * max(0.0, math.cos(beat + phase))
        knee = reach(hip, angle - fold * 0.3, kind.leg * 0.5)
        foot = reach(knee, angle + fold, kind.leg * 0.5)
        if not walking:
            foot = (foot[0], 0.0)
        legs.append((hip, knee, foot, number % 2 == 1))
    for far in (True, False):
        for hip, knee, foot, is_far in legs:
            if is_far is not far:
                continue
            shade = 0.32 if far else 0.08
            brush.limb((hip[0], hip[1] - 0.06), knee, kind.thick * 1.5, kind.thick * 0.85, coat, shade)
            brush.limb(knee, foot, kind.thick * 0.8, kind.thick * 0.52, coat, shade)
            brush.oval(foot[0] + 0.012, foot[1] - 0.012, kind.thick * 0.42, kind.thick * 0.24, kind.hoof or coat, shade)
        if far:
            wag = 0.06 * math.sin(beat if walking else t * 2.1)
            path = np.array([(x, y - rise + wag * n) for n, (x, y) in enumerate(kind.tail)])
            stroke = line(path, 5)
            brush.fill(
                ribbon(stroke, np.linspace(kind.tail_width, kind.tail_width * 0.6, len(stroke))),
                coat,
                0.2 if kind.hoof is None else 0.45,
            )
    _body(brush, kind, coat, rise, beat if walking else t)
    for text, colour, shade in kind.head:
        brush.fill(curve_of(text) + (0, -rise * 1.2), coat if colour is None else colour, shade)
    eye = kind.eye[0], kind.eye[1] - rise * 1.2
    brush.oval(*eye, 0.018, 0.02 if (t % 2.9) > 0.12 else 0.003, DARK)


def _body(brush: Brush, kind: Beast, coat: Colour, rise: float, beat: float) -> None:
    body = curve_of(kind.body) + (0, -rise)
    brush.fill(body, coat)
    low = body.copy()
    low[:, 1] = np.maximum(low[:, 1], np.median(body[:, 1]) + 0.02)
    brush.fill(low, coat, 0.14)
    if kind.spots or kind.stripes:
        marks = np.random.default_rng(5)
        left, right = body[:, 0].min() + 0.1, body[:, 0].max() - 0.1
        for n in range(22 if kind.spots else 5):
            x = left + (right - left) * (marks.random() if kind.spots else (n + 0.5) / 5)
            inside = body[np.abs(body[:, 0] - x).argsort()[:6], 1]
            top, bottom = inside.min(), inside.max()
            if kind.spots:
                size = 0.016 if kind.leg < 0.5 else 0.045
                brush.oval(
                    x,
                    top + 0.03 + (bottom - top - 0.06) * marks.random(),
                    size,
                    size * 0.8,
                    lighter(coat, -0.55) if kind.leg < 0.5 else lighter(coat, -0.42),
                )
            else:
                brush.fill(ribbon(np.array([[x, top + 0.01], [x - 0.02, top + 0.1]]), 0.03), coat, 0.35)


def curled(brush: Brush, t: float, coat: Colour, *, ears: bool, spots: bool, mane: bool) -> None:
    """Asleep: a round back that rises and falls, the head on the paws, the tail around."""
    breath = 0.016 * math.sin(t * 1.6)
    back = curve_of("-0.44,0 -0.47,-0.18 -0.3,-0.36 0,-0.42 0.26,-0.32 0.38,-0.14 0.36,0") * (1, 1 + breath * 2)
    brush.fill(back, coat)
    brush.fill(curve_of("-0.4,-0.02 -0.34,-0.22 -0.1,-0.26 0.02,-0.1 -0.06,0"), coat, 0.16)
    if spots:
        marks = np.random.default_rng(3)
        for _ in range(14):
            brush.oval(marks.uniform(-0.35, 0.2), marks.uniform(-0.3, -0.08), 0.018, 0.015, lighter(coat, -0.5))
    elif not mane:
        for x in (-0.2, -0.06, 0.08):
            brush.fill(ribbon(np.array([[x, -0.4 - breath], [x - 0.03, -0.28]]), 0.032), coat, 0.32)
    tail = line(np.array([[-0.42, -0.08], [-0.3, 0.0], [0.0, 0.015], [0.2, -0.02]]), 6)
    brush.fill(ribbon(tail, np.linspace(0.1, 0.07, len(tail))), coat, 0.24)
    if mane:
        brush.fill(curve_of("0.06,-0.1 0.08,-0.34 0.26,-0.46 0.46,-0.4 0.58,-0.2 0.5,0.0 0.2,0.02"), (122, 68, 32))
    if ears:
        brush.fill(curve_of("0.2,-0.26 0.21,-0.42 0.33,-0.32"), coat, 0.2)
        brush.fill(curve_of("0.36,-0.32 0.47,-0.41 0.49,-0.24"), coat, 0.04)
    brush.fill(curve_of("0.16,-0.12 0.2,-0.27 0.34,-0.34 0.48,-0.26 0.53,-0.12 0.44,-0.01 0.26,0.0"), coat, -0.0)
    brush.fill(curve_of("0.42,-0.1 0.54,-0.1 0.5,-0.02 0.42,-0.02"), lighter(coat, 0.5))
    for x in (0.3, 0.43):
        brush.fill(ribbon(line(np.array([[x - 0.035, -0.16], [x, -0.14], [x + 0.035, -0.16]]), 4), 0.012), DARK)
    brush.fill(curve_of("0.47,-0.105 0.51,-0.1 0.49,-0.075"), (190, 100, 96))


def seated(brush: Brush, t: float, coat: Colour, look: Look) -> None:
    """Sitting up, facing us."""
    sway = 0.02 * math.sin(t * 1.1)
    tail = line(np.array([[0.16, -0.05], [0.36, -0.04], [0.42 + sway, -0.2], [0.36 + 2 * sway, -0.34]]), 6)
    brush.fill(ribbon(tail, 0.06), coat, 0.2)
    brush.fill(curve_of("-0.24,0 -0.26,-0.2 -0.14,-0.5 0,-0.58 0.14,-0.5 0.26,-0.2 0.24,0"), coat)
    brush.fill(curve_of("-0.08,-0.02 -0.1,-0.3 0,-0.46 0.1,-0.3 0.08,-0.02"), lighter(coat, 0.4))
    for sign in (-1, 1):
        brush.limb((sign * 0.07, -0.3), (sign * 0.08, -0.03), 0.09, 0.08, coat, 0.08)
    head_front(brush, t, coat, -0.68)


def head_front(brush: Brush, t: float, coat: Colour, y: float) -> None:
    """A cat's or dog's face, as a close-up needs it."""
    for sign in (-1, 1):
        brush.fill(curve_of("-0.2,-0.1 -0.2,-0.3 -0.04,-0.18") * (sign * -1, 1) + (0, y), coat, 0.1)
        brush.fill(curve_of("-0.17,-0.13 -0.175,-0.24 -0.08,-0.17") * (sign * -1, 1) + (0, y), (214, 150, 140))
    brush.fill(ellipse(0, y, 0.22, 0.185, 28), coat)
    brush.oval(0, y + 0.07, 0.12, 0.085, lighter(coat, 0.45))
    blink = 1.0 if (t % 2.6) > 0.14 else 0.1
    look = 0.012 * math.sin(t * 0.9)
    for sign in (-1, 1):
        brush.oval(sign * 0.09, y - 0.02, 0.046, 0.044 * blink, (226, 196, 84))
        brush.oval(sign * 0.09 + look, y - 0.02, 0.018, 0.042 * blink, DARK)
        for n in (-1, 0, 1):
            brush.fill(
                ribbon(np.array([[sign * 0.06, y + 0.07], [sign * 0.28, y + 0.06 + 0.03 * n]]), 0.004), (246, 240, 230)
            )
    brush.fill(curve_of("-0.03,0.03 0.03,0.03 0,0.065") + (0, y), (190, 96, 92))
    brush.fill(ribbon(line(np.array([[-0.05, y + 0.1], [0, y + 0.075], [0.05, y + 0.1]]), 4), 0.01), DARK)


def hare(brush: Brush, t: float, look: Look) -> None:
    coat, at = look.own("a98a68"), t * look.pace + look.offset
    hop = max(0.0, math.sin(TAU * at * 0.9)) if look.action in ("jump", "run", "walk", "dance") else 0.0
    y = -0.3 * hop
    stretch = 0.12 * hop
    brush.limb((-0.2, -0.18 + y), (-0.36 - stretch, -0.04 + y + 0.04 * hop), 0.16, 0.07, coat, 0.18)
    brush.limb((-0.34 - stretch, -0.04 + y), (-0.14 - stretch, -0.02 + y + 0.05 * hop), 0.06, 0.05, coat, 0.1)
    brush.limb((0.2, -0.22 + y), (0.3 + stretch, -0.03 + y), 0.1, 0.055, coat, 0.15)
    brush.fill(curve_of("-0.4,-0.16 -0.32,-0.42 -0.05,-0.46 0.24,-0.38 0.3,-0.22 0.1,-0.1 -0.28,-0.08") + (0, y), coat)
    brush.oval(-0.41, -0.22 + y, 0.075, 0.07, (246, 240, 230))
    for dx, shade in ((-0.05, 0.25), (0.03, 0.0)):
        ear = line(
            np.array(
                [
                    [0.27 + dx, -0.5 + y],
                    [0.2 + dx - 0.1 * hop, -0.7 + y],
                    [0.16 + dx - 0.16 * hop, -0.86 + y + 0.1 * hop],
                ]
            ),
            5,
        )
        brush.fill(ribbon(ear, 0.085 * np.sin(np.linspace(0.6, 3.0, len(ear)))), coat, shade)
    brush.fill(curve_of("0.18,-0.44 0.26,-0.56 0.4,-0.54 0.5,-0.42 0.44,-0.32 0.28,-0.32") + (0, y), coat)
    brush.oval(0.38, -0.46 + y, 0.028, 0.03, DARK)
    brush.oval(0.49, -0.41 + y, 0.016, 0.014, (150, 80, 80))


def bird(brush: Brush, t: float, look: Look) -> None:
    feathers, at = look.own("f2efe8"), t * look.pace + look.offset
    flap = math.sin(TAU * at * (1.3 if look.action != "fall" else 0.4))
    tip = -0.42 * flap
    far = line(np.array([[0.06, -0.06], [-0.06, -0.16 + 0.6 * tip], [-0.26, -0.1 + tip]]), 6)
    brush.fill(ribbon(far, 0.17 * np.sin(np.linspace(0.5, 2.9, len(far)))), feathers, 0.32)
    brush.fill(curve_of("-0.5,0.03 -0.3,-0.04 0,-0.1 0.24,-0.08 0.36,-0.02 0.24,0.05 -0.05,0.09 -0.3,0.04"), feathers)
    brush.fill(curve_of("-0.3,0.02 -0.54,0.0 -0.58,0.06 -0.4,0.07"), feathers, 0.25)
    brush.fill(curve_of("-0.2,0.03 0.1,0.03 0.24,0.02 0.1,0.08 -0.1,0.08"), feathers, 0.15)
    brush.fill(curve_of("0.33,-0.05 0.5,-0.005 0.33,0.02"), "e9a13a")
    brush.oval(0.27, -0.03, 0.02, 0.02, DARK)
    near = line(np.array([[0.1, -0.04], [0.0, -0.1 + 0.7 * tip], [-0.2, -0.02 + 1.25 * tip]]), 7)
    brush.fill(ribbon(near, 0.22 * np.sin(np.linspace(0.5, 2.95, len(near)))), feathers, 0.06)
    end = near[len(near) * 2 // 3 :]
    brush.fill(ribbon(end, 0.19 * np.sin(np.linspace(2.0, 2.95, len(end)))), (60, 64, 76))


def chicken(brush: Brush, t: float, look: Look) -> None:
    feathers, at = look.own("c8693a"), t * look.pace + look.offset
    peck = max(0.0, math.sin(at * 2.4)) * 0.25
    for n, x in enumerate((-0.03, 0.07)):
        step = 0.08 * math.sin(TAU * at + n * math.pi) if look.action in ("walk", "run") else 0
        brush.limb((x, -0.3), (x + step, -0.02), 0.035, 0.025, "e0a03a", 0.1)
        brush.limb((x + step, -0.015), (x + step + 0.09, -0.015), 0.02, 0.012, "e0a03a")
    for n in range(4):
        brush.fill(
            curve_of("-0.26,-0.5 -0.5,-0.86 -0.56,-0.7 -0.34,-0.42") + (0.05 * n, 0.04 * n),
            (46, 74, 70) if n % 2 else feathers,
            0.2,
        )
    brush.fill(
        curve_of("-0.36,-0.52 -0.2,-0.6 0.06,-0.56 0.24,-0.72 0.34,-0.6 0.26,-0.36 0.04,-0.22 -0.24,-0.26"), feathers
    )
    brush.fill(curve_of("-0.26,-0.5 0,-0.52 0.1,-0.38 -0.1,-0.3"), feathers, 0.22)
    x, y = 0.3 + 0.1 * peck, -0.74 + peck
    for dx in (-0.06, 0, 0.06):
        brush.oval(x + dx, y - 0.09, 0.035, 0.05, "d8362e")
    brush.oval(x, y, 0.1, 0.09, feathers, -0.0)
    brush.fill(curve_of("0.08,-0.03 0.2,0.01 0.08,0.05") + (x, y), "e9a13a")
    brush.oval(x + 0.06, y + 0.09, 0.025, 0.05, "d8362e")
    brush.oval(x + 0.03, y - 0.015, 0.018, 0.018, DARK)


def fish(brush: Brush, t: float, look: Look) -> None:
    scales, at = look.own("f08a3c"), t * look.pace + look.offset
    wag = 0.09 * math.sin(TAU * at * 1.2)
    brush.fill(np.array([[-0.3, -0.01], [-0.56, -0.2 + wag], [-0.5, wag], [-0.56, 0.2 + wag]]), scales, 0.2)
    brush.fill(curve_of("-0.05,-0.2 0.02,-0.34 0.2,-0.3 0.22,-0.18"), scales, 0.25)
    brush.fill(curve_of("0.0,0.18 -0.06,0.32 0.12,0.26 0.14,0.16"), scales, 0.3)
    brush.fill(curve_of("-0.36,0.0 -0.2,-0.13 0.06,-0.22 0.32,-0.15 0.46,0.0 0.32,0.15 0.06,0.21 -0.2,0.13"), scales)
    brush.fill(curve_of("-0.2,0.08 0.06,0.1 0.36,0.06 0.3,0.14 0.06,0.2"), lighter(scales, 0.4))
    for x in (-0.1, 0.14):
        brush.fill(ribbon(line(np.array([[x, -0.17], [x + 0.04, 0], [x, 0.17]]), 5), 0.05), (250, 244, 232))
    brush.fill(curve_of("0.05,0.02 -0.1,0.1 0.02,0.14"), scales, 0.3)
    brush.oval(0.33, -0.04, 0.042, 0.042, (252, 250, 244))
    brush.oval(0.34, -0.04, 0.022, 0.022, DARK)


def butterfly(brush: Brush, t: float, look: Look) -> None:
    wings, at = look.own("ee7f26"), t * look.pace + look.offset
    fold = 0.25 + 0.75 * abs(math.cos(TAU * at * 1.4))
    for sign in (-1, 1):
        for text, shade in (
            ("0,-0.02 0.14,-0.34 0.4,-0.44 0.48,-0.22 0.3,0.0", 0.0),
            ("0,0.02 0.26,0.04 0.36,0.22 0.2,0.38 0.05,0.2", 0.12),
        ):
            wing = curve_of(text) * (sign * fold, 1)
            brush.fill(wing, (40, 28, 30))
            middle = wing.mean(0)
            brush.fill((wing - middle) * 0.78 + middle, wings, shade)
        brush.oval(sign * fold * 0.33, -0.3, 0.045 * fold, 0.045, (252, 238, 214))
        brush.fill(
            ribbon(line(np.array([[0, -0.18], [sign * 0.06, -0.32], [sign * 0.13, -0.36]]), 4), 0.012), (40, 28, 30)
        )
    brush.limb((0, -0.18), (0, 0.2), 0.055, 0.035, (40, 28, 30))


def whale(brush: Brush, t: float, look: Look) -> None:
    skin, at = look.own("4a6a86"), t * look.pace + look.offset
    wag = 0.06 * math.sin(TAU * at * 0.5)
    brush.fill(curve_of("-0.4,-0.02 -0.56,-0.16 -0.66,-0.14 -0.54,0.0 -0.64,0.12 -0.52,0.1") + (0, wag), skin, 0.15)
    brush.fill(curve_of("-0.06,-0.16 -0.14,-0.34 0.06,-0.2"), skin, 0.25)
    brush.fill(curve_of("-0.46,0.0 -0.2,-0.14 0.16,-0.2 0.42,-0.12 0.52,0.02 0.4,0.14 0.1,0.2 -0.2,0.12"), skin)
    brush.fill(curve_of("-0.2,0.09 0.1,0.1 0.5,0.05 0.4,0.14 0.1,0.2"), lighter(skin, 0.62))
    for n in range(4):
        groove = np.array(
            [[0.02 + 0.05 * n, 0.175 - 0.012 * n], [0.24 + 0.04 * n, 0.14 - 0.015 * n], [0.42, 0.1 - 0.012 * n]]
        )
        brush.fill(ribbon(line(groove, 4), 0.008), skin)
    brush.fill(curve_of("0.14,0.1 0.04,0.3 0.24,0.2"), skin, 0.3)
    brush.oval(0.36, 0.0, 0.018, 0.02, DARK)


def turtle(brush: Brush, t: float, look: Look) -> None:
    shell, at = look.own("6a7f3c"), t * look.pace + look.offset
    skin = (128, 156, 96)
    stroke = math.sin(TAU * at * 0.55)
    brush.fill(curve_of("0.12,0.02 0.28,0.12 0.1,0.42 0.0,0.3") * (1, 1 + 0.5 * stroke), skin, 0.3)
    brush.limb((-0.3, 0.06), (-0.5, 0.14 + 0.06 * stroke), 0.12, 0.06, skin, 0.15)
    brush.fill(curve_of("0.3,-0.06 0.44,-0.14 0.58,-0.1 0.6,0.0 0.46,0.05 0.32,0.06"), skin)
    brush.fill(curve_of("-0.44,0.06 -0.36,-0.14 -0.1,-0.27 0.16,-0.24 0.34,-0.06 0.36,0.06 0.1,0.12 -0.3,0.12"), shell)
    brush.fill(curve_of("-0.44,0.06 -0.1,0.04 0.36,0.04 0.1,0.12 -0.3,0.12"), (214, 200, 140))
    for x, y in ((-0.2, -0.08), (0.0, -0.12), (0.18, -0.06), (-0.1, 0.0), (0.1, 0.0)):
        brush.fill(curve_of("-0.08,0 -0.04,-0.07 0.05,-0.07 0.08,0 0.03,0.05 -0.04,0.05") + (x, y), shell, 0.28)
    brush.fill(curve_of("0.16,0.02 0.26,0.1 0.02,0.44 -0.06,0.34") * (1, 1 - 0.6 * stroke) + (0.02, 0), skin, 0.05)
    brush.oval(0.5, -0.065, 0.02, 0.022, DARK)


def jellyfish(brush: Brush, t: float, look: Look) -> None:
    bell, at = look.own("d88ac0"), t * look.pace + look.offset
    pulse = 1 + 0.1 * math.sin(TAU * at * 0.6)
    for n in range(7):
        x = -0.27 + 0.09 * n
        reaches = np.linspace(0, 1, 8)
        path = np.array(
            [[x + 0.06 * math.sin(3 * k + at * 2 + n) * k, 0.02 + (0.5 + 0.12 * (n % 3)) * k] for k in reaches]
        )
        stroke = line(path, 4)
        brush.fill(ribbon(stroke, np.linspace(0.04, 0.01, len(stroke))), bell, 0.2 * (n % 2))
    top = curve_of("-0.38,0.04 -0.36,-0.2 -0.16,-0.4 0.16,-0.4 0.36,-0.2 0.38,0.04 0.2,-0.02 0,0.05 -0.2,-0.02")
    brush.fill(top * (pulse, 1.05 / pulse), bell)
    brush.fill(curve_of("-0.26,-0.1 -0.2,-0.28 0,-0.34 -0.04,-0.22") * (pulse, 1), lighter(bell, 0.45))


ANIMALS = {
    **{name: beast(name) for name in BEASTS},
    "hare": hare,
    "bird": bird,
    "chicken": chicken,
    "fish": fish,
    "butterfly": butterfly,
    "whale": whale,
    "turtle": turtle,
    "jellyfish": jellyfish,
}
