"""Reads on generations. Reads for people start from what the viewer may see (`visibility.py`)."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from tchavi_studio.workspaces.models import Membership

from .models import OPEN_STATES, Engine, Generation, RemoteJob, State
from .upstream.account import account_pauses
from .upstream.submission import waiting_in_order
from .visibility import visible_to

CARD_RELATIONS = ("workspace", "creator", "output", "remote_job")


def clips_for_viewer(*, membership: Membership) -> QuerySet[Generation]:
    """The viewer's clips in this workspace, newest first, without deleted clips and dismissed failures."""
    return _clips(membership).filter(deleted_at=None, dismissed_at=None)


def bin_for_viewer(*, membership: Membership) -> QuerySet[Generation]:
    """The viewer's deleted clips in this workspace that can still be restored, last deleted first."""
    since = timezone.now() - timedelta(days=settings.STUDIO_BIN_DAYS)
    return _clips(membership).filter(deleted_at__gte=since).order_by("-deleted_at", "-id")


def clip_for_viewer(*, membership: Membership, generation_id: UUID) -> Generation:
    """One of the viewer's clips, deleted or not, with everything its page shows. Raises Generation.DoesNotExist."""
    return _clips(membership).select_related("parent").prefetch_related("references__asset").get(pk=generation_id)


def _clips(membership: Membership) -> QuerySet[Generation]:
    """What the browser shows: everything visible except test keys' jobs, which only programs see."""
    return visible_to(membership).filter(is_test=False).select_related(*CARD_RELATIONS).order_by("-created_at", "-id")


def state_counts(*, membership: Membership) -> dict[str, int]:
    """How many of the viewer's clips are "running", "failed" (and not dismissed) and "done"."""
    return clips_for_viewer(membership=membership).aggregate(
        running=Count("pk", filter=Q(state__in=OPEN_STATES)),
        failed=Count("pk", filter=Q(state=State.FAILED)),
        done=Count("pk", filter=Q(state=State.COMPLETED)),
    )


def has_open_clips(*, membership: Membership) -> bool:
    return clips_for_viewer(membership=membership).filter(state__in=OPEN_STATES).exists()


def recent_prompts(*, membership: Membership, max_count: int = 20) -> list[str]:
    """The viewer's latest prompts without repeats, newest first."""
    prompts = _clips(membership).values_list("prompt", flat=True)[: max_count * 3]
    return list(dict.fromkeys(prompts))[:max_count]


# --- What changed since the page last asked ---------------------------------------------------------------------------

OVERLAP = timedelta(seconds=5)
"""How long after its timestamp a write may become visible: commits take time, and clocks differ between machines."""

MAX_CHANGES = 50
MAX_WINDOW = 400


@dataclass(frozen=True)
class Cursor:
    """What a page has seen so far: everything up to a moment, and which versions from just before it.

    Writes may become visible out of order. So each poll goes back by `OVERLAP`, and the cursor lists what was seen in
    that window: nothing is missed and nothing is sent twice.
    """

    moment: datetime
    seen: frozenset[str]

    def __str__(self) -> str:
        microseconds = int(self.moment.timestamp() * 1_000_000)
        return "~".join([str(microseconds), *sorted(self.seen)])

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor back. Raises ValueError on anything that `str()` did not make."""
        moment, *seen = text.split("~")
        if len(seen) > MAX_WINDOW:
            raise ValueError(f"A cursor names no more than {MAX_WINDOW} versions.")
        return cls(moment=datetime.fromtimestamp(int(moment) / 1_000_000, tz=UTC), seen=frozenset(seen))


def _seen_as(generation: Generation) -> str:
    return f"{generation.pk.hex[:12]}.{generation.version}"


def first_cursor(*, membership: Membership) -> Cursor:
    """The cursor of a page about to be built: take it before reading the page's clips."""
    newest = _clips(membership).order_by("-updated_at").values_list("updated_at", flat=True).first()
    moment = newest or datetime.fromtimestamp(0, tz=UTC)
    recent = _clips(membership).filter(updated_at__gt=moment - OVERLAP).order_by("-updated_at")[:MAX_CHANGES]
    return Cursor(moment=moment, seen=frozenset(map(_seen_as, recent)))


def changed_clips(*, membership: Membership, cursor: Cursor) -> tuple[list[Generation], Cursor]:
    """The viewer's clips that changed after `cursor`, oldest change first, and the next cursor.

    Includes deleted and dismissed clips, so that the page can remove their cards. Returns at most `MAX_CHANGES`; the
    rest follow with the next cursor.
    """
    rows = _clips(membership).filter(updated_at__gt=cursor.moment - OVERLAP).order_by("updated_at", "id")
    # At most len(seen) of these are known already, so there is always room for new ones.
    window = list(rows[: len(cursor.seen) + MAX_CHANGES])
    known = [generation for generation in window if _seen_as(generation) in cursor.seen]
    fresh = [generation for generation in window if _seen_as(generation) not in cursor.seen][:MAX_CHANGES]
    moment = max([cursor.moment, *(generation.updated_at for generation in fresh)])
    recent = (generation for generation in [*known, *fresh] if generation.updated_at > moment - OVERLAP)
    seen = frozenset(map(_seen_as, recent))
    return fresh, Cursor(moment=moment, seen=seen)


# --- How long it will take --------------------------------------------------------------------------------------------

HISTORY_LENGTH = 200
MIN_HISTORY = 5


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long similar clips took recently, from Generate to done: half of them, and nine in ten."""

    half_seconds: int
    nine_in_ten_seconds: int


def waiting_estimates(generations: Iterable[Generation]) -> dict[UUID, Estimate]:
    """Estimates by id for the open clips in `generations`, from the studio's latest clips of the same kind.

    Clips are of the same kind if engine, model, resolution and duration match. With fewer than `MIN_HISTORY` of them
    there is no estimate. One query, however many clips.
    """
    waiting = [generation for generation in generations if generation.is_open]
    if not waiting:
        return {}
    history: dict[tuple[object, ...], list[float]] = {}
    # By requested duration: auto and 10 s cost the same, but the model treats them differently.
    done = Generation.objects.filter(state=State.COMPLETED, model__in={generation.model for generation in waiting})
    rows = done.order_by("-finished_at").values_list(
        "engine", "model", "resolution", "duration_seconds", "created_at", "finished_at"
    )[:HISTORY_LENGTH]
    for *kind, created_at, finished_at in rows:
        if finished_at is not None:
            history.setdefault(tuple(kind), []).append((finished_at - created_at).total_seconds())
    estimates = {}
    for generation in waiting:
        kind = [generation.engine, generation.model, generation.resolution, generation.duration_seconds]
        seconds = history.get(tuple(kind), [])
        if len(seconds) >= MIN_HISTORY:
            estimates[generation.pk] = Estimate(
                half_seconds=round(statistics.median(seconds)),
                nine_in_ten_seconds=round(statistics.quantiles(seconds, n=10, method="inclusive")[-1]),
            )
    return estimates


def waiting_estimate(generation: Generation) -> Estimate | None:
    """`waiting_estimates` for one clip."""
    return waiting_estimates([generation]).get(generation.pk)


# --- Waiting for the provider -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Why a clip hasn't been sent to the provider yet.

    `place` is its place in the queue, 1 being next. `for_account` means that the provider refuses the provider account:
    nothing is sent until the operator fixes that.
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
    places = {clip.generation_id: place for place, clip in enumerate(waiting_in_order(), start=1)}
    return {
        pk: Wait(place=places[pk], for_account="" in paused or model in paused)
        for pk, model in waiting.items()
        if pk in places
    }


def exposures() -> QuerySet[RemoteJob]:
    """Unreviewed clips that were refunded although the provider may have billed them, oldest first."""
    unreviewed = RemoteJob.objects.filter(generation__needs_review=True, reviewed_at=None)
    return unreviewed.select_related("generation__workspace", "generation__creator").order_by("sent_at", "reference")
