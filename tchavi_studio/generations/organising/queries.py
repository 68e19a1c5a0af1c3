"""What people made of clips, as the viewer may see it: nothing of clips that they don't see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Case, Exists, F, OuterRef, QuerySet, Subquery, When

from tchavi_studio.generations.library.pages import CLIP_RELATIONS
from tchavi_studio.generations.models import (
    Collection,
    CollectionItem,
    LibraryEntry,
    Rating,
    Tag,
    Tagging,
)
from tchavi_studio.generations.visibility import favourites_of, is_listed_for
from tchavi_studio.long_lists import CountUpTo, page_of
from tchavi_studio.words import words_of
from tchavi_studio.workspaces.models import Membership

MAX_COUNT = 1_000
MAX_COMPLETIONS = 10
MAX_OFFERED = 20
"""As many collections, the ones that changed last, are offered for a clip."""


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What the viewer made of a clip: whether it is a favourite, and how many stars they gave it, 0 for none."""

    is_favourite: bool = False
    stars: int = 0

    @property
    def token(self) -> str:
        """Changes when they do."""
        return f"{self.is_favourite:d}{self.stars}"


NO_MARKS = Marks()


def marks_for_viewer(membership: Membership, keys: Iterable[int]) -> dict[int, Marks]:
    """The viewer's marks of entries, by their keys; those without any are left out. One statement, or none."""
    wanted = list(keys)
    if not wanted:
        return {}
    own = Rating.objects.filter(user=membership.user_id, entry=OuterRef("key"))
    found = (
        LibraryEntry.objects.filter(key__in=wanted)
        .annotate(
            is_favourite=Exists(favourites_of(membership).filter(entry=OuterRef("key"))),
            stars=Subquery(own.values("stars")),
        )
        .values_list("key", "is_favourite", "stars")
    )
    return {
        key: Marks(is_favourite=is_favourite, stars=stars or 0)
        for key, is_favourite, stars in found
        if is_favourite or stars
    }


# --- Tags -------------------------------------------------------------------------------------------------------------


def tags_of_clip(membership: Membership, entry: LibraryEntry) -> list[Tag]:
    """The tags of a clip that the viewer sees, by name."""
    tagged = Tagging.objects.filter(entry=entry).values("tag")
    return sorted(Tag.objects.filter(pk__in=tagged, workspace=membership.workspace_id), key=lambda tag: tag.folded)


def tags_for_viewer(membership: Membership, *, max_count: int) -> list[Tag]:
    """The workspace's first tags by name."""
    return list(Tag.objects.filter(workspace=membership.workspace_id).order_by("folded")[:max_count])


def tag_for_viewer(membership: Membership, tag_id: int) -> Tag | None:
    return Tag.objects.filter(workspace=membership.workspace_id, pk=tag_id).first()


def tag_completions(membership: Membership, text: str) -> list[Tag]:
    """Up to MAX_COMPLETIONS tags that have words like these, by name. A workspace's tags are few enough to look at."""
    folded = " ".join(words_of(text))
    tags = Tag.objects.filter(workspace=membership.workspace_id, folded__contains=folded).order_by("folded")
    return list(tags[:MAX_COMPLETIONS]) if folded else []


def tag_named(membership: Membership, name: str) -> Tag | None:
    """The tag that a search would read like this, or the only one that begins like it."""
    folded = " ".join(words_of(name))
    tags = Tag.objects.filter(workspace=membership.workspace_id, folded__startswith=folded).order_by("folded")
    found = list(tags[:2]) if folded else []
    return found[0] if found and (len(found) == 1 or found[0].folded == folded) else None


# --- Collections ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class CollectionSummary:
    """A collection in a list: how many of its clips the viewer sees, up to MAX_COUNT, and the one that stands for it.

    `cover` is None if they see none.
    """

    collection: Collection
    clip_count: int
    cover: LibraryEntry | None

    @property
    def has_more_clips(self) -> bool:
        """Whether `clip_count` is the bound, and the collection may have more."""
        return self.clip_count >= MAX_COUNT


CollectionPosition = tuple[Any, ...]


def collections_for_viewer(
    membership: Membership, *, length: int, after: CollectionPosition = ()
) -> tuple[list[CollectionSummary], bool]:
    """Some of the workspace's collections, those that changed last first, and whether more follow.

    `after` is a collection's `updated_at` and id. Two statements, however many.
    """
    rows = Collection.objects.filter(workspace=membership.workspace_id).select_related("creator")
    page, has_more = page_of(_summarised(membership, rows.order_by("-updated_at", "-id")), length=length, after=after)
    return _summaries(page), has_more


def collection_for_viewer(membership: Membership, collection_id: int) -> CollectionSummary:
    """One collection. Raises Collection.DoesNotExist."""
    rows = Collection.objects.filter(workspace=membership.workspace_id).select_related("creator")
    return _summaries([_summarised(membership, rows).get(pk=collection_id)])[0]


def collection_named(membership: Membership, collection_id: int) -> str:
    """A collection's name, "" if there is no such one in the workspace."""
    names = Collection.objects.filter(workspace=membership.workspace_id, pk=collection_id).values_list(
        "name", flat=True
    )
    return next(iter(names), "")


def latest_collections(membership: Membership) -> list[Collection]:
    """The collections that are offered for a clip."""
    there = Collection.objects.filter(workspace=membership.workspace_id)
    return list(there.order_by("-updated_at", "-id")[:MAX_OFFERED])


def collections_of_clip(membership: Membership, entry: LibraryEntry) -> list[Collection]:
    """The collections that a clip which the viewer sees is in, by name."""
    within = CollectionItem.objects.filter(entry=entry).values("collection")
    found = Collection.objects.filter(pk__in=within, workspace=membership.workspace_id)
    return sorted(found, key=lambda one: (one.name.casefold(), one.pk))


def clips_of_collection(
    membership: Membership, collection: Collection, *, length: int, after: int | None = None
) -> tuple[list[CollectionItem], bool]:
    """Those of a collection's clips that the viewer may see, in its order, and whether more follow.

    `after` is the position of an item. At most all of the collection's items are looked at, whose number is bounded.
    """
    items = _seen_items(membership).filter(collection=collection).order_by("position")
    items = items.select_related("entry", *(f"entry__{name}" for name in CLIP_RELATIONS))
    return page_of(items, length=length, after=() if after is None else (after,))


def clip_ids_of_collection(membership: Membership, collection: Collection) -> list[UUID]:
    """All clips of a collection that the viewer may see, in its order."""
    items = _seen_items(membership).filter(collection=collection).order_by("position")
    return list(items.values_list("entry__generation", flat=True))


def _seen_items(membership: Membership) -> QuerySet[CollectionItem]:
    return CollectionItem.objects.filter(is_listed_for(membership, "entry__"))


def _summarised(membership: Membership, rows: QuerySet[Collection]) -> QuerySet[Collection]:
    seen = _seen_items(membership).filter(collection=OuterRef("pk"))
    first = seen.order_by("position").values("entry")[:1]
    return rows.annotate(
        clip_count=CountUpTo(seen, MAX_COUNT),
        shown=Case(
            When(Exists(seen.filter(entry=OuterRef("cover"))), then=F("cover")),
            default=Subquery(first),
            output_field=BigIntegerField(),
        ),
    )


def _summaries(page: Sequence[Any]) -> list[CollectionSummary]:
    keys = [row.shown for row in page if row.shown is not None]
    covers = LibraryEntry.objects.filter(key__in=keys).select_related("generation__output")
    by_key = {entry.key: entry for entry in covers} if keys else {}
    return [CollectionSummary(collection=row, clip_count=row.clip_count, cover=by_key.get(row.shown)) for row in page]


# --- A clip -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Organised:
    """What a clip's page shows of this: how many people rated it, its tags and collections, and what is offered."""

    rating_count: int
    tags: list[Tag]
    collections: list[Collection]
    offered: list[Collection]


def organised_for_viewer(membership: Membership, entry: LibraryEntry) -> Organised:
    """What people made of a clip that the viewer sees. Four statements."""
    collections = collections_of_clip(membership, entry)
    within = {collection.pk for collection in collections}
    return Organised(
        rating_count=Rating.objects.filter(entry=entry).order_by()[:MAX_COUNT].count(),
        tags=tags_of_clip(membership, entry),
        collections=collections,
        offered=[collection for collection in latest_collections(membership) if collection.pk not in within],
    )


def favourite_count(membership: Membership) -> CountUpTo:
    """How many favourites the viewer sees, up to MAX_COUNT, as a part of a statement."""
    return CountUpTo(favourites_of(membership).filter(is_listed_for(membership, "entry__")), MAX_COUNT)


def collection_count(membership: Membership) -> CountUpTo:
    """How many collections the workspace has, up to MAX_COUNT, as a part of a statement."""
    return CountUpTo(Collection.objects.filter(workspace=membership.workspace_id), MAX_COUNT)
