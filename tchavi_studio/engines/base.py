"""What an engine is given, what it returns, and how it fails.

There are two kinds of engine. A *remote* engine puts the request into somebody else's queue and is asked for its state
later. A *local* engine renders here, in the calling task. Neither touches the database: the caller writes the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

AUTO_DURATION_SECONDS = -1
"""The request's "let the model choose" duration; billed, and rendered by the preview engine, as 10 s."""


@dataclass(frozen=True, kw_only=True)
class EngineReference:
    """One reference of a request: a path on this machine, a URL that the remote side can fetch, or both.

    `content_type` is what the studio found by probing, never what a caller claimed.
    """

    content_type: str
    path: Path | None = None
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class EngineRequest:
    """A validated generation request in plain values.

    `storyboard` asks a preview of words alone for captions and guides.
    `generation_id` is the studio's UUID in text form. `duration_seconds` is 1–15 or `AUTO_DURATION_SECONDS`;
    `resolution` is "480p" or "720p"; `aspect_ratio` one of the contract's six; `seed` is always drawn (0 to 2³²−1).
    `via` names the studios that it has come through, this one last, so that none of them makes it again.
    """

    generation_id: str
    model: str
    prompt: str
    duration_seconds: int
    resolution: str
    aspect_ratio: str
    generate_audio: bool
    seed: int
    via: str = ""
    first_frame: EngineReference | None = None
    last_frame: EngineReference | None = None
    reference_images: Sequence[EngineReference] = ()
    reference_videos: Sequence[EngineReference] = ()
    reference_audios: Sequence[EngineReference] = ()
    storyboard: bool = True


class RemoteState(StrEnum):
    """The four job states of the contract."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How many requests the provider account may make, from an answer's headers; None where they don't say."""

    limit_per_minute: int | None = None
    remaining: int | None = None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A remote engine accepted the request; `remote_id` is its name there."""

    remote_id: str
    billed_credits: int | None = None
    budget: Budget = Budget()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What a remote engine says about one job at one moment. What it doesn't say is None or ""."""

    remote_id: str
    state: RemoteState
    model: str = ""
    created_at: datetime | None = None
    output_url: str = ""
    error_code: str = ""
    error_message: str = ""
    billed_credits: int | None = None
    refunded_credits: int | None = None


@dataclass(frozen=True, kw_only=True)
class JobList:
    """One page of a remote engine's jobs, newest first. Empty `snapshots` mean that the list ended before this page.

    `is_whole` is False if some of the page's jobs couldn't be read.
    """

    snapshots: tuple[Snapshot, ...]
    is_whole: bool = True
    budget: Budget = Budget()


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """One job that was asked for by its id, or None if the remote engine doesn't know it."""

    snapshot: Snapshot | None
    budget: Budget = Budget()


@dataclass(frozen=True, kw_only=True)
class UploadedReference:
    """A reference that a remote engine stores for requests; `expires_at` is None where it doesn't say."""

    url: str
    expires_at: datetime | None = None
    budget: Budget = Budget()


@dataclass(frozen=True, kw_only=True)
class RenderedClip:
    """A finished local render: the file, and facts about it.

    `content_hash` is the SHA-256 of all frames and samples before encoding: the same for the same seed and inputs.
    """

    path: Path
    width: int
    height: int
    duration_seconds: float
    frame_count: int
    has_audio: bool
    content_hash: str
    facts: dict[str, str] = field(default_factory=dict)


def storable(text: str) -> str:
    """`text` from elsewhere, without what databases refuse: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()


class EngineError(Exception):
    """Base of everything an engine raises on purpose.

    `code` is stable. `message` is what the other side said, or a word for the log. Where it is "", the studio says
    what `code` means in the reader's language, with the numbers that its sentence needs as `figures`.
    """

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "engine_error",
        figures: Mapping[str, int] | None = None,
        budget: Budget = Budget(),
    ) -> None:
        super().__init__(message or code)
        self.code = storable(code)
        self.message = storable(message)
        self.figures = dict(figures or {})
        self.budget = budget


class NotSentError(EngineError):
    """The request certainly had no effect on the other side, so it is safe to send it again."""


class RefusedError(EngineError):
    """The other side read the request and refused it. That is final: nothing runs there."""


class AccountRefusedError(EngineError):
    """The other side refuses the provider account, not this request: it would refuse every other one too."""


class UnknownOutcomeError(EngineError):
    """The request may or may not have been accepted, so it must not be sent again automatically."""


class UnavailableError(EngineError):
    """A request that costs nothing got no usable answer. Try again later."""


class OutOfBudgetError(EngineError):
    """The provider account makes too many requests. `retry_after_seconds` is None if the other side named no time."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None,
        budget: Budget = Budget(),
    ) -> None:
        super().__init__(message, code="rate_limit_exceeded", budget=budget)
        self.retry_after_seconds = retry_after_seconds


class OutputExpiredError(EngineError):
    """The URL of a finished clip is no longer valid. The job itself can name a fresh one."""


class RenderFailedError(EngineError):
    """A local render failed, for instance because a reference couldn't be read. Never has a `message`."""


class RenderCancelledError(EngineError):
    """A local render was told to stop before it was done. It may be started again."""


OnProgress = Callable[[float], bool]
"""Called with a fraction from 0 to 1 at least once a second; returns False to stop the render."""


class RemoteEngine(Protocol):
    """An engine whose jobs run elsewhere.

    Each method is one request. All raise `OutOfBudgetError` and `AccountRefusedError`; those that cost nothing also
    raise `UnavailableError`.
    """

    async def submit(self, request: EngineRequest, *, attempt_id: str) -> Accepted:
        """Ask for a clip. Raises `NotSentError`, `RefusedError` or `UnknownOutcomeError`."""
        ...

    async def list_jobs(self, *, offset: int) -> JobList:
        """One page of the provider account's jobs, up to `PAGE_LENGTH`."""
        ...

    async def retrieve(self, remote_id: str) -> Retrieved:
        """One job, by its id."""
        ...

    async def takes_files(self) -> bool:
        """Whether references can be uploaded."""
        ...


PAGE_LENGTH = 50
"""How many jobs a remote engine lists per page."""


class LocalEngine(Protocol):
    """An engine that renders on this machine."""

    name: str

    def render(self, request: EngineRequest, *, output_path: Path, on_progress: OnProgress) -> RenderedClip:
        """Render `request` into `output_path` and return what was made.

        Raises `RenderFailedError` when the request can't be rendered, and `RenderCancelledError` when `on_progress`
        returned False. Neither leaves a partial file behind.
        """
        ...
