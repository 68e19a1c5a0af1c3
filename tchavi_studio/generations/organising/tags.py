"""Tagging clips. A workspace's tags are all of its members'; one without a clip is forgotten."""

import unicodedata
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.generations.lifecycle import show_anew
from tchavi_studio.generations.models import Tag, Tagging
from tchavi_studio.generations.organising.models import TAG_MAX_LENGTH
from tchavi_studio.long_lists import count_up_to
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.words import words_of
from tchavi_studio.workspaces.models import Membership

from .locks import lock_entries, lock_entry, lock_workspace

MAX_TAGS = 1_000
"""As many may a workspace have."""

MAX_TAGS_PER_CLIP = 20


class TagRefusedError(UserFacingError):
    """The name can't be a tag's."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "A tag has letters or digits, and at most %(max)s characters. Nothing changed and no credits moved. "
                "Choose another name."
            )
            % {"max": TAG_MAX_LENGTH}
        )


class TooManyTagsError(UserFacingError):
    """The workspace has MAX_TAGS, or a clip has MAX_TAGS_PER_CLIP (`of_clip`)."""

    def __init__(self, *, of_clip: bool) -> None:
        super().__init__(
            _(
                "A clip can have %(max)s tags, and this would be one more. Nothing changed and no credits moved. "
                "Remove a tag first."
            )
            % {"max": MAX_TAGS_PER_CLIP}
            if of_clip
            else _(
                "This workspace has %(max)s tags, and can't have more. Nothing changed and no credits moved. Use one "
                "of them, or remove one from all its clips first."
            )
            % {"max": number_format(MAX_TAGS)}
        )


@transaction.atomic
def tag_clips(*, membership: Membership, generation_ids: Iterable[UUID], name: str) -> int:
    """Tag those of these clips that the member may see, all or none. Returns how many didn't have the tag before.

    Names that a search reads alike are one tag, in its first spelling. Raises TagRefusedError, TooManyTagsError and
    WorkspaceArchivedError.
    """
    tagged, full = tag_what_fits(membership=membership, generation_ids=generation_ids, name=name)
    if full:
        raise TooManyTagsError(of_clip=True)
    return len(tagged)


@transaction.atomic
def tag_what_fits(
    *, membership: Membership, generation_ids: Iterable[UUID], name: str
) -> tuple[list[UUID], list[UUID]]:
    """Like `tag_clips`, those that can have another tag: which got it, and which have MAX_TAGS_PER_CLIP others.

    Raises TagRefusedError, WorkspaceArchivedError, and TooManyTagsError if the workspace can't have another.
    """
    shown, folded = read_tag_name(name)
    lock_workspace(membership)
    entries = lock_entries(membership, generation_ids)
    if not entries:
        return [], []
    tag = Tag.objects.filter(workspace=membership.workspace_id, folded=folded).first()
    if tag is None:
        tag = _new_tag(membership, shown, folded)
    tagged = set(Tagging.objects.filter(tag=tag, entry__in=entries).values_list("entry", flat=True))
    fresh = [entry for entry in entries if entry.key not in tagged]
    counts = Tagging.objects.filter(entry__in=fresh).order_by().values_list("entry").annotate(count=Count("pk"))
    full = {key for key, count in counts if count >= MAX_TAGS_PER_CLIP}
    Tagging.objects.bulk_create(Tagging(tag=tag, entry=entry) for entry in fresh if entry.key not in full)
    tagged_ids = [entry.generation_id for entry in fresh if entry.key not in full]
    show_anew(tagged_ids)
    return tagged_ids, [entry.generation_id for entry in fresh if entry.key in full]


@transaction.atomic
def make_room_for_tag(*, membership: Membership, name: str) -> str:
    """The name as it is shown, if the workspace has that tag or can have it: it is there then.

    Raises TagRefusedError, TooManyTagsError and WorkspaceArchivedError.
    """
    shown, folded = read_tag_name(name)
    lock_workspace(membership)
    if not Tag.objects.filter(workspace=membership.workspace_id, folded=folded).exists():
        _new_tag(membership, shown, folded)
    return shown


@transaction.atomic
def untag_clips(*, membership: Membership, generation_ids: Iterable[UUID], name: str) -> list[UUID]:
    """Take a tag off those of these clips that the member may see. Returns which had it.

    A tag without a clip is forgotten. Raises TagRefusedError and WorkspaceArchivedError.
    """
    _shown, folded = read_tag_name(name)
    lock_workspace(membership)
    entries = lock_entries(membership, generation_ids)
    taggings = Tagging.objects.filter(tag__workspace=membership.workspace_id, tag__folded=folded, entry__in=entries)
    had = set(taggings.values_list("entry", flat=True))
    taggings.delete()
    _without_clips(membership).filter(folded=folded).delete()
    untagged_ids = [entry.generation_id for entry in entries if entry.key in had]
    show_anew(untagged_ids)
    return untagged_ids


@transaction.atomic
def untag_clip(*, membership: Membership, generation_id: UUID, tag_id: int) -> None:
    """Take a tag off a clip, and forget it if that was its last one.

    Raises LibraryEntry.DoesNotExist and WorkspaceArchivedError.
    """
    lock_workspace(membership)
    entry = lock_entry(membership, generation_id)
    Tagging.objects.filter(tag=tag_id, tag__workspace=membership.workspace_id, entry=entry).delete()
    _without_clips(membership).filter(pk=tag_id).delete()
    show_anew([generation_id])


def read_tag_name(name: str) -> tuple[str, str]:
    """The name as it is shown, and as it is compared. Raises TagRefusedError."""
    shown = " ".join(unicodedata.normalize("NFC", name.replace("\0", "")).split())
    folded = " ".join(words_of(shown))
    if not folded or len(shown) > TAG_MAX_LENGTH:
        raise TagRefusedError
    return shown, folded


def _new_tag(membership: Membership, name: str, folded: str) -> Tag:
    if count_up_to(Tag.objects.filter(workspace=membership.workspace_id), MAX_TAGS) == MAX_TAGS:
        # Some may have lost their clips, which were deleted for good.
        _without_clips(membership).delete()
        if count_up_to(Tag.objects.filter(workspace=membership.workspace_id), MAX_TAGS) == MAX_TAGS:
            raise TooManyTagsError(of_clip=False)
    return Tag.objects.create(
        workspace_id=membership.workspace_id, name=name, folded=folded, creator_id=membership.user_id
    )


def _without_clips(membership: Membership) -> QuerySet[Tag]:
    has_clips = Exists(Tagging.objects.filter(tag=OuterRef("pk")))
    return Tag.objects.filter(~has_clips, workspace=membership.workspace_id)
