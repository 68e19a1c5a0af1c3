"""Collections: making and changing them, and the order of their clips."""

import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.generations.models import Collection, CollectionItem, LibraryEntry
from tchavi_studio.generations.visibility import entries_visible_to, is_listed_for
from tchavi_studio.long_lists import count_up_to
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership

from .locks import lock_entries, lock_entry, lock_workspace
from .models import COLLECTION_NAME_MAX_LENGTH, DESCRIPTION_MAX_LENGTH

MAX_COLLECTIONS = 500
"""As many may a workspace have."""

MAX_CLIPS = 10_000
"""As many clips may be in a collection. A list of one is sorted, which is why it has to end."""

STEP = 2**32
"""The gap that a clip gets at either end: 32 clips can be moved into the same gap, one after the other."""

MIDDLE = 2**62


class CollectionRefusedError(UserFacingError):
    """The name or the description can't be a collection's."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "A collection needs a name of at most %(name)s characters, and its description has at most "
                "%(description)s. Nothing changed and no credits moved. Shorten them, then try again."
            )
            % {"name": COLLECTION_NAME_MAX_LENGTH, "description": number_format(DESCRIPTION_MAX_LENGTH)}
        )


class TooManyCollectionsError(UserFacingError):
    """The workspace has MAX_COLLECTIONS."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This workspace has %(max)s collections, and can't have more. Nothing changed and no credits moved. "
                "Delete one first; its clips stay."
            )
            % {"max": number_format(MAX_COLLECTIONS)}
        )


class CollectionFullError(UserFacingError):
    """The collection would have more than MAX_CLIPS."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "A collection can have %(max)s clips, and these are too many. None was added and no credits moved. "
                "Make another collection for them."
            )
            % {"max": number_format(MAX_CLIPS)}
        )


class Place(StrEnum):
    """Where a clip goes. EARLIER and LATER are beyond the next clip that whoever moves it may see."""

    FIRST = "first"
    EARLIER = "earlier"
    LATER = "later"
    LAST = "last"


@transaction.atomic
def create_collection(*, membership: Membership, name: str, description: str = "") -> Collection:
    """Make an empty collection.

    Raises CollectionRefusedError, TooManyCollectionsError and WorkspaceArchivedError.
    """
    name, description = _read(name, description)
    lock_workspace(membership)
    there = Collection.objects.filter(workspace=membership.workspace_id)
    if count_up_to(there, MAX_COLLECTIONS) == MAX_COLLECTIONS:
        raise TooManyCollectionsError
    return Collection.objects.create(
        workspace_id=membership.workspace_id, name=name, description=description, creator_id=membership.user_id
    )


@transaction.atomic
def collect_in_new(*, membership: Membership, name: str, generation_ids: Sequence[UUID]) -> Collection:
    """Make a collection of clips that the member may see. Raises what `create_collection` and `collect_clips` do."""
    made = create_collection(membership=membership, name=name)
    collect_clips(membership=membership, collection_id=made.pk, generation_ids=generation_ids)
    return made


@transaction.atomic
def describe_collection(*, membership: Membership, collection_id: int, name: str, description: str) -> None:
    """Give a collection another name and description.

    Raises Collection.DoesNotExist, CollectionRefusedError and WorkspaceArchivedError.
    """
    name, description = _read(name, description)
    lock_workspace(membership)
    _change(_collection(membership, collection_id), name=name, description=description)


@transaction.atomic
def choose_cover(*, membership: Membership, collection_id: int, generation_id: UUID) -> None:
    """Let one of a collection's clips stand for it, for all who may see that clip.

    Raises Collection.DoesNotExist, CollectionItem.DoesNotExist, LibraryEntry.DoesNotExist and WorkspaceArchivedError.
    """
    lock_workspace(membership)
    entry, collection = lock_entry(membership, generation_id), _collection(membership, collection_id)
    collection.items.get(entry=entry)
    _change(collection, cover=entry)


@transaction.atomic
def delete_collection(*, membership: Membership, collection_id: int) -> None:
    """Delete a collection. Its clips stay.

    Raises Collection.DoesNotExist and WorkspaceArchivedError.
    """
    lock_workspace(membership)
    _collection(membership, collection_id).delete()


@transaction.atomic
def collect_clips(*, membership: Membership, collection_id: int, generation_ids: Sequence[UUID]) -> int:
    """Add clips that the member may see at a collection's end, in this order. Returns how many weren't in it before.

    Raises Collection.DoesNotExist, CollectionFullError and WorkspaceArchivedError.
    """
    added, excess = collect_what_fits(membership=membership, collection_id=collection_id, generation_ids=generation_ids)
    if excess:
        raise CollectionFullError
    return len(added)


@transaction.atomic
def collect_what_fits(
    *, membership: Membership, collection_id: int, generation_ids: Sequence[UUID]
) -> tuple[list[UUID], list[UUID]]:
    """Like `collect_clips`, as many as there is room for: those that were added, and those beyond MAX_CLIPS.

    Raises Collection.DoesNotExist and WorkspaceArchivedError.
    """
    lock_workspace(membership)
    entries = {entry.generation_id: entry for entry in lock_entries(membership, generation_ids)}
    collection = _collection(membership, collection_id)
    there = set(collection.items.filter(entry__in=entries.values()).values_list("entry", flat=True))
    in_order = [entries[pk] for pk in dict.fromkeys(generation_ids) if pk in entries]
    fresh = [entry for entry in in_order if entry.key not in there]
    room = MAX_CLIPS - count_up_to(collection.items.all(), MAX_CLIPS) if fresh else 0
    fresh, excess = fresh[:room], fresh[room:]
    last = collection.items.order_by("-position").first()
    start = last.position + STEP if last else MIDDLE
    CollectionItem.objects.bulk_create(
        CollectionItem(collection=collection, entry=entry, position=start + number * STEP)
        for number, entry in enumerate(fresh)
    )
    if fresh:
        _change(collection)
    return [entry.generation_id for entry in fresh], [entry.generation_id for entry in excess]


@transaction.atomic
def drop_clip(*, membership: Membership, collection_id: int, generation_id: UUID) -> None:
    """Take a clip out of a collection.

    Raises Collection.DoesNotExist, LibraryEntry.DoesNotExist and WorkspaceArchivedError.
    """
    lock_workspace(membership)
    _drop(_collection(membership, collection_id), [lock_entry(membership, generation_id)])


@transaction.atomic
def drop_clips(*, membership: Membership, collection_id: int, generation_ids: Iterable[UUID]) -> list[UUID]:
    """Take those of these clips out of a collection that the member may see. Returns which were in it.

    Raises Collection.DoesNotExist and WorkspaceArchivedError.
    """
    lock_workspace(membership)
    entries = lock_entries(membership, generation_ids)
    collection = _collection(membership, collection_id)
    there = set(collection.items.filter(entry__in=entries).values_list("entry", flat=True))
    _drop(collection, entries)
    return [entry.generation_id for entry in entries if entry.key in there]


def _drop(collection: Collection, entries: Sequence[LibraryEntry]) -> None:
    collection.items.filter(entry__in=entries).delete()
    is_cover = collection.cover_id in {entry.key for entry in entries}
    _change(collection, **{"cover": None} if is_cover else {})


# --- Order ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def move_clip(*, membership: Membership, collection_id: int, generation_id: UUID, place: Place) -> None:
    """Move a clip within a collection's order. One that is there already stays.

    Raises what `move_clip_beside` does.
    """
    collection, item = _locked_item(membership, collection_id, generation_id)
    others = collection.items.exclude(pk=item.pk).order_by("position")
    if place in (Place.EARLIER, Place.LATER):
        others = others.filter(is_listed_for(membership, "entry__"))
    before, after = others.filter(position__lt=item.position), others.filter(position__gt=item.position)
    if place == Place.FIRST:
        _put(collection, item, beside=before.first(), is_after=False)
    elif place == Place.EARLIER:
        _put(collection, item, beside=before.last(), is_after=False)
    elif place == Place.LATER:
        _put(collection, item, beside=after.first(), is_after=True)
    else:
        _put(collection, item, beside=after.last(), is_after=True)


@transaction.atomic
def move_clip_beside(
    *, membership: Membership, collection_id: int, generation_id: UUID, other_id: UUID, is_after: bool
) -> None:
    """Move a clip before, or after, another one of the collection.

    Raises Collection.DoesNotExist, CollectionItem.DoesNotExist, LibraryEntry.DoesNotExist and WorkspaceArchivedError.
    """
    other = entries_visible_to(membership, [other_id]).get()
    collection, item = _locked_item(membership, collection_id, generation_id)
    _put(collection, item, beside=collection.items.get(entry=other), is_after=is_after)


def _locked_item(membership: Membership, collection_id: int, generation_id: UUID) -> tuple[Collection, CollectionItem]:
    lock_workspace(membership)
    entry, collection = lock_entry(membership, generation_id), _collection(membership, collection_id)
    return collection, collection.items.get(entry=entry)


def _put(collection: Collection, item: CollectionItem, *, beside: CollectionItem | None, is_after: bool) -> None:
    """Put a clip next to another one, if there is one."""
    if beside is None or beside.pk == item.pk:
        return
    position = _free_position(collection, item, beside, is_after=is_after)
    if position is None:
        _spread(collection)
        beside.refresh_from_db()
        position = _free_position(collection, item, beside, is_after=is_after)
    CollectionItem.objects.filter(pk=item.pk).update(position=position)
    _change(collection)


def _free_position(
    collection: Collection, item: CollectionItem, beside: CollectionItem, *, is_after: bool
) -> int | None:
    """A position between the other clip and the one beyond it; None if they leave no room."""
    others = collection.items.exclude(pk=item.pk).order_by("position")
    if is_after:
        low, beyond = beside.position, others.filter(position__gt=beside.position).first()
        high = beyond.position if beyond else low + 2 * STEP
    else:
        high, beyond = beside.position, others.filter(position__lt=beside.position).last()
        low = beyond.position if beyond else high - 2 * STEP
    return (low + high) // 2 if high - low > 1 else None


def _spread(collection: Collection) -> None:
    """Give the clips new positions with wide gaps: all beyond the old ones, since no two may ever have the same."""
    items = list(collection.items.order_by("position"))
    lowest, highest = items[0].position, items[-1].position
    start = highest + STEP if highest <= MIDDLE else lowest - len(items) * STEP
    for number, item in enumerate(items):
        item.position = start + number * STEP
    CollectionItem.objects.bulk_update(items, ["position"], batch_size=500)


def _collection(membership: Membership, collection_id: int) -> Collection:
    return Collection.objects.select_for_update().get(workspace=membership.workspace_id, pk=collection_id)


def _change(collection: Collection, **changes: object) -> None:
    Collection.objects.filter(pk=collection.pk).update(updated_at=timezone.now(), **changes)


def _read(name: str, description: str) -> tuple[str, str]:
    """The texts as they are kept. Raises CollectionRefusedError."""
    name = " ".join(unicodedata.normalize("NFC", name.replace("\0", "")).split())
    description = unicodedata.normalize("NFC", description.replace("\0", "").replace("\r\n", "\n")).strip()
    if not name or len(name) > COLLECTION_NAME_MAX_LENGTH or len(description) > DESCRIPTION_MAX_LENGTH:
        raise CollectionRefusedError
    return name, description
