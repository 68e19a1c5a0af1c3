"""Which clips an act is about, always through what the viewer may see."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from tchavi_studio.generations.library.filters import Filters, Sort
from tchavi_studio.generations.library.pages import Position, library_count, library_page
from tchavi_studio.generations.models import IS_FOR_PEOPLE, Generation
from tchavi_studio.generations.queries import bin_for_viewer, microseconds, moment_at
from tchavi_studio.generations.visibility import Scope, visible_among
from tchavi_studio.long_lists import count_up_to
from tchavi_studio.workspaces.models import Membership

MAX_NAMED = 1_000
"""As many clips can be named; more are "all results" of a list."""

BIN = "bin"


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some of the clips, and where the next page starts; None after the last one."""

    clip_ids: list[UUID]
    next_position: int | None


@dataclass(frozen=True)
class Named:
    """Clips by their ids. What the viewer doesn't see is left out when they are read."""

    clip_ids: list[UUID]

    def page(self, membership: Membership, *, after: int | None, length: int) -> Page:
        start = after or 0
        end = start + length
        return Page(clip_ids=self.clip_ids[start:end], next_position=end if end < len(self.clip_ids) else None)

    def count(self, membership: Membership) -> int | None:
        return len(self.clip_ids)


@dataclass(frozen=True)
class Listed:
    """All clips of a list, newest first whatever its order; or those after a key, up to and including another."""

    scope: Scope
    filters: Filters
    after: int | None = None
    until: int | None = None

    def page(self, membership: Membership, *, after: int | None, length: int) -> Page:
        start = self.after if after is None else after
        position: Position | None = None if start is None else (start,)
        page = library_page(
            membership=membership,
            scope=self.scope,
            filters=self.filters,
            sort=Sort.NEWEST,
            length=length,
            after=position,
            relations=(),
        )
        entries, following = page.entries, page.next_position
        if self.until is not None:
            entries = [entry for entry in entries if entry.key >= self.until]
            following = following if following and following[0] > self.until else None
        return Page(
            clip_ids=[entry.generation_id for entry in entries],
            next_position=None if following is None else following[0],
        )

    def count(self, membership: Membership) -> int | None:
        """How many there are; None if that wasn't counted to the end."""
        found = library_count(membership=membership, scope=self.scope, filters=self.filters)
        return found.number if found.is_exact else None

    def as_json(self) -> dict[str, Any]:
        wanted = {one.name: getattr(self.filters, one.name) for one in fields(Filters)}
        texts = {name: value.isoformat() if isinstance(value, date) else value for name, value in wanted.items()}
        return {"scope": str(self.scope), "filters": texts}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Listed":
        texts = dict(kept["filters"])
        days = {name: date.fromisoformat(texts[name]) for name in ("since", "until") if texts[name]}
        return cls(scope=Scope(kept["scope"]), filters=Filters(**{**texts, **days}))


@dataclass(frozen=True)
class Binned:
    """Everything in the viewer's own bin, last deleted first. A position is a moment, in microseconds since 1970."""

    def page(self, membership: Membership, *, after: int | None, length: int) -> Page:
        """A page is a little longer than `length` if its last clips were deleted at once: no batch deletes more."""
        binned = bin_for_viewer(membership=membership)
        rest = binned if after is None else binned.filter(deleted_at__lt=moment_at(str(after)))
        found = list(rest.values_list("pk", "deleted_at")[: length + 1])
        deleted = [(pk, moment) for pk, moment in found if moment is not None]
        if len(deleted) <= length:
            return Page(clip_ids=[pk for pk, _moment in deleted], next_position=None)
        last = deleted[length - 1][1]
        clip_ids = [pk for pk, moment in deleted if moment > last]
        clip_ids += rest.filter(deleted_at=last).values_list("pk", flat=True)
        is_end = not rest.filter(deleted_at__lt=last).exists()
        return Page(clip_ids=clip_ids, next_position=None if is_end else microseconds(last))

    def count(self, membership: Membership) -> int | None:
        """How many there are; None if that wasn't counted to the end."""
        number = count_up_to(bin_for_viewer(membership=membership), MAX_NAMED + 1)
        return number if number <= MAX_NAMED else None

    def as_json(self) -> dict[str, Any]:
        return {"scope": BIN}


Selection = Named | Listed | Binned


def selection_from_json(kept: dict[str, Any]) -> Listed | Binned:
    """What `as_json` wrote of a list."""
    return Binned() if kept["scope"] == BIN else Listed.from_json(kept)


def clips_of(clip_ids: list[UUID], *, membership: Membership) -> QuerySet[Generation]:
    """Those of these clips that the viewer may see, in no order."""
    return visible_among(membership, clip_ids).filter(IS_FOR_PEOPLE)


def pages_of(selection: Selection, *, membership: Membership, length: int) -> Iterator[list[UUID]]:
    """The ids of all selected clips, page by page."""
    position = None
    while True:
        page = selection.page(membership, after=position, length=length)
        yield page.clip_ids
        position = page.next_position
        if position is None:
            return
