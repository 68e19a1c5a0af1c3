"""Who sees which clips, what changed since a page last asked, and waiting estimates."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.generations import lifecycle, queries, services
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tests.plans import listed_by_index


def test_members_see_their_own_clips_in_this_workspace(
    start: Callable[..., Generation], membership: Membership, bob: User
) -> None:
    mine = start()
    assert list(queries.clips_for_viewer(membership=membership)) == [mine]
    bobs_here = Membership.objects.create(workspace=membership.workspace, user=bob, role=Role.VIEWER)
    bobs_own = Membership.objects.get(user=bob, role=Role.OWNER)
    for other in (bobs_here, bobs_own):
        assert list(queries.clips_for_viewer(membership=other)) == []
        with pytest.raises(Generation.DoesNotExist):
            queries.clip_for_viewer(membership=other, generation_id=mine.pk)


def test_counts_by_state(start: Callable[..., Generation], membership: Membership) -> None:
    _running, failed, dismissed, cancelled = start(), start(), start(), start()
    for generation in (failed, dismissed):
        lifecycle.fail_generation(generation.pk, code="x", message="It broke.")
    services.dismiss_failure(generation=dismissed)
    services.cancel_generation(generation=cancelled)
    assert queries.clip_counts(membership=membership) == {"running": 1, "failed": 1, "done": 0}


def test_recent_prompts_are_newest_first_without_repeats(
    start: Callable[..., Generation], membership: Membership
) -> None:
    for prompt in ("one", "two", "one"):
        start(prompt=prompt)
    assert queries.recent_prompts(membership=membership) == ["one", "two"]


class Page:
    """A browser page that polls for changes."""

    def __init__(self, membership: Membership) -> None:
        self.membership = membership
        self.cursor = str(queries.first_cursor(membership=membership))

    def ask(self) -> list[Generation]:
        changed, cursor = queries.changed_clips(membership=self.membership, cursor=queries.Cursor.parse(self.cursor))
        self.cursor = str(cursor)
        return changed


def test_each_change_is_reported_once(start: Callable[..., Generation], membership: Membership) -> None:
    before = start()
    page = Page(membership)
    assert page.ask() == []
    new = start()
    assert page.ask() == [new]
    assert page.ask() == []
    services.cancel_generation(generation=before)
    services.cancel_generation(generation=new)
    assert page.ask() == [before, new]
    services.delete_clip(generation=new, actor=new.creator)
    assert page.ask() == [new]
    assert page.ask() == []


def test_a_late_visible_write_is_reported_too(start: Callable[..., Generation], membership: Membership) -> None:
    late, prompt = start(), start()
    page = Page(membership)
    services.cancel_generation(generation=prompt)
    assert page.ask() == [prompt]
    # Dated before what the page has seen, as by a transaction that took its time to commit.
    Generation.objects.filter(pk=late.pk).update(version=2, updated_at=timezone.now() - timedelta(seconds=3))
    assert page.ask() == [late]
    assert page.ask() == []


def test_many_changes_come_in_batches(
    start: Callable[..., Generation], membership: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_CHANGES", 2)
    page = Page(membership)
    clips = [start() for _number in range(5)]
    assert [page.ask(), page.ask(), page.ask(), page.ask()] == [clips[:2], clips[2:4], clips[4:], []]


def test_most_polls_learn_in_one_statement_that_there_is_nothing_to_tell(
    start: Callable[..., Generation], membership: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    clip = start()
    page = Page(membership)
    # A clip that ended with the page's last news, but no longer counts as one of its latest.
    long_ago = timezone.now() - queries.OVERLAP - timedelta(seconds=1)
    ended = start()
    services.cancel_generation(generation=ended)
    Generation.objects.filter(pk=ended.pk).update(updated_at=long_ago)

    def nothing_to_tell(**changes: object) -> bool:
        asked = {
            "user_id": membership.user_id,
            "workspace_slug": membership.workspace.slug,
            "scope": Scope.MINE,
            **changes,
        }
        with django_assert_num_queries(1):
            return queries.nothing_to_tell(cursor=queries.Cursor.parse(page.cursor), **asked)  # type: ignore[arg-type]

    assert nothing_to_tell()
    assert not nothing_to_tell(user_id=membership.user_id + 1)
    assert not nothing_to_tell(workspace_slug="elsewhere")
    # A second write that is dated before the first one, which the page has seen.
    Generation.objects.filter(pk=clip.pk).update(version=2, updated_at=timezone.now() - timedelta(seconds=3))
    assert not nothing_to_tell()
    assert page.ask() == [clip]
    assert nothing_to_tell()
    new = start()
    assert not nothing_to_tell()
    assert page.ask() == [new]
    Generation.objects.filter(pk=new.pk).update(engine="tchavi")
    assert not nothing_to_tell(), "places in line depend on other people's clips"
    for open_clip in (clip, new):
        services.cancel_generation(generation=open_clip)
    assert len(page.ask()) == 2
    assert not nothing_to_tell(), "nothing is open, so the page must be told to stop"


@pytest.mark.parametrize("scope", Scope)
def test_most_polls_are_looked_up(start: Callable[..., Generation], membership: Membership, scope: Scope) -> None:
    start()
    cursor = queries.first_cursor(membership=membership, scope=scope)
    with listed_by_index(Generation, Membership, Workspace):
        assert queries.nothing_to_tell(
            user_id=membership.user_id,
            workspace_slug=membership.workspace.slug,
            scope=scope,
            cursor=cursor,
            is_live=True,
        )


def test_microseconds_are_exact() -> None:
    moment = queries.EPOCH + timedelta(days=20_000, microseconds=1)
    assert queries.microseconds(moment) == 20_000 * 86_400 * 1_000_000 + 1


MADE_UP_CURSORS = ["", "x", "~", "12.5", "-1", "1~2", "1~x.1", "1" * 17, "1" + "~0123456789ab.1" * 401]


@pytest.mark.parametrize("text", MADE_UP_CURSORS)
def test_a_made_up_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="This is not a cursor"):
        queries.Cursor.parse(text)


@pytest.fixture
def history(start: Callable[..., Generation], complete: Callable[[Generation], None]) -> Callable[..., None]:
    """Completed clips that took the given numbers of seconds."""

    def make(*seconds: int, **changes: object) -> None:
        for took in seconds:
            generation = start(**changes)
            complete(generation)
            finished_at = generation.created_at + timedelta(seconds=took)
            Generation.objects.filter(pk=generation.pk).update(finished_at=finished_at)

    return make


def test_no_estimate_without_similar_clips(start: Callable[..., Generation], history: Callable[..., None]) -> None:
    history(10, 20, 30, 40)
    history(10, 20, 30, 40, 50, duration=1)
    assert queries.waiting_estimate(start()) is None


def test_estimates_are_the_median_and_the_ninth_decile(
    start: Callable[..., Generation],
    history: Callable[..., None],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    history(40, 10, 30, 20, 50)
    waiting = [start(), start(), start(resolution="720p", duration=1)]
    expected = queries.Estimate(half_seconds=30, nine_in_ten_seconds=46)
    with django_assert_num_queries(1):
        estimates = queries.waiting_estimates(waiting)
    assert estimates == {waiting[0].pk: expected, waiting[1].pk: expected}


def test_clips_of_other_kinds_do_not_push_an_estimate_out(
    start: Callable[..., Generation], history: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "HISTORY_LENGTH", 5)
    history(90, 10, 20, 30, 40, 50, duration=1)
    history(1, 1, 1, 1, 1, duration=2)
    waiting = [start(duration=1), start(duration=2), start(duration=3)]
    with listed_by_index(Generation):
        estimates = queries.waiting_estimates(waiting)
    # The clip that took 90 seconds finished last, and the one that took 10 first.
    assert estimates == {
        waiting[0].pk: queries.Estimate(half_seconds=40, nine_in_ten_seconds=74),
        waiting[1].pk: queries.Estimate(half_seconds=1, nine_in_ten_seconds=1),
    }


def test_finished_clips_need_no_estimate(
    start: Callable[..., Generation],
    complete: Callable[[Generation], None],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    generation = start()
    complete(generation)
    generation.refresh_from_db()
    with django_assert_num_queries(0):
        assert queries.waiting_estimates([generation]) == {}


def test_a_page_of_favourites_hears_of_own_and_shared_clips_once_each(
    start: Callable[..., Generation], membership: Membership
) -> None:
    own, shared = start(), start(visibility=Visibility.WORKSPACE)
    theirs = start(visibility=Visibility.WORKSPACE)
    Generation.objects.filter(pk=theirs.pk).update(creator=None)
    cursor = queries.first_cursor(membership=membership, scope=Scope.FAVOURITES)
    assert len(cursor.seen) == 3

    def nothing_to_tell() -> bool:
        return queries.nothing_to_tell(
            user_id=membership.user_id,
            workspace_slug=membership.workspace.slug,
            scope=Scope.FAVOURITES,
            cursor=cursor,
            is_live=True,
        )

    for clip in (own, shared, theirs):
        assert nothing_to_tell()
        Generation.objects.filter(pk=clip.pk).update(version=F("version") + 1, updated_at=timezone.now())
        assert not nothing_to_tell()
        changed, cursor = queries.changed_clips(membership=membership, scope=Scope.FAVOURITES, cursor=cursor)
        assert changed == [clip]
