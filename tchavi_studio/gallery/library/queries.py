"""What a gallery page shows: a list's clips by month, takes stacked, with counts and ways to other lists."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from math import log2
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.gallery.queries import Card, Feed, Listing, cards, waits_token
from tchavi_studio.gallery.requests import RequestCards, request_cards
from tchavi_studio.generations.bulk.waiting import waiting_clips
from tchavi_studio.generations.library.filters import Sort
from tchavi_studio.generations.library.models import LibraryEntry, LibraryMonth, first_key_at, moment_of
from tchavi_studio.generations.library.pages import (
    MAX_COUNT,
    Count,
    Position,
    clips_beside,
    entries_among,
    library_count,
    library_page,
    months_of_lists,
    newer_position,
    position_text,
)
from tchavi_studio.generations.models import State
from tchavi_studio.generations.orders import MAX_VARIATIONS
from tchavi_studio.generations.organising.queries import collection_count, favourite_count
from tchavi_studio.generations.queries import clips_for_viewer, first_cursor, followed_feeds, microseconds
from tchavi_studio.generations.visibility import FEEDS, Scope
from tchavi_studio.long_lists import CountUpTo
from tchavi_studio.workspaces.models import Membership
from tchavi_studio.workspaces.time_zones import beginning_of, month_of, zone_at

from .address import RARE, Browse

PAGE_LENGTH = 24
RAIL_LEVELS = 8


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A clip in the grid, or the finished takes of one submission on a stack."""

    takes: list[Card]

    @property
    def card(self) -> Card:
        return self.takes[0]


@dataclass(frozen=True, kw_only=True)
class Section:
    """The part of a page that belongs to one month; without `month` if the list isn't sorted by time.

    `has_heading` is False if the page before it ended in the same month. `counted` is the whole month, of an unfiltered
    list.
    """

    month: date | None
    tiles: list[Tile]
    has_heading: bool = False
    counted: LibraryMonth | None = None


@dataclass(frozen=True, kw_only=True)
class RailMonth:
    """A month of the rail. `level` is how high it is, from 0 to RAIL_LEVELS; `is_shown` while its clips are first."""

    month: date
    query: str
    level: int
    starts_year: bool
    is_shown: bool


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What is counted for the page beside its clips, each number up to a bound. `has_open` is of the list's feed, and
    `waiting_count` of the viewer's clips that can be cancelled."""

    has_open: bool
    waiting_count: int
    favourite_count: int
    collection_count: int


@dataclass(frozen=True, kw_only=True)
class Library:
    """A page of a list. `next_query` and `newer_query` lead to the pages around it, "" if there are none.

    `searched_to` is when the last clip that was looked at was made, if filters were stopped before the list's end.
    """

    browse: Browse
    sections: list[Section]
    next_query: str
    searched_to: datetime | None
    newer_query: str = ""
    is_top: bool = True
    feed: Feed | None = None
    figures: Figures | None = None
    count: str = ""
    tab_counts: dict[str, str] = field(default_factory=dict)
    rail: list[RailMonth] = field(default_factory=list)

    @property
    def clip_count(self) -> int:
        """How many clips this part has."""
        return sum(len(tile.takes) for section in self.sections for tile in section.tiles)

    @property
    def last_month(self) -> date | None:
        """The month of its last clip, if the list is by time."""
        return self.sections[-1].month if self.sections else None

    @property
    def without_text_query(self) -> str:
        return self.browse.without("text").query

    @property
    def cards_query(self) -> str:
        return self.browse.as_table(is_table=False).query

    @property
    def table_query(self) -> str:
        return self.browse.as_table(is_table=True).query

    @property
    def active_count(self) -> int:
        """How many chips have a value."""
        return len({"days" if name in ("since", "until") else name for name in self.browse.active} - {"text"})

    @property
    def active_rare_count(self) -> int:
        """How many of them are filters that stand behind "More filters"."""
        return len(RARE.intersection(self.browse.active))


def library_for_viewer(*, membership: Membership, browse: Browse, after: Position | None = None) -> Library:
    """A whole gallery page, starting after a position of an earlier one."""
    # Read before the clips, so that a change in between is told twice rather than never.
    cursor = first_cursor(membership=membership, scope=browse.scope)
    since = microseconds(timezone.now()) if after is None and browse.sort == Sort.NEWEST else 0
    listing = listing_of(membership, browse)
    figures = _figures(membership, browse.scope)
    all_months = months_of_lists(membership)
    months = all_months.get(browse.scope, [])
    part = _part(membership, browse, after, months)
    shown = [card for section in part.sections for tile in section.tiles for card in tile.takes]
    feed = Feed(
        scope=browse.scope,
        show="all",
        cards=shown,
        pills=[],
        next_page="",
        cursor=str(cursor),
        since=since,
        has_open=figures.has_open,
        waits=waits_token(shown),
        requests=request_cards(membership=membership, show="all") if listing.has_requests and since else RequestCards(),
        address=listing.address,
    )
    return replace(
        part,
        feed=feed,
        figures=figures,
        newer_query=_newer_query(membership, browse, after) if after else "",
        is_top=after is None,
        count=_count_text(_count(membership, browse, months)),
        tab_counts=_tab_counts(figures, all_months),
        rail=_rail(membership, browse, months, part.sections),
    )


@dataclass(frozen=True, kw_only=True)
class PlaceInList:
    """Where a clip is in the list that its page was opened from. The ids are of the clips around it, if there are any.

    `list_query` leads to the page of the list that shows it, and `text` says its place, "" if nobody counted so far.
    """

    browse: Browse
    list_query: str
    previous_id: UUID | None
    next_id: UUID | None
    text: str


def place_in_list(entry: LibraryEntry, *, membership: Membership, browse: Browse) -> PlaceInList:
    """A clip's place in a list, and the way back there."""
    beside = clips_beside(entry, membership=membership, scope=browse.scope, filters=browse.filters, sort=browse.sort)
    text = ""
    if beside.number is not None:
        count = _count(membership, browse, months_of_lists(membership).get(browse.scope, []))
        total = number_format(count.number)
        if not count.is_exact or count.number > MAX_COUNT:
            total = _("%(count)s+") % {"count": number_format(min(count.number, MAX_COUNT))}
        text = _("%(number)s of %(total)s") % {"number": number_format(beside.number), "total": total}
    is_on_first_page = beside.before is None or (beside.number is not None and beside.number <= PAGE_LENGTH)
    return PlaceInList(
        browse=browse,
        list_query=browse.query
        if is_on_first_page or beside.before is None
        else _query(browse, browse.sort.position_of(beside.before)),
        previous_id=beside.before.generation_id if beside.before else None,
        next_id=beside.after.generation_id if beside.after else None,
        text=text,
    )


def listing_of(membership: Membership, browse: Browse) -> Listing:
    """What the poller of such a page has to know."""

    def shown_among(generation_ids: list[UUID]) -> set[UUID]:
        entries = entries_among(generation_ids, membership=membership, scope=browse.scope, filters=browse.filters)
        return set(entries.values_list("generation", flat=True))

    is_plain = browse == Browse()
    return Listing(
        address=f"list=gallery&{browse.query}",
        name=browse.name,
        has_requests=is_plain,
        is_table=browse.is_table,
        shown_among=shown_among,
    )


def library_part_for_viewer(*, membership: Membership, browse: Browse, after: Position) -> Library:
    """Just the next clips, for a page that is already open."""
    return _part(membership, browse, after, months_of_lists(membership).get(browse.scope, []))


def _query(browse: Browse, after: Position) -> str:
    return urlencode({**browse.parameters, "after": position_text(after)})


def _newer_query(membership: Membership, browse: Browse, after: Position) -> str:
    newer = newer_position(
        membership=membership,
        scope=browse.scope,
        filters=browse.filters,
        sort=browse.sort,
        length=PAGE_LENGTH,
        after=after,
    )
    return _query(browse, newer) if newer else browse.query


def _part(membership: Membership, browse: Browse, after: Position | None, months: list[LibraryMonth]) -> Library:
    page = library_page(
        membership=membership,
        scope=browse.scope,
        filters=browse.filters,
        sort=browse.sort,
        length=PAGE_LENGTH + MAX_VARIATIONS - 1,
        after=after,
    )
    entries = _whole_submissions(page.entries)
    is_cut = len(entries) < len(page.entries)
    next_position = browse.sort.position_of(entries[-1]) if is_cut else page.next_position
    return Library(
        browse=browse,
        sections=_sections(membership, browse, entries, after, months),
        next_query=_query(browse, next_position) if next_position else "",
        searched_to=None if is_cut else page.searched_to,
    )


def _whole_submissions(entries: list[LibraryEntry]) -> list[LibraryEntry]:
    """About PAGE_LENGTH of the entries, so that no stack is torn between two pages."""
    for number in range(PAGE_LENGTH, len(entries)):
        if entries[number].generation.submission_id != entries[number - 1].generation.submission_id:
            return entries[:number]
    return entries


def _sections(
    membership: Membership,
    browse: Browse,
    entries: list[LibraryEntry],
    after: Position | None,
    months: list[LibraryMonth],
) -> list[Section]:
    shown = {card.clip.pk: card for card in cards((entry.generation for entry in entries), membership=membership)}
    counted = {} if browse.is_filtered else {month.month: month for month in months}
    last_month = month_of(membership.workspace, moment_of(after[-1])) if after else None
    sections = []
    for month, group in groupby(entries, lambda entry: entry.month if browse.sort.is_by_time else None):
        sections.append(
            Section(
                month=month,
                tiles=list(_tiles([shown[entry.generation_id] for entry in group])),
                has_heading=month is not None and month != last_month,
                counted=counted.get(month) if month else None,
            )
        )
        last_month = month
    return sections


def _tiles(shown: Iterable[Card]) -> Iterable[Tile]:
    """Finished takes of one submission lie on each other. What is still being made shows how far it is, one by one."""
    for _submission, group in groupby(shown, lambda card: card.clip.submission_id):
        takes = list(group)
        if all(card.clip.state == State.COMPLETED for card in takes):
            yield Tile(takes=takes)
        else:
            yield from (Tile(takes=[card]) for card in takes)


# --- Counts and the rail ----------------------------------------------------------------------------------------------


def _count(membership: Membership, browse: Browse, months: list[LibraryMonth]) -> Count:
    if not browse.is_filtered and browse.scope in FEEDS:
        return Count(number=sum(month.clip_count for month in months), is_exact=True)
    return library_count(membership=membership, scope=browse.scope, filters=browse.filters)


def _count_text(count: Count) -> str:
    number = number_format(count.number)
    if count.is_exact:
        return ngettext("%(count)s clip", "%(count)s clips", count.number) % {"count": number}
    if count.number >= MAX_COUNT:
        return _("%(count)s+ clips") % {"count": number_format(MAX_COUNT)}
    return ngettext("at least %(count)s clip", "at least %(count)s clips", count.number) % {"count": number}


def _figures(membership: Membership, scope: Scope) -> Figures:
    """One statement."""
    own_feed, *_others = followed_feeds(scope)
    counted = Membership.objects.values_list(
        Exists(clips_for_viewer(membership=membership, scope=own_feed, show="running")),
        CountUpTo(waiting_clips(membership), MAX_COUNT),
        favourite_count(membership),
        collection_count(membership),
    )
    has_open, waiting, favourites, collections = counted.get(pk=membership.pk)
    return Figures(has_open=has_open, waiting_count=waiting, favourite_count=favourites, collection_count=collections)


def _tab_counts(figures: Figures, months: dict[Scope, list[LibraryMonth]]) -> dict[str, str]:
    counts = {scope.value: sum(month.clip_count for month in found) for scope, found in months.items()}
    counts |= {"favourites": figures.favourite_count, "collections": figures.collection_count}
    return {name: _tab_count(count) if count else "" for name, count in counts.items()}


def _tab_count(count: int) -> str:
    # Translators: at least so many, e.g. "1,000+".
    return number_format(count) if count < MAX_COUNT else _("%(count)s+") % {"count": number_format(MAX_COUNT)}


def _rail(
    membership: Membership, browse: Browse, months: list[LibraryMonth], sections: list[Section]
) -> list[RailMonth]:
    """Every month of the list. Of a filtered one nobody knows how many clips match, so all months are the same."""
    if browse.sort != Sort.NEWEST:
        return []
    most = max((month.clip_count for month in months), default=1)
    shown = next((section.month for section in sections), None)
    rail = []
    for number, month in enumerate(months):
        level = 0 if browse.is_filtered else round(RAIL_LEVELS * log2(1 + month.clip_count) / log2(1 + most))
        rail.append(
            RailMonth(
                month=month.month,
                query=_query(browse, (_first_key_after(membership, month.month),)) if number else browse.query,
                level=level,
                starts_year=number > 0 and months[number - 1].month.year != month.month.year,
                is_shown=month.month == shown,
            )
        )
    return rail


def _first_key_after(membership: Membership, month: date) -> int:
    """The key at which the month that follows begins."""
    following = (month + timedelta(days=32)).replace(day=1)
    noon = datetime(month.year, month.month, 28, 12, tzinfo=UTC)
    return first_key_at(beginning_of(following, zone_at(membership.workspace, noon)))
