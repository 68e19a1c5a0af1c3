"""Reads of the composer."""

from tchavi_studio.workspaces.models import Membership, Role, User, Workspace

from .forms import Values, default_values
from .models import Draft


def draft_for_viewer(*, workspace: Workspace, viewer: User) -> Values:
    """What this person left in the composer of this workspace; the defaults if they never wrote there."""
    draft = Draft.objects.filter(workspace=workspace, user=viewer).first()
    return Values(draft.values) if draft else default_values()


def people_who_grant_credits(workspace: Workspace) -> list[str]:
    """The names of those a member can ask for credits: the workspace's owners and admins."""
    memberships = Membership.objects.filter(workspace=workspace, role__in=(Role.OWNER, Role.ADMIN))
    return [membership.user.display_name for membership in memberships.select_related("user").order_by("created_at")]
