"""Which clips and files a person may see, and what they may do with a clip. Every read for a person starts here."""

from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.workspaces.models import Membership, Permission

from .library.models import IS_LISTED, IS_LISTED_FOR_ALL, LibraryEntry
from .models import IS_SHARED, Generation, GenerationReference


class Scope(StrEnum):
    """Whose clips a list shows: the viewer's own, or those that the workspace shares."""

    MINE = "mine"
    WORKSPACE = "workspace"


def own_clips(membership: Membership) -> QuerySet[Generation]:
    """The clips this member made in this workspace, in no order, including those of test keys."""
    return Generation.objects.filter(workspace=membership.workspace_id, creator=membership.user_id)


def shared_clips(membership: Membership) -> QuerySet[Generation]:
    """The clips that everybody in this workspace sees, in no order, including those in their creators' bins."""
    return Generation.objects.filter(IS_SHARED, workspace=membership.workspace_id)


def clips_in_scope(membership: Membership, scope: Scope) -> QuerySet[Generation]:
    """A list's clips, in no order. A list is one scope: either has its indexes, and no index serves both."""
    return own_clips(membership) if scope == Scope.MINE else shared_clips(membership)


def entries_in_scope(membership: Membership, scope: Scope) -> QuerySet[LibraryEntry]:
    """What the gallery knows of the clips that a list shows, in no order: nothing of bins and of dismissed failures."""
    entries = LibraryEntry.objects.filter(workspace=membership.workspace_id)
    if scope == Scope.MINE:
        return entries.filter(IS_LISTED, creator=membership.user_id)
    return entries.filter(IS_LISTED_FOR_ALL)


def visible_to(membership: Membership) -> QuerySet[Generation]:
    """Every clip that this member may see in this workspace, to find single ones among.

    What somebody else moved to their bin is gone for all but those who may take it out again.
    """
    others = IS_SHARED if membership.can(Permission.MANAGE) else IS_SHARED & Q(deleted_at__isnull=True)
    return Generation.objects.filter(others | Q(creator=membership.user_id), workspace=membership.workspace_id)


def is_visible_to(membership: Membership, clip: Generation) -> bool:
    """`visible_to` for a clip that is already loaded. No query."""
    if clip.workspace_id != membership.workspace_id:
        return False
    if clip.creator_id == membership.user_id:
        return True
    return clip.is_shared and (clip.deleted_at is None or membership.can(Permission.MANAGE))


def may_act_on(membership: Membership, clip: Generation) -> bool:
    """Whether this member may cancel, dismiss or share a clip that they see: only their own."""
    return clip.creator_id == membership.user_id and membership.can(Permission.CREATE)


def may_remove(membership: Membership, clip: Generation) -> bool:
    """Whether this member may bin, restore or unshare a clip that they see: their own, or any shared one for admins."""
    return may_act_on(membership, clip) or (clip.is_shared and membership.can(Permission.MANAGE))


def files_visible_to(membership: Membership) -> QuerySet[Asset]:
    """The files that this member may open in this workspace: those of clips they see, and for who makes clips all
    references, which are stored once whoever sent them and can't be found without their ids."""
    clips = visible_to(membership)
    is_seen = Exists(clips.filter(output=OuterRef("pk"))) | Exists(
        GenerationReference.objects.filter(asset=OuterRef("pk"), generation__in=clips)
    )
    if membership.can(Permission.CREATE):
        is_seen |= ~Q(origin=Origin.OUTPUT)
    return Asset.objects.filter(is_seen, workspace=membership.workspace_id)
