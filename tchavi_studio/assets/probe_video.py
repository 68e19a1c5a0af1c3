"""Videos, inside the child process: checked, stripped of metadata by a stream copy, cut, or verified as clips."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
from av.error import FFmpegError
from av.filter.graph import Graph
from av.sidedata.sidedata import SideData
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from .limits import (
    MAX_DURATION_SECONDS,
    MAX_FRAME_RATE,
    MAX_OUTPUT_SIDE_PIXELS,
    MAX_STREAM_COUNT,
    MIN_DURATION_SECONDS,
    MIN_FRAME_RATE,
    RefusedFileError,
    check_byte_count,
    check_duration,
    check_frame,
    check_frame_rate,
)
from .probe_image import write_pictures

OPEN_OPTIONS = {"protocol_whitelist": "file"}
_VIDEO_CODECS = {"h264", "hevc", "av1", "libdav1d", "vp9", "libvpx-vp9", "mpeg4"}
_COPIED_AUDIO_CODECS = {"aac", "mp3", "mp3float"}
_READ_AUDIO_CODECS = _COPIED_AUDIO_CODECS | {
    "ac3", "alac", "eac3", "flac", "libopus", "opus",
    "pcm_f32be", "pcm_f32le", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32be", "pcm_s32le", "pcm_u8",
}  # fmt: skip
_MP4_OPTIONS = {"movflags": "+faststart"}
_DARK_BRIGHTNESS = 16
"""Mean brightness (0–255) under which a first frame makes no poster."""
_DARK_OPENING_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class VideoMeasure:
    """What the packets of a file say, whatever its header claims. Sides are as displayed."""

    width: int
    height: int
    duration_seconds: float
    frame_rate: float
    has_audio: bool


def take_video(source: Path, directory: Path) -> dict[str, Any]:
    """Copy the first video and audio stream of `source` into a clean MP4 in `directory`, with poster and thumbnail.

    Titles, places, timed metadata and further streams stay behind; the rotation stays. Only sound that browsers do not
    play in MP4 (PCM, ALAC, AC-3) is encoded anew. A video too long for the models is taken too, for a trim.
    """
    path = directory / "file.mp4"
    with _reading(source) as container:
        _check_frame_of(container)
        check_duration("video", _claimed_duration_seconds(container))
        _copy(container, path)
    return _facts(path, directory)


def trim_video(source: Path, directory: Path, start_seconds: float, duration_seconds: float) -> dict[str, Any]:
    """Encode exactly `duration_seconds` of `source` from `start_seconds` anew: H.264 at a constant rate, and AAC."""
    path = directory / "file.mp4"
    with _reading(source) as container:
        _check_frame_of(container)
        _encode(container, path, start_seconds, duration_seconds)
    return _facts(path, directory)


def verify_output(source: Path, directory: Path) -> dict[str, Any]:
    """Decode all of a finished clip, to be sure that it is a whole, playable MP4, and make its poster and thumbnail.

    The models' limits are for what they are given, not for what they make, so only sanity is asked for here.
    """
    with _reading(source) as container:
        measure = _measure(container)
        if max(measure.width, measure.height) > MAX_OUTPUT_SIDE_PIXELS:
            raise RefusedFileError("side_too_long", kind="video", width=measure.width, height=measure.height)
    with _reading(source) as container:
        streams = [stream for stream in (_video(container), _audio(container)) if stream is not None]
        for packet in container.demux(*streams):
            for _ in packet.decode():
                pass
    return {**_described(measure), **write_pictures(_poster(source), directory)}


@contextmanager
def _reading(path: Path) -> Iterator[InputContainer]:
    """Open `path` as MP4 or MOV and nothing else, without leave to follow it to any other file."""
    _check_boxes(path)
    try:
        with av.open(str(path), "r", format="mov", options=OPEN_OPTIONS) as container:
            if len(container.streams) > MAX_STREAM_COUNT:
                raise RefusedFileError("too_many_streams", count=len(container.streams))
            _check_codecs(container)
            yield container
    except (FFmpegError, ValueError, ArithmeticError) as error:
        raise RefusedFileError("broken_file", kind="video") from error


def _check_boxes(path: Path) -> None:
    """Refuse a file that ends before its last box does: the demuxer would read a cut-off file without a word."""
    byte_count = path.stat().st_size
    position, found = 0, set()
    with path.open("rb") as file:
        while position + 8 <= byte_count:
            file.seek(position)
            head = file.read(16)
            length, name = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            elif length == 0:
                length = byte_count - position
            if length < 8:
                break  # something else hangs on behind
            found.add(name)
            position += length
    if position > byte_count or b"moov" not in found:
        raise RefusedFileError("truncated_file", kind="video")


def _video(container: InputContainer) -> VideoStream:
    # A cover picture is a video stream too, of one frame.
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise RefusedFileError("no_video_stream")


def _audio(container: InputContainer) -> AudioStream | None:
    return container.streams.audio[0] if container.streams.audio else None


def _check_codecs(container: InputContainer) -> None:
    if not container.streams:
        raise RefusedFileError("broken_file", kind="video")
    for stream, known in ((_video(container), _VIDEO_CODECS), (_audio(container), _READ_AUDIO_CODECS)):
        if stream is not None:
            codec = stream.codec_context.name if stream.codec_context else "unknown"
            if codec not in known:
                raise RefusedFileError("unsupported_codec", kind="video", codec=codec)


def _claimed_duration_seconds(container: InputContainer) -> float:
    return (container.duration or 0) / av.time_base


def _check_frame_of(container: InputContainer) -> None:
    """Check the sides before anything is decoded; `check_frame` does not mind which way they are turned."""
    stream = _video(container)
    check_frame("video", stream.width, stream.height)


def _facts(path: Path, directory: Path) -> dict[str, Any]:
    """Check the limits on the file that will be kept, and tell what it is."""
    check_byte_count("video", path.stat().st_size)
    with _reading(path) as container:
        measure = _measure(container)
    check_frame("video", measure.width, measure.height)
    check_duration("video", measure.duration_seconds)
    check_frame_rate(measure.frame_rate)
    return {
        **_described(measure),
        "file": path.name,
        "needs_trim": measure.duration_seconds > MAX_DURATION_SECONDS,
        **write_pictures(_poster(path), directory),
    }


def _described(measure: VideoMeasure) -> dict[str, Any]:
    return {
        "kind": "video",
        "content_type": "video/mp4",
        "width": measure.width,
        "height": measure.height,
        "duration_seconds": round(measure.duration_seconds, 3),
        "frame_rate": round(measure.frame_rate, 3),
        "has_audio": measure.has_audio,
    }


def _measure(container: InputContainer) -> VideoMeasure:
    stream = _video(container)
    assert stream.time_base is not None
    frame_count, first, last = 0, None, 0
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise RefusedFileError("truncated_file", kind="video")
        if packet.pts is None or packet.is_discard:
            continue
        frame_count += 1
        first = packet.pts if first is None else min(first, packet.pts)
        last = max(last, packet.pts + (packet.duration or 0))
    if first is None or last <= first:
        raise RefusedFileError("broken_file", kind="video")
    container.seek(0)
    frame = next(container.decode(stream), None)
    if frame is None:
        raise RefusedFileError("broken_file", kind="video")
    turned = frame.rotation % 180 == 90
    width = round(frame.width * (stream.sample_aspect_ratio or 1)) or frame.width
    seconds = float((last - first) * stream.time_base)
    return VideoMeasure(
        width=frame.height if turned else width,
        height=width if turned else frame.height,
        duration_seconds=seconds,
        frame_rate=frame_count / seconds,
        has_audio=_audio(container) is not None,
    )


def _poster(path: Path) -> Image.Image:
    """The first frame, as displayed; or one a second later, if the clip opens in the dark."""
    with _reading(path) as container:
        stream = _video(container)
        chosen: VideoFrame | None = None
        for frame in container.decode(stream):
            chosen = chosen or frame
            late = frame.time is not None and frame.time >= _DARK_OPENING_SECONDS
            if late or not _is_dark(frame):
                chosen = frame
                break
        if chosen is None:
            raise RefusedFileError("broken_file", kind="video")
        image: Image.Image = chosen.to_image()  # type: ignore[no-untyped-call]
        ratio = stream.sample_aspect_ratio or 1
        if ratio != 1:
            image = image.resize((round(image.width * ratio), image.height))
        return image.rotate(chosen.rotation, expand=True)


def _is_dark(frame: VideoFrame) -> bool:
    """Whether the mean of the frame is nearly black, seen at the size of a stamp."""
    stamp = frame.reformat(width=32, height=32, format="gray").to_ndarray()
    return float(stamp.mean()) < _DARK_BRIGHTNESS


def _copy(source: InputContainer, path: Path) -> None:
    """Write the first video and audio stream of `source` to `path`, without metadata of file or streams."""
    video, audio = _video(source), _audio(source)
    wanted: list[Stream] = [video]
    with _writing(path) as target:
        copies: dict[int, Stream] = {video.index: target.add_stream_from_template(video)}
        encoder: AudioStream | None = None
        if audio is not None:
            wanted.append(audio)
            if audio.codec_context.name in _COPIED_AUDIO_CODECS:
                copies[audio.index] = target.add_stream_from_template(audio)
            else:
                encoder = _add_aac(target)
        for packet in source.demux(*wanted):
            if packet.is_corrupt:
                raise RefusedFileError("truncated_file", kind="video")
            if packet.stream.index in copies:
                if packet.dts is not None:
                    packet.stream = copies[packet.stream.index]
                    target.mux(packet)
            elif encoder is not None:
                for frame in packet.decode():
                    assert isinstance(frame, AudioFrame)
                    target.mux(encoder.encode(frame))
        if encoder is not None:
            target.mux(encoder.encode(None))


@contextmanager
def _writing(path: Path) -> Iterator[OutputContainer]:
    with av.open(str(path), "w", format="mp4", options=_MP4_OPTIONS) as target:
        write_bare(target)
        yield target


def write_bare(target: OutputContainer) -> None:
    """Leave out the tag that names the writing library and its version."""
    target.flags |= av.container.Flags.bitexact.value  # type: ignore[operator]  # the stubs make a flag of this number


def _add_aac(target: OutputContainer) -> AudioStream:
    stream = target.add_stream("aac", rate=48_000)
    stream.layout = "stereo"
    stream.bit_rate = 192_000
    return stream


def _encode(source: InputContainer, path: Path, start_seconds: float, duration_seconds: float) -> None:
    """Encode a part of `source` to `path`. A constant frame rate makes the duration exact to the frame."""
    video, audio = _video(source), _audio(source)
    rate = Fraction(video.average_rate or 30).limit_denominator(1001)
    rate = min(max(rate, Fraction(int(MIN_FRAME_RATE))), Fraction(int(MAX_FRAME_RATE)))
    frame_count = max(floor(duration_seconds * rate), ceil(MIN_DURATION_SECONDS * rate))
    begin = start_seconds + (source.start_time or 0) / av.time_base
    # A little more than asked for, so that the last frame of the constant rate has something to show.
    end = begin + duration_seconds + float(1 / rate)

    with _writing(path) as target:
        picture = _add_h264(target, video, rate)
        frames = _Filter(
            lambda graph: graph.add_buffer(template=video),
            ("trim", f"start={begin:.6f}:end={end:.6f}"),
            ("setpts", "PTS-STARTPTS"),
            ("fps", f"fps={rate.numerator}/{rate.denominator}:start_time=0"),
            ("buffersink", None),
        )
        sound: AudioStream | None = None
        samples: _Filter | None = None
        if audio is not None:
            sound = _add_aac(target)
            samples = _Filter(
                lambda graph: graph.add_abuffer(template=audio),
                ("atrim", f"start={begin:.6f}:duration={duration_seconds:.6f}"),
                ("asetpts", "PTS-STARTPTS"),
                ("abuffersink", None),
            )
        written = 0

        def write(frame: VideoFrame | AudioFrame) -> None:
            nonlocal written
            if isinstance(frame, AudioFrame):
                assert sound is not None
                target.mux(sound.encode(frame))
            elif written < frame_count:
                if written == 0:
                    _keep_rotation(frame, picture)
                frame.pict_type = 0
                target.mux(picture.encode(frame))
                written += 1

        if start_seconds > 0:
            source.seek(int(begin * av.time_base))
        wanted: list[Stream] = [video] if audio is None else [video, audio]
        for packet in source.demux(*wanted):
            chosen = frames if packet.stream.index == video.index else samples
            assert chosen is not None
            if not chosen.ended:
                for frame in packet.decode():
                    assert isinstance(frame, VideoFrame | AudioFrame)
                    for filtered in chosen.through(frame):
                        write(filtered)
            if frames.ended and (samples is None or samples.ended):
                break
        for rest in (frames, samples):
            if rest is not None:
                for filtered in rest.through(None):
                    write(filtered)
        target.mux(picture.encode(None))
        if sound is not None:
            target.mux(sound.encode(None))


def _add_h264(target: OutputContainer, video: VideoStream, rate: Fraction) -> VideoStream:
    # The bit rate is capped so that 15 seconds stay far below the 50 MB of the models.
    options = {"crf": "18", "preset": "veryfast", "maxrate": "20M", "bufsize": "40M"}
    stream = target.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height = video.width // 2 * 2, video.height // 2 * 2
    stream.pix_fmt = "yuv420p"
    if video.sample_aspect_ratio:
        stream.codec_context.sample_aspect_ratio = video.sample_aspect_ratio
    return stream


def _keep_rotation(frame: VideoFrame, stream: VideoStream) -> None:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if isinstance(matrix, SideData):
        stream.set_display_matrix(list(memoryview(bytes(matrix)).cast("i")))


class _Filter:
    """A straight chain of ffmpeg filters. `ended` is set once it wants no more frames."""

    def __init__(self, source: Callable[[Graph], Any], *filters: tuple[str, str | None]) -> None:
        self._graph = Graph()
        self._graph.link_nodes(source(self._graph), *(self._graph.add(name, args) for name, args in filters))
        self._graph.configure()
        self.ended = False

    def through(self, frame: VideoFrame | AudioFrame | None) -> Iterator[VideoFrame | AudioFrame]:
        """Push one frame (None: no more will come) and yield what comes out."""
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
