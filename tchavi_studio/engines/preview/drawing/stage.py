"""The stage: where a shot's layers, figures and weather are put in order, and filmed frame by frame."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tchavi_studio.engines.preview.drawing.camera import MIDDLE, CameraMove, View
from tchavi_studio.engines.preview.drawing.grade import Grade
from tchavi_studio.engines.preview.drawing.paper import (
    EDGE,
    FRACTION_BITS,
    Area,
    Colour,
    Layer,
    Pixels,
    Sheet,
    blended,
    finished,
)
from tchavi_studio.engines.preview.drawing.shapes import Outline

MAX_DENSITY = 1.5
"""Pixels of a sheet for each pixel of the frame, where the camera comes close."""


class Actor(Protocol):
    """Something that is drawn anew in each frame."""

    depth: float

    def draw(self, pen: "Pen", seconds: float) -> None: ...


class Pen:
    """Draws outlines on a frame as a layer's view shows them."""

    def __init__(self, pixels: Pixels, view: View) -> None:
        self.pixels, self.view = pixels, view
        height, width = pixels.shape[:2]
        self._factor = view.scale * height * 2**FRACTION_BITS
        self._origin = np.array([view.across, MIDDLE + view.down])
        self._middle = np.array([width / 2, height / 2]) * 2**FRACTION_BITS

    def spot(self, outline: Outline) -> NDArray[np.int32]:
        """The outline in sixteenths of a pixel."""
        spot = (outline - self._origin) * self._factor + self._middle
        rounded: NDArray[np.int32] = np.rint(spot).clip(-(2**24), 2**24).astype(np.int32)
        return rounded

    def fill(self, outline: Outline, colour: Colour) -> None:
        cv2.fillPoly(self.pixels, [self.spot(outline)], (*colour, 255.0), cv2.LINE_AA, FRACTION_BITS)

    def fills(self, outlines: list[Outline], colour: Colour) -> None:
        """Fill many polygons that don't overlap in one colour."""
        if outlines:
            cv2.fillPoly(
                self.pixels, [self.spot(outline) for outline in outlines], (*colour, 255.0), cv2.LINE_AA, FRACTION_BITS
            )

    def veil(self, outline: Outline, colour: Colour, alpha: float) -> None:
        """Fill a polygon with a see-through colour."""
        spot = self.spot(outline)
        height, width = self.pixels.shape[:2]
        low, high = (spot.min(0) >> FRACTION_BITS) - 1, (spot.max(0) >> FRACTION_BITS) + 2
        left, top, right, bottom = max(0, low[0]), max(0, low[1]), min(width, high[0]), min(height, high[1])
        if right <= left or bottom <= top:
            return
        part = self.pixels[top:bottom, left:right]
        over = part.copy()
        cv2.fillPoly(
            over, [spot - np.array([left, top]) * 2**FRACTION_BITS], (*colour, 255.0), cv2.LINE_AA, FRACTION_BITS
        )
        cv2.addWeighted(over, alpha, part, 1 - alpha, 0, part)


@dataclass
class Stage:
    """A shot being built. Lay layers and actors from the back to the front."""

    width: int
    height: int
    move: CameraMove
    grade: Grade
    chance: np.random.Generator
    seconds: float
    horizon: float
    """Where the ground meets the sky, down the frame."""
    ground: float
    """Where the subject's feet stand; may be below the frame."""
    shore: float = 0.75
    """Where the stretch on which the subject stands begins: sand, the floor of a room, the edge of a table."""
    weather: tuple[str, ...] = ()
    rough: bool = False
    crop: bool = False
    seat: str = ""
    """The colour of the sofa that somebody lies or sits on."""
    backdrop: str = ""
    table: bool = False
    board: bool = False
    moon: bool = False
    window: bool = False
    """Whether we look out of a window that fills the frame."""
    focus: float = 0.0
    """How far everything but the subject is out of focus, in units."""
    items: list[Layer | Actor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.aspect = self.width / self.height

    def area(self, depth: float, *, drift: float = 0.0) -> Area:
        """What will be seen of a layer at `depth` that drifts by so many units a second."""
        seen = self.move.seen(depth, self.aspect)
        travel = drift * self.seconds
        return Area(seen.left - max(0.0, travel), seen.top, seen.right - min(0.0, travel), seen.bottom)

    def sheet(self, depth: float, *, drift: float = 0.0, fine: float = 1.0) -> Sheet:
        """An empty sheet for a layer at `depth`."""
        density = self.height * fine * (min(MAX_DENSITY, self.move.closest(depth)) if depth else 1.0)
        area = self.area(depth, drift=drift)
        # On whole pixels, so that what doesn't move needn't be interpolated.
        left, top = ((math.floor(edge * density) - EDGE - 2) / density for edge in area[:2])
        right, bottom = ((math.ceil(edge * density) + EDGE + 2) / density for edge in area[2:])
        return Sheet(Area(left, top, right, bottom), density)

    def lay(
        self,
        sheet: Sheet,
        depth: float,
        *,
        drift: float = 0.0,
        shadow: float = 0.35,
        grain: bool = True,
        blur: float | None = None,
        bob: float = 0.0,
    ) -> None:
        """Put a painted sheet in front of all that was laid before."""
        if grain:
            sheet.texture()
        radius = self.focus * abs(1 - depth) if blur is None else blur
        if radius * sheet.density > 0.7:
            sheet.blurred(radius)
        elif shadow and depth:
            lean = 0.5 - self.grade.sun[0]
            sheet.cast(
                across=0.012 * lean * depth,
                down=-0.004,
                blur=0.02 + 0.02 * depth,
                strength=shadow,
            )
        self.items.append(finished(sheet, depth=depth, drift=drift, bob=bob))

    def film(self, frame_seconds: float) -> Pixels:
        """The picture at `frame_seconds` from the start of the shot."""
        way = min(1.0, frame_seconds / self.seconds)
        frame: Pixels = np.empty((self.height, self.width, 4), np.uint8)
        placings = [self._placed(item, way, frame_seconds) for item in self.items if isinstance(item, Layer)]
        # A layer needn't be drawn below the row from which a nearer one covers the whole frame.
        hidden_from, floors = self.height, []
        for placing in reversed(placings):
            floors.append(hidden_from)
            hidden_from = min(hidden_from, placing.covers_from)
        waiting = iter(zip(placings, reversed(floors), strict=True))
        for item in self.items:
            if isinstance(item, Layer):
                placing, floor = next(waiting)
                placing.paint_on(frame, floor)
            else:
                item.draw(Pen(frame, self.move.view(way, item.depth)), frame_seconds)
        return frame

    def _placed(self, layer: Layer, way: float, seconds: float) -> "_Placed":
        view = self.move.view(way, layer.depth)
        scale = view.scale * self.height / layer.density
        left = (layer.left + layer.drift * seconds - view.across) * view.scale * self.height + self.width / 2
        bob = layer.bob * abs(math.sin(seconds * 5.2 + 3 * layer.depth))
        top = (layer.top - bob - MIDDLE - view.down) * view.scale * self.height + self.height / 2
        # Free of rounding errors, so that what doesn't move is seen not to.
        return _Placed(layer, scale, round(left, 6), round(top, 6), self.width, self.height)


@dataclass(slots=True)
class _Placed:
    """A layer as one frame shows it: `scale` frame pixels for each of its own, its corner at (`left`, `top`)."""

    layer: Layer
    scale: float
    left: float
    top: float
    width: int
    height: int

    @property
    def covers_from(self) -> int:
        """The row from which on it covers the frame from side to side and down to the lower edge."""
        rows, columns = self.layer.pixels.shape[:2]
        if self.left > 0 or self.left + columns * self.scale < self.width:
            return self.height
        if self.top + rows * self.scale < self.height:
            return self.height
        return max(0, math.ceil(self.top + self.layer.solid_from * self.scale + 1))

    def paint_on(self, frame: Pixels, floor: int) -> None:
        tops = {patch.top for patch in self.layer.patches}
        bottoms, rights = set[int](), set[tuple[int, int]]()
        for patch in self.layer.patches:
            top, bottom = (math.floor(self.top + row * self.scale) for row in (patch.top, patch.bottom))
            left, right = (math.floor(self.left + column * self.scale) for column in (patch.left, patch.right))
            if not patch.solid:
                # What lies half outside is drawn, too, unless the neighbour draws it.
                top -= patch.top not in bottoms
                bottom += patch.bottom not in tops
                left -= (patch.top, patch.left) not in rights
                right += 1
            bottoms.add(patch.bottom)
            rights.add((patch.top, patch.right))
            top, bottom, left, right = max(0, top), min(floor, bottom), max(0, left), min(self.width, right)
            if bottom <= top or right <= left:
                continue
            part = frame[top:bottom, left:right]
            if patch.solid:
                self._warped(left, top, part.shape, part)
            else:
                blended(part, self._warped(left, top, part.shape))

    def _warped(self, left: int, top: int, shape: tuple[int, ...], to: Pixels | None = None) -> Pixels:
        """The layer inside a box of frame pixels of so many rows and columns."""
        rows, columns = shape[:2]
        across, down = left - self.left, top - self.top
        if self.scale == 1 and across.is_integer() and down.is_integer() and across >= 0 and down >= 0:
            found = self.layer.pixels[int(down) : int(down) + rows, int(across) : int(across) + columns]
            if found.shape[:2] == (rows, columns):
                if to is not None:
                    to[:] = found
                return found
        step = 1 / self.scale
        warped = cv2.warpAffine(
            self.layer.pixels,
            np.array([[step, 0, (across + 0.5) * step - 0.5], [0, step, (down + 0.5) * step - 0.5]]),
            (columns, rows),
            to,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT if to is None else cv2.BORDER_REPLICATE,
        )
        return np.asarray(warped, np.uint8)


Painter = Callable[[Stage], None]
"""Paints a setting on a stage."""
