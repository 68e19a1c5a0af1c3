"""Which clips and files a person may see, and what they may do with a clip. Every read for a person starts here."""

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.assets.queries import IS_REFERENCE
from tchavi_studio.long_lists import rows_among
from tchavi_studio.workspaces.models import Membership, Permission

from .library.models import IS_LISTED, IS_LISTED_FOR_ALL, LibraryEntry
from .models import IS_SHARED, IS_SHOWN, Favourite, Generation, GenerationReference


class Scope(StrEnum):
    """Which clips a list shows: the viewer's own, those that the workspace shares, or what they marked of both."""

    MINE = "mine"
    WORKSPACE = "workspace"
    FAVOURITES = "favourites"


FEEDS = (Scope.MINE, Scope.WORKSPACE)
"""The lists that have indexes of their own and can be followed while they change."""


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
    return LibraryEntry.objects.filter(is_in_scope(membership, scope))


def is_in_scope(membership: Membership, scope: Scope) -> Q:
    """The condition on an entry that a list shows it."""
    if scope == Scope.FAVOURITES:
        is_marked = Exists(favourites_of(membership).filter(entry=OuterRef("key")))
        return Q(is_listed_for(membership), Q(is_marked), workspace=membership.workspace_id)
    is_listed = Q(IS_LISTED, creator=membership.user_id) if scope == Scope.MINE else IS_LISTED_FOR_ALL
    return is_listed & Q(workspace=membership.workspace_id)


def is_listed_for(membership: Membership, prefix: str = "") -> Q:
    """The condition that some list shows an entry of this workspace to the member; `prefix` leads to it from a join.

    No index serves it: it is for rows that are found by another condition.
    """
    is_seen = Q(**{f"{prefix}is_shared": True}) | Q(**{f"{prefix}creator": membership.user_id})
    return Q(**{f"{prefix}is_listed": True}) & is_seen


def favourites_of(membership: Membership) -> QuerySet[Favourite]:
    """What the member marked in this workspace, in no order: also clips that they may see no more."""
    return Favourite.objects.filter(user=membership.user_id, workspace=membership.workspace_id)


def entries_visible_to(membership: Membership, generations: Iterable[UUID]) -> QuerySet[LibraryEntry]:
    """The entries of those of these clips that the member may see, in no order, in bins too (see `visible_to`)."""
    return LibraryEntry.objects.filter(generation__in=visible_among(membership, generations))


def visible_to(membership: Membership) -> QuerySet[Generation]:
    """Every clip that this member may see in this workspace, to find a single one among.

    What somebody else moved to their bin is gone for all but those who may take it out again.
    """
    others = IS_SHARED if membership.can(Permission.MANAGE) else IS_SHARED & Q(deleted_at__isnull=True)
    return Generation.objects.filter(others | Q(creator=membership.user_id), workspace=membership.workspace_id)


def visible_among(membership: Membership, generations: Iterable[UUID]) -> QuerySet[Generation]:
    """Those of these clips that this member may see in this workspace, in no order."""
    return rows_among(visible_to(membership), generations)


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
    references, which can't be found without their ids."""
    clips = visible_to(membership)
    is_seen = Exists(clips.filter(output=OuterRef("pk"))) | Exists(
        GenerationReference.objects.filter(asset=OuterRef("pk"), generation__in=clips)
    )
    if membership.can(Permission.CREATE):
        is_seen |= ~Q(origin=Origin.OUTPUT)
    return Asset.objects.filter(is_seen, workspace=membership.workspace_id)


def own_references(membership: Membership) -> QuerySet[Asset]:
    """What this member uploaded, linked or trimmed in this workspace, in no order."""
    return Asset.objects.filter(IS_REFERENCE, workspace=membership.workspace_id, created_by=membership.user_id)


def references_ever_shared(membership: Membership) -> QuerySet[Asset]:
    """Where `is_in_shared_clip` may hold: the references of clips that were once shared, in no order."""
    return Asset.objects.filter(workspace=membership.workspace_id, first_shared_at__isnull=False)


def is_in_shared_clip(membership: Membership) -> Q:
    """The condition that a reference was used for a clip that this whole workspace sees now.

    Who makes clips may open every reference whose id they know, but a list is how one learns of files: their pictures
    and names say what somebody works on. So the workspace's list has only what shared clips show anyway, and a file
    that nothing but private clips use is listed for whoever sent it, and for nobody else.
    """
    clips = shared_clips(membership).filter(IS_SHOWN, pk=OuterRef("generation"))
    return Q(Exists(GenerationReference.objects.filter(Exists(clips), asset=OuterRef("pk"))))


def uses_of(asset: Asset) -> QuerySet[GenerationReference]:
    """Where a reference was used, the latest first; look at them with `is_use_seen_by`."""
    return GenerationReference.objects.filter(asset=asset).order_by("-id")


def is_use_seen_by(membership: Membership) -> Q:
    """The condition that a use of a reference is in a clip that this member sees in lists, and not its second there."""
    clips = visible_to(membership).filter(IS_SHOWN, pk=OuterRef("generation"))
    # Compared as an expression, so that the few files of the clip are looked at, not all uses of the file.
    in_clip = GenerationReference.objects.alias(file=Coalesce("asset", "asset")).filter(
        generation=OuterRef("generation")
    )
    earlier = in_clip.filter(file=OuterRef("asset"), id__lt=OuterRef("id"))
    return Q(Exists(clips)) & ~Q(Exists(earlier))


def may_delete_reference(membership: Membership, asset: Asset) -> bool:
    """Whether this member may delete a reference: whoever sent it, or an admin."""
    is_own = asset.created_by_id == membership.user_id and membership.can(Permission.CREATE)
    return asset.origin != Origin.OUTPUT and (is_own or membership.can(Permission.MANAGE))
