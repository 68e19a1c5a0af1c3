"""What settings are furnished with: trees, houses, boats, furniture. Each is painted on a sheet where it is told."""

import math

import numpy as np

from tchavi_studio.engines.preview.drawing.grade import Grade
from tchavi_studio.engines.preview.drawing.paper import Colour, Sheet, hexed, lighter, mix
from tchavi_studio.engines.preview.drawing.shapes import (
    Outline,
    capsule,
    curve,
    ellipse,
    foliage,
    line,
    placed,
    points,
    rectangle,
    ribbon,
    smooth,
)

LAMP: Colour = (255, 206, 120)


class Painter:
    """A sheet, the grade and the depth that its colours are seen at."""

    def __init__(
        self, sheet: Sheet, grade: Grade, depth: float, chance: np.random.Generator, *, frost: float = 0.0
    ) -> None:
        self.sheet, self.grade, self.depth, self.chance, self.frost = sheet, grade, depth, chance, frost
        self.sun_side = 1 if grade.sun[0] >= 0.5 else -1

    def tone(self, colour: Colour | str, shade: float = 0.0) -> Colour:
        own = hexed(colour) if isinstance(colour, str) else colour
        return self.grade.tone(mix(own, (244, 248, 252), self.frost), self.depth, shade)

    def fill(self, outline: Outline, colour: Colour | str, shade: float = 0.0) -> None:
        self.sheet.fill(outline, self.tone(colour, shade))

    def fills(self, outlines: list[Outline], colour: Colour | str, shade: float = 0.0) -> None:
        self.sheet.fills(outlines, self.tone(colour, shade))

    def light(self, x: float, y: float, radius: float, colour: Colour = LAMP, strength: float = 0.5) -> None:
        """A glow that the grade's lamps allow."""
        if self.grade.lamps > 0.05:
            self.sheet.glow(x, y, radius, self.grade.sky(colour), strength * min(1.0, self.grade.lamps))

    # ---- Plants ------------------------------------------------------------------------------------------------------

    def palm(self, x: float, y: float, height: float, lean: float = 0.12) -> None:
        top = (x + lean * height, y - height)
        trunk = line(np.array([[x, y], [x + lean * height * 0.25, y - height * 0.5], top]))
        self.fill(ribbon(trunk, np.linspace(0.055, 0.03, len(trunk)) * height), "6d4a33")
        self.fill(
            ribbon(trunk + (self.sun_side * 0.008 * height, 0), np.linspace(0.02, 0.01, len(trunk)) * height), "9a6c47"
        )
        for number, angle in enumerate(np.linspace(-0.25, math.pi + 0.25, 10) + self.chance.uniform(-0.08, 0.08, 10)):
            reach = height * self.chance.uniform(0.36, 0.46)
            tip = (top[0] + reach * math.cos(angle), top[1] - reach * (0.62 * math.sin(angle) - 0.28))
            bend = (top[0] + 0.55 * reach * math.cos(angle), top[1] - reach * (0.62 * math.sin(angle) + 0.06))
            rib = line(np.array([top, bend, tip]), steps=7)
            widths = height * 0.085 * np.sin(np.linspace(0.25, math.pi, len(rib))) ** 0.8
            jag = 1 - 0.45 * (np.arange(len(rib)) % 2)
            self.fill(ribbon(rib, widths * jag), ("2f6b45", "3d8052", "27583c")[number % 3])

    def broadleaf(self, x: float, y: float, height: float, leaf: str = "3f7d4a") -> None:
        self.fill(capsule((x, y), (x, y - height * 0.55), height * 0.09, height * 0.05), "5f4433")
        self.fill(
            capsule((x, y - height * 0.4), (x + height * 0.16, y - height * 0.62), height * 0.035, height * 0.02),
            "5f4433",
        )
        green = hexed(leaf)
        spread = height * 0.3
        for dx, dy, size, tone in (
            (0, 0, 1.0, -0.16),
            (-0.55, 0.22, 0.72, -0.06),
            (0.6, 0.2, 0.7, -0.1),
            (0.15, -0.35, 0.74, 0.04),
        ):
            crown = foliage(
                self.chance, x + dx * spread, y - height * 0.72 + dy * spread, spread * size, spread * size * 0.85
            )
            self.fill(crown, lighter(green, tone))
        for _ in range(3):
            at = self.chance.uniform(-0.5, 0.5) * spread, self.chance.uniform(-0.6, 0.1) * spread
            puff = foliage(
                self.chance,
                x + at[0] + 0.2 * self.sun_side * spread,
                y - height * 0.76 + at[1],
                spread * 0.28,
                spread * 0.2,
                6,
            )
            self.fill(puff, lighter(green, 0.16))

    def conifer(self, x: float, y: float, height: float, leaf: str = "2f5d4c", snow: bool = False) -> None:
        self.fill(rectangle(x - height * 0.025, y - height * 0.2, x + height * 0.025, y), "4c392f")
        for number in range(5):
            low = y - height * (0.1 + 0.17 * number)
            half = height * (0.23 - 0.037 * number)
            tier = [[x, low - height * 0.3], [x + half * 0.45, low - height * 0.1], [x + half, low]]
            tier += [
                [x + half * 0.4, low - height * 0.025],
                [x, low + height * 0.012],
                [x - half * 0.4, low - height * 0.025],
            ]
            tier += [[x - half, low], [x - half * 0.45, low - height * 0.1]]
            self.fill(np.array(tier), lighter(hexed(leaf), 0.05 * number))
            if snow:
                cap = np.array(
                    [
                        [x, low - height * 0.3],
                        [x + half * 0.6, low - height * 0.07],
                        [x, low - height * 0.11],
                        [x - half * 0.5, low - height * 0.09],
                    ]
                )
                self.fill(cap, "f2f6fa")

    def acacia(self, x: float, y: float, height: float) -> None:
        for dx, top in ((-0.3, 0.72), (0.05, 0.8), (0.36, 0.7)):
            limb = line(
                np.array([[x, y], [x + dx * 0.15 * height, y - height * 0.4], [x + dx * height, y - top * height]])
            )
            self.fill(ribbon(limb, np.linspace(0.065, 0.018, len(limb)) * height), "4d3a2b")
        for dx, dy, across, tone in ((-0.34, 0.74, 0.34, -0.1), (0.36, 0.72, 0.34, -0.04), (0.02, 0.84, 0.46, 0.04)):
            crown = foliage(self.chance, x + dx * height, y - dy * height, across * height, 0.1 * height, 13)
            self.fill(crown, lighter(hexed("5b7338"), tone))

    def baobab(self, x: float, y: float, height: float) -> None:
        trunk = curve("-0.2,0 -0.15,-0.3 -0.11,-0.58 -0.05,-0.64 0.06,-0.64 0.12,-0.56 0.15,-0.3 0.21,0 0,0.02", 5)
        for dx, dy in ((-0.42, -0.78), (-0.2, -0.95), (0.08, -0.98), (0.28, -0.9), (0.44, -0.74)):
            limb = line(
                np.array(
                    [
                        [x, y - height * 0.5],
                        [x + dx * 0.5 * height, y - height * 0.68],
                        [x + dx * height, y + dy * height],
                    ]
                )
            )
            self.fill(ribbon(limb, np.linspace(0.1, 0.02, len(limb)) * height), "7a5f4c")
            self.fill(foliage(self.chance, x + dx * height, y + dy * height, 0.13 * height, 0.07 * height, 7), "6b7f45")
        self.fill(placed(trunk, x, y, height), "7a5f4c")
        self.fill(placed(trunk, x + self.sun_side * 0.04 * height, y, (height * 0.55, height)), "8d7059")

    def grass(
        self, left: float, right: float, y: float, height: float, colour: Colour | str, step: float = 0.012
    ) -> None:
        """A row of blades."""
        count = max(2, int((right - left) / step))
        x = np.linspace(left, right, count)
        tips = y - height * self.chance.uniform(0.35, 1, count)
        bend = self.chance.uniform(-0.6, 0.6, count) * step
        zigzag = np.empty((2 * count, 2))
        zigzag[0::2] = np.stack([x, np.full(count, y)], 1)
        zigzag[1::2] = np.stack([x + step * 0.5 + bend, tips], 1)
        self.fill(np.concatenate([zigzag, [[right, y + height * 0.3], [left, y + height * 0.3]]]), colour)

    def flower(self, x: float, y: float, height: float, petals: str, heart: str = "7a4a24") -> None:
        stem = line(np.array([[x, y], [x + 0.05 * height, y - 0.5 * height], [x, y - height]]))
        self.fill(ribbon(stem, 0.035 * height), "4c7a3c")
        self.fill(placed(curve("0,0 0.12,-0.1 0.3,-0.12 0.16,0.02", 4), x, y - 0.42 * height, height), "5a8c46")
        radius = 0.2 * height
        for angle in np.arange(0, 2 * math.pi, 2 * math.pi / 9):
            at = x + radius * 0.7 * math.cos(angle), y - height + radius * 0.7 * math.sin(angle)
            self.fill(
                placed(ellipse(0, 0, radius * 0.55, radius * 0.24, 16), *at, turn=angle),
                petals,
                0.08 * (1 + math.cos(angle)),
            )
        self.fill(ellipse(x, y - height, radius * 0.42), heart)

    # ---- Houses ------------------------------------------------------------------------------------------------------

    def hut(self, x: float, y: float, size: float, wall: str = "b9794a") -> None:
        """A round house of clay under a cone of straw."""
        self.fill(placed(points("-0.36,0 -0.34,-0.42 0.34,-0.42 0.36,0"), x, y, size), wall)
        shade = -0.36 if self.sun_side > 0 else 0.1
        self.fill(placed(rectangle(shade, -0.42, shade + 0.26, 0), x, y, size), wall, 0.25)
        self.fill(placed(curve("-0.08,0 -0.08,-0.24 0,-0.3 0.08,-0.24 0.08,0", 4), x, y, size), "3a2619")
        if self.grade.lamps > 0.4:
            self.fill(placed(rectangle(0.15, -0.28, 0.25, -0.18), x, y, size), LAMP)
            self.light(x + 0.2 * size, y - 0.2 * size, 0.4 * size, strength=0.35)
        roof = placed(
            points(
                "-0.56,-0.34 0,-1 0.56,-0.34 0.46,-0.37 0.36,-0.33 0.24,-0.37 "
                "0.1,-0.33 -0.04,-0.37 -0.2,-0.33 -0.34,-0.37 -0.46,-0.33"
            ),
            x,
            y,
            size,
        )
        self.fill(roof, "8a6a3c")
        lit = points("0,-1 0.56,-0.34 0.46,-0.37 0.36,-0.33 0.24,-0.37 0.12,-0.34") * (self.sun_side, 1)
        self.fill(placed(lit, x, y, size), "b08a4e")

    def house(
        self, x: float, y: float, width: float, height: float, wall: str, roof: str, *, pitched: bool = True
    ) -> None:
        self.fill(rectangle(x, y - height, x + width, y), wall)
        self.fill(
            rectangle(
                x if self.sun_side > 0 else x + 0.72 * width,
                y - height,
                x + (0.28 * width if self.sun_side > 0 else width),
                y,
            ),
            wall,
            0.14,
        )
        eaves = 0.07 * width
        if pitched:
            peak = np.array(
                [[x - eaves, y - height], [x + width * 0.5, y - height * 1.5], [x + width + eaves, y - height]]
            )
            self.fill(peak, roof)
            self.fill(
                np.array(
                    [
                        [x + width * 0.5, y - height * 1.5],
                        [x + width + eaves, y - height],
                        [x + width * 0.5, y - height],
                    ]
                ),
                roof,
                0.2,
            )
        else:
            self.fill(rectangle(x - eaves, y - height * 1.08, x + width + eaves, y - height * 0.98), roof)
        self.fill(rectangle(x + 0.42 * width, y - 0.52 * height, x + 0.6 * width, y), "4a3326")
        for at in (0.14, 0.74):
            window = rectangle(x + at * width, y - 0.66 * height, x + (at + 0.15) * width, y - 0.38 * height)
            lamp = self.grade.lamps > 0.25 and self.chance.random() < 0.8
            self.sheet.fill(window, self.grade.sky(LAMP) if lamp else self.tone("3c5566"))
            if lamp:
                self.light(x + (at + 0.07) * width, y - 0.5 * height, 0.5 * width, strength=0.3)

    def block(self, x: float, y: float, width: float, height: float, wall: str, *, window: float = 0.018) -> None:
        """A tall building with rows of windows, lit at night."""
        self.fill(rectangle(x, y - height, x + width, y), wall)
        side = 0.3 * width
        left = x if self.sun_side > 0 else x + width - side
        self.fill(rectangle(left, y - height, left + side, y), wall, 0.2)
        kind = self.chance.integers(4)
        if kind == 0:
            self.fill(rectangle(x + 0.46 * width, y - height * 1.16, x + 0.5 * width, y - height), wall, 0.3)
        elif kind == 1:
            self.fill(rectangle(x + 0.2 * width, y - height - 0.02, x + 0.8 * width, y - height), wall, 0.12)
        elif kind == 2:
            self.fill(rectangle(x + 0.6 * width, y - height - 0.025, x + 0.85 * width, y - height), wall, 0.3)
        columns = max(2, int(width / window / 1.9))
        rows = max(2, int(height / window / 1.9))
        lit: list[Outline] = []
        dark: list[Outline] = []
        for row in range(rows):
            for column in range(columns):
                left = x + width * (column + 0.26) / columns
                top = y - height + height * (row + 0.3) / rows
                pane = rectangle(left, top, left + width * 0.5 / columns, top + height * 0.42 / rows)
                (lit if self.chance.random() < 0.5 * min(1, self.grade.lamps) else dark).append(pane)
        self.fills(dark, mix(hexed(wall), (30, 44, 62), 0.45))
        if lit:
            half = len(lit) // 3
            self.sheet.fills(lit[half:], self.grade.sky(mix((255, 206, 130), self.grade.haze, 0.4 * (1 - self.depth))))
            self.sheet.fills(lit[:half], self.grade.sky(mix((255, 238, 196), self.grade.haze, 0.4 * (1 - self.depth))))

    def sign(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """A shining sign with strokes like letters."""
        glowing = self.grade.lamps > 0.25
        self.sheet.fill(
            rectangle(x, y, x + width, y + height),
            self.grade.sky(mix(colour, (10, 8, 20), 0.55)) if glowing else self.tone(colour, 0.1),
        )
        strokes = []
        if height > width:
            count = max(2, int(height / width / 0.9))
            strokes = [
                rectangle(
                    x + 0.22 * width, y + height * (n + 0.2) / count, x + 0.78 * width, y + height * (n + 0.66) / count
                )
                for n in range(count)
            ]
        else:
            count = max(2, int(width / height / 0.7))
            strokes = [
                rectangle(
                    x + width * (n + 0.2) / count, y + 0.24 * height, x + width * (n + 0.7) / count, y + 0.76 * height
                )
                for n in range(count)
            ]
        self.sheet.fills(strokes, self.grade.sky(lighter(colour, 0.45)))
        if glowing:
            self.sheet.glow(x + width / 2, y + height / 2, 1.6 * max(width, height), self.grade.sky(colour), 0.4)

    def street_lamp(self, x: float, y: float, height: float, side: int = 1) -> None:
        self.fill(capsule((x, y), (x, y - height), 0.02 * height, 0.012 * height), "3b3f47")
        arm = line(
            np.array(
                [
                    [x, y - height],
                    [x + 0.06 * side * height, y - 1.06 * height],
                    [x + 0.16 * side * height, y - 1.05 * height],
                ]
            )
        )
        self.fill(ribbon(arm, 0.012 * height), "3b3f47")
        lamp = (x + 0.17 * side * height, y - 1.035 * height)
        self.sheet.fill(ellipse(*lamp, 0.028 * height, 0.014 * height), self.grade.sky((255, 232, 178)))
        if self.grade.lamps > 0.2:
            cone = np.array(
                [
                    [lamp[0] - 0.02 * height, lamp[1]],
                    [lamp[0] + 0.02 * height, lamp[1]],
                    [lamp[0] + 0.3 * height, y],
                    [lamp[0] - 0.3 * height, y],
                ]
            )
            self.sheet.gleam(cone, self.grade.sky(LAMP), 0.16 * self.grade.lamps, 0.02 * height)
            self.light(*lamp, 0.26 * height, strength=0.8)

    def stall(self, x: float, y: float, size: float, awning: tuple[str, str]) -> None:
        """A market stall: striped awning, a counter with heaps of fruit."""
        for at in (-0.46, 0.44):
            self.fill(placed(rectangle(at, -0.78, at + 0.03, 0), x, y, size), "5a4130")
        self.fill(placed(rectangle(-0.5, -0.32, 0.5, 0), x, y, size), "8a5a36")
        self.fill(placed(rectangle(-0.5, -0.34, 0.5, -0.28), x, y, size), "b98250")
        for n in range(5):
            left = -0.48 + 0.195 * n
            self.fill(
                placed(points(f"{left},-0.05 {left + 0.16},-0.05 {left + 0.15},-0.24 {left + 0.01},-0.24"), x, y, size),
                "74492c",
                0.15,
            )
        heaps = ("d9482b", "f0a92d", "7fa43a", "e9cf3f", "b0543b", "8c3b61", "ef7f2f")
        for n in range(5):
            colour = heaps[int(self.chance.integers(len(heaps)))]
            middle = -0.4 + 0.2 * n
            for dx, dy in ((-0.06, 0), (0, 0), (0.06, 0), (-0.03, 0.05), (0.03, 0.05), (0, 0.1)):
                self.fill(placed(ellipse(middle + dx, -0.37 - dy, 0.04, steps=14), x, y, size), colour, 0.12 * (dx < 0))
        stripes = 8
        for n in range(stripes):
            a, b = -0.58 + 1.16 * n / stripes, -0.58 + 1.16 * (n + 1) / stripes
            top_a, top_b = a * 0.8, b * 0.8
            flap = points(f"{top_a},-1 {top_b},-1 {b},-0.78 {(a + b) / 2},-0.72 {a},-0.78")
            self.fill(placed(flap, x, y, size), awning[n % 2])

    # ---- Land --------------------------------------------------------------------------------------------------------

    def rock(self, x: float, y: float, width: float, colour: str = "6f6a66") -> None:
        jag = self.chance.uniform(0.8, 1.15, 7)
        shape = points("-0.5,0 -0.42,-0.28 -0.18,-0.46 0.1,-0.5 0.36,-0.3 0.5,0 0,0.05") * jag[:, None]
        self.fill(placed(shape, x, y, width), colour, 0.15)
        self.fill(placed(shape * (0.62, 0.8), x + 0.1 * self.sun_side * width, y, width), lighter(hexed(colour), 0.12))

    def cactus(self, x: float, y: float, height: float) -> None:
        green = "4d7a4c"
        self.fill(capsule((x, y), (x, y - height), height * 0.16), green)
        for side, low in ((-1, 0.45), (1, 0.3)):
            elbow = (x + side * 0.26 * height, y - (low + 0.05) * height)
            self.fill(capsule((x, y - low * height), elbow, height * 0.1), green)
            self.fill(capsule(elbow, (elbow[0], elbow[1] - 0.28 * height), height * 0.1), green)
        self.fill(
            capsule(
                (x + 0.03 * self.sun_side * height, y),
                (x + 0.03 * self.sun_side * height, y - 0.97 * height),
                height * 0.04,
            ),
            "74a066",
        )

    def coral(self, x: float, y: float, height: float, colour: str) -> None:
        def branch(at: tuple[float, float], angle: float, length: float, left: int) -> None:
            end = (at[0] + length * math.cos(angle), at[1] - length * math.sin(angle))
            self.fill(capsule(at, end, length * 0.34, length * 0.26), colour, 0.1 * (left % 2))
            if left:
                for turn in (-0.45, 0.4):
                    branch(end, angle + turn + self.chance.uniform(-0.12, 0.12), length * 0.72, left - 1)

        branch((x, y), math.pi / 2, height * 0.36, 3)

    def weed(self, x: float, y: float, height: float, colour: str) -> None:
        sway = self.chance.uniform(-0.1, 0.1)
        stem = np.array(
            [
                [x + 0.05 * height * math.sin(5 * at + 9 * sway) + sway * at * height, y - at * height]
                for at in np.linspace(0, 1, 9)
            ]
        )
        path = line(stem, 4)
        self.fill(ribbon(path, height * 0.09 * np.sin(np.linspace(0.6, math.pi, len(path)))), colour)

    # ---- Rooms -------------------------------------------------------------------------------------------------------

    def window(self, x: float, y: float, width: float, height: float) -> None:
        """A window on the weather outside, its frame and its curtains."""
        sky = rectangle(x, y, x + width, y + height)
        self.sheet.shade(sky, self.grade.sky(self.grade.middle), self.grade.sky(self.grade.low))
        hill = smooth(
            np.array(
                [
                    [x, y + height],
                    [x, y + 0.78 * height],
                    [x + 0.4 * width, y + 0.66 * height],
                    [x + 0.75 * width, y + 0.76 * height],
                    [x + width, y + 0.7 * height],
                    [x + width, y + height],
                ]
            ),
            4,
        )
        hill[:, 0] = hill[:, 0].clip(x, x + width)
        hill[:, 1] = hill[:, 1].clip(y, y + height)
        self.sheet.fill(hill, self.grade.tone(hexed("5a7d6a"), 0.4))
        bar = 0.03 * width
        for box in (
            (x - bar, y - bar, x + width + bar, y),
            (x - bar, y + height, x + width + bar, y + height + 1.5 * bar),
            (x - bar, y, x, y + height),
            (x + width, y, x + width + bar, y + height),
            (x + 0.485 * width, y, x + 0.515 * width, y + height),
            (x, y + 0.44 * height, x + width, y + 0.47 * height),
        ):
            self.fill(rectangle(*box), "efe4d2")
        for side, left in ((1, x - 0.24 * width), (-1, x + width + 0.24 * width)):
            drape = curve(f"0,-0.1 {0.36 * side},-0.1 {0.3 * side},0.4 {0.16 * side},0.72 {0.3 * side},1.16 0,1.16", 5)
            self.fill(placed(drape, left, y, (width, height)), "b65a46", 0.1 if side > 0 else 0)

    def sofa(self, x: float, y: float, width: float, colour: str) -> None:
        base = hexed(colour)
        self.fill(
            placed(
                curve("-0.5,-0.12 -0.47,-0.46 -0.3,-0.52 0.3,-0.52 0.47,-0.46 0.5,-0.12 0.4,-0.05 -0.4,-0.05", 6),
                x,
                y,
                width,
            ),
            lighter(base, -0.2),
        )
        for at in (-0.23, 0.23):
            self.fill(
                placed(
                    curve("-0.22,-0.18 -0.2,-0.45 0,-0.48 0.2,-0.45 0.22,-0.18 0,-0.16", 5), x + at * width, y, width
                ),
                lighter(base, -0.06),
            )
        for at in (-0.22, 0.22):
            self.fill(
                placed(
                    curve("-0.23,-0.11 -0.23,-0.22 0,-0.25 0.23,-0.22 0.23,-0.11 0,-0.09", 5), x + at * width, y, width
                ),
                lighter(base, 0.08),
            )
        self.fill(placed(rectangle(-0.5, -0.13, 0.5, -0.05), x, y, width), lighter(base, -0.12))
        for side in (-1, 1):
            self.fill(
                placed(
                    curve("-0.07,-0.04 -0.08,-0.3 0,-0.35 0.08,-0.3 0.07,-0.04", 5), x + side * 0.5 * width, y, width
                ),
                lighter(base, 0.02),
            )
            self.fill(placed(rectangle(-0.012, -0.05, 0.012, 0), x + side * 0.44 * width, y, width), "3d2a1f")

    def floor_lamp(self, x: float, y: float, height: float) -> None:
        self.fill(capsule((x, y), (x, y - height), 0.02 * height), "4a3a30")
        self.fill(ellipse(x, y, 0.1 * height, 0.02 * height), "4a3a30")
        shade = placed(points("-0.09,-0.16 0.09,-0.16 0.14,0.06 -0.14,0.06"), x, y - height, height)
        glowing = self.grade.lamps > 0.25
        self.sheet.fill(shade, self.grade.sky((255, 222, 156)) if glowing else self.tone("e8d3a8"))
        self.light(x, y - height, 0.75 * height, strength=0.5)

    def picture(self, x: float, y: float, width: float, height: float) -> None:
        self.fill(rectangle(x, y, x + width, y + height), "5b4331")
        self.fill(rectangle(x + 0.08 * width, y + 0.08 * height, x + 0.92 * width, y + 0.92 * height), "efe2c8")
        self.fill(ellipse(x + 0.55 * width, y + 0.42 * height, 0.16 * width), "d98b4a")
        self.fill(
            np.array(
                [
                    [x + 0.08 * width, y + 0.92 * height],
                    [x + 0.4 * width, y + 0.5 * height],
                    [x + 0.92 * width, y + 0.92 * height],
                ]
            ),
            "6f8f7a",
        )

    def shelf(self, x: float, y: float, width: float, height: float, rows: int = 3) -> None:
        """A bookcase."""
        self.fill(rectangle(x, y - height, x + width, y), "6a4a33", 0.2)
        spines = ("b5523b", "d9a441", "4f7f86", "e6d5b4", "7a4f6d", "3f5e4a", "c97f4c", "2f4858")
        for row in range(rows):
            bottom = y - height * (row + 0.08) / rows
            room = height * 0.8 / rows
            at = x + 0.04 * width
            while at < x + 0.93 * width:
                thick = width * self.chance.uniform(0.035, 0.075)
                tall = room * self.chance.uniform(0.66, 0.96)
                self.fill(
                    rectangle(at, bottom - tall, min(at + thick, x + 0.96 * width), bottom),
                    spines[int(self.chance.integers(len(spines)))],
                )
                at += thick * 1.04
            self.fill(rectangle(x, bottom, x + width, bottom + height * 0.035), "7d583d")
