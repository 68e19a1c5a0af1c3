"""Reads of the composer."""

from dataclasses import replace
from uuid import UUID

from tchavi_studio.assets.models import Kind
from tchavi_studio.generations.params import MAX_REFERENCE_VIDEO_SECONDS, MIN_REFERENCE_SECONDS
from tchavi_studio.generations.validation import models_among
from tchavi_studio.generations.visibility import files_visible_to
from tchavi_studio.workspaces.models import Membership

from .media import SLOTS, Chip
from .models import Draft
from .values import Values, default_values


def draft_for_viewer(*, membership: Membership) -> Values:
    """What this person left in the composer of this workspace; the defaults if they never wrote there."""
    draft = Draft.objects.filter(workspace=membership.workspace_id, user=membership.user_id).first()
    if draft:
        return Values(draft.values)
    values = default_values()
    values["model"] = models_among(membership.workspace.allowed_models)[0]
    return values


def chips_of_composer(*, membership: Membership, values: Values) -> dict[str, list[Chip]]:
    """The files the composer holds that the viewer may open, by slot and in order. Others are as unknown as none."""
    ids = {field: [_uuid(text) for text in values.getlist(field)] for field in SLOTS}
    wanted = {asset_id for named in ids.values() for asset_id in named if asset_id}
    known = files_visible_to(membership).in_bulk(wanted) if wanted else {}
    chips = {}
    for field, named in ids.items():
        found = [known[asset_id] for asset_id in named if asset_id in known]
        chips[field] = [
            Chip(slot=SLOTS[field], position=position, asset=asset) for position, asset in enumerate(found, start=1)
        ]
    return {field: [_with_trim(chip, there) for chip in there] for field, there in chips.items()}


def _with_trim(chip: Chip, beside: list[Chip]) -> Chip:
    """The chip, with what of a file that is too long may be kept: videos share 15 seconds, audio has them alone."""
    if not chip.asset.needs_trim:
        return chip
    taken = 0.0
    if chip.slot.kind == Kind.VIDEO:
        taken = sum(other.asset.duration_seconds or 0 for other in beside if not other.asset.needs_trim)
    return replace(chip, trim_seconds=max(MIN_REFERENCE_SECONDS, MAX_REFERENCE_VIDEO_SECONDS - taken))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
