"""What must be true of every write to a clip's row, and of both sides' books at the end."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING
from uuid import UUID

from tchavi_studio.generations.books import verify_clips
from tchavi_studio.generations.models import Generation, RemoteJob, State
from tchavi_studio.ledger.models import Kind, Transfer
from tchavi_studio.ledger.verification import verify_ledger
from tests.upstream.service import JobFacts

from .database import Move

if TYPE_CHECKING:
    from .world import World

LEGAL_MOVES: dict[str, set[str]] = {
    "": {State.QUEUED},
    State.QUEUED: {State.SUBMITTING, State.CANCELLED, State.FAILED},
    State.SUBMITTING: {State.QUEUED, State.UNKNOWN, State.PROCESSING, State.FAILED},
    State.UNKNOWN: {State.PROCESSING, State.FAILED},
    State.PROCESSING: {State.SAVING, State.FAILED},
    State.SAVING: {State.COMPLETED, State.FAILED},
}
"""The allowed transitions of a clip made by the provider. States without an entry are final."""

LEASED_STATES = {State.QUEUED, State.SUBMITTING, State.SAVING}
"""The states in which a worker may hold a clip: uploading references, sending it, downloading its video."""

RATE_TOLERANCE = 12
"""Allows for requests made before the provider has announced its limit, and for rounding at the edges of a minute."""


def of_move(move: Move, *, now: float) -> Iterator[str]:
    """What is wrong with a write made `now` (in seconds since 1970)."""
    if move.old_state != move.state and move.state not in LEGAL_MOVES.get(move.old_state, set()):
        yield f"{move.old_state} became {move.state}"
    is_taken = move.leased_by not in (None, move.old_leased_by)
    # Sending may begin before the worker that uploaded the references has released it, or before its back-off is over.
    if is_taken and move.state != State.SUBMITTING and move.old_leased_until and move.old_leased_until > now + 0.001:
        yield f"taken {move.old_leased_until - now:.1f} s too early"
    if move.leased_by and move.state not in LEASED_STATES:
        yield f"a worker holds it although it is {move.state}"
    if move.state == State.SUBMITTING and not move.leased_by:
        yield "submitting without a worker"
    if move.version < move.old_version or (move.state != move.old_state and move.version == move.old_version):
        yield f"version went from {move.old_version} to {move.version}"


def of_world(world: "World") -> Iterator[str]:
    """What is wrong at the end."""
    for finding in chain(verify_ledger(), verify_clips()):
        yield f"ledger: {finding}"
    yield from _of_ledger(world)
    yield from _of_both_sides(world)
    yield from _of_requests(world)


def _of_ledger(world: "World") -> Iterator[str]:
    """Each clip has one charge, and one refund if and only if it wasn't completed."""
    charges, refunds = (
        {kind_row.reference: kind_row.amount_credits for kind_row in Transfer.objects.filter(kind=kind)}
        for kind in (Kind.CHARGE, Kind.REFUND)
    )
    counts = Counter(Transfer.objects.exclude(reference=None).values_list("reference", "kind"))
    for (reference, kind), count in counts.items():
        if count > 1:
            yield f"{reference} has {count} × {kind}"
    known = set()
    for clip in Generation.objects.all():
        known.add(clip.pk)
        name = world.name_of(clip.pk)
        world.count(f"clip: {clip.state}{' ' + clip.error_code if clip.state == State.FAILED else ''}")
        if clip.needs_review:
            world.count("clip: needs review")
        if charges.get(clip.pk) != clip.price_credits:
            yield f"{name} costs {clip.price_credits} but was charged {charges.get(clip.pk)}"
        expected = None if clip.state == State.COMPLETED or clip.is_open else clip.price_credits
        if refunds.get(clip.pk) != expected:
            yield f"{name} is {clip.state} but was refunded {refunds.get(clip.pk)}"
    if strangers := set(charges) - known:
        yield f"charges without a clip: {strangers}"


def _of_both_sides(world: "World") -> Iterator[str]:
    """What the provider made and billed must match what the studio knows."""
    try:
        totals = world.upstream.audit()
    except AssertionError as error:
        yield f"upstream: {error}"
        return
    world.outcome.counts["clips"] = Generation.objects.count()
    clips = {(clip.prompt, clip.seed): clip for clip in Generation.objects.select_related("output")}
    remote_jobs = {job.reference: job for job in RemoteJob.objects.all()}
    for ended in clips.values():
        # Jobs of clips that need review are still polled now and then, for the site admins.
        is_over = not (ended.is_open or ended.needs_review)
        if is_over and ended.pk in remote_jobs and remote_jobs[ended.pk].poll_at:
            yield f"{world.name_of(ended.pk)} is {ended.state} but still followed"
    jobs = world.upstream.jobs()
    own_jobs: dict[UUID, JobFacts] = {}
    exposure_credits = 0
    for job in jobs:
        if job.is_foreign:
            continue
        clip = clips.get((job.prompt, job.seed or 0))
        if clip is None:
            yield f"{job.id} was made without a clip: {job.prompt}, {job.seed}"
            continue
        name = world.name_of(clip.pk)
        if clip.pk in own_jobs:
            yield f"{name} was accepted twice: {own_jobs[clip.pk].id} and {job.id}"
        own_jobs[clip.pk] = job
        if clip.state != State.COMPLETED and clip.finished_at and job.accepted_at > clip.finished_at.timestamp():
            yield f"{name} was sent after it had been refunded"
        if job.refunded_credits is not None or clip.state == State.COMPLETED:
            continue
        if not clip.needs_review:
            yield f"{name} is {clip.state}, {job.id} was billed for it, but it isn't marked for review"
        exposure_credits += job.charged_credits
    completed_credits = 0
    for clip in clips.values():
        if clip.state != State.COMPLETED:
            continue
        name, own_job = world.name_of(clip.pk), own_jobs.get(clip.pk)
        completed_credits += clip.price_credits
        assert clip.output is not None
        if own_job is None:
            yield f"{name} is completed but was never accepted by the provider"
        elif remote_jobs[clip.pk].remote_id != own_job.id:
            yield f"{name} took {remote_jobs[clip.pk].remote_id} for its job {own_job.id}"
        elif own_job.refunded_credits is not None:
            yield f"{name} is completed but {own_job.id} was refunded by the provider"
        if own_job and clip.output.original_name != own_job.id:
            yield f"{name} shows the video of {clip.output.original_name}, not of {own_job.id}"
    foreign_credits = sum(job.charged_credits - (job.refunded_credits or 0) for job in jobs if job.is_foreign)
    net_credits = totals.charged_credits - totals.refunded_credits - foreign_credits
    if not world.scenario.upstream.audio_surcharge_credits and net_credits != completed_credits + exposure_credits:
        yield f"the provider billed {net_credits}, but we know of {completed_credits} + {exposure_credits}"


def _of_requests(world: "World") -> Iterator[str]:
    """No minute may have more requests than the provider allows."""
    world.outcome.counts["requests"] += len(world.requests_sent_at)
    refused = [exchange for exchange in world.upstream.requests() if exchange.status == 429 and not exchange.fault]
    world.outcome.counts["refused for too many requests"] += len(refused)
    was_lowered = any(storm.name.endswith("requests a minute") for storm in world.scenario.storms)
    if len(refused) > 1 and not was_lowered:
        yield f"the provider refused {len(refused)} requests as too many"
    limit = world.max_requests_per_minute
    sent = world.requests_sent_at
    first = 0
    for index, at in enumerate(sent):
        while sent[first] <= at - 60.0:
            first += 1
        if index - first + 1 > limit + RATE_TOLERANCE:
            yield f"{index - first + 1} requests within a minute, where {limit} are allowed"
            return
