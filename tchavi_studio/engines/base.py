"""What an engine is given, what it answers, and how it fails.

Two shapes of engine exist. A *remote* engine hands the request to somebody else's queue and is asked for its state
later. A *local* engine renders here, in the calling task. Neither touches the database: the caller writes the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

AUTO_DURATION_SECONDS = -1
"""The request's "let the model choose" duration; billed, and rendered by the preview engine, as 10 s."""


@dataclass(frozen=True, kw_only=True)
class EngineReference:
    """One reference file of a request, as a path of this machine, a URL that the engine's side can fetch, or both.

    `content_type` is what the studio found by probing, never what a caller claimed.
    """

    content_type: str
    path: Path | None = None
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class EngineRequest:
    """A validated generation request in plain values.

    `generation_id` is the studio's UUID in text form. `duration_seconds` is 1–15 or `AUTO_DURATION_SECONDS`;
    `resolution` is "480p" or "720p"; `aspect_ratio` one of the contract's six; `seed` is always drawn (0 to 2³²−1).
    """

    generation_id: str
    model: str
    prompt: str
    duration_seconds: int
    resolution: str
    aspect_ratio: str
    generate_audio: bool
    seed: int
    first_frame: EngineReference | None = None
    last_frame: EngineReference | None = None
    reference_images: Sequence[EngineReference] = ()
    reference_videos: Sequence[EngineReference] = ()
    reference_audios: Sequence[EngineReference] = ()


class RemoteState(StrEnum):
    """The four job states of the contract."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A remote engine took the request; `remote_id` names it there."""

    remote_id: str
    billed_credits: int | None = None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What an engine says of one job at one moment.

    `progress` is a fraction from 0 to 1 and None unless the engine truly knows it.
    """

    remote_id: str
    state: RemoteState
    progress: float | None = None
    output_url: str = ""
    error_code: str = ""
    error_message: str = ""
    billed_credits: int | None = None
    refunded_credits: int | None = None


@dataclass(frozen=True, kw_only=True)
class RenderedClip:
    """A finished local render: the file, and facts measured while making it.

    `content_hash` is the SHA-256 of all frames and samples before encoding: equal for equal seed and inputs.
    """

    path: Path
    width: int
    height: int
    duration_seconds: float
    frame_count: int
    has_audio: bool
    content_hash: str
    facts: dict[str, str] = field(default_factory=dict)


class EngineError(Exception):
    """Base of everything an engine raises on purpose. `code` is stable, `message` is for people."""

    def __init__(self, message: str, *, code: str = "engine_error") -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotSentError(EngineError):
    """The request surely never reached the other side: sending it again is safe."""


class RefusedError(EngineError):
    """The other side read the request and said no: final, nothing runs there."""


class UnknownOutcomeError(EngineError):
    """The request may or may not have been accepted: it must not be sent again by itself."""


class OutOfBudgetError(EngineError):
    """The request budget of the account is used up; try again after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message, code="rate_limit_exceeded")
        self.retry_after_seconds = retry_after_seconds


class RenderFailedError(EngineError):
    """A local render could not be made, for instance because a reference broke."""


class RenderCancelledError(EngineError):
    """A local render was told to stop before it was done; it may be started again."""


OnProgress = Callable[[float], bool]
"""Called with a fraction from 0 to 1 at least once a second; answers False to stop the render."""


class LocalEngine(Protocol):
    """An engine that renders on this machine."""

    name: str

    def render(self, request: EngineRequest, *, output_path: Path, on_progress: OnProgress) -> RenderedClip:
        """Render `request` into `output_path` and return what was made.

        Raises `RenderFailedError` when the request can't be rendered, and `RenderCancelledError` when `on_progress`
        answered False. No partial file is left behind in either case.
        """
        ...
