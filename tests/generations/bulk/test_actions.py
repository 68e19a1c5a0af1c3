"""Delete, restore, share and make private: which clips change, and why others are left alone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.generations.bulk.actions import DELETE, MAKE_PRIVATE, RESTORE, SHARE, BulkAction
from tchavi_studio.generations.bulk.jobs import start_job
from tchavi_studio.generations.bulk.models import BulkJob
from tchavi_studio.generations.bulk.selection import Named
from tchavi_studio.generations.library.entries import recount_months
from tchavi_studio.generations.library.models import LibraryEntry, LibraryMonth
from tchavi_studio.generations.models import Generation, GenerationReference
from tchavi_studio.generations.services import delete_clip, dismiss_failure
from tchavi_studio.generations.visibility import references_ever_shared
from tchavi_studio.workspaces.models import ActivityRow, Membership, User, Visibility, Workspace
from tests.assets.conftest import make_asset
from tests.generations.bulk.conftest import MakeClips


@pytest.fixture(autouse=True)
def counts_are_right(db: None) -> Iterator[None]:
    """Whatever a test does: in the end the months have what the entries add up to."""
    yield
    months = LibraryMonth.objects.exclude(clip_count=0, spent_credits=0).order_by("owner_id", "month")
    found = list(months.values_list("owner_id", "month", "clip_count", "spent_credits"))
    for workspace in Workspace.objects.all():
        recount_months(workspace=workspace)
    assert list(months.values_list("owner_id", "month", "clip_count", "spent_credits")) == found


def do(membership: Membership, action: BulkAction, clips: list[Generation]) -> tuple[int, dict[str, int]]:
    """How many clips were changed, and how many were left alone for which reason."""
    job = start_job(membership=membership, action=action, selection=Named([clip.pk for clip in clips]))
    assert job.ended_at is not None
    return job.changed_count, job.left_counts


def row(clip: Generation) -> Generation:
    return Generation.objects.get(pk=clip.pk)


def test_delete_moves_to_the_bin(membership: Membership, make_clips: MakeClips) -> None:
    done, binned, running = make_clips(1)[0], make_clips(1)[0], make_clips(1, is_open=True)[0]
    delete_clip(generation=binned, actor=None)
    before = {clip.pk: row(clip) for clip in (done, binned, running)}
    assert do(membership, DELETE, [done, binned, running]) == (1, {"unchanged": 1, "running": 1})
    deleted = row(done)
    assert deleted.deleted_at is not None
    assert deleted.purge_at == deleted.deleted_at + timedelta(days=30)
    assert deleted.version == before[done.pk].version + 1
    assert deleted.updated_at > before[done.pk].updated_at
    for other in (binned, running):
        assert (row(other).version, row(other).deleted_at) == (before[other.pk].version, before[other.pk].deleted_at)
    listed = LibraryEntry.objects.filter(is_listed=True)
    assert list(listed.values_list("generation", flat=True)) == [running.pk]


def test_restore_takes_out_of_the_bin(membership: Membership, make_clips: MakeClips) -> None:
    binned, done = make_clips(2)
    dismissed = make_clips(1)[0]
    Generation.objects.filter(pk=dismissed.pk).update(state="failed", output=None)
    dismiss_failure(generation=dismissed)
    for clip in (binned, dismissed):
        delete_clip(generation=clip, actor=None)
    assert do(membership, RESTORE, [binned, done, dismissed]) == (2, {"unchanged": 1})
    assert (row(binned).deleted_at, row(binned).purge_at, row(dismissed).deleted_at) == (None, None, None)
    listed = LibraryEntry.objects.filter(is_listed=True).values_list("generation", flat=True)
    assert set(listed) == {binned.pk, done.pk}, "a dismissed failure stays off the list"


def test_share_and_make_private(membership: Membership, bob_here: Membership, make_clips: MakeClips) -> None:
    own, running = make_clips(2), make_clips(1, is_open=True)
    bobs = make_clips(1, creator=bob_here.user, visibility=Visibility.WORKSPACE)
    hidden = make_clips(1, creator=bob_here.user)
    began_at = timezone.now()
    assert do(membership, SHARE, [*own, *running, *bobs, *hidden]) == (3, {"unchanged": 1, "gone": 1})
    shared = Generation.objects.filter(is_shared=True, shared_at__gte=began_at, creator=membership.user)
    assert set(shared) == {*own, *running}
    assert set(LibraryEntry.objects.filter(is_shared=True).values_list("generation", flat=True)) == {
        clip.pk for clip in (*own, *running, *bobs)
    }
    assert not row(hidden[0]).is_shared
    # Bob may take his own clip back, but not Alice's; Alice, who manages the workspace, may take back both.
    assert do(bob_here, MAKE_PRIVATE, [*own, *bobs]) == (1, {"not_allowed": 2})
    assert do(membership, MAKE_PRIVATE, [*own, *bobs]) == (2, {"gone": 1})


def test_references_of_shared_clips_are_the_workspaces(membership: Membership, make_clips: MakeClips) -> None:
    [clip] = make_clips(1)
    photo, unused = make_asset(membership.workspace), make_asset(membership.workspace)
    GenerationReference.objects.create(generation=clip, role="reference_image", position=1, asset=photo)
    do(membership, SHARE, [clip])
    assert [asset.pk for asset in references_ever_shared(membership)] == [photo.pk] != [unused.pk]


def test_others_clips(membership: Membership, bob_here: Membership, make_clips: MakeClips) -> None:
    alices = make_clips(1, visibility=Visibility.WORKSPACE)
    bobs = make_clips(1, creator=bob_here.user, visibility=Visibility.WORKSPACE)
    assert do(bob_here, DELETE, alices) == (0, {"not_allowed": 1})
    assert do(membership, DELETE, bobs) == (1, {}), "whoever manages the workspace may bin what is shared"
    assert do(bob_here, RESTORE, bobs) == (1, {})


def test_another_workspace_is_out_of_reach(bob: User, make_clips: MakeClips) -> None:
    clips = make_clips(1, visibility=Visibility.WORKSPACE)
    for action in (DELETE, RESTORE, SHARE, MAKE_PRIVATE):
        assert do(bob.memberships.get(), action, clips) == (0, {"gone": 1})
    assert row(clips[0]).version == clips[0].version


# --- Activity ---------------------------------------------------------------------------------------------------------


def activity(workspace: Workspace) -> list[tuple[Any, ...]]:
    rows = ActivityRow.objects.filter(workspace=workspace, kind__startswith="clip.").order_by("sequence")
    return [(row.kind, row.actor_id, row.subject_id, row.reference, row.details) for row in rows]


def test_an_act_is_one_row(membership: Membership, workspace: Workspace, alice: User, make_clips: MakeClips) -> None:
    do(membership, SHARE, make_clips(3))
    assert activity(workspace) == [("clip.shared", alice.pk, None, BulkJob.objects.get().pk, {"count": 3})]


def test_an_act_on_one_clip_is_written_as_such(
    membership: Membership, bob_here: Membership, workspace: Workspace, alice: User, make_clips: MakeClips
) -> None:
    (clip,) = make_clips(1, creator=bob_here.user, visibility=Visibility.WORKSPACE)
    do(membership, DELETE, [clip, *make_clips(1, is_open=True)])
    assert activity(workspace) == [("clip.deleted", alice.pk, bob_here.user_id, clip.pk, {})]


def test_nothing_changed_is_nothing_written(
    membership: Membership, workspace: Workspace, make_clips: MakeClips
) -> None:
    assert do(membership, RESTORE, make_clips(2)) == (0, {"unchanged": 2})
    assert activity(workspace) == []


# --- What it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [DELETE, SHARE], ids=lambda action: action.name)
def test_statements_do_not_grow_with_the_clips(
    membership: Membership, make_clips: MakeClips, action: BulkAction
) -> None:
    counts = []
    for number in (2, 2, 20):
        clips = make_clips(number)
        with CaptureQueriesContext(connection) as captured:
            assert do(membership, action, clips) == (number, {})
        counts.append(len(captured))
    # The first act in a workspace also writes the month and the end of the chain.
    assert counts[1] == counts[2] <= 25
