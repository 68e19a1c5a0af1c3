"""A faint light and a faint shade that wander over a clip, barely visible and different for each seed.

They make clips with different seeds differ even over a plain picture, where a camera move wouldn't show.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tchavi_studio.engines.preview.picture import Picture

WHITE, BLACK = 235, 16
"""The ends of the luma scale in limited range."""

STRENGTH = 4
"""How far the centre of a spot shifts the luma towards white or black, in 255ths."""

DIAMETER = 0.5
"""A spot's diameter as a share of the frame's shorter side."""


@dataclass(frozen=True, kw_only=True)
class _Spot:
    luma: int
    mask: Image.Image
    start: tuple[float, float]
    end: tuple[float, float]


class WanderingLight:
    """The light over one clip. It changes only the luma plane."""

    def __init__(self, *, size: tuple[int, int], frame_count: int, chance: np.random.Generator) -> None:
        self._frame_count = frame_count
        diameter = round(DIAMETER * min(size))
        across = np.linspace(-1, 1, diameter, dtype=np.float32)
        shape = np.maximum(0, 1 - across[:, None] ** 2 - across[None, :] ** 2) ** 2 * np.float32(STRENGTH)
        room = size[0] - diameter, size[1] - diameter

        def spot(luma: int) -> _Spot:
            # Random rounding keeps such a faint slope from showing steps.
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
