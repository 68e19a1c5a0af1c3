"""Whoever changes favourites, ratings, tags or collections takes these locks, in this order."""

from collections.abc import Iterable
from uuid import UUID

from tchavi_studio.generations.models import LibraryEntry
from tchavi_studio.generations.services import WorkspaceArchivedError
from tchavi_studio.generations.visibility import visible_among
from tchavi_studio.workspaces.models import Membership, Workspace


def lock_workspace(membership: Membership) -> None:
    """Keep others from changing what the workspace has made of its clips, so that bounds hold.

    Raises WorkspaceArchivedError.
    """
    if Workspace.objects.select_for_update(no_key=True).get(pk=membership.workspace_id).archived_at:
        raise WorkspaceArchivedError


def lock_entries(membership: Membership, generations: Iterable[UUID]) -> list[LibraryEntry]:
    """The entries of those of these clips that the member may see, by their keys.

    The clips themselves are locked, as everything does that changes a clip and its entry: until the commit, nobody
    changes them or deletes them for good.
    """
    clips = visible_among(membership, generations).order_by("pk")
    locked = clips.select_for_update(no_key=True, of=("self",)).select_related("entry")
    return sorted((clip.entry for clip in locked if hasattr(clip, "entry")), key=lambda entry: entry.key)


def lock_entry(membership: Membership, generation_id: UUID) -> LibraryEntry:
    """The entry of a clip that the member may see, with the clip locked. Raises LibraryEntry.DoesNotExist."""
    for entry in lock_entries(membership, [generation_id]):
        return entry
    raise LibraryEntry.DoesNotExist
