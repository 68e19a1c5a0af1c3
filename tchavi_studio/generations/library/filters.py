"""What a list of the gallery is filtered and sorted by."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Q

from tchavi_studio.workspaces.models import Workspace
from tchavi_studio.workspaces.time_zones import zone_at

from .models import LibraryEntry, first_key_at
from .search import Search, parse_search


class Sort(StrEnum):
    """The order of a list. What is equal in it comes newest first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LONGEST = "longest"
    DEAREST = "dearest"
    BEST_RATED = "rated"

    @property
    def order(self) -> tuple[str, ...]:
        """The order, as `order_by` takes it."""
        columns = {Sort.LONGEST: "-billed_seconds", Sort.DEAREST: "-price_credits", Sort.BEST_RATED: "-rating"}
        if self == Sort.OLDEST:
            return ("key",)
        return (columns[self], "-key") if self in columns else ("-key",)

    @property
    def backward(self) -> tuple[str, ...]:
        """The same order from its end."""
        return tuple(name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in self.order)

    def position_of(self, entry: LibraryEntry) -> tuple[int, ...]:
        """Where a clip is in this order."""
        return tuple(getattr(entry, name.removeprefix("-")) for name in self.order)

    @property
    def is_by_time(self) -> bool:
        return self in (Sort.NEWEST, Sort.OLDEST)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the clips of a list must be like. None, False for `is_favourite`, or an empty text, asks for nothing.

    `since` and `until` are days, both included, of the workspace's time zone at that time. `stars` is the least that
    the mean is rounded to. `tag` and `collection` are ids, and `is_favourite` is about the viewer's own ones.
    """

    text: str = ""
    creator: int | None = None
    model: str | None = None
    outcome: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    billed_seconds: int | None = None
    has_sound: bool | None = None
    has_references: bool | None = None
    is_shared: bool | None = None
    since: date | None = None
    until: date | None = None
    stars: int | None = None
    tag: int | None = None
    collection: int | None = None
    is_favourite: bool = False

    @property
    def search(self) -> Search:
        return parse_search(self.text)

    @property
    def facets(self) -> list[Q]:
        """A condition for each filter that an index of its own serves."""
        wanted: dict[str, Any] = {
            "creator": self.creator,
            "model": self.model,
            "outcome": self.outcome,
            "aspect_ratio": self.aspect_ratio,
            "resolution": self.resolution,
            "billed_seconds": self.billed_seconds,
            "has_sound": self.has_sound,
            "has_references": self.has_references,
            "is_shared": self.is_shared,
        }
        # Of one value: SQLite can't look up `WHERE has_sound`, which Django would make of `= true`, in an index.
        return [Q(**{f"{name}__in": [value]}) for name, value in wanted.items() if value is not None]

    @property
    def has_stars(self) -> Q:
        """The condition that the clip has so many stars, or more; the index that sorts by rating serves it."""
        return Q() if self.stars is None else Q(rating__gte=100 * self.stars - 50)

    def is_made_in_time(self, workspace: Workspace, key: str = "key") -> Q:
        """The condition that the clip was made from `since` to `until`; `key` is where its key is."""
        condition = Q()
        if self.since:
            condition &= Q(**{f"{key}__gte": _first_key_of(self.since, workspace)})
        if self.until:
            condition &= Q(**{f"{key}__lt": _first_key_of(self.until + timedelta(days=1), workspace)})
        return condition


def _first_key_of(day: date, workspace: Workspace) -> int:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return first_key_at(datetime(day.year, day.month, day.day, tzinfo=zone_at(workspace, noon)))
