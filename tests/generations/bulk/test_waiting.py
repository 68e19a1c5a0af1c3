"""Cancel all of one's own clips that wait."""

import pytest
from django.utils import timezone

from tchavi_studio.generations.bulk import waiting
from tchavi_studio.generations.bulk.waiting import MAX_COUNT, Cancelled, cancel_waiting_clips, waiting_clips
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.workspaces.models import Membership, Visibility, Workspace
from tests.generations.bulk.conftest import MakeClips
from tests.plans import listed_by_index


def test_what_waits_is_cancelled_and_refunded(
    membership: Membership, bob_here: Membership, workspace: Workspace, make_clips: MakeClips
) -> None:
    mine = make_clips(3, is_open=True)
    (begun,) = make_clips(1, is_open=True)
    Generation.objects.filter(pk=begun.pk).update(state=State.PROCESSING, started_at=timezone.now())
    done = make_clips(1)
    bobs = make_clips(1, is_open=True, creator=bob_here.user, visibility=Visibility.WORKSPACE)
    before = wallet_balance(workspace=workspace, book="sandbox")
    with listed_by_index(Generation):
        found = cancel_waiting_clips(membership=membership)
    assert found == Cancelled(count=3, refunded_credits=3_900, begun_count=1, waiting_count=0)
    assert wallet_balance(workspace=workspace, book="sandbox") == before + 3_900
    states = dict(Generation.objects.values_list("pk", "state"))
    assert {states[clip.pk] for clip in mine} == {"cancelled"}
    assert [states[clip.pk] for clip in (begun, *done, *bobs)] == ["processing", "completed", "queued"]
    assert list(verify_ledger()) == []
    again = cancel_waiting_clips(membership=membership)
    assert (again.count, again.refunded_credits) == (0, 0)


def test_it_stops_when_time_is_up(
    membership: Membership, make_clips: MakeClips, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clips(3, is_open=True)
    monkeypatch.setattr(waiting, "MAX_SECONDS", 0.0)
    found = cancel_waiting_clips(membership=membership)
    assert found == Cancelled(count=1, refunded_credits=1_300, begun_count=0, waiting_count=2)
    assert waiting_clips(membership).count() == 2


@pytest.mark.one_database
def test_counting_reads_open_clips_only(membership: Membership) -> None:
    """All indexes of the person's clips lead to them, but only this one hasn't those that ended."""
    plan = waiting_clips(membership).order_by().values("pk")[:MAX_COUNT].explain()
    assert "USING COVERING INDEX generation_running" in plan
