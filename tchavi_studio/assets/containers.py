"""Opening and writing media containers, in the sandboxed process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

from .limits import MAX_STREAM_COUNT, RefusedFileError

MAX_THREADS = 2
"""Of a decoder or encoder of video. Each holds frames of its own, so memory mustn't grow with the machine's cores."""


@contextmanager
def open_container(path: Path, *, kind: str, format_name: str) -> Iterator[InputContainer]:
    """Open `path` as a container of one format and nothing else, which may not lead on to any other file.

    Whatever goes wrong with reading it is a `RefusedFileError` with the code `broken_file`.
    """
    try:
        with av.open(str(path), "r", format=format_name, options={"protocol_whitelist": "file"}) as container:
            if len(container.streams) > MAX_STREAM_COUNT:
                raise RefusedFileError("too_many_streams", count=len(container.streams))
            for stream in container.streams.video:
                if stream.codec_context:
                    stream.codec_context.thread_count = MAX_THREADS
            yield container
    except (FFmpegError, ValueError, ArithmeticError) as error:
        raise RefusedFileError("broken_file", kind=kind) from error


@contextmanager
def write_container(
    path: Path, *, format_name: str, options: dict[str, str] | None = None
) -> Iterator[OutputContainer]:
    """Write a container to `path`, without the tag that names the writing library and its version."""
    with av.open(str(path), "w", format=format_name, options=options or {}) as target:
        target.flags |= av.container.Flags.bitexact.value  # type: ignore[operator]  # the stubs make a flag of this number
        yield target
