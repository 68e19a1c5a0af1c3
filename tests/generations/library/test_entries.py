"""The gallery's index follows each clip, and so do the counts of the months."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from tchavi_studio.generations import lifecycle, services
from tchavi_studio.generations.library import text_index
from tchavi_studio.generations.library.checks import text_index_is_kept
from tchavi_studio.generations.library.entries import change_entries, entries_of, recount_months
from tchavi_studio.generations.library.models import LibraryEntry, LibraryMonth, first_key_at, moment_of
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.workspaces.models import User, Visibility, Workspace
from tests.generations.conftest import make_params, write_clip

Start = Callable[..., Generation]


def entry_of(clip: Generation) -> LibraryEntry:
    return LibraryEntry.objects.get(generation=clip)


def counts(workspace: Workspace) -> dict[int, tuple[int, int]]:
    """Clips and credits by the list's owner, of the one month there is; what reached 0 is left out."""
    months = LibraryMonth.objects.filter(workspace=workspace, clip_count__gt=0)
    return {month.owner_id: (month.clip_count, month.spent_credits) for month in months}


@pytest.fixture(autouse=True)
def counts_are_right(db: None) -> Iterator[None]:
    """Whatever a test does: in the end the months have what the entries add up to."""
    yield

    def months() -> list[tuple[Any, ...]]:
        kept = LibraryMonth.objects.exclude(clip_count=0, spent_credits=0)
        return sorted(kept.values_list("owner_id", "month", "clip_count", "spent_credits"))

    found = months()
    for workspace in Workspace.objects.all():
        recount_months(workspace=workspace)
    assert months() == found


def test_a_clip_is_entered_with_what_it_is_browsed_by(start: Start, workspace: Workspace, alice: User) -> None:
    clip = start(prompt="Dawn, l’œuf", model="kling-v3", resolution="720p", duration=-1, aspect_ratio="9:16")
    entry = entry_of(clip)
    assert (entry.workspace_id, entry.creator_id, entry.words) == (workspace.pk, alice.pk, "dawn l oeuf")
    assert (entry.model, entry.resolution, entry.aspect_ratio, entry.billed_seconds) == ("kling-v3", "720p", "9:16", 10)
    assert (entry.outcome, entry.is_shared, entry.is_listed, entry.rating) == ("open", False, True, 0)
    assert (entry.has_sound, entry.has_references, entry.price_credits) == (True, False, 5_800)
    assert moment_of(entry.key) == clip.created_at
    assert first_key_at(clip.created_at) <= entry.key < first_key_at(clip.created_at) + 1024
    assert counts(workspace) == {alice.pk: (1, 5_800)}


def test_test_keys_clips_are_not_entered(workspace: Workspace, alice: User) -> None:
    start_generation(
        Order(workspace=workspace, creator=alice, params=make_params(), submission_id=uuid4(), is_test=True)
    )
    assert not LibraryEntry.objects.exists()


def test_what_fails_costs_nothing(start: Start, workspace: Workspace, alice: User) -> None:
    failed, cancelled = start(visibility=Visibility.WORKSPACE), start()
    assert counts(workspace) == {alice.pk: (2, 2_600), 0: (1, 1_300)}
    lifecycle.fail_generation(failed.pk, code="render_failed")
    services.cancel_generation(generation=cancelled)
    assert (entry_of(failed).outcome, entry_of(cancelled).outcome) == ("failed", "cancelled")
    assert counts(workspace) == {alice.pk: (2, 0), 0: (1, 0)}
    services.dismiss_failure(generation=failed)
    assert entry_of(failed).is_listed is False
    assert counts(workspace) == {alice.pk: (1, 0)}


def test_a_finished_clip_has_the_sound_that_it_has(start: Start, tmp_path: Path) -> None:
    clip = start()
    claim = lifecycle.claim_next_render()
    assert claim is not None
    assert lifecycle.finish_generation(claim, path=write_clip(tmp_path / "silent.mp4"))
    assert (entry_of(clip).outcome, entry_of(clip).has_sound) == ("done", False)


def test_the_bin_and_sharing_move_a_clip_between_lists(
    start: Start, complete: Callable[[Generation], None], workspace: Workspace, alice: User
) -> None:
    clip = start()
    complete(clip)
    services.share_clip(generation=clip, actor=alice)
    assert counts(workspace) == {alice.pk: (1, 1_300), 0: (1, 1_300)}
    services.delete_clip(generation=clip, actor=alice)
    assert counts(workspace) == {}
    services.unshare_clip(generation=clip, actor=alice)
    services.restore_clip(generation=clip, actor=alice)
    assert counts(workspace) == {alice.pk: (1, 1_300)}
    services.delete_for_good(Generation.objects.filter(pk=clip.pk), max_count=1)
    assert counts(workspace) == {}
    assert not LibraryEntry.objects.exists()


def test_a_clip_is_counted_in_its_month_where_the_workspace_is(workspace: Workspace, start: Start) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(time_zone="Pacific/Kiritimati")
    workspace.refresh_from_db()
    entry = entry_of(start())
    local = datetime.now(UTC).astimezone(ZoneInfo("Pacific/Kiritimati"))
    assert entry.month == date(local.year, local.month, 1)
    # A change of the zone leaves the counts where they were.
    Workspace.objects.filter(pk=workspace.pk).update(time_zone="Pacific/Niue")
    change_entries(entries_of([entry.generation_id]), is_listed=False)
    assert counts(workspace) == {}


def test_nothing_of_a_refused_clip_is_entered(start: Start, workspace: Workspace, alice: User) -> None:
    def refuse(_clips: list[Generation]) -> None:
        raise LookupError

    order = Order(workspace=workspace, creator=alice, params=make_params(), submission_id=uuid4())
    with pytest.raises(LookupError):
        start_generation(order, before_commit=refuse)
    assert not LibraryEntry.objects.exists()
    assert not LibraryMonth.objects.exists()


@pytest.mark.usefixtures("db")
def test_a_lost_text_index_is_noticed_and_made_again(start: Start) -> None:
    start()
    assert text_index.missing_parts(connection) == []
    if connection.vendor != "sqlite":
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {text_index.FTS5_TABLE}_update")
    assert text_index.missing_parts(connection) == [f"{text_index.FTS5_TABLE}_update"]
    assert [error.id for error in text_index_is_kept(databases=["default"])] == ["generations.E001"]
    text_index.create(connection)
    assert text_index.missing_parts(connection) == []
