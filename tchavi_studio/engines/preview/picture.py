"""One picture as the encoder wants it: three 8-bit planes, so that no frame is ever converted twice.

YUV 4:2:0, BT.709, limited range ("yuv420p"): luma at full size, the two chroma planes at half width and half height.
Planes are Pillow "L" images, because Pillow resizes them from fractional boxes, blends and pastes them in C.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

PIXEL_FORMAT = "yuv420p"

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in luma pixels; fractions are meant."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A yuv420p picture with even width and height. Planes: luma (Y), blue difference (Cb), red difference (Cr)."""

    luma: Image.Image
    blue: Image.Image
    red: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in luma pixels."""
        return self.luma.size

    @property
    def planes(self) -> tuple[Image.Image, Image.Image, Image.Image]:
        return self.luma, self.blue, self.red

    @classmethod
    def from_image(cls, image: Image.Image) -> Self:
        """An RGB image of even size, converted."""
        return cls.from_rgb(np.asarray(image.convert("RGB")))

    @classmethod
    def from_rgb(cls, rgb: NDArray[np.uint8]) -> Self:
        """A height by width by 3 array, converted."""
        return cls.from_video_frame(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb)), (rgb.shape[1], rgb.shape[0]))

    @classmethod
    def from_video_frame(cls, frame: av.VideoFrame, size: tuple[int, int]) -> Self:
        """A decoded frame in any pixel format, scaled to `size` (even numbers) and converted."""
        width, height = size
        converted = frame.reformat(
            width=width,
            height=height,
            format=PIXEL_FORMAT,
            dst_colorspace="ITU709",
            dst_color_range="MPEG",
            interpolation="BICUBIC",
        )
        samples = converted.to_ndarray().reshape(-1)
        luma_count, chroma_count = width * height, width * height // 4
        return cls(
            _plane(samples[:luma_count], size),
            _plane(samples[luma_count : luma_count + chroma_count], (width // 2, height // 2)),
            _plane(samples[luma_count + chroma_count :], (width // 2, height // 2)),
        )

    def resized(self, size: tuple[int, int], box: Box | None = None) -> Self:
        """The part inside `box` (the whole by default), scaled to `size`.

        The box may begin and end between pixels: that is what keeps a slow camera from trembling.
        """
        width, height = size
        box = _inside(box, self.size) if box else (0, 0, *self.size)
        half_size, half_box = (width // 2, height // 2), (box[0] / 2, box[1] / 2, box[2] / 2, box[3] / 2)
        return type(self)(
            self.luma.resize(size, Resampling.BILINEAR, box),
            self.blue.resize(half_size, Resampling.BILINEAR, half_box),
            self.red.resize(half_size, Resampling.BILINEAR, half_box),
        )

    def blended(self, other: "Picture", weight: float) -> Self:
        """This picture with `other` laid over it at `weight`, 0 to 1."""
        return type(self)(*(Image.blend(a, b, weight) for a, b in zip(self.planes, other.planes, strict=True)))

    def mapped(self, change: Callable[[Image.Image], Image.Image]) -> Self:
        """The picture with the same change made to each plane."""
        return type(self)(change(self.luma), change(self.blue), change(self.red))

    def copy(self) -> Self:
        return self.mapped(Image.Image.copy)

    def paste(self, paint: "Picture", mask: "Mask", *, top: int = 0, left: int = 0) -> None:
        """Lay `paint` over this picture, in place, where `mask` covers. `top` and `left` are even luma pixels."""
        self.luma.paste(paint.luma, (left, top), mask.full)
        self.blue.paste(paint.blue, (left // 2, top // 2), mask.half)
        self.red.paste(paint.red, (left // 2, top // 2), mask.half)

    def tobytes(self) -> bytes:
        """All samples, plane after plane: width by height by 3/2 bytes."""
        return self.luma.tobytes() + self.blue.tobytes() + self.red.tobytes()


@dataclass(frozen=True, slots=True)
class Mask:
    """How much of a paint covers, 0 to 255, for the luma plane and again for the chroma planes."""

    full: Image.Image
    half: Image.Image

    @classmethod
    def from_image(cls, full: Image.Image) -> Self:
        """A mask of even size with its half made by averaging."""
        return cls(full, full.reduce(2))

    @classmethod
    def from_coverage(cls, coverage: NDArray[np.floating]) -> Self:
        """A height by width array of fractions, 0 to 1."""
        levels = np.clip(np.rint(coverage * 255), 0, 255).astype(np.uint8)
        return cls.from_image(Image.fromarray(levels))


def _inside(box: Box, size: tuple[int, int]) -> Box:
    # Rounding can carry a camera's box past the edge by a millionth of a pixel, which Pillow refuses.
    return max(0.0, box[0]), max(0.0, box[1]), min(float(size[0]), box[2]), min(float(size[1]), box[3])


def _plane(samples: NDArray[np.generic], size: tuple[int, int]) -> Image.Image:
    # A copy: the decoder's buffer may be reused for the next frame.
    return Image.frombytes("L", size, samples.tobytes())
