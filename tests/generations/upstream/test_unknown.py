"""Lost answers: a clip gets a job only if there is no doubt; otherwise it is refunded."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.engines.base import Accepted, JobList, RemoteState, Snapshot
from tchavi_studio.generations import lifecycle
from tchavi_studio.generations.models import Generation, RemoteJob, State
from tchavi_studio.generations.services import cancel_generation
from tchavi_studio.generations.upstream import submission, unknown
from tchavi_studio.generations.upstream.unknown import Search
from tests.upstream.service import Upstream

from .conftest import CHARGED, REFUNDED, START, Clock, Drive, Start, job_of, reloaded, transfers

BOAT = {"model": "seedance-2", "prompt": "A paper boat"}


@pytest.fixture
def lost(start: Start, drive: Drive, upstream: Upstream) -> Iterator[Generation]:
    """A clip that the provider accepted, but whose answer was lost. The search for it hasn't started."""
    generation = start()
    upstream.arm("create", "drop_after_commit")
    upstream.arm("list", "html_503", times=None)
    drive(0.2)
    assert reloaded(generation).state == State.UNKNOWN
    upstream.disarm()
    yield generation
    assert len(upstream.requests("create")) == len(
        {exchange.idempotency_key for exchange in upstream.requests("create")}
    )


def wait(drive: Drive, seconds: float = 12) -> None:
    drive(seconds, step_seconds=1 if seconds < 30 else 2 if seconds < 100 else 10)


def is_adopted(generation: Generation) -> bool:
    row, job = reloaded(generation), RemoteJob.objects.get(reference=generation.pk)
    assert (row.state == State.PROCESSING) == (job.remote_id is not None)
    return row.state == State.PROCESSING


def test_the_only_fitting_job_is_adopted(lost: Generation, drive: Drive, upstream: Upstream) -> None:
    wait(drive)
    (made,) = upstream.jobs()
    row = job_of(lost)
    assert (reloaded(lost).state, row.remote_id, row.billed_credits) == (State.PROCESSING, made.id, 1300)
    assert transfers(lost) == CHARGED
    assert len(upstream.requests("create")) == 1
    upstream.finish(made.id)
    wait(drive, 5)
    assert reloaded(lost).state == State.SAVING


def test_nothing_is_adopted_on_a_shared_account(
    lost: Generation, drive: Drive, settings: Settings, upstream: Upstream
) -> None:
    """A stranger's clip must never land in somebody's gallery."""
    settings.STUDIO_PROVIDER_EXCLUSIVE = False
    wait(drive, 60)
    assert not is_adopted(lost)
    assert unknown.begin_search() is None
    search = Search(since=START - timedelta(hours=1))
    search.saw_page(())
    assert (search.is_complete, unknown.adopt_found(search)) == (True, 0)


def test_two_fitting_jobs_are_ambiguous(lost: Generation, drive: Drive, upstream: Upstream) -> None:
    upstream.add_job(**BOAT)
    wait(drive, 30)
    assert not is_adopted(lost)


def test_two_fitting_lost_clips_are_ambiguous(lost: Generation, start: Start, drive: Drive, upstream: Upstream) -> None:
    """Either may have created the job; the other was lost before the provider saw it."""
    other = start()
    upstream.arm("create", "drop_before_commit")
    wait(drive, 30)
    assert len(upstream.jobs()) == 1
    assert not is_adopted(lost)
    assert not is_adopted(other)


def test_two_different_lost_clips_each_find_their_job(
    lost: Generation, start: Start, drive: Drive, upstream: Upstream
) -> None:
    other = start(duration=10)
    upstream.arm("create", "cut_answer")
    wait(drive)
    by_price = {job.charged_credits: job.id for job in upstream.jobs()}
    assert (job_of(lost).remote_id, job_of(other).remote_id) == (by_price[1300], by_price[2600])


def test_a_submission_in_flight_makes_it_ambiguous(
    lost: Generation, start: Start, drive: Drive, upstream: Upstream
) -> None:
    """The job may belong to the submission still in flight."""
    wait(drive, 2)
    RemoteJob.objects.filter(reference=lost.pk).update(remote_id=None, poll_at=None)
    Generation.objects.filter(pk=lost.pk).update(state=State.UNKNOWN)
    start()
    (under_way,) = submission.write_down(submission.sendable(now=timezone.now()))
    drive.restart()
    for _turn in range(3):
        under_way.claim.renew()
        wait(drive, 6)
    assert not is_adopted(lost)
    submission.record_accepted(under_way, Accepted(remote_id="job_of_the_other", billed_credits=1300))
    wait(drive, 6)
    assert is_adopted(lost)


def test_a_given_up_clips_job_is_not_adopted_by_another(
    lost: Generation, start: Start, drive: Drive, upstream: Upstream, settings: Settings
) -> None:
    settings.STUDIO_PROVIDER_EXCLUSIVE = False
    wait(drive, 30)
    settings.STUDIO_UNKNOWN_DEADLINE_SECONDS = 20
    wait(drive, 2)
    assert reloaded(lost).state == State.FAILED
    settings.STUDIO_UNKNOWN_DEADLINE_SECONDS, settings.STUDIO_PROVIDER_EXCLUSIVE = 600, True
    other = start()
    upstream.arm("create", "drop_before_commit")
    wait(drive, 30)
    assert len(upstream.jobs()) == 1
    assert not is_adopted(other)


def test_an_owned_job_is_not_adopted(start: Start, drive: Drive, upstream: Upstream) -> None:
    first, second = start(), start()
    upstream.arm("create", "delay", seconds=0.1)
    upstream.arm("create", "drop_before_commit")
    wait(drive, 30)
    assert len(upstream.jobs()) == 1
    assert (reloaded(first).state, reloaded(second).state) == (State.PROCESSING, State.UNKNOWN)


def test_a_purged_clips_job_is_still_owned(start: Start, drive: Drive, upstream: Upstream) -> None:
    """Its row outlives the clip; otherwise its job would seem to have no owner."""
    purged = start()
    drive(1)
    RemoteJob.objects.filter(reference=purged.pk).update(generation=None, poll_at=None)
    Generation.objects.filter(pk=purged.pk).update(state=State.QUEUED)
    cancel_generation(generation=reloaded(purged))
    other = start()
    upstream.arm("create", "drop_before_commit")
    wait(drive, 30)
    assert (len(upstream.jobs()), is_adopted(other)) == (1, False)


@pytest.mark.parametrize("params", [{"model": "kling-v3"}, {"duration": 6}, {"resolution": "720p"}])
def test_a_different_model_or_price_does_not_fit(
    start: Start, drive: Drive, upstream: Upstream, params: dict[str, object]
) -> None:
    generation = start()
    upstream.add_job(**{**BOAT, **params})
    upstream.arm("create", "drop_before_commit")
    wait(drive, 30)
    assert not is_adopted(generation)


@pytest.mark.parametrize(("seconds", "adopted"), [(-61, False), (-59, True), (59, True), (62, False)])
def test_the_providers_clock_may_be_a_minute_off(
    start: Start, drive: Drive, upstream: Upstream, seconds: int, adopted: bool
) -> None:
    generation = start()
    upstream.arm("create", "drop_after_commit")
    upstream.set(clock_skew_seconds=float(seconds))
    wait(drive, 20)
    assert is_adopted(generation) is adopted


def test_a_job_created_before_the_submission_does_not_fit(start: Start, drive: Drive, upstream: Upstream) -> None:
    upstream.add_job(**BOAT)
    drive.clock.shift(61)
    generation = start()
    upstream.arm("create", "drop_before_commit")
    wait(drive, 30)
    assert not is_adopted(generation)


@pytest.mark.parametrize("kind", ["missing_fields", "missing_id", "html_502", "json_list", "drop_after_commit"])
def test_nothing_is_adopted_from_an_incomplete_record(
    lost: Generation, drive: Drive, upstream: Upstream, kind: str
) -> None:
    upstream.arm("list", kind, times=None)
    wait(drive, 30)
    assert not is_adopted(lost)
    upstream.disarm()
    wait(drive, 90)
    assert is_adopted(lost)


def test_nothing_is_adopted_if_a_job_is_unreadable(
    lost: Generation, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It might be a second job that fits."""
    list_jobs = drive.network._engine.list_jobs

    async def not_whole(*, offset: int) -> JobList:
        return replace(await list_jobs(offset=offset), is_whole=False)

    monkeypatch.setattr(drive.network._engine, "list_jobs", not_whole)
    wait(drive, 20)
    assert not is_adopted(lost)
    monkeypatch.undo()
    wait(drive)
    assert is_adopted(lost)


@pytest.mark.parametrize("kind", ["reordered_list", "duplicated_list", "unknown_fields", "unknown_state"])
def test_an_odd_list_is_still_read(lost: Generation, drive: Drive, upstream: Upstream, kind: str) -> None:
    upstream.arm("list", kind, times=None)
    wait(drive, 30)
    assert is_adopted(lost)


def test_a_lagging_list_shows_the_job_later(lost: Generation, drive: Drive, upstream: Upstream) -> None:
    upstream.set(list_lag_seconds=40.0)
    wait(drive, 30)
    assert not is_adopted(lost)
    wait(drive, 20)
    assert is_adopted(lost)


def test_the_job_is_found_behind_pages_of_newer_jobs(lost: Generation, drive: Drive, upstream: Upstream) -> None:
    drive.clock.shift(3)
    for _number in range(120):
        upstream.add_job(model="kling-v3", prompt="Newer, of another model")
    wait(drive, 20)
    assert is_adopted(lost)
    targets = [exchange.target for exchange in upstream.requests("list")]
    assert "/v1/jobs?limit=50&offset=100" in targets


def test_nothing_is_adopted_before_the_walk_is_complete(start: Start, clock: Clock) -> None:
    def jobs(first: int, *, minutes: int) -> list[Snapshot]:
        return [
            Snapshot(
                remote_id=f"job_{number}",
                state=RemoteState.PENDING,
                model="seedance-2",
                created_at=START + timedelta(minutes=minutes),
                billed_credits=2600,
            )
            for number in range(first, first + 50)
        ]

    generation = start()
    (sent,) = submission.write_down(submission.sendable(now=timezone.now()))
    submission.record_lost(sent)
    mine = Snapshot(
        remote_id="job_mine", state=RemoteState.PENDING, model="seedance-2", created_at=START, billed_credits=1300
    )
    search = unknown.begin_search()
    assert search is not None
    assert search.since == START - timedelta(seconds=60)
    search.saw_page([mine, *jobs(1, minutes=1)[1:]])
    assert (search.is_complete, search.is_over, search.next_page) == (False, False, 1)
    assert unknown.adopt_found(search) == 0
    # Half of this page is older: the rest of what is newer may come on the next.
    search.saw_page([*jobs(100, minutes=-30)[:25], *jobs(150, minutes=0)[:25]])
    assert (search.is_complete, unknown.adopt_found(search)) == (False, 0)
    search.saw_page(jobs(200, minutes=-30))
    assert (search.is_complete, search.is_over) == (True, True)
    assert unknown.adopt_found(search) == 1
    assert job_of(generation).remote_id == "job_mine"
    assert unknown.adopt_found(search) == 0


def test_a_walk_gives_up_after_a_thousand_jobs(start: Start, clock: Clock) -> None:
    search = Search(since=START)
    for number in range(20):
        assert search.is_over is False
        search.saw_page(
            [
                Snapshot(remote_id=f"job_{number}_{index}", state=RemoteState.PENDING, created_at=START)
                for index in range(50)
            ]
        )
    assert (search.is_over, search.is_complete, unknown.adopt_found(search)) == (True, False, 0)


def test_a_clip_lost_during_a_walk_waits_for_the_next_one(start: Start, clock: Clock) -> None:
    older = start()
    (sent,) = submission.write_down(submission.sendable(now=timezone.now()))
    submission.record_lost(sent)
    search = Search(since=START + timedelta(seconds=1))
    search.saw_page(
        [
            Snapshot(
                remote_id="job_1", state=RemoteState.PENDING, model="seedance-2", created_at=START, billed_credits=1300
            )
        ]
    )
    assert (search.is_complete, unknown.adopt_found(search)) == (True, 0)
    assert reloaded(older).state == State.UNKNOWN


def test_a_clip_given_up_during_the_walk_adopts_nothing(
    lost: Generation, drive: Drive, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = unknown._attempts()
    assert lifecycle.fail_generation(lost.pk, code="upstream_unknown", message="Lost.", needs_review=True)
    monkeypatch.setattr(unknown, "_attempts", lambda: attempts)
    wait(drive, 10)
    assert not is_adopted(lost)


# --- Giving up --------------------------------------------------------------------------------------------------------


def test_a_lost_clip_past_its_deadline_is_refunded_and_reviewed(
    lost: Generation, drive: Drive, settings: Settings, upstream: Upstream
) -> None:
    settings.STUDIO_PROVIDER_EXCLUSIVE = False
    drive.clock.move_to(START + timedelta(seconds=600))
    assert unknown.give_up_lost() == 0
    drive.clock.shift(0.001)
    assert unknown.give_up_lost() == 1
    row = reloaded(lost)
    assert (row.state, row.error_code, row.needs_review) == (State.FAILED, "upstream_unknown", True)
    assert transfers(lost) == REFUNDED
    assert unknown.give_up_lost() == 0
    settings.STUDIO_PROVIDER_EXCLUSIVE = True
    wait(drive, 30)
    assert (reloaded(lost).state, job_of(lost).remote_id) == (State.FAILED, None)
    assert upstream.audit().charged_credits == 1300, "this is what the admins see as exposure"


def test_a_lost_clip_can_be_found_just_before_its_deadline(lost: Generation, drive: Drive, upstream: Upstream) -> None:
    upstream.set(list_lag_seconds=580.0)
    wait(drive, 570)
    assert not is_adopted(lost)
    wait(drive, 29)
    assert is_adopted(lost)
    wait(drive, 30)
    assert (reloaded(lost).state, transfers(lost)) == (State.PROCESSING, CHARGED)
