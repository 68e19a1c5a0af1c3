"""Favourites and ratings."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.generations.library.entries import entries_of
from tchavi_studio.generations.models import Favourite, Generation, LibraryEntry, Rating
from tchavi_studio.generations.organising import marks
from tchavi_studio.generations.organising.marks import (
    TooManyFavouritesError,
    mark_favourite,
    rate_clip,
    unmark_favourite,
)
from tchavi_studio.generations.organising.queries import Marks, marks_for_viewer
from tchavi_studio.generations.services import WorkspaceArchivedError, cancel_generation, delete_for_good, unshare_clip
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tchavi_studio.workspaces.services import delete_account
from tests.plans import listed_by_index

Start = Callable[..., Generation]


def entry_of(clip: Generation) -> LibraryEntry:
    return entries_of([clip.pk]).get()


def rating_of(clip: Generation) -> int:
    return entry_of(clip).rating


@pytest.fixture
def shared(start: Start) -> Generation:
    """A clip that the workspace sees."""
    return start(visibility=Visibility.WORKSPACE)


def test_favourites_are_ones_own(shared: Generation, membership: Membership, bob_here: Membership) -> None:
    for _time in range(2):
        mark_favourite(membership=bob_here, generation_id=shared.pk)
    key = entry_of(shared).key
    assert marks_for_viewer(bob_here, [key]) == {key: Marks(is_favourite=True)}
    assert marks_for_viewer(membership, [key]) == {}
    for _time in range(2):
        unmark_favourite(membership=bob_here, generation_id=shared.pk)
    assert marks_for_viewer(bob_here, [key]) == {}


def test_only_what_one_sees_can_be_marked(start: Start, bob_here: Membership, shared: Generation) -> None:
    private = start()
    with pytest.raises(LibraryEntry.DoesNotExist):
        mark_favourite(membership=bob_here, generation_id=private.pk)
    with pytest.raises(LibraryEntry.DoesNotExist):
        rate_clip(membership=bob_here, generation_id=private.pk, stars=5)
    elsewhere = Membership.objects.exclude(workspace=bob_here.workspace).get(user=bob_here.user)
    with pytest.raises(LibraryEntry.DoesNotExist):
        mark_favourite(membership=elsewhere, generation_id=shared.pk)
    assert not Favourite.objects.exists()
    assert not Rating.objects.exists()


def test_the_mean_is_of_all_stars(shared: Generation, membership: Membership, bob_here: Membership) -> None:
    carol = User.objects.create_user("carol@example.org", "x")
    carol_here = Membership.objects.create(workspace=membership.workspace, user=carol, role=Role.VIEWER)
    ratings = []
    for member, stars in (
        (membership, 5),
        (bob_here, 4),
        (carol_here, 4),
        (carol_here, 3),
        (bob_here, 0),
        (bob_here, 0),
    ):
        rate_clip(membership=member, generation_id=shared.pk, stars=stars)
        ratings.append(rating_of(shared))
    assert ratings == [500, 450, 433, 400, 400, 400]
    key = entry_of(shared).key
    assert marks_for_viewer(carol_here, [key]) == {key: Marks(stars=3)}
    rate_clip(membership=membership, generation_id=shared.pk, stars=0)
    rate_clip(membership=carol_here, generation_id=shared.pk, stars=0)
    assert rating_of(shared) == 0


def test_two_thirds_of_a_hundredth_are_rounded_up(
    shared: Generation, membership: Membership, bob_here: Membership
) -> None:
    carol = User.objects.create_user("carol@example.org", "x")
    carol_here = Membership.objects.create(workspace=membership.workspace, user=carol, role=Role.VIEWER)
    for member, stars in ((membership, 5), (bob_here, 5), (carol_here, 4)):
        rate_clip(membership=member, generation_id=shared.pk, stars=stars)
    assert rating_of(shared) == 467


@pytest.mark.parametrize("stars", [-1, 6])
def test_other_stars_are_refused(shared: Generation, membership: Membership, stars: int) -> None:
    with pytest.raises(ValueError, match="stars"):
        rate_clip(membership=membership, generation_id=shared.pk, stars=stars)


def test_an_archived_workspace_is_read_only(shared: Generation, membership: Membership) -> None:
    Workspace.objects.filter(pk=membership.workspace_id).update(archived_at=timezone.now())
    with pytest.raises(WorkspaceArchivedError):
        mark_favourite(membership=membership, generation_id=shared.pk)
    with pytest.raises(WorkspaceArchivedError):
        rate_clip(membership=membership, generation_id=shared.pk, stars=1)


def test_favourites_are_bounded(start: Start, membership: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MAX_FAVOURITES", 2)
    clips = [start() for _number in range(3)]
    for clip in clips[:2]:
        mark_favourite(membership=membership, generation_id=clip.pk)
    mark_favourite(membership=membership, generation_id=clips[0].pk)
    with pytest.raises(TooManyFavouritesError) as refused:
        mark_favourite(membership=membership, generation_id=clips[2].pk)
    assert refused.value.message == (
        "You have 2 favourites in this workspace, and can't have more. Nothing changed and no credits moved. Take some "
        "of them out first."
    )


def test_an_account_takes_its_marks_along(
    start: Start, shared: Generation, membership: Membership, bob_here: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "BATCH_LENGTH", 1)
    second = start(visibility=Visibility.WORKSPACE)
    for clip in (shared, second):
        mark_favourite(membership=bob_here, generation_id=clip.pk)
        rate_clip(membership=bob_here, generation_id=clip.pk, stars=1)
    rate_clip(membership=membership, generation_id=shared.pk, stars=4)
    assert (rating_of(shared), rating_of(second)) == (250, 100)
    delete_account(user=bob_here.user)
    assert (rating_of(shared), rating_of(second)) == (400, 0)
    assert not Favourite.objects.exists()
    assert list(Rating.objects.values_list("user", "stars")) == [(membership.user_id, 4)]


def test_marks_go_with_the_clip(shared: Generation, membership: Membership) -> None:
    mark_favourite(membership=membership, generation_id=shared.pk)
    rate_clip(membership=membership, generation_id=shared.pk, stars=5)
    cancel_generation(generation=shared)
    assert delete_for_good(Generation.objects.filter(pk=shared.pk), max_count=1) == 1
    assert not Favourite.objects.exists()
    assert not Rating.objects.exists()


def test_stars_of_who_sees_a_clip_no_more_still_count(
    shared: Generation, membership: Membership, bob_here: Membership
) -> None:
    rate_clip(membership=bob_here, generation_id=shared.pk, stars=2)
    unshare_clip(generation=shared, actor=None)
    rate_clip(membership=membership, generation_id=shared.pk, stars=4)
    assert rating_of(shared) == 300


@pytest.mark.parametrize("count", [1, 3])
def test_marks_of_a_page_are_one_statement(
    start: Start, membership: Membership, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    keys = [entry_of(start()).key for _number in range(count)]
    with django_assert_num_queries(1):
        assert marks_for_viewer(membership, keys) == {}
    with listed_by_index(Favourite, Rating, LibraryEntry):
        marks_for_viewer(membership, keys)
    with django_assert_num_queries(0):
        assert marks_for_viewer(membership, []) == {}
