"""Reads of the statement: a page of it, the rows one by one, and whom it can be filtered by."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import and_
from uuid import UUID

from django.db.models import Q, QuerySet

from tchavi_studio.accounting.reasons import reason_label
from tchavi_studio.generations.library.filters import Filters as ClipFilters
from tchavi_studio.generations.library.filters import Sort
from tchavi_studio.generations.library.pages import library_page
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.visibility import FEEDS, is_visible_to
from tchavi_studio.ledger.models import Account, Kind, StatementEntry
from tchavi_studio.ledger.statements import entries_for_viewer, sees_all_credits
from tchavi_studio.long_lists import page_of, rows_among, sparse_page_of
from tchavi_studio.workspaces.models import Membership, Permission, User

from .filters import Filters

ROWS_PER_PAGE = 50
ROWS_PER_READ = 1_000
MAX_EXAMINED = 20_000
"""With several filters, so many rows of the one that leads furthest are looked at for a page."""

FIELDS = (
    *(field.name for field in StatementEntry._meta.concrete_fields),
    "transfer__reason",
    *(f"member__{name}" for name in ("name", "email", "deleted_at")),
)
"""What is read of rows, and of their transfers and people."""

MAX_CLIPS_FOUND = 100
"""As many of the newest clips of each list are found by words."""

MAX_CHOICES = 100
"""As many members and API keys are offered by name; others are found by a click on theirs."""


@dataclass(frozen=True, kw_only=True)
class StatementRow:
    """One row as the page shows it. `clip` is set if the viewer may see it.

    Those who audit get a clip that they may not see as `private_clip`, for its figures alone. `is_deleted`
    distinguishes a permanently deleted clip from one the viewer may not see.
    """

    entry: StatementEntry
    clip: Generation | None
    private_clip: Generation | None
    is_deleted: bool

    @property
    def known_clip(self) -> Generation | None:
        """The clip whose figures may be shown."""
        return self.clip or self.private_clip

    @property
    def model(self) -> str:
        return MODELS.get(self.entry.model, "")

    @property
    def amount_credits(self) -> int:
        return abs(self.entry.change_credits)

    @property
    def reason(self) -> str:
        return reason_label(self.entry.transfer.reason, is_refund=self.entry.kind == Kind.REFUND)


@dataclass(frozen=True, kw_only=True)
class StatementPage:
    """A page of the statement, newest first. `newer` and `older` are the row numbers to go on from, None at the ends.

    `is_searched` is whether it ended because MAX_EXAMINED rows were looked at.
    """

    rows: list[StatementRow]
    newer: int | None
    older: int | None
    is_searched: bool = False


def statement_page(
    *,
    membership: Membership,
    wallet: Account | None,
    filters: Filters,
    before: int | None = None,
    after: int | None = None,
) -> StatementPage:
    """A page of the rows that the viewer may see and the filters let through, from the newest on or from a row number.

    `before` selects the rows older than that row, `after` those just newer; give at most one. New rows don't shift the
    pages, and every page costs the same.
    """
    rows = rows_for_viewer(membership, wallet, filters)
    if after is not None:
        nearest, end = _page(rows.order_by("row_number"), filters, (after,))
        found = nearest[::-1]
        newer, older = end, found[-1].row_number if found else None
    else:
        found, end = _page(rows, filters, (before,) if before is not None else ())
        newer, older = found[0].row_number if found and before is not None else None, end
    return StatementPage(
        rows=_shown(membership, found),
        newer=newer,
        older=older,
        is_searched=end is not None and len(found) < ROWS_PER_PAGE,
    )


def rows_for_viewer(membership: Membership, wallet: Account | None, filters: Filters) -> QuerySet[StatementEntry]:
    """The rows that the viewer may see, of the days and clips that the filters ask for; `_page` applies the others."""
    rows = filters.within(entries_for_viewer(membership, wallet, only_own=filters.only_own))
    if filters.text:
        rows = _of_clips(rows, _clips_found(membership, filters)).order_by("-row_number")
    return rows.select_related("transfer", "member").only(*FIELDS)


def _page(
    rows: QuerySet[StatementEntry], filters: Filters, place: tuple[int, ...], length: int | None = None
) -> tuple[list[StatementEntry], int | None]:
    """Up to `length` of the rows that the filters let through after a place, and the row number to go on from."""
    length = length or ROWS_PER_PAGE
    first, *others = [*filters.facets, Q()]
    walk, which = rows.filter(first), reduce(and_, others, Q())
    if filters.text:
        walk, which = rows.filter(first & which), Q()
    if not which:
        found, more = page_of(walk, length=length, after=place)
        return found, found[-1].row_number if more else None
    found, end = sparse_page_of(walk, which, length=length, max_examined=MAX_EXAMINED, after=place)
    return found, int(str(end[0])) if end else None


def all_rows(membership: Membership, wallet: Account | None, filters: Filters) -> Iterator[StatementEntry]:
    """All rows that the viewer may see and the filters let through, newest first, read a thousand at a time."""
    rows = rows_for_viewer(membership, wallet, filters)
    place: tuple[int, ...] = ()
    while True:
        found, end = _page(rows, filters, place, ROWS_PER_READ)
        yield from found
        if end is None:
            return
        place = (end,)


# --- Clips ------------------------------------------------------------------------------------------------------------


def _clips_found(membership: Membership, filters: Filters) -> list[UUID]:
    """The clip with the id that was searched for, or the newest ones that the viewer sees with the words in them."""
    if filters.clip_id is not None:
        return [filters.clip_id]
    asked = ClipFilters(text=filters.text)
    if not asked.search:
        return []
    return [
        entry.generation_id
        for scope in FEEDS
        for entry in library_page(
            membership=membership,
            scope=scope,
            filters=asked,
            sort=Sort.NEWEST,
            length=MAX_CLIPS_FOUND,
            relations=(),
        ).entries
    ]


def _of_clips(rows: QuerySet[StatementEntry], clip_ids: list[UUID]) -> QuerySet[StatementEntry]:
    """Those of the rows that charge or refund these clips: few."""
    ids = StatementEntry.objects.filter(transfer__reference__in=clip_ids).values_list("pk", flat=True)
    return rows_among(rows, ids)


def _shown(membership: Membership, entries: list[StatementEntry]) -> list[StatementRow]:
    references = [entry.reference for entry in entries if entry.reference]
    # By id alone: with the workspace beside it, a database may choose to read all of the workspace's clips.
    clips = Generation.objects.in_bulk(references)
    return [_row(membership, entry, clips.get(entry.reference)) for entry in entries]


def _row(membership: Membership, entry: StatementEntry, clip: Generation | None) -> StatementRow:
    if clip is not None and clip.workspace_id != membership.workspace_id:
        clip = None
    is_visible = clip is not None and is_visible_to(membership, clip)
    return StatementRow(
        entry=entry,
        clip=clip if is_visible else None,
        private_clip=clip if not is_visible and membership.can(Permission.AUDIT) else None,
        is_deleted=clip is None,
    )


# --- What can be chosen -----------------------------------------------------------------------------------------------


def people_to_choose(membership: Membership) -> dict[int, User]:
    """The members to filter by, by their ids: the first MAX_CHOICES; none for who sees only their own rows."""
    if not sees_all_credits(membership):
        return {}
    members = Membership.objects.filter(workspace=membership.workspace_id).select_related("user").order_by("id")
    return {member.user_id: member.user for member in members[:MAX_CHOICES]}


def keys_to_choose(membership: Membership) -> dict[UUID, str]:
    """The names of the API keys to filter by: the first MAX_CHOICES that the viewer may know of."""
    keys = membership.workspace.api_keys.filter(is_test=False).order_by("created_at")
    if not sees_all_credits(membership):
        keys = keys.filter(user=membership.user_id)
    return dict(keys.values_list("pk", "name")[:MAX_CHOICES])
