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
        """The part inside `box` (the whole by default) at `size`, for scales near one.

        The box may begin and end between pixels: that is what keeps a slow camera from trembling.
        """
        left, top, right, bottom = box or (0, 0, *self.size)
        half_size, half_box = (size[0] // 2, size[1] // 2), (left / 2, top / 2, right / 2, bottom / 2)
        return type(self)(
            _sampled(self.luma, size, (left, top, right, bottom)),
            _sampled(self.blue, half_size, half_box),
            _sampled(self.red, half_size, half_box),
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


def _sampled(plane: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
    """The part of a plane inside `box` at `size`, each sample interpolated from its four neighbours.

    Interpolating first between whole rows and then between whole columns, with Pillow's composite for the weighting,
    takes half the time of Pillow's own resize, which is the costliest step of a frame. It is meant for scales near
    one: it does not average away detail that a strong reduction would have to.
    """
    samples = np.asarray(plane)
    above, below, down = _neighbours(box[1], box[3], size[1], plane.height)
    rows = np.asarray(_mixed(samples[above], samples[below], down[:, None]))
    before, after, across = _neighbours(box[0], box[2], size[0], plane.width)
    return _mixed(rows[:, before], rows[:, after], across[None, :])


def _neighbours(
    start: float, end: float, count: int, length: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint8]]:
    """For `count` samples spread evenly from `start` to `end`: both neighbours, and the second's weight up to 255."""
    centres = start + (np.arange(count) + 0.5) * ((end - start) / count) - 0.5
    centres = np.clip(centres, 0, length - 1)
    first = np.minimum(centres.astype(np.intp), length - 2)
    return first, first + 1, np.rint((centres - first) * 255).astype(np.uint8)


def _mixed(first: NDArray[np.uint8], second: NDArray[np.uint8], weight: NDArray[np.uint8]) -> Image.Image:
    mask = np.ascontiguousarray(np.broadcast_to(weight, first.shape))
    return Image.composite(Image.fromarray(second), Image.fromarray(first), Image.fromarray(mask))


def _plane(samples: NDArray[np.generic], size: tuple[int, int]) -> Image.Image:
    # A copy: the decoder's buffer may be reused for the next frame.
    return Image.frombytes("L", size, samples.tobytes())
