"""The parameters of a generation, and the forms that media can take.

This checks only names and media. The rules themselves (ranges, what excludes what) are the server's, so a new rule or
model needs no new client.
"""

import io
import mimetypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Required, TypedDict, TypeGuard

from tchavi_studio.client.errors import UsageError

MediaSource = str | os.PathLike[str] | BinaryIO
"""An http(s) URL, the path of a local file, or a binary file object. All but the URL are uploaded first."""


class GenerationParams(TypedDict, total=False):
    """Keyword arguments of `create`, `create_and_wait` and `quote`. Those that are None or missing aren't sent.

    `duration` is in whole seconds, or -1 for "let the model choose". `last_frame_image_url` needs `image_url`;
    `reference_images` exclude it; `reference_audios` need one of the two. References are named [Image1], [Video1],
    [Audio1] in the prompt. `extra_body` is sent along, for parameters that this client doesn't know yet.
    """

    model: Required[str]
    prompt: Required[str]
    duration: int | None
    resolution: str | None
    aspect_ratio: str | None
    generate_audio: bool | None
    seed: int | None
    image_url: MediaSource | None
    last_frame_image_url: MediaSource | None
    reference_images: Sequence[MediaSource] | None
    reference_videos: Sequence[MediaSource] | None
    reference_audios: Sequence[MediaSource] | None
    extra_body: Mapping[str, object] | None


_SINGLE_MEDIA = ("image_url", "last_frame_image_url")
_LISTED_MEDIA = ("reference_images", "reference_videos", "reference_audios")


@dataclass(frozen=True)
class LocalFile:
    """A file to upload: `source` is a path, or a binary file object that can seek to its start again."""

    source: Path | BinaryIO
    name: str

    @property
    def content_type(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


def request_body(params: Mapping[str, object]) -> dict[str, object]:
    """The JSON body for `params`, with a `LocalFile` wherever something has to be uploaded first.

    Raises `UsageError` for a misspelt or missing name and for a local file that doesn't exist, before anything is sent:
    a program shouldn't find out after its third upload that the fourth file is missing.
    """
    unknown = sorted(set(params) - set(GenerationParams.__annotations__))
    if unknown:
        raise UsageError(f"Unknown parameter: {', '.join(unknown)}. Pass others in extra_body.")
    missing = sorted(name for name in GenerationParams.__required_keys__ if params.get(name) is None)
    if missing:
        raise UsageError(f"Missing parameter: {', '.join(missing)}.")
    body = {name: value for name, value in params.items() if value is not None and name != "extra_body"}
    for name in _SINGLE_MEDIA:
        if name in body:
            body[name] = media(body[name], parameter=name)
    for name in _LISTED_MEDIA:
        if name in body:
            sources = body[name]
            if isinstance(sources, str | os.PathLike) or not isinstance(sources, Sequence):
                raise UsageError(f"{name} takes a list, even for one file.")
            body[name] = [media(source, parameter=name) for source in sources]
    extra = params.get("extra_body")
    return {**body, **extra} if isinstance(extra, Mapping) else body


def media(source: object, *, parameter: str) -> str | LocalFile:
    """A URL as it is, or a local file. `parameter` is its name in errors. Raises `UsageError`."""
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        return source
    if isinstance(source, str | os.PathLike):
        return _local_path(os.fspath(source), parameter)
    if not _is_binary_file(source):
        raise UsageError(f"{parameter} takes an http(s) URL, a path or a file opened in binary mode.")
    if not source.seekable():
        raise UsageError(f"{parameter}: this stream can be read only once. Pass a path, or a file that can seek.")
    name = getattr(source, "name", None)
    return LocalFile(source, Path(name).name if isinstance(name, str) and name else "upload")


def _local_path(source: object, parameter: str) -> LocalFile:
    try:
        path = Path(str(source))
        if path.is_file():
            return LocalFile(path, path.name)
    except (OSError, ValueError):  # too long a name, or one with a NUL, is certainly not a file
        pass
    shown = str(source)
    shown = shown if len(shown) <= 200 else shown[:200] + "…"
    raise UsageError(f"{parameter}: {shown!r} is neither an http(s) URL nor a file on this machine.")


def _is_binary_file(source: object) -> TypeGuard[BinaryIO]:
    return hasattr(source, "read") and hasattr(source, "seekable") and not isinstance(source, io.TextIOBase)
