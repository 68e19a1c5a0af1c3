"""What parent and child say to each other, as JSON objects.

Parent to child, the task:
    {"request": {…}, "output_path": "…"}
Child to parent:
    {"progress": {"done": 0.25}}                             any number of times
    {"clip": {…}}  or  {"error": {"code": …, "figures": {…}}}  once, last
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tchavi_studio.engines.base import EngineReference, EngineRequest, RenderedClip

RENDER_FAILED = "render_failed"
RENDER_NOT_STARTED = "render_not_started"
RENDER_STOPPED = "render_stopped"
RENDER_TIMED_OUT = "render_timed_out"
FIRST_FRAME_UNREADABLE = "first_frame_unreadable"
LAST_FRAME_UNREADABLE = "last_frame_unreadable"
IMAGE_UNREADABLE = "reference_image_unreadable"
VIDEO_UNREADABLE = "reference_video_unreadable"
AUDIO_UNREADABLE = "reference_audio_unreadable"
CODES = (
    RENDER_FAILED,
    RENDER_NOT_STARTED,
    RENDER_STOPPED,
    RENDER_TIMED_OUT,
    FIRST_FRAME_UNREADABLE,
    LAST_FRAME_UNREADABLE,
    IMAGE_UNREADABLE,
    VIDEO_UNREADABLE,
    AUDIO_UNREADABLE,
)
"""All codes that a preview's failure can carry. Those of listed references have their `number`, from 1, as a figure."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One render: what to draw and the file to write it to."""

    request: EngineRequest
    output_path: Path


def encode_order(order: Order) -> dict[str, Any]:
    """The order in plain values."""
    return {"request": _plain(asdict(order.request)), "output_path": _plain(order.output_path)}


def decode_order(task: dict[str, Any]) -> Order:
    """The order that `encode_order` made."""
    request: dict[str, Any] = task["request"]
    for name in ("first_frame", "last_frame"):
        request[name] = _reference(request[name])
    for name in ("reference_images", "reference_videos", "reference_audios"):
        request[name] = tuple(_reference(plain) for plain in request[name])
    return Order(request=EngineRequest(**request), output_path=Path(task["output_path"]))


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How much of the work is done, 0 to 1."""

    done: float


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The render ended without a clip. `figures` are the numbers that belong to `code`."""

    code: str
    figures: dict[str, int] = field(default_factory=dict)


Answer = Progress | Failure | RenderedClip


def encode_answer(answer: Answer) -> dict[str, Any]:
    """The answer in plain values, under the name of its kind."""
    kind = {Progress: "progress", Failure: "error", RenderedClip: "clip"}[type(answer)]
    return {kind: _plain(asdict(answer))}


def decode_answer(message: dict[str, Any]) -> Answer:
    """The answer that `encode_answer` made.

    Raises ValueError on anything else: a child that decodes strangers' files can't be trusted any further.
    """
    try:
        ((kind, plain),) = message.items()
        if kind == "progress":
            return Progress(done=min(1.0, max(0.0, float(plain["done"]))))
        if kind == "error":
            if plain["code"] not in CODES:
                return Failure(code=RENDER_FAILED)
            figures = {name: int(number) for name, number in plain["figures"].items() if name == "number"}
            return Failure(code=plain["code"], figures=figures)
        if kind == "clip":
            return RenderedClip(
                path=Path(plain["path"]),
                width=int(plain["width"]),
                height=int(plain["height"]),
                duration_seconds=float(plain["duration_seconds"]),
                frame_count=int(plain["frame_count"]),
                has_audio=bool(plain["has_audio"]),
                content_hash=str(plain["content_hash"]),
                facts={str(name): str(value) for name, value in plain["facts"].items()},
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("The answer lacks something that its kind needs.") from error
    raise ValueError(f"There is no kind of answer called {kind!r}.")


def _plain(value: Any) -> Any:
    """`value` with every path as text: absolute, because the child does not share the parent's working directory."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value.absolute()) if isinstance(value, Path) else value


def _reference(plain: dict[str, Any] | None) -> EngineReference | None:
    if plain is None:
        return None
    path = None if plain["path"] is None else Path(plain["path"])
    return EngineReference(content_type=plain["content_type"], path=path, url=plain["url"])
