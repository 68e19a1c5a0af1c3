"""Reads for pages of clips; each begins with the workspace and the person who looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.generations.models import OPEN_STATES, Generation, State
from tchavi_studio.generations.queries import (
    Estimate,
    bin_for_viewer,
    clips_for_viewer,
    first_cursor,
    state_counts,
    waiting_estimates,
)
from tchavi_studio.workspaces.models import User, Workspace

PAGE_LENGTH = 24

SHOWN_STATES: dict[str, frozenset[str]] = {
    "all": frozenset(State.values),
    "running": frozenset(OPEN_STATES),
    "failed": frozenset({State.FAILED}),
    "done": frozenset({State.COMPLETED}),
}
"""What each filter of the feed shows."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A clip as the grid shows it, with how long it will take if that can be told honestly."""

    clip: Generation
    estimate: Estimate | None


@dataclass(frozen=True, kw_only=True)
class Pill:
    """One filter of the feed; `is_bright` draws the eye to its count."""

    show: str
    label: str
    count: int | None
    is_current: bool
    is_bright: bool = False


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A page of clips and what keeps it true while it is open.

    `cursor` and `since` go with the page's poller: how far it has seen, and when it was opened (microseconds since
    1970; younger clips are added to it). `next_page` is "" on the last page.
    """

    show: str
    cards: list[Card]
    pills: list[Pill]
    next_page: str = ""
    cursor: str = ""
    since: int = 0
    has_open: bool = False


def cards(clips: Iterable[Generation]) -> list[Card]:
    """Cards of `clips`, in their order; one query for all estimates."""
    found = list(clips)
    estimates = waiting_estimates(found)
    return [Card(clip=clip, estimate=estimates.get(clip.pk)) for clip in found]


def pills_for_viewer(*, workspace: Workspace, viewer: User, show: str) -> list[Pill]:
    """The feed's filters with how many clips each would show."""
    counts = state_counts(workspace=workspace, viewer=viewer)
    labels = {"all": _("All"), "running": _("Running"), "failed": _("Failed"), "done": _("Done")}
    return [
        Pill(
            show=key,
            label=label,
            count=counts.get(key) or None,
            is_current=key == show,
            is_bright=key in ("running", "failed"),
        )
        for key, label in labels.items()
    ]


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970: how moments are written in addresses, exact and sortable."""
    since_1970 = moment - datetime.fromtimestamp(0, tz=UTC)
    return (since_1970.days * 86_400 + since_1970.seconds) * 1_000_000 + since_1970.microseconds


def page_token(clip: Generation, moment: datetime) -> str:
    """Names the place after `clip` in a list sorted by a moment and then by id, newest first."""
    return f"{microseconds(moment)}.{clip.pk.hex}"


def _read_page_token(token: str) -> tuple[datetime, UUID]:
    """Raises ValueError on anything that `page_token` did not make."""
    moment, dot, pk = token.partition(".")
    if not dot:
        raise ValueError(token)
    try:
        return datetime.fromtimestamp(0, tz=UTC) + timedelta(microseconds=int(moment)), UUID(hex=pk)
    except OverflowError as error:
        raise ValueError(token) from error


def _page(clips: QuerySet[Generation], moment_field: str, before: str) -> tuple[list[Generation], str]:
    """One page of `clips`, which are sorted by `moment_field` and id, newest first; and the token of the next, or ""."""
    if before:
        moment, pk = _read_page_token(before)
        clips = clips.filter(Q(**{f"{moment_field}__lt": moment}) | Q(**{moment_field: moment}, id__lt=pk))
    rows = list(clips[: PAGE_LENGTH + 1])
    page = rows[:PAGE_LENGTH]
    return page, page_token(page[-1], getattr(page[-1], moment_field)) if len(rows) > PAGE_LENGTH else ""


def feed_for_viewer(*, workspace: Workspace, viewer: User, show: str = "all", before: str = "") -> Feed:
    """The viewer's clips, newest first, from the place that the page token `before` names.

    An unknown `show` is "all", as a link from elsewhere may have one. Raises ValueError on a bad token.
    """
    show = show if show in SHOWN_STATES else "all"
    since = microseconds(timezone.now())
    cursor = first_cursor(workspace=workspace, viewer=viewer)
    clips = clips_for_viewer(workspace=workspace, viewer=viewer)
    if show != "all":
        clips = clips.filter(state__in=SHOWN_STATES[show])
    page, next_page = _page(clips, "created_at", before)
    pills = pills_for_viewer(workspace=workspace, viewer=viewer, show=show)
    return Feed(
        show=show,
        cards=cards(page),
        pills=pills,
        next_page=next_page,
        cursor=str(cursor),
        since=since,
        has_open=any(pill.show == "running" and pill.count for pill in pills),
    )


def binned_for_viewer(*, workspace: Workspace, viewer: User, before: str = "") -> Feed:
    """The viewer's deleted clips, last deleted first. Nothing in the bin changes by itself, so it has no cursor."""
    page, next_page = _page(bin_for_viewer(workspace=workspace, viewer=viewer), "deleted_at", before)
    return Feed(show="bin", cards=[Card(clip=clip, estimate=None) for clip in page], pills=[], next_page=next_page)
