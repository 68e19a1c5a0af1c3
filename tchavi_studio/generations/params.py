"""The request: every parameter of the API's contract, with its limits. `validation.py` has the rules."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tchavi_studio.engines.formats import billed_seconds, pixel_size

MODELS = {"seedance-2": "Seedance 2", "kling-v3": "Kling v3"}
"""The contract's models, with their display names."""

DEFAULT_DURATION_SECONDS = 5
DEFAULTS: dict[str, Any] = {
    "model": "seedance-2",
    "duration": DEFAULT_DURATION_SECONDS,
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "generate_audio": True,
}
MIN_DURATION_SECONDS, MAX_DURATION_SECONDS = 1, 15
PROMPT_MAX_LENGTH = 10_000
SEED_MAX = 2**32 - 1
MAX_REFERENCE_IMAGES, MAX_REFERENCE_VIDEOS, MAX_REFERENCE_AUDIOS = 9, 3, 3
MIN_REFERENCE_SECONDS = 2
MAX_REFERENCE_VIDEO_SECONDS = 15

TOKEN = re.compile(r"\[(Image|Video|Audio)(\d{1,2})\]")
"""How a prompt names a reference: [Image1], [Video2], [Audio1]. Numbers start at 1."""


@dataclass(frozen=True, kw_only=True)
class MediaReference:
    """One reference of a request: an asset of the workspace, or a URL that hasn't been fetched yet.

    `kind` is "image", "video" or "audio"; "" for a URL that hasn't been fetched. Sizes are in pixels, as displayed.
    `needs_trim` marks an asset that is too long for the models and has to be trimmed first.
    """

    kind: str
    asset_id: UUID | None = None
    url: str = ""
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    needs_trim: bool = False
    name: str = ""

    @property
    def pixels(self) -> tuple[int, int] | None:
        return (self.width, self.height) if self.width and self.height else None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An error or hint about one field of the contract: a stable `code`, and a `message` for people."""

    field: str
    code: str
    message: str

    @property
    def is_missing_prompt(self) -> bool:
        return (self.field, self.code) == ("prompt", "required")


@dataclass(frozen=True, kw_only=True)
class GenerationParams:
    """A valid request. Only `validation.validate()` makes one.

    `duration_seconds` is 1–15, or −1 to let the model choose. `seed` is None for a random one.
    """

    model: str
    prompt: str
    duration_seconds: int
    resolution: str
    aspect_ratio: str
    generate_audio: bool
    seed: int | None = None
    first_frame: MediaReference | None = None
    last_frame: MediaReference | None = None
    reference_images: tuple[MediaReference, ...] = ()
    reference_videos: tuple[MediaReference, ...] = ()
    reference_audios: tuple[MediaReference, ...] = ()

    @property
    def billed_seconds(self) -> int:
        """The seconds to pay for: auto is billed as 10."""
        return billed_seconds(self.duration_seconds)

    @property
    def pixel_size(self) -> tuple[int, int]:
        """Width and height of the clip. Adaptive follows the first frame, or else the first visual reference."""
        seen = [self.first_frame, *self.reference_images, *self.reference_videos]
        adapt_to = next((reference.pixels for reference in seen if reference and reference.pixels), None)
        return pixel_size(resolution=self.resolution, aspect_ratio=self.aspect_ratio, adapt_to_pixels=adapt_to)


FIELDS = (
    "model",
    "prompt",
    "duration",
    "resolution",
    "aspect_ratio",
    "generate_audio",
    "seed",
    "image_url",
    "last_frame_image_url",
    "reference_images",
    "reference_videos",
    "reference_audios",
)
"""The contract's field names. Problems are reported in this order too."""
