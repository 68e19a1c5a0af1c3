"""A trace of light and one of shade that wander over a clip: felt rather than seen, and never the same for two seeds.

They tell the clips of two seeds apart even where a camera can show no difference, as over a plain picture.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tchavi_studio.engines.preview.picture import Picture

WHITE, BLACK = 235, 16
"""The ends of the luma scale in limited range."""

STRENGTH = 4
"""How far the middle of a spot moves the luma toward white or black, in 255ths."""

DIAMETER = 0.5
"""Of the frame's shorter side."""


@dataclass(frozen=True, kw_only=True)
class _Spot:
    luma: int
    mask: Image.Image
    start: tuple[float, float]
    end: tuple[float, float]


class WanderingLight:
    """The light over one clip. It changes the luma plane alone."""

    def __init__(self, *, size: tuple[int, int], frame_count: int, chance: np.random.Generator) -> None:
        self._frame_count = frame_count
        diameter = round(DIAMETER * min(size))
        across = np.linspace(-1, 1, diameter, dtype=np.float32)
        shape = np.maximum(0, 1 - across[:, None] ** 2 - across[None, :] ** 2) ** 2 * np.float32(STRENGTH)
        room = size[0] - diameter, size[1] - diameter

        def spot(luma: int) -> _Spot:
            # Rounding by chance keeps so faint a slope from showing steps.
            mask = (shape + chance.random(shape.shape, dtype=np.float32)).astype(np.uint8)
            start, end = ((chance.uniform(0, room[0]), chance.uniform(0, room[1])) for _ in range(2))
            return _Spot(luma=luma, mask=Image.fromarray(mask), start=start, end=end)

        self._spots = spot(WHITE), spot(BLACK)

    def fall_on(self, picture: Picture, frame: int) -> None:
        """Light the clip's picture at `frame`, in place."""
        way = frame / max(1, self._frame_count - 1)
        for spot in self._spots:
            left, top = (round(a + (b - a) * way) for a, b in zip(spot.start, spot.end, strict=True))
            picture.luma.paste(spot.luma, (left, top, left + spot.mask.width, top + spot.mask.height), spot.mask)
