"""Versions of the price list: which is in force, how a new one is written, and what it would have changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.generations import lifecycle, services
from tchavi_studio.generations.models import Engine, Generation, LibraryEntry, PriceVersion, PurgedClip
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.price_list import Prices, published_prices
from tchavi_studio.generations.price_versions import effect, queries
from tchavi_studio.generations.price_versions.effect import Effect, effect_of
from tchavi_studio.generations.price_versions.queries import (
    LEAD,
    MAX_SCHEDULED,
    ignored_overrides,
    known_versions,
    latest_versions,
    version_at,
    version_in_force,
)
from tchavi_studio.generations.price_versions.services import (
    OtherVersionWrittenError,
    TooManyScheduledError,
    TooSoonError,
    write_version,
)
from tchavi_studio.workspaces.models import ActivityRow, User, Workspace
from tchavi_studio.workspaces.verification import verify_activity
from tests.conftest import PutInForce
from tests.ledger.test_concurrency import outcomes_of
from tests.plans import listed_by_index

from .conftest import make_params

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DEARER = published_prices({"seedance-2": {"480p": 300}})
Start = Callable[..., Generation]


def write(author: User, *, seen: int = 1, valid_from: datetime | None = None, prices: Prices = DEARER) -> PriceVersion:
    return write_version(
        prices=prices, valid_from=valid_from, reason="The provider charges more", author=author, seen_number=seen
    )


# --- The table --------------------------------------------------------------------------------------------------------


def test_the_first_version_has_the_published_prices(db: None) -> None:
    [first] = latest_versions()
    assert (first.number, first.author, first.reason) == (1, None, "")
    assert first.prices == {
        "seedance-2": {"480p": 260, "720p": 580, "audio_surcharge": 0},
        "kling-v3": {"480p": 260, "720p": 580, "audio_surcharge": 0},
    }


@pytest.mark.parametrize(
    "statement", ["UPDATE generations_priceversion SET reason = 'x'", "DELETE FROM generations_priceversion"]
)
def test_versions_never_change(db: None, statement: str) -> None:
    refused = pytest.raises(DatabaseError, match="price versions never change or vanish")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_wants_a_reason_and_a_moment_to_come(alice: User) -> None:
    for changes, constraint in (
        ({"reason": ""}, "price_version_has_a_reason"),
        ({"author": None}, "price_version_has_a_reason"),
        ({"valid_from": NOW}, "price_version_is_announced"),
    ):
        row = {"reason": "Because", "author": alice, "valid_from": NOW + LEAD, "created_at": NOW, **changes}
        with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
            PriceVersion.objects.create(number=2, prices=DEARER, **row)


def test_a_version_without_a_models_price_charges_what_is_published() -> None:
    version = PriceVersion(number=2, prices={"kling-v3": {"480p": 1, "720p": 2, "audio_surcharge": 3}})
    assert version.price_list == {
        "seedance-2": {"480p": 260, "720p": 580, "audio_surcharge": 0},
        "kling-v3": {"480p": 1, "720p": 2, "audio_surcharge": 3},
    }


# --- Which is in force ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        # In minutes from now: the moments of versions 1, 2, …
        ([-60], 1),
        ([-60, 0], 2),
        ([-60, 0.001], 1),
        ([-60, 5, -1], 3),
        # A later version replaces an earlier one that would come into force after it.
        ([-60, -1, -5], 3),
        ([-60, 5, 10], 1),
        # The clock was set back.
        ([1], 1),
        ([1, 2], 1),
    ],
)
def test_the_newest_version_whose_time_has_come_is_in_force(moments: list[float], expected: int) -> None:
    versions = [
        PriceVersion(number=number, valid_from=NOW + timedelta(minutes=minutes))
        for number, minutes in enumerate(moments, start=1)
    ]
    assert version_at(NOW, versions[::-1]).number == expected


def test_a_process_asks_for_the_versions_once_a_minute(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = 1_000.0
    monkeypatch.setattr("tchavi_studio.generations.price_versions.queries.time.monotonic", lambda: now)
    known_versions.forget()
    with listed_by_index(PriceVersion), django_assert_num_queries(1):
        assert version_in_force().number == 1
    write(alice)
    now += 59.9
    with django_assert_num_queries(0):
        assert version_in_force().number == 1
    now += 0.1
    with django_assert_num_queries(1):
        assert [version.number for version in known_versions.latest()] == [2, 1]


def test_a_version_comes_into_force_at_its_moment(alice: User, start: Start) -> None:
    valid_from = timezone.now() + timedelta(hours=1)
    write(alice, valid_from=valid_from)
    known_versions.forget()
    with time_machine.travel(valid_from - timedelta(microseconds=1), tick=False):
        before = start()
    with time_machine.travel(valid_from, tick=False):
        after = start()
    assert (before.price_credits, before.price_version_id) == (1_300, 1)
    assert (after.price_credits, after.price_version_id) == (1_500, 2)


# --- Writing one ------------------------------------------------------------------------------------------------------


def test_a_new_version_is_in_force_as_soon_as_every_process_knows_it(alice: User) -> None:
    with time_machine.travel(NOW, tick=False):
        version = write(alice)
    assert (version.number, version.valid_from, version.created_at) == (2, NOW + LEAD, NOW)
    assert queries.KNOWN_FOR < LEAD
    [row] = ActivityRow.objects.filter(workspace=None)
    assert (row.kind, row.actor) == ("prices.changed", alice)
    assert row.details == {"version": 2, "reason": "The provider charges more"}
    assert list(verify_activity()) == []


def test_a_version_needs_time_to_be_known(alice: User) -> None:
    with time_machine.travel(NOW, tick=False):
        with pytest.raises(TooSoonError) as refused:
            write(alice, valid_from=NOW + LEAD - timedelta(microseconds=1))
        assert refused.value.message == (
            "New prices need 2 minutes to reach the whole studio. No prices changed. Choose a later moment, or none "
            "for as soon as possible."
        )
        assert write(alice, valid_from=NOW + LEAD).number == 2


def test_whoever_did_not_see_the_latest_version_is_told(alice: User, bob: User) -> None:
    write(alice)
    with pytest.raises(OtherVersionWrittenError) as refused:
        write(bob)
    assert refused.value.message == (
        "Version 2 was written meanwhile, so yours wasn't. No prices changed. Compare yours with it, then confirm "
        "again."
    )
    assert write(bob, seen=2).number == 3


@pytest.mark.own_database
def test_of_two_at_once_one_wins(alice: User, bob: User) -> None:
    outcomes = outcomes_of([lambda: write(alice), lambda: write(bob)])
    assert outcomes == {"PriceVersion": 1, "OtherVersionWrittenError": 1}
    assert PriceVersion.objects.count() == 2


def test_few_versions_may_wait(alice: User) -> None:
    for seen in range(1, MAX_SCHEDULED + 1):
        write(alice, seen=seen)
    with pytest.raises(TooManyScheduledError):
        write(alice, seen=MAX_SCHEDULED + 1)
    with time_machine.travel(timezone.now() + LEAD):
        assert write(alice, seen=MAX_SCHEDULED + 1).number == MAX_SCHEDULED + 2


# --- What was charged -------------------------------------------------------------------------------------------------


def test_an_order_has_one_price_whatever_comes_into_force_meanwhile(
    workspace: Workspace, alice: User, put_in_force: PutInForce
) -> None:
    order = Order(workspace=workspace, creator=alice, params=make_params(), submission_id=workspace.pk, variations=2)
    assert order.total_credits == 2_600
    put_in_force({"seedance-2": {"480p": 300}})
    clips = services.start_generation(order).generations
    assert {(clip.price_credits, clip.price_version_id) for clip in clips} == {(1_300, 1)}


def test_a_deleted_clips_charge_still_has_its_version(start: Start, put_in_force: PutInForce) -> None:
    put_in_force({"seedance-2": {"480p": 300}})
    clip = start()
    lifecycle.fail_generation(clip.pk, code="render_failed")
    clip.delete()
    assert PurgedClip.objects.values_list("price_credits", "price_version").get() == (1_500, 2)


def test_what_is_free_anyway_has_no_version(workspace: Workspace, alice: User, settings: Settings) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    order = Order(
        workspace=workspace, creator=alice, params=make_params(), submission_id=workspace.pk, engine=Engine.PREVIEW
    )
    assert [clip.price_version_id for clip in services.start_generation(order).generations] == [None]


# --- What it would have changed ---------------------------------------------------------------------------------------

NEW = published_prices({"seedance-2": {"480p": 300, "audio_surcharge": 10}, "kling-v3": {"720p": 500}})


def test_the_effect_is_of_what_was_charged_and_kept(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    start(generate_audio=True)
    start(generate_audio=False, duration=10)
    start(model="kling-v3", resolution="720p")
    services.cancel_generation(generation=start())
    with time_machine.travel(timezone.now() - timedelta(days=31)):
        start()
    with listed_by_index(LibraryEntry, Generation):
        assert effect_of(NEW) == Effect(
            clip_count=3,
            charged_credits=1_300 + 2_600 + 2_900,
            would_cost_credits=1_550 + 3_000 + 2_500,
            is_partial=False,
        )
    # The latest is the one that was refunded.
    monkeypatch.setattr(effect, "MAX_CLIPS", 2)
    assert effect_of(NEW) == Effect(clip_count=1, charged_credits=2_900, would_cost_credits=2_500, is_partial=True)


def test_the_effect_is_of_the_current_book(start: Start, settings: Settings) -> None:
    start()
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    assert effect_of(NEW) == Effect(clip_count=0, charged_credits=0, would_cost_credits=0, is_partial=False)


# --- STUDIO_PRICES ----------------------------------------------------------------------------------------------------


def test_prices_in_the_settings_that_are_not_in_force_are_named(db: None, settings: Settings) -> None:
    settings.STUDIO_PRICES = {"kling-v3": {"480p": 260, "720p": 600}, "seedance-2": {"audio_surcharge": 5}}
    assert ignored_overrides() == {"kling-v3.720p": 600, "seedance-2.audio_surcharge": 5}
    said = StringIO()
    call_command("check", databases=["default"], stderr=said)
    assert "STUDIO_PRICES differs from the prices in force (kling-v3.720p) and changes nothing." in said.getvalue()
    settings.STUDIO_PRICES = {"kling-v3": {"480p": 260}}
    assert ignored_overrides() == {}
