"""Which clips a person may see. Every read for a page or for `/v1` starts here."""

from django.db.models import QuerySet

from tchavi_studio.workspaces.models import Membership

from .models import Generation


def visible_to(membership: Membership) -> QuerySet[Generation]:
    """The clips this member may see in this workspace, in no order: their own, including those of test keys."""
    return Generation.objects.filter(workspace=membership.workspace_id, creator=membership.user_id)


def is_visible_to(membership: Membership, clip: Generation) -> bool:
    """`visible_to` for a clip that is already loaded. No query."""
    return clip.workspace_id == membership.workspace_id and clip.creator_id == membership.user_id
