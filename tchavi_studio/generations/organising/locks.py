"""Whoever changes favourites, ratings, tags or collections takes these locks, in this order."""

from collections.abc import Iterable
from uuid import UUID

from tchavi_studio.generations.models import LibraryEntry
from tchavi_studio.generations.services import WorkspaceArchivedError
from tchavi_studio.generations.visibility import entries_visible_to
from tchavi_studio.workspaces.models import Membership, Workspace


def lock_workspace(membership: Membership) -> None:
    """Keep others from changing what the workspace has made of its clips, so that bounds hold.

    Raises WorkspaceArchivedError.
    """
    if Workspace.objects.select_for_update(no_key=True).get(pk=membership.workspace_id).archived_at:
        raise WorkspaceArchivedError


def lock_entries(membership: Membership, generations: Iterable[UUID]) -> list[LibraryEntry]:
    """The entries of those of these clips that the member may see. Until the commit, nobody deletes them for good."""
    entries = entries_visible_to(membership, generations).select_for_update(no_key=True)
    return list(entries.order_by("key"))


def lock_entry(membership: Membership, generation_id: UUID) -> LibraryEntry:
    """The entry of a clip that the member may see. Raises LibraryEntry.DoesNotExist."""
    return entries_visible_to(membership, [generation_id]).select_for_update(no_key=True).get()
