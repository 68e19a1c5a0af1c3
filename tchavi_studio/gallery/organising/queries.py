"""What the pages of collections show."""

from dataclasses import dataclass
from typing import Any

from tchavi_studio.gallery.positions import moment_and_number, position_text, whole_number
from tchavi_studio.gallery.queries import PAGE_LENGTH, Card, cards
from tchavi_studio.generations.models import Collection
from tchavi_studio.generations.organising.queries import (
    CollectionSummary,
    clips_of_collection,
    collection_for_viewer,
    collections_for_viewer,
)
from tchavi_studio.workspaces.models import Membership


@dataclass(frozen=True, kw_only=True)
class CollectionsPage:
    """Some of the workspace's collections. `next_page` is "" on the last page."""

    summaries: list[CollectionSummary]
    next_page: str


@dataclass(frozen=True, kw_only=True)
class CollectionPage:
    """A collection and some of its clips. `next_page` is "" on the last page."""

    summary: CollectionSummary
    cards: list[Card]
    next_page: str

    @property
    def next_query(self) -> str:
        """What leads to the next page."""
        return f"after={self.next_page}"

    @property
    def collection(self) -> Collection:
        return self.summary.collection


def collections_page(membership: Membership, *, before: str = "") -> CollectionsPage:
    """The workspace's collections, those that changed last first. Raises ValueError on a bad position."""
    after: tuple[Any, ...] = moment_and_number(before) if before else ()
    summaries, has_more = collections_for_viewer(membership, length=PAGE_LENGTH, after=after)
    last = summaries[-1].collection if has_more else None
    return CollectionsPage(summaries=summaries, next_page=position_text(last.updated_at, last.pk) if last else "")


def collection_page(membership: Membership, collection_id: int, *, after: str = "") -> CollectionPage:
    """A collection's clips that the viewer may see, in its order.

    Raises ValueError on a bad position, and Collection.DoesNotExist.
    """
    summary = collection_for_viewer(membership, collection_id)
    start = whole_number(after) if after else None
    items, has_more = clips_of_collection(membership, summary.collection, length=PAGE_LENGTH, after=start)
    return CollectionPage(
        summary=summary,
        cards=cards((item.entry.generation for item in items), membership=membership),
        next_page=position_text(items[-1].position) if has_more else "",
    )
