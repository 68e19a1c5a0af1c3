"""Reading people's files: photos, videos and sounds, each with an explicit format and a size limit.

The format follows from the content type that probing found, never from a file's name, and no other is tried: a playlist
disguised as a video reaches no demuxer. Whatever goes wrong in here is the file's fault and becomes
`RenderFailedError` with a code that names the reference.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.Image import Transpose

from tchavi_studio.engines.base import EngineReference, RenderFailedError
from tchavi_studio.engines.preview.picture import Picture
from tchavi_studio.sandbox import ran_short

SAMPLE_RATE = 48_000

MAX_PHOTO_PIXELS = 40_000_000
"""A little over the contract's 6000 by 6000 pixels."""

MAX_VIDEO_PIXELS = 4096 * 2304
"""Above anything the studio accepts as a reference video, below what could exhaust the child's memory."""

PHOTO_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/x-ms-bmp": "BMP",
    "image/tiff": "TIFF",
    "image/gif": "GIF",
}
CONTAINER_FORMATS = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}

MAX_SIDE_RATIO = 5
"""The longer side by the shorter. The contract allows 2.5; a sliver would have to be enlarged beyond measure."""

QUARTER_TURNS = (None, Transpose.ROTATE_90, Transpose.ROTATE_180, Transpose.ROTATE_270)
"""Pillow's counterclockwise turns, by their number."""

Samples = NDArray[np.float32]
"""Sound as 2 by n samples, -1 to 1, at `SAMPLE_RATE`."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A reference with the failure that it makes of a render if it can't be read."""

    reference: EngineReference
    code: str
    figures: Mapping[str, int] = field(default_factory=dict)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Blame this file for whatever fails inside, except a shortage: decoders raise anything on broken bytes."""
        try:
            yield
        except Exception as error:
            if ran_short(error):
                raise
            raise RenderFailedError(code=self.code, figures=self.figures) from error

    @property
    def path(self) -> Path:
        if self.reference.path is None:
            raise FileNotFoundError("The reference has no file on this machine.")
        return self.reference.path


def photo_size(source: Source) -> tuple[int, int]:
    """Width and height in pixels as displayed, from the header alone."""
    with source.blamed(), _open_photo(source) as image:
        width, height = image.size
        # Orientations 5 to 8 lie on their side.
        return (height, width) if image.getexif().get(0x0112, 1) >= 5 else (width, height)


def read_photo(source: Source, *, wanted_pixels: tuple[int, int]) -> Image.Image:
    """The photo in RGB, upright, on white where transparent. A JPEG may come smaller, but covers `wanted_pixels`."""
    with source.blamed(), _open_photo(source) as image:
        longest = max(wanted_pixels)
        image.draft("RGB", (longest, longest))
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        if image.has_transparency_data:
            opaque = Image.new("RGBA", image.size, "white")
            opaque.alpha_composite(image.convert("RGBA"))
            return opaque.convert("RGB")
        return image.convert("RGB")


def _open_photo(source: Source) -> Image.Image:
    image = Image.open(source.path, formats=[PHOTO_FORMATS[source.reference.content_type]])
    try:
        _check_shape(image.size, max_pixels=MAX_PHOTO_PIXELS)
    except ValueError:
        image.close()
        raise
    return image


def _check_shape(size: tuple[int, int], *, max_pixels: int) -> None:
    """Raise ValueError for a picture that is too large or too narrow."""
    if not 0 < size[0] * size[1] <= max_pixels:
        raise ValueError(f"{size[0]} by {size[1]} is too many pixels.")
    if max(size) > MAX_SIDE_RATIO * min(size):
        raise ValueError(f"{size[0]} by {size[1]} pixels is too narrow.")


def _open_container(source: Source) -> InputContainer:
    return av.open(
        str(source.path.absolute()),
        "r",
        format=CONTAINER_FORMATS[source.reference.content_type],
        options={"protocol_whitelist": "file"},
    )


class VideoFile:
    """A reference video, read from start to end, and from the start again when it ends."""

    def __init__(self, source: Source) -> None:
        self._source = source
        with source.blamed():
            self._container = _open_container(source)
            self._stream: VideoStream = self._container.streams.video[0]
            _check_shape((self._stream.width, self._stream.height), max_pixels=MAX_VIDEO_PIXELS)
            self._stream.thread_type = "AUTO"
        self._timed_frames = self._decode()
        self._shown = self._next()
        self._coming = self._shown
        self._quarter_turns = round(self._shown[1].rotation / 90) % 4
        with source.blamed():
            _check_shape(self.size, max_pixels=MAX_VIDEO_PIXELS)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as displayed: square pixels, upright."""
        width = round(self._stream.width * (self._stream.sample_aspect_ratio or 1))
        return self._turned((width, self._stream.height))

    def picture_at(self, seconds: float, size: tuple[int, int]) -> Picture:
        """What the video shows at `seconds` from its start, scaled to `size`. Times must not go backwards."""
        while self._coming[0] <= seconds + 1e-6:
            self._shown = self._coming
            self._coming = self._next()
        with self._source.blamed():
            picture = Picture.from_video_frame(self._shown[1], self._turned(size))
        turn = QUARTER_TURNS[self._quarter_turns]
        return picture if turn is None else picture.mapped(lambda plane: plane.transpose(turn))

    def _turned(self, size: tuple[int, int]) -> tuple[int, int]:
        return (size[1], size[0]) if self._quarter_turns % 2 else size

    def close(self) -> None:
        self._container.close()

    def _next(self) -> tuple[float, av.VideoFrame]:
        with self._source.blamed():
            return next(self._timed_frames)

    def _decode(self) -> Iterator[tuple[float, av.VideoFrame]]:
        """Every frame with its time in seconds, endlessly: the last is followed by the first."""
        frame_seconds = 1 / float(self._stream.average_rate or 24)
        lap_start, shown_at = 0.0, -frame_seconds
        while True:
            first_at: float | None = None
            for frame in self._container.decode(self._stream):
                at = shown_at + frame_seconds if frame.time is None else frame.time
                first_at = at if first_at is None else first_at
                shown_at = max(lap_start + at - first_at, shown_at)
                yield shown_at, frame
            if first_at is None:
                raise ValueError("It has no frames.")
            lap_start = shown_at = shown_at + frame_seconds
            self._container.seek(0)


def read_sound(source: Source, *, max_seconds: float) -> Samples | None:
    """The first `max_seconds` of the sound of an audio or video file, in stereo, or None if it has no sound."""
    with source.blamed(), _open_container(source) as container:
        if not container.streams.audio:
            return None
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
        blocks: list[Samples] = []
        sample_count, max_samples = 0, round(max_seconds * SAMPLE_RATE)
        for frame in container.decode(container.streams.audio[0]):
            for resampled in resampler.resample(frame):
                blocks.append(resampled.to_ndarray().astype(np.float32))
                sample_count += resampled.samples
            if sample_count >= max_samples:
                break
        if not blocks:
            raise ValueError("It has no samples.")
        samples = np.nan_to_num(np.concatenate(blocks, axis=1))[:, :max_samples]
        return np.clip(samples, -1, 1).astype(np.float32)
