"""Writes on references that depend on the clips made from them."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.assets.services import delete_asset
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership

from .models import GenerationReference, ReferenceRole, State
from .visibility import visible_to


class FileNeededError(UserFacingError):
    """A clip that isn't finished needs the file."""


def note_shared_references(asset_ids: Iterable[UUID]) -> None:
    """Have the workspace's list of references look at these from now on: a clip made from them is shared.

    Call it in the transaction that shares the clip.
    """
    unlisted = Asset.objects.filter(pk__in=list(asset_ids), first_shared_at=None).exclude(origin=Origin.OUTPUT)
    unlisted.update(first_shared_at=timezone.now())


def delete_reference(*, asset: Asset, membership: Membership) -> None:
    """Delete a reference and its file. Finished clips lose it, and stay as they are. No credits move.

    Requests for approval that wait for it end, as they do whenever a file is deleted. Raises FileNeededError while a
    clip that isn't finished needs it.
    """
    with transaction.atomic():
        # Locked, so that nobody begins to use it between the look and the deletion.
        locked = Asset.objects.select_for_update().filter(pk=asset.pk).first()
        if locked is None:
            return
        uses = GenerationReference.objects.filter(asset=locked)
        open_uses = uses.filter(generation__finished_at__isnull=True).select_related("generation")
        needed = open_uses.order_by("id").first()
        if needed is not None:
            is_seen = visible_to(membership).filter(pk=needed.generation_id).exists()
            raise FileNeededError(_why_needed(needed if is_seen else None))
        uses.delete()
        if not delete_asset(asset=locked):
            raise FileNeededError(_why_needed(None))


def _why_needed(use: GenerationReference | None) -> str:
    """`use` is None if it is none of the viewer's business which clip that is."""
    if use is None:
        what = _("A clip that isn't finished needs this file.")
    else:
        what = {
            ReferenceRole.FIRST_FRAME: _("This file is the first frame of a clip that isn't finished."),
            ReferenceRole.LAST_FRAME: _("This file is the last frame of a clip that isn't finished."),
            ReferenceRole.IMAGE: _("This file is an image of a clip that isn't finished."),
            ReferenceRole.VIDEO: _("This file is a video of a clip that isn't finished."),
            ReferenceRole.AUDIO: _("This file is a sound of a clip that isn't finished."),
        }[ReferenceRole(use.role)]
    nothing_done = _("Nothing was deleted and no credits moved.")
    if use is not None and use.generation.state == State.QUEUED:
        then = _("Cancel the clip, which is still waiting, or let it finish, then delete the file.")
    else:
        then = _("Let it finish, then delete the file.")
    return f"{what} {nothing_done} {then}"
