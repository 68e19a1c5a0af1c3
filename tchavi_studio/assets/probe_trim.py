"""Cutting a video, in the sandboxed process: decoded, filtered and encoded again, exact to the frame."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import BlockingIOError as NothingYetError
from av.error import EOFError as EndedError
from av.filter.graph import Graph
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .containers import MAX_THREADS
from .limits import MAX_FRAME_RATE, MIN_DURATION_SECONDS, MIN_FRAME_RATE
from .probe_video import add_aac, audio_stream, check_declared_frame, facts_of, open_video, video_stream, write_mp4


def trim_video(source: Path, directory: Path, start_seconds: float, duration_seconds: float) -> dict[str, Any]:
    """Encode `duration_seconds` of `source` from `start_seconds`, as H.264 at a constant rate and AAC."""
    path = directory / "file.mp4"
    with open_video(source) as container:
        check_declared_frame(container)
        _encode(container, path, start_seconds, duration_seconds)
    return facts_of(path, directory)


def _encode(source: InputContainer, path: Path, start_seconds: float, duration_seconds: float) -> None:
    """Encode a part of `source` to `path`. A constant frame rate makes the duration exact to the frame."""
    video, audio = video_stream(source), audio_stream(source)
    rate = Fraction(video.average_rate or 30).limit_denominator(1001)
    rate = min(max(rate, Fraction(int(MIN_FRAME_RATE))), Fraction(int(MAX_FRAME_RATE)))
    begin = start_seconds + (source.start_time or 0) / av.time_base
    with write_mp4(path) as target:
        tracks: dict[int, _Track] = {video.index: _PictureTrack(target, video, rate, begin, duration_seconds)}
        if audio is not None:
            tracks[audio.index] = _SoundTrack(target, audio, begin, duration_seconds)
        if start_seconds > 0:
            source.seek(int(begin * av.time_base))
        for packet in source.demux(*(stream for stream in (video, audio) if stream is not None)):
            track = tracks[packet.stream.index]
            if not track.is_complete:
                for frame in packet.decode():
                    assert isinstance(frame, VideoFrame | AudioFrame)
                    track.push(frame)
            if all(track.is_complete for track in tracks.values()):
                break
        for track in tracks.values():
            track.push(None)
        for track in tracks.values():
            track.flush()


class _Track:
    """One stream on its way through a filter and an encoder into the target."""

    def __init__(self, target: OutputContainer, stream: VideoStream | AudioStream, chain: "_FilterChain") -> None:
        self._target = target
        self._stream = stream
        self._chain = chain

    @property
    def is_complete(self) -> bool:
        """Whether it needs no more frames."""
        return self._chain.ended

    def push(self, frame: VideoFrame | AudioFrame | None) -> None:
        """Take one decoded frame; None when there are no more."""
        for filtered in self._chain.through(frame):
            self._write(filtered)

    def flush(self) -> None:
        """Empty the encoder."""
        self._target.mux(self._stream.encode(None))

    def _write(self, frame: VideoFrame | AudioFrame) -> None:
        self._target.mux(self._stream.encode(frame))  # type: ignore[arg-type]  # each stream meets its own kind only


class _PictureTrack(_Track):
    def __init__(
        self, target: OutputContainer, video: VideoStream, rate: Fraction, begin: float, duration_seconds: float
    ) -> None:
        # A little more than asked for, so that the last frame of the constant rate has something to show.
        end = begin + duration_seconds + float(1 / rate)
        chain = _FilterChain(
            lambda graph: graph.add_buffer(template=video),
            ("trim", f"start={begin:.6f}:end={end:.6f}"),
            ("setpts", "PTS-STARTPTS"),
            ("fps", f"fps={rate.numerator}/{rate.denominator}:start_time=0"),
            ("buffersink", None),
        )
        self._output = _add_h264(target, video, rate)
        super().__init__(target, self._output, chain)
        self._missing_count = self._frame_count = max(floor(duration_seconds * rate), ceil(MIN_DURATION_SECONDS * rate))

    def _write(self, frame: VideoFrame | AudioFrame) -> None:
        assert isinstance(frame, VideoFrame)
        if self._missing_count == self._frame_count:
            _keep_rotation(frame, self._output)
        if self._missing_count > 0:
            self._missing_count -= 1
            frame.pict_type = 0
            super()._write(frame)


class _SoundTrack(_Track):
    def __init__(self, target: OutputContainer, audio: AudioStream, begin: float, duration_seconds: float) -> None:
        chain = _FilterChain(
            lambda graph: graph.add_abuffer(template=audio),
            ("atrim", f"start={begin:.6f}:duration={duration_seconds:.6f}"),
            ("asetpts", "PTS-STARTPTS"),
            ("abuffersink", None),
        )
        super().__init__(target, add_aac(target), chain)


def _add_h264(target: OutputContainer, video: VideoStream, rate: Fraction) -> VideoStream:
    # The bit rate is capped so that 15 seconds stay far below the models' 50 MB.
    options = {"crf": "18", "preset": "veryfast", "maxrate": "20M", "bufsize": "40M"}
    stream = target.add_stream("libx264", rate=rate, options=options)
    stream.codec_context.thread_count = MAX_THREADS
    stream.width, stream.height = video.width // 2 * 2, video.height // 2 * 2
    stream.pix_fmt = "yuv420p"
    if video.sample_aspect_ratio:
        stream.codec_context.sample_aspect_ratio = video.sample_aspect_ratio
    return stream


def _keep_rotation(frame: VideoFrame, stream: VideoStream) -> None:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if isinstance(matrix, SideData):
        stream.set_display_matrix(list(memoryview(bytes(matrix)).cast("i")))


class _FilterChain:
    """ffmpeg filters in a row. `ended` is set once they need no more frames."""

    def __init__(self, source: Callable[[Graph], Any], *filters: tuple[str, str | None]) -> None:
        self._graph = Graph()
        self._graph.threads = 1  # as MAX_THREADS says
        self._graph.link_nodes(source(self._graph), *(self._graph.add(name, args) for name, args in filters))
        self._graph.configure()
        self.ended = False

    def through(self, frame: VideoFrame | AudioFrame | None) -> Iterator[VideoFrame | AudioFrame]:
        """Push one frame, or None when there are no more, and yield what comes out."""
        try:
            self._graph.push(frame)
        except EndedError:
            self.ended = True
        while True:
            try:
                yield self._graph.pull()
            except NothingYetError:
                return
            except EndedError:
                self.ended = True
                return
