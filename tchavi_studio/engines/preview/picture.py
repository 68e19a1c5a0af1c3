"""A picture in the encoder's format, three 8-bit planes, so that no frame is converted twice.

YUV 4:2:0, BT.709, limited range ("yuv420p"): luma at full size, the two chroma planes at half width and half height.
Planes are Pillow "L" images, because Pillow resizes from fractional boxes, blends and pastes in C.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

PIXEL_FORMAT = "yuv420p"

_CONVERTER = VideoReformatter()
"""Kept from frame to frame: setting one up takes as long as using it."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in luma pixels, which may be fractional."""


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
    def from_image(cls, image: Image.Image, size: tuple[int, int] | None = None) -> Self:
        """An RGB image, converted and scaled to `size` (even numbers); the image's own size by default."""
        return cls.from_video_frame(av.VideoFrame.from_ndarray(np.asarray(image)), size or image.size)

    @classmethod
    def from_pixels(cls, pixels: NDArray[np.uint8]) -> Self:
        """RGB pixels with a fourth channel that doesn't count, height × width × 4; their memory is used, not copied."""
        frame = av.VideoFrame.from_numpy_buffer(pixels, format="rgba")
        return cls._from_planes(
            _CONVERTER.reformat(
                frame,
                format=PIXEL_FORMAT,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.BILINEAR,
                threads=1,
            )
        )

    @classmethod
    def from_video_frame(cls, frame: av.VideoFrame, size: tuple[int, int]) -> Self:
        """A decoded frame in any pixel format, scaled to `size` (even numbers) and converted."""
        width, height = size
        return cls._from_planes(
            frame.reformat(
                width=width,
                height=height,
                format=PIXEL_FORMAT,
                dst_colorspace="ITU709",
                dst_color_range="MPEG",
                interpolation="BICUBIC",
            )
        )

    @classmethod
    def _from_planes(cls, frame: av.VideoFrame) -> Self:
        """A picture over the frame's own memory. Pillow copies a plane before first changing it."""
        return cls(
            *(
                Image.frombuffer("L", (plane.width, plane.height), rows, "raw", "L", plane.line_size, 1)
                for plane, rows in zip(frame.planes, plane_rows(frame), strict=True)
            )
        )

    def to_video_frame(self) -> av.VideoFrame:
        """A video frame with a copy of the planes."""
        frame = av.VideoFrame(*self.size, PIXEL_FORMAT)
        for rows, image in zip(plane_rows(frame), self.planes, strict=True):
            rows[:, : image.width] = np.asarray(image)
        return frame

    def enlarged(self, factor: int) -> Self:
        """The picture at a whole multiple of its size, interpolated smoothly."""
        width, height = self.size
        return self._from_planes(
            self.to_video_frame().reformat(width=width * factor, height=height * factor, interpolation="BILINEAR")
        )

    def picked(self, size: tuple[int, int], box: Box) -> Self:
        """The part inside `box`, scaled to `size` by picking the nearest sample, which is cheap."""
        half_size, half_box = (size[0] // 2, size[1] // 2), (box[0] / 2, box[1] / 2, box[2] / 2, box[3] / 2)
        return type(self)(
            self.luma.resize(size, Resampling.NEAREST, box),
            self.blue.resize(half_size, Resampling.NEAREST, half_box),
            self.red.resize(half_size, Resampling.NEAREST, half_box),
        )

    def cropped(self, left: int, top: int, right: int, bottom: int) -> Self:
        """The part inside a box of even luma pixels."""
        half_box = (left // 2, top // 2, right // 2, bottom // 2)
        return type(self)(self.luma.crop((left, top, right, bottom)), self.blue.crop(half_box), self.red.crop(half_box))

    def blended(self, other: "Picture", weight: float) -> Self:
        """This picture with `other` laid over it at `weight`, 0 to 1."""
        return type(self)(*(Image.blend(a, b, weight) for a, b in zip(self.planes, other.planes, strict=True)))

    def mapped(self, change: Callable[[Image.Image], Image.Image]) -> Self:
        """The picture with `change` applied to each plane."""
        return type(self)(change(self.luma), change(self.blue), change(self.red))

    def paste(self, paint: "Picture", mask: "Mask", *, top: int = 0, left: int = 0) -> None:
        """Paint over this picture, in place, where `mask` covers. `top` and `left` are even luma pixels."""
        self.luma.paste(paint.luma, (left, top), mask.full)
        self.blue.paste(paint.blue, (left // 2, top // 2), mask.half)
        self.red.paste(paint.red, (left // 2, top // 2), mask.half)


@dataclass(frozen=True, slots=True)
class Mask:
    """How much of a paint covers, 0 to 255, at the size of the luma plane and of the chroma planes."""

    full: Image.Image
    half: Image.Image

    @classmethod
    def from_image(cls, full: Image.Image) -> Self:
        """A mask from an image of even size; the half-size mask is averaged from it."""
        return cls(full, full.reduce(2))


def plane_rows(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """The frame's planes as arrays over its own memory. Rows may be longer than the picture is wide."""
    return [np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size) for plane in frame.planes]
