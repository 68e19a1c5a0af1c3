"""Jobs on many clips: batch by batch, in turns, stopped, undone, and going on after a kill."""

import signal
import subprocess
import sys
from datetime import date, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from tchavi_studio.generations import tasks
from tchavi_studio.generations.bulk import jobs
from tchavi_studio.generations.bulk.actions import DELETE, SHARE
from tchavi_studio.generations.bulk.models import BulkBatch, BulkJob
from tchavi_studio.generations.bulk.queries import may_be_undone, shown_job
from tchavi_studio.generations.bulk.selection import Listed, Named
from tchavi_studio.generations.library.filters import Filters
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.runtime.leases import new_claim
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, Visibility
from tchavi_studio.workspaces.verification import verify_activity
from tests.databases import Database
from tests.generations.bulk.conftest import MakeClips
from tests.ledger.test_concurrency import outcomes_of
from tests.plans import listed_by_index

MINE = Listed(scope=Scope.MINE, filters=Filters())


def binned() -> set[object]:
    return set(Generation.objects.filter(deleted_at__isnull=False).values_list("pk", flat=True))


def ids(clips: list[Generation]) -> list[object]:
    return [clip.pk for clip in clips]


def delete(membership: Membership, selection: Listed | Named = MINE) -> BulkJob:
    return jobs.start_job(membership=membership, action=DELETE, selection=selection)


@pytest.mark.usefixtures("small_batches")
class TestAList:
    def test_a_few_clips_are_done_at_once(self, membership: Membership, make_clips: MakeClips) -> None:
        clips = make_clips(3)
        job = delete(membership)
        assert (job.is_long, job.total_count, job.changed_count, job.batch_count) == (False, 3, 3, 2)
        assert (job.ended_at is not None, job.leased_by, job.is_shown) == (True, None, False)
        assert binned() == set(ids(clips))
        assert shown_job(membership) is None

    def test_many_are_done_in_the_background(self, membership: Membership, make_clips: MakeClips) -> None:
        clips = make_clips(5)
        job = delete(membership)
        assert (job.is_long, job.total_count, job.changed_count, job.ended_at) == (True, 5, 0, None)
        assert binned() == set()
        assert shown_job(membership) == job
        tasks.work_on_bulk_jobs()
        job.refresh_from_db()
        assert (job.changed_count, job.batch_count, job.position) == (5, 3, None)
        assert job.ended_at is not None
        assert binned() == set(ids(clips))
        row = ActivityRow.objects.get(kind="clip.deleted")
        assert (row.details, row.reference) == ({"count": 5}, job.pk)

    def test_filters_are_kept(self, membership: Membership, make_clips: MakeClips) -> None:
        today = timezone.now().date()
        wanted = Filters(text="boat", model="seedance-2", has_sound=True, since=today, until=today + timedelta(days=1))
        boats = make_clips(3, prompt="A paper boat in the rain")
        make_clips(3)
        listed = Listed(scope=Scope.MINE, filters=wanted)
        assert Listed.from_json(listed.as_json()) == listed
        assert Listed.from_json(MINE.as_json()) == MINE
        job = delete(membership, listed)
        assert (job.changed_count, binned()) == (3, set(ids(boats)))

    def test_a_day_without_clips(self, membership: Membership, make_clips: MakeClips) -> None:
        make_clips(1)
        job = delete(membership, Listed(scope=Scope.MINE, filters=Filters(until=date(2020, 1, 1))))
        assert (job.changed_count, job.left_counts, job.ended_at is not None) == (0, {}, True)

    def test_one_in_the_background_at_a_time(
        self, membership: Membership, bob_here: Membership, make_clips: MakeClips
    ) -> None:
        clips = make_clips(5)
        first = delete(membership)
        with pytest.raises(jobs.JobUnderWayError):
            jobs.start_job(membership=membership, action=SHARE, selection=MINE)
        # A few clips needn't wait for it, nor does anybody else.
        few = jobs.start_job(membership=membership, action=SHARE, selection=Named([clips[0].pk]))
        assert few.changed_count == 1
        make_clips(5, creator=bob_here.user)
        assert delete(bob_here).is_long
        jobs.stop_job(job=first)
        assert jobs.start_job(membership=membership, action=SHARE, selection=MINE).is_long

    def test_people_take_turns(self, membership: Membership, bob_here: Membership, make_clips: MakeClips) -> None:
        make_clips(5)
        make_clips(5, creator=bob_here.user)
        started = [delete(membership), delete(bob_here)]
        served = []
        while claim := jobs.claim_next_job():
            served.append(claim.pk)
            if jobs.do_batch(claim):
                claim.release()
        by_pk = {job.pk: number for number, job in enumerate(started)}
        order = [by_pk[pk] for pk in served]
        assert sorted(order) == [0, 0, 0, 1, 1, 1]
        assert all(one != following for one, following in pairwise(order))

    def test_stop(self, membership: Membership, make_clips: MakeClips) -> None:
        make_clips(5)
        job = delete(membership)
        claim = jobs.claim_next_job()
        assert claim is not None
        assert jobs.do_batch(claim)
        assert jobs.stop_job(job=job)
        assert not jobs.stop_job(job=job)
        assert not jobs.do_batch(claim), "whoever was at work writes nothing more"
        assert len(binned()) == 2
        job.refresh_from_db()
        assert (job.was_stopped, job.changed_count) == (True, 2)
        assert ActivityRow.objects.get(kind="clip.deleted").details == {"count": 2}

    def test_undo_restores_exactly_what_was_deleted(self, membership: Membership, make_clips: MakeClips) -> None:
        earlier = make_clips(1)
        delete(membership)
        clips = make_clips(5)
        job = delete(membership)
        claim = jobs.claim_next_job()
        assert claim is not None
        assert jobs.do_batch(claim)
        claim.release()
        # Still under way: it is stopped first.
        assert binned() == {*ids(earlier), *ids(clips[-2:])}
        undone = jobs.undo_job(membership=membership, job=job)
        assert (undone.action, undone.changed_count, undone.is_long) == ("restore", 2, False)
        assert binned() == set(ids(earlier))
        assert not may_be_undone(BulkJob.objects.get(pk=job.pk))
        with pytest.raises(ValueError, match="restore can't be undone"):
            jobs.undo_job(membership=membership, job=undone)

    def test_undo_of_many_runs_in_the_background(self, membership: Membership, make_clips: MakeClips) -> None:
        make_clips(5)
        job = delete(membership)
        tasks.work_on_bulk_jobs()
        job.refresh_from_db()
        assert may_be_undone(job)
        undone = jobs.undo_job(membership=membership, job=job)
        assert (undone.is_long, undone.total_count) == (True, 5)
        tasks.work_on_bulk_jobs()
        undone.refresh_from_db()
        assert (undone.changed_count, undone.batch_count, binned()) == (5, 3, set())

    @pytest.mark.parametrize("how", ["removed", "viewer", "archived"])
    def test_ends_when_its_person_may_no_longer(self, membership: Membership, make_clips: MakeClips, how: str) -> None:
        make_clips(5)
        job = delete(membership)
        if how == "removed":
            membership.delete()
        elif how == "viewer":
            Membership.objects.filter(pk=membership.pk).update(role=Role.VIEWER)
        else:
            type(membership.workspace).objects.update(archived_at=timezone.now())
        tasks.work_on_bulk_jobs()
        job.refresh_from_db()
        assert (job.was_stopped, job.changed_count, binned()) == (True, 0, set())


def test_named_clips_run_in_batches(
    membership: Membership, make_clips: MakeClips, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "BATCH_LENGTH", 2)
    clips = make_clips(4)
    job = delete(membership, Named([*ids(clips), uuid4()]))  # type: ignore[list-item]
    assert (job.changed_count, job.left_counts, job.batch_count) == (4, {"gone": 1}, 3)
    assert BulkBatch.objects.filter(job=job).count() == 2


def test_old_jobs_are_forgotten(membership: Membership, make_clips: MakeClips) -> None:
    make_clips(2)
    job = delete(membership)
    assert jobs.delete_old_jobs() == 0
    BulkJob.objects.update(ended_at=timezone.now() - timedelta(days=31))
    assert jobs.delete_old_jobs() == 1
    assert not BulkBatch.objects.filter(job=job).exists()


@pytest.mark.usefixtures("small_batches")
def test_a_lost_wake_up_is_made_up_for(membership: Membership, make_clips: MakeClips) -> None:
    make_clips(5)
    delete(membership)
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert [task.task["func"] for task in OrmQ.objects.all()] == ["tchavi_studio.generations.tasks.work_on_bulk_jobs"]


# --- Kills and races, in real transactions ----------------------------------------------------------------------------

KILLED = """
import os, signal
from dataclasses import replace
import django
django.setup()
from tchavi_studio.generations.bulk import actions, jobs
jobs.BATCH_LENGTH = 2
count = 0
def act(batch):
    global count
    count += 1
    result = actions._delete(batch)
    if count == 2:
        os.kill(os.getpid(), signal.SIGKILL)  # The second batch is changed, but not committed.
    return result
actions.register(replace(actions.DELETE, act=act))
from tchavi_studio.generations.tasks import work_on_bulk_jobs
work_on_bulk_jobs()
"""


@pytest.mark.own_database
@pytest.mark.processes
@pytest.mark.usefixtures("small_batches")
def test_a_killed_job_goes_on_where_it_was(
    own_database: Database, membership: Membership, make_clips: MakeClips
) -> None:
    clips = make_clips(5)
    job = delete(membership)
    environment = {**own_database.environment, "DJANGO_SETTINGS_MODULE": "tchavi_studio.settings"}
    killed = subprocess.run([sys.executable, "-c", KILLED], env=environment, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    job.refresh_from_db()
    assert (job.changed_count, job.batch_count, job.ended_at) == (2, 1, None)
    assert binned() == set(ids(clips[-2:]))
    assert jobs.claim_next_job() is None, "its lease still runs"
    BulkJob.objects.update(leased_until=timezone.now())
    versions = dict(Generation.objects.values_list("pk", "version"))
    tasks.work_on_bulk_jobs()
    job.refresh_from_db()
    assert (job.changed_count, job.left_counts, job.ended_at is not None) == (5, {}, True)
    assert binned() == set(ids(clips))
    now = dict(Generation.objects.values_list("pk", "version"))
    assert {pk: now[pk] - versions[pk] for pk in now} == {clip.pk: int(clip not in clips[-2:]) for clip in clips}, (
        "each clip changes once"
    )
    assert ActivityRow.objects.get(kind="clip.deleted").details == {"count": 5}
    assert list(verify_activity()) == []


@pytest.mark.own_database
def test_two_people_delete_and_share_the_same_clips(
    own_database: Database, membership: Membership, bob_here: Membership, make_clips: MakeClips
) -> None:
    """Nothing deadlocks, and each clip is changed by one of them."""
    Membership.objects.filter(pk=bob_here.pk).update(role=Role.ADMIN)
    bob_here.refresh_from_db()
    clips = make_clips(6, visibility=Visibility.WORKSPACE)
    there, back = Named([clip.pk for clip in clips]), Named([clip.pk for clip in reversed(clips)])
    calls = [
        lambda: delete(membership, there),
        lambda: delete(bob_here, back),
        lambda: jobs.start_job(membership=membership, action=SHARE, selection=back),
        lambda: delete(bob_here, there),
    ]
    assert outcomes_of([*calls, *calls]) == {"BulkJob": 8}
    assert binned() == {clip.pk for clip in clips}
    deleted = BulkJob.objects.filter(action="delete")
    assert sum(deleted.values_list("changed_count", flat=True)) == 6
    assert {job.changed_count + sum(job.left_counts.values()) for job in deleted} == {6}
    assert list(verify_activity()) == []


@pytest.mark.own_database
def test_two_workers_at_one_job(own_database: Database, membership: Membership, make_clips: MakeClips) -> None:
    make_clips(3)
    job = BulkJob.objects.create(
        workspace=membership.workspace,
        user=membership.user,
        action="delete",
        listed=MINE.as_json(),
        is_long=True,
        is_shown=True,
    )
    assert outcomes_of([tasks.work_on_bulk_jobs] * 4) == {"NoneType": 4}
    job.refresh_from_db()
    assert (job.changed_count, job.batch_count) == (3, 1)
    assert not jobs.do_batch(new_claim(BulkJob, pk=job.pk))
    assert ActivityRow.objects.filter(kind="clip.deleted").count() == 1


def test_jobs_are_found_by_index(membership: Membership, make_clips: MakeClips) -> None:
    make_clips(2)
    delete(membership)
    with listed_by_index(BulkJob):
        assert shown_job(membership) is None
        assert jobs.delete_old_jobs() == 0
