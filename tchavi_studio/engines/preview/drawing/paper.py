"""Sheets of paper: what a scene is made of. Each is painted once, then moved under the camera for every frame.

Pixels are premultiplied RGBA, 8 bits: colour beyond the alpha adds light to what is behind.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tchavi_studio.engines.preview.drawing.shapes import Outline, ellipse

Pixels = NDArray[np.uint8]
"""Premultiplied RGBA, height × width × 4."""

Colour = tuple[float, float, float]
"""Red, green, blue, 0 to 255."""

FRACTION_BITS = 4
"""Outlines are drawn with an accuracy of a sixteenth of a pixel."""


EDGE = 3
"""So many pixels along a sheet's edges are cut off: outlines that end there cover them only in part."""


SPARE = 2
"""Empty pixels around what is painted, to fade into."""


class Area(NamedTuple):
    """A part of the stage, whose height is 1: x to the right from the middle, y down from the frame's upper edge."""

    left: float
    top: float
    right: float
    bottom: float


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour between `a` (share 0) and `b` (share 1)."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


def lighter(colour: Colour, by: float) -> Colour:
    """Towards white, or towards black if `by` is negative."""
    return mix(colour, (255, 255, 255), by) if by > 0 else mix(colour, (0, 0, 0), -by)


def hexed(code: str) -> Colour:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


class Sheet:
    """A sheet that covers `area` of the stage with `density` pixels per unit."""

    def __init__(self, area: Area, density: float) -> None:
        self.area, self.density = area, density
        width = max(2, math.ceil((area.right - area.left) * density))
        height = max(2, math.ceil((area.bottom - area.top) * density))
        self.pixels: Pixels = np.zeros((height, width, 4), np.uint8)

    def fill(self, outline: Outline, colour: Colour, alpha: float = 1.0, soft: float = 0.0) -> None:
        """Fill a polygon; `soft` blurs its edge by so many units."""
        if alpha >= 1 and not soft:
            cv2.fillPoly(self.pixels, [self._spot(outline)], (*colour, 255.0), cv2.LINE_AA, FRACTION_BITS)
            return
        mask, rows, columns = self._mask(outline, soft)
        if mask is not None:
            self._over(rows, columns, mask, colour, alpha)

    def fills(self, outlines: Sequence[Outline], colour: Colour) -> None:
        """Fill many polygons that don't overlap in one colour."""
        if outlines:
            spots = [self._spot(outline) for outline in outlines]
            cv2.fillPoly(self.pixels, spots, (*colour, 255.0), cv2.LINE_AA, FRACTION_BITS)

    def shade(self, outline: Outline, top: Colour, bottom: Colour, *, soft: float = 0.0, alpha: float = 1.0) -> None:
        """Fill a polygon with a gradient from its upper to its lower end."""
        mask, rows, columns = self._mask(outline, soft)
        if mask is None:
            return
        ends = (np.array([outline[:, 1].min(), outline[:, 1].max()]) - self.area.top) * self.density
        way = np.clip((np.arange(rows.start, rows.stop) - ends[0]) / max(1, ends[1] - ends[0]), 0, 1)[:, None, None]
        colours = (np.array(top) * (1 - way) + np.array(bottom) * way).astype(np.float32)
        self._blend(rows, columns, mask, colours, alpha)

    def glow(
        self, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0, *, squash: float = 1.0
    ) -> None:
        """Add light around a point."""
        side = 64
        axis = np.linspace(-1, 1, side, dtype=np.float32)
        fall = np.maximum(0, 1 - np.hypot(axis[:, None], axis[None, :])) ** 2 * strength
        kernel = (fall[..., None] * np.array([*colour, 0], np.float32)).clip(0, 255)
        self._add(kernel, x - radius, y - radius * squash, x + radius, y + radius * squash)

    def gleam(self, outline: Outline, colour: Colour, strength: float, soft: float) -> None:
        """Add light inside a soft-edged polygon: a beam, a reflection."""
        mask, rows, columns = self._mask(outline, soft)
        if mask is not None:
            light = cv2.merge(
                [cv2.convertScaleAbs(mask, alpha=channel / 255 * strength) for channel in colour]
                + [np.zeros_like(mask)]
            )
            part = self.pixels[rows, columns]
            cv2.add(part, light, part)

    def texture(self) -> None:
        """Give the paper its tooth."""
        grain = _grain()
        side = len(grain)
        height, width = self.pixels.shape[:2]
        for top in range(0, height, side):
            for left in range(0, width, side):
                part = self.pixels[top : top + side, left : left + side]
                cv2.multiply(part, grain[: part.shape[0], : part.shape[1]], part, 1 / 240)

    def cast(self, *, across: float, down: float, blur: float, strength: float) -> None:
        """Put the sheet's own soft shadow behind it, as if it hung above the next."""
        shrink = max(1, int(blur * self.density / 2))
        alpha = cv2.extractChannel(self.pixels, 3)
        small = cv2.resize(alpha, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(0.8, blur * self.density / shrink / 2))
        move = np.array([[1, 0, across * self.density / shrink], [0, 1, down * self.density / shrink]])
        small = cv2.warpAffine(small, move, (small.shape[1], small.shape[0]), borderMode=cv2.BORDER_REPLICATE)
        shadow = cv2.resize(small, (alpha.shape[1], alpha.shape[0]), interpolation=cv2.INTER_LINEAR)
        room = cv2.multiply(shadow, cv2.bitwise_not(alpha), scale=strength / 255)
        cv2.insertChannel(cv2.add(alpha, room), self.pixels, 3)

    def blurred(self, radius: float) -> None:
        """Out of focus, by `radius` units."""
        sigma = radius * self.density
        shrink = max(1, int(sigma / 2))
        height, width = self.pixels.shape[:2]
        small = cv2.resize(
            self.pixels, (max(1, width // shrink), max(1, height // shrink)), interpolation=cv2.INTER_AREA
        )
        small = cv2.GaussianBlur(small, (0, 0), max(0.5, sigma / shrink), borderType=cv2.BORDER_REPLICATE)
        self.pixels = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    def _spot(self, outline: Outline) -> NDArray[np.int32]:
        scaled = (outline - (self.area.left, self.area.top)) * (self.density * 2**FRACTION_BITS)
        spot: NDArray[np.int32] = np.rint(scaled).clip(-(2**24), 2**24).astype(np.int32)
        return spot

    def _mask(self, outline: Outline, soft: float) -> tuple[Pixels | None, slice, slice]:
        """The polygon's coverage in the rows and columns that it touches."""
        spot = self._spot(outline)
        height, width = self.pixels.shape[:2]
        sigma = soft * self.density
        margin = int(3 * sigma) + 2
        low, high = spot.min(0) >> FRACTION_BITS, (spot.max(0) >> FRACTION_BITS) + 1
        left, top = max(0, low[0] - margin), max(0, low[1] - margin)
        right, bottom = min(width, high[0] + margin), min(height, high[1] + margin)
        rows, columns = slice(top, max(top, bottom)), slice(left, max(left, right))
        if right <= left or bottom <= top:
            return None, rows, columns
        mask: Pixels = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [spot - np.array([left, top]) * 2**FRACTION_BITS], 255, cv2.LINE_AA, FRACTION_BITS)
        if sigma > 0.5:
            shrink = max(1, int(sigma / 2))
            small = cv2.resize(mask, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
            small = cv2.GaussianBlur(small, (0, 0), sigma / shrink, borderType=cv2.BORDER_REPLICATE)
            mask = np.asarray(cv2.resize(small, (mask.shape[1], mask.shape[0])), np.uint8)
        return mask, rows, columns

    def _over(self, rows: slice, columns: slice, mask: Pixels, colour: Colour, alpha: float) -> None:
        self._blend(rows, columns, mask, np.array(colour, np.float32), alpha)

    def _blend(self, rows: slice, columns: slice, mask: Pixels, colours: NDArray[np.float32], alpha: float) -> None:
        part = self.pixels[rows, columns]
        if alpha >= 1:
            # Most rows of a large shape are covered from side to side, and need no arithmetic.
            whole = cv2.reduce(mask, 1, cv2.REDUCE_MIN)[:, 0] == 255
            if whole.any():
                part[whole, :, :3] = np.rint(
                    np.broadcast_to(colours, (len(whole), 1, 3)) if colours.ndim == 1 else colours
                )[whole]
                part[whole, :, 3] = 255
                if whole.all():
                    return
                rest = ~whole
                first, last = int(rest.argmax()), len(rest) - int(rest[::-1].argmax())
                colours = colours if colours.ndim == 1 else colours[first:last]
                mask, part = mask[first:last], part[first:last]
        cover = mask.astype(np.float32)[..., None] * np.float32(alpha / 255)
        paint = np.concatenate(
            [np.broadcast_to(colours, (*mask.shape, 3)), np.full((*mask.shape, 1), 255, np.float32)], axis=2
        )
        part[:] = np.rint(part + (paint - part) * cover).astype(np.uint8)

    def _add(self, kernel: NDArray[np.float32], left: float, top: float, right: float, bottom: float) -> None:
        height, width = self.pixels.shape[:2]
        x0, x1 = (round((x - self.area.left) * self.density) for x in (left, right))
        y0, y1 = (round((y - self.area.top) * self.density) for y in (top, bottom))
        if x1 <= max(0, x0) or y1 <= max(0, y0) or x0 >= width or y0 >= height:
            return
        # Only the part inside the sheet is worked out: a sun's glow may be far larger.
        to = np.array([[63 / max(1, x1 - x0), 0, 0], [0, 63 / max(1, y1 - y0), 0]])
        cx0, cy0, cx1, cy1 = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
        to[:, 2] = (to[0, 0] * (cx0 - x0), to[1, 1] * (cy0 - y0))
        light = cv2.warpAffine(
            kernel.astype(np.uint8), to, (cx1 - cx0, cy1 - cy0), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        part = self.pixels[cy0:cy1, cx0:cx1]
        cv2.add(part, light, part)


class Patch(NamedTuple):
    """A part of a layer where there is something: its pixels' edges, and whether all of them are opaque."""

    left: int
    top: int
    right: int
    bottom: int
    solid: bool


BAND_ROWS = 32
"""Patches are found in bands of so many rows."""

MIN_GAP = 48
"""So many empty columns part a band into two patches."""

MIN_SOLID = 96
"""So many opaque columns are worth a patch of their own."""

SAFE_SOLID = np.ones((5, 5), np.uint8)
"""Solid is what is opaque two pixels around, so that rounding at a patch's edge never shows through."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A finished sheet in its place: `depth` 0 is infinitely far, 1 where the subject stands, more is nearer."""

    pixels: Pixels
    left: float
    top: float
    density: float
    depth: float
    drift: float
    bob: float
    """How far it moves up and down, like a crowd that dances; in units."""
    patches: tuple[Patch, ...]
    """From the top down. Only these are drawn."""

    @property
    def solid_from(self) -> int:
        """The row from which on all pixels are opaque; the height if none are."""
        height, width = self.pixels.shape[:2]
        row = int(height)
        for patch in reversed(self.patches):
            if not patch.solid or patch.bottom < row or (patch.left, patch.right) != (0, width):
                break
            row = patch.top
        return row


def finished(sheet: Sheet, *, depth: float, drift: float = 0.0, bob: float = 0.0) -> Layer:
    """The layer of a painted sheet, cut to what is painted."""
    pixels = sheet.pixels[EDGE:-EDGE, EDGE:-EDGE]
    height, width = pixels.shape[:2]
    patches = list(patches_in(pixels))
    left = max(0, min((patch.left for patch in patches), default=0) - SPARE)
    top = max(0, min((patch.top for patch in patches), default=0) - SPARE)
    right = min(width, max((patch.right for patch in patches), default=0) + SPARE)
    bottom = min(height, max((patch.bottom for patch in patches), default=0) + SPARE)
    return Layer(
        pixels=pixels[top:bottom, left:right].copy(),
        left=sheet.area.left + (EDGE + left) / sheet.density,
        top=sheet.area.top + (EDGE + top) / sheet.density,
        density=sheet.density,
        depth=depth,
        drift=drift,
        bob=bob,
        patches=tuple(
            Patch(patch.left - left, patch.top - top, patch.right - left, patch.bottom - top, patch.solid)
            for patch in patches
        ),
    )


class _Group(NamedTuple):
    """Rows that are filled from `left` to `right`, and solid between `start` and `end`."""

    top: int
    bottom: int
    left: int
    right: int
    start: int
    end: int

    def joined(self, other: "_Group") -> "_Group | None":
        """Both as one, if that wastes little; None otherwise."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        widest = max(self.end - self.start, other.end - other.start)
        if self.bottom != other.top or (widest and end - start < 0.75 * widest):
            return None
        if not widest:
            start = end = 0
        return _Group(self.top, other.bottom, min(self.left, other.left), max(self.right, other.right), start, end)

    def patches(self) -> Iterator[Patch]:
        if self.end == self.start:
            yield Patch(self.left, self.top, self.right, self.bottom, False)
            return
        for left, right, solid in (
            (self.left, self.start, False),
            (self.start, self.end, True),
            (self.end, self.right, False),
        ):
            if right > left:
                yield Patch(left, self.top, right, self.bottom, solid)


def patches_in(pixels: Pixels) -> Iterator[Patch]:
    """Where there is something, from the top down."""
    height = pixels.shape[0]
    safe = cv2.erode(cv2.extractChannel(pixels, 3), SAFE_SOLID, borderType=cv2.BORDER_REPLICATE)
    waiting: _Group | None = None
    for top in range(0, height, BAND_ROWS):
        bottom = min(top + BAND_ROWS, height)
        # Light without alpha counts as something, too.
        filled = np.flatnonzero(pixels[top:bottom].view(np.uint32)[..., 0].any(axis=0))
        if filled.size == 0:
            continue
        solid = safe[top:bottom].min(axis=0) == 255
        groups = [_group(top, bottom, start, end, solid) for start, end in _runs(filled, MIN_GAP)]
        if len(groups) == 1 and waiting is not None and (both := waiting.joined(groups[0])):
            waiting = both
            continue
        if waiting is not None:
            yield from waiting.patches()
        waiting = groups[0] if len(groups) == 1 else None
        if waiting is None:
            for group in groups:
                yield from group.patches()
    if waiting is not None:
        yield from waiting.patches()


def _group(top: int, bottom: int, left: int, right: int, solid: NDArray[np.bool_]) -> _Group:
    stretches = [
        (start + left, end + left)
        for start, end in _runs(np.flatnonzero(solid[left:right]), 1)
        if end - start >= MIN_SOLID
    ]
    start, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0], default=(0, 0))
    return _Group(top, bottom, left, right, start, end)


def _runs(places: NDArray[np.intp], max_step: int) -> list[tuple[int, int]]:
    """Rising numbers as stretches [start, end) without a step larger than `max_step`."""
    if not places.size:
        return []
    breaks = np.flatnonzero(np.diff(places) > max_step)
    starts = places[np.concatenate([[0], breaks + 1])]
    ends = places[np.concatenate([breaks, [places.size - 1]])] + 1
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def blended(under: Pixels, paint: Pixels) -> None:
    """Lay premultiplied `paint` over `under`, in place."""
    rest = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(paint, 3)), cv2.COLOR_GRAY2RGBA)
    cv2.multiply(under, rest, under, 1 / 255)
    cv2.add(under, paint, under)


@cache
def _grain() -> Pixels:
    """The tooth of the paper as a tile around 240: fine grain, short fibres and soft blotches."""
    chance, side = np.random.default_rng(240), 256

    def noise() -> NDArray[np.float32]:
        return chance.normal(0, 1, (side, side)).astype(np.float32)

    fibres = cv2.blur(noise(), (9, 2)) * 5 + cv2.blur(noise(), (2, 7)) * 4
    blotches = cv2.resize(cv2.GaussianBlur(noise()[::8, ::8], (0, 0), 1.25), (side, side)) * 3
    tooth = np.clip(240 + noise() * 2.2 + fibres + blotches, 215, 255).astype(np.uint8)
    return np.asarray(cv2.merge([tooth, tooth, tooth, np.full_like(tooth, 240)]), np.uint8)


def dot(x: float, y: float, radius: float) -> Outline:
    return ellipse(x, y, radius, steps=14)
