"""Reads on generations. Reads for people start from what the viewer may see (`visibility.py`)."""

import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import CharField, DateTimeField, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.long_lists import CountUpTo
from tchavi_studio.prepared import Parameter, Prepared
from tchavi_studio.workspaces.models import Membership

from .models import (
    IS_FOR_PEOPLE,
    IS_OPEN,
    IS_SHOWN,
    Discard,
    DiscardKind,
    Engine,
    Generation,
    GenerationReference,
    RemoteJob,
    State,
)
from .upstream.account import account_pauses
from .upstream.submission import places_in_line
from .visibility import FEEDS, Scope, clips_in_scope, own_clips, visible_among, visible_to

CARD_RELATIONS = ("workspace", "creator", "output", "remote_job", "entry")


FILTERS = {
    "all": IS_SHOWN,
    # An open clip can be neither deleted nor dismissed. Asking for that would only let SQLite take the feed's index.
    "running": IS_FOR_PEOPLE & IS_OPEN,
    "failed": IS_SHOWN & Q(state=State.FAILED),
    "done": IS_SHOWN & Q(state=State.COMPLETED),
}
"""The feed, and the parts of it that can be shown alone."""


MOMENTS = {Scope.MINE: "created_at", Scope.WORKSPACE: "shared_at"}
"""What each scope's lists are sorted by."""


def clips_for_viewer(*, membership: Membership, scope: Scope = Scope.MINE, show: str = "all") -> QuerySet[Generation]:
    """The clips of a scope in this workspace, the latest first, without deleted clips and dismissed failures.

    The viewer's own come in the order in which they were made, the workspace's in that in which they were shared.
    `show` is one of FILTERS.
    """
    return _clips(membership, scope, FILTERS[show])


def bin_for_viewer(*, membership: Membership) -> QuerySet[Generation]:
    """The viewer's deleted clips in this workspace that can still be restored, last deleted first."""
    emptied = Discard.objects.filter(
        workspace=membership.workspace_id, user=membership.user_id, kind=DiscardKind.BIN
    ).values("requested_at")
    since = Coalesce(Subquery(emptied), Value(EPOCH))
    binned = _clips(membership, Scope.MINE).filter(deleted_at__gt=since, purge_at__gt=timezone.now())
    return binned.order_by("-deleted_at", "-id")


def unused_files(*, workspace_id: UUID, user_id: int) -> QuerySet[Asset]:
    """What a member uploaded, linked or trimmed in a workspace and no clip uses, newest first."""
    references = Asset.objects.filter(workspace=workspace_id, created_by=user_id).exclude(origin=Origin.OUTPUT)
    is_used = Exists(GenerationReference.objects.filter(asset=OuterRef("pk")))
    return references.filter(~is_used).order_by("-created_at", "-id")


MAX_WEIGHED = 1_000
"""As many files are added up. A sum over a million takes as long as reading them."""


@dataclass(frozen=True, kw_only=True)
class Freed:
    """What discarding frees: so much, or more if not everything was added up (`is_partial`)."""

    file_count: int
    byte_count: int
    is_partial: bool


def freed_by(kind: DiscardKind, *, membership: Membership) -> Freed:
    """What emptying the member's bin, or deleting their unused files, frees."""
    if kind == DiscardKind.BIN:
        binned = bin_for_viewer(membership=membership).select_related(None)
        sizes = list(binned.values_list("output__byte_count", flat=True)[: MAX_WEIGHED + 1])
    else:
        sizes = []
        for origin in (Origin.UPLOAD, Origin.URL, Origin.TRIM):
            unused = unused_files(workspace_id=membership.workspace_id, user_id=membership.user_id)
            sizes += unused.filter(origin=origin).values_list("byte_count", flat=True)[: MAX_WEIGHED + 1]
    return Freed(
        file_count=min(len(sizes), MAX_WEIGHED),
        byte_count=sum(size or 0 for size in sizes[:MAX_WEIGHED]),
        is_partial=len(sizes) > MAX_WEIGHED,
    )


def clip_for_viewer(*, membership: Membership, generation_id: UUID) -> Generation:
    """A clip that the viewer may see, deleted or not, with all that its page shows. Raises Generation.DoesNotExist."""
    clips = (
        visible_to(membership)
        .filter(IS_FOR_PEOPLE)
        .select_related(*CARD_RELATIONS, "parent__creator", "parent__output")
    )
    return clips.prefetch_related("references__asset").get(pk=generation_id)


def _clips(membership: Membership, scope: Scope, which: Q = IS_FOR_PEOPLE) -> QuerySet[Generation]:
    clips = clips_in_scope(membership, scope).filter(which).select_related(*CARD_RELATIONS)
    return clips.order_by(f"-{MOMENTS[scope]}", "-id")


MAX_COUNT = 1_000
"""Clips are counted up to this number: counting a million takes as long as reading them."""


def clip_counts(*, membership: Membership, scope: Scope = Scope.MINE) -> dict[str, int]:
    """How many clips of a scope are "running", "failed" and "done", each counted up to MAX_COUNT."""
    shown = ("running", "failed", "done")
    counts = (CountUpTo(clips_for_viewer(membership=membership, scope=scope, show=show), MAX_COUNT) for show in shown)
    return dict(zip(shown, Membership.objects.values_list(*counts).get(pk=membership.pk), strict=True))


def clip_counts_of(members: Iterable[Membership]) -> dict[int, int]:
    """How many clips each of these members has in their workspace, by user id, each counted up to MAX_COUNT."""
    own = Generation.objects.filter(IS_SHOWN, workspace=OuterRef("workspace"), creator=OuterRef("user"))
    counted = Membership.objects.filter(pk__in=[member.pk for member in members])
    return dict(counted.values_list("user", CountUpTo(own, MAX_COUNT)))


def clips_among(generations: Iterable[UUID], *, membership: Membership) -> list[Generation]:
    """Those of these clips that the viewer may see, in no order."""
    clips = visible_among(membership, generations).filter(IS_FOR_PEOPLE)
    return list(clips.select_related(*CARD_RELATIONS))


def has_open_clips(*, membership: Membership, scope: Scope = Scope.MINE) -> bool:
    return clips_for_viewer(membership=membership, scope=scope, show="running").exists()


def clips_in_line(*, membership: Membership, scope: Scope = Scope.MINE) -> QuerySet[Generation]:
    """The clips of a scope that wait to be sent to the provider, the latest first."""
    return clips_for_viewer(membership=membership, scope=scope).filter(engine=Engine.TCHAVI, state=State.QUEUED)


def recent_prompts(*, membership: Membership, max_count: int = 20) -> list[str]:
    """The latest prompts of the viewer's clips, without repeats, newest first."""
    prompts = clips_for_viewer(membership=membership).values_list("prompt", flat=True)[: max_count * 3]
    return list(dict.fromkeys(prompts))[:max_count]


# --- What changed since the page last asked ---------------------------------------------------------------------------

OVERLAP = timedelta(seconds=5)
"""How long after its timestamp a write may become visible: commits take time, and clocks differ between machines."""

MAX_CHANGES = 50
MAX_WINDOW = 400
CURSOR_PATTERN = re.compile(r"\d{1,16}(~[0-9a-f]{12}\.\d{1,10})*", re.ASCII)
EPOCH = datetime.fromtimestamp(0, tz=UTC)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970: exact and sortable, for use in URLs."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def read_microseconds(text: str) -> int:
    """What `microseconds` wrote into a URL. Raises ValueError for anything else, such as years before 1970."""
    if re.fullmatch(r"\d{1,16}", text, re.ASCII) is None:
        raise ValueError(f"{text!r} is not a moment.")
    return int(text)


def moment_at(text: str) -> datetime:
    """The moment that `microseconds` wrote into a URL. Raises ValueError for anything else."""
    return EPOCH + timedelta(microseconds=read_microseconds(text))


@dataclass(frozen=True)
class Cursor:
    """What a page has seen so far: everything up to a moment, and which versions from just before it.

    Writes may become visible out of order. So each poll goes back by `OVERLAP`, and the cursor lists what was seen in
    that window: nothing is missed and nothing is sent twice.
    """

    moment: datetime
    seen: frozenset[str]

    def __str__(self) -> str:
        return "~".join([str(microseconds(self.moment)), *sorted(self.seen)])

    @property
    def versions(self) -> str:
        """What `_Versions` says of the clips in `seen`."""
        return f"{len(self.seen)}.{sum(int(seen.partition('.')[2]) for seen in self.seen)}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor back. Raises ValueError on anything that `str()` did not make."""
        moment, *seen = text.split("~")
        if len(seen) > MAX_WINDOW or CURSOR_PATTERN.fullmatch(text) is None:
            raise ValueError("This is not a cursor.")
        return cls(moment=moment_at(moment), seen=frozenset(seen))


def _by_change(generation: Generation) -> tuple[datetime, UUID]:
    return generation.updated_at, generation.pk


def _seen_as(generation: Generation) -> str:
    return f"{generation.pk.hex[:12]}.{generation.version}"


def followed_feeds(scope: Scope) -> tuple[Scope, ...]:
    """The feeds whose changes a page of this scope has to hear of. Favourites may be of both."""
    return FEEDS if scope == Scope.FAVOURITES else (scope,)


def _changing(membership: Membership, feed: Scope) -> QuerySet[Generation]:
    """The clips whose changes a page of this feed has to hear of: of shared ones, also those that no longer are."""
    if feed == Scope.MINE:
        return own_clips(membership).filter(IS_FOR_PEOPLE)
    return Generation.objects.filter(IS_FOR_PEOPLE, workspace=membership.workspace_id, shared_at__isnull=False)


def first_cursor(*, membership: Membership, scope: Scope = Scope.MINE) -> Cursor:
    """The cursor of a page about to be built: take it before reading the page's clips."""
    found: dict[UUID, Generation] = {}
    for feed in followed_feeds(scope):
        newest_first = _changing(membership, feed).order_by("-updated_at", "-id")
        found |= {clip.pk: clip for clip in newest_first.only("version", "updated_at")[:MAX_CHANGES]}
    latest = sorted(found.values(), key=_by_change)[-MAX_CHANGES:]
    moment = latest[-1].updated_at if latest else EPOCH
    recent = (generation for generation in latest if generation.updated_at > moment - OVERLAP)
    return Cursor(moment=moment, seen=frozenset(map(_seen_as, recent)))


class _Versions(Subquery):
    """The versions of clips in one text: how many clips, and the sum. Versions never fall, so any change shows."""

    template = "(SELECT COUNT(*) || '.' || COALESCE(SUM(version), 0) FROM (%(subquery)s) AS changed)"
    output_field = CharField()


def _poll(scope: Scope) -> QuerySet[Membership, tuple[bool, bool, str, str]]:
    """For the member `user` of workspace `slug`: has open clips, some of them in line, the versions after `since` of
    the first feed that is followed, and of those that only a second one has."""
    workspace, user = OuterRef("workspace"), OuterRef("user")
    member = Membership(workspace_id=workspace, user_id=user)  # type: ignore[misc]
    nested = Membership(workspace_id=OuterRef(workspace), user_id=OuterRef(user))  # type: ignore[misc]
    first, *others = followed_feeds(scope)

    def changed(member: Membership, feed: Scope) -> QuerySet[Generation]:
        return _changing(member, feed).filter(updated_at__gt=Parameter("since", DateTimeField()))

    def not_own(feed: Scope) -> QuerySet[Generation]:
        # Cut off before the viewer's own are left out: so no more are looked at, whoever changed how many.
        latest = changed(nested, feed).values("pk")[: MAX_WINDOW + 1]
        return Generation.objects.filter(~Q(creator=user), pk__in=latest)

    return Membership.objects.filter(
        user=Parameter("user", IntegerField()), workspace__slug=Parameter("slug", CharField())
    ).values_list(
        Exists(clips_for_viewer(membership=member, scope=first, show="running")),
        Exists(clips_in_line(membership=member, scope=first)),
        _Versions(changed(member, first).values("version")[: MAX_WINDOW + 1]),
        *(_Versions(not_own(feed).values("version")) for feed in others),
    )


_prepared_polls = {scope: Prepared(partial(_poll, scope)) for scope in Scope}


def nothing_to_tell(*, user_id: int, workspace_slug: str, scope: Scope, cursor: Cursor, is_live: bool = False) -> bool:
    """Whether a page that has seen `cursor` only has to go on waiting: no clip changed, none is in line.

    A page of one's own latest clips waits while clips are open; one that `is_live` always does, for what others do.
    One statement, which also checks the membership: most polls of most pages end here. False proves nothing.
    """
    found = _prepared_polls[scope].rows(user=user_id, slug=workspace_slug, since=cursor.moment - OVERLAP)
    return [
        (bool(has_open) or is_live, bool(in_line), _added_up(versions)) for has_open, in_line, *versions in found
    ] == [(True, False, cursor.versions)]


def _added_up(versions: Iterable[str]) -> str:
    parts = [text.partition(".") for text in versions]
    return f"{sum(int(count) for count, _dot, _sum in parts)}.{sum(int(total) for _count, _dot, total in parts)}"


def changed_clips(
    *, membership: Membership, cursor: Cursor, scope: Scope = Scope.MINE
) -> tuple[list[Generation], Cursor]:
    """The clips of a scope that changed after `cursor`, oldest change first, and the next cursor.

    Includes those that were deleted, dismissed or made private, so that the page can remove their cards. Returns at
    most `MAX_CHANGES`; the rest follow with the next cursor.
    """
    # At most len(seen) of these are known already, so there is always room for new ones.
    max_count = len(cursor.seen) + MAX_CHANGES
    found: dict[UUID, Generation] = {}
    for feed in followed_feeds(scope):
        changing = _changing(membership, feed).select_related(*CARD_RELATIONS)
        rows = changing.filter(updated_at__gt=cursor.moment - OVERLAP).order_by("updated_at", "id")
        found |= {clip.pk: clip for clip in rows[:max_count]}
    window = sorted(found.values(), key=_by_change)[:max_count]
    known = [generation for generation in window if _seen_as(generation) in cursor.seen]
    fresh = [generation for generation in window if _seen_as(generation) not in cursor.seen][:MAX_CHANGES]
    moment = max([cursor.moment, *(generation.updated_at for generation in fresh)])
    recent = (generation for generation in [*known, *fresh] if generation.updated_at > moment - OVERLAP)
    return fresh, Cursor(moment=moment, seen=frozenset(map(_seen_as, recent)))


# --- How long it will take --------------------------------------------------------------------------------------------

HISTORY_LENGTH = 50
MIN_HISTORY = 5


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long similar clips took recently, from Generate to done: half of them, and nine in ten."""

    half_seconds: int
    nine_in_ten_seconds: int


def waiting_estimates(generations: Iterable[Generation]) -> dict[UUID, Estimate]:
    """Estimates by id for the open clips in `generations`, from the studio's latest clips of the same kind.

    With fewer than `MIN_HISTORY` of them there is no estimate. One query, however many clips.
    """
    kinds = {generation.pk: _kind_of(generation) for generation in generations if generation.is_open}
    if not kinds:
        return {}
    latest = [_latest_of_kind(kind) for kind in dict.fromkeys(kinds.values())]
    history: dict[tuple[object, ...], list[float]] = {}
    for *kind, created_at, finished_at in latest[0].union(*latest[1:], all=True):
        history.setdefault(tuple(kind), []).append((finished_at - created_at).total_seconds())
    return {
        pk: Estimate(
            half_seconds=round(statistics.median(seconds)),
            nine_in_ten_seconds=round(statistics.quantiles(seconds, n=10, method="inclusive")[-1]),
        )
        for pk, kind in kinds.items()
        if len(seconds := history.get(kind, [])) >= MIN_HISTORY
    }


KIND = ("engine", "model", "resolution", "duration_seconds")
"""Clips are of the same kind if these match. Auto and 10 s cost the same, but models treat them differently."""


def _kind_of(generation: Generation) -> tuple[object, ...]:
    return tuple(getattr(generation, field) for field in KIND)


def _latest_of_kind(kind: tuple[object, ...]) -> QuerySet[Generation, tuple[Any, ...]]:
    """The kind and the times of its latest HISTORY_LENGTH clips. Nested, because SQLite's UNION refuses a LIMIT."""
    done = Generation.objects.filter(~IS_OPEN, state=State.COMPLETED, **dict(zip(KIND, kind, strict=True)))
    latest = done.order_by("-finished_at").values("pk")[:HISTORY_LENGTH]
    return Generation.objects.filter(pk__in=latest).values_list(*KIND, "created_at", "finished_at")


def waiting_estimate(generation: Generation) -> Estimate | None:
    """`waiting_estimates` for one clip."""
    return waiting_estimates([generation]).get(generation.pk)


# --- Waiting for the provider -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Why a clip hasn't been sent to the provider yet.

    `place` is its place in the queue, 1 being next; MAX_PLACE + 1 is any further one. `for_account` means that the
    provider refuses the provider account: nothing is sent until the operator fixes that.
    """

    place: int
    for_account: bool


def provider_waits(generations: Iterable[Generation]) -> dict[UUID, Wait]:
    """Why each clip in `generations` that waits for the provider is waiting, by id. No query if none does."""
    waiting = {
        generation.pk: generation.model
        for generation in generations
        if generation.engine == Engine.TCHAVI and generation.state == State.QUEUED
    }
    if not waiting:
        return {}
    paused = {pause.model for pause in account_pauses()}
    return {
        pk: Wait(place=place, for_account="" in paused or waiting[pk] in paused)
        for pk, place in places_in_line(waiting).items()
    }


def exposures() -> QuerySet[RemoteJob]:
    """Unreviewed clips that were refunded although the provider may have billed them, oldest first."""
    unreviewed = RemoteJob.objects.filter(generation__needs_review=True, reviewed_at=None)
    return unreviewed.select_related("generation__workspace", "generation__creator").order_by("sent_at", "reference")
