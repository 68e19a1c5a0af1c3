"""What parent and child say to each other: one JSON order in, JSON lines out.

Parent to child, one line on stdin, which then stays open as a sign of life:
    {"request": {…}, "output_path": "…"}
Child to parent, on stdout:
    {"progress": 0.25}                                      any number of times
    {"clip": {…}}  or  {"error": {"code": …, "message": …}}  once, last
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tchavi_studio.engines.base import EngineReference, EngineRequest, RenderedClip

RENDER_FAILED = "render_failed"
RENDER_TIMED_OUT = "render_timed_out"
REFERENCE_UNREADABLE = "reference_unreadable"
"""The three codes a preview's failure can carry."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One render: what to draw and the file to write it to."""

    request: EngineRequest
    output_path: Path


def encode_order(order: Order) -> bytes:
    """The order as one line of ASCII JSON."""
    message = {"request": asdict(order.request), "output_path": order.output_path}
    return json.dumps(message, default=_plain).encode("ascii") + b"\n"


def decode_order(line: bytes) -> Order:
    """The order that `encode_order` wrote."""
    message = json.loads(line)
    request: dict[str, Any] = message["request"]
    for name in ("first_frame", "last_frame"):
        request[name] = _reference(request[name])
    for name in ("reference_images", "reference_videos", "reference_audios"):
        request[name] = tuple(_reference(plain) for plain in request[name])
    return Order(request=EngineRequest(**request), output_path=Path(message["output_path"]))


def encode_clip(clip: RenderedClip) -> dict[str, Any]:
    """A finished clip in plain values."""
    return {**asdict(clip), "path": str(clip.path)}


def decode_clip(plain: dict[str, Any], *, path: Path) -> RenderedClip:
    """The clip that `encode_clip` described, now standing at `path`."""
    return RenderedClip(**{**plain, "path": path})


def _plain(value: object) -> str:
    if isinstance(value, Path):
        # Absolute, because the child does not share the parent's working directory.
        return str(value.absolute())
    raise TypeError(f"{type(value).__name__} has no place in an order.")


def _reference(plain: dict[str, Any] | None) -> EngineReference | None:
    if plain is None:
        return None
    path = None if plain["path"] is None else Path(plain["path"])
    return EngineReference(content_type=plain["content_type"], path=path, url=plain["url"])
