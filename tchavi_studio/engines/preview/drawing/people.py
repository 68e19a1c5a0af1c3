"""People: articulated figures of cut paper, one unit tall, their feet at (0, 0)."""

import math

import numpy as np

from tchavi_studio.engines.preview.drawing.brush import Brush, Look, Sketch
from tchavi_studio.engines.preview.drawing.paper import Colour, lighter, mix
from tchavi_studio.engines.preview.drawing.shapes import capsule, ellipse, rectangle, ribbon

Joint = tuple[float, float]

HAIR: Colour = (30, 24, 24)
TAU = 2 * math.pi


def reach(start: Joint, angle: float, length: float) -> Joint:
    """A joint further on; angle 0 hangs down, positive swings forward."""
    return start[0] + length * math.sin(angle), start[1] + length * math.cos(angle)


class Pose:
    """Where the joints of a side view are at a moment: legs, arms, hips, lean."""

    def __init__(self, action: str, t: float) -> None:
        beat = TAU * t
        self.lift = 0.0
        self.lean = 0.02
        self.hip = -0.5
        self.legs = [(0.06, -0.02), (-0.06, -0.03)]
        self.arms = [(0.06, 0.15), (-0.05, 0.12)]
        match action:
            case "walk":
                s = math.sin(beat * 0.95)
                self.legs = [self._step(beat * 0.95, 0.44, 0.7), self._step(beat * 0.95 + math.pi, 0.44, 0.7)]
                self.arms = [(-0.42 * s, 0.22), (0.42 * s, 0.22)]
                self.hip += 0.012 * math.cos(2 * beat * 0.95)
                self.lean = 0.05
            case "run":
                b = beat * 1.45
                self.legs = [self._step(b, 0.86, 1.5), self._step(b + math.pi, 0.86, 1.5)]
                self.arms = [(-0.9 * math.sin(b), 1.5), (0.9 * math.sin(b), 1.5)]
                self.hip += 0.03 * math.cos(2 * b)
                self.lean = 0.2
            case "jump":
                way = (t * 0.8) % 1
                self.lift = 0.42 * 4 * way * (1 - way)
                bend = 0.9 * (1 - min(1, self.lift * 4))
                self.legs = [(0.5 + bend, -1.1 - bend), (0.1 + bend, -0.9 - bend)]
                self.arms = [(2.5, 0.3), (-2.6, 0.2)]
            case "dance":
                s, c = math.sin(beat), math.sin(beat * 0.5)
                self.legs = [(0.25 + 0.25 * s, -0.4 - 0.3 * s), (-0.22 + 0.2 * s, -0.3 + 0.25 * s)]
                self.arms = [(2.2 + 0.5 * c, 0.7 + 0.4 * s), (-2.0 + 0.5 * c, -0.6 - 0.4 * s)]
                self.hip += 0.018 * abs(s)
                self.lean = 0.1 * c
            case "sit" | "drive":
                self.hip = -0.29
                self.legs = [(1.5, -1.5), (1.38, -1.4)]
                self.arms = [(0.5, 0.7), (0.4, 0.8)]
            case "wave":
                self.arms = [(2.7 + 0.3 * math.sin(beat * 1.3), 0.4 + 0.5 * math.sin(beat * 1.3)), (-0.05, 0.1)]
            case "play" | "work" | "eat" | "pour" | "open":
                s = math.sin(beat * 1.2)
                self.arms = [(0.75 + 0.18 * s, 0.9 + 0.3 * s), (0.6 - 0.18 * s, 1.0 - 0.3 * s)]
            case "speak":
                s = math.sin(beat * 0.7)
                self.arms = [(0.5 + 0.25 * s, 1.1 + 0.3 * math.sin(beat * 1.1)), (0.1, 0.35)]
            case "hug":
                self.arms = [(1.15, 0.3), (0.95, 0.4)]
                self.lean = 0.09
            case "float" | "fly" | "swim":
                s = math.sin(beat * 0.35)
                self.legs = [(0.5 + 0.15 * s, -0.8), (0.05 - 0.15 * s, -0.5)]
                self.arms = [(1.1 + 0.2 * s, 0.5), (-0.9 + 0.2 * s, -0.4)]
                self.lean = 0.12
            case "fall":
                self.legs = [(0.8, -0.9), (-0.5, -0.4)]
                self.arms = [(2.4 + 0.3 * math.sin(beat), 0.4), (-2.3 + 0.3 * math.cos(beat), -0.4)]
            case _:
                s = math.sin(beat * 0.28)
                self.arms = [(0.08 + 0.03 * s, 0.16), (-0.06 - 0.03 * s, 0.14)]
                self.hip += 0.003 * s

    @staticmethod
    def _step(beat: float, swing: float, bend: float) -> Joint:
        return swing * math.sin(beat), -bend * max(0.0, math.cos(beat)) * 0.85 - 0.06


def side(brush: Brush, t: float, look: Look, *, kind: str) -> None:
    """A person in profile, heading right."""
    pose = Pose(look.action, t)
    skin, cloth, second = look.skin, look.colour or look.cloth, look.second
    wide = kind in ("woman", "dancer")
    young = kind == "child"
    up = -pose.lift
    hip = (0.0, pose.hip + up)
    chest = reach(hip, math.pi - pose.lean, 0.31)
    thigh, shin = (0.24, 0.24)
    trousers = second if kind != "elder" else cloth
    for number in (1, 0):
        upper, lower = pose.legs[number]
        knee = reach(hip, upper, thigh)
        ankle = reach(knee, upper + lower, shin)
        shade = 0.22 if number else 0.0
        leg = skin if young or wide else trousers
        if number == 1:
            _arm(brush, chest, pose.arms[1], cloth, skin, 0.25)
        brush.limb(hip, knee, 0.1, 0.072, trousers if not wide else skin, shade)
        brush.limb(knee, ankle, 0.07, 0.042, leg, shade)
        toe = reach(ankle, upper + lower + math.pi / 2 - 0.25, 0.065)
        brush.limb((ankle[0], ankle[1] + 0.008), (toe[0], toe[1] + 0.008), 0.045, 0.034, (48, 36, 34), shade)
    body = ribbon(
        np.array(
            [
                [chest[0], chest[1] - 0.01],
                [(hip[0] + chest[0]) / 2 + 0.006, (hip[1] + chest[1]) / 2],
                [hip[0], hip[1] + 0.03],
            ]
        ),
        [0.14, 0.155, 0.14],
    )
    if wide or kind == "elder":
        swing = pose.legs[0][0] * 0.35
        low = -0.2 + up if wide else -0.1 + up
        low = min(low, hip[1] + 0.34)
        spread = 0.13 + 0.09 * abs(pose.legs[0][0])
        brush.fill(
            np.array(
                [
                    [hip[0] - 0.075, hip[1] - 0.06],
                    [hip[0] + 0.08, hip[1] - 0.06],
                    [spread + swing * 0.5, low],
                    [0.02 + swing * 0.3, low + 0.012],
                    [-spread + swing * 0.3, low - 0.01],
                ]
            ),
            cloth,
            0.06,
        )
        brush.fill(
            np.array(
                [
                    [hip[0] - 0.075, hip[1] - 0.06],
                    [hip[0] - 0.01, hip[1] - 0.06],
                    [-0.02 + swing * 0.3, low + 0.01],
                    [-spread + swing * 0.3, low - 0.01],
                ]
            ),
            cloth,
            0.24,
        )
    brush.fill(body, cloth)
    brush.fill(
        ribbon(np.array([[chest[0] - 0.035, chest[1]], [hip[0] - 0.04, hip[1] + 0.02]]), [0.05, 0.06]), cloth, 0.2
    )
    head_profile(brush, (chest[0] + 0.018 + 0.1 * pose.lean, chest[1] - 0.125), skin, cloth, kind, look, t)
    brush.limb((chest[0], chest[1] - 0.02), (chest[0] + 0.012, chest[1] - 0.07), 0.055, 0.05, skin, 0.12)
    _arm(brush, chest, pose.arms[0], cloth, skin, 0.0)
    if kind == "elder" and look.action in ("walk", "stand", ""):
        brush.limb((0.2, -0.42 + up), (0.24, 0), 0.014, 0.012, (92, 62, 42))


def _arm(brush: Brush, chest: Joint, angles: Joint, cloth: Colour, skin: Colour, shade: float) -> None:
    shoulder = (chest[0], chest[1] + 0.015)
    elbow = reach(shoulder, angles[0], 0.16)
    hand = reach(elbow, angles[0] + angles[1], 0.15)
    brush.limb(elbow, hand, 0.042, 0.032, skin, shade)
    brush.oval(*hand, 0.022, 0.024, skin, shade)
    brush.limb(shoulder, elbow, 0.06, 0.05, cloth, shade + 0.06)


def head_profile(brush: Brush, at: Joint, skin: Colour, cloth: Colour, kind: str, look: Look, t: float) -> None:
    x, y = at
    r = 0.074 if kind != "child" else 0.105
    if kind == "child":
        y -= 0.03
    if kind in ("woman", "dancer"):
        brush.oval(x - 0.35 * r, y - 0.25 * r, 1.02 * r, 1.05 * r, HAIR if kind == "dancer" else cloth, 0.1)
        brush.oval(x - 1.1 * r, y - 0.75 * r, 0.55 * r, 0.55 * r, HAIR if kind == "dancer" else lighter(cloth, 0.12))
    face = np.array(
        [
            [-0.75, -0.6],
            [-0.2, -1.05],
            [0.5, -0.95],
            [0.82, -0.4],
            [0.86, -0.1],
            [1.12, 0.16],
            [0.86, 0.26],
            [0.88, 0.5],
            [0.72, 0.9],
            [0.3, 1.08],
            [-0.35, 0.9],
            [-0.8, 0.3],
        ]
    ) * r + (x, y)
    brush.fill(face, skin)
    if kind in ("woman", "dancer"):
        brush.fill(
            np.array(
                [[-0.85, 0.2], [-0.95, -0.6], [-0.3, -1.2], [0.55, -1.08], [0.78, -0.62], [0.2, -0.6], [-0.3, -0.2]]
            )
            * r
            + (x, y),
            HAIR if kind == "dancer" else cloth,
        )
    else:
        hair = (226, 224, 220) if kind == "elder" else HAIR
        brush.fill(
            np.array(
                [
                    [-0.8, 0.3],
                    [-0.98, -0.4],
                    [-0.6, -1.08],
                    [0.1, -1.24],
                    [0.68, -0.98],
                    [0.72, -0.62],
                    [0.1, -0.72],
                    [-0.3, -0.5],
                    [-0.42, 0.1],
                ]
            )
            * r
            + (x, y),
            hair,
        )
        if kind == "elder":
            brush.fill(
                np.array([[0.82, 0.45], [0.9, 0.8], [0.5, 1.5], [0.0, 1.1], [-0.2, 0.6], [0.3, 0.72]]) * r + (x, y),
                hair,
            )
    brush.oval(x + 0.5 * r, y - 0.12 * r, 0.09 * r, 0.13 * r, (24, 18, 18))
    if look.speaks_at(t):
        brush.oval(x + 0.72 * r, y + 0.5 * r, 0.16 * r, (0.08 + 0.1 * abs(math.sin(t * 19))) * r, (70, 28, 30))


def front(brush: Brush, t: float, look: Look, *, kind: str) -> None:
    """A person who faces us."""
    skin, cloth, second = look.skin, look.colour or look.cloth, look.second
    pose = Pose(look.action, t)
    breath = 0.004 * math.sin(t * 1.7)
    sway = 0.012 * math.sin(t * 0.9 + look.offset * 7) + (
        0.05 * math.sin(TAU * t * 0.5) if look.action == "dance" else 0
    )
    up = -pose.lift
    wide = kind in ("woman", "dancer")
    hip, chest = -0.5 + up, -0.81 + up + breath
    for sign in (-1, 1):
        bend = 0.03 * abs(math.sin(TAU * t)) if look.action == "dance" else 0
        foot = sign * (0.062 + (0.03 if look.action == "dance" else 0))
        knee = (sign * (0.06 + bend), -0.26 + up)
        leg = skin if wide or kind == "child" else second
        brush.limb((sign * 0.052 + sway, hip), knee, 0.1, 0.07, second if not wide else skin, 0.05 * (sign > 0))
        brush.limb(knee, (foot, -0.03 + up), 0.066, 0.045, leg, 0.05 * (sign > 0))
        brush.oval(foot + sign * 0.012, -0.012 + up, 0.04, 0.02, (48, 36, 34))
    lean = sway * 1.4
    if wide or kind == "elder":
        flare = 0.2 + 0.05 * abs(math.sin(TAU * t * 0.5)) * (look.action in ("dance", "turn"))
        low = -0.2 if wide else -0.08
        brush.fill(
            np.array(
                [
                    [-0.08 + sway, hip - 0.1],
                    [0.08 + sway, hip - 0.1],
                    [flare, low + up],
                    [0, low + 0.02 + up],
                    [-flare, low + up],
                ]
            ),
            cloth,
        )
        brush.fill(
            np.array(
                [[-0.08 + sway, hip - 0.1], [-0.01 + sway, hip - 0.1], [-0.05, low + 0.015 + up], [-flare, low + up]]
            ),
            cloth,
            0.2,
        )
        for n in range(3):
            a = -0.6 + 0.6 * n
            brush.fill(ribbon(np.array([[a * 0.08 + sway, hip - 0.02], [a * flare, low + up]]), 0.008), cloth, 0.3)
    torso = np.array(
        [
            [-0.135 + lean, chest + 0.03],
            [-0.09 + lean, chest - 0.02],
            [0.09 + lean, chest - 0.02],
            [0.135 + lean, chest + 0.03],
            [0.1 + sway, hip - 0.08],
            [0.1 + sway, hip + 0.03],
            [-0.1 + sway, hip + 0.03],
            [-0.1 + sway, hip - 0.08],
        ]
    )
    gesture = (
        pose.arms
        if look.action in ("dance", "wave", "speak", "jump", "play", "work", "eat", "pour", "open")
        else [(0.1, 0.06), (-0.1, -0.06)]
    )
    for number, sign in ((0, 1), (1, -1)):
        shoulder = (sign * 0.125 + lean, chest + 0.03)
        a, b = gesture[number]
        turn = abs(a)
        elbow = (
            shoulder[0] + sign * 0.16 * math.sin(min(turn, 2.8) * 0.8 + 0.12),
            shoulder[1] + 0.16 * math.cos(min(turn, 2.8)),
        )
        inward = -sign if look.action in ("play", "work", "eat", "pour", "open", "speak") else sign
        hand = (elbow[0] + inward * 0.14 * math.sin(abs(b) + 0.1), elbow[1] + 0.14 * math.cos(turn + abs(b) * 0.6))
        if look.action == "eat" and number == 0:
            hand = (0.03 + lean, chest - 0.04 + 0.02 * math.sin(TAU * t * 0.6))
        brush.limb(elbow, hand, 0.045, 0.034, skin)
        brush.oval(*hand, 0.024, 0.026, skin)
        brush.limb(shoulder, elbow, 0.066, 0.054, cloth, 0.12)
    brush.fill(torso, cloth)
    away = -1 if brush.grade.sun[0] >= 0.5 else 1
    away = away * (1 if brush.heading > 0 else -1)
    brush.fill(
        np.array(
            [
                [away * 0.13 + lean, chest + 0.03],
                [away * 0.09 + lean, chest - 0.02],
                [away * 0.045 + lean, chest],
                [away * 0.03 + sway, hip + 0.03],
                [away * 0.1 + sway, hip + 0.03],
                [away * 0.1 + sway, hip - 0.08],
            ]
        ),
        cloth,
        0.18,
    )
    if kind == "elder":
        brush.fill(ribbon(np.array([[lean, chest], [lean, chest + 0.2]]), 0.018), lighter(cloth, 0.35))
    brush.limb((lean, chest + 0.01), (lean, chest - 0.07), 0.062, 0.058, skin, 0.18)
    face_on(brush, (lean * 1.15, chest - 0.135 - (0.03 if kind == "child" else 0)), skin, cloth, kind, look, t, away)


def face_on(brush: Brush, at: Joint, skin: Colour, cloth: Colour, kind: str, look: Look, t: float, away: int) -> None:
    """A face as a portrait needs it: eyes that blink and look about, brows, nose, and a mouth that speaks or smiles."""
    x, y = at
    r = 0.078 if kind != "child" else 0.11

    def part(points: list[list[float]], colour: Colour, shade: float = 0.0) -> None:
        brush.fill(np.array(points) * r + (x, y), colour, shade)

    def oval(dx: float, dy: float, across: float, down: float, colour: Colour, shade: float = 0.0) -> None:
        brush.oval(x + dx * r, y + dy * r, across * r, down * r, colour, shade)

    hair = (228, 226, 222) if kind == "elder" else HAIR
    if kind in ("woman",):
        oval(0, -0.35, 1.12, 1.12, cloth, 0.12)
        oval(0.1, -1.28, 0.72, 0.5, cloth, 0.0)
    elif kind == "dancer":
        oval(0, -0.2, 1.02, 1.1, hair)
        oval(0, -1.3, 0.42, 0.4, hair)
    else:
        oval(0, -0.3, 0.98, 0.98, hair)
    for sign in (-1, 1):
        oval(sign * 0.86, 0.08, 0.16, 0.24, skin, 0.15)
        if kind in ("woman", "dancer"):
            oval(sign * 0.92, 0.42, 0.09, 0.09, (236, 190, 84))
    face = [
        [-0.84, -0.35],
        [-0.55, -0.86],
        [0, -1.0],
        [0.55, -0.86],
        [0.84, -0.35],
        [0.82, 0.25],
        [0.56, 0.82],
        [0.22, 1.1],
        [-0.22, 1.1],
        [-0.56, 0.82],
        [-0.82, 0.25],
    ]
    part(face, skin)
    part(
        [
            [away * 0.84, -0.35],
            [away * 0.55, -0.86],
            [away * 0.3, -0.94],
            [away * 0.34, -0.2],
            [away * 0.24, 0.3],
            [away * 0.3, 0.7],
            [away * 0.1, 1.08],
            [away * 0.22, 1.1],
            [away * 0.56, 0.82],
            [away * 0.82, 0.25],
        ],
        skin,
        0.16,
    )
    if kind == "woman":
        part(
            [
                [-0.92, -0.3],
                [-0.88, -0.8],
                [0, -1.3],
                [0.88, -0.8],
                [0.92, -0.3],
                [0.6, -0.66],
                [0, -0.78],
                [-0.6, -0.66],
            ],
            cloth,
        )
        part(
            [[-0.92, -0.32], [-0.3, -0.86], [0.5, -0.78], [0.9, -0.5], [0.9, -0.36], [0.5, -0.64], [-0.2, -0.7]],
            lighter(cloth, 0.25),
        )
    else:
        part(
            [
                [-0.9, -0.2],
                [-0.92, -0.8],
                [-0.5, -1.22],
                [0, -1.3],
                [0.5, -1.22],
                [0.92, -0.8],
                [0.9, -0.2],
                [0.72, -0.62],
                [0.3, -0.8],
                [-0.3, -0.8],
                [-0.72, -0.62],
            ],
            hair,
        )
    glance = 0.07 * math.sin(t * 0.8 + look.offset * 5)
    blink = 1.0 if (t + look.offset) % 2.7 > 0.13 else 0.12
    if look.action == "sleep":
        blink = 0.1
    for sign in (-1, 1):
        oval(sign * 0.38, -0.06, 0.2, 0.125 * blink, (244, 238, 228))
        oval(sign * 0.38 + glance, -0.06, 0.1, 0.12 * blink, (38, 24, 20))
        part(
            [
                [sign * 0.16, -0.3],
                [sign * 0.4, -0.4],
                [sign * 0.64, -0.28],
                [sign * 0.62, -0.22],
                [sign * 0.4, -0.31],
                [sign * 0.17, -0.22],
            ],
            hair if kind == "elder" else (26, 20, 20),
        )
    part([[0.02, -0.1], [away * 0.17, 0.36], [away * 0.02, 0.44], [-0.08 * away, 0.38]], skin, 0.28)
    lip = mix(skin, (150, 50, 56), 0.55)
    if look.speaks_at(t):
        wide = 0.12 + 0.14 * abs(math.sin(t * 17 + look.offset)) * (0.6 + 0.4 * math.sin(t * 5.3))
        oval(0, 0.7, 0.26, wide, (70, 24, 30))
        oval(0, 0.7 - 0.4 * wide, 0.18, 0.3 * wide, (240, 232, 224))
    elif look.action in ("smile", "dance", "wave", "hug"):
        part([[-0.34, 0.6], [0, 0.7], [0.34, 0.6], [0.22, 0.82], [0, 0.88], [-0.22, 0.82]], (120, 36, 42))
        part([[-0.26, 0.64], [0, 0.71], [0.26, 0.64], [0.14, 0.74], [-0.14, 0.74]], (246, 240, 232))
    else:
        part([[-0.26, 0.68], [-0.08, 0.63], [0, 0.66], [0.08, 0.63], [0.26, 0.68], [0, 0.8]], lip)
    if kind == "elder":
        part(
            [
                [-0.8, 0.3],
                [-0.5, 0.5],
                [-0.3, 0.52],
                [0, 0.56],
                [0.3, 0.52],
                [0.5, 0.5],
                [0.8, 0.3],
                [0.62, 1.0],
                [0.2, 1.5],
                [-0.2, 1.5],
                [-0.62, 1.0],
            ],
            hair,
        )
        if look.speaks_at(t):
            oval(0, 0.74, 0.2, 0.08 + 0.1 * abs(math.sin(t * 17)), (70, 24, 30))
        else:
            part([[-0.2, 0.68], [0, 0.66], [0.2, 0.68], [0, 0.76]], lip)


def lying(brush: Brush, t: float, look: Look, *, kind: str) -> None:
    """A person asleep on their side."""
    cloth = look.colour or look.cloth
    breath = 0.012 * math.sin(t * 1.5)
    brush.limb((0.1, -0.08), (0.42, -0.07), 0.12, 0.1, look.second)
    brush.fill(ellipse(-0.08, -0.11, 0.24, 0.1 + breath, 24), cloth)
    brush.oval(-0.36, -0.13, 0.085, 0.08, HAIR)
    brush.oval(-0.34, -0.12, 0.07, 0.068, look.skin)
    brush.limb((-0.2, -0.14), (-0.3, -0.05), 0.05, 0.04, cloth, 0.15)


def astronaut(brush: Brush, t: float, look: Look) -> None:
    """White suit, round helmet with a golden visor, a pack on the back."""
    pose = Pose(look.action or "float", t)
    suit: Colour = look.own("f1f0ec")
    up = -pose.lift
    hip, chest = (0.0, pose.hip + up), reach((0.0, pose.hip + up), math.pi - pose.lean, 0.27)
    brush.fill(rectangle(chest[0] - 0.19, chest[1] - 0.06, chest[0] - 0.05, hip[1] + 0.0), (170, 174, 184))
    for number in (1, 0):
        upper, lower = pose.legs[number]
        knee = reach(hip, upper, 0.22)
        ankle = reach(knee, upper + lower, 0.2)
        shade = 0.2 if number else 0
        brush.limb(hip, knee, 0.15, 0.125, suit, shade)
        brush.limb(knee, ankle, 0.125, 0.11, suit, shade)
        toe = reach(ankle, upper + lower + 1.2, 0.07)
        brush.limb(ankle, toe, 0.1, 0.08, (150, 154, 166), shade)
    body = capsule(chest, hip, 0.23, 0.2)
    for number in (1, 0):
        a, b = pose.arms[number]
        elbow = reach(chest, a, 0.17)
        hand = reach(elbow, a + b, 0.15)
        if number == 0:
            brush.fill(body, suit)
            brush.fill(rectangle(chest[0] - 0.02, chest[1] + 0.05, chest[0] + 0.1, chest[1] + 0.14), (196, 202, 212))
            brush.fill(rectangle(chest[0] + 0.0, chest[1] + 0.065, chest[0] + 0.03, chest[1] + 0.09), (214, 68, 58))
        brush.limb(chest, elbow, 0.12, 0.1, suit, 0.2 * number)
        brush.limb(elbow, hand, 0.1, 0.085, suit, 0.2 * number)
        brush.oval(*hand, 0.046, 0.046, (150, 154, 166), 0.2 * number)
    x, y = chest[0] + 0.01, chest[1] - 0.14
    brush.oval(x, y, 0.135, 0.135, suit)
    brush.oval(x + 0.035, y, 0.1, 0.088, (196, 140, 58))
    brush.oval(x + 0.045, y - 0.006, 0.088, 0.074, (92, 62, 50))
    brush.fill(ellipse(x + 0.075, y - 0.035, 0.026, 0.016, 12), (255, 244, 214))


def robot(brush: Brush, t: float, look: Look) -> None:
    steel = look.own("a9b8c4")
    swing = 0.35 * math.sin(TAU * t * 0.9) if look.action in ("walk", "run", "dance") else 0.03 * math.sin(t)
    for sign in (-1, 1):
        brush.fill(
            rectangle(sign * 0.09 - 0.04, -0.38, sign * 0.09 + 0.04, -0.04 - 0.03 * max(0, sign * swing)), steel, 0.25
        )
        brush.fill(
            rectangle(sign * 0.09 - 0.06, -0.05 - 0.03 * max(0, sign * swing), sign * 0.09 + 0.06, 0), steel, 0.1
        )
        elbow = reach((sign * 0.21, -0.66), sign * (0.25 + swing * sign), 0.17)
        brush.limb((sign * 0.21, -0.66), elbow, 0.06, 0.06, steel, 0.2)
        brush.limb(elbow, reach(elbow, 0.3 * sign + swing, 0.16), 0.06, 0.05, steel, 0.05)
    brush.fill(rectangle(-0.18, -0.74, 0.18, -0.34), steel)
    brush.fill(rectangle(-0.1, -0.66, 0.1, -0.5), (48, 62, 78))
    for n in range(3):
        brush.shine(
            ellipse(-0.06 + 0.06 * n, -0.58, 0.018, steps=14), ((255, 110, 90), (255, 206, 90), (120, 230, 170))[n]
        )
    brush.fill(rectangle(-0.14, -0.98, 0.14, -0.77), steel)
    brush.fill(rectangle(-0.115, -0.94, 0.115, -0.82), (40, 50, 66))
    for sign in (-1, 1):
        brush.shine(ellipse(sign * 0.055, -0.88, 0.026 if (t % 3) > 0.12 else 0.005, 0.026, 16), (120, 232, 255))
    brush.limb((0, -0.98), (0, -1.06), 0.014, 0.014, steel)
    brush.shine(ellipse(0, -1.07, 0.022, steps=14), (255, 96, 80))


def person(kind: str) -> Sketch:
    """The sketch of one kind of person."""

    def sketch(brush: Brush, t: float, look: Look) -> None:
        at = t * look.pace + look.offset
        if look.action == "sleep":
            lying(brush, t, look, kind=kind)
        elif look.action == "turn":
            # From profile to profile, facing us in between.
            around = math.cos(TAU * t * 0.24)
            brush.squeeze = max(0.45, abs(around))
            brush.heading = math.copysign(1, around) * math.copysign(1, brush.heading)
            (front if abs(around) < 0.55 or look.faces_us else side)(brush, at, look, kind=kind)
        elif look.faces_us or look.action in (
            "",
            "stand",
            "smile",
            "speak",
            "wave",
            "dance",
            "eat",
            "work",
            "open",
            "pour",
            "play",
        ):
            front(brush, at, look, kind=kind)
        else:
            side(brush, at, look, kind=kind)

    return sketch
