"""Videos, in the sandboxed process: checked, stripped of metadata by a stream copy, or verified as finished clips."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from .containers import open_container, write_container
from .limits import (
    MAX_DURATION_SECONDS,
    MAX_OUTPUT_SIDE_PIXELS,
    SOUND_PEAK_COUNT,
    RefusedFileError,
    check_byte_count,
    check_duration,
    check_frame,
    check_frame_rate,
)
from .probe_audio import SoundShape
from .probe_image import write_pictures

_VIDEO_CODECS = {"h264", "hevc", "av1", "libdav1d", "vp9", "libvpx-vp9", "mpeg4"}
_COPIED_AUDIO_CODECS = {"aac", "mp3", "mp3float"}
_READ_AUDIO_CODECS = _COPIED_AUDIO_CODECS | {
    "ac3", "alac", "eac3", "flac", "libopus", "opus",
    "pcm_f32be", "pcm_f32le", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32be", "pcm_s32le", "pcm_u8",
}  # fmt: skip
_DARK_BRIGHTNESS = 16
"""Mean brightness (0–255) below which the first frame makes no poster."""
_DARK_OPENING_SECONDS = 1.0
_LOOKED_AT_PER_SECOND = 4
"""How many frames of a finished clip may become its poster."""
_CLEARLY_MORE = 1.1
"""How many times as much detail a later frame needs to become the poster instead."""


@dataclass(frozen=True, kw_only=True)
class VideoMeasure:
    """What the packets of a file say, whatever its header claims. The size is as displayed."""

    width: int
    height: int
    duration_seconds: float
    frame_rate: float
    has_audio: bool


def take_video(source: Path, directory: Path) -> dict[str, Any]:
    """Copy the first video and audio stream of `source` into a clean MP4 in `directory`, with poster and thumbnail.

    Titles, locations, timed metadata and other streams are dropped; the rotation is kept. Only sound that browsers
    can't play in MP4 (PCM, ALAC, AC-3) is encoded again. A video too long for the models is accepted too, for a trim.
    """
    path = directory / "file.mp4"
    with open_video(source) as container:
        check_declared_frame(container)
        check_duration("video", _claimed_duration_seconds(container))
        _copy(container, path)
    return facts_of(path, directory)


def verify_output(source: Path, directory: Path) -> dict[str, Any]:
    """Decode all of a finished clip, to be sure that it is a complete, playable MP4, and make its poster and thumbnail.

    Its sound is measured on the way, for the player. The models' limits are for what they are given, not for what they
    make, so this only checks for sanity.
    """
    with open_video(source) as container:
        measure = _measure(container)
        if max(measure.width, measure.height) > MAX_OUTPUT_SIDE_PIXELS:
            raise RefusedFileError("side_too_long", kind="video", width=measure.width, height=measure.height)
    with open_video(source) as container:
        streams = [stream for stream in (video_stream(container), audio_stream(container)) if stream is not None]
        poster, shape = _Poster(), SoundShape()
        for packet in container.demux(*streams):
            for frame in packet.decode():
                if isinstance(frame, VideoFrame):
                    poster.consider(frame)
                elif isinstance(frame, AudioFrame):
                    shape.add(frame)
        if poster.frame is None:
            raise RefusedFileError("broken_file", kind="video")
        image = as_displayed(poster.frame, streams[0])
    return {**_described(measure), "peaks": shape.peaks(SOUND_PEAK_COUNT), **write_pictures(image, directory)}


def measure_sound(source: Path) -> dict[str, Any]:
    """The peaks that draw the sound of a stored clip."""
    with open_video(source) as container:
        stream, shape = audio_stream(container), SoundShape()
        if stream is not None:
            for frame in container.decode(stream):
                shape.add(frame)
    return {"kind": "video", "content_type": "video/mp4", "peaks": shape.peaks(SOUND_PEAK_COUNT)}


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """Open `path` as MP4 or MOV, if it is complete and its codecs are supported. Raises `RefusedFileError`."""
    _check_boxes(path)
    with open_container(path, kind="video", format_name="mov") as container:
        _check_codecs(container)
        yield container


def _check_boxes(path: Path) -> None:
    """Refuse a file that ends before its last box does: the demuxer reads a truncated file without complaint."""
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
                break  # something else is appended
            found.add(name)
            position += length
    if position > byte_count or b"moov" not in found:
        raise RefusedFileError("truncated_file", kind="video")


def video_stream(container: InputContainer) -> VideoStream:
    """The first video stream that isn't a cover picture. Raises `RefusedFileError` if there is none."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise RefusedFileError("no_video_stream")


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The first audio stream, if there is one."""
    return container.streams.audio[0] if container.streams.audio else None


def _check_codecs(container: InputContainer) -> None:
    if not container.streams:
        raise RefusedFileError("broken_file", kind="video")
    for stream, known in ((video_stream(container), _VIDEO_CODECS), (audio_stream(container), _READ_AUDIO_CODECS)):
        if stream is not None:
            codec = stream.codec_context.name if stream.codec_context else "unknown"
            if codec not in known:
                raise RefusedFileError("unsupported_codec", kind="video", codec=codec)


def _claimed_duration_seconds(container: InputContainer) -> float:
    return (container.duration or 0) / av.time_base


def check_declared_frame(container: InputContainer) -> None:
    """Check the size before anything is decoded. It makes no difference to `check_frame` if the video is turned."""
    stream = video_stream(container)
    check_frame("video", stream.width, stream.height)


def facts_of(path: Path, directory: Path) -> dict[str, Any]:
    """Check the file that will be kept against the limits, and describe it."""
    check_byte_count("video", path.stat().st_size)
    with open_video(path) as container:
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
    stream = video_stream(container)
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
        has_audio=audio_stream(container) is not None,
    )


def _poster(path: Path) -> Image.Image:
    """The first frame, as displayed, or a later one from the first second if the clip opens in the dark."""
    with open_video(path) as container:
        stream = video_stream(container)
        chosen: VideoFrame | None = None
        for frame in container.decode(stream):
            chosen = chosen or frame
            late = frame.time is not None and frame.time >= _DARK_OPENING_SECONDS
            if late or not _is_dark(frame):
                chosen = frame
                break
        if chosen is None:
            raise RefusedFileError("broken_file", kind="video")
        return as_displayed(chosen, stream)


class _Poster:
    """The frame of a clip that tells most: the one with the most detail, the earlier of two that are much alike."""

    def __init__(self) -> None:
        self.frame: VideoFrame | None = None
        self._detail = 0.0
        self._due_seconds = 0.0

    def consider(self, frame: VideoFrame) -> None:
        """Take `frame` if it shows clearly more than the frames before it."""
        seconds = frame.time or 0.0
        if self.frame is not None and seconds < self._due_seconds:
            return
        self._due_seconds = seconds + 1 / _LOOKED_AT_PER_SECOND
        detail = _detail(frame)
        if self.frame is None or detail > _CLEARLY_MORE * self._detail:
            self.frame, self._detail = frame, detail


def _detail(frame: VideoFrame) -> float:
    """How much there is to see: the mean step in brightness between neighbours in a small picture of it."""
    small = frame.reformat(width=96, height=96, format="gray").to_ndarray().astype(int)
    return float(abs(small[1:] - small[:-1]).mean() + abs(small[:, 1:] - small[:, :-1]).mean())


def as_displayed(frame: VideoFrame, stream: Any) -> Image.Image:
    """The frame with square pixels, upright."""
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    ratio = stream.sample_aspect_ratio or 1
    if ratio != 1:
        image = image.resize((round(image.width * ratio), image.height))
    return image.rotate(frame.rotation, expand=True)


def _is_dark(frame: VideoFrame) -> bool:
    """Whether the frame is nearly black on average."""
    small = frame.reformat(width=32, height=32, format="gray").to_ndarray()
    return float(small.mean()) < _DARK_BRIGHTNESS


def _copy(source: InputContainer, path: Path) -> None:
    """Write the first video and audio stream of `source` to `path`, without the metadata of file or streams."""
    video, audio = video_stream(source), audio_stream(source)
    wanted: list[Stream] = [video]
    with write_mp4(path) as target:
        copies: dict[int, Stream] = {video.index: target.add_stream_from_template(video)}
        encoder: AudioStream | None = None
        if audio is not None:
            wanted.append(audio)
            if audio.codec_context.name in _COPIED_AUDIO_CODECS:
                copies[audio.index] = target.add_stream_from_template(audio)
            else:
                encoder = add_aac(target)
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


def write_mp4(path: Path) -> AbstractContextManager[OutputContainer]:
    """Write an MP4 with its index at the front."""
    return write_container(path, format_name="mp4", options={"movflags": "+faststart"})


def add_aac(target: OutputContainer) -> AudioStream:
    """Add a stream of stereo AAC, which every browser plays."""
    stream = target.add_stream("aac", rate=48_000)
    stream.layout = "stereo"
    stream.bit_rate = 192_000
    return stream
