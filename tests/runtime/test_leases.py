"""Leases: who may take a row, who may write to it, and for how long. Uses pump slots, which have no other fields."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pytest_django import Settings

from tchavi_studio.generations.models import PumpSlot, RemoteJob
from tchavi_studio.runtime import slices
from tchavi_studio.runtime.leases import (
    RELEASED,
    Claim,
    ClaimLostError,
    StopRequestedError,
    claim_all,
    claim_first,
    free,
    lapsed,
    new_claim,
    taken,
    while_held,
)
from tests.databases import Database
from tests.ledger.test_concurrency import outcomes_of

LEASE = timedelta(seconds=20)
MOMENT = timedelta(microseconds=1)
SLOTS = PumpSlot.objects.order_by("number")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23 12:00:00Z", tick=False) as clock:
        yield clock


@pytest.fixture
def slots(db: None) -> None:
    """Three free rows, 0 to 2."""
    PumpSlot.objects.bulk_create(PumpSlot(number=number) for number in range(3))


def claimed() -> Claim[PumpSlot]:
    claim = claim_first(SLOTS.all(), lease=LEASE)
    assert claim is not None
    return claim


def lease_of(number: int) -> tuple[UUID | None, timedelta | None]:
    """Who holds a row, and for how long from now."""
    row = PumpSlot.objects.get(pk=number)
    return row.leased_by, None if row.leased_until is None else row.leased_until - timezone.now()


# --- Taking -----------------------------------------------------------------------------------------------------------


def test_first_free_row_is_taken(slots: None, clock: time_machine.Traveller) -> None:
    claims = [claimed() for _worker in range(3)]
    assert [claim.pk for claim in claims] == [0, 1, 2]
    assert [lease_of(number) for number in range(3)] == [(claim.token, LEASE) for claim in claims]
    assert len({claim.token for claim in claims}) == 3
    assert claim_first(SLOTS.all()) is None


def test_default_lease_comes_from_settings(slots: None, clock: object, settings: Settings) -> None:
    settings.STUDIO_LEASE_SECONDS = 7
    claim = claim_first(SLOTS.all())
    assert claim is not None
    assert lease_of(0) == (claim.token, timedelta(seconds=7))


def test_changes_apply_only_to_the_taken_row(slots: None, clock: object) -> None:
    claim = claim_first(PumpSlot.objects.filter(number__gte=1).order_by("-number"), number=7)
    assert claim is not None
    assert claim.pk == 2
    assert lease_of(7) == (claim.token, LEASE)
    assert [lease_of(number) for number in (0, 1)] == [(None, None)] * 2


def test_lease_ends_exactly_on_time(slots: None, clock: time_machine.Traveller) -> None:
    dead = claim_all(SLOTS.all(), lease=LEASE)
    assert dead is not None
    clock.shift(LEASE - MOMENT)
    assert claim_first(SLOTS.all()) is None
    clock.shift(MOMENT)
    assert claimed().pk == 0


def test_conditions(slots: None, clock: time_machine.Traveller) -> None:
    def numbers(condition: Callable[..., object]) -> list[int]:
        return list(SLOTS.filter(condition(timezone.now())).values_list("number", flat=True))

    claimed()
    clock.shift(LEASE)
    PumpSlot.objects.filter(pk=1).update(**new_claim(PumpSlot, lease=LEASE).fresh_lease())
    assert (numbers(free), numbers(taken), numbers(lapsed)) == ([0, 2], [1], [0])


def test_batch_takes_all_free_rows(slots: None, clock: object) -> None:
    one = claimed()
    batch = claim_all(SLOTS.all(), lease=LEASE)
    assert batch is not None
    assert list(batch.rows.order_by("number").values_list("number", flat=True)) == [1, 2]
    assert lease_of(0) == (one.token, LEASE)
    assert claim_all(SLOTS.all()) is None


def test_condition_on_another_table_is_rejected(db: None) -> None:
    """PostgreSQL wouldn't check it again after waiting for the row, so two workers could take it."""
    with pytest.raises(AssertionError, match="their own table"):
        claim_all(RemoteJob.objects.filter(generation__state="processing"))


def test_database_rejects_lease_without_end(slots: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PumpSlot.objects.update(leased_by=uuid4(), leased_until=None)


# --- Holding ----------------------------------------------------------------------------------------------------------


def test_renewed_lease_starts_now(slots: None, clock: time_machine.Traveller) -> None:
    claim = claimed()
    clock.shift(15)
    assert claim.renew() is True
    assert lease_of(0) == (claim.token, LEASE)


def test_late_claim_is_kept_until_someone_takes_the_row(slots: None, clock: time_machine.Traveller) -> None:
    late = claimed()
    clock.shift(60)
    assert late.rows.exists() is True
    assert late.renew() is True
    assert claimed().pk == 1


@pytest.mark.parametrize("write", [Claim.renew, Claim.release, lambda claim: claim.rows.update(number=9) > 0])
@pytest.mark.parametrize("rescue", ["taken", "released", "taken and released"])
def test_worker_paused_past_its_lease_writes_nothing(
    slots: None, clock: time_machine.Traveller, write: Callable[[Claim[PumpSlot]], bool], rescue: str
) -> None:
    late = claimed()
    clock.shift(LEASE)
    if rescue == "released":
        assert SLOTS.filter(lapsed(timezone.now())).update(**RELEASED) == 1
    else:
        heir = claimed()
        if rescue == "taken and released":
            heir.release()
    before = lease_of(0)
    assert write(late) is False
    assert (lease_of(0), PumpSlot.objects.count()) == (before, 3)


def test_release_frees_only_rows_still_held(slots: None, clock: time_machine.Traveller) -> None:
    batch = claim_all(SLOTS.all(), lease=LEASE)
    assert batch is not None
    PumpSlot.objects.filter(pk=1).update(**RELEASED)
    other = claimed()
    assert other.pk == 1
    assert batch.release() is True
    assert [lease_of(number) for number in range(3)] == [(None, None), (other.token, LEASE), (None, None)]


def test_release_with_back_off(slots: None, clock: time_machine.Traveller) -> None:
    claim = claimed()
    claim_all(SLOTS.all(), lease=timedelta(hours=1))
    assert claim.release(not_before=timezone.now() + timedelta(seconds=8)) is True
    assert lease_of(0) == (None, timedelta(seconds=8))
    assert (claim.renew(), claim_first(SLOTS.all())) == (False, None)
    clock.shift(8)
    assert claimed().pk == 0


def test_lease_as_read(slots: None, clock: time_machine.Traveller) -> None:
    """For taking a row over from its holder, but only from the holder that was read."""
    read = PumpSlot.objects.get(pk=0)
    assert SLOTS.filter(read.lease_as_read, pk=0).exists() is True
    claim = claimed()
    read_again = PumpSlot.objects.get(pk=0)
    assert SLOTS.filter(read.lease_as_read, pk=0).exists() is False
    assert SLOTS.filter(read_again.lease_as_read, pk=0).exists() is True
    clock.shift(1)
    claim.renew()
    assert SLOTS.filter(read_again.lease_as_read, pk=0).exists() is False


# --- Many at once -----------------------------------------------------------------------------------------------------


@pytest.mark.own_database
def test_concurrent_claims_take_different_rows(own_database: Database, slots: None) -> None:
    claims: list[Claim[PumpSlot] | None] = []
    assert outcomes_of([lambda: claims.append(claim_first(SLOTS.all()))] * 12) == {"NoneType": 12}
    assert sorted(claim.pk for claim in claims if claim is not None) == [0, 1, 2]


@pytest.mark.own_database
def test_concurrent_batches_do_not_overlap(own_database: Database) -> None:
    PumpSlot.objects.bulk_create(PumpSlot(number=number) for number in range(50))
    claims: list[Claim[PumpSlot] | None] = []
    assert outcomes_of([lambda: claims.append(claim_all(SLOTS.all()))] * 8) == {"NoneType": 8}
    held = [number for claim in claims if claim for number in claim.rows.values_list("number", flat=True)]
    assert sorted(held) == list(range(50))


@pytest.mark.own_database
def test_lapsed_lease_is_renewed_or_taken_over(own_database: Database, slots: None) -> None:
    """The holder wakes up just as others try to take the row: exactly one ends up with it, and knows that."""
    late = claim_all(SLOTS.filter(pk=0), lease=timedelta(0))
    assert late is not None
    late = Claim(model=PumpSlot, pk=0, token=late.token, lease=LEASE)
    PumpSlot.objects.exclude(pk=0).delete()
    holders: list[UUID] = []

    def renew() -> None:
        if late.renew():
            time.sleep(0.1)
            if late.rows.exists():
                holders.append(late.token)

    def take() -> None:
        if (claim := claim_first(SLOTS.all())) is not None:
            holders.append(claim.token)

    assert outcomes_of([renew, *[take] * 6]) == {"NoneType": 7}
    assert holders == [PumpSlot.objects.get().leased_by]


# --- Any order of events ----------------------------------------------------------------------------------------------


class Workers(RuleBasedStateMachine):
    """Workers take, renew, release and sleep in any order. A model predicts who holds which row."""

    ROWS = 3

    def __init__(self) -> None:
        super().__init__()
        PumpSlot.objects.all().delete()
        PumpSlot.objects.bulk_create(PumpSlot(number=number) for number in range(self.ROWS))
        self.traveller = time_machine.travel("2026-11-23 12:00:00Z", tick=False)
        self.clock = self.traveller.start()
        self.claims: list[Claim[PumpSlot]] = []
        self.holder: dict[int, UUID | None] = dict.fromkeys(range(self.ROWS))
        self.until: dict[int, float] = dict.fromkeys(range(self.ROWS), 0.0)

    def teardown(self) -> None:
        self.traveller.stop()

    def free_rows(self) -> list[int]:
        return [number for number in range(self.ROWS) if self.until[number] <= time.time()]

    def note(self, numbers: list[int], holder: UUID | None, seconds: float) -> None:
        for number in numbers:
            self.holder[number], self.until[number] = holder, time.time() + seconds

    @rule(seconds=st.integers(0, 30))
    def time_passes(self, seconds: int) -> None:
        self.clock.shift(seconds)

    @rule(seconds=st.integers(1, 20), is_batch=st.booleans())
    def take(self, seconds: int, is_batch: bool) -> None:
        expected = self.free_rows()[: None if is_batch else 1]
        claim = (claim_all if is_batch else claim_first)(SLOTS.all(), lease=timedelta(seconds=seconds))
        assert (claim is not None) == bool(expected)
        if claim is not None:
            self.claims.append(claim)
            self.note(expected, claim.token, seconds)

    @rule(data=st.data(), back_off_seconds=st.integers(0, 10))
    def renew_or_release(self, data: st.DataObject, back_off_seconds: int) -> None:
        if not self.claims:
            return
        claim = data.draw(st.sampled_from(self.claims))
        held = [number for number, holder in self.holder.items() if holder == claim.token]
        if data.draw(st.booleans()):
            assert claim.renew() == bool(held)
            self.note(held, claim.token, claim.lease.total_seconds())
        else:
            assert claim.release(not_before=timezone.now() + timedelta(seconds=back_off_seconds)) == bool(held)
            self.note(held, None, back_off_seconds)

    @rule()
    def rescue_lapsed_rows(self) -> None:
        lapsed_rows = [number for number in self.free_rows() if self.until[number]]
        assert SLOTS.filter(lapsed(timezone.now())).update(**RELEASED) == len(lapsed_rows)
        for number in lapsed_rows:
            self.holder[number], self.until[number] = None, 0.0

    @invariant()
    def rows_match_the_model(self) -> None:
        rows = {row.number: (row.leased_by, row.leased_until) for row in SLOTS.all()}
        for number in range(self.ROWS):
            leased_by, leased_until = rows[number]
            assert leased_by == self.holder[number]
            assert (leased_until.timestamp() if leased_until else 0.0) == self.until[number]


@pytest.mark.one_database
@pytest.mark.parametrize("examples", [25, pytest.param(200, marks=pytest.mark.long)])
def test_any_order_of_events(db: None, examples: int) -> None:
    run_state_machine_as_test(Workers, settings=hypothesis_settings(Workers.TestCase.settings, max_examples=examples))


# --- Slow work --------------------------------------------------------------------------------------------------------


def short_claim(seconds: float) -> Claim[PumpSlot]:
    claim = claim_first(SLOTS.all(), lease=timedelta(seconds=seconds))
    assert claim is not None
    return claim


def test_lease_is_renewed_during_work(slots: None) -> None:
    claim = short_claim(0.3)
    began = timezone.now()

    def work() -> str:
        time.sleep(0.5)
        return threading.current_thread().name

    assert while_held(claim, work).startswith("held")
    until = PumpSlot.objects.get(pk=0).leased_until
    assert until is not None
    assert until >= began + timedelta(seconds=0.5 + 0.3)


def test_work_error_is_raised(slots: None) -> None:
    def work() -> None:
        raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        while_held(short_claim(20), work)


@pytest.mark.parametrize("seconds", [0.0, 0.4])
def test_lost_claim_gets_no_result(slots: None, seconds: float) -> None:
    claim = short_claim(0.3)
    PumpSlot.objects.filter(pk=0).update(**RELEASED)
    with pytest.raises(ClaimLostError):
        while_held(claim, lambda: time.sleep(seconds))


def test_stop_does_not_wait_for_work(slots: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "stop_file", tmp_path)
    done = threading.Event()
    began = time.monotonic()
    with pytest.raises(StopRequestedError):
        while_held(short_claim(20), lambda: done.wait(5))
    assert time.monotonic() - began < 2
    done.set()
