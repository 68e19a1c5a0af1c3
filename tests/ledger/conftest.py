"""Workspaces without members or credits."""

from collections.abc import Callable

import pytest

from tchavi_studio.workspaces.models import Workspace

MakeWorkspace = Callable[[str], Workspace]


@pytest.fixture
def make_workspace(db: None) -> MakeWorkspace:
    """Make a workspace with a slug."""
    return lambda slug: Workspace.objects.create(slug=slug, name=slug)


@pytest.fixture
def lagune(make_workspace: MakeWorkspace) -> Workspace:
    """The workspace under test."""
    return make_workspace("lagune")
