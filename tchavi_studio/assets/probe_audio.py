"""Audio, in the sandboxed process: checked, copied without its tags, or cut."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet

from . import sniff
from .containers import open_container, write_container
from .limits import (
    MAX_DURATION_SECONDS,
    MAX_SOURCE_DURATION_SECONDS,
    MIN_SAMPLE_RATE,
    PEAK_COUNT,
    RefusedFileError,
    check_byte_count,
    check_duration,
)

_FORMATS = {sniff.WAV: "wav", sniff.MP3: "mp3"}
_CODECS = {
    "wav": {"pcm_alaw", "pcm_f32le", "pcm_f64le", "pcm_mulaw", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_u8"},
    "mp3": {"mp3", "mp3float"},
}
_CONTENT_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_PEAK_RATE_HERTZ = 8_000
Samples = np.ndarray[Any, np.dtype[np.int16]]
_MAX_BROKEN_PACKETS = 8
"""Real MP3 files often begin or end in the middle of a frame. Beyond that a file is broken."""


def take_audio(source: Path, directory: Path, file_type: sniff.FileType) -> dict[str, Any]:
    """Copy the audio of `source` into `directory` in the same format, without tags, pictures or other streams."""
    name = _FORMATS[file_type]
    path = directory / f"file.{name}"
    with _open_audio(source, name) as (container, stream):
        # The MP3 muxer writes an ID3v2 tag unless told not to.
        options = {"id3v2_version": "0", "write_id3v1": "0"} if name == "mp3" else {}
        with write_container(path, format_name=name, options=options) as target:
            copy = target.add_stream_from_template(stream)
            for packet in container.demux(stream):
                if packet.dts is not None:
                    _check_end(packet)
                    packet.stream = copy
                    target.mux(packet)
    return _facts(path, name)


def trim_audio(source: Path, directory: Path, start_seconds: float, duration_seconds: float) -> dict[str, Any]:
    """Write exactly `duration_seconds` of `source` from `start_seconds` as a 16-bit WAV."""
    path = directory / "file.wav"
    with _open_audio(source, source.suffix.removeprefix(".")) as (container, stream):
        rate = min(stream.rate, 48_000)
        layout = "mono" if stream.channels == 1 else "stereo"
        first = round(start_seconds * rate)
        last = first + round(duration_seconds * rate)
        with write_container(path, format_name="wav") as target:
            output = target.add_stream("pcm_s16le", rate=rate)
            output.layout = layout
            resampler = AudioResampler(format="s16", layout=layout, rate=rate)
            position = 0
            for frame in chain(_frames(container, stream), [None]):
                for resampled in resampler.resample(frame):
                    block = _block(resampled, len(output.layout.channels))
                    kept = block[max(first - position, 0) : max(last - position, 0)]
                    position += len(block)
                    if len(kept):
                        part = AudioFrame.from_ndarray(kept.reshape(1, -1), format="s16", layout=layout)
                        part.rate = rate
                        target.mux(output.encode(part))
                if position >= last:
                    break
            target.mux(output.encode(None))
    return _facts(path, "wav")


def _check_end(packet: "Packet[AudioStream]") -> None:
    """Refuse audio that is too long while it is copied, before hours of it are decoded."""
    if packet.pts is not None and packet.pts * packet.time_base > MAX_SOURCE_DURATION_SECONDS:
        raise RefusedFileError("too_long", kind="audio", duration_seconds=MAX_SOURCE_DURATION_SECONDS, cut_off=True)


@contextmanager
def _open_audio(path: Path, name: str) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open `path` as the format `name`, with its first audio stream. Raises `RefusedFileError`."""
    with open_container(path, kind="audio", format_name=name) as container:
        if not container.streams.audio:
            raise RefusedFileError("broken_file", kind="audio")
        stream = container.streams.audio[0]
        codec = stream.codec_context.name if stream.codec_context else "unknown"
        if codec not in _CODECS[name]:
            raise RefusedFileError("unsupported_codec", kind="audio", codec=codec)
        if stream.rate < MIN_SAMPLE_RATE:
            raise RefusedFileError("sample_rate_too_low", sample_rate=stream.rate)
        yield container, stream


def _facts(path: Path, name: str) -> dict[str, Any]:
    """Decode the file that will be kept, check it against the limits, and describe it."""
    check_byte_count("audio", path.stat().st_size)
    shape = SoundShape()
    sample_count = 0
    with _open_audio(path, name) as (container, stream):
        for frame in _frames(container, stream):
            sample_count += frame.samples
            shape.add(frame)
        duration_seconds = sample_count / stream.rate
    peaks = shape.peaks(PEAK_COUNT)
    if not peaks:
        raise RefusedFileError("broken_file", kind="audio")
    check_duration("audio", duration_seconds)
    return {
        "kind": "audio",
        "content_type": _CONTENT_TYPES[name],
        "duration_seconds": round(duration_seconds, 3),
        "has_audio": True,
        "needs_trim": duration_seconds > MAX_DURATION_SECONDS,
        "peaks": peaks,
        "file": path.name,
    }


class SoundShape:
    """What draws a sound: the loudest levels of its parts. Takes the frames of one stream in order."""

    def __init__(self) -> None:
        self._blocks: list[Samples] = []
        self._format: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    def add(self, frame: AudioFrame) -> None:
        """Take the next frame. A stream may change its format midway, a resampler can't."""
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or found != self._format:
            self._drain()
            self._format = found
            self._resampler = AudioResampler(format="s16", layout="mono", rate=_PEAK_RATE_HERTZ)
        self._blocks += [_block(resampled, 1) for resampled in self._resampler.resample(frame)]

    def peaks(self, count: int) -> list[int]:
        """The loudest level in each of `count` parts, from 0 to 100, where 100 is the loudest of all.

        [] if there is no sound. Call it once, after the last frame.
        """
        self._drain()
        if not self._blocks:
            return []
        levels = np.abs(np.concatenate(self._blocks)[:, 0].astype(np.int32))
        peaks = [int(part.max(initial=0)) for part in np.array_split(levels, count)]
        loudest = max(*peaks, 1)
        return [round(100 * peak / loudest) for peak in peaks]

    def _drain(self) -> None:
        if self._resampler is not None:
            self._blocks += [_block(resampled, 1) for resampled in self._resampler.resample(None)]
            self._resampler = None


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """All frames that can be decoded. Raises `FFmpegError` when too many can't."""
    broken = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except FFmpegError:
            broken += 1
            if broken > _MAX_BROKEN_PACKETS:
                raise
        else:
            yield from frames


def _block(frame: AudioFrame, channels: int) -> Samples:
    """The interleaved samples of `frame` in the shape (samples, channels)."""
    return frame.to_ndarray().astype(np.int16, copy=False).reshape(-1, channels)
