"""Reads of activity: a page of it, filtered, and all of it for an export."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from tchavi_studio.generations.visibility import visible_among
from tchavi_studio.workspaces.models import ActivityRow, Membership, User, Workspace
from tchavi_studio.workspaces.time_zones import zone_at

from .sentences import marked_sentence_of

ROWS_PER_PAGE = 50
ROWS_PER_READ = 1_000
MAX_PEOPLE = 100
"""As many members are offered by name; anybody else is found by a click on their name."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which rows: by whom, of which kind, on which days (both included, in the workspace's time zone)."""

    actor_id: int | None = None
    kind: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row as a page shows it. `clip_id` is the clip that it is about, if the viewer may see that one."""

    row: ActivityRow
    clip_id: UUID | None = None

    @cached_property
    def sentence(self) -> SafeString:
        return marked_sentence_of(self.row)


def activity_of(workspace: Workspace | None, wanted: Filter = Filter()) -> QuerySet[ActivityRow]:  # frozen
    """A workspace's activity, or the site's own (None), latest first.

    Rows are never dated before the row before them, so days are a range of sequence numbers, and each filter, with or
    without the others, is a range of one index.
    """
    rows = ActivityRow.objects.filter(workspace=workspace)
    found = rows
    if wanted.since is not None:
        after = rows.filter(created_at__gte=_midnight(workspace, wanted.since)).order_by("created_at", "sequence")
        first = after.values_list("sequence", flat=True).first()
        found = found.filter(sequence__gte=first) if first is not None else found.none()
    if wanted.until is not None:
        end = _midnight(workspace, wanted.until + timedelta(days=1))
        before = rows.filter(created_at__lt=end).order_by("-created_at", "-sequence")
        last = before.values_list("sequence", flat=True).first()
        found = found.filter(sequence__lte=last) if last is not None else found.none()
    if wanted.actor_id is not None:
        found = found.filter(actor=wanted.actor_id)
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    return found.select_related("actor", "subject").order_by("-sequence")


def _midnight(workspace: Workspace | None, day: date) -> datetime:
    moment = datetime.combine(day, time(), tzinfo=timezone.get_default_timezone())
    return moment if workspace is None else datetime.combine(day, time(), tzinfo=zone_at(workspace, moment))


def activity_page(
    rows: QuerySet[ActivityRow], *, before: int | None = None, length: int | None = None
) -> tuple[list[ActivityRow], int | None]:
    """A page of `rows` (ROWS_PER_PAGE, or `length`) after the sequence number `before`, and the one to go on from.

    That is None at the end.
    """
    length = length or ROWS_PER_PAGE
    found = list((rows if before is None else rows.filter(sequence__lt=before))[: length + 1])
    return found[:length], found[length - 1].sequence if len(found) > length else None


def lines_for(membership: Membership, rows: list[ActivityRow]) -> list[Line]:
    """Rows with the clips that the viewer may open. One query."""
    named = {row.reference for row in rows if row.kind.startswith("clip.") and row.reference}
    seen = set(visible_among(membership, named).values_list("pk", flat=True)) if named else set()
    return [Line(row=row, clip_id=row.reference if row.reference in seen else None) for row in rows]


def all_of(rows: QuerySet[ActivityRow]) -> Iterator[ActivityRow]:
    """All of `rows`, read a thousand at a time."""
    before = None
    while True:
        page, before = activity_page(rows, before=before, length=ROWS_PER_READ)
        yield from page
        if before is None:
            return


def people_to_filter_by(workspace: Workspace, *, chosen_id: int | None) -> list[User]:
    """The first MAX_PEOPLE members in the order in which they joined, and whoever is chosen: also a former member."""
    members = Membership.objects.filter(workspace=workspace).select_related("user").order_by("id")[:MAX_PEOPLE]
    people = [member.user for member in members]
    if chosen_id is not None and all(person.pk != chosen_id for person in people):
        # Only of those whose name the activity shows anyhow.
        row = ActivityRow.objects.filter(workspace=workspace, actor=chosen_id).select_related("actor").first()
        people += [row.actor] if row and row.actor else []
    return people
