"""Clips and books compared."""

import importlib
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.generations import books, lifecycle, services
from tchavi_studio.generations.books import verify_clips
from tchavi_studio.generations.models import Generation, LibraryEntry, PurgedClip, State
from tchavi_studio.ledger.append_only import ENTRIES, TRANSFERS
from tchavi_studio.ledger.models import Account, DailySpending, StatementEntry
from tchavi_studio.ledger.verification import verify_ledger
from tests.ledger.test_append_only import drop_triggers

Start = Callable[..., Generation]


@pytest.fixture
def clips(start: Start) -> dict[str, Generation]:
    """A clip in each kind of state that matters to the books."""
    made = {"open": start(), "completed": start(), "failed": start(), "cancelled": start()}
    Generation.objects.filter(pk=made["completed"].pk).update(state=State.PROCESSING)
    lifecycle.fail_generation(made["failed"].pk, code="render_failed")
    services.cancel_generation(generation=made["cancelled"])
    return made


def found() -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in verify_clips()]


def words(sql: str) -> set[str]:
    return set(re.findall(r"\w+", sql))


def set_clip(clip: Generation, **changes: object) -> None:
    Generation.objects.filter(pk=clip.pk).update(**changes)


def test_clips_and_books_agree(clips: dict[str, Generation]) -> None:
    assert found() == []


def test_a_failed_clip_without_a_refund_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["open"]
    set_clip(clip, state=State.FAILED, finished_at=timezone.now())
    assert found() == [("clip-refund", f"Clip {clip.pk} is failed, but wasn't refunded.")]


def test_a_refunded_clip_that_goes_on_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["cancelled"]
    set_clip(clip, state=State.QUEUED, finished_at=None)
    assert found() == [("clip-refund", f"Clip {clip.pk} is queued, but was refunded.")]


@pytest.mark.parametrize("price", [1_299, 0])
def test_a_price_other_than_the_charge_is_found(clips: dict[str, Generation], price: int) -> None:
    clip = clips["completed"]
    set_clip(clip, price_credits=price)
    assert found() == [("clip-price", f"Clip {clip.pk} costs {price:,}, but its charge is another.")]


def test_a_charge_in_another_book_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["completed"]
    set_clip(clip, book="live")
    assert found() == [("clip-price", f"Clip {clip.pk} costs 1,300, but its charge is another.")]


def test_a_statement_that_names_another_model_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["open"]
    assert list(verify_clips()) == []
    set_clip(clip, model="kling-v3")
    (finding,) = verify_clips()
    assert (finding.code, finding.sequence, finding.message) == (
        "clip-cause",
        2,
        f"The statement says model seedance-2, key – of clip {clip.pk}; expected kling-v3, –.",
    )


def test_an_upgrade_fills_the_statements(clips: dict[str, Generation], monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> list[tuple[Any, ...]]:
        sums = DailySpending.objects.order_by("model").values_list("model", "charged_credits", "refunded_credits")
        return [*StatementEntry.objects.order_by("pk").values_list(), *sums]

    migration = importlib.import_module("tchavi_studio.ledger.migrations.0010_fill_statements")
    monkeypatch.setattr(migration, "CHUNK_SIZE", 2)

    def fill_again() -> None:
        for table in (ENTRIES, TRANSFERS):
            drop_triggers(table)
        StatementEntry.objects.all().delete()
        DailySpending.objects.all().delete()
        Account.objects.update(last_at=None)
        connection.check_constraints()
        for table in (ENTRIES, TRANSFERS):
            table.create_triggers(connection)
        migration.fill_statements(apps, None)

    before = told()
    fill_again()
    assert told() == before
    # Of a clip that is gone, its charge still knows whose it was.
    clip = clips["cancelled"]
    services.delete_clip(generation=clip, actor=clip.creator)
    set_clip(clip, purge_at=timezone.now())
    services.purge_bin()
    fill_again()
    rows = StatementEntry.objects.filter(reference=clip.pk).order_by("pk")
    assert list(rows.values_list("kind", "member", "model")) == [
        ("charge", clip.creator_id, ""),
        ("refund", clip.creator_id, ""),
    ]
    assert [*verify_ledger(), *verify_clips()] == []


def test_a_clip_that_was_never_charged_is_found(start: Start) -> None:
    free = start()
    LibraryEntry.objects.all().delete()
    Generation.objects.filter(pk=free.pk).update(id=uuid.UUID(int=5))
    assert found() == [
        ("clip-charge", f"Clip {uuid.UUID(int=5)} costs 1,300, but was never charged."),
        ("clip-gone", f"Clip {free.pk} was charged, but is gone without having been thrown away."),
    ]


def test_a_clip_that_somebody_made_disappear_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["completed"]
    LibraryEntry.objects.filter(generation=clip).delete()
    # Past Django, as somebody with access to the database would.
    Generation.objects.filter(pk=clip.pk)._raw_delete(using="default")
    assert found() == [("clip-gone", f"Clip {clip.pk} was charged, but is gone without having been thrown away.")]


def test_a_purged_clip_leaves_what_its_charge_is_compared_with(clips: dict[str, Generation]) -> None:
    clip = clips["cancelled"]
    services.delete_clip(generation=clip, actor=clip.creator)
    set_clip(clip, purge_at=timezone.now())
    assert services.purge_bin() == 1
    kept = PurgedClip.objects.get()
    assert (kept.reference, kept.state, kept.price_credits) == (clip.pk, State.CANCELLED, 1_300)
    assert found() == []
    PurgedClip.objects.update(state=State.COMPLETED)
    assert found() == [("clip-refund", f"Clip {clip.pk} is completed, but was refunded.")]


def test_a_clip_deleted_while_it_was_open_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["open"]
    Generation.objects.filter(pk=clip.pk).delete()
    assert found() == [("clip-gone", f"Clip {clip.pk} was charged, but is gone without having been thrown away.")]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_ranges_pass_over_nothing(clips: dict[str, Generation], size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "CHUNK_SIZE", size)
    assert found() == []
    Generation.objects.update(price_credits=F("price_credits") + 1)
    assert [code for code, _message in found()] == ["clip-price"] * 4


def test_each_range_is_one_statement(clips: dict[str, Generation]) -> None:
    with CaptureQueriesContext(connection) as statements:
        assert found() == []
    comparing = [query for query in statements if {"ledger_transfer", "generations_generation"} <= words(query["sql"])]
    assert len(comparing) == 1 + 1, "of the clips, and of the charges"
