"""Collecting and tagging many clips."""

import pytest

from tchavi_studio.generations import tasks
from tchavi_studio.generations.bulk import jobs
from tchavi_studio.generations.bulk.actions import RESTORE, bulk_actions
from tchavi_studio.generations.bulk.models import BulkJob
from tchavi_studio.generations.bulk.selection import Binned, Listed, Named, selection_from_json
from tchavi_studio.generations.library.filters import Filters
from tchavi_studio.generations.models import Collection, Generation, Tag, Tagging
from tchavi_studio.generations.organising import collections, tags
from tchavi_studio.generations.organising.bulk import COLLECT, TAG, UNCOLLECT, UNTAG, NoCollectionError
from tchavi_studio.generations.organising.collections import CollectionRefusedError, create_collection
from tchavi_studio.generations.organising.tags import TagRefusedError, tag_clips
from tchavi_studio.generations.services import delete_clip
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.workspaces.models import Membership, User, Visibility
from tchavi_studio.workspaces.services import create_workspace
from tests.generations.bulk.conftest import MakeClips

MINE = Listed(scope=Scope.MINE, filters=Filters())

pytestmark = pytest.mark.usefixtures("small_batches")


def named(clips: list[Generation]) -> Named:
    return Named([clip.pk for clip in clips])


def in_order(collection: Collection) -> list[object]:
    return list(collection.items.order_by("position").values_list("entry__generation", flat=True))


@pytest.fixture
def spring(membership: Membership) -> Collection:
    return create_collection(membership=membership, name="Spring")


def collect(membership: Membership, selection: Named | Listed, collection: Collection) -> BulkJob:
    options = {"collection": str(collection.pk), "collection_name": ""}
    return jobs.start_job(membership=membership, action=COLLECT, selection=selection, options=options)


def tag(membership: Membership, selection: Named | Listed, name: str = "Night") -> BulkJob:
    return jobs.start_job(membership=membership, action=TAG, selection=selection, options={"tag": name})


class TestCollecting:
    def test_clips_come_in_the_order_of_the_selection(
        self, membership: Membership, make_clips: MakeClips, spring: Collection
    ) -> None:
        first, second, third = make_clips(3)
        job = collect(membership, named([third, first, second]), spring)
        assert (job.changed_count, job.left_counts, job.batch_count) == (3, {}, 2)
        assert in_order(spring) == [third.pk, first.pk, second.pk]
        again = collect(membership, named([first, second]), spring)
        assert (again.changed_count, again.left_counts) == (0, {"unchanged": 2})

    def test_all_results_are_added_in_the_background_and_taken_out_again(
        self, membership: Membership, make_clips: MakeClips, spring: Collection
    ) -> None:
        clips = make_clips(5)
        collect(membership, named(clips[:1]), spring)
        job = collect(membership, MINE, spring)
        assert job.is_long
        tasks.work_on_bulk_jobs()
        job.refresh_from_db()
        assert (job.changed_count, job.left_counts) == (4, {"unchanged": 1})
        assert in_order(spring) == [clip.pk for clip in (clips[0], *reversed(clips[1:]))]
        undone = jobs.undo_job(membership=membership, job=job)
        assert (undone.action, undone.changed_count) == ("uncollect", 4)
        assert in_order(spring) == [clips[0].pk]

    def test_a_new_collection_is_made_once(self, membership: Membership, make_clips: MakeClips) -> None:
        clips = make_clips(3)
        options = {"collection": "", "collection_name": "Rain"}
        jobs.start_job(membership=membership, action=COLLECT, selection=named(clips), options=options)
        assert in_order(Collection.objects.get(name="Rain")) == [clip.pk for clip in clips]

    @pytest.mark.parametrize(
        ("options", "refusal"),
        [
            ({"collection": "", "collection_name": " "}, CollectionRefusedError),
            ({"collection": "987"}, NoCollectionError),
            ({"collection": "x"}, NoCollectionError),
            ({}, CollectionRefusedError),
        ],
    )
    def test_what_cant_be_is_refused_before_anything_starts(
        self, membership: Membership, make_clips: MakeClips, options: dict[str, str], refusal: type[Exception]
    ) -> None:
        make_clips(1)
        for action in (COLLECT, UNCOLLECT):
            with pytest.raises(refusal):
                jobs.start_job(membership=membership, action=action, selection=MINE, options=options)
        assert not BulkJob.objects.exists()

    def test_other_workspaces_collections_are_none(
        self, membership: Membership, make_clips: MakeClips, bob: User
    ) -> None:
        make_clips(1)
        elsewhere = create_workspace(owner=bob, name="Elsewhere")
        theirs = create_collection(membership=Membership.objects.get(workspace=elsewhere, user=bob), name="Bob's")
        with pytest.raises(NoCollectionError):
            collect(membership, MINE, theirs)

    def test_as_many_as_there_is_room_for(
        self, membership: Membership, make_clips: MakeClips, spring: Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clips = make_clips(4)
        monkeypatch.setattr(collections, "MAX_CLIPS", 3)
        job = collect(membership, named(clips), spring)
        assert (job.changed_count, job.left_counts) == (3, {"full": 1})
        assert in_order(spring) == [clip.pk for clip in clips[:3]]

    def test_a_job_stops_if_its_collection_goes(
        self, membership: Membership, make_clips: MakeClips, spring: Collection
    ) -> None:
        make_clips(5)
        job = collect(membership, MINE, spring)
        spring.delete()
        tasks.work_on_bulk_jobs()
        job.refresh_from_db()
        assert (job.was_stopped, job.changed_count, job.leased_by) == (True, 0, None)

    def test_others_private_clips_stay_out(
        self, membership: Membership, bob_here: Membership, make_clips: MakeClips
    ) -> None:
        (private,) = make_clips(1)
        (shared,) = make_clips(1, visibility=Visibility.WORKSPACE)
        theirs = create_collection(membership=bob_here, name="Bob's")
        job = collect(bob_here, named([private, shared]), theirs)
        assert (job.changed_count, job.left_counts) == (1, {"gone": 1})
        assert in_order(theirs) == [shared.pk]


class TestTagging:
    def test_clips_get_a_tag_and_lose_it(self, membership: Membership, make_clips: MakeClips) -> None:
        clips = make_clips(5)
        tag_clips(membership=membership, generation_ids=[clips[0].pk], name="night")
        job = tag(membership, MINE, "Night")
        tasks.work_on_bulk_jobs()
        job.refresh_from_db()
        assert (job.is_long, job.changed_count, job.left_counts) == (True, 4, {"unchanged": 1})
        assert Tagging.objects.filter(tag__name="night").count() == 5
        undone = jobs.undo_job(membership=membership, job=job)
        assert (undone.action, undone.changed_count) == ("untag", 4)
        assert list(Tagging.objects.values_list("entry__generation", flat=True)) == [clips[0].pk]
        jobs.start_job(membership=membership, action=UNTAG, selection=named(clips[:1]), options={"tag": "NIGHT"})
        assert not Tag.objects.exists()

    def test_full_clips_are_left_out(
        self, membership: Membership, make_clips: MakeClips, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        full, free = make_clips(2)
        tag_clips(membership=membership, generation_ids=[full.pk], name="one")
        monkeypatch.setattr(tags, "MAX_TAGS_PER_CLIP", 1)
        job = tag(membership, named([full, free]))
        assert (job.changed_count, job.left_counts) == (1, {"full": 1})

    @pytest.mark.parametrize("action", ["tag", "untag"])
    def test_a_tag_needs_a_name(self, membership: Membership, make_clips: MakeClips, action: str) -> None:
        make_clips(1)
        with pytest.raises(TagRefusedError):
            jobs.start_job(membership=membership, action=bulk_actions[action], selection=MINE, options={"tag": "!"})


class TestTheBin:
    def test_all_of_it_is_restored(
        self,
        membership: Membership,
        make_clips: MakeClips,
        bob_here: Membership,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        clips = make_clips(4)
        (theirs,) = make_clips(1, creator=bob_here.user, visibility=Visibility.WORKSPACE)
        (kept,) = make_clips(1)
        # Deleted at once, more than a page, and one by one.
        monkeypatch.setattr(jobs, "BATCH_LENGTH", 3)
        jobs.start_job(membership=membership, action=bulk_actions["delete"], selection=named(clips[:3]))
        monkeypatch.setattr(jobs, "BATCH_LENGTH", 2)
        delete_clip(generation=clips[3], actor=membership.user)
        delete_clip(generation=theirs, actor=bob_here.user)
        assert selection_from_json(Binned().as_json()) == Binned()
        assert Binned().count(membership) == 4
        job = jobs.start_job(membership=membership, action=RESTORE, selection=Binned())
        assert (job.changed_count, job.left_counts, job.batch_count) == (4, {}, 1)
        left = Generation.objects.filter(deleted_at__isnull=False)
        assert list(left.values_list("pk", flat=True)) == [theirs.pk]
        assert kept.deleted_at is None

    def test_page_by_page(self, membership: Membership, make_clips: MakeClips) -> None:
        clips = make_clips(5)
        for clip in clips:
            delete_clip(generation=clip, actor=membership.user)
        job = jobs.start_job(membership=membership, action=RESTORE, selection=Binned())
        tasks.work_on_bulk_jobs()
        job.refresh_from_db()
        assert (job.is_long, job.changed_count, job.batch_count) == (True, 5, 3)
