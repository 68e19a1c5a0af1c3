"""What one press of Generate, or one API request, asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.conf import settings

from tchavi_studio.workspaces.models import User, Visibility, Workspace

from .models import Engine, Generation, ReferenceRole, Remix
from .params import GenerationParams
from .prices import Quote, quote

MAX_VARIATIONS = 4

OrderedReference = tuple[ReferenceRole, int, UUID]
"""A reference's role, its position from 1 within that role, and its asset's id."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One to four clips that differ only in their seeds, for one workspace and one person.

    `submission_id` makes a repeat harmless: a second order with the same id returns the first order's clips.
    `remix` is what they take over from `parent`, if that is known. `expected_total_credits` is the price the person
    saw, None if they saw none. `key_id` is the API key behind the order, `via` the studios that it has come through
    (`via.py`). `is_test` makes it a free preview, whatever the studio's mode. `engine` is the requested engine,
    None for the studio's default. `visibility` is who will see the clips, None for what the workspace does with new
    ones. `is_approved` lets it exceed the person's budget, because an owner or an admin said so.
    """

    workspace: Workspace
    creator: User
    params: GenerationParams
    submission_id: UUID
    variations: int = 1
    expected_total_credits: int | None = None
    parent: Generation | None = None
    remix: Remix | None = None
    key_id: UUID | None = None
    via: str = ""
    is_test: bool = False
    engine: Engine | None = None
    visibility: Visibility | None = None
    is_approved: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.variations <= MAX_VARIATIONS:
            raise ValueError(f"An order is for 1 to {MAX_VARIATIONS} clips, not {self.variations}.")

    @property
    def engine_in_force(self) -> Engine:
        """The engine that will make the clips."""
        return Engine.PREVIEW if self.is_test else self.engine or default_engine()

    @property
    def is_shared(self) -> bool:
        """Whether the whole workspace will see the clips. Only programs see a test key's."""
        return not self.is_test and (self.visibility or self.workspace.default_visibility) == Visibility.WORKSPACE

    @cached_property
    def quoted(self) -> Quote | None:
        """The price of each clip, asked for once, so that new prices can't come in between; None if it is free."""
        return None if self.is_test or is_free(self.engine_in_force) else quote(self.params)

    @property
    def price_credits(self) -> int:
        """The price of each clip."""
        return self.quoted.total_credits if self.quoted else 0

    @property
    def total_credits(self) -> int:
        return self.price_credits * self.variations

    @property
    def references(self) -> list[OrderedReference]:
        """Every reference of the request. Raises ValueError for a URL that hasn't been stored as an asset."""
        return list(_references(self.params))


def default_engine() -> Engine:
    """The provider in live mode, the preview engine in the sandbox."""
    return Engine.TCHAVI if settings.STUDIO_MODE == "live" else Engine.PREVIEW


def is_free(engine: Engine) -> bool:
    """Whether the engine's clips are free: previews are in live mode; in the sandbox they cost play credits."""
    return settings.STUDIO_MODE == "live" and engine == Engine.PREVIEW


def _references(params: GenerationParams) -> Iterator[OrderedReference]:
    by_role = (
        (ReferenceRole.FIRST_FRAME, [params.first_frame] if params.first_frame else []),
        (ReferenceRole.LAST_FRAME, [params.last_frame] if params.last_frame else []),
        (ReferenceRole.IMAGE, params.reference_images),
        (ReferenceRole.VIDEO, params.reference_videos),
        (ReferenceRole.AUDIO, params.reference_audios),
    )
    for role, references in by_role:
        for position, reference in enumerate(references, start=1):
            if reference.asset_id is None:
                raise ValueError("A reference must be stored as an asset before it is ordered.")
            yield role, position, reference.asset_id
