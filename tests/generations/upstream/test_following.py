"""Following jobs: claims, news, pages and budget."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.engines.base import RemoteState, Snapshot
from tchavi_studio.generations.models import Generation, RemoteJob, State, UpstreamAccount
from tchavi_studio.generations.upstream import account, following
from tchavi_studio.generations.upstream.following import Look
from tchavi_studio.workspaces.models import Workspace
from tests.upstream.service import Upstream

from .conftest import CHARGED, REFUNDED, START, Clock, Drive, Start, job_of, make_open_jobs, reloaded, transfers

LEASE_SECONDS = 20


@pytest.fixture
def sent(start: Start, drive: Drive) -> Generation:
    """A clip in progress at the provider, due for a look."""
    generation = start()
    drive(0.4)
    drive.restart()
    drive.clock.shift(2)
    assert reloaded(generation).state == State.PROCESSING
    RemoteJob.objects.update(poll_at=timezone.now(), leased_by=None, leased_until=None)
    return generation


def claim() -> Look:
    look = following.claim_due_jobs()
    assert look is not None
    return look


def news(generation: Generation, state: RemoteState, **more: object) -> Snapshot:
    remote_id = job_of(generation).remote_id
    assert remote_id is not None
    return Snapshot(remote_id=remote_id, state=state, **more)  # type: ignore[arg-type]


def apply(look: Look, *snapshots: Snapshot) -> int:
    return following.apply_snapshots(look, snapshots, interval_seconds=3.0)


# --- Who looks --------------------------------------------------------------------------------------------------------


def test_due_jobs_are_claimed_once(sent: Generation) -> None:
    look = claim()
    job = job_of(sent)
    assert (look.unseen, look.places) == ({job.remote_id: sent.pk}, {job.remote_id: 0})
    assert (job.leased_by, job.leased_until) == (look.claim.token, timezone.now() + timedelta(seconds=LEASE_SECONDS))
    assert following.claim_due_jobs() is None


def test_jobs_that_are_not_due_are_left_alone(sent: Generation, clock: Clock) -> None:
    RemoteJob.objects.update(poll_at=timezone.now() + timedelta(seconds=1))
    assert following.claim_due_jobs() is None
    clock.shift(1)
    assert following.claim_due_jobs() is not None


def test_a_look_renews_its_lease_and_frees_jobs_when_it_ends(sent: Generation, clock: Clock) -> None:
    look = claim()
    clock.shift(15)
    assert look.claim.renew() is True
    clock.shift(15)
    assert following.claim_due_jobs() is None
    clock.shift(5.1)
    assert claim().unseen == look.unseen


@pytest.mark.parametrize("state", list(RemoteState))
def test_a_look_past_its_lease_writes_nothing(sent: Generation, clock: Clock, state: RemoteState) -> None:
    late = claim()
    clock.shift(LEASE_SECONDS + 1)
    current = claim()
    before = (vars(reloaded(sent)) | {"_state": 0}, vars(job_of(sent)) | {"_state": 0})
    apply(late, news(sent, state, output_url="https://cdn.example.org/1.mp4", billed_credits=7))
    following.release_unseen(late)
    assert late.claim.renew() is False
    following.note_gone(Look(claim=late.claim, unseen={"x": sent.pk}, places={}), "x")
    assert (vars(reloaded(sent)) | {"_state": 0}, vars(job_of(sent)) | {"_state": 0}) == before
    assert transfers(sent) == CHARGED
    apply(current, news(sent, RemoteState.PROCESSING))
    assert job_of(sent).is_running is True


def test_unseen_jobs_are_released(sent: Generation) -> None:
    following.release_unseen(claim(), delay_seconds=4)
    job = job_of(sent)
    assert (job.leased_by, job.leased_until, job.poll_at) == (None, None, timezone.now() + timedelta(seconds=4))


@pytest.mark.parametrize(("limit", "jobs"), [(10, 100), (30, 350), (120, 500), (None, 100)])
def test_a_look_claims_what_the_budget_allows_most_overdue_first(
    upstream: Upstream, workspace: Workspace, clock: Clock, limit: int | None, jobs: int
) -> None:
    made = make_open_jobs(upstream, workspace, 500)
    account.upstream_account()
    UpstreamAccount.objects.update(limit_per_minute=limit)
    overdue = [remote_id for _clip, remote_id in made[200:210]]
    RemoteJob.objects.filter(remote_id__in=overdue).update(poll_at=timezone.now() - timedelta(seconds=30))
    look = claim()
    assert len(look.unseen) == jobs
    assert set(overdue) <= set(look.unseen)


# --- News -------------------------------------------------------------------------------------------------------------


def test_an_open_job_is_looked_at_again(sent: Generation) -> None:
    version = reloaded(sent).version
    assert apply(claim(), news(sent, RemoteState.PENDING)) == 0
    job = job_of(sent)
    assert (job.is_running, job.leased_by, job.poll_at) == (False, None, timezone.now() + timedelta(seconds=3))
    assert (reloaded(sent).state, reloaded(sent).version) == (State.PROCESSING, version)


def test_the_start_of_a_job_is_recorded_once(sent: Generation, clock: Clock) -> None:
    version = reloaded(sent).version
    for _look in range(2):
        apply(claim(), news(sent, RemoteState.PROCESSING))
        clock.shift(3)
    apply(claim(), news(sent, RemoteState.PENDING))
    assert (job_of(sent).is_running, reloaded(sent).version) == (True, version + 1)


def test_a_completed_job_waits_for_its_download(sent: Generation) -> None:
    Generation.objects.update(attempt_count=2)
    look = claim()
    done = news(sent, RemoteState.COMPLETED, output_url="https://cdn.example.org/1.mp4", billed_credits=1250)
    assert apply(look, done) == 1
    row, job = reloaded(sent), job_of(sent)
    assert (row.state, row.attempt_count, row.leased_until) == (State.SAVING, 0, None)
    assert (job.output_url, job.billed_credits) == ("https://cdn.example.org/1.mp4", 1250)
    assert (job.poll_at, job.leased_by, job.leased_until) == (None, None, None)
    assert apply(look, done) == 0
    assert transfers(sent) == CHARGED


def test_missing_figures_stay_unchanged(sent: Generation) -> None:
    apply(claim(), news(sent, RemoteState.COMPLETED, output_url="https://cdn.example.org/1.mp4"))
    assert job_of(sent).billed_credits == 1300


def test_each_completed_job_gets_its_own_url(
    upstream: Upstream, workspace: Workspace, clock: Clock, start: Start
) -> None:
    made = make_open_jobs(upstream, workspace, 5)
    look = claim()
    done = [
        Snapshot(remote_id=remote_id, state=RemoteState.COMPLETED, output_url=f"https://x/{remote_id}")
        for _clip, remote_id in made
    ]
    assert apply(look, *done) == 5
    assert dict(RemoteJob.objects.values_list("remote_id", "output_url")) == {
        remote_id: f"https://x/{remote_id}" for _clip, remote_id in made
    }


def test_a_failed_job_is_refunded_with_the_providers_reason(sent: Generation) -> None:
    reason = {"error_code": "content_policy_violation" * 4, "error_message": "A real person's face."}
    look = claim()
    for _time in range(2):
        apply(look, news(sent, RemoteState.FAILED, refunded_credits=1300, **reason))
    row, job = reloaded(sent), job_of(sent)
    assert (row.state, row.error_code) == (State.FAILED, ("content_policy_violation" * 4)[:60])
    assert (row.error_message, row.needs_review) == ("A real person's face.", False)
    assert (job.poll_at, job.leased_by, job.billed_credits, job.refunded_credits) == (None, None, 1300, 1300)
    assert transfers(sent) == REFUNDED


def test_a_failure_without_a_reason_has_a_default_code(sent: Generation) -> None:
    apply(claim(), news(sent, RemoteState.FAILED))
    row = reloaded(sent)
    assert (row.error_code, row.error_message) == ("upstream_failed", "")
    assert row.failure_reason == "The provider couldn't make this clip and gave no reason."


def test_the_last_entry_wins_if_a_page_lists_a_job_twice(sent: Generation) -> None:
    done = news(sent, RemoteState.COMPLETED, output_url="https://cdn.example.org/1.mp4")
    assert apply(claim(), news(sent, RemoteState.PENDING), done) == 1


def test_other_users_jobs_are_left_alone(sent: Generation) -> None:
    stranger = Snapshot(remote_id="job_of_somebody", state=RemoteState.FAILED, refunded_credits=1)
    assert apply(claim(), stranger) == 0
    assert RemoteJob.objects.count() == 1
    assert reloaded(sent).state == State.PROCESSING


def test_a_missing_job_is_looked_for_again_later(sent: Generation) -> None:
    look = claim()
    remote_id = job_of(sent).remote_id
    assert remote_id is not None
    following.note_gone(look, remote_id)
    assert look.unseen == {}
    assert job_of(sent).poll_at == timezone.now() + timedelta(seconds=30)


# --- Deadlines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.PROCESSING, State.SAVING])
def test_an_overdue_job_is_refunded_and_reviewed(sent: Generation, clock: Clock, state: State) -> None:
    Generation.objects.update(state=state)
    late = claim()
    clock.move_to(job_of(sent).sent_at + timedelta(seconds=7200))
    assert following.fail_overdue() == 0
    clock.shift(0.001)
    assert (following.fail_overdue(), following.fail_overdue()) == (1, 0)
    row = reloaded(sent)
    assert (row.state, row.error_code, row.needs_review) == (State.FAILED, "upstream_timeout", True)
    assert transfers(sent) == REFUNDED
    apply(late, news(sent, RemoteState.PROCESSING))
    assert (reloaded(sent).state, job_of(sent).leased_by) == (State.FAILED, None)


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.COMPLETED])
def test_the_job_deadline_applies_only_to_sent_clips(
    sent: Generation, clock: Clock, state: State, complete: Callable[[Generation], None]
) -> None:
    if state == State.COMPLETED:
        complete(sent)
    else:
        Generation.objects.update(state=state)
    clock.shift(8000)
    assert following.fail_overdue() == 0
    assert transfers(sent) == CHARGED


@pytest.mark.parametrize("ending", [RemoteState.COMPLETED, RemoteState.FAILED])
def test_the_end_of_a_given_up_job_is_recorded_but_not_charged(
    sent: Generation, clock: Clock, drive: Drive, upstream: Upstream, ending: RemoteState
) -> None:
    clock.shift(7300)
    following.fail_overdue()
    remote_id = job_of(sent).remote_id
    assert remote_id is not None
    if ending == RemoteState.COMPLETED:
        upstream.finish(remote_id)
    else:
        upstream.fail(remote_id)
    drive.restart()
    drive(900, step_seconds=30)
    row, job = reloaded(sent), job_of(sent)
    assert (row.state, row.error_code) == (State.FAILED, "upstream_timeout")
    assert job.settled_late_at is not None
    assert (job.poll_at, job.billed_credits) == (None, 1300)
    assert job.refunded_credits == (None if ending == RemoteState.COMPLETED else 1300)
    assert transfers(sent) == REFUNDED


# --- Pages ------------------------------------------------------------------------------------------------------------


def pages_of(upstream: Upstream) -> list[str]:
    return [exchange.target.rpartition("=")[2] for exchange in upstream.requests("list")]


def names_of(upstream: Upstream) -> list[str]:
    return [exchange.job_id for exchange in upstream.requests("job")]


def look_once(drive: Drive) -> None:
    """Look at everything that is due, until the look ends."""
    RemoteJob.objects.filter(poll_at__isnull=False).update(poll_at=timezone.now())
    drive.upstream.books.exchanges.clear()
    UpstreamAccount.objects.update(limit_per_minute=500, tokens=50, counted_at=timezone.now())
    drive.upstream.set(requests_per_minute=500)
    drive(0.6, step_seconds=0.2)


def test_only_pages_with_due_jobs_are_requested(drive: Drive, upstream: Upstream, workspace: Workspace) -> None:
    made = make_open_jobs(upstream, workspace, 200)
    closed = [clip.pk for number, (clip, _remote_id) in enumerate(made) if not 50 <= number < 100]
    RemoteJob.objects.filter(pk__in=closed).update(poll_at=None)
    look_once(drive)
    assert (pages_of(upstream), names_of(upstream)) == (["100"], [])
    assert RemoteJob.objects.filter(poll_at__gt=timezone.now()).count() == 50


def test_our_jobs_are_found_below_other_users_jobs(drive: Drive, upstream: Upstream, workspace: Workspace) -> None:
    make_open_jobs(upstream, workspace, 60)
    for _number in range(70):
        upstream.add_job(model="kling-v3", prompt="A stranger's")
    look_once(drive)
    assert RemoteJob.objects.filter(leased_by=None, poll_at__gt=timezone.now() - timedelta(seconds=0.5)).count() == 60
    assert set(pages_of(upstream)) == {"0", "50", "100"}
    assert len(names_of(upstream)) <= 10


def test_jobs_missing_from_the_list_are_requested_by_id(
    drive: Drive, upstream: Upstream, start: Start, workspace: Workspace
) -> None:
    make_open_jobs(upstream, workspace, 3)
    gone = RemoteJob.objects.create(
        reference=uuid4(),
        generation=None,
        attempt_id=uuid4(),
        sent_at=timezone.now() - timedelta(seconds=11),
        remote_id="job_gone",
        poll_at=timezone.now(),
    )
    look_once(drive)
    assert (pages_of(upstream)[0], names_of(upstream)) == ("0", ["job_gone"])
    gone.refresh_from_db()
    assert (gone.leased_by, gone.poll_at is not None and gone.poll_at >= timezone.now() + timedelta(seconds=29)) == (
        None,
        True,
    )


def test_new_jobs_missing_from_a_lagging_list_are_not_requested_by_id(
    drive: Drive, upstream: Upstream, workspace: Workspace
) -> None:
    make_open_jobs(upstream, workspace, 3)
    new = RemoteJob.objects.create(
        reference=uuid4(),
        generation=None,
        attempt_id=uuid4(),
        sent_at=timezone.now() - timedelta(seconds=9),
        remote_id="job_new",
        poll_at=timezone.now(),
    )
    look_once(drive)
    assert (pages_of(upstream)[0], names_of(upstream)) == ("0", [])
    new.refresh_from_db()
    assert new.leased_by is None
    assert new.poll_at is not None
    assert new.poll_at <= timezone.now() + timedelta(seconds=2)


def test_no_page_before_the_first_is_requested(drive: Drive, upstream: Upstream, workspace: Workspace) -> None:
    """A lagging list lacks the newest job, so all others come too early."""
    make_open_jobs(upstream, workspace, 60)
    upstream.set(list_lag_seconds=10.0)
    drive.clock.shift(11)
    make_open_jobs(upstream, workspace, 20)
    look_once(drive)
    exchanges = upstream.requests()
    assert {exchange.status for exchange in exchanges} == {200}
    assert UpstreamAccount.objects.get().is_healthy is True
    assert RemoteJob.objects.filter(poll_at__lt=timezone.now() - timedelta(seconds=0.5)).count() == 0


@pytest.mark.parametrize("kind", ["reordered_list", "duplicated_list", "lagging", "unknown_fields"])
def test_odd_lists_lose_no_job(drive: Drive, upstream: Upstream, workspace: Workspace, kind: str) -> None:
    made = make_open_jobs(upstream, workspace, 120)
    drive.clock.shift(60)
    for _clip, remote_id in made[::2]:
        upstream.finish(remote_id)
    drive.clock.shift(60)
    upstream.arm("list", kind, times=None)
    drive(15, step_seconds=1)
    states = Counter(Generation.objects.values_list("state", flat=True))
    assert states == {State.SAVING: 60, State.PROCESSING: 60}


def test_a_failed_page_is_requested_later(drive: Drive, upstream: Upstream, workspace: Workspace) -> None:
    made = make_open_jobs(upstream, workspace, 120)
    for _clip, remote_id in made:
        upstream.finish(remote_id)
    upstream.arm("list", "html_502", times=2)
    drive(30, step_seconds=1)
    assert set(Generation.objects.values_list("state", flat=True)) == {State.SAVING}


def test_a_failed_search_does_not_end_a_look(drive: Drive, sent: Generation, start: Start, upstream: Upstream) -> None:
    """Two requests are in flight; one's failure says nothing about the other."""
    lost = start()
    upstream.arm("create", "drop_before_commit")
    drive(3, step_seconds=1)
    assert reloaded(lost).state == State.UNKNOWN
    remote_id = job_of(sent).remote_id
    assert remote_id is not None
    upstream.finish(remote_id)
    upstream.arm("list", "html_502")
    drive(10, step_seconds=1)
    assert reloaded(sent).state == State.SAVING


# --- Budgets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("open_jobs", "limit", "failures", "seconds"),
    [
        (1, 300, 0, following.MIN_INTERVAL_SECONDS),
        (10, 10, 0, 60 / 8 / 0.8),
        (49, 30, 0, 60 / 27 / 0.8),
        (50, 30, 0, 2 * 60 / 27 / 0.8),
        (1000, 30, 0, 20.0),
        (1000, 500, 0, 21 / 7.5 / 0.8),
        (10, 10, 1, 60 / 8 / 0.8 * 1.5),
        (10, 10, 2, 20.0),
        (1, 300, 30, 20.0),
    ],
)
def test_the_interval_follows_the_budget_and_the_failures(
    clock: Clock, db: None, open_jobs: int, limit: int, failures: int, seconds: float
) -> None:
    account.upstream_account()
    UpstreamAccount.objects.update(limit_per_minute=limit, failure_count=failures)
    assert following.next_interval_seconds(open_jobs=open_jobs) == pytest.approx(seconds)


def test_pumps_do_not_look_at_the_same_moment(clock: Clock, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    spans: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        spans.append((low, high))
        return low

    monkeypatch.setattr("random.uniform", uniform)
    following.next_interval_seconds(open_jobs=1)
    assert spans == [(0.85, 1.15)]


def most_in_a_minute(upstream: Upstream) -> int:
    times = [exchange.at for exchange in upstream.requests()]
    return max(sum(begin <= at < begin + 60 for at in times) for begin in times)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("jobs", "limit", "longest_seconds"), [(1000, 30, 75), (10, 10, 20)], ids=["1,000 on 30", "10 on 10"]
)
def test_ten_minutes_stay_within_a_small_budget(
    drive: Drive, upstream: Upstream, workspace: Workspace, jobs: int, limit: int, longest_seconds: int
) -> None:
    """All jobs keep being looked at, and no minute exceeds the provider's limit."""
    upstream.set(requests_per_minute=limit)
    UpstreamAccount.objects.update(limit_per_minute=limit, tokens=0, counted_at=timezone.now())
    make_open_jobs(upstream, workspace, jobs)
    first_half = 300
    drive(first_half, step_seconds=5)
    assert not RemoteJob.objects.filter(poll_at=START).exists(), "somebody was never looked at"
    for _turn in range(20):
        drive(15, step_seconds=5)
        overdue = timezone.now() - timedelta(seconds=longest_seconds)
        assert not RemoteJob.objects.filter(poll_at__lt=overdue).exists()
    assert most_in_a_minute(upstream) <= limit
    assert {exchange.status for exchange in upstream.requests()} == {200}
    assert len(upstream.requests()) >= (0.6 * limit * 9 if jobs > 10 else 9 * 3)


def test_submissions_take_priority_but_not_forever(
    drive: Drive, upstream: Upstream, start: Start, workspace: Workspace, settings: Settings
) -> None:
    """A long queue on ten requests a minute, with a new pump every 20 s: most submit clips, but looks continue."""
    settings.STUDIO_MAX_OPEN_PER_WORKSPACE = 1000
    upstream.set(requests_per_minute=10)
    UpstreamAccount.objects.update(limit_per_minute=10, tokens=0, counted_at=timezone.now())
    ((watched, remote_id),) = make_open_jobs(upstream, workspace, 1)
    for _clip in range(60):
        start()
    upstream.finish(remote_id)
    for _pump in range(12):
        drive.restart()
        drive(20, step_seconds=2)
    counts = Counter(exchange.route for exchange in upstream.requests())
    assert Generation.objects.get(pk=watched.pk).state == State.SAVING
    assert counts["list"] >= 8
    assert counts["create"] >= 18
    assert counts["create"] > counts["list"]
    assert most_in_a_minute(upstream) <= 10


def test_a_looks_query_count_depends_on_its_pages(drive: Drive, upstream: Upstream, workspace: Workspace) -> None:
    """The number of jobs doesn't matter: one constant per look, and one per page."""
    account.upstream_account()
    UpstreamAccount.objects.update(limit_per_minute=500)
    costs: dict[int, tuple[int, list[int]]] = {}
    for jobs in (50, 500, 1000):
        RemoteJob.objects.all().delete()
        made = make_open_jobs(upstream, workspace, jobs)
        with CaptureQueriesContext(connection) as claiming:
            look = claim()
        assert len(look.unseen) == jobs
        by_state: list[int] = []
        for state in (RemoteState.PENDING, RemoteState.PROCESSING, RemoteState.COMPLETED):
            page = [
                Snapshot(remote_id=remote_id, state=state, output_url="https://x/1", billed_credits=1)
                for _clip, remote_id in made[:50]
            ]
            with CaptureQueriesContext(connection) as applying:
                apply(look, *page)
            by_state.append(len(applying))
            RemoteJob.objects.update(poll_at=timezone.now(), leased_by=None, leased_until=None)
            look = claim()
        costs[jobs] = (len(claiming), by_state)
    assert costs[50] == costs[500] == costs[1000]
    assert costs[50][0] <= 6
    assert max(costs[50][1]) <= 9
    one = claim_one(workspace, upstream)
    with CaptureQueriesContext(connection) as applying:
        apply(one, Snapshot(remote_id=next(iter(one.unseen)), state=RemoteState.COMPLETED, output_url="https://x/1"))
    assert len(applying) == costs[50][1][2], "fifty cost as much as one"


def claim_one(workspace: Workspace, upstream: Upstream) -> Look:
    RemoteJob.objects.all().delete()
    make_open_jobs(upstream, workspace, 1)
    return claim()
