"""What the composer holds: the form's fields and their values as text, whoever filled them in."""

import re
from uuid import UUID, uuid4

from django.utils.datastructures import MultiValueDict

from tchavi_studio.assets.models import Asset
from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.generations.models import ApprovalRequest, Generation, Remix
from tchavi_studio.generations.params import DEFAULTS, TOKEN
from tchavi_studio.workspaces.models import User, Visibility

from .media import SLOTS, Mode

Values = MultiValueDict[str, str]

SPACED_TOKEN = re.compile(f"( ?){TOKEN.pattern}")
"""A token with the space before it, which leaves the prompt together with it."""


def default_values() -> Values:
    """The composer as somebody finds it the first time."""
    return Values(
        {
            "mode": [Mode.TEXT.value],
            "prompt": [""],
            "model": [DEFAULTS["model"]],
            "duration": [str(DEFAULTS["duration"])],
            "resolution": [DEFAULTS["resolution"]],
            "aspect_ratio": [DEFAULTS["aspect_ratio"]],
            "generate_audio": ["on"] if DEFAULTS["generate_audio"] else [],
            "variations": ["1"],
        }
    )


def values_of_clip(clip: Generation, *, viewer: User, remix: Remix) -> Values:
    """What the composer held when `clip` was asked for, with that clip as the new one's parent.

    Who sees the new clip follows the viewer's own clips alone.
    """
    seed = clip.seed if remix == Remix.EVERYTHING else None
    values = _values_of(clip, seed=seed, parent_id=clip.pk, remix=remix)
    if clip.creator_id != viewer.pk:
        del values["visibility"]
    return values


def values_of_request(request: ApprovalRequest) -> Values:
    """What the composer held when approval was asked for. A file that has been deleted since is left out."""
    values = _values_of(request, seed=request.seed, parent_id=request.parent_id, remix=request.remix)
    values["variations"] = str(request.variations)
    return values


def values_to_continue(clip: Generation, frame: Asset, *, viewer: User) -> Values:
    """The same with `frame`, the clip's last one, as the first frame, in place of all references and of the seed."""
    values = values_of_clip(clip, viewer=viewer, remix=Remix.LAST_FRAME)
    values["prompt"] = SPACED_TOKEN.sub("", clip.prompt).strip()
    values["mode"] = Mode.FRAMES.value
    for field in SLOTS:
        values.setlist(field, [])
    values["image_url"] = str(frame.pk)
    return values


def _values_of(asked: Generation | ApprovalRequest, *, seed: int | None, parent_id: UUID | None, remix: str) -> Values:
    values = default_values()
    is_auto = asked.duration_seconds == AUTO_DURATION_SECONDS
    for name, value in {
        "mode": asked.mode,
        "prompt": asked.prompt,
        "model": asked.model,
        "resolution": asked.resolution,
        "aspect_ratio": asked.aspect_ratio,
        "seed": "" if seed is None else str(seed),
        "parent": "" if parent_id is None else str(parent_id),
        "remix": remix,
        "visibility": Visibility.WORKSPACE if asked.is_shared else Visibility.PRIVATE,
        "duration": str(DEFAULTS["duration"] if is_auto else asked.duration_seconds),
    }.items():
        values[name] = value
    values.setlist("duration_auto", ["on"] if is_auto else [])
    values.setlist("generate_audio", ["on"] if asked.generate_audio else [])
    field_of = {str(slot.role): slot.field for slot in SLOTS.values()}
    for reference in asked.references.all():
        if reference.asset_id is not None:
            values.appendlist(field_of[reference.role], str(reference.asset_id))
    return values


def with_fresh_submission(values: Values) -> Values:
    """The same for one more submission, whose id tells it from the last one."""
    fresh = values.copy()
    fresh["submission_id"] = str(uuid4())
    return fresh
