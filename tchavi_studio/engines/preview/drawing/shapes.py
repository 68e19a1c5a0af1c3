"""Outlines: every shape is a closed polygon, an n × 2 array of x and y, y downwards."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Outline = NDArray[np.float64]
"""Points of a closed polygon, n × 2."""

Point = tuple[float, float]


def points(text: str) -> Outline:
    """Points written as "x,y x,y …"."""
    return np.array([[float(number) for number in pair.split(",")] for pair in text.split()])


def smooth(corners: Outline, steps: int = 6) -> Outline:
    """A closed curve through all corners (Catmull-Rom)."""
    before, after, later = np.roll(corners, 1, 0), np.roll(corners, -1, 0), np.roll(corners, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (part[:, None, :] for part in (before, corners, after, later))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    outline: Outline = curve.reshape(-1, 2)
    return outline


def curve(text: str, steps: int = 6) -> Outline:
    """A closed curve through points written as "x,y x,y …"."""
    return smooth(points(text), steps)


def rectangle(left: float, top: float, right: float, bottom: float) -> Outline:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def ellipse(x: float, y: float, across: float, down: float | None = None, steps: int = 36) -> Outline:
    """An ellipse around (x, y) with half axes `across` and `down`."""
    angle = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    return np.stack([x + across * np.cos(angle), y + (across if down is None else down) * np.sin(angle)], 1)


def capsule(start: Point, end: Point, width: float, end_width: float | None = None, steps: int = 7) -> Outline:
    """A rounded limb from `start` to `end`, `width` thick at the start."""
    a, b = width / 2, (width if end_width is None else end_width) / 2
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    first = np.linspace(angle + math.pi / 2, angle + 1.5 * math.pi, steps)
    second = np.linspace(angle - math.pi / 2, angle + math.pi / 2, steps)
    return np.concatenate(
        [
            np.stack([start[0] + a * np.cos(first), start[1] + a * np.sin(first)], 1),
            np.stack([end[0] + b * np.cos(second), end[1] + b * np.sin(second)], 1),
        ]
    )


def ribbon(middle: Outline, widths: ArrayLike) -> Outline:
    """A band along an open line, of one width or one for each point."""
    width = np.broadcast_to(np.asarray(widths, float), (len(middle),))[:, None] / 2
    along = np.gradient(middle, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], 1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return np.concatenate([middle + normal * width, (middle - normal * width)[::-1]])


def line(text_or_points: str | Outline, steps: int = 8) -> Outline:
    """An open curve through points, for `ribbon`."""
    corners = points(text_or_points) if isinstance(text_or_points, str) else text_or_points
    padded = np.concatenate([2 * corners[:1] - corners[1:2], corners, 2 * corners[-1:] - corners[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    path = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return np.concatenate([path.reshape(-1, 2), corners[-1:]])


def placed(outline: Outline, x: float, y: float, scale: float | Point = 1.0, turn: float = 0.0) -> Outline:
    """The outline scaled, turned by `turn` radians and moved to (x, y)."""
    scaled = outline * np.asarray(scale, float)
    if turn:
        cos, sin = math.cos(turn), math.sin(turn)
        scaled = scaled @ np.array([[cos, sin], [-sin, cos]])
    result: Outline = scaled + (x, y)
    return result


def under(
    left: float,
    right: float,
    bottom: float,
    height: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    step: float = 0.006,
) -> Outline:
    """The area below a line `height(x)`, down to `bottom`."""
    x = np.arange(left, right + step, step)
    return np.concatenate([np.stack([x, height(x)], 1), [[right + step, bottom], [left, bottom]]])


class Wave:
    """A repeatable random line: a sum of sines, so that it can be asked anywhere."""

    def __init__(self, chance: np.random.Generator, *, length: float, rugged: float = 0.5, octaves: int = 6) -> None:
        self._rates = 2 * math.pi / length * 1.87 ** np.arange(octaves) * chance.uniform(0.8, 1.2, octaves)
        self._starts = chance.uniform(0, 2 * math.pi, octaves)
        weights = rugged ** np.arange(octaves)
        self._weights = weights / weights.sum()

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """From -1 to 1."""
        result: NDArray[np.float64] = np.sin(x[:, None] * self._rates + self._starts) @ self._weights
        return result


def cloud(chance: np.random.Generator, x: float, y: float, width: float) -> Outline:
    """A flat-bottomed heap of puffs."""
    bumps = chance.integers(5, 8)
    at = np.linspace(0, math.pi, 60)
    height = (0.16 + 0.05 * np.abs(np.sin(at * bumps / 2 + chance.uniform(0, 3))) * 2) * np.sin(at) ** 0.7
    height += 0.05 * np.sin(at) * np.sin(2.3 * at + chance.uniform(0, 6))
    return np.stack([x - width / 2 * np.cos(at), y - width * height], 1)


def foliage(chance: np.random.Generator, x: float, y: float, across: float, down: float, lobes: int = 9) -> Outline:
    """A leafy crown: an ellipse with rounded lobes."""
    angle = np.linspace(0, 2 * math.pi, lobes * 8, endpoint=False)
    swell = 1 + 0.13 * np.abs(np.sin(angle * lobes / 2 + chance.uniform(0, 3)))
    swell += 0.07 * np.sin(3 * angle + chance.uniform(0, 6))
    return np.stack([x + across * swell * np.cos(angle), y + down * swell * np.sin(angle)], 1)
