"""Every move of a generation and its credits, even late, twice, or by a worker that no longer holds it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import store_output
from tchavi_studio.generations import lifecycle, services
from tchavi_studio.generations.failures import output_failure_code
from tchavi_studio.generations.models import Generation, GenerationReference, State
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.runtime.leases import Claim
from tchavi_studio.workspaces.models import Workspace
from tests.plans import listed_by_index

from .conftest import write_clip


def refunds(generation: Generation) -> int:
    return Transfer.objects.filter(reference=generation.pk, kind="refund").count()


def claim() -> Claim[Generation]:
    claimed = lifecycle.claim_next_render()
    assert claimed is not None
    return claimed


def end_lease(generation: Generation) -> None:
    Generation.objects.filter(pk=generation.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def test_the_oldest_waiting_clip_is_claimed_first_and_once(start: Callable[..., Generation]) -> None:
    first, second = start(), start()
    claims = [claim(), claim()]
    assert [one.pk for one in claims] == [first.pk, second.pk]
    assert lifecycle.claim_next_render() is None
    first.refresh_from_db()
    assert (first.state, first.leased_by, first.attempt_count) == (State.PROCESSING, claims[0].token, 1)
    assert first.progress_percent == 0
    assert first.leased_until is not None
    assert first.started_at is not None


def test_progress_is_recorded_and_renews_the_lease(start: Callable[..., Generation]) -> None:
    generation = start()
    claimed = claim()
    generation.refresh_from_db()
    lease_before, version_before = generation.leased_until, generation.version
    assert lifecycle.report_progress(claimed, progress_percent=40) is True
    generation.refresh_from_db()
    assert (generation.progress_percent, generation.version) == (40, version_before + 1)
    assert generation.leased_until is not None
    assert lease_before is not None
    assert generation.leased_until > lease_before


def test_a_finished_render_is_stored_and_completed(
    start: Callable[..., Generation], tmp_path: Path, workspace: Workspace
) -> None:
    generation = start()
    path = write_clip(tmp_path / "clip.mp4")
    assert lifecycle.finish_generation(claim(), path=path, content_hash="ab" * 32) is True
    generation.refresh_from_db()
    assert (generation.state, generation.content_hash, generation.progress_percent) == (
        State.COMPLETED,
        "ab" * 32,
        None,
    )
    assert generation.output is not None
    assert (generation.output.width, generation.output.height, generation.output.frame_rate) == (320, 320, 24.0)
    assert generation.output.poster
    assert not path.exists()
    assert wallet_balance(workspace=workspace, book="sandbox") == 8_700


def test_a_truncated_file_fails_and_refunds_the_clip(
    start: Callable[..., Generation], tmp_path: Path, workspace: Workspace
) -> None:
    generation = start()
    path = write_clip(tmp_path / "clip.mp4", frame_count=48)
    path.write_bytes(path.read_bytes()[:-1500])
    assert lifecycle.finish_generation(claim(), path=path) is True
    generation.refresh_from_db()
    assert (generation.state, generation.error_code, generation.output) == (State.FAILED, "output_unreadable", None)
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000
    assert Asset.objects.count() == 0


def test_a_worker_past_its_lease_writes_nothing(start: Callable[..., Generation], tmp_path: Path) -> None:
    generation = start()
    paused = claim()
    end_lease(generation)
    assert lifecycle.rescue_abandoned_renders() == 1
    current = claim()
    assert lifecycle.report_progress(paused, progress_percent=90) is False
    assert lifecycle.finish_generation(paused, path=write_clip(tmp_path / "late.mp4")) is False
    assert lifecycle.fail_generation(generation.pk, code="x", message="x", only_if=paused.held) is False
    generation.refresh_from_db()
    assert (generation.state, generation.leased_by) == (State.PROCESSING, current.token)
    assert generation.progress_percent == 0
    assert Asset.objects.count() == 0
    assert refunds(generation) == 0
    assert lifecycle.finish_generation(current, path=write_clip(tmp_path / "now.mp4")) is True


def test_an_abandoned_render_is_tried_three_times_then_refunded(
    start: Callable[..., Generation], workspace: Workspace
) -> None:
    generation = start()
    for _attempt in range(2):
        claim()
        end_lease(generation)
        assert lifecycle.rescue_abandoned_renders() == 1
    claim()
    assert lifecycle.rescue_abandoned_renders() == 0
    end_lease(generation)
    assert lifecycle.rescue_abandoned_renders() == 1
    generation.refresh_from_db()
    assert (generation.state, generation.error_code) == (State.FAILED, "render_interrupted")
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000


def test_a_worker_that_died_while_saving_is_rescued_too(start: Callable[..., Generation]) -> None:
    generation = start()
    claim()
    Generation.objects.filter(pk=generation.pk).update(state=State.SAVING)
    end_lease(generation)
    assert lifecycle.rescue_abandoned_renders() == 1
    generation.refresh_from_db()
    assert generation.state == State.QUEUED


@pytest.mark.parametrize("again", [1, 2])
def test_failing_twice_refunds_once(start: Callable[..., Generation], workspace: Workspace, again: int) -> None:
    generation = start()
    assert lifecycle.fail_generation(generation.pk, code="refused", message="A real person's face.") is True
    for _time in range(again):
        assert lifecycle.fail_generation(generation.pk, code="other", message="x") is False
        assert lifecycle.cancel_queued(generation.pk) is False
    generation.refresh_from_db()
    assert (generation.state, generation.error_code, generation.error_message) == (
        State.FAILED,
        "refused",
        "A real person's face.",
    )
    assert refunds(generation) == 1
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000


def test_a_success_after_the_refund_changes_nothing(start: Callable[..., Generation], tmp_path: Path) -> None:
    generation = start()
    claimed = claim()
    lifecycle.fail_generation(generation.pk, code="stuck", message="It took too long.")
    path = write_clip(tmp_path / "late.mp4")
    assert lifecycle.finish_generation(claimed, path=path) is False
    generation.refresh_from_db()
    assert (generation.state, generation.output) == (State.FAILED, None)
    assert not path.exists()


def test_a_clip_that_ends_while_its_file_is_stored_keeps_no_file(
    start: Callable[..., Generation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = start()
    claimed = claim()

    def store_and_lose_the_row(**arguments: object) -> Asset:
        asset = store_output(**arguments)  # type: ignore[arg-type]
        lifecycle.fail_generation(generation.pk, code="stuck", message="It took too long.")
        return asset

    monkeypatch.setattr(lifecycle, "store_output", store_and_lose_the_row)
    assert lifecycle.finish_generation(claimed, path=write_clip(tmp_path / "clip.mp4")) is False
    assert Asset.objects.count() == 0
    assert refunds(generation) == 1


def test_only_finished_clips_can_be_deleted(start: Callable[..., Generation]) -> None:
    generation = start()
    claim()
    with pytest.raises(services.StillOpenError):
        services.delete_clip(generation=generation, actor=generation.creator)


def test_an_orphaned_output_is_deleted_after_an_hour(
    start: Callable[..., Generation], workspace: Workspace, tmp_path: Path
) -> None:
    owned = start()
    lifecycle.finish_generation(claim(), path=write_clip(tmp_path / "owned.mp4"))
    stored_at = timezone.now()
    left = store_output(workspace=workspace, user=None, path=write_clip(tmp_path / "left.mp4"))
    assert left.unowned_since is not None
    assert left.unowned_since >= stored_at
    Asset.objects.filter(pk=left.pk).update(unowned_since=timezone.now() - timedelta(minutes=59))
    assert lifecycle.delete_orphaned_outputs() == 0
    Asset.objects.filter(pk=left.pk).update(unowned_since=timezone.now() - timedelta(minutes=61))
    with listed_by_index(Asset, Generation):
        assert lifecycle.delete_orphaned_outputs() == 1
    kept = Asset.objects.get()
    assert (kept.generation, kept.unowned_since) == (owned, None)


def test_an_orphan_that_a_clip_was_made_from_stays_as_long_as_that_clip(
    start: Callable[..., Generation], complete: Callable[[Generation], None]
) -> None:
    purged, remix = start(), start()
    complete(purged)
    output = Asset.objects.get()
    reference = GenerationReference.objects.create(generation=remix, role="reference_video", position=1, asset=output)
    Generation.objects.filter(pk=purged.pk).update(purge_at=timezone.now())
    assert services.purge_bin() == 1
    hour_later = timezone.now() + timedelta(minutes=61)
    with time_machine.travel(hour_later, tick=False):
        assert lifecycle.delete_orphaned_outputs() == 0
        output.refresh_from_db()
        assert output.unowned_since == hour_later, "others that wait are looked at first"
    reference.delete()
    with time_machine.travel(hour_later + timedelta(minutes=61), tick=False):
        assert lifecycle.delete_orphaned_outputs() == 1
    assert Asset.objects.count() == 0


@pytest.mark.parametrize(
    ("refusal_code", "failure_code"), [("too_complex", "output_unchecked"), ("truncated_file", "output_unreadable")]
)
def test_an_unchecked_file_is_not_called_damaged(refusal_code: str, failure_code: str) -> None:
    assert output_failure_code(refusal_code) == failure_code
