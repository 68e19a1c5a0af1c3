"""The camera: where it stands and looks at each moment of a shot, and what that makes of a layer at a depth."""

import math
from dataclasses import dataclass

from tchavi_studio.engines.preview.drawing.paper import Area
from tchavi_studio.engines.preview.script.shotlist import Camera, Direction, Move, Speed

PACE = {Speed.SLOW: 0.5, Speed.NORMAL: 1.0, Speed.FAST: 2.0}

RATES = {
    Move.PAN: (0.11, 0.95),
    Move.TILT: (0.06, 0.42),
    Move.TRUCK: (0.12, 1.0),
    Move.CRANE: (0.055, 0.38),
    Move.ORBIT: (0.13, 0.9),
    Move.FOLLOW: (0.22, 2.4),
    Move.DOLLY: (0.06, 0.44),
    Move.ZOOM: (0.09, 0.8),
    Move.DRONE: (0.07, 0.48),
    Move.DRIFT: (0.016, 0.06),
}
"""How far each move goes in a second at normal speed, and at most: frame heights, or shares of the way there."""

MIDDLE = 0.5
"""The height of the frame's middle on the stage."""

SIGNS = {Direction.LEFT: -1, Direction.UP: -1, Direction.OUT: -1}


@dataclass(frozen=True, kw_only=True)
class View:
    """How a layer appears: stage points are scaled around the frame's middle after moving by `across` and `down`."""

    scale: float
    across: float
    down: float

    def seen(self, aspect: float) -> Area:
        """The part of the layer that fills the frame."""
        half_width, half_height = aspect / 2 / self.scale, 0.5 / self.scale
        return Area(
            self.across - half_width,
            MIDDLE + self.down - half_height,
            self.across + half_width,
            MIDDLE + self.down + half_height,
        )


class CameraMove:
    """The move of one shot; `heading` is -1 or 1, where the subject goes, for a camera that follows it."""

    def __init__(self, camera: Camera, *, seconds: float, heading: int = 1, sway: float = 0.0) -> None:
        self._camera, self._heading, self._sway = camera, heading, sway
        self._seconds = seconds
        rate, most = RATES.get(camera.move, (0.0, 0.0))
        self._reach = min(rate * PACE[camera.speed] * seconds, most)

    @property
    def follows(self) -> bool:
        return self._camera.move is Move.FOLLOW

    def travel(self, way: float) -> float:
        """How far the camera has moved sideways at `way`, 0 to 1, as a layer at the subject's depth sees it."""
        return self.view(way, 1.0).across

    def view(self, way: float, depth: float) -> View:
        """How a layer at `depth` appears at `way`, 0 to 1, of the shot."""
        eased = 0.75 * way + 0.25 * way * way * (3 - 2 * way)
        reach, move, direction = self._reach, self._camera.move, self._camera.direction
        sign = SIGNS.get(direction, 1) if direction else 1
        around = sign * reach * (eased - 0.5)
        across = down = forward = 0.0
        zoom = 1.0
        if move is Move.DRONE and direction not in (Direction.IN, Direction.OUT, None):
            move = Move.TRUCK if direction in (Direction.LEFT, Direction.RIGHT) else Move.CRANE
        match move:
            case Move.PAN:
                across = around
            case Move.TILT:
                down = around
            case Move.TRUCK:
                across = around * depth
            case Move.CRANE:
                down = around * (0.35 + 0.65 * depth)
            case Move.ORBIT:
                across = around * (depth - 1) * 1.6
            case Move.FOLLOW:
                across = self._heading * reach * (way - 0.5) * depth
            case Move.ZOOM:
                zoom = 1 + reach * (eased if sign > 0 else 1 - eased)
            case Move.DOLLY | Move.DRIFT:
                forward = reach * (eased if sign > 0 else 1 - eased)
            case Move.DRONE:
                forward = reach * (eased if sign > 0 else 1 - eased)
                down = -0.1 * (eased - 0.5) * sign * depth
        if move is Move.HANDHELD or self._sway:
            at = way * self._seconds
            shake = 0.011 if move is Move.HANDHELD else self._sway
            across += shake * (math.sin(2.3 * at + 1) + 0.6 * math.sin(5.1 * at) + 0.3 * math.sin(11.7 * at))
            down += shake * (math.sin(2.9 * at) + 0.6 * math.sin(6.3 * at + 2) + 0.3 * math.sin(13.1 * at)) * 0.7
        # Near layers come closer faster.
        return View(scale=zoom / (1 - min(0.8, forward * depth)), across=across, down=down)

    def seen(self, depth: float, aspect: float) -> Area:
        """All that the camera sees of a layer at `depth` during the shot."""
        areas = [self.view(step / 24, depth).seen(aspect) for step in range(25)]
        return Area(
            min(area.left for area in areas),
            min(area.top for area in areas),
            max(area.right for area in areas),
            max(area.bottom for area in areas),
        )

    def closest(self, depth: float) -> float:
        """The largest scale at which a layer at `depth` is seen."""
        return max(self.view(step / 8, depth).scale for step in range(9))
