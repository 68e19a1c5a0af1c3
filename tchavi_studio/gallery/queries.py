"""Reads for pages of clips, always through the viewer's membership."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tchavi_studio.generations.lineage import Lineage, lineage_for_viewer
from tchavi_studio.generations.models import OPEN_STATES, Engine, Generation, GenerationReference, State
from tchavi_studio.generations.organising.queries import (
    NO_MARKS,
    Marks,
    Organised,
    marks_for_viewer,
    organised_for_viewer,
)
from tchavi_studio.generations.params import GenerationParams
from tchavi_studio.generations.prices import quote
from tchavi_studio.generations.queries import (
    MAX_CHANGES,
    MAX_COUNT,
    MOMENTS,
    OVERLAP,
    Cursor,
    Estimate,
    Wait,
    bin_for_viewer,
    changed_clips,
    clip_counts,
    clip_for_viewer,
    clips_among,
    clips_for_viewer,
    clips_in_line,
    first_cursor,
    followed_feeds,
    has_open_clips,
    microseconds,
    moment_at,
    provider_waits,
    waiting_estimates,
)
from tchavi_studio.generations.visibility import FEEDS, Scope
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import transfers_for_reference
from tchavi_studio.ledger.statements import sees_all_credits
from tchavi_studio.long_lists import page_of
from tchavi_studio.notices.models import Notice
from tchavi_studio.workspaces.models import Membership

from .phases import Phase, phase_of
from .requests import RequestCards, request_cards
from .shot_list import ShotRow, shot_list_of

PAGE_LENGTH = 24

SHOWN_STATES: dict[str, frozenset[str]] = {
    "all": frozenset(State.values),
    "running": frozenset(OPEN_STATES),
    "failed": frozenset({State.FAILED}),
    "done": frozenset({State.COMPLETED}),
}
"""The states that each filter of the feed shows."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A clip as the grid shows it, with an estimate of how long it will take if there is an honest one.

    `wait` is set while the clip waits for the provider, `phase` while it is open. `marks` are the viewer's.
    """

    clip: Generation
    estimate: Estimate | None = None
    wait: Wait | None = None
    marks: Marks = NO_MARKS

    @property
    def phase(self) -> Phase | None:
        return phase_of(self.clip, self.wait) if self.clip.is_open else None

    @property
    def wait_token(self) -> str:
        """Changes when the displayed wait does, even if the row doesn't: "3", or "account" while that is paused."""
        if self.wait is None:
            return ""
        return "account" if self.wait.for_account else str(self.wait.place)

    @property
    def real_price_credits(self) -> int | None:
        """For a free preview, what the real clip would cost; otherwise None."""
        clip = self.clip
        if settings.STUDIO_MODE != "live" or clip.engine != Engine.PREVIEW or clip.state != State.COMPLETED:
            return None
        asked = GenerationParams(
            model=clip.model,
            prompt=clip.prompt,
            duration_seconds=clip.duration_seconds,
            resolution=clip.resolution,
            aspect_ratio=clip.aspect_ratio,
            generate_audio=clip.generate_audio,
        )
        return quote(asked).total_credits


@dataclass(frozen=True, kw_only=True)
class Pill:
    """One filter of the feed. `count` is "" if there is nothing to count; `is_bright` highlights it."""

    show: str
    label: str
    count: str
    is_current: bool
    is_bright: bool


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A page of clips, and what the page needs to stay up to date while it is open.

    The poller sends `cursor`, `since` and `waits`: the changes it has seen, the time (microseconds since 1970) from
    which new clips are added on top (0 adds none), and the waits it shows. `next_page` is "" on the last page.
    """

    scope: Scope
    show: str
    cards: list[Card]
    pills: list[Pill]
    next_page: str
    cursor: str
    since: int
    has_open: bool
    waits: str = ""
    requests: RequestCards = field(default_factory=RequestCards)
    address: str = ""
    """What the poller sends of the page besides what it has seen; "" for a feed of latest clips."""
    has_more_changes: bool = False
    """Whether the answer to the poller was full, so that the rest should be asked for at once."""

    @property
    def query(self) -> str:
        """What the poller sends besides what it has seen."""
        return self.address or f"{self.scope_query}show={self.show}"

    @property
    def next_query(self) -> str:
        """What leads to the next page."""
        return f"{self.scope_query}show={self.show}&before={self.next_page}"

    @property
    def is_live(self) -> bool:
        """Whether the page stays up to date with what others do, beyond the clips that are being made."""
        return self.scope != Scope.MINE or bool(self.address)

    @property
    def scope_query(self) -> str:
        """The scope in the query of a link, "" for the viewer's own clips."""
        return "" if self.scope == Scope.MINE else f"scope={self.scope}&"

    @property
    def poll(self) -> str:
        """How the page's poller works: "now" if there is more to tell; "on"; "slow" while it only waits for what others
        do; or "off"."""
        if self.has_more_changes:
            return "now"
        if self.has_open or self.requests.any_wait:
            return "on"
        return "slow" if self.is_live else "off"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a gallery page shows, for its poller: its address, what its clips are opened from (see `Browse.name`),
    whether requests stand above it, whether it is a table, and which of some clips are in it."""

    address: str
    name: str
    has_requests: bool
    is_table: bool
    shown_among: Callable[[list[UUID]], Collection[UUID]]


@dataclass(frozen=True, kw_only=True)
class BinPage:
    """A page of the bin. It needs no poller."""

    clips: list[Generation]
    next_page: str

    @property
    def next_query(self) -> str:
        """What leads to the next page."""
        return f"before={self.next_page}"


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What an open page has to update. `added` clips are also in `changed`; `finished` and `failed` just ended.

    `gone` clips are no longer in any list of the page's scope. `waiting` clips are unchanged, but their places in line
    may have moved. `has_new_requests` if the viewer's requests for approval are others than on the page.
    """

    changed: list[Card]
    gone: list[Generation]
    waiting: list[Card]
    added: list[Card]
    finished: list[Generation]
    failed: list[Generation]
    feed: Feed
    has_new_requests: bool = False


@dataclass(frozen=True, kw_only=True)
class ClipDetail:
    """Everything the clip page shows."""

    card: Card
    references: list[GenerationReference]
    lineage: Lineage
    transfers: list[Transfer]
    may_see_rows: bool
    """Whether the viewer finds these transfers in the statement."""
    organised: Organised
    shots: list[ShotRow]
    """What the preview engine read in the prompt; [] for clips that it didn't draw from words alone."""

    @property
    def next_children(self) -> str:
        """The token of the next page of children, "" on the last one."""
        after = self.lineage.page.after
        return page_token(after[1], after[0]) if after else ""

    @property
    def per_second_credits(self) -> int:
        """What each billed second cost."""
        return self.card.clip.price_credits // self.card.clip.billed_seconds


# --- Pages: a new clip neither repeats nor hides others on the next one -----------------------------------------------


def page_token(clip_id: UUID, moment: datetime) -> str:
    """The position after a clip in a list sorted by time and then id, newest first."""
    return f"{microseconds(moment)}.{clip_id.hex}"


def read_page_token(token: str) -> tuple[datetime, UUID]:
    """Raises ValueError if `page_token` didn't make it."""
    moment, _dot, pk = token.partition(".")
    return moment_at(moment), UUID(hex=pk)


def _page(clips: QuerySet[Generation], moment_field: str, before: str) -> tuple[list[Generation], str]:
    """A page of `clips`, sorted by `moment_field` and id, newest first; and the next page's token, or ""."""
    page, has_more = page_of(clips, length=PAGE_LENGTH, after=read_page_token(before) if before else ())
    return page, page_token(page[-1].pk, getattr(page[-1], moment_field)) if has_more else ""


# --- The feed ---------------------------------------------------------------------------------------------------------


def cards(clips: Iterable[Generation], *, membership: Membership) -> list[Card]:
    """Cards for `clips`, in order, as the viewer sees them.

    One query for all marks and one for all estimates, and a few more if any clip waits for the provider.
    """
    found = list(clips)
    estimates, waits = waiting_estimates(found), provider_waits(found)
    marks = marks_for_viewer(membership, [clip.entry.key for clip in found])
    return [
        Card(
            clip=clip,
            estimate=estimates.get(clip.pk),
            wait=waits.get(clip.pk),
            marks=marks.get(clip.entry.key, NO_MARKS),
        )
        for clip in found
    ]


def waits_token(shown: Iterable[Card]) -> str:
    """A digest of the waits that a page shows, to tell when they change; "" if nothing waits."""
    waits = sorted(f"{card.clip.pk.hex}:{card.wait_token}" for card in shown if card.wait)
    return hashlib.sha256(" ".join(waits).encode()).hexdigest()[:16] if waits else ""


def _waiting_for_provider(*, membership: Membership, scope: Scope) -> list[Generation]:
    """A scope's latest clips in line for the provider; none in the sandbox."""
    if settings.STUDIO_MODE != "live":
        return []
    return list(clips_in_line(membership=membership, scope=scope)[:MAX_CHANGES])


def valid_scope(scope: str) -> Scope:
    """`scope` if a feed can show it, else the viewer's own clips."""
    return Scope(scope) if scope in FEEDS else Scope.MINE


def valid_show(show: str) -> str:
    """`show` if it is one of the feed's filters, else "all"."""
    return show if show in SHOWN_STATES else "all"


def _pills(counts: dict[str, int], *, show: str) -> list[Pill]:
    labels = {
        "all": _("All"),
        "running": _("Running"),
        "failed": pgettext("clips", "Failed"),
        "done": pgettext("clips", "Done"),
    }
    return [
        Pill(
            show=name,
            label=label,
            count=_count_label(counts.get(name, 0)),
            is_current=name == show,
            is_bright=name in ("running", "failed"),
        )
        for name, label in labels.items()
    ]


def _count_label(count: int) -> str:
    if count < MAX_COUNT:
        return number_format(count) if count else ""
    # Translators: at least so many, e.g. "1,000+".
    return _("%(count)s+") % {"count": number_format(MAX_COUNT)}


def feed_for_viewer(*, membership: Membership, scope: Scope = Scope.MINE, show: str = "all", before: str = "") -> Feed:
    """The clips of a scope, the latest first, starting after the page token `before`.

    Raises ValueError on a bad token.
    """
    show = valid_show(show)
    since = 0 if before else microseconds(timezone.now())
    cursor = first_cursor(membership=membership, scope=scope)
    page, next_page = _feed_page(membership=membership, scope=scope, show=show, before=before)
    counts = clip_counts(membership=membership, scope=scope)
    shown = cards(page, membership=membership)
    return Feed(
        scope=scope,
        show=show,
        cards=shown,
        pills=_pills(counts, show=show),
        next_page=next_page,
        cursor=str(cursor),
        since=since,
        has_open=counts["running"] > 0,
        waits=waits_token(shown),
        requests=_requests(membership=membership, scope=scope, show=show, is_top=not before),
    )


def _requests(*, membership: Membership, scope: Scope, show: str, is_top: bool) -> RequestCards:
    """The viewer's requests for approval, above their own latest clips. No other page shows any."""
    return request_cards(membership=membership, show=show) if is_top and scope == Scope.MINE else RequestCards()


def older_cards_for_viewer(*, membership: Membership, scope: Scope, show: str, before: str) -> Feed:
    """Just the cards of the next page, for a feed that is already open. Raises ValueError on a bad token."""
    show = valid_show(show)
    page, next_page = _feed_page(membership=membership, scope=scope, show=show, before=before)
    shown = cards(page, membership=membership)
    return Feed(scope=scope, show=show, cards=shown, pills=[], next_page=next_page, cursor="", since=0, has_open=False)


def _feed_page(*, membership: Membership, scope: Scope, show: str, before: str) -> tuple[list[Generation], str]:
    return _page(clips_for_viewer(membership=membership, scope=scope, show=show), MOMENTS[scope], before)


def watch_for_viewer(*, membership: Membership) -> Feed:
    """What the poller needs on a clip's page: to hear of any clip that the viewer sees. Its first request learns the
    waits."""
    scope = Scope.FAVOURITES
    return Feed(
        scope=scope,
        show="all",
        cards=[],
        pills=[],
        next_page="",
        cursor=str(first_cursor(membership=membership, scope=scope)),
        since=0,
        has_open=has_open_clips(membership=membership),
    )


def changes_for_viewer(
    *,
    membership: Membership,
    scope: Scope = Scope.MINE,
    show: str,
    cursor: Cursor,
    since: int,
    waits: str = "",
    asks: str = "",
    listing: Listing | None = None,
    marked: Collection[UUID] = (),
) -> Changes | None:
    """Changes to a scope's clips after `cursor`, for a page opened at `since`. None if there are none.

    Places in line also move when other people's clips do: if `waits`, the digest of what the page shows, is out of
    date, every waiting clip is returned. `asks` is the token of the requests that it shows. `listing` is what a gallery
    page asks for. `marked` are clips that the viewer marked in another tab, of which no cursor tells. Once no clip is
    open and no request waits, there is always an answer for a feed of the viewer's own latest clips: it stops the
    polling.
    """
    show = valid_show(show)
    own_feed, *_others = followed_feeds(scope)
    listed, next_cursor = changed_clips(membership=membership, scope=scope, cursor=cursor)
    told = {clip.pk for clip in listed}
    remarked = clips_among(set(marked) - told, membership=membership) if marked else []
    gone = [clip for clip in listed if not _is_shown(membership, clip, scope)]
    clips = [clip for clip in [*listed, *remarked] if _is_shown(membership, clip, scope)]
    known = {clip.pk for clip in clips}
    queued = _waiting_for_provider(membership=membership, scope=own_feed)
    found = cards([*clips, *(clip for clip in queued if clip.pk not in known)], membership=membership)
    token = waits_token(found)
    has_requests = since > 0 and (listing is None or listing.has_requests)
    requests = _requests(membership=membership, scope=scope, show=show, is_top=has_requests)
    feed = Feed(
        scope=scope,
        show=show,
        cards=[],
        pills=[],
        next_page="",
        cursor=str(next_cursor),
        since=since,
        has_open=False,
        waits=token,
        requests=requests,
        address=listing.address if listing else "",
        has_more_changes=len(listed) >= MAX_CHANGES,
    )
    is_same = not clips and not gone and token == waits and requests.token == asks
    goes_on = feed.is_live or requests.any_wait
    if is_same and (goes_on or has_open_clips(membership=membership, scope=own_feed)):
        return None
    changed, unchanged = found[: len(clips)], found[len(clips) :]

    def may_be_added(clip: Generation) -> bool:
        is_new = scope in FEEDS and microseconds(getattr(clip, MOMENTS[scope])) >= since
        return clip.state in SHOWN_STATES[show] and (is_new or (listing is not None and clip.pk in marked))

    added = [card for card in reversed(changed) if since and may_be_added(card.clip)]
    if added and listing is not None:
        wanted = listing.shown_among([card.clip.pk for card in added])
        added = [card for card in added if card.clip.pk in wanted]
    # Nobody is told that somebody else's clip is done.
    ended = [
        clip
        for clip in clips
        if clip.pk in told
        and clip.creator_id == membership.user_id
        and clip.finished_at
        and clip.finished_at > cursor.moment - OVERLAP
    ]
    if feed.address or scope not in FEEDS:
        feed = replace(feed, has_open=has_open_clips(membership=membership, scope=own_feed))
    else:
        counts = clip_counts(membership=membership, scope=scope)
        feed = replace(feed, has_open=counts["running"] > 0, pills=_pills(counts, show=show))
    return Changes(
        changed=changed,
        gone=gone,
        waiting=unchanged if token != waits else [],
        added=added,
        finished=[clip for clip in ended if clip.state == State.COMPLETED],
        failed=[clip for clip in ended if clip.state == State.FAILED],
        feed=feed,
        has_new_requests=requests.token != asks,
    )


def _is_shown(membership: Membership, clip: Generation, scope: Scope) -> bool:
    """Whether a page of this scope can show a clip that a feed tells of."""
    is_own = scope != Scope.WORKSPACE and clip.creator_id == membership.user_id
    return clip.deleted_at is None and clip.dismissed_at is None and (is_own or clip.is_shared)


# --- The bin and one clip ---------------------------------------------------------------------------------------------


def bin_page_for_viewer(*, membership: Membership, before: str = "") -> BinPage:
    """The viewer's deleted clips, most recently deleted first. Raises ValueError on a bad token."""
    page, next_page = _page(bin_for_viewer(membership=membership), "deleted_at", before)
    return BinPage(clips=page, next_page=next_page)


def clip_detail_for_viewer(*, membership: Membership, generation_id: UUID, children: str = "") -> ClipDetail:
    """A clip that the viewer may see, with its references, relatives and credits, and its children from a token on.

    Raises Generation.DoesNotExist, and ValueError on a bad token.
    """
    after = read_page_token(children) if children else None
    clip = clip_for_viewer(membership=membership, generation_id=generation_id)
    is_drawn = clip.engine == Engine.PREVIEW and clip.mode == "text"
    return ClipDetail(
        card=cards([clip], membership=membership)[0],
        references=list(clip.references.all()),
        lineage=lineage_for_viewer(membership=membership, clip=clip, after=after),
        transfers=transfers_for_reference(clip.pk) if clip.was_charged and clip.book == settings.STUDIO_BOOK else [],
        may_see_rows=clip.creator_id == membership.user_id or sees_all_credits(membership),
        organised=organised_for_viewer(membership, clip.entry),
        shots=shot_list_of(clip.prompt, duration_seconds=clip.billed_seconds) if is_drawn else [],
    )


def path_of_noticed_clip(notice: Notice, membership: Membership) -> str | None:
    """Where a notice about a clip leads: to its page, if the viewer may still see it."""
    if notice.reference is None:
        return None
    try:
        clip = clip_for_viewer(membership=membership, generation_id=notice.reference)
    except Generation.DoesNotExist:
        return None
    return reverse("gallery:clip", args=[membership.workspace.slug, clip.pk])
