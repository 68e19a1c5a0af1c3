"""Encodes frames and samples as MP4 (H.264 and AAC, BT.709, index at the front), and hashes them."""

import hashlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from tchavi_studio.engines.formats import FRAMES_PER_SECOND
from tchavi_studio.engines.preview.picture import PIXEL_FORMAT, Picture, plane_rows
from tchavi_studio.engines.preview.sources import SAMPLE_RATE, Samples

X264_OPTIONS = {"preset": "superfast", "x264-params": "rc-lookahead=0:mbtree=0:b-adapt=0:scenecut=0"}
"""A preview is seen once or twice, so speed comes first. Against "ultrafast", files are 30 % smaller at the same
quality, which matters on metered data, for a fifth more time. A fixed quantiser needs no lookahead, which saves as
much again, and keeps dissolves as good as the rest."""

GRADIENT_QUANTISER = 22
"""For drawn scenes: coarser steps would show in their soft gradients, which take few bytes anyway."""

PHOTO_QUANTISER = 25
"""For photos and videos, whose texture hides coarser steps."""

ENCODER_THREADS = 2
"""Whole frames in parallel. More would only use memory: drawing and encoding are designed for two cores."""

AAC_OPTIONS = {"aac_coder": "fast", "aac_tns": "0", "aac_pns": "0", "aac_is": "0"}
"""Without the searches that only help at low bit rates."""

AAC_BITS_PER_SECOND = 128_000
BT709 = 1
"""BT.709 in all three colour tables of H.264 (ITU-T H.273)."""
LIMITED_RANGE = 1

KEYFRAME_SECONDS = 2
"""Scrubbing in a browser jumps from key frame to key frame."""


class Encoder:
    """Writes one clip. Use as a context manager: `finish` completes the file, leaving without it abandons it.

    Add frames and samples in presentation order. For good interleaving, keep the sound within a second or so of the
    picture.
    """

    def __init__(
        self, path: Path, *, size: tuple[int, int], quantiser: int, with_sound: bool, title: str, comment: str
    ) -> None:
        self._frame_count = 0
        self._sample_count = 0
        self._hash = hashlib.sha256()
        self._sample_hash = hashlib.sha256()
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._container.metadata.update(title=title, comment=comment)
        self._video = self._add_video(size, quantiser)
        self._audio = self._add_audio() if with_sound else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def frame_count(self) -> int:
        return self._frame_count

    @property
    def content_hash(self) -> str:
        """SHA-256 over all frames, then the SHA-256 of all samples, before encoding."""
        both = self._hash.copy()
        if self._audio is not None:
            both.update(self._sample_hash.digest())
        return both.hexdigest()

    def add_frame(self, picture: Picture) -> None:
        """Add the next frame."""
        frame = picture.to_video_frame()
        for rows, image in zip(plane_rows(frame), picture.planes, strict=True):
            self._hash.update(np.ascontiguousarray(rows[:, : image.width]).data)
        frame.pts, frame.time_base = self._frame_count, Fraction(1, FRAMES_PER_SECOND)
        frame.colorspace = frame.color_primaries = frame.color_trc = BT709
        frame.color_range = LIMITED_RANGE
        self._frame_count += 1
        self._container.mux(self._video.encode(frame))

    def add_sound(self, samples: Samples) -> None:
        """Add the next samples: a stereo array of shape (2, n)."""
        if self._audio is None:
            raise ValueError("This clip has no sound.")
        self._sample_hash.update(np.ascontiguousarray(samples).tobytes())
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = self._sample_count, Fraction(1, SAMPLE_RATE)
        self._sample_count += samples.shape[1]
        self._container.mux(self._audio.encode(frame))

    def finish(self) -> None:
        """Flush the encoders and write the index."""
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
        self._container.close()

    def _add_video(self, size: tuple[int, int], quantiser: int) -> VideoStream:
        options = {**X264_OPTIONS, "qp": str(quantiser)}
        stream = self._container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = PIXEL_FORMAT
        context = stream.codec_context
        # Slice threads would make every call wait for its frame.
        context.thread_type = "FRAME"
        context.thread_count = ENCODER_THREADS
        context.gop_size = KEYFRAME_SECONDS * FRAMES_PER_SECOND
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        return stream

    def _add_audio(self) -> AudioStream:
        return self._container.add_stream(
            "aac",
            rate=SAMPLE_RATE,
            layout="stereo",
            format="fltp",
            bit_rate=AAC_BITS_PER_SECOND,
            options=AAC_OPTIONS,
        )
