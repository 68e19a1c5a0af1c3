"""Vehicles, boats, buildings, products and food: about one unit large, standing on y = 0, vehicles heading right."""

import math

import numpy as np

from tchavi_studio.engines.preview.drawing.brush import Brush, Look, curve_of
from tchavi_studio.engines.preview.drawing.lettering import shaped
from tchavi_studio.engines.preview.drawing.paper import Colour, lighter
from tchavi_studio.engines.preview.drawing.people import TAU, head_profile
from tchavi_studio.engines.preview.drawing.shapes import (
    Outline,
    capsule,
    ellipse,
    line,
    placed,
    points,
    rectangle,
    ribbon,
    smooth,
)

GLASS: Colour = (70, 104, 122)
DARK: Colour = (34, 32, 38)
STEEL: Colour = (176, 182, 190)


def wheel(brush: Brush, x: float, radius: float, angle: float, hub: Colour = (170, 172, 178)) -> None:
    brush.oval(x, -radius, radius, radius, DARK)
    brush.oval(x, -radius, radius * 0.62, radius * 0.62, hub)
    for n in range(5):
        at = angle + TAU * n / 5
        brush.fill(
            ribbon(
                np.array([[x, -radius], [x + 0.58 * radius * math.cos(at), -radius + 0.58 * radius * math.sin(at)]]),
                radius * 0.16,
            ),
            DARK,
        )


def rolling(t: float, look: Look) -> float:
    return TAU * (t * look.pace) * 1.6 if look.action not in ("stand", "sleep") else 0.0


def car(brush: Brush, t: float, look: Look) -> None:
    paint, angle = look.own("c8342c"), rolling(t, look)
    jolt = 0.004 * math.sin(t * 13 + look.offset)
    body = curve_of(
        "-0.5,-0.1 -0.5,-0.24 -0.38,-0.29 -0.24,-0.31 -0.12,-0.43 0.1,-0.44 "
        "0.24,-0.32 0.42,-0.28 0.5,-0.2 0.5,-0.1 0.2,-0.08 -0.2,-0.08"
    ) + (0, jolt)
    brush.fill(body, paint)
    brush.fill(
        curve_of("-0.5,-0.1 -0.5,-0.17 0,-0.18 0.5,-0.16 0.5,-0.1 0.2,-0.08 -0.2,-0.08") + (0, jolt), paint, 0.25
    )
    brush.fill(points("-0.2,-0.31 -0.11,-0.4 -0.03,-0.405 -0.03,-0.31") + (0, jolt), GLASS)
    brush.fill(points("0,-0.31 0,-0.405 0.09,-0.405 0.19,-0.31") + (0, jolt), GLASS)
    brush.fill(points("0.03,-0.31 0.07,-0.4 0.09,-0.4 0.06,-0.31") + (0, jolt), lighter(GLASS, 0.35))
    brush.fill(ribbon(np.array([[-0.48, -0.235], [0.46, -0.225]]) + (0, jolt), 0.012), lighter(paint, 0.35))
    brush.fill(rectangle(-0.1, -0.26, -0.05, -0.25) + (0, jolt), DARK)
    brush.shine(ellipse(0.475, -0.205 + jolt, 0.024, 0.022, 14), (255, 240, 190))
    brush.shine(ellipse(-0.485, -0.21 + jolt, 0.018, 0.02, 14), (232, 52, 44))
    for x in (-0.29, 0.3):
        brush.oval(x, -0.1, 0.115, 0.115, DARK)
        wheel(brush, x, 0.1, angle)


def bus(brush: Brush, t: float, look: Look) -> None:
    paint, angle = look.own("f0b429"), rolling(t, look)
    jolt = 0.005 * math.sin(t * 11 + look.offset)
    brush.fill(
        curve_of("-0.5,-0.08 -0.51,-0.5 -0.47,-0.56 0.36,-0.56 0.46,-0.5 0.51,-0.28 0.51,-0.08") + (0, jolt), paint
    )
    brush.fill(rectangle(-0.5, -0.2, 0.508, -0.08) + (0, jolt), paint, 0.22)
    brush.fill(rectangle(-0.5, -0.25, 0.51, -0.22) + (0, jolt), (52, 66, 92))
    for n in range(5):
        brush.fill(rectangle(-0.45 + 0.155 * n, -0.47, -0.32 + 0.155 * n, -0.29) + (0, jolt), GLASS)
        brush.oval(-0.385 + 0.155 * n, -0.33 + jolt, 0.036, 0.044, ((110, 70, 50), (86, 54, 40), (140, 92, 64))[n % 3])
    brush.fill(points("0.34,-0.47 0.43,-0.47 0.485,-0.29 0.34,-0.29") + (0, jolt), GLASS)
    for n, x in enumerate((-0.34, -0.16, 0.02)):
        brush.fill(
            rectangle(x, -0.64 - 0.02 * n, x + 0.16, -0.56) + (0, jolt),
            ((160, 80, 50), (70, 110, 90), (190, 150, 90))[n],
        )
    brush.shine(ellipse(0.49, -0.17 + jolt, 0.024, 0.024, 14), (255, 240, 190))
    for x in (-0.3, 0.3):
        wheel(brush, x, 0.095, angle)


def rider(
    brush: Brush, t: float, look: Look, seat: tuple[float, float], grip: tuple[float, float], pedal: tuple[float, float]
) -> None:
    """Somebody on two wheels."""
    size = 0.95
    chest = (seat[0] + 0.13 * size, seat[1] - 0.27 * size)
    knee = ((seat[0] + pedal[0]) / 2 + 0.13, (seat[1] + pedal[1]) / 2 - 0.06)
    brush.limb(seat, knee, 0.1, 0.075, look.second)
    brush.limb(knee, pedal, 0.07, 0.05, look.second, 0.1)
    brush.limb(pedal, (pedal[0] + 0.06, pedal[1] + 0.01), 0.045, 0.035, DARK)
    brush.fill(capsule(chest, seat, 0.15, 0.13), look.cloth)
    head_profile(brush, (chest[0] + 0.05, chest[1] - 0.125), look.skin, look.cloth, "man", look, t)
    elbow = ((chest[0] + grip[0]) / 2, (chest[1] + grip[1]) / 2 + 0.05)
    brush.limb(chest, elbow, 0.062, 0.05, look.cloth, 0.12)
    brush.limb(elbow, grip, 0.045, 0.036, look.skin)


def motorbike(brush: Brush, t: float, look: Look) -> None:
    paint, angle = look.own("2f63c0"), rolling(t, look)
    wheel(brush, -0.3, 0.15, angle)
    wheel(brush, 0.33, 0.15, angle)
    brush.limb((0.33, -0.15), (0.2, -0.5), 0.035, 0.03, STEEL)
    brush.limb((-0.3, -0.15), (0.02, -0.2), 0.04, 0.05, STEEL)
    brush.fill(curve_of("-0.14,-0.14 -0.14,-0.28 0.12,-0.3 0.16,-0.16 0.04,-0.1"), (92, 96, 106))
    brush.limb((-0.42, -0.12), (0.0, -0.14), 0.045, 0.035, STEEL, 0.2)
    brush.fill(curve_of("-0.36,-0.34 -0.1,-0.36 0.0,-0.42 0.18,-0.42 0.24,-0.32 0.08,-0.26 -0.3,-0.28"), paint)
    brush.fill(curve_of("-0.36,-0.36 -0.06,-0.36 -0.06,-0.41 -0.34,-0.42"), DARK)
    brush.shine(ellipse(0.27, -0.43, 0.04, 0.036, 14), (255, 240, 190))
    rider(brush, t, look, (-0.16, -0.44), (0.17, -0.54), (0.04, -0.14))


def bicycle(brush: Brush, t: float, look: Look) -> None:
    angle, paint = rolling(t, look), look.own("d8443a")
    for x in (-0.3, 0.32):
        for radius, colour in ((0.2, DARK),):
            ring = np.concatenate([ellipse(x, -0.2, radius, steps=28), ellipse(x, -0.2, radius, steps=28)[:1]])
            brush.fill(ribbon(ring, 0.022), colour)
        for n in range(8):
            at = angle + TAU * n / 8
            brush.fill(
                ribbon(np.array([[x, -0.2], [x + 0.19 * math.cos(at), -0.2 + 0.19 * math.sin(at)]]), 0.005), STEEL
            )
    for a, b in (
        ((-0.3, -0.2), (-0.02, -0.2)),
        ((-0.3, -0.2), (-0.13, -0.44)),
        ((-0.02, -0.2), (-0.13, -0.44)),
        ((-0.13, -0.44), (0.22, -0.46)),
        ((-0.02, -0.2), (0.22, -0.46)),
        ((0.32, -0.2), (0.22, -0.54)),
    ):
        brush.limb(a, b, 0.026, 0.026, paint)
    brush.limb((-0.2, -0.47), (-0.06, -0.47), 0.04, 0.03, DARK)
    brush.limb((0.2, -0.55), (0.28, -0.56), 0.03, 0.026, DARK)
    pedal = (-0.02 + 0.08 * math.cos(angle * 0.5), -0.2 + 0.08 * math.sin(angle * 0.5))
    rider(brush, t, look, (-0.13, -0.5), (0.25, -0.57), pedal)


def train(brush: Brush, t: float, look: Look) -> None:
    paint, angle = look.own("2f6f86"), rolling(t, look)
    for n in range(3):
        x = -0.98 * n
        nose = (
            "-0.46,-0.06 -0.46,-0.42 0.3,-0.42 0.42,-0.3 0.5,-0.12 0.5,-0.06"
            if n == 0
            else "-0.47,-0.06 -0.47,-0.42 0.47,-0.42 0.47,-0.06"
        )
        brush.fill(points(nose) + (x, 0), paint)
        brush.fill(rectangle(x - 0.47, -0.19, x + 0.47, -0.155), (240, 220, 170))
        for k in range(5 if n else 4):
            pane = rectangle(x - 0.42 + 0.17 * k, -0.36, x - 0.3 + 0.17 * k, -0.22)
            if brush.grade.lamps > 0.25:
                brush.shine(pane, (255, 222, 150))
            else:
                brush.fill(pane, GLASS)
        for at in (-0.32, -0.18, 0.18, 0.32):
            wheel(brush, x + at, 0.052, angle * 2)
    brush.fill(points("0.3,-0.38 0.38,-0.3 0.44,-0.2 0.3,-0.2"), GLASS)
    brush.shine(ellipse(0.47, -0.12, 0.022, 0.022, 14), (255, 244, 200))
    brush.fill(rectangle(-4, -0.004, 4, 0.012), (96, 84, 78))


def plane(brush: Brush, t: float, look: Look) -> None:
    paint = look.own("f1f0ec")
    brush.fill(points("-0.1,-0.06 -0.3,-0.3 -0.2,-0.3 0.12,-0.07"), paint, 0.35)
    brush.fill(points("-0.44,-0.05 -0.56,-0.3 -0.46,-0.3 -0.3,-0.07"), (214, 68, 58))
    brush.fill(curve_of("-0.54,-0.06 -0.4,-0.1 0.2,-0.12 0.44,-0.08 0.54,0.0 0.4,0.06 -0.1,0.07 -0.4,0.02"), paint)
    brush.fill(curve_of("-0.5,-0.03 0.2,-0.01 0.52,0.01 0.4,0.06 -0.1,0.07 -0.4,0.02"), paint, 0.2)
    for n in range(9):
        brush.oval(-0.28 + 0.065 * n, -0.045, 0.014, 0.018, GLASS)
    brush.fill(points("0.38,-0.075 0.45,-0.055 0.46,-0.02 0.38,-0.03"), GLASS)
    brush.fill(points("-0.06,0.02 -0.34,0.26 -0.22,0.26 0.16,0.04"), paint, 0.08)
    brush.fill(capsule((-0.14, 0.14), (0.0, 0.14), 0.07, 0.06), (150, 156, 168))


def rocket(brush: Brush, t: float, look: Look) -> None:
    flicker = 1 + 0.18 * math.sin(t * 31) + 0.1 * math.sin(t * 53)
    if look.action in ("rise", "fly", "run", "drive", ""):
        for width, length, colour in (
            (0.13, 0.55, (255, 130, 50)),
            (0.09, 0.42, (255, 190, 80)),
            (0.05, 0.26, (255, 246, 214)),
        ):
            brush.shine(curve_of("-1,0 -0.8,0.35 0,1 0.8,0.35 1,0") * (width, length * flicker) + (0, -0.04), colour)
    paint = look.own("f1f0ec")
    for sign in (-1, 1):
        brush.fill(curve_of("0.1,-0.34 0.26,-0.08 0.25,0.02 0.1,-0.06") * (sign, 1), (214, 68, 58), 0.12 * (sign < 0))
    brush.fill(curve_of("-0.13,-0.04 -0.15,-0.5 -0.1,-0.8 0,-1.0 0.1,-0.8 0.15,-0.5 0.13,-0.04"), paint)
    brush.fill(curve_of("-0.13,-0.04 -0.15,-0.5 -0.1,-0.8 -0.03,-0.94 -0.06,-0.5 -0.05,-0.04"), paint, 0.22)
    brush.fill(curve_of("-0.11,-0.78 0,-1.0 0.11,-0.78 0,-0.76"), (214, 68, 58))
    brush.fill(rectangle(-0.14, -0.2, 0.14, -0.16), (214, 68, 58))
    brush.oval(0, -0.58, 0.065, 0.065, (150, 156, 168))
    brush.oval(0, -0.58, 0.046, 0.046, GLASS)


def rocked(t: float, look: Look) -> float:
    return 0.045 * math.sin(t * 1.3 + look.offset * 3)


def wake(brush: Brush, half: float) -> None:
    """The water that closes over a hull."""
    for n in range(3):
        brush.fill(
            ribbon(
                line(
                    np.array(
                        [
                            [-half * (1.05 - 0.2 * n), 0.03 + 0.02 * n],
                            [0, 0.045 + 0.02 * n],
                            [half * (1.0 - 0.22 * n), 0.03 + 0.02 * n],
                        ]
                    ),
                    6,
                ),
                0.008,
            ),
            (214, 232, 236),
        )


def boat(brush: Brush, t: float, look: Look) -> None:
    """A pirogue with somebody who paddles or fishes."""
    paint, roll = look.own("9a5a34"), rocked(t, look)
    brush.turn = roll * 0.6
    stroke = math.sin(TAU * t * 0.4 * look.pace)
    chest = (-0.12 + 0.03 * stroke, -0.4)
    brush.limb((-0.14, -0.12), chest, 0.11, 0.13, look.cloth)
    head_profile(brush, (chest[0] + 0.02, chest[1] - 0.12), look.skin, look.cloth, "man", look, t)
    brush.fill(points("-0.24,-0.62 0.02,-0.62 -0.11,-0.72") + (0.03 * stroke + 0.02, 0.09), (214, 178, 110))
    hand = (0.04 + 0.05 * stroke, -0.3)
    brush.limb((hand[0] + 0.02, hand[1] - 0.16), (hand[0] + 0.1 + 0.12 * stroke, 0.06), 0.018, 0.018, (110, 74, 46))
    brush.limb(chest, hand, 0.05, 0.036, look.skin)
    brush.fill(
        curve_of(
            "-0.56,-0.2 -0.48,-0.13 -0.2,-0.1 0.2,-0.1 0.44,-0.14 0.6,-0.24 0.5,-0.04 0.3,0.03 -0.3,0.03 -0.48,-0.03"
        ),
        paint,
    )
    brush.fill(curve_of("-0.48,-0.03 -0.3,-0.01 0.3,-0.01 0.5,-0.05 0.3,0.03 -0.3,0.03"), paint, 0.3)
    brush.fill(
        ribbon(line(np.array([[-0.54, -0.18], [-0.2, -0.085], [0.2, -0.085], [0.57, -0.22]]), 6), 0.022), (226, 176, 70)
    )
    for x in (-0.32, -0.16, 0.0, 0.16, 0.32):
        brush.fill(placed(points("-0.03,0 0,-0.025 0.03,0 0,0.025"), x, -0.045), (47, 127, 134))
    wake(brush, 0.5)


def sailboat(brush: Brush, t: float, look: Look) -> None:
    brush.turn = rocked(t, look)
    swell = 0.05 * math.sin(t * 0.9)
    brush.limb((0.02, -0.1), (0.02, -0.98), 0.02, 0.012, (110, 74, 46))
    sail = look.own("f6efe0")
    brush.fill(curve_of(f"0.0,-0.96 -0.16,-0.6 {-0.34 - swell},-0.2 -0.3,-0.16 0.0,-0.18"), sail, 0.08)
    brush.fill(curve_of(f"0.05,-0.9 {0.2 + swell},-0.5 0.42,-0.2 0.05,-0.2"), look.colour or (216, 68, 58))
    for y in (-0.4, -0.6):
        brush.fill(ribbon(np.array([[-0.2, y], [-0.01, y - 0.03]]), 0.008), sail, 0.3)
    brush.fill(curve_of("-0.44,-0.13 -0.3,-0.1 0.3,-0.1 0.54,-0.14 0.36,0.03 -0.3,0.03"), (92, 54, 40))
    brush.fill(ribbon(np.array([[-0.4, -0.1], [0.47, -0.1]]), 0.025), (240, 226, 200))
    wake(brush, 0.44)


def ship(brush: Brush, t: float, look: Look) -> None:
    brush.turn = rocked(t, look) * 0.25
    for n in range(8):
        for level in range(1 + (n * 5) % 3):
            brush.fill(
                rectangle(-0.24 + 0.085 * n, -0.23 - 0.07 * level, -0.16 + 0.085 * n, -0.165 - 0.07 * level),
                ((216, 68, 58), (47, 127, 134), (226, 176, 70), (110, 120, 140))[(n + level) % 4],
            )
    brush.fill(rectangle(-0.45, -0.4, -0.3, -0.16), "f1f0ec")
    for k in range(3):
        brush.fill(rectangle(-0.44, -0.385 + 0.06 * k, -0.31, -0.36 + 0.06 * k), GLASS)
    brush.fill(rectangle(-0.41, -0.5, -0.35, -0.4), (216, 68, 58))
    brush.fill(points("-0.54,-0.17 0.62,-0.17 0.5,0.03 -0.46,0.03"), look.own("3a4a66"))
    brush.fill(points("-0.49,-0.04 0.545,-0.04 0.5,0.03 -0.46,0.03"), (150, 52, 46))
    wake(brush, 0.54)


# ---- Products --------------------------------------------------------------------------------------------------------


def glint(brush: Brush, outline: Outline, t: float) -> None:
    brush.shine(outline, (255, 252, 244))


def perfume(brush: Brush, t: float, look: Look) -> None:
    scent = look.own("e2a85a")
    brush.fill(
        curve_of("-0.26,-0.02 -0.28,-0.56 -0.22,-0.63 0.22,-0.63 0.28,-0.56 0.26,-0.02 0,0"), lighter(scent, 0.45)
    )
    brush.fill(curve_of("-0.21,-0.06 -0.22,-0.44 0,-0.46 0.22,-0.44 0.21,-0.06 0,-0.045"), scent)
    brush.fill(curve_of("0.04,-0.055 0.05,-0.45 0.22,-0.44 0.21,-0.06"), scent, 0.16)
    brush.fill(rectangle(-0.12, -0.32, 0.12, -0.16), "f8f1e4")
    brush.fill(rectangle(-0.08, -0.255, 0.08, -0.245), DARK)
    brush.fill(rectangle(-0.05, -0.225, 0.05, -0.218), DARK)
    brush.fill(rectangle(-0.08, -0.7, 0.08, -0.62), (214, 176, 92))
    brush.fill(curve_of("-0.12,-0.69 -0.13,-0.94 -0.08,-0.98 0.08,-0.98 0.13,-0.94 0.12,-0.69"), (52, 44, 48))
    brush.fill(rectangle(-0.09, -0.93, -0.055, -0.73), (120, 110, 112))
    glint(brush, placed(points("-0.02,-0.2 0.02,-0.2 0.012,0.2 -0.028,0.2"), -0.2, -0.32), t)
    sweep = ((t * 0.35) % 1) * 0.5 - 0.25
    glint(brush, points(f"{sweep},-0.6 {sweep + 0.02},-0.6 {sweep - 0.03},-0.48 {sweep - 0.05},-0.48"), t)


def bottle(brush: Brush, t: float, look: Look) -> None:
    glass = look.own("2f6b45")
    brush.fill(
        curve_of(
            "-0.15,0 -0.15,-0.5 -0.12,-0.6 -0.05,-0.7 -0.05,-0.96 0.05,-0.96 0.05,-0.7 0.12,-0.6 0.15,-0.5 0.15,0"
        ),
        glass,
    )
    brush.fill(curve_of("0.04,0 0.04,-0.5 0.03,-0.66 0.05,-0.7 0.12,-0.6 0.15,-0.5 0.15,0"), glass, 0.25)
    brush.fill(rectangle(-0.15, -0.42, 0.15, -0.16), "f4e8d0")
    brush.fill(rectangle(-0.1, -0.34, 0.1, -0.3), (180, 60, 50))
    brush.fill(rectangle(-0.06, -1.0, 0.06, -0.86), (180, 60, 50))
    glint(brush, placed(rectangle(-0.014, -0.2, 0.014, 0.2), -0.1, -0.68 + 0.1), t)


def cup(brush: Brush, t: float, look: Look) -> None:
    china = look.own("f1e8da")
    brush.oval(0, -0.03, 0.46, 0.06, china, 0.12)
    brush.oval(0, -0.045, 0.34, 0.035, china, 0.28)
    handle = line(points("0.24,-0.42 0.44,-0.42 0.42,-0.2 0.2,-0.16"), 6)
    brush.fill(ribbon(handle, 0.055), china, 0.1)
    brush.fill(curve_of("-0.3,-0.52 -0.27,-0.2 -0.16,-0.05 0.16,-0.05 0.27,-0.2 0.3,-0.52"), china)
    brush.fill(curve_of("0.06,-0.5 0.1,-0.2 0.08,-0.05 0.16,-0.05 0.27,-0.2 0.3,-0.52"), china, 0.14)
    brush.oval(0, -0.52, 0.3, 0.065, china, 0.05)
    brush.oval(0, -0.515, 0.265, 0.05, (84, 48, 30))
    brush.oval(-0.05, -0.52, 0.12, 0.02, (150, 100, 64))
    brush.fill(ribbon(line(points("-0.28,-0.34 0,-0.3 0.28,-0.34"), 5), 0.05), (200, 88, 60))
    for n in range(3):
        rise = (t * 0.35 + n / 3) % 1
        x = -0.1 + 0.1 * n
        path = np.array(
            [[x + 0.05 * math.sin(4 * at + t * 1.6 + n), -0.56 - 0.42 * at - 0.1 * rise] for at in np.linspace(0, 1, 8)]
        )
        brush.shine(ribbon(line(path, 4), 0.024 * np.sin(np.linspace(0.2, 3.0, 29))), (236, 232, 226))


def phone(brush: Brush, t: float, look: Look) -> None:
    brush.fill(
        curve_of("-0.24,-0.04 -0.24,-0.94 -0.19,-1.0 0.19,-1.0 0.24,-0.94 0.24,-0.04 0.19,0 -0.19,0"),
        look.own("26242b"),
    )
    brush.shine(rectangle(-0.205, -0.94, 0.205, -0.06), (52, 116, 150))
    brush.shine(points("-0.205,-0.06 -0.205,-0.4 0.0,-0.6 0.205,-0.36 0.205,-0.06"), (236, 150, 92))
    brush.shine(ellipse(0.08, -0.66, 0.07, steps=20), (255, 226, 160))
    for row in range(2):
        for n in range(3):
            brush.shine(
                ellipse(-0.12 + 0.12 * n, -0.3 + 0.13 * row, 0.036, steps=14),
                ((250, 246, 236), (250, 210, 110), (130, 214, 190))[(n + row) % 3],
            )
    brush.fill(rectangle(-0.05, -0.975, 0.05, -0.96), (90, 90, 98))


def watch(brush: Brush, t: float, look: Look) -> None:
    strap = look.own("5a3826")
    brush.fill(points("-0.15,-0.02 -0.13,-0.34 0.13,-0.34 0.15,-0.02"), strap)
    brush.fill(points("-0.13,-0.66 -0.15,-1.0 0.15,-1.0 0.13,-0.66"), strap, 0.1)
    brush.oval(0, -0.5, 0.3, 0.3, (208, 170, 96))
    brush.oval(0, -0.5, 0.25, 0.25, "f7f1e4")
    brush.fill(rectangle(0.29, -0.53, 0.345, -0.47), (208, 170, 96))
    for n in range(12):
        at = TAU * n / 12
        brush.oval(0.21 * math.sin(at), -0.5 - 0.21 * math.cos(at), 0.012, 0.012, DARK)
    for angle, length, width, colour in (
        (1.0 + t * 0.02, 0.12, 0.026, DARK),
        (5.2 + t * 0.1, 0.18, 0.018, DARK),
        (t * TAU / 6, 0.2, 0.008, (200, 60, 50)),
    ):
        brush.fill(
            ribbon(np.array([[0, -0.5], [length * math.sin(angle), -0.5 - length * math.cos(angle)]]), width), colour
        )


def shoe(brush: Brush, t: float, look: Look) -> None:
    upper = look.own("e0553e")
    brush.fill(curve_of("-0.5,-0.02 -0.5,-0.1 0.2,-0.1 0.5,-0.1 0.53,-0.04 0.4,0 -0.4,0"), "f6f1e6")
    brush.fill(
        curve_of("-0.46,-0.1 -0.48,-0.38 -0.36,-0.46 -0.2,-0.38 -0.02,-0.4 0.16,-0.26 0.42,-0.22 0.5,-0.1"), upper
    )
    brush.fill(curve_of("0.24,-0.1 0.26,-0.24 0.42,-0.22 0.5,-0.1"), upper, 0.2)
    brush.fill(ribbon(line(points("-0.36,-0.14 -0.1,-0.2 0.16,-0.18"), 5), 0.05), "f6f1e6")
    for n in range(4):
        brush.fill(
            ribbon(np.array([[-0.1 + 0.075 * n, -0.37 + 0.045 * n], [-0.02 + 0.075 * n, -0.28 + 0.02 * n]]), 0.022),
            "f6f1e6",
        )


def book(brush: Brush, t: float, look: Look) -> None:
    turn = (math.sin(t * 0.9) + 1) / 2
    brush.fill(points("-0.52,-0.02 -0.5,-0.5 0,-0.44 0.5,-0.5 0.52,-0.02 0,0.04"), look.own("8a3a34"))
    for sign in (-1, 1):
        brush.fill(
            points(f"0,0 0,-0.44 {sign * 0.24},-0.52 {sign * 0.46},-0.48 {sign * 0.47},-0.06 {sign * 0.24},-0.09"),
            "f6eedc",
            0.1 * (sign < 0),
        )
        for n in range(5):
            brush.fill(
                ribbon(
                    np.array([[0.07, -0.4], [0.22, -0.44], [0.4, -0.42]]) * (sign, 1) + (0, 0.07 * n),
                    0.012,
                ),
                (150, 140, 126),
            )
    lift = 0.4 * math.cos(turn * math.pi)
    brush.fill(points(f"0,0 0,-0.44 {lift * 0.6},-0.66 {lift},-0.6 {lift},-0.18 {lift * 0.6},-0.22"), "fffaf0")


def ball(brush: Brush, t: float, look: Look) -> None:
    hop = abs(math.sin(t * 3.2)) * 0.9 if look.action in ("jump", "fall", "play", "run", "fly", "") else 0
    y, angle = -0.5 - hop, t * 2.6
    brush.oval(0, y, 0.5, 0.5, look.own("f6f4ee"))
    brush.fill(
        np.concatenate([ellipse(0, y, 0.5, steps=40)[8:31], ellipse(0.16, y - 0.08, 0.5, steps=40)[8:31][::-1]]),
        (200, 200, 204),
    )
    for n in range(5):
        at = angle + TAU * n / 5
        spot = (0.33 * math.cos(at), y + 0.33 * math.sin(at))
        brush.fill(placed(points("0,-0.13 0.12,-0.04 0.08,0.1 -0.08,0.1 -0.12,-0.04"), *spot, turn=at), DARK)
    brush.fill(placed(points("0,-0.14 0.13,-0.04 0.08,0.11 -0.08,0.11 -0.13,-0.04"), 0, y, turn=angle), DARK)


def fruit(brush: Brush, t: float, look: Look) -> None:
    for x, y, r, colour in (
        (-0.26, -0.3, 0.17, "d8443a"),
        (0.26, -0.3, 0.17, "7fa43a"),
        (0.0, -0.34, 0.19, "ee8f2c"),
        (-0.13, -0.54, 0.16, "f0c33a"),
        (0.15, -0.54, 0.16, "d8643a"),
    ):
        own = look.own(colour)
        brush.oval(x, y, r, r, own)
        brush.oval(x - 0.05, y - 0.06, r * 0.42, r * 0.34, lighter(own, 0.3))
        brush.fill(ribbon(np.array([[x, y - r * 0.85], [x + 0.03, y - r * 1.3]]), 0.018), (92, 62, 42))
        brush.fill(curve_of("0,0 0.07,-0.05 0.13,-0.01 0.06,0.03") + (x + 0.02, y - r * 1.15), "4f8a3c")
    vessel(brush, (180, 110, 70))


def vessel(brush: Brush, colour: Colour) -> None:
    brush.fill(curve_of("-0.5,-0.28 -0.42,-0.1 -0.2,-0.01 0.2,-0.01 0.42,-0.1 0.5,-0.28 0,-0.24"), colour)
    brush.fill(curve_of("0.1,-0.25 0.14,-0.08 0.1,-0.01 0.2,-0.01 0.42,-0.1 0.5,-0.28"), colour, 0.16)
    brush.fill(ribbon(line(points("-0.44,-0.19 0,-0.13 0.44,-0.19"), 6), 0.03), lighter(colour, 0.45))


def bowl(brush: Brush, t: float, look: Look) -> None:
    brush.fill(curve_of("-0.44,-0.24 -0.34,-0.42 -0.1,-0.52 0.14,-0.5 0.36,-0.4 0.44,-0.24"), "e88a3c")
    marks = np.random.default_rng(4)
    for n in range(26):
        x = marks.uniform(-0.36, 0.36)
        y = -0.28 - (0.2 - 0.5 * x * x) * marks.random()
        brush.oval(x, y, 0.03, 0.016, ("f2c06a", "d8643a", "f6dca0")[n % 3])
    for x, y in ((-0.16, -0.44), (0.12, -0.46), (0.02, -0.36)):
        brush.fill(curve_of("0,0 0.07,-0.07 0.15,-0.05 0.08,0.02") + (x, y), "4f8a3c")
    brush.oval(0.2, -0.38, 0.09, 0.06, "d8443a")
    vessel(brush, look.own("2f6f86"))
    for n in range(3):
        path = np.array(
            [
                [-0.15 + 0.15 * n + 0.05 * math.sin(4 * at + t * 1.5 + n), -0.56 - 0.4 * at]
                for at in np.linspace(0, 1, 8)
            ]
        )
        brush.shine(ribbon(line(path, 4), 0.02 * np.sin(np.linspace(0.2, 3.0, 29))), (236, 232, 226))


def bread(brush: Brush, t: float, look: Look) -> None:
    crust = look.own("c8843c")
    brush.fill(curve_of("-0.52,-0.12 -0.4,-0.34 0,-0.42 0.4,-0.34 0.52,-0.12 0.36,-0.01 -0.36,-0.01"), crust)
    brush.fill(curve_of("-0.48,-0.1 0,-0.1 0.48,-0.1 0.36,-0.01 -0.36,-0.01"), crust, 0.25)
    for n in range(4):
        brush.fill(
            curve_of("-0.07,0.07 0.0,-0.09 0.07,-0.11 0.02,0.04") + (-0.27 + 0.18 * n, -0.25), lighter(crust, 0.5)
        )


def cake(brush: Brush, t: float, look: Look) -> None:
    icing = look.own("f0a6b8")
    brush.oval(0, -0.03, 0.54, 0.06, "e8e0d4")
    brush.fill(rectangle(-0.42, -0.34, 0.42, -0.04), "f2dcae")
    brush.fill(rectangle(-0.42, -0.2, 0.42, -0.16), (150, 70, 52))
    brush.fill(rectangle(-0.28, -0.6, 0.28, -0.34), "f2dcae")
    for half, y in ((0.42, -0.34), (0.28, -0.6)):
        drip = [[-half, y - 0.05], [half, y - 0.05]]
        for n in range(9, -1, -1):
            x = -half + 2 * half * n / 9
            drip += [[x, y + (0.1 if n % 2 else 0.03)]]
        brush.fill(np.array(drip), icing)
        brush.oval(0, y - 0.05, half, 0.035, lighter(icing, 0.25))
    for n in range(5):
        x = -0.2 + 0.1 * n
        brush.fill(rectangle(x - 0.012, -0.84, x + 0.012, -0.64), ((90, 160, 190), (240, 200, 90))[n % 2])
        brush.shine(
            curve_of("-0.02,0 0,-0.09 0.02,0 0,0.02") * (1, 1 + 0.2 * math.sin(t * 17 + n)) + (x, -0.86),
            (255, 214, 110),
        )


def burger(brush: Brush, t: float, look: Look) -> None:
    drop = max(0.0, 0.7 - t * 0.9) if look.action == "fall" else 0.0
    brush.fill(curve_of("-0.46,-0.02 -0.48,-0.14 -0.4,-0.17 0.4,-0.17 0.48,-0.14 0.46,-0.02 0,0"), "d99a4c")
    gap = drop * 0.25
    brush.fill(curve_of("-0.5,-0.2 -0.46,-0.32 0.46,-0.32 0.5,-0.2 0,-0.17") + (0, -gap), "6a3a24")
    brush.fill(points("-0.48,-0.33 0.48,-0.33 0.3,-0.2 0.16,-0.33") + (0, -gap * 2), "f2b53a")
    brush.fill(rectangle(-0.46, -0.4, 0.46, -0.34) + (0, -gap * 3), "d8443a")
    leaf = [[-0.52, -0.42 - gap * 4], [0.52, -0.42 - gap * 4]]
    leaf += [[0.52 - 0.104 * n, -0.34 - 0.05 * (n % 2) - gap * 4] for n in range(11)]
    brush.fill(np.array(leaf), "6fa83c")
    brush.fill(
        curve_of("-0.48,-0.44 -0.44,-0.66 -0.2,-0.8 0.2,-0.8 0.44,-0.66 0.48,-0.44 0,-0.42") + (0, -gap * 5), "d99a4c"
    )
    brush.fill(curve_of("-0.3,-0.68 -0.14,-0.76 0.1,-0.76 -0.1,-0.7") + (0, -gap * 5), "efc07c")
    for x, y in ((-0.24, -0.6), (-0.06, -0.7), (0.12, -0.62), (0.28, -0.66), (0.02, -0.56)):
        brush.oval(x, y - gap * 5, 0.024, 0.014, "f8ecd0")


def flower(brush: Brush, t: float, look: Look) -> None:
    sway = 0.04 * math.sin(t * 1.3 + look.offset)
    head = (sway * 1.6, -0.74)
    stem = line(np.array([[0, 0], [0.03 + sway * 0.5, -0.36], head]), 6)
    brush.fill(ribbon(stem, 0.03), "4c7a3c")
    for sign, y in ((1, -0.3), (-1, -0.2)):
        brush.fill(curve_of("0,0 0.12,-0.12 0.3,-0.13 0.18,0.0") * (sign, 1) + (0.01, y), "5a8c46", 0.12 * (sign < 0))
    petals = look.own("f2c02c")
    for ring, length in ((1, 0.27), (0, 0.22)):
        for n in range(13):
            at = TAU * (n + 0.5 * ring) / 13
            tip = (head[0] + length * math.cos(at), head[1] + length * math.sin(at))
            brush.limb(
                (head[0] + 0.08 * math.cos(at), head[1] + 0.08 * math.sin(at)), tip, 0.075, 0.025, petals, 0.22 * ring
            )
    brush.oval(*head, 0.115, 0.115, (92, 56, 30))
    brush.oval(*head, 0.075, 0.075, (64, 38, 24))


def tree(brush: Brush, t: float, look: Look) -> None:
    brush.fill(curve_of("-0.08,0 -0.05,-0.3 -0.04,-0.5 0.04,-0.5 0.05,-0.3 0.09,0"), "6a4a34")
    for start, end in (((0, -0.4), (-0.2, -0.62)), ((0, -0.45), (0.2, -0.66))):
        brush.limb(start, end, 0.045, 0.02, "6a4a34", 0.1)
    green = look.own("4f8a4c")
    for n, (x, y, r, shade) in enumerate(
        (
            (-0.22, -0.62, 0.2, 0.2),
            (0.23, -0.62, 0.2, 0.16),
            (0, -0.68, 0.27, 0.08),
            (-0.1, -0.86, 0.19, 0.0),
            (0.13, -0.84, 0.18, 0.0),
        )
    ):
        angle = np.linspace(0, TAU, 50, endpoint=False)
        swell = r * (1 + 0.1 * np.abs(np.sin(angle * 4.5 + n)) + 0.012 * np.sin(angle * 3 + t * 1.5 + n))
        brush.fill(
            np.stack([x + 0.01 * math.sin(t * 1.1 + n) + swell * np.cos(angle), y + 0.86 * swell * np.sin(angle)], 1),
            green,
            shade,
        )


def house(brush: Brush, t: float, look: Look) -> None:
    wall = look.own("e6c79a")
    brush.fill(rectangle(-0.42, -0.5, 0.42, 0), wall)
    brush.fill(rectangle(-0.42, -0.5, -0.12, 0), wall, 0.14)
    brush.fill(points("-0.52,-0.48 0,-0.92 0.52,-0.48"), "a8483a")
    brush.fill(points("0,-0.92 0.52,-0.48 0.12,-0.48"), "a8483a", 0.18)
    brush.fill(rectangle(0.2, -0.92, 0.3, -0.68), "8a4a3c")
    brush.fill(rectangle(-0.08, -0.32, 0.1, 0), "5a3a2a")
    for x in (-0.32, 0.2):
        (brush.shine if brush.grade.lamps > 0.25 else brush.fill)(
            rectangle(x, -0.38, x + 0.14, -0.2), (255, 214, 140) if brush.grade.lamps > 0.25 else GLASS
        )
        brush.fill(rectangle(x + 0.063, -0.38, x + 0.077, -0.2), "f4ead8")


def tower(brush: Brush, t: float, look: Look) -> None:
    """A lighthouse, its beam going round."""
    beam = math.sin(t * 1.1)
    if brush.grade.lamps > 0.25:
        brush.shine(points(f"0,-0.9 {2.2 * beam},-1.06 {2.2 * beam},-0.74"), (255, 240, 190))
    brush.fill(points("-0.2,0 -0.12,-0.8 0.12,-0.8 0.2,0"), look.own("f4efe4"))
    for n in range(3):
        a, b = 0.2 - 0.08 * (0.12 + 0.28 * n), 0.2 - 0.08 * (0.28 + 0.28 * n)
        brush.fill(
            np.array(
                [
                    [-a, -0.8 * (0.12 + 0.28 * n)],
                    [a, -0.8 * (0.12 + 0.28 * n)],
                    [b, -0.8 * (0.28 + 0.28 * n)],
                    [-b, -0.8 * (0.28 + 0.28 * n)],
                ]
            ),
            "c8342c",
        )
    brush.fill(rectangle(-0.16, -0.82, 0.16, -0.79), DARK)
    brush.shine(rectangle(-0.08, -0.96, 0.08, -0.82), (255, 236, 170))
    brush.fill(points("-0.11,-0.95 0,-1.08 0.11,-0.95"), "c8342c")
    brush.fill(curve_of("-0.6,0.02 -0.4,-0.07 -0.1,-0.1 0.2,-0.09 0.5,-0.06 0.62,0.02"), "5a5650")


def balloon(brush: Brush, t: float, look: Look) -> None:
    bob = 0.02 * math.sin(t * 0.9 + look.offset)
    stripes = ("d8443a", "f0b429", "2f7f86", "f4ead8", "d8643a")
    angle = np.linspace(0, TAU, 60, endpoint=False)
    for n in range(5):
        width = 0.36 * math.cos(n * 0.36)
        across, down = width * np.cos(angle), -0.66 + 0.36 * np.sin(angle)
        across = np.where(down > -0.55, across * (1 - 0.75 * ((down + 0.55) / 0.25)), across)
        brush.fill(np.stack([across, down + bob], 1), look.colour if look.colour and n % 2 == 0 else stripes[n])
    for x in (-0.06, 0.06):
        brush.fill(ribbon(np.array([[x * 1.2, -0.32 + bob], [x, -0.12 + bob]]), 0.008), (70, 54, 44))
    if brush.grade.lamps > 0.2:
        brush.shine(
            curve_of("-0.03,0 0,-0.12 0.03,0") * (1, 1 + 0.3 * math.sin(t * 9)) + (0, -0.22 + bob), (255, 206, 110)
        )
    brush.fill(points("-0.07,-0.13 0.07,-0.13 0.055,0 -0.055,0") + (0, bob), "8a5a34")
    brush.fill(rectangle(-0.075, -0.14, 0.075, -0.115) + (0, bob), "5a3a24")


def candle(brush: Brush, t: float, look: Look) -> None:
    flame = 1 + 0.1 * math.sin(t * 7.3) + 0.06 * math.sin(t * 17)
    lean = 0.02 * math.sin(t * 5.1)
    brush.oval(0, -0.03, 0.26, 0.045, (170, 128, 64))
    brush.fill(
        curve_of("-0.12,-0.03 -0.12,-0.54 -0.05,-0.57 0.06,-0.55 0.12,-0.5 0.12,-0.03 0,-0.01"), look.own("f2e6cc")
    )
    brush.fill(rectangle(0.03, -0.5, 0.115, -0.04), look.own("f2e6cc"), 0.18)
    brush.fill(rectangle(-0.008, -0.62, 0.008, -0.54), DARK)
    for width, length, colour in (
        (0.085, 0.34, (255, 150, 60)),
        (0.06, 0.26, (255, 206, 104)),
        (0.032, 0.15, (255, 248, 222)),
    ):
        brush.shine(
            curve_of("-1,0 -0.7,-0.45 0,-1.2 0.7,-0.45 1,0 0,0.18") * (width, length * flame * 0.8) + (lean, -0.62),
            colour,
        )


def umbrella(brush: Brush, t: float, look: Look) -> None:
    cover = look.own("d8342c")
    brush.limb((0, -0.9), (0, -0.08), 0.022, 0.022, (70, 50, 40))
    brush.fill(ribbon(line(points("0,-0.08 0.02,0 0.09,0 0.1,-0.06"), 5), 0.024), (70, 50, 40))
    dome = curve_of(
        "-0.6,-0.5 -0.5,-0.78 -0.2,-0.96 0,-0.99 0.2,-0.96 0.5,-0.78 "
        "0.6,-0.5 0.4,-0.56 0.2,-0.5 0,-0.57 -0.2,-0.5 -0.4,-0.56"
    )
    brush.fill(dome, cover)
    brush.fill(curve_of("0,-0.99 0.2,-0.78 0.2,-0.5 0,-0.57 -0.2,-0.5 -0.2,-0.78"), lighter(cover, 0.18))
    brush.limb((0, -0.98), (0, -1.05), 0.02, 0.012, (70, 50, 40))


def ring(brush: Brush, t: float, look: Look) -> None:
    gold = look.own("e2b14a")
    band = np.concatenate([ellipse(0, -0.32, 0.3, steps=40), ellipse(0, -0.32, 0.3, steps=40)[:1]])
    brush.fill(ribbon(band, 0.075), gold)
    brush.fill(ribbon(band[4:16], 0.03), lighter(gold, 0.5))
    brush.fill(points("-0.1,-0.62 0.1,-0.62 0.06,-0.55 -0.06,-0.55"), gold, 0.2)
    brush.fill(points("-0.2,-0.82 -0.11,-0.94 0.11,-0.94 0.2,-0.82 0,-0.6"), (180, 226, 240))
    brush.fill(points("-0.2,-0.82 -0.07,-0.82 0,-0.6"), (120, 186, 214))
    brush.fill(points("-0.07,-0.82 0,-0.94 0.07,-0.82"), (240, 252, 255))
    brush.fill(points("0.07,-0.82 0.2,-0.82 0,-0.6"), (150, 206, 228))
    shine = abs(math.sin(t * 2.2))
    brush.shine(
        placed(
            points("0,-0.16 0.02,-0.02 0.16,0 0.02,0.02 0,0.16 -0.02,0.02 -0.16,0 -0.02,-0.02"),
            0.12,
            -0.92,
            0.4 + 0.7 * shine,
        ),
        (255, 255, 250),
    )


def drum(brush: Brush, t: float, look: Look) -> None:
    """A djembe."""
    wood = look.own("9a5a30")
    brush.fill(
        curve_of("-0.3,-0.86 -0.3,-0.6 -0.14,-0.38 -0.13,-0.2 -0.2,0 0.2,0 0.13,-0.2 0.14,-0.38 0.3,-0.6 0.3,-0.86"),
        wood,
    )
    brush.fill(
        curve_of("0.06,-0.86 0.08,-0.5 0.03,-0.3 0.08,0 0.2,0 0.13,-0.2 0.14,-0.38 0.3,-0.6 0.3,-0.86"), wood, 0.2
    )
    for n in range(7):
        a, b = -0.27 + 0.09 * n, -0.27 + 0.09 * (n + 1)
        brush.fill(ribbon(np.array([[a, -0.84], [(a + b) * 0.36, -0.5], [b, -0.84]]), 0.014), "f0e2c4")
    brush.oval(0, -0.86, 0.31, 0.085, "b8452e")
    brush.oval(0, -0.875, 0.28, 0.07, "f4e8d0")
    brush.oval(
        0, -0.875, 0.28 * (0.5 + 0.4 * abs(math.sin(t * 7))), 0.07 * (0.5 + 0.4 * abs(math.sin(t * 7))), "e6d2ac"
    )


def logo(brush: Brush, t: float, look: Look) -> None:
    """The words that are to be read, or else a rising sun; letters come up one after the other."""
    if not look.text:
        angle = np.linspace(math.pi, TAU, 30)
        grow = min(1.0, 0.35 + t * 0.8)
        brush.shine(np.stack([0.34 * grow * np.cos(angle), -0.42 + 0.34 * grow * np.sin(angle)], 1), look.own("f2b84c"))
        brush.shine(rectangle(-0.5 * grow, -0.38, 0.5 * grow, -0.31), look.own("f2b84c"))
        return
    text = shaped(look.text)
    scale = 1.25 / max(2.2, text.width)
    for number, glyph in enumerate(text.glyphs):
        shown = min(1.0, max(0.0, (t - 0.12 * number) * 3))
        if shown:
            rise = 0.25 * (1 - shown) ** 2
            brush.letter(
                [c * scale + (-text.width * scale / 2, -0.42 + 0.35 * scale + rise) for c in glyph.contours],
                look.own("f2b84c"),
            )


def ink(brush: Brush, t: float, look: Look) -> None:
    """A drop that falls in and unfolds in slow clouds."""
    colour = look.own("26304f")
    spread = min(1.0, 0.3 + t * 0.22)
    for n in range(9):
        at = n * 2.4
        angle = np.linspace(0, TAU, 60, endpoint=False)
        r = (0.12 + 0.07 * (n % 3)) * spread * (1.15 - 0.05 * n)
        x = 0.3 * spread * math.sin(at + 0.3 * t) * (0.3 + n / 9)
        y = -0.78 + 0.62 * spread * (n / 9) + 0.05 * math.sin(t + n)
        swirl = (
            1
            + 0.22 * np.sin(angle * 3 + t * 0.8 + n)
            + 0.12 * np.sin(angle * 5 - t * 1.1 + 2 * n)
            + 0.06 * np.sin(angle * 9 + n)
        )
        brush.fill(
            np.stack([x + r * swirl * np.cos(angle), y + r * swirl * np.sin(angle)], 1), lighter(colour, 0.1 * (n % 4))
        )
    for n in range(5):
        path = np.array(
            [
                [0.34 * spread * math.sin(n * 1.9 + 2.2 * k + 0.5 * t) * k, -0.8 + (0.75 + 0.1 * (n % 2)) * spread * k]
                for k in np.linspace(0, 1, 8)
            ]
        )
        stroke = line(path, 5)
        brush.fill(ribbon(stroke, 0.05 * np.sin(np.linspace(0.5, 3.1, len(stroke)))), lighter(colour, 0.06 * n))
    fall = (t * 0.9) % 1.6
    if fall < 0.5:
        brush.fill(curve_of("-0.03,0 0,-0.09 0.03,0 0,0.035") + (0.0, -1.2 + 0.6 * fall), colour)


def campfire(brush: Brush, t: float, look: Look) -> None:
    for n, x in enumerate((-0.3, 0.3, -0.12, 0.14)):
        brush.limb((x * 1.5, -0.02), (-x * 0.4, -0.2), 0.1, 0.08, "6a4630", 0.1 * (n % 2))
    for width, length, colour, rate in (
        (0.34, 0.8, (255, 112, 44), 5.0),
        (0.24, 0.62, (255, 164, 62), 7.0),
        (0.14, 0.4, (255, 220, 120), 9.0),
    ):
        sway = 0.12 * math.sin(t * rate)
        lick = [[-1, 0], [-0.9, -0.35], [-0.5, -0.5], [-0.3 + sway, -0.85], [0.05, -0.6], [0.25 + sway, -1.1]]
        tongue = smooth(np.array([*lick, [0.6, -0.5], [0.95, -0.3], [1, 0], [0, 0.12]]), 4)
        brush.shine(tongue * (width, length * (1 + 0.1 * math.sin(t * rate * 1.7))) + (0, -0.1), colour)


THINGS = {
    "car": car,
    "bus": bus,
    "motorbike": motorbike,
    "bicycle": bicycle,
    "train": train,
    "plane": plane,
    "rocket": rocket,
    "boat": boat,
    "sailboat": sailboat,
    "ship": ship,
    "perfume": perfume,
    "bottle": bottle,
    "cup": cup,
    "phone": phone,
    "watch": watch,
    "shoe": shoe,
    "book": book,
    "fruit": fruit,
    "bread": bread,
    "cake": cake,
    "bowl": bowl,
    "burger": burger,
    "flower": flower,
    "tree": tree,
    "house": house,
    "tower": tower,
    "logo": logo,
    "ink": ink,
    "balloon": balloon,
    "ball": ball,
    "candle": candle,
    "umbrella": umbrella,
    "ring": ring,
    "drum": drum,
}
