"""A second member, and addresses of jobs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from tchavi_studio.workspaces.models import Membership, Role, User, Workspace

Address = Callable[..., str]


@pytest.fixture
def bob_here(workspace: Workspace, bob: User) -> Membership:
    """Bob, as a creator in Alice's workspace."""
    return Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)


@pytest.fixture
def address(workspace: Workspace) -> Address:
    """The address of one of the gallery's views in Alice's workspace, with these arguments."""

    def address_of(name: str, *arguments: Any) -> str:
        return reverse(f"gallery:{name}", args=[workspace.slug, *arguments])

    return address_of
