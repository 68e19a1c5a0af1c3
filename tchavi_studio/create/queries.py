"""Reads of the composer."""

from tchavi_studio.workspaces.models import User, Workspace

from .forms import Values, default_values
from .models import Draft


def draft_for_viewer(*, workspace: Workspace, viewer: User) -> Values:
    """What this person left in the composer of this workspace; the defaults if they never wrote there."""
    draft = Draft.objects.filter(workspace=workspace, user=viewer).first()
    return Values(draft.values) if draft else default_values()
