"""A second member."""

import pytest

from tchavi_studio.workspaces.models import Membership, Role, User, Workspace


@pytest.fixture
def bob_here(workspace: Workspace, bob: User) -> Membership:
    """Bob, as a creator in Alice's workspace."""
    return Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
