"""Many workers on one clip, in real transactions: one outcome, and its credits move once."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.assets.models import Asset, Kind, Origin
from tchavi_studio.engines.base import Accepted, RemoteState, Snapshot
from tchavi_studio.generations import lifecycle, services
from tchavi_studio.generations.models import Engine, Generation, RemoteJob, State, UpstreamAccount
from tchavi_studio.generations.upstream import account, following, submission, transfers
from tchavi_studio.generations.upstream.following import Look
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.runtime.leases import Claim, new_claim
from tchavi_studio.workspaces.models import Workspace
from tests.databases import Database
from tests.ledger.test_concurrency import outcomes_of

pytestmark = pytest.mark.own_database
Start = Callable[..., Generation]


@pytest.fixture(autouse=True)
def live(settings: Settings) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_PROVIDER_API_KEY = "sk-tch_test"
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"


@pytest.fixture
def clip(own_database: Database, workspace: Workspace, start: Start) -> Generation:
    """A clip in live mode that costs 1,300 credits."""
    grant_credits(workspace=workspace, book="live", amount_credits=100_000, reason="to test with")
    return start()


def results(calls: list[Callable[[], bool]]) -> Counter[bool]:
    """The results of calls made concurrently. None may fail."""
    answers: list[bool] = []

    def noted(call: Callable[[], bool]) -> Callable[[], object]:
        return lambda: answers.append(call())

    assert outcomes_of([noted(call) for call in calls]) == {"NoneType": len(calls)}
    return Counter(answers)


def kinds(generation: Generation) -> list[str]:
    return sorted(Transfer.objects.filter(reference=generation.pk).values_list("kind", flat=True))


def test_fifty_workers_finish_fail_and_cancel_one_clip(
    clip: Generation, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Some workers save it, some fail it and some cancel it; the first one wins."""
    outputs = [
        Asset.objects.create(
            workspace=workspace,
            kind=Kind.VIDEO,
            origin=Origin.OUTPUT,
            content_type="video/mp4",
            width=864,
            height=496,
            duration_seconds=5.0,
            byte_count=1,
            source_sha256=uuid4().hex * 2,
            content_sha256=uuid4().hex * 2,
            file=f"nowhere/{uuid4()}.mp4",
        )
        for _worker in range(20)
    ]
    stored = iter(outputs)
    monkeypatch.setattr(lifecycle, "store_output", lambda **_more: next(stored))
    monkeypatch.setattr(lifecycle, "delete_asset", lambda **_more: True)
    before = wallet_balance(workspace=workspace, book="live")
    claim = new_claim(Generation, pk=clip.pk)
    Generation.objects.filter(pk=clip.pk).update(state=State.SAVING, **claim.fresh_lease())

    def complete() -> bool:
        return lifecycle.save_output(claim, path=tmp_path / "clip.mp4")

    def fail() -> bool:
        return lifecycle.fail_generation(clip.pk, code="upstream_timeout", message="Too late.", needs_review=True)

    def cancel() -> bool:
        return lifecycle.cancel_queued(clip.pk)

    assert results([*[complete] * 20, *[fail] * 20, *[cancel] * 10]) == {True: 1, False: 49}
    row = Generation.objects.get(pk=clip.pk)
    if row.state == State.COMPLETED:
        assert (row.output in outputs, kinds(clip)) == (True, ["charge"])
        assert wallet_balance(workspace=workspace, book="live") == before
    else:
        assert (row.state, row.output, kinds(clip)) == (State.FAILED, None, ["charge", "refund"])
        assert wallet_balance(workspace=workspace, book="live") == before + 1300
    assert list(verify_ledger()) == []


def test_fifty_workers_fail_and_cancel_a_waiting_clip(clip: Generation, workspace: Workspace) -> None:
    before = wallet_balance(workspace=workspace, book="live")

    def fail() -> bool:
        return lifecycle.fail_generation(clip.pk, code="account_unavailable", message="No.", sources={State.QUEUED})

    def cancel() -> bool:
        try:
            services.cancel_generation(generation=clip)
        except services.NotCancellableError:
            return False
        return True

    assert results([*[fail] * 25, *[cancel] * 25]) == {True: 1, False: 49}
    assert Generation.objects.get(pk=clip.pk).state in (State.FAILED, State.CANCELLED)
    assert kinds(clip) == ["charge", "refund"]
    assert wallet_balance(workspace=workspace, book="live") == before + 1300
    assert list(verify_ledger()) == []


def test_a_clip_is_either_sent_or_cancelled(clip: Generation, workspace: Workspace) -> None:
    (waiting,) = submission.sendable(now=timezone.now())

    def send() -> bool:
        return bool(submission.write_down([waiting]))

    def cancel() -> bool:
        return lifecycle.cancel_queued(clip.pk)

    assert results([*[send] * 10, *[cancel] * 10]) == {True: 1, False: 19}
    row = Generation.objects.get(pk=clip.pk)
    assert (row.state, RemoteJob.objects.count(), kinds(clip)) in [
        (State.SUBMITTING, 1, ["charge"]),
        (State.CANCELLED, 0, ["charge", "refund"]),
    ]


def test_only_one_outcome_of_a_submission_counts(clip: Generation, workspace: Workspace) -> None:
    (sent,) = submission.write_down(submission.sendable(now=timezone.now()))
    Generation.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    outcomes: list[Callable[[], bool]] = [
        lambda: submission.record_accepted(sent, Accepted(remote_id="job_1", billed_credits=1300)),
        lambda: submission.record_lost(sent),
        lambda: submission.record_not_sent(sent),
        lambda: submission.rescue_dead_submissions() == 1,
    ]
    assert results(outcomes * 5) == {True: 1, False: 19}
    row, jobs = Generation.objects.get(pk=clip.pk), list(RemoteJob.objects.values_list("remote_id", flat=True))
    assert (row.state, jobs) in [(State.PROCESSING, ["job_1"]), (State.UNKNOWN, [None]), (State.QUEUED, [])]
    assert kinds(clip) == ["charge"]


def test_fifty_workers_share_the_available_requests(own_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    account.upstream_account()
    # Dated an hour ahead, so that no request is refilled while the test runs.
    later = timezone.now() + timedelta(hours=1)
    UpstreamAccount.objects.update(limit_per_minute=300, tokens=30, counted_at=later)
    clock_of_account = "tchavi_studio.generations.upstream.account.timezone.now"
    monkeypatch.setattr(clock_of_account, lambda: later)
    assert results([lambda: bool(account.take_requests(1))] * 50) == {True: 30, False: 20}
    assert UpstreamAccount.objects.get().tokens == 0


def test_many_workers_create_one_account_row(own_database: Database) -> None:
    assert sum(results([lambda: bool(account.take_requests(1))] * 12).values()) == 12
    assert UpstreamAccount.objects.count() == 1


def make_jobs(workspace: Workspace, count: int) -> None:
    clips = Generation.objects.bulk_create(
        Generation(
            workspace=workspace,
            model="seedance-2",
            prompt="Dawn",
            duration_seconds=5,
            resolution="480p",
            aspect_ratio="16:9",
            generate_audio=True,
            seed=number,
            width=864,
            height=496,
            engine=Engine.TCHAVI,
            book="live",
            price_credits=0,
            state=State.PROCESSING,
        )
        for number in range(count)
    )
    RemoteJob.objects.bulk_create(
        RemoteJob(
            reference=clip.pk,
            generation=clip,
            attempt_id=uuid4(),
            sent_at=timezone.now(),
            remote_id=f"job_{clip.seed}",
            poll_at=timezone.now(),
        )
        for clip in clips
    )


def test_pumps_never_claim_the_same_job(own_database: Database, workspace: Workspace) -> None:
    make_jobs(workspace, 80)
    looks: list[Look | None] = []
    assert outcomes_of([lambda: looks.append(following.claim_due_jobs())] * 6) == {"NoneType": 6}
    held = [remote_id for look in looks if look is not None for remote_id in look.unseen]
    assert len(held) == len(set(held)) == 80


def test_two_looks_end_a_job_once(clip: Generation, workspace: Workspace) -> None:
    """The first was paused past its lease; both apply the same news concurrently."""
    (sent,) = submission.write_down(submission.sendable(now=timezone.now()))
    submission.record_accepted(sent, Accepted(remote_id="job_1", billed_credits=1300))
    RemoteJob.objects.update(poll_at=timezone.now())
    look = following.claim_due_jobs()
    assert look is not None
    looks = [Look(claim=look.claim, unseen=dict(look.unseen), places={}) for _worker in range(10)]
    news = Snapshot(remote_id="job_1", state=RemoteState.FAILED, refunded_credits=1300)

    def take_in(look: Look) -> Callable[[], object]:
        return lambda: following.apply_snapshots(look, [news], interval_seconds=1)

    assert outcomes_of([take_in(look) for look in looks]) == {"int": 10}
    assert Generation.objects.get(pk=clip.pk).state == State.FAILED
    assert kinds(clip) == ["charge", "refund"]
    assert list(verify_ledger()) == []


def test_a_deadline_and_news_do_not_deadlock(own_database: Database, workspace: Workspace) -> None:
    make_jobs(workspace, 30)
    Generation.objects.update(started_at=timezone.now() - timedelta(days=1))
    look = following.claim_due_jobs()
    assert look is not None
    news = [
        Snapshot(remote_id=remote_id, state=RemoteState.COMPLETED, output_url="https://x/1")
        for remote_id in look.unseen
    ]
    calls: list[Callable[[], object]] = [
        lambda: following.apply_snapshots(look, news, interval_seconds=1),
        *[following.fail_overdue] * 3,
    ]
    assert outcomes_of(calls) == {"int": 4}
    assert set(Generation.objects.values_list("state", flat=True)) == {State.FAILED}


def test_each_download_is_claimed_once(own_database: Database, workspace: Workspace) -> None:
    make_jobs(workspace, 5)
    Generation.objects.update(state=State.SAVING)
    claims: list[Claim[Generation] | None] = []
    assert outcomes_of([lambda: claims.append(transfers.claim_next_download())] * 10) == {"NoneType": 10}
    taken = [claim.pk for claim in claims if claim is not None]
    assert (len(taken), len(set(taken))) == (5, 5)
