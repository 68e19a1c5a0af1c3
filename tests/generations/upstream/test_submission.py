"""Sending clips: what each outcome does to the row, its claim, the ledger and the job's record."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.engines.base import Accepted, AccountRefusedError, RefusedError
from tchavi_studio.generations import lifecycle, services
from tchavi_studio.generations.models import AccountPause, Engine, Generation, RemoteJob, State, UpstreamAccount
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import NotCancellableError
from tchavi_studio.generations.upstream import account, submission
from tchavi_studio.generations.upstream.submission import Submission
from tchavi_studio.generations.via import own_name
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.runtime.leases import new_claim
from tchavi_studio.workspaces.models import User, Workspace
from tests.conftest import make_person
from tests.generations.conftest import make_params
from tests.upstream.service import Upstream

from .conftest import CHARGED, REFUNDED, START, Clock, Drive, Start, job_of, reloaded, transfers

LEASE = timedelta(seconds=20)


def write_down() -> list[Submission]:
    return submission.write_down(submission.sendable(now=timezone.now()))


def written(generation: Generation) -> Submission:
    (one,) = write_down()
    assert one.claim.pk == generation.pk
    return one


def facts(generation: Generation) -> tuple[str, UUID | None, datetime | None]:
    row = reloaded(generation)
    return row.state, row.leased_by, row.leased_until


# --- Written down before it is sent -----------------------------------------------------------------------------------


def test_a_submission_is_recorded_before_it_is_sent(start: Start, upstream: Upstream) -> None:
    generation = start()
    sent = written(generation)
    row, job = reloaded(generation), job_of(generation)
    assert (row.state, row.leased_by, row.attempt_count) == (State.SUBMITTING, sent.claim.token, 1)
    assert (row.started_at, row.leased_until, sent.send_before) == (START, START + LEASE, START + LEASE)
    assert (job.attempt_id, job.sent_at, job.lost_at) == (sent.attempt_id, START, None)
    assert (job.remote_id, job.poll_at, job.generation_id) == (None, None, generation.pk)
    assert (sent.model, sent.request.prompt, sent.request.seed) == ("seedance-2", generation.prompt, generation.seed)
    assert upstream.requests() == []


def test_a_submission_names_the_studios_it_has_come_through(start: Start) -> None:
    generation = start()
    Generation.objects.update(via="0123456789abcdef")
    assert written(generation).request.via == f"0123456789abcdef,{own_name()}"


def test_cancelled_and_claimed_clips_are_left_out(start: Start) -> None:
    cancelled, taken, left = start(), start(), start()
    clips = submission.sendable(now=timezone.now())
    services.cancel_generation(generation=cancelled)
    Generation.objects.filter(pk=taken.pk).update(state=State.SUBMITTING)
    assert [one.claim.pk for one in submission.write_down(clips)] == [left.pk]
    assert RemoteJob.objects.count() == 1
    assert transfers(cancelled) == REFUNDED


def test_two_pumps_send_each_clip_once(start: Start) -> None:
    for _clip in range(3):
        start()
    clips = submission.sendable(now=timezone.now())
    assert (len(submission.write_down(clips)), submission.write_down(clips)) == (3, [])


def test_a_clip_claimed_between_read_and_write_is_left_out(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    generation = start()
    clips = submission.sendable(now=timezone.now())
    move = lifecycle.move_generation
    other = new_claim(Generation, pk=generation.pk)

    def overtaken(generation_id: UUID, **changes: Any) -> bool:
        Generation.objects.filter(pk=generation_id).update(**other.fresh_lease())
        return move(generation_id, **changes)

    monkeypatch.setattr(submission, "move_generation", overtaken)
    assert submission.write_down(clips) == []
    assert facts(generation) == (State.QUEUED, other.token, START + LEASE)
    assert RemoteJob.objects.count() == 0


def test_a_clip_being_sent_cannot_be_cancelled(start: Start) -> None:
    generation = start()
    written(generation)
    with pytest.raises(NotCancellableError):
        services.cancel_generation(generation=generation)
    assert transfers(generation) == CHARGED


# --- Outcomes ---------------------------------------------------------------------------------------------------------


def test_accepted(start: Start, clock: Clock) -> None:
    generation = start()
    sent = written(generation)
    clock.shift(2)
    assert submission.record_accepted(sent, Accepted(remote_id="job_1", billed_credits=1300)) is True
    job = job_of(generation)
    assert facts(generation) == (State.PROCESSING, None, None)
    assert (job.remote_id, job.billed_credits, job.is_running) == ("job_1", 1300, False)
    assert job.poll_at == START + timedelta(seconds=3)
    assert transfers(generation) == CHARGED


def test_not_sent(start: Start) -> None:
    generation = start()
    first = written(generation)
    assert submission.record_not_sent(first) is True
    assert facts(generation) == (State.QUEUED, None, None)
    assert RemoteJob.objects.count() == 0
    assert transfers(generation) == CHARGED
    again = written(generation)
    assert again.claim.token != first.claim.token
    assert (reloaded(generation).leased_by, reloaded(generation).attempt_count) == (again.claim.token, 2)


def test_refused(start: Start) -> None:
    generation = start()
    refusal = RefusedError("The prompt is not allowed.", code="c" * 90)
    assert submission.record_refused(written(generation), refusal) is True
    row = reloaded(generation)
    assert (row.state, row.error_code, row.error_message) == (State.FAILED, "c" * 60, "The prompt is not allowed.")
    assert (row.needs_review, row.leased_until) == (False, None)
    assert RemoteJob.objects.count() == 0
    assert transfers(generation) == REFUNDED


def test_account_refused(start: Start) -> None:
    generation = start()
    error = AccountRefusedError("Too few credits.", code="insufficient_credits")
    assert submission.record_account_refused(written(generation), error) is True
    assert facts(generation) == (State.QUEUED, None, START + timedelta(minutes=5))
    assert [pause.model for pause in account.account_pauses()] == [""]
    assert RemoteJob.objects.count() == 0
    assert transfers(generation) == CHARGED
    assert sendable_ids() == []


def test_a_clip_that_alone_is_refused_holds_up_nobody(start: Start, clock: Clock) -> None:
    refused = start()
    submission.record_account_refused(written(refused), AccountRefusedError("Not this prompt.", code="policy"))
    other = start()
    clock.shift(60)
    assert [clip.generation_id for clip in submission.sendable(now=timezone.now())] == [other.pk]
    Generation.objects.filter(pk=other.pk).update(state=State.PROCESSING)
    assert [clip.generation_id for clip in submission.sendable(now=timezone.now())] == [refused.pk]


def test_lost(start: Start, clock: Clock) -> None:
    generation = start()
    sent = written(generation)
    clock.shift(2)
    assert submission.record_lost(sent) is True
    job = job_of(generation)
    assert facts(generation) == (State.UNKNOWN, None, None)
    assert (job.sent_at, job.lost_at, job.remote_id) == (START, START + timedelta(seconds=2), None)
    assert transfers(generation) == CHARGED
    assert sendable_ids() == []


def test_a_duplicate_job_id_counts_as_a_lost_answer(start: Start) -> None:
    first, second = start(), start()
    one, two = write_down()
    submission.record_accepted(one, Accepted(remote_id="job_1", billed_credits=1300))
    assert submission.record_accepted(two, Accepted(remote_id="job_1", billed_credits=1300)) is True
    assert (reloaded(first).state, reloaded(second).state) == (State.PROCESSING, State.UNKNOWN)
    assert (job_of(first).remote_id, job_of(second).remote_id) == ("job_1", None)


Outcome = Callable[[Submission], bool]
OUTCOMES: list[Outcome] = [
    lambda sent: submission.record_accepted(sent, Accepted(remote_id="job_1")),
    submission.record_not_sent,
    lambda sent: submission.record_refused(sent, RefusedError("No.", code="invalid_request")),
    submission.record_lost,
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=["accepted", "not sent", "refused", "lost"])
def test_a_lost_claim_writes_nothing(start: Start, clock: Clock, outcome: Outcome) -> None:
    """The process was paused past its lease, and the sweep has marked the answer as lost."""
    generation = start()
    sent = written(generation)
    clock.shift(21)
    assert submission.rescue_dead_submissions() == 1
    before = (vars(reloaded(generation)) | {"_state": 0}, vars(job_of(generation)) | {"_state": 0})
    clock.shift(1)
    assert outcome(sent) is False
    assert (vars(reloaded(generation)) | {"_state": 0}, vars(job_of(generation)) | {"_state": 0}) == before
    assert transfers(generation) == CHARGED


@pytest.mark.parametrize("outcome", OUTCOMES, ids=["accepted", "not sent", "refused", "lost"])
def test_an_outcome_is_recorded_once(start: Start, outcome: Outcome) -> None:
    generation = start()
    sent = written(generation)
    assert outcome(sent) is True
    before = vars(reloaded(generation)) | {"_state": 0}
    for again in OUTCOMES:
        assert again(sent) is False
    assert vars(reloaded(generation)) | {"_state": 0} == before


@pytest.mark.parametrize("outcome", OUTCOMES, ids=["accepted", "not sent", "refused", "lost"])
def test_an_earlier_attempts_outcome_does_not_affect_the_next(start: Start, outcome: Outcome) -> None:
    generation = start()
    earlier = written(generation)
    submission.record_not_sent(earlier)
    current = written(generation)
    before = (vars(reloaded(generation)) | {"_state": 0}, vars(job_of(generation)) | {"_state": 0})
    assert outcome(earlier) is False
    assert (vars(reloaded(generation)) | {"_state": 0}, vars(job_of(generation)) | {"_state": 0}) == before
    assert earlier.claim.renew() is False
    assert outcome(current) is True


# --- Leases -----------------------------------------------------------------------------------------------------------


def test_leases_are_renewed_while_waiting_for_an_answer(start: Start, clock: Clock) -> None:
    generation = start()
    sent = written(generation)
    clock.shift(15)
    assert sent.claim.renew() is True
    clock.shift(15)
    assert submission.rescue_dead_submissions() == 0
    clock.shift(5.1)
    assert submission.rescue_dead_submissions() == 1
    assert facts(generation) == (State.UNKNOWN, None, None)
    assert job_of(generation).lost_at == timezone.now()
    assert sent.claim.renew() is False
    assert reloaded(generation).leased_until is None


# --- Who may be sent --------------------------------------------------------------------------------------------------


def sendable_ids() -> list[UUID]:
    return [clip.generation_id for clip in submission.sendable(now=timezone.now())]


def test_a_workspaces_limit_counts_clips_at_the_provider(start: Start, settings: Settings) -> None:
    settings.STUDIO_MAX_OPEN_PER_WORKSPACE = 3
    clips = [start() for _clip in range(6)]
    for clip, state in zip(clips, (State.SUBMITTING, State.UNKNOWN, State.SAVING), strict=False):
        Generation.objects.filter(pk=clip.pk).update(state=state)
    assert sendable_ids() == [clips[3].pk], "a clip that is saved is no longer there"
    Generation.objects.filter(pk=clips[0].pk).update(state=State.PROCESSING)
    assert sendable_ids() == [clips[3].pk]
    Generation.objects.filter(pk=clips[2].pk).update(state=State.PROCESSING)
    assert sendable_ids() == []
    places = submission.places_in_line(clip.pk for clip in clips)
    assert places == {clip.pk: place for place, clip in enumerate(clips[3:], start=1)}


def test_clips_over_a_limit_hold_up_nobody(start: Start, settings: Settings) -> None:
    settings.STUDIO_MAX_OPEN_PER_WORKSPACE = 1
    at_provider, _over_limit, elsewhere = start(), start(), start()
    Generation.objects.filter(pk=at_provider.pk).update(state=State.PROCESSING)
    elsewhere.pk, elsewhere.submission_id, elsewhere.price_credits = uuid4(), uuid4(), 0
    elsewhere.workspace = Workspace.objects.create(name="Niger", slug="niger")
    elsewhere.leased_until = timezone.now() + timedelta(minutes=5)
    elsewhere.save(force_insert=True)
    assert sendable_ids() == [elsewhere.pk], "it stepped aside for others, but none of them may go"


def test_previews_are_not_sent(workspace: Workspace, alice: User, start: Start) -> None:
    started = services.start_generation(
        Order(workspace=workspace, creator=alice, params=make_params(), submission_id=uuid4(), engine=Engine.PREVIEW)
    )
    assert started.generations[0].price_credits == 0
    assert (sendable_ids(), submission.places_in_line([started.generations[0].pk])) == ([], {})


def test_a_paused_model_does_not_hold_up_the_other(start: Start, clock: Clock) -> None:
    kling, seedance = start(model="kling-v3"), start()
    account.pause_submissions(AccountRefusedError("No.", code="model_not_allowed"), model="kling-v3")
    assert sendable_ids() == [seedance.pk]
    account.pause_submissions(AccountRefusedError("No.", code="insufficient_credits"), model="kling-v3")
    assert sendable_ids() == []
    clock.shift(60)
    assert sendable_ids() == [kling.pk, seedance.pk]


def test_members_take_turns(start: Start, alice: User, workspace: Workspace) -> None:
    batch = [start() for _clip in range(3)]
    bob = make_person("Bob")
    other = Workspace.objects.get(memberships__user=bob)
    grant_credits(workspace=other, book="live", amount_credits=5_000, reason="to test with")
    his = services.start_generation(
        Order(workspace=other, creator=bob, params=make_params(), submission_id=uuid4())
    ).generations[0]
    assert sorted(sendable_ids()[:2]) == sorted([batch[0].pk, his.pk])
    assert sendable_ids()[2:] == [batch[1].pk, batch[2].pk]


# --- Waiting for an account -------------------------------------------------------------------------------------------


def test_a_long_wait_for_the_account_ends_in_a_refund(start: Start, clock: Clock, settings: Settings) -> None:
    settings.STUDIO_ACCOUNT_WAIT_SECONDS = 3600
    generation = start()
    account.pause_submissions(AccountRefusedError("No.", code="insufficient_credits"), model="seedance-2")
    clock.shift(3600)
    assert submission.fail_long_waiting() == 0
    clock.shift(0.001)
    assert submission.fail_long_waiting() == 1
    row = reloaded(generation)
    assert (row.state, row.error_code, row.needs_review) == (State.FAILED, "account_unavailable", False)
    assert transfers(generation) == REFUNDED
    assert submission.fail_long_waiting() == 0


def test_a_long_queue_alone_fails_no_clip(start: Start, clock: Clock, settings: Settings) -> None:
    """Neither a long queue nor another model's refusal fails a clip."""
    settings.STUDIO_ACCOUNT_WAIT_SECONDS = 3600
    generation = start()
    clock.shift(7200)
    assert submission.fail_long_waiting() == 0
    account.pause_submissions(AccountRefusedError("No.", code="model_not_allowed"), model="kling-v3")
    clock.shift(7200)
    assert submission.fail_long_waiting() == 0
    assert reloaded(generation).state == State.QUEUED


def test_a_new_pause_fails_no_clip(start: Start, clock: Clock, settings: Settings) -> None:
    """Time spent in a long queue doesn't count as waiting for the account."""
    settings.STUDIO_ACCOUNT_WAIT_SECONDS = 3600
    generation = start()
    clock.shift(7200)
    account.pause_submissions(AccountRefusedError("No.", code="insufficient_credits"), model="seedance-2")
    assert submission.fail_long_waiting() == 0
    assert (reloaded(generation).state, transfers(generation)) == (State.QUEUED, CHARGED)
    clock.shift(3600.001)
    assert submission.fail_long_waiting() == 1


# --- Over the wire ----------------------------------------------------------------------------------------------------


def test_from_generate_to_the_provider(start: Start, drive: Drive, upstream: Upstream) -> None:
    generation = start(duration=10, resolution="720p", aspect_ratio="9:16", generate_audio=False, seed=42)
    drive(0.4)
    (job,) = upstream.jobs()
    assert job.params == {
        "model": "seedance-2",
        "prompt": "Dawn over the lagoon",
        "duration": 10,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "generate_audio": False,
        "seed": 42,
    }
    row = job_of(generation)
    assert (row.remote_id, row.billed_credits) == (job.id, 5800)
    assert upstream.requests("create")[0].idempotency_key == str(row.attempt_id)
    assert reloaded(generation).state == State.PROCESSING


@pytest.mark.parametrize("kind", ["drop_after_commit", "html_502_after_commit", "json_null", "missing_id"])
def test_a_lost_answer_is_never_followed_by_a_second_request(
    start: Start, drive: Drive, upstream: Upstream, settings: Settings, kind: str
) -> None:
    settings.STUDIO_PROVIDER_EXCLUSIVE = False
    generation = start()
    upstream.arm("create", kind)
    drive(120, step_seconds=4)
    assert len(upstream.requests("create")) == 1
    assert (reloaded(generation).state, transfers(generation)) == (State.UNKNOWN, CHARGED)


@pytest.mark.parametrize("kind", ["rate_limit_exceeded", "rate_limit_without_retry_after"])
def test_too_many_requests_only_cost_time(start: Start, drive: Drive, upstream: Upstream, kind: str) -> None:
    generation = start()
    upstream.arm("create", kind, seconds=5.0)
    drive(4.8)
    assert reloaded(generation).state == State.QUEUED
    assert len(upstream.requests()) == 1, "nothing at all is sent meanwhile"
    drive(1)
    assert reloaded(generation).state == State.PROCESSING
    assert len(upstream.jobs()) == 1


def test_a_free_request_must_succeed_before_clips_are_sent_again(
    start: Start, drive: Drive, upstream: Upstream
) -> None:
    generation = start()
    upstream.take_down(30)
    drive(29, step_seconds=1)
    assert reloaded(generation).state == State.QUEUED
    assert upstream.requests() == []
    drive(75, step_seconds=1)
    assert reloaded(generation).state == State.PROCESSING
    assert [exchange.route for exchange in upstream.requests()][:2] == ["list", "create"]
    assert len(upstream.jobs()) == 1


@pytest.mark.parametrize("kind", ["invalid_api_key", "insufficient_credits", "model_not_allowed"])
def test_a_successful_trial_ends_a_pause_after_a_minute(
    start: Start, drive: Drive, upstream: Upstream, kind: str
) -> None:
    clips = [start() for _clip in range(4)]
    upstream.arm("create", kind, times=4)
    drive(59, step_seconds=1)
    assert {reloaded(clip).state for clip in clips} == {State.QUEUED}
    assert len(upstream.requests("create")) == 4, "those that were under way together"
    (pause,) = AccountPause.objects.all()
    assert (pause.model, pause.code) == ("seedance-2" if kind == "model_not_allowed" else "", kind)
    drive.network.is_held = True
    drive(2, step_seconds=1)
    assert len(upstream.requests("create")) == 5, "one tries for all"
    drive.network.is_held = False
    drive(2)
    assert {reloaded(clip).state for clip in clips} == {State.PROCESSING}
    assert AccountPause.objects.count() == 0
    assert [transfers(clip) for clip in clips] == [CHARGED] * 4


def test_a_refused_trial_pauses_for_another_minute(start: Start, drive: Drive, upstream: Upstream) -> None:
    clips = [start() for _clip in range(4)]
    upstream.arm("create", "insufficient_credits", times=None)
    drive(200, step_seconds=4)
    assert len(upstream.requests("create")) == 4 + 3
    assert {reloaded(clip).state for clip in clips} == {State.QUEUED}


def test_a_refused_model_does_not_slow_the_other(start: Start, drive: Drive, upstream: Upstream) -> None:
    upstream.set(models_off=["kling-v3"])
    kling = start(model="kling-v3")
    drive(61, step_seconds=1)
    drive.network.is_held = True
    others = [start() for _clip in range(5)]
    drive(1)
    assert len(upstream.jobs()) == 5, "all of them are under way at once"
    drive.network.is_held = False
    drive(1)
    assert {reloaded(clip).state for clip in others} == {State.PROCESSING}
    assert (reloaded(kling).state, [pause.model for pause in account.account_pauses()]) == (State.QUEUED, ["kling-v3"])


def test_a_refused_page_request_pauses_too(start: Start, drive: Drive, upstream: Upstream) -> None:
    first = start()
    drive(0.4)
    upstream.arm("list", "invalid_api_key", times=None)
    drive(3)
    second = start()
    drive(3)
    assert (reloaded(first).state, reloaded(second).state) == (State.PROCESSING, State.QUEUED)
    assert [pause.code for pause in account.account_pauses()] == ["invalid_api_key"]
    assert UpstreamAccount.objects.get().is_healthy is False


def test_a_busy_database_loses_no_answer(
    start: Start, drive: Drive, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider has accepted and billed the clip: that must be recorded, now or a moment later."""
    generation = start()
    move, calls = lifecycle.move_generation, []

    def busy(generation_id: UUID, **changes: Any) -> bool:
        if changes["state"] == State.PROCESSING:
            calls.append(generation_id)
            if len(calls) <= 2:
                raise OperationalError("database is locked")
        return move(generation_id, **changes)

    monkeypatch.setattr(submission, "move_generation", busy)
    drive(1)
    assert (len(calls), reloaded(generation).state) == (3, State.PROCESSING)
    assert job_of(generation).remote_id == upstream.jobs()[0].id


def test_one_bad_answer_does_not_affect_the_others(
    start: Start, drive: Drive, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [start() for _clip in range(3)]
    move, poisoned = lifecycle.move_generation, clips[1].pk

    def broken(generation_id: UUID, **changes: Any) -> bool:
        if changes["state"] == State.PROCESSING and generation_id == poisoned:
            raise ValueError("what no database takes")
        return move(generation_id, **changes)

    monkeypatch.setattr(submission, "move_generation", broken)
    drive(1)
    assert [reloaded(clip).state for clip in clips] == [State.PROCESSING, State.SUBMITTING, State.PROCESSING]
    monkeypatch.undo()
    drive(30, step_seconds=1)
    assert len(upstream.jobs()) == 3, "it is not sent again"
