"""What a reference file must be: the models' own limits, and the studio's limits on what it opens.

Both sides of the process boundary need them, so nothing here needs Django. The models' limits are Seedance 2.0's, which
hold for both models. "MB" is read as 10⁶ bytes, the stricter reading.
"""

from typing import Any

MAX_BYTES = {"image": 30_000_000 - 1, "video": 50_000_000, "audio": 15_000_000}
"""Of each kind of file, as received and as stored. An image must be *under* 30 MB."""

ACCEPTED_IMAGES = "image/*,.heic,.heif"
ACCEPTED_MEDIA = f"{ACCEPTED_IMAGES},video/mp4,video/quicktime,audio/wav,audio/x-wav,audio/mpeg"
"""What file pickers offer. Wider than what is accepted, so that phones offer their camera and photo library."""

MIN_RATIO, MAX_RATIO = 0.4, 2.5
"""Width divided by height, of images and videos."""

MIN_SIDE_PIXELS, MAX_SIDE_PIXELS = 300, 6000
"""Of images and videos. A larger image is scaled down; a larger video is refused."""

MIN_VIDEO_AREA_PIXELS, MAX_VIDEO_AREA_PIXELS = 409_600, 2_086_876

MIN_FRAME_RATE, MAX_FRAME_RATE = 24.0, 60.0
FRAME_RATE_TOLERANCE = 0.0011
"""Relative: film's 24000/1001 counts as 24, and a phone's variable rate may drift a little past 60."""

MIN_DURATION_SECONDS, MAX_DURATION_SECONDS = 2.0, 15.0
"""Of a video or audio file. A longer one is kept, for a trim."""

# The studio's own limits on what it opens at all.
MIN_SAMPLE_RATE = 8_000
"""Of audio, in hertz: the least that any recorder uses. At 1 Hz, a small file would decode to months of sound."""
MAX_IMAGE_PIXELS = 64_000_000
"""A decompression bomb is refused by its header, before a pixel is decoded."""
MAX_JPEG_PIXELS = 110_000_000
"""JPEG can be decoded at half size, so a phone's 108 megapixels fit."""
MAX_DECODED_BYTES = 310_000_000
"""What the file and its pixels may take while they are decoded: what `probe.PROBE` allows, less the libraries."""
MAX_SOURCE_DURATION_SECONDS = 1800.0
MAX_STREAM_COUNT = 16
MAX_OUTPUT_SIDE_PIXELS = 8192

THUMBNAIL_SIDE_PIXELS = 320
"""The longer side: sharp in a 72 px chip on a 3× screen, and on small cards."""
POSTER_SIDE_PIXELS = 640
PEAK_COUNT = 48
"""How many values draw an audio file."""
SOUND_PEAK_COUNT = 80
"""How many values draw the sound of a clip, under its player."""


class RefusedFileError(Exception):
    """A file is refused. `code` is stable; `figures` are the plain values that its message needs."""

    def __init__(self, code: str, **figures: Any) -> None:
        super().__init__(code)
        self.code = code
        self.figures = figures


def check_frame(kind: str, width: int, height: int) -> None:
    """Refuse an image or video whose sides, as displayed, are outside the models' limits."""
    figures = {"kind": kind, "width": width, "height": height}
    if min(width, height) < MIN_SIDE_PIXELS:
        raise RefusedFileError("side_too_short", **figures)
    if not MIN_RATIO <= width / height <= MAX_RATIO:
        raise RefusedFileError("ratio_out_of_range", **figures)
    if kind == "video":
        if max(width, height) > MAX_SIDE_PIXELS:
            raise RefusedFileError("side_too_long", **figures)
        if width * height < MIN_VIDEO_AREA_PIXELS:
            raise RefusedFileError("area_too_small", **figures)
        if width * height > MAX_VIDEO_AREA_PIXELS:
            raise RefusedFileError("area_too_large", **figures)


def check_duration(kind: str, duration_seconds: float) -> None:
    """Refuse what is too short, or too long even for a trim."""
    if duration_seconds < MIN_DURATION_SECONDS:
        raise RefusedFileError("too_short", kind=kind, duration_seconds=duration_seconds)
    if duration_seconds > MAX_SOURCE_DURATION_SECONDS:
        raise RefusedFileError("too_long", kind=kind, duration_seconds=duration_seconds)


def check_frame_rate(frame_rate: float) -> None:
    """Refuse a video that is too slow or too fast, in frames per second."""
    min_rate, max_rate = MIN_FRAME_RATE * (1 - FRAME_RATE_TOLERANCE), MAX_FRAME_RATE * (1 + FRAME_RATE_TOLERANCE)
    if not min_rate <= frame_rate <= max_rate:
        raise RefusedFileError("frame_rate_out_of_range", frame_rate=frame_rate)


def check_byte_count(kind: str, byte_count: int) -> None:
    """Refuse a file that is too large for its kind."""
    if byte_count > MAX_BYTES[kind]:
        raise RefusedFileError("too_many_bytes", kind=kind, byte_count=byte_count)
