"""The settings, by their names in the vocabulary: each paints its layers on a stage, from the back to where the subject
stands. What stands in front of the subject is in `FOREGROUNDS`."""

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tchavi_studio.engines.preview.drawing.paper import Sheet, dot, hexed, lighter, mix
from tchavi_studio.engines.preview.drawing.props import Painter
from tchavi_studio.engines.preview.drawing.shapes import (
    Outline,
    Wave,
    cloud,
    curve,
    ellipse,
    foliage,
    line,
    placed,
    points,
    rectangle,
    ribbon,
    smooth,
    under,
)
from tchavi_studio.engines.preview.drawing.stage import Stage

WATER = "2f7f9c"
BLACK = "1d1b22"
SIGNS = ((255, 72, 120), (70, 214, 255), (255, 190, 60), (140, 255, 150), (190, 110, 255))


def painter(stage: Stage, depth: float, *, drift: float = 0.0, fine: float = 1.0) -> Painter:
    frost = 0.5 if "snow" in stage.weather else 0.0
    return Painter(stage.sheet(depth, drift=drift, fine=fine), stage.grade, depth, stage.chance, frost=frost)


def span(sheet: Sheet, step: float, chance: np.random.Generator, jitter: float = 0.4) -> list[float]:
    """Places along a sheet, about `step` apart."""
    area = sheet.area
    count = max(1, int((area.right - area.left) / step))
    places = np.linspace(area.left + step / 2, area.right - step / 2, count)
    return [float(x) for x in places + chance.uniform(-jitter, jitter, count) * step]


# ---- Sky -------------------------------------------------------------------------------------------------------------


def sky(stage: Stage, *, clouds: int = 3, sun: bool = True) -> None:
    grade, sheet = stage.grade, stage.sheet(0.0)
    if {"rain", "storm", "snow", "clouds"} & set(stage.weather):
        sun, clouds = False, clouds and clouds + 3
    area = sheet.area
    # Two edges that meet would let through what is behind, so there is paper under the seam.
    sheet.fill(rectangle(*area), grade.sky(grade.middle))
    split = area.top + (max(stage.horizon, 0.35) - area.top) * 0.62
    sheet.shade(rectangle(area.left, area.top, area.right, split), grade.sky(grade.top), grade.sky(grade.middle))
    sheet.shade(
        rectangle(area.left, split, area.right, max(area.bottom, 1.0)), grade.sky(grade.middle), grade.sky(grade.low)
    )
    if stage.horizon < 0.97:
        sheet.shade(
            rectangle(area.left, stage.horizon, area.right, area.bottom), grade.sky(grade.low), grade.sky(grade.low)
        )
    if grade.stars:
        for _ in range(int(170 * grade.stars * (area.right - area.left))):
            x, y = stage.chance.uniform(area.left, area.right), stage.chance.uniform(area.top, stage.horizon + 0.02)
            shine = stage.chance.uniform(0.2, 1) * grade.stars
            colour = mix(grade.sky(grade.top), (255, 250, 235), shine)
            sheet.fill(dot(x, y, stage.chance.uniform(0.0008, 0.0022)), colour)
    if sun:
        x, y = (grade.sun[0] - 0.5) * stage.aspect * 0.92, grade.sun[1] * stage.horizon
        disc, colour = (0.052 if grade.stars else 0.062), grade.sky(grade.sun_colour)
        sheet.glow(x, y, 0.85, grade.sky(mix(grade.sun_colour, grade.low, 0.5)), 0.28 if grade.stars else 0.5)
        sheet.glow(x, y, 0.26, colour, 0.4)
        sheet.fill(ellipse(x, y, disc), colour)
        if grade.stars >= 1:
            for dx, dy, r in ((-0.4, -0.1, 0.2), (0.2, 0.35, 0.15), (0.3, -0.35, 0.11)):
                sheet.fill(ellipse(x + dx * disc, y + dy * disc, r * disc), mix(colour, grade.sky(grade.middle), 0.22))
    stage.lay(sheet, 0.0, shadow=0, blur=0)
    if clouds and stage.horizon > 0.12:
        drift = 0.006
        heaps = stage.sheet(0.04, drift=drift)
        for row in range(2):
            for x in span(heaps, 2.2 / clouds, stage.chance, 0.8):
                y = stage.horizon * (0.28 + 0.33 * row) * stage.chance.uniform(0.75, 1.15)
                width = stage.chance.uniform(0.25, 0.55) * (1 - 0.35 * row)
                shape = cloud(stage.chance, x, y, width)
                light = mix(grade.sky(grade.low), (255, 255, 255), 0.35 * (1 - grade.stars))
                heaps.shade(shape, light, mix(light, grade.sky(grade.middle), 0.7), alpha=0.9 - 0.45 * grade.stars)
        stage.lay(heaps, 0.04, drift=drift, shadow=0.14)


def hills(
    stage: Stage,
    depth: float,
    *,
    base: float,
    height: float,
    colour: str,
    length: float = 1.4,
    rugged: float = 0.45,
    snow: bool = False,
) -> None:
    """A range of hills or mountains."""
    p = painter(stage, depth)
    area, wave = p.sheet.area, Wave(stage.chance, length=length, rugged=rugged)

    def outline(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return base - height * (0.55 + 0.6 * wave(x))

    whole = under(area.left, area.right, area.bottom, outline)
    p.sheet.shade(whole, p.tone(colour), mix(p.tone(colour), stage.grade.sky(stage.grade.haze), 0.45))
    if snow:
        x = np.arange(area.left, area.right + 0.006, 0.006)
        top = outline(x)
        line_at = base - height * 0.62
        jag = 0.035 * np.sin(x * 61) + 0.02 * np.sin(x * 143 + 1)
        low = np.maximum(top, np.minimum(line_at + jag * height * 3, top + height * 0.34 + jag * height * 2))
        p.fill(np.concatenate([np.stack([x, top], 1), np.stack([x, low], 1)[::-1]]), "f4f7fb")
    stage.lay(p.sheet, depth)


def ground(
    stage: Stage,
    depth: float,
    top: float,
    colour: str,
    *,
    rise: float = 0.012,
    length: float = 1.2,
    deeper: float = 0.25,
) -> Painter:
    """A stretch of ground down to the frame's lower edge, darker towards it; the caller furnishes and lays it."""
    p = painter(stage, depth)
    area, wave = p.sheet.area, Wave(stage.chance, length=length, octaves=4)
    whole = under(area.left, area.right, area.bottom, lambda x: top - rise * wave(x))
    if p.frost:
        colour, deeper = "f1f5fa", min(deeper, 0.1)
    p.sheet.shade(whole, p.tone(colour), p.tone(colour, deeper))
    return p


def water(stage: Stage, depth: float, top: float, colour: str = WATER, *, glitter: bool = True) -> Painter:
    """A still or rolling surface that mirrors the sky; the caller lays it."""
    p, grade = painter(stage, depth), stage.grade
    area = p.sheet.area
    surface = rectangle(area.left, top, area.right, area.bottom)
    near = p.tone(colour, 0.2)
    p.sheet.shade(surface, mix(grade.sky(grade.low), p.tone(colour), 0.45), near)
    for _ in range(int(60 * (area.right - area.left))):
        way = stage.chance.random() ** 1.6
        y = top + 0.006 + way * (area.bottom - top)
        length = (0.02 + 0.1 * way) * stage.chance.uniform(0.5, 1.5)
        x = stage.chance.uniform(area.left, area.right)
        tone = mix(near, grade.sky(grade.low), 0.55 - 0.35 * way)
        p.sheet.fill(
            curve(f"{x - length},{y} {x},{y - 0.002 - 0.004 * way} {x + length},{y} {x},{y + 0.002 + 0.003 * way}", 4),
            tone,
            0.55,
        )
    if glitter and grade.sun[1] < 1.2:
        middle = (grade.sun[0] - 0.5) * stage.aspect * 0.92
        shine = grade.sky(grade.sun_colour)
        for _ in range(90):
            way = stage.chance.random() ** 1.3
            y = top + 0.004 + way * (area.bottom - top) * 0.9
            x = middle + stage.chance.normal(0, 0.02 + 0.1 * way)
            length = (0.008 + 0.035 * way) * stage.chance.uniform(0.5, 1.4)
            p.sheet.fill(ellipse(x, y, length, 0.0014 + 0.003 * way, 12), shine, 0.75)
    return p


# ---- Water -----------------------------------------------------------------------------------------------------------


def sea(stage: Stage) -> None:
    sky(stage)
    p = water(stage, 0.2, stage.horizon)
    stage.lay(p.sheet, 0.2, shadow=0.1)
    storm = 1.8 if stage.rough else 1.0
    for number, depth in enumerate((0.4, 0.62, 0.85)):
        wave_row(
            stage,
            depth,
            stage.horizon + (0.06, 0.16, 0.3)[number] * (1.06 - stage.horizon) * 2,
            storm * (0.008, 0.014, 0.02)[number],
        )


def wave_row(stage: Stage, depth: float, top: float, height: float) -> None:
    """One sheet of rolling water with foam along its crests."""
    drift = 0.02 * depth
    p = painter(stage, depth, drift=drift)
    area, length = p.sheet.area, 0.16 + 0.3 * depth
    phase = stage.chance.uniform(0, 6)
    x = np.arange(area.left, area.right + 0.004, 0.004)
    beat = 2 * math.pi * x / length + phase
    crest = top - height * (np.abs(np.sin(beat / 2)) * 1.6 - 0.8 + 0.35 * np.sin(beat * 0.31))
    body = np.concatenate([np.stack([x, crest], 1), [[area.right, area.bottom], [area.left, area.bottom]]])
    colour = mix(hexed(WATER), hexed("14465f"), 0.5 * depth)
    p.sheet.shade(body, lighter(p.tone(colour), 0.08), p.tone(colour, 0.35))
    foam = 0.2 + 0.5 * np.abs(np.cos(beat / 2)) ** 3
    edge = np.concatenate([np.stack([x, crest], 1), np.stack([x, crest + height * 0.42 * foam], 1)[::-1]])
    p.sheet.fill(edge, mix(p.tone("ffffff"), p.tone(colour), 0.18))
    stage.lay(p.sheet, depth, drift=drift, shadow=0.4)


def beach(stage: Stage) -> None:
    sky(stage)
    p = water(stage, 0.25, stage.horizon, "2f93a6")
    stage.lay(p.sheet, 0.25, shadow=0.1)
    wave_row(stage, 0.5, stage.horizon + 0.4 * (stage.shore - stage.horizon), 0.008)
    p = painter(stage, 0.8)
    area, wave = p.sheet.area, Wave(stage.chance, length=1.6, octaves=3)
    x = np.arange(area.left, area.right + 0.006, 0.006)
    top = stage.shore + 0.018 * wave(x)
    p.fill(
        np.concatenate(
            [
                np.stack([x, top - 0.014 - 0.006 * np.sin(x * 23)], 1),
                [[area.right, area.bottom], [area.left, area.bottom]],
            ]
        ),
        "f6f7f2",
    )
    sand = np.concatenate([np.stack([x, top], 1), [[area.right, area.bottom], [area.left, area.bottom]]])
    p.sheet.shade(sand, p.tone("d8b27c"), p.tone("ecc98e"))
    p.sheet.fill(np.concatenate([np.stack([x, top], 1), np.stack([x, top + 0.03], 1)[::-1]]), p.tone("b88f5f"), 0.6)
    side = -1 if stage.grade.sun[0] > 0.5 else 1
    for dx, height, lean in ((0.44, 0.62, -0.2), (0.34, 0.5, -0.1)):
        p.palm(side * dx * stage.aspect, stage.shore + 0.12, height, side * lean)
    stage.lay(p.sheet, 0.8)


def lagoon(stage: Stage) -> None:
    sky(stage)
    hills(stage, 0.12, base=stage.horizon + 0.02, height=0.07, colour="4a7a63", length=0.9)
    p = water(stage, 0.3, stage.horizon, "3a8a8f")
    stage.lay(p.sheet, 0.3, shadow=0.12)
    p = painter(stage, 0.5)
    base = stage.horizon + 0.055
    for x in span(p.sheet, 0.42, stage.chance):
        size = stage.chance.uniform(0.1, 0.14)
        for leg in (-0.3, -0.1, 0.1, 0.3):
            p.fill(
                rectangle(x + leg * size - 0.002, base - 0.3 * size, x + leg * size + 0.003, base + 0.34 * size),
                "4a3528",
            )
        p.hut(x, base - 0.28 * size, size, "9a6a44")
        p.sheet.fill(ellipse(x, base + 0.36 * size, 0.5 * size, 0.012), p.tone("16404a"), 0.35, 0.004)
    for x in span(p.sheet, 0.55, stage.chance):
        p.palm(x, base + 0.005, stage.chance.uniform(0.14, 0.22), stage.chance.uniform(-0.2, 0.2))
    stage.lay(p.sheet, 0.5, shadow=0.25)
    wave_row(stage, 0.85, stage.horizon + 0.6 * (1 - stage.horizon), 0.005)


def river(stage: Stage) -> None:
    sky(stage, clouds=2)
    hills(stage, 0.12, base=stage.horizon + 0.02, height=0.16, colour="5f8f7c")
    treeline(stage, 0.3, stage.horizon + 0.02, 0.16, "3e7250")
    p = ground(stage, 0.5, stage.horizon + 0.03, "6f9450")
    area, grade = p.sheet.area, stage.grade
    way = np.linspace(0, 1, 30)
    middle = 0.16 * np.sin(way * 5 + 0.6) * way + 0.02
    half = 0.012 + 0.42 * way**1.7
    y = stage.horizon + 0.035 + way * (area.bottom - stage.horizon - 0.035)
    stream = np.concatenate([np.stack([middle - half, y], 1), np.stack([middle + half, y], 1)[::-1]])
    p.sheet.fill(placed(stream, 0, 0.006), p.tone("4c6a3a"))
    p.sheet.shade(stream, mix(grade.sky(grade.low), p.tone(WATER), 0.3), p.tone(WATER, 0.15))
    for _ in range(70):
        at = stage.chance.random() ** 0.8
        here = np.interp(at, way, middle) + np.interp(at, way, half) * stage.chance.uniform(-0.8, 0.8)
        p.sheet.fill(
            ellipse(here, np.interp(at, way, y), 0.006 + 0.05 * at, 0.001 + 0.003 * at, 12),
            lighter(grade.sky(grade.low), 0.2),
            0.6,
        )
    for x in span(p.sheet, 0.16, stage.chance):
        if abs(x - 0.05) > 0.3:
            p.grass(x - 0.05, x + 0.05, stage.horizon + stage.chance.uniform(0.1, 0.45), 0.05, "7fa355")
    stage.lay(p.sheet, 0.5)


def lake(stage: Stage) -> None:
    sky(stage)
    hills(stage, 0.1, base=stage.horizon + 0.02, height=0.26, colour="6d8fa6", snow=True, length=1.1)
    treeline(stage, 0.3, stage.horizon + 0.012, 0.12, "2f5d4c", conifers=True)
    p = water(stage, 0.4, stage.horizon, "2f6f86")
    area = p.sheet.area
    wave = Wave(stage.chance, length=0.7, octaves=3)
    mirrored = under(area.left, area.right, stage.horizon, lambda x: stage.horizon + 0.1 + 0.06 * wave(x))
    p.sheet.fill(mirrored, p.tone("24505a"), 0.4, 0.012)
    stage.lay(p.sheet, 0.4, shadow=0.1)
    p = ground(stage, 0.85, max(stage.shore, 0.8), "5c7a4a", rise=0.02)
    for x in span(p.sheet, 0.07, stage.chance):
        p.grass(x - 0.05, x + 0.05, max(stage.shore, 0.8) + 0.02, 0.09, "7f9a55")
    stage.lay(p.sheet, 0.85)


# ---- Open land -------------------------------------------------------------------------------------------------------


def desert(stage: Stage) -> None:
    sky(stage, clouds=0)
    for depth, lift, colour in (
        (0.15, 0.1, "e0a869"),
        (0.35, 0.04, "dc9a58"),
        (0.6, -0.06, "d18a48"),
        (0.9, -0.2, "c67c3e"),
    ):
        p = painter(stage, depth)
        area = p.sheet.area
        base = stage.horizon + 0.05 - lift * (1.1 - stage.horizon) * 1.4
        wave = Wave(stage.chance, length=1.1 + 0.6 * depth, octaves=2, rugged=0.3)
        x = np.arange(area.left, area.right + 0.006, 0.006)
        top = base - (0.05 + 0.05 * depth) * wave(x)
        body = np.concatenate([np.stack([x, top], 1), [[area.right, area.bottom], [area.left, area.bottom]]])
        p.sheet.shade(body, p.tone(colour), p.tone(colour, 0.16))
        # The lee side of each crest lies in the shade, parted by a sharp edge.
        slope = np.gradient(top, x) * p.sun_side
        lee = np.clip(-slope * 1.2, 0, 1) * 0.22
        shadow = np.concatenate([np.stack([x, top], 1), np.stack([x + 0.12 * lee * -p.sun_side, top + lee], 1)[::-1]])
        p.sheet.fill(shadow, p.tone(colour, 0.36), 0.85)
        if depth > 0.5:
            for n in range(14):
                y = base + 0.05 + n * 0.028
                ripple = line(
                    np.stack(
                        [np.linspace(area.left, area.right, 40), y + 0.012 * np.sin(np.linspace(0, 30, 40) + n)], 1
                    ),
                    3,
                )
                p.sheet.fill(ribbon(ripple, 0.003), p.tone(colour, 0.14), 0.5)
        if depth == 0.6:
            for _ in range(2):
                p.cactus(stage.chance.uniform(-0.5, 0.5) * stage.aspect, base + 0.04, stage.chance.uniform(0.08, 0.15))
        stage.lay(p.sheet, depth)


def savanna(stage: Stage) -> None:
    sky(stage, clouds=2)
    hills(stage, 0.1, base=stage.horizon + 0.01, height=0.06, colour="8f8f6a", length=1.8)
    p = ground(stage, 0.25, stage.horizon, "cfae62", rise=0.006)
    for x in span(p.sheet, 0.3, stage.chance):
        p.acacia(x, stage.horizon + 0.012, stage.chance.uniform(0.06, 0.11))
    stage.lay(p.sheet, 0.25, shadow=0.2)
    p = ground(stage, 0.5, stage.horizon + 0.07, "c49c4c")
    p.grass(p.sheet.area.left, p.sheet.area.right, stage.horizon + 0.08, 0.035, "d9b866")
    side = -1 if stage.grade.sun[0] > 0.5 else 1
    p.acacia(side * 0.33 * stage.aspect, stage.horizon + 0.1, 0.4)
    stage.lay(p.sheet, 0.5)
    p = ground(stage, 0.8, stage.horizon + 0.2, "b58838")
    p.grass(p.sheet.area.left, p.sheet.area.right, stage.horizon + 0.215, 0.07, "cda550", 0.016)
    stage.lay(p.sheet, 0.8)


def treeline(stage: Stage, depth: float, base: float, height: float, leaf: str, *, conifers: bool = False) -> None:
    p = painter(stage, depth)
    area = p.sheet.area
    snowy = "snow" in stage.weather
    for x in span(p.sheet, height * 0.42, stage.chance, 0.6):
        tall = height * stage.chance.uniform(0.7, 1.15)
        if conifers:
            p.conifer(x, base + 0.01, tall, leaf, snowy)
        else:
            p.fill(
                foliage(stage.chance, x, base - tall * 0.45, tall * 0.4, tall * 0.5),
                lighter(hexed(leaf), stage.chance.uniform(-0.1, 0.12)),
            )
    p.fill(rectangle(area.left, base, area.right, area.bottom), leaf, 0.12)
    stage.lay(p.sheet, depth, shadow=0.25)


def forest(stage: Stage) -> None:
    grade = stage.grade
    sky(stage, clouds=0)
    for depth, leaf in ((0.15, "7fa58a"), (0.32, "56876a"), (0.55, "38694c")):
        p = painter(stage, depth)
        area = p.sheet.area
        base = stage.horizon + 0.1 * depth
        for x in span(p.sheet, 0.11 + 0.16 * depth, stage.chance, 0.5):
            width = (0.012 + 0.05 * depth) * stage.chance.uniform(0.7, 1.3)
            lean = stage.chance.uniform(-0.03, 0.03)
            p.fill(
                np.array(
                    [
                        [x - width, base + 0.1],
                        [x - width * 0.55 + lean, area.top],
                        [x + width * 0.55 + lean, area.top],
                        [x + width, base + 0.1],
                    ]
                ),
                mix(hexed("4e3d33"), hexed(leaf), 0.25),
            )
            edge = width * 0.5 * p.sun_side
            p.fill(
                np.array(
                    [
                        [x + edge, base + 0.1],
                        [x + edge * 0.6 + lean, area.top],
                        [x + edge * 1.1 + lean, area.top],
                        [x + 1.9 * edge, base + 0.1],
                    ]
                ),
                mix(hexed("8a6c52"), hexed(leaf), 0.3),
            )
        for x in span(p.sheet, 0.14, stage.chance, 0.7):
            y = area.top + stage.chance.uniform(-0.05, 0.16 + 0.1 * (1 - depth)) * max(0.6, stage.horizon)
            p.fill(foliage(stage.chance, x, y, 0.13, 0.1), lighter(hexed(leaf), stage.chance.uniform(-0.08, 0.12)))
        p.sheet.shade(
            under(area.left, area.right, area.bottom, partial(_swelling, base)),
            p.tone(leaf),
            p.tone(leaf, 0.25),
        )
        for x in span(p.sheet, 0.09, stage.chance, 0.6):
            p.fill(
                foliage(stage.chance, x, base + 0.02, 0.05, 0.03, 6),
                lighter(hexed(leaf), stage.chance.uniform(-0.06, 0.14)),
            )
        stage.lay(p.sheet, depth, shadow=0.3)
        if depth == 0.32:
            beams = stage.sheet(0.4)
            x = (grade.sun[0] - 0.5) * stage.aspect
            for n in range(5):
                at = x + (n - 2) * 0.16 + stage.chance.uniform(-0.05, 0.05)
                lean = -0.5 * (grade.sun[0] - 0.5)
                beams.gleam(
                    np.array([[at, -0.1], [at + 0.06, -0.1], [at + lean + 0.22, 1], [at + lean - 0.02, 1]]),
                    grade.sky(grade.sun_colour),
                    0.16 * (1 - 0.7 * grade.stars),
                    0.02,
                )
            stage.lay(beams, 0.4, shadow=0, grain=False)
    p = ground(stage, 0.85, max(stage.shore, stage.horizon + 0.12), "4f6f3e")
    for x in span(p.sheet, 0.1, stage.chance):
        fern(p, x, max(stage.shore, stage.horizon + 0.12) + 0.03, stage.chance.uniform(0.07, 0.13))
    stage.lay(p.sheet, 0.85)


def _swelling(base: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
    return base + 0.012 * np.sin(x * 9)


def fern(p: Painter, x: float, y: float, height: float) -> None:
    for angle in (-0.9, -0.45, 0, 0.45, 0.9):
        tip = (x + height * math.sin(angle), y - height * math.cos(angle))
        rib = line(np.array([[x, y], [x + 0.4 * height * math.sin(angle), y - 0.7 * height], tip]), 5)
        p.fill(
            ribbon(rib, height * 0.16 * np.sin(np.linspace(0.4, math.pi, len(rib)))),
            ("5f8f4c", "4c7d41", "6f9f55")[int(abs(angle) * 3) % 3],
        )


def field(stage: Stage) -> None:
    sky(stage)
    hills(stage, 0.12, base=stage.horizon + 0.02, height=0.1, colour="7fa08a")
    hills(stage, 0.25, base=stage.horizon + 0.03, height=0.06, colour="8fae62", length=1.0)
    treeline(stage, 0.35, stage.horizon + 0.025, 0.06, "4f7f4c")
    for depth, top, colour in ((0.5, 0.03, "d8b84e"), (0.85, 0.2, "c8a640")):
        p = ground(stage, depth, stage.horizon + top, colour if stage.crop else "86ad54", rise=0.02)
        area = p.sheet.area
        for row in range(9):
            way = row / 9
            y = stage.horizon + top + 0.012 + way * 0.5
            p.grass(
                area.left,
                area.right,
                y,
                0.03 + 0.06 * way,
                lighter(hexed("d8b84e" if stage.crop else "86ad54"), 0.1 * (row % 3) - 0.08),
                0.012 + 0.012 * way,
            )
        if not stage.crop:
            for _ in range(60):
                x, y = (
                    stage.chance.uniform(area.left, area.right),
                    stage.horizon + top + stage.chance.uniform(0.02, 0.5),
                )
                colour = ("e6503c", "f2d04a", "f4efe6", "c86fb0")[int(stage.chance.integers(4))]
                p.fill(dot(x, y, 0.004 + 0.008 * (y - stage.horizon)), colour)
        stage.lay(p.sheet, depth)


def mountain(stage: Stage) -> None:
    sky(stage)
    hills(
        stage,
        0.08,
        base=stage.horizon + 0.04,
        height=0.5 * stage.horizon + 0.1,
        colour="7f9bb4",
        snow=True,
        length=1.0,
        rugged=0.55,
    )
    hills(
        stage,
        0.2,
        base=stage.horizon + 0.06,
        height=0.34 * stage.horizon + 0.06,
        colour="56789a",
        snow=True,
        length=0.8,
        rugged=0.55,
    )
    hills(stage, 0.38, base=stage.horizon + 0.08, height=0.12, colour="466a62", length=0.8)
    treeline(stage, 0.5, stage.horizon + 0.1, 0.14, "2f5d4c", conifers=True)
    p = ground(stage, 0.85, max(stage.shore, stage.horizon + 0.2), "6a8a54", rise=0.03)
    for x in span(p.sheet, 0.4, stage.chance):
        p.rock(x, max(stage.shore, stage.horizon + 0.2) + 0.05, stage.chance.uniform(0.08, 0.18))
    stage.lay(p.sheet, 0.85)


def snowfield(stage: Stage) -> None:
    sky(stage, clouds=2)
    hills(stage, 0.12, base=stage.horizon + 0.03, height=0.22, colour="a9c3d8", snow=True, length=0.8, rugged=0.6)
    for depth, top, colour in ((0.3, 0.02, "dfeaf3"), (0.55, 0.09, "eaf2f8"), (0.85, 0.24, "f4f8fb")):
        p = ground(stage, depth, stage.horizon + top, colour, rise=0.03, deeper=0.08)
        for _ in range(3):
            x, width = stage.chance.uniform(-0.7, 0.7) * stage.aspect, stage.chance.uniform(0.08, 0.2) * (0.5 + depth)
            berg = points("-0.5,0 -0.3,-0.5 -0.05,-0.72 0.2,-0.4 0.5,0")
            p.fill(placed(berg, x, stage.horizon + top + 0.02, width), "c2d9e8")
            p.fill(
                placed(berg * (0.5, 0.9), x + 0.14 * width * p.sun_side, stage.horizon + top + 0.02, width), "f7fbfd"
            )
        stage.lay(p.sheet, depth)


# ---- Where people live -----------------------------------------------------------------------------------------------


def village(stage: Stage) -> None:
    sky(stage, clouds=2)
    hills(stage, 0.12, base=stage.horizon + 0.01, height=0.08, colour="7f9a74")
    treeline(stage, 0.25, stage.horizon + 0.01, 0.1, "5f8a58")
    snowy = "snow" in stage.weather
    for depth, base, size in ((0.4, 0.05, 0.16), (0.65, 0.12, 0.28)):
        p = ground(stage, depth, stage.horizon + base - 0.02, "eef2f6" if snowy else "c99a64", rise=0.006)
        places = span(p.sheet, size * 1.7, stage.chance)
        for number, x in enumerate(places):
            if depth > 0.5 and abs(x) < 0.22:
                continue
            if number % 3 == 2 and not snowy:
                p.palm(x, stage.horizon + base + 0.01, size * 1.7, stage.chance.uniform(-0.2, 0.2))
            elif snowy or number % 4 == 3:
                p.house(
                    x - size / 2,
                    stage.horizon + base,
                    size * 1.1,
                    size * 0.6,
                    "d8b48a",
                    "f4f7fa" if snowy else "8a4a38",
                )
            else:
                p.hut(x, stage.horizon + base, size, ("b9794a", "c98c5a", "a86a42")[number % 3])
        stage.lay(p.sheet, depth, shadow=0.3)
    side = 1 if stage.grade.sun[0] > 0.5 else -1
    p = ground(stage, 0.85, max(stage.shore, stage.horizon + 0.2), "f2f5f8" if snowy else "bf8a54", rise=0.01)
    if not snowy:
        p.baobab(-side * 0.4 * stage.aspect, stage.horizon + 0.28, 0.52)
        for x in span(p.sheet, 0.3, stage.chance):
            p.grass(x - 0.04, x + 0.04, max(stage.shore, stage.horizon + 0.2) + 0.02, 0.04, "8f9a4c")
    stage.lay(p.sheet, 0.85)


def row_of_houses(stage: Stage, side: int, *, shops: bool) -> Painter:
    """One side of a street, running towards the vanishing point."""
    p = painter(stage, 0.6)
    walls = ("d99a5b", "c8694a", "e0c08a", "8fae9c", "b9808a", "d8b04c", "7f9db4")
    edge = max(stage.aspect * 0.5, 0.36) + 0.55
    near, far = edge, 0.07
    at, number = near, 0
    while at > far * 1.2:
        after = far + (at - far) * 0.66
        wall = walls[(number * 3 + (side > 0) * 2 + int(stage.chance.integers(7))) % 7]
        lift = stage.chance.uniform(0.9, 1.2)

        def spot(x: float, up: float) -> tuple[float, float]:
            # Straight lines towards the vanishing point in the middle of the horizon.
            return side * x, stage.horizon + (x / near) * (1.05 - stage.horizon) * 1.25 * (1 - up)

        tall = 2.2 * lift if stage.horizon > 0.3 else 1.4
        quad = np.array([spot(at, 0), spot(at, tall), spot(after, tall), spot(after, 0)])
        p.fill(quad, wall, 0.04 if side * p.sun_side < 0 else 0.24)
        p.fill(
            np.array([spot(at, tall), spot(at, tall * 1.04), spot(after, tall * 1.04), spot(after, tall)]), wall, 0.45
        )
        for level in (1.15, 1.65):
            for k in range(2):
                a, b = at + (after - at) * (0.16 + 0.45 * k), at + (after - at) * (0.4 + 0.45 * k)
                pane = np.array([spot(a, level), spot(a, level + 0.3), spot(b, level + 0.3), spot(b, level)])
                lit = stage.grade.lamps > 0.25 and stage.chance.random() < 0.6
                p.sheet.fill(pane, stage.grade.sky((255, 212, 140)) if lit else p.tone("3b5060"))
        a, b = at + (after - at) * 0.12, at + (after - at) * 0.88
        if shops or number % 2:
            glow = stage.grade.lamps > 0.25
            p.sheet.fill(
                np.array([spot(a, 0.02), spot(a, 0.62), spot(b, 0.62), spot(b, 0.02)]),
                stage.grade.sky((255, 196, 120)) if glow else p.tone("5a4a44"),
            )
            stripe = ("c8443a", "2f7f86", "e0a93a", "4f7f4c")[number % 4]
            p.fill(
                np.array([spot(a, 0.86), spot(a, 0.66), spot(b, 0.66), spot(b, 0.86)])
                + (-side * 0.035 * at, 0.02 * at),
                stripe,
            )
            if glow:
                middle = spot((a + b) / 2, 0.4)
                p.light(middle[0], middle[1], 0.3 * at, strength=0.35)
        else:
            p.fill(np.array([spot(a, 0), spot(a, 0.66), spot((a + b) / 2, 0.66), spot((a + b) / 2, 0)]), "5a3d2e")
        at, number = after, number + 1
    return p


def street(stage: Stage) -> None:
    sky(stage, clouds=2)
    hills(stage, 0.15, base=stage.horizon + 0.01, height=0.06, colour="8f9aa0")
    p = ground(stage, 0.45, stage.horizon, "8a7a6c", rise=0)
    road_to_horizon(p, stage, "5d5c62", "e8dcc0")
    stage.lay(p.sheet, 0.45, shadow=0)
    for side in (-1, 1):
        p = row_of_houses(stage, side, shops=stage.grade.lamps > 0.25)
        stage.lay(p.sheet, 0.6, shadow=0.3)
    p = painter(stage, 0.75)
    for side in (-1, 1):
        p.street_lamp(side * 0.3 * stage.aspect, stage.horizon + 0.25 * (1.1 - stage.horizon) * 2, 0.5, -side)
    stage.lay(p.sheet, 0.75, shadow=0.2)


def road_to_horizon(p: Painter, stage: Stage, asphalt: str, marking: str) -> None:
    """A road from the frame's lower edge to the vanishing point."""
    low = p.sheet.area.bottom
    half = 0.62 * max(0.8, stage.aspect * 0.7)
    p.sheet.shade(
        np.array([[-0.012, stage.horizon], [0.012, stage.horizon], [half, low], [-half, low]]),
        p.tone(asphalt),
        p.tone(asphalt, 0.25),
    )
    for n in range(7):
        a, b = (0.06 + n / 7) ** 2, (0.06 + (n + 0.5) / 7) ** 2
        ya, yb = stage.horizon + a * (low - stage.horizon) * 0.9, stage.horizon + b * (low - stage.horizon) * 0.9
        p.fill(np.array([[-0.012 * a, ya], [0.012 * a, ya], [0.014 * b, yb], [-0.014 * b, yb]]), marking)
    for side in (-1, 1):
        p.fill(np.array([[side * 0.01, stage.horizon], [side * half * 0.93, low], [side * half * 0.96, low]]), marking)


def city(stage: Stage) -> None:
    sky(stage, clouds=2)
    for depth, tall, colours in (
        (0.12, 0.34, ("8fa6b8", "9fb0ba")),
        (0.3, 0.44, ("6f8aa0", "8a9aa6", "7a8494")),
        (0.55, 0.5, ("b5764f", "56708a", "c49a6a", "4c6378")),
    ):
        p = painter(stage, depth, fine=1.2)
        area = p.sheet.area
        base = stage.horizon + 0.02 + 0.12 * depth
        x = area.left - 0.1
        while x < area.right:
            width = stage.chance.uniform(0.07, 0.15) * (0.7 + depth)
            middle = abs(x + width / 2) / (stage.aspect / 2)
            height = (
                tall * stage.chance.uniform(0.45, 1.0) * (0.6 + 0.4 * min(1, middle)) * max(0.45, stage.horizon / 0.62)
            )
            p.block(
                x,
                base + 0.2,
                width,
                height + 0.2,
                colours[int(stage.chance.integers(len(colours)))],
                window=0.011 + 0.014 * depth,
            )
            if depth > 0.5 and stage.grade.lamps > 0.5 and stage.chance.random() < 0.7:
                sign = SIGNS[int(stage.chance.integers(len(SIGNS)))]
                upright = stage.chance.random() < 0.6
                p.sign(
                    x + 0.15 * width, base - height * 0.7, 0.035 if upright else 0.12, 0.15 if upright else 0.04, sign
                )
            x += width * stage.chance.uniform(0.92, 1.12)
        stage.lay(p.sheet, depth, shadow=0.3)
    p = ground(stage, 0.8, stage.horizon + 0.12, "4a4d56", rise=0)
    wet = stage.grade.lamps > 0.4 or "rain" in stage.weather
    area = p.sheet.area
    if wet:
        for _ in range(int(16 * (area.right - area.left))):
            x, colour = stage.chance.uniform(area.left, area.right), SIGNS[int(stage.chance.integers(len(SIGNS)))]
            top = stage.horizon + 0.13 + stage.chance.uniform(0, 0.1)
            p.sheet.gleam(
                rectangle(x, top, x + stage.chance.uniform(0.02, 0.06), top + stage.chance.uniform(0.15, 0.4)),
                stage.grade.sky(colour),
                0.4,
                0.01,
            )
    for n in range(9):
        x = area.left + (area.right - area.left) * n / 9
        y = stage.horizon + 0.12 + 0.55 * (1 - stage.horizon)
        p.fill(np.array([[x, y], [x + 0.14, y], [x + 0.13, y + 0.012], [x - 0.015, y + 0.012]]), "e8dcc0")
    p.fill(rectangle(area.left, stage.horizon + 0.115, area.right, stage.horizon + 0.13), "7a7c84")
    for x in span(p.sheet, 0.7, stage.chance, 0.15):
        p.street_lamp(x, stage.horizon + 0.13, 0.36)
    stage.lay(p.sheet, 0.8, shadow=0.25)


def market(stage: Stage) -> None:
    sky(stage, clouds=1)
    p = painter(stage, 0.25)
    for x in span(p.sheet, 0.34, stage.chance):
        p.house(
            x - 0.15,
            stage.horizon + 0.03,
            0.3,
            stage.chance.uniform(0.2, 0.34),
            ("d8a36a", "c98a6a", "e0c08a")[int(stage.chance.integers(3))],
            "8a4a38",
            pitched=False,
        )
    stage.lay(p.sheet, 0.25)
    awnings = (
        ("d8443a", "f6ead2"),
        ("2f7f86", "f2dfb4"),
        ("e0a02e", "f8f0dc"),
        ("4f7f3c", "f2e6c4"),
        ("7d4a86", "f4dfd0"),
    )
    for depth, base, size in ((0.4, 0.05, 0.2), (0.6, 0.14, 0.32)):
        p = ground(stage, depth, stage.horizon + base - 0.03, "c59a6c", rise=0.004)
        for number, x in enumerate(span(p.sheet, size * 1.35, stage.chance, 0.1)):
            p.stall(x, stage.horizon + base + 0.01, size, awnings[(number + int(depth * 10)) % len(awnings)])
            p.light(x, stage.horizon + base - 0.5 * size, 0.9 * size, strength=0.5)
        stage.lay(p.sheet, depth, shadow=0.35)
    p = ground(stage, 0.8, max(stage.shore, stage.horizon + 0.26), "b98a5c", rise=0.004)
    side = -1 if stage.grade.sun[0] > 0.5 else 1
    p.stall(
        side * 0.46 * max(stage.aspect, 0.9),
        max(stage.shore, stage.horizon + 0.26) + 0.1,
        0.66,
        awnings[int(stage.chance.integers(5))],
    )
    area = p.sheet.area
    cord = line(
        np.stack(
            [
                np.linspace(area.left, area.right, 5),
                np.array([0.1, 0.19, 0.1, 0.19, 0.1]) * max(0.5, stage.horizon * 1.5),
            ],
            1,
        ),
        12,
    )
    p.fill(ribbon(cord, 0.003), "5a4a3c")
    for n in range(2, len(cord) - 2, 3):
        flag = ("d8443a", "e0a02e", "2f7f86", "4f7f3c")[n % 4]
        p.fill(placed(points("-0.02,0 0.02,0 0,0.05"), *cord[n]), flag)
    if stage.grade.lamps > 0.4:
        for x, y in cord[1:-1:4]:
            p.sheet.fill(dot(x, y + 0.012, 0.008), stage.grade.sky((255, 236, 180)))
            p.light(x, y + 0.012, 0.16, strength=0.55)
    stage.lay(p.sheet, 0.8, shadow=0.3)


def road(stage: Stage) -> None:
    sky(stage)
    hills(stage, 0.12, base=stage.horizon + 0.015, height=0.13, colour="8a9a8c")
    hills(stage, 0.22, base=stage.horizon + 0.015, height=0.05, colour="a8985c", length=1.0)
    dusty = "dust" in stage.weather
    p = ground(stage, 0.5, stage.horizon, "c9a468" if dusty else "b7a05c", rise=0)
    road_to_horizon(p, stage, "c08a58" if dusty else "55565e", "e0b078" if dusty else "f2e6c8")
    low = p.sheet.area.bottom
    for n in range(6):
        way = (0.12 + n / 6) ** 2
        y = stage.horizon + way * (low - stage.horizon) * 0.9
        for side in (-1, 1):
            x = side * (0.05 + way * 0.86 * max(0.8, stage.aspect * 0.7))
            p.fill(capsule_post(x, y, 0.14 * way), "e8e0d0")
            if n % 2 == (side > 0):
                p.broadleaf(x * 1.5 + side * 0.12, y, 0.1 + 0.3 * way, "7f8f4c")
    stage.lay(p.sheet, 0.5, shadow=0.1)


def capsule_post(x: float, y: float, height: float) -> NDArray[np.float64]:
    return rectangle(x - 0.06 * height, y - height, x + 0.06 * height, y)


def stadium(stage: Stage) -> None:
    grade = stage.grade
    sky(stage, clouds=0)
    p = painter(stage, 0.25)
    area = p.sheet.area
    x = np.linspace(area.left, area.right, 60)
    rim = stage.horizon - 0.3 * max(0.5, stage.horizon / 0.6) - 0.12 * (x / (0.9 * stage.aspect)) ** 2
    foot = stage.horizon + 0.04 - 0.03 * (x / stage.aspect) ** 2
    p.fill(np.concatenate([np.stack([x, rim - 0.05], 1), np.stack([x, foot], 1)[::-1]]), "46506a")
    shirts = ("d8443a", "f0c33a", "3f9350", "f5f1e8", "2f63c0", "ee7f26")
    for row in range(13):
        way = (row + 0.5) / 13
        heads: dict[int, list[NDArray[np.float64]]] = {n: [] for n in range(len(shirts))}
        for at in np.arange(area.left, area.right, 0.024 - 0.007 * (1 - way)):
            y = np.interp(at, x, rim) * (1 - way) + np.interp(at, x, foot) * way
            heads[int(stage.chance.integers(6))].append(
                dot(at + stage.chance.uniform(-0.003, 0.003), y, 0.0075 + 0.003 * way)
            )
        for n, colour in enumerate(shirts):
            p.fills(heads[n], mix(hexed(colour), hexed("46506a"), 0.25))
    roof = np.concatenate([np.stack([x, rim - 0.13], 1), np.stack([x, rim - 0.05], 1)[::-1]])
    p.fill(roof, "8a93a6")
    for at in (-0.36, 0.36):
        for n in range(6):
            lamp = (at * stage.aspect + (n - 2.5) * 0.022, float(np.interp(at * stage.aspect, x, rim)) - 0.16)
            p.sheet.fill(dot(*lamp, 0.009), grade.sky((255, 252, 235)))
        p.sheet.glow(
            at * stage.aspect,
            float(np.interp(at * stage.aspect, x, rim)) - 0.16,
            0.42,
            grade.sky((220, 232, 255)),
            0.5 * max(0.3, min(1, grade.lamps)),
        )
    stage.lay(p.sheet, 0.25)
    p = ground(stage, 0.6, stage.horizon + 0.03, "3f9a4c", rise=0)
    low = p.sheet.area.bottom
    for n in range(10):
        a, b = (n / 10) ** 1.7, ((n + 1) / 10) ** 1.7
        if n % 2:
            p.sheet.fill(
                rectangle(
                    area.left * 2,
                    stage.horizon + 0.03 + a * (low - stage.horizon),
                    area.right * 2,
                    stage.horizon + 0.03 + b * (low - stage.horizon),
                ),
                p.tone("58b05c"),
            )
    p.fill(rectangle(area.left * 2, stage.horizon + 0.045, area.right * 2, stage.horizon + 0.05), "f2f6ee")
    goal = 0.34
    for box in (
        (-goal / 2, -0.13, -goal / 2 + 0.008, 0.05),
        (goal / 2 - 0.008, -0.13, goal / 2, 0.05),
        (-goal / 2, -0.13, goal / 2, -0.122),
    ):
        p.fill(rectangle(box[0], stage.horizon + box[1], box[2], stage.horizon + box[3]), "ffffff")
    for n in range(1, 12):
        p.sheet.fill(
            rectangle(
                -goal / 2 + n * goal / 12,
                stage.horizon - 0.12,
                -goal / 2 + n * goal / 12 + 0.0015,
                stage.horizon + 0.05,
            ),
            p.tone("e8eef0"),
            0.5,
        )
    circle = ribbon(
        np.concatenate([ellipse(0, stage.horizon + 0.25, 0.5, 0.1), ellipse(0, stage.horizon + 0.25, 0.5, 0.1)[:1]]),
        0.007,
    )
    p.fill(circle, "f2f6ee")
    stage.lay(p.sheet, 0.6, shadow=0)


# ---- Indoors ---------------------------------------------------------------------------------------------------------


def room(stage: Stage, wall: str, floor: str, *, skirting: float) -> Painter:
    """A wall above a floor that meet at `skirting`."""
    p = painter(stage, 0.45)
    area, grade = p.sheet.area, stage.grade
    p.fill(rectangle(*area), wall)
    p.sheet.shade(rectangle(area.left, area.top, area.right, skirting), p.tone(wall, 0.12), p.tone(wall))
    p.sheet.shade(rectangle(area.left, skirting, area.right, area.bottom), p.tone(floor, 0.05), p.tone(floor, 0.3))
    for n in range(-14, 15):
        p.sheet.fill(
            np.array(
                [
                    [n * 0.11, skirting],
                    [n * 0.11 + 0.003, skirting],
                    [n * 0.3 + 0.008, area.bottom],
                    [n * 0.3, area.bottom],
                ]
            ),
            p.tone(floor, 0.35),
            0.5,
        )
    p.fill(rectangle(area.left, skirting - 0.02, area.right, skirting), lighter(hexed(wall), 0.25))
    if grade.lamps < 0.5:
        x = 0.25 * (1 if grade.sun[0] > 0.5 else -1) * stage.aspect
        p.sheet.gleam(
            np.array([[x, 0.1], [x + 0.2, 0.1], [x - 0.15, area.bottom], [x - 0.6, area.bottom]]),
            grade.sky(grade.sun_colour),
            0.16,
            0.03,
        )
    return p


def window_view(stage: Stage) -> None:
    """A large window with the weather behind it and, when it rains, drops on the pane."""
    grade, chance, wet = stage.grade, stage.chance, bool({"rain", "storm"} & set(stage.weather))
    sheet = stage.sheet(0.1)
    area = sheet.area
    sheet.shade(rectangle(area.left, area.top, area.right, area.bottom), grade.sky(grade.middle), grade.sky(grade.low))
    for _ in range(26):
        x, y, radius = chance.uniform(area.left, area.right), chance.uniform(0.35, 0.9), chance.uniform(0.02, 0.06)
        lamp = SIGNS[int(chance.integers(len(SIGNS)))] if grade.lamps > 0.3 else (236, 232, 214)
        sheet.fill(ellipse(x, y, radius), grade.sky(lamp), 0.3, 0.006)
    hill = Wave(chance, length=0.9)
    slope = under(area.left, area.right, area.bottom, lambda x: 0.72 + 0.06 * hill(x))
    sheet.fill(slope, grade.tone(hexed("4f6f70"), 0.5), 0.8, 0.012)
    stage.lay(sheet, 0.1, shadow=0, blur=0.004)
    p = painter(stage, 0.7, fine=1.2)
    if wet:
        glassy = mix(grade.sky(grade.low), (255, 255, 255), 0.35)
        for _ in range(150):
            x, y, radius = chance.uniform(-0.6, 0.6) * stage.aspect, chance.uniform(0, 1), chance.uniform(0.003, 0.011)
            p.sheet.fill(ellipse(x, y, radius, radius * 1.2, 16), glassy, 0.7)
            p.sheet.fill(ellipse(x, y + 0.35 * radius, radius * 0.7, radius * 0.6, 12), grade.sky(grade.middle), 0.8)
        for _ in range(16):
            x, y = chance.uniform(-0.5, 0.5) * stage.aspect, chance.uniform(0, 0.6)
            run = line(np.array([[x, y], [x + 0.01, y + 0.1], [x - 0.004, y + chance.uniform(0.18, 0.35)]]))
            p.sheet.fill(ribbon(run, np.linspace(0.003, 0.012, len(run))), glassy, 0.65)
    stage.lay(p.sheet, 0.7, shadow=0, blur=0)
    p = painter(stage, 0.85)
    area, edge = p.sheet.area, 0.5 * stage.aspect
    for x in (-0.84 * edge, 0.0, 0.84 * edge):
        p.fill(rectangle(x - 0.02, area.top, x + 0.02, area.bottom), "efe4d2")
        p.fill(rectangle(x - 0.02, area.top, x - 0.008, area.bottom), "efe4d2", 0.22)
    p.fill(rectangle(area.left, 0.3, area.right, 0.325), "efe4d2")
    p.fill(rectangle(area.left, 0.87, area.right, area.bottom), "e6d6bc")
    p.fill(rectangle(area.left, 0.86, area.right, 0.885), "f6ecdc")
    for side in (-1, 1):
        drape = curve(f"0,-0.2 {-0.24 * side},-0.2 {-0.2 * side},0.4 {-0.12 * side},0.7 {-0.2 * side},1.2 0,1.2", 6)
        p.fill(placed(drape, side * (edge + 0.04), 0), "b65a46", 0.1 if side > 0 else 0)
        for n in range(3):
            fold = [[edge - 0.03 - 0.045 * n, -0.1], [edge - 0.02 - 0.03 * n, 0.5], [edge - 0.03 - 0.045 * n, 1.1]]
            p.fill(ribbon(line(np.array(fold) * (side, 1)), 0.008), "b65a46", 0.3)
    p.fill(placed(curve("-0.05,0 -0.06,-0.1 0.06,-0.1 0.05,0", 4), -0.4 * edge, 0.87), "c8553a")
    for lean in (-0.5, -0.2, 0.1, 0.4):
        leaf = line(np.array([[0, -0.1], [lean * 0.1, -0.18], [lean * 0.25, -0.24]]))
        p.fill(placed(ribbon(leaf, 0.03 * np.sin(np.linspace(0.4, 3.0, len(leaf)))), -0.4 * edge, 0.87), "4f8a4c")
    stage.lay(p.sheet, 0.85, shadow=0.4, blur=0)


def interior(stage: Stage) -> None:
    if stage.window:
        window_view(stage)
        return
    skirting = stage.shore
    p = room(stage, "c9907a" if stage.grade.lamps < 0.5 else "a8685a", "8a5f43", skirting=skirting)
    stage.lay(p.sheet, 0.45, shadow=0)
    p = painter(stage, 0.6)
    width = min(0.44, stage.aspect * 0.5)
    side = 1 if stage.grade.sun[0] > 0.5 else -1
    p.window(side * 0.25 * stage.aspect - width / 2, skirting - 0.56, width, 0.36)
    p.picture(-side * 0.26 * stage.aspect - 0.09, skirting - 0.5, 0.18, 0.22)
    p.shelf(-side * 0.46 * stage.aspect - 0.14, skirting + 0.03, 0.28, 0.62)
    p.floor_lamp(side * 0.47 * stage.aspect, skirting + 0.06, 0.5)
    stage.lay(p.sheet, 0.6)
    p = painter(stage, 0.85)
    p.sheet.fill(ellipse(0, skirting + 0.16, 0.62, 0.06), p.tone("b5523b"))
    p.sheet.fill(ellipse(0, skirting + 0.16, 0.54, 0.048), p.tone("e0c08a"))
    p.sheet.fill(ellipse(0, skirting + 0.16, 0.48, 0.04), p.tone("b5523b"))
    if stage.table and not stage.seat:
        p.fill(rectangle(-0.2, skirting + 0.02, 0.2, skirting + 0.045), "a8744a")
        for x in (-0.17, 0.15):
            p.fill(rectangle(x, skirting + 0.045, x + 0.022, skirting + 0.24), "8a5c38")
    if stage.seat:
        p.sofa(0, skirting + 0.14, min(1.0, stage.aspect * 0.86), stage.seat)
    stage.lay(p.sheet, 0.85, shadow=0.4)


def kitchen(stage: Stage) -> None:
    skirting = stage.shore
    p = room(stage, "e6d8b8", "b08a66", skirting=skirting + 0.16)
    area = p.sheet.area
    for n in range(40):
        for row in range(4):
            x = area.left + n * 0.09
            p.sheet.fill(
                rectangle(x, skirting - 0.32 + row * 0.07, x + 0.084, skirting - 0.32 + row * 0.07 + 0.064),
                p.tone(("7fb0a8", "8fbcb2", "76a69e")[(n + row) % 3]),
            )
    stage.lay(p.sheet, 0.45, shadow=0)
    p = painter(stage, 0.65)
    for x in (-0.46, 0.22):
        p.fill(
            rectangle(x * stage.aspect, skirting - 0.62, x * stage.aspect + 0.26 * stage.aspect, skirting - 0.36),
            "b5764a",
        )
        for k in range(2):
            left = x * stage.aspect + (0.02 + 0.12 * k) * stage.aspect
            p.fill(rectangle(left, skirting - 0.6, left + 0.1 * stage.aspect, skirting - 0.38), "c98a5a")
    for n, x in enumerate((-0.12, -0.04, 0.05, 0.13)):
        p.fill(rectangle(x * stage.aspect - 0.002, skirting - 0.62, x * stage.aspect + 0.002, skirting - 0.5), "4a4a50")
        p.fill(
            placed(
                curve("-0.04,0 -0.036,0.05 0,0.07 0.036,0.05 0.04,0", 5),
                x * stage.aspect,
                skirting - 0.5,
                0.9 + 0.2 * (n % 2),
            ),
            ("b5643c", "5f6670")[n % 2],
        )
    p.fill(rectangle(-stage.aspect, skirting - 0.015, stage.aspect, skirting + 0.02), "efe6d6")
    p.fill(rectangle(-stage.aspect, skirting + 0.02, stage.aspect, skirting + 0.26), "4f7f86")
    for n in range(-4, 5):
        left = n * 0.2 - 0.09
        p.fill(rectangle(left, skirting + 0.045, left + 0.18, skirting + 0.24), "5f9199")
        p.fill(rectangle(left + 0.06, skirting + 0.06, left + 0.12, skirting + 0.068), "e8c880")
    hob = -0.3 * stage.aspect
    p.fill(rectangle(hob - 0.12, skirting - 0.024, hob + 0.12, skirting - 0.01), "3a3d44")
    p.fill(placed(curve("-0.09,-0.12 -0.085,0 0.085,0 0.09,-0.12 0,-0.125", 5), hob - 0.02, skirting - 0.024), "c8553a")
    p.fill(rectangle(hob - 0.12, skirting - 0.155, hob + 0.08, skirting - 0.14), "a8432e")
    for n, colour in enumerate(("7fa43a", "d8a13a", "b5483a")):
        x = 0.3 * stage.aspect + n * 0.06
        p.fill(
            placed(curve("-0.022,0 -0.022,-0.07 -0.012,-0.09 0.012,-0.09 0.022,-0.07 0.022,0", 4), x, skirting - 0.015),
            colour,
        )
    stage.lay(p.sheet, 0.65)


def studio(stage: Stage) -> None:
    """A seamless backdrop, and for things a table with a soft pool of light."""
    grade = stage.grade
    plain = ("d9a583", "9db8a8", "e3c27c", "8fb0bd", "c98b84", "b9a3c4")
    backdrop = hexed(stage.backdrop or plain[int(stage.chance.integers(len(plain)))])
    black = stage.backdrop == BLACK
    p = painter(stage, 0.3)
    area = p.sheet.area
    p.sheet.shade(
        rectangle(area.left, area.top, area.right, area.bottom),
        p.tone(lighter(backdrop, -0.25)),
        p.tone(lighter(backdrop, 0.06)),
    )
    p.sheet.glow(0.05, stage.shore - 0.25, 0.75, grade.sky(mix(backdrop, (255, 246, 230), 0.5)), 0.45)
    for radius, tone in ((0.44, 0.06), (0.31, 0.12)):
        p.sheet.fill(ellipse(0, stage.shore - 0.3, radius), lighter(p.tone(backdrop), tone), 0.6)
    stage.lay(p.sheet, 0.3, shadow=0)
    p = painter(stage, 0.8)
    area = p.sheet.area
    if stage.table:
        p.sheet.shade(
            rectangle(area.left, stage.shore, area.right, area.bottom),
            p.tone("3a3640" if black else "f1e4d3"),
            p.tone("1b1920" if black else "b79d86"),
        )
        for _ in range(9):
            x = stage.chance.uniform(area.left, area.right)
            vein = line(
                np.array(
                    [
                        [x, stage.shore],
                        [x + stage.chance.uniform(-0.1, 0.2), stage.shore + 0.1],
                        [x + stage.chance.uniform(-0.2, 0.4), area.bottom],
                    ]
                )
            )
            p.sheet.fill(ribbon(vein, 0.0025), p.tone("a08a78"), 0.5)
        p.sheet.glow(0, stage.shore + 0.12, 0.5, grade.sky((255, 240, 214)), 0.3, squash=0.3)
    else:
        p.sheet.shade(
            rectangle(area.left, stage.shore, area.right, area.bottom),
            p.tone(lighter(backdrop, 0.04)),
            p.tone(lighter(backdrop, -0.2)),
        )
    stage.lay(p.sheet, 0.8, shadow=0.2)


def office(stage: Stage) -> None:
    skirting = stage.shore
    p = room(stage, "c2cfcc", "8f8578", skirting=skirting)
    stage.lay(p.sheet, 0.45, shadow=0)
    p = painter(stage, 0.6)
    width = min(0.66, stage.aspect * 0.62)
    if stage.board:
        p.fill(rectangle(-width / 2 - 0.015, skirting - 0.57, width / 2 + 0.015, skirting - 0.2), "8a5f3c")
        p.fill(rectangle(-width / 2, skirting - 0.555, width / 2, skirting - 0.215), "2f5546")
        for n in range(4):
            scrawl = line(
                np.stack(
                    [
                        np.linspace(-0.4, 0.1 + 0.08 * n, 12) * width,
                        skirting - 0.5 + n * 0.07 + 0.008 * np.sin(np.arange(12) * 2.1 + n),
                    ],
                    1,
                ),
                4,
            )
            p.fill(ribbon(scrawl, 0.004), "e8efe6")
    else:
        p.window(-width / 2, skirting - 0.58, width, 0.38)
    p.shelf(-0.49 * stage.aspect, skirting + 0.02, 0.26, 0.5)
    stage.lay(p.sheet, 0.6)
    p = painter(stage, 0.85)
    top = skirting + 0.04
    p.fill(rectangle(-0.4 * stage.aspect, top, 0.4 * stage.aspect, top + 0.028), "b07a4c")
    for x in (-0.37, 0.34):
        p.fill(rectangle(x * stage.aspect, top + 0.028, x * stage.aspect + 0.03 * stage.aspect, top + 0.4), "8a5c38")
    screen = 0.17 * stage.aspect
    p.fill(placed(points("-0.13,-0.2 0.13,-0.2 0.13,-0.03 -0.13,-0.03"), screen, top), "2c3138")
    p.sheet.fill(
        placed(points("-0.12,-0.19 0.12,-0.19 0.12,-0.04 -0.12,-0.04"), screen, top), stage.grade.sky((148, 198, 214))
    )
    p.fill(placed(points("-0.015,-0.03 0.015,-0.03 0.05,0 -0.05,0"), screen, top), "2c3138")
    p.fill(placed(curve("-0.02,0 -0.025,-0.05 0.025,-0.05 0.02,0", 4), -0.3 * stage.aspect, top), "d8443a")
    for n in range(3):
        p.fill(
            rectangle(
                -0.2 * stage.aspect - 0.06,
                top - 0.014 * (n + 1),
                -0.2 * stage.aspect + 0.06 - 0.01 * n,
                top - 0.014 * n - 0.002,
            ),
            ("d9a441", "4f7f86", "b5523b")[n],
        )
    stage.lay(p.sheet, 0.85)


def stage_set(stage: Stage) -> None:
    grade, floor = stage.grade, stage.shore
    p = painter(stage, 0.3)
    area = p.sheet.area
    p.sheet.shade(rectangle(area.left, area.top, area.right, area.bottom), p.tone("2a1838"), p.tone("4a2450"))
    stage.lay(p.sheet, 0.3, shadow=0)
    p = painter(stage, 0.5)
    for n, x in enumerate(np.linspace(-0.4, 0.4, 5) * stage.aspect):
        colour = SIGNS[n]
        lean = -0.55 * x
        p.fill(placed(points("-0.025,-0.05 0.025,-0.05 0.035,0 -0.035,0"), x, 0.1), "15121a")
        beam = np.array(
            [[x - 0.012, 0.1], [x + 0.012, 0.1], [x + lean + 0.2, floor + 0.05], [x + lean - 0.2, floor + 0.05]]
        )
        p.sheet.gleam(beam, grade.sky(mix(colour, (255, 255, 255), 0.2)), 0.4, 0.012)
        p.sheet.glow(x, 0.1, 0.08, grade.sky(mix(colour, (255, 255, 255), 0.5)), 0.9)
    stage.lay(p.sheet, 0.5, shadow=0, grain=False)
    p = painter(stage, 0.7)
    area = p.sheet.area
    p.sheet.shade(rectangle(area.left, floor, area.right, area.bottom), p.tone("7a4a3a"), p.tone("3a2028"))
    for n in range(-12, 13):
        p.sheet.fill(
            np.array(
                [[n * 0.12, floor], [n * 0.12 + 0.003, floor], [n * 0.3 + 0.006, area.bottom], [n * 0.3, area.bottom]]
            ),
            p.tone("3a2028"),
            0.6,
        )
    p.sheet.fill(ellipse(0, floor + 0.1, 0.44, 0.06), grade.sky((255, 236, 190)), 0.45, 0.012)
    stage.lay(p.sheet, 0.7, shadow=0)
    p = painter(stage, 0.9)
    for side in (-1, 1):
        for n in range(5):
            at = side * (0.5 * stage.aspect + 0.03 - n * 0.045 * min(1.0, 0.75 * stage.aspect))
            fold = curve(
                f"0,-0.2 {0.05},-0.2 {0.045 + 0.01 * (n % 2)},0.5 0.055,1.3 -0.005,1.3 {-0.005 + 0.008 * (n % 2)},0.5",
                4,
            )
            p.fill(placed(fold, at - 0.025, 0), "b5262e", 0.12 * (n % 2))
    area = p.sheet.area
    swags = np.stack([np.linspace(area.left, area.right, 90), 0.075 + 0.03 * np.abs(np.sin(np.linspace(0, 9, 90)))], 1)
    p.fill(np.concatenate([[[area.left, area.top], [area.right, area.top]], swags[::-1]]), "c22f36")
    p.fill(ribbon(swags, 0.008), "e8b84c")
    stage.lay(p.sheet, 0.9, shadow=0.5)


# ---- Elsewhere -------------------------------------------------------------------------------------------------------


def open_sky(stage: Stage) -> None:
    sky(stage, clouds=3)
    for depth, base, alpha in ((0.2, 0.86, 0.75), (0.5, 0.96, 0.9)):
        drift = 0.02 * depth
        sheet = stage.sheet(depth, drift=drift)
        for x in span(sheet, 0.34, stage.chance, 0.5):
            width = stage.chance.uniform(0.4, 0.7)
            light = mix(stage.grade.sky(stage.grade.low), (255, 255, 255), 0.6 * (1 - stage.grade.stars))
            sheet.shade(
                cloud(stage.chance, x, base + stage.chance.uniform(0, 0.1), width),
                light,
                mix(light, stage.grade.sky(stage.grade.middle), 0.5),
                alpha=alpha,
            )
        light = mix(stage.grade.sky(stage.grade.low), stage.grade.sky(stage.grade.middle), 0.4)
        sheet.shade(
            rectangle(sheet.area.left, base + 0.03, sheet.area.right, sheet.area.bottom), light, light, soft=0.015
        )
        stage.lay(sheet, depth, drift=drift, shadow=0.15)


def space(stage: Stage) -> None:
    grade = stage.grade
    stage.horizon = 1.1
    sky(stage, clouds=0, sun=False)
    sheet = stage.sheet(0.05)
    for _ in range(7):
        x, y = stage.chance.uniform(-0.6, 0.6) * stage.aspect, stage.chance.uniform(0, 1)
        colour = ((150, 60, 170), (50, 90, 190), (220, 90, 110))[int(stage.chance.integers(3))]
        sheet.glow(x, y, stage.chance.uniform(0.25, 0.5), grade.sky(colour), 0.3)
    stage.lay(sheet, 0.05, shadow=0, grain=False)
    p = painter(stage, 0.15)
    x, y, radius = -0.27 * stage.aspect, 0.3, 0.16
    p.sheet.glow(x, y, radius * 1.7, grade.sky((255, 180, 110)), 0.3)
    planet = ellipse(x, y, radius)
    p.sheet.shade(planet, p.tone("e8a86a"), p.tone("b5613f"))
    for dy, band in ((-0.5, "f2c890"), (-0.1, "d08350"), (0.35, "f0bd84")):
        reach = radius * math.sqrt(1 - dy**2)
        p.fill(
            _band(x, y + dy * radius, reach, radius),
            band,
        )
    night = np.concatenate([ellipse(x, y, radius)[9:28], ellipse(x + 0.45 * radius, y, radius * 1.09)[9:28][::-1]])
    p.sheet.fill(night, p.tone("3a1f30"), 0.75)
    tilt = np.linspace(-0.15, math.pi + 0.15, 40)
    ring = np.stack(
        [x + 1.75 * radius * np.cos(tilt), y + 0.42 * radius * np.sin(tilt) - 0.25 * radius * np.cos(tilt)], 1
    )
    p.fill(ribbon(ring, 0.025), "e6cfa8")
    p.fill(ribbon(ring * (1, 1) + (0, 0.012), 0.008), "a8805c")
    stage.lay(p.sheet, 0.15, shadow=0)
    if stage.moon:
        p = ground(stage, 0.7, stage.shore, "a9a7ad", rise=0.03, deeper=0.4)
        for _ in range(26):
            x, way = stage.chance.uniform(-0.9, 0.9) * stage.aspect, stage.chance.random()
            y, width = stage.shore + 0.05 + 0.5 * way, (0.03 + 0.1 * way) * stage.chance.uniform(0.5, 1.3)
            p.fill(ellipse(x, y, width, width * 0.28), "7f7d86")
            p.fill(ellipse(x, y + 0.12 * width, width * 0.86, width * 0.2), "93919a")
        stage.lay(p.sheet, 0.7)


def _band(x: float, y: float, reach: float, radius: float) -> Outline:
    """A stripe across a planet, curved as the planet is."""
    corners = [[x - reach, y], [x, y - 0.1 * radius], [x + reach, y], [x, y + 0.12 * radius]]
    return smooth(np.array(corners), 8)


def underwater(stage: Stage) -> None:
    grade = stage.grade
    sheet = stage.sheet(0.0)
    area = sheet.area
    sheet.fill(rectangle(*area), grade.sky((18, 120, 148)))
    sheet.shade(rectangle(area.left, area.top, area.right, 0.5), grade.sky((58, 190, 196)), grade.sky((18, 120, 148)))
    sheet.shade(
        rectangle(area.left, 0.5, area.right, max(1.0, area.bottom)),
        grade.sky((18, 120, 148)),
        grade.sky((8, 60, 92)),
    )
    for n in range(7):
        x = (n - 3) * 0.26 * stage.aspect + stage.chance.uniform(-0.08, 0.08)
        sheet.gleam(
            np.array([[x, -0.1], [x + 0.07, -0.1], [x * 1.5 + 0.2, 1.0], [x * 1.5 - 0.06, 1.0]]),
            grade.sky((190, 250, 240)),
            0.2,
            0.02,
        )
    stage.lay(sheet, 0.0, shadow=0, blur=0)
    hills(stage, 0.2, base=0.84, height=0.16, colour="1f7f92", length=0.8)
    corals = ("e8604c", "f0a04a", "d8588f", "e8c84c", "a86fc8", "f28f7a")
    for depth, base, size in ((0.45, 0.86, 0.2), (0.75, 0.96, 0.32)):
        p = ground(stage, depth, base, "c8b480", rise=0.03)
        for n, x in enumerate(span(p.sheet, size * 0.5, stage.chance, 0.6)):
            height = size * stage.chance.uniform(0.5, 1.1)
            if n % 3 == 0:
                p.weed(x, base + 0.04, height * 1.4, ("3f9a6a", "2f8a7a")[n % 2])
            elif n % 3 == 1:
                p.coral(x, base + 0.04, height, corals[int(stage.chance.integers(6))])
            else:
                p.rock(x, base + 0.05, height * 0.7, "4f7f80")
        stage.lay(p.sheet, depth, shadow=0.35)


def abstract(stage: Stage) -> None:
    """Overlapping discs and ribbons of coloured paper."""
    grade, chance = stage.grade, stage.chance
    schemes = (
        ("f2e3c9", "d8443a", "2f5a86", "e8a93a", "26343f"),
        ("1f2340", "e8556a", "f2b84c", "4fb0b8", "f2e6d4"),
        ("f4efe6", "2f7f7a", "e8834a", "c8486a", "2a3350"),
    )
    paper = schemes[int(chance.integers(len(schemes)))]
    sheet = stage.sheet(0.1)
    area = sheet.area
    sheet.shade(
        rectangle(area.left, area.top, area.right, area.bottom),
        grade.tone(hexed(paper[0])),
        grade.tone(lighter(hexed(paper[0]), -0.12)),
    )
    stage.lay(sheet, 0.1, shadow=0)
    for n, depth in enumerate((0.3, 0.5, 0.75, 1.0)):
        p = painter(stage, depth, drift=0.012 * (n % 2 * 2 - 1))
        for k in range(2):
            colour = paper[1 + (n + k * 2) % 4]
            x, y = chance.uniform(-0.42, 0.42) * stage.aspect, chance.uniform(0.15, 0.85)
            size = chance.uniform(0.1, 0.24)
            kind = int(chance.integers(4))
            if kind == 0:
                p.sheet.shade(ellipse(x, y, size), grade.tone(hexed(colour)), grade.tone(lighter(hexed(colour), -0.2)))
            elif kind == 1:
                angle = np.linspace(0, math.pi, 30)
                arc = np.stack([x + size * np.cos(angle), y - size * np.sin(angle)], 1)
                for ring in range(3):
                    p.fill(ribbon((arc - (x, y)) * (1 - 0.27 * ring) + (x, y), size * 0.14), paper[1 + (n + ring) % 4])
            elif kind == 2:
                wave = line(np.array([[x - 0.5, y], [x - 0.25, y - size], [x, y], [x + 0.25, y + size], [x + 0.5, y]]))
                p.fill(ribbon(wave, size * 0.35), colour)
            else:
                p.fill(placed(points("-0.9,0.6 0,-0.9 0.9,0.6"), x, y, size, chance.uniform(0, 6)), colour)
        stage.lay(p.sheet, depth, drift=0.012 * (n % 2 * 2 - 1), shadow=0.45)


SETTINGS = {
    "sea": sea,
    "beach": beach,
    "lagoon": lagoon,
    "river": river,
    "lake": lake,
    "desert": desert,
    "savanna": savanna,
    "forest": forest,
    "field": field,
    "mountain": mountain,
    "snowfield": snowfield,
    "village": village,
    "street": street,
    "city": city,
    "market": market,
    "road": road,
    "interior": interior,
    "kitchen": kitchen,
    "studio": studio,
    "office": office,
    "stage": stage_set,
    "stadium": stadium,
    "sky": open_sky,
    "space": space,
    "underwater": underwater,
    "abstract": abstract,
}


def foreground(stage: Stage, setting: str) -> None:
    """Something dark and near at the frame's edge, out of focus, that gives the picture depth."""
    leafy = {
        "forest": "1f3a2c",
        "field": "3f5a2c",
        "savanna": "6a4f22",
        "river": "27452c",
        "lake": "27452c",
        "mountain": "27452c",
        "lagoon": "1f4638",
        "beach": "1f4638",
        "village": "3f3a22",
    }
    if setting in leafy:
        p = painter(stage, 1.5)
        area = p.sheet.area
        for x in span(p.sheet, 0.1, stage.chance):
            edge = min(1.0, abs(x) / (stage.aspect * 0.55))
            p.grass(x - 0.09, x + 0.09, area.bottom - 0.02, 0.04 + 0.15 * edge**2, leafy[setting], 0.022)
        stage.lay(p.sheet, 1.5, shadow=0.3, blur=0.004 + stage.focus)
        if setting in ("forest", "lagoon", "beach"):
            p = painter(stage, 1.5)
            side = 1 if stage.grade.sun[0] < 0.5 else -1
            for n in range(5):
                tip = (side * (0.5 * stage.aspect - 0.13 - 0.05 * n), 0.02 + 0.06 * n)
                rib = line(
                    np.array(
                        [
                            [side * (0.5 * stage.aspect + 0.16), -0.12 + 0.03 * n],
                            [side * (0.5 * stage.aspect + 0.02), -0.03 + 0.04 * n],
                            tip,
                        ]
                    ),
                    8,
                )
                p.fill(
                    ribbon(
                        rib, 0.055 * np.sin(np.linspace(0.5, math.pi, len(rib))) * (1 - 0.3 * (np.arange(len(rib)) % 2))
                    ),
                    leafy[setting],
                )
            stage.lay(p.sheet, 1.5, shadow=0.3, blur=0.004 + stage.focus)
