"""The row of the statement that each transfer writes, and the sums of its day."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from time_machine import TimeMachineFixture

from tchavi_studio.ledger import statement_verification
from tchavi_studio.ledger.append_only import ENTRIES
from tchavi_studio.ledger.models import Account, DailySpending, StatementEntry, Transfer
from tchavi_studio.ledger.services import adjust_credits, charge_credits, grant_credits, refund_charge
from tchavi_studio.ledger.statement_verification import verify_statement
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.workspaces.models import User, Workspace
from tests.databases import Database
from tests.plans import listed_by_index

from .test_append_only import drop_triggers
from .test_concurrency import outcomes_of

CLIP, OTHER, KEY = uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=9)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def history(lagune: Workspace, alice: User, time_machine: TimeMachineFixture) -> Workspace:
    """A grant, two charges, and a refund on the next day."""
    time_machine.move_to(NOON, tick=False)
    grant_credits(workspace=lagune, book="live", amount_credits=10_000, reason="Invoice 17", actor=alice)
    for reference, key_id in ((CLIP, KEY), (OTHER, None)):
        charge_credits(
            workspace=lagune,
            book="live",
            amount_credits=1_300,
            reference=reference,
            actor=alice,
            key_id=key_id,
            model="kling-v3",
        )
    time_machine.shift(timedelta(days=1))
    refund_charge(reference=CLIP)
    return lagune


def entries(workspace: Workspace) -> list[tuple[object, ...]]:
    rows = StatementEntry.objects.filter(wallet__workspace=workspace).order_by("row_number")
    return list(
        rows.values_list(
            "row_number", "kind", "change_credits", "balance_after_credits", "member__name", "key_id", "model",
            "reference", "created_at",
        )
    )  # fmt: skip


def sums(workspace: Workspace) -> list[tuple[object, ...]]:
    days = DailySpending.objects.filter(wallet__workspace=workspace).order_by("pk")
    return list(days.values_list("day", "member__name", "key_id", "model", "charged_credits", "refunded_credits"))


def test_each_transfer_has_its_row_and_its_day(history: Workspace) -> None:
    later = NOON + timedelta(days=1)
    assert entries(history) == [
        (1, "grant", 10_000, 10_000, "Alice", None, "", None, NOON),
        (2, "charge", -1_300, 8_700, "Alice", KEY, "kling-v3", CLIP, NOON),
        (3, "charge", -1_300, 7_400, "Alice", None, "kling-v3", OTHER, NOON),
        (4, "refund", 1_300, 8_700, "Alice", KEY, "kling-v3", CLIP, later),
    ]
    assert sums(history) == [
        (date(2026, 11, 23), "Alice", KEY, "kling-v3", 1_300, 0),
        (date(2026, 11, 23), "Alice", None, "kling-v3", 1_300, 0),
        (date(2026, 11, 24), "Alice", KEY, "kling-v3", 0, 1_300),
    ]
    assert list(verify_ledger()) == []


def test_charges_of_a_day_are_one_sum_for_each_cause(history: Workspace, alice: User) -> None:
    for _ in range(2):
        charge_credits(
            workspace=history, book="live", amount_credits=100, reference=uuid.uuid4(), actor=alice, model="kling-v3"
        )
    charge_credits(workspace=history, book="live", amount_credits=10, reference=uuid.uuid4())
    assert sums(history)[3:] == [
        (date(2026, 11, 24), "Alice", None, "kling-v3", 200, 0),
        (date(2026, 11, 24), None, None, "", 10, 0),
    ]


def test_time_never_goes_back(history: Workspace, time_machine: TimeMachineFixture) -> None:
    time_machine.move_to(NOON, tick=False)
    adjustment = adjust_credits(workspace=history, book="live", amount_credits=-5, reason="the clock went back")
    assert adjustment is not None
    assert adjustment.created_at == adjustment.entry.created_at == NOON + timedelta(days=1)
    assert Account.objects.get(workspace=history, name="wallet").last_at == NOON + timedelta(days=1)
    assert list(verify_ledger()) == []


def test_a_row_is_part_of_its_transfers_transaction(history: Workspace) -> None:
    before = (entries(history), sums(history))

    def charge_and_fail() -> None:
        with transaction.atomic():
            charge_credits(workspace=history, book="live", amount_credits=1, reference=uuid.uuid4())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        charge_and_fail()
    assert (entries(history), sums(history)) == before


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger_statemententry SET change_credits = 1", "DELETE FROM ledger_statemententry WHERE row_number = 4"],
)
def test_rows_cannot_be_changed_or_deleted(history: Workspace, statement: str) -> None:
    refused = pytest.raises(IntegrityError, match="statement rows never change or vanish")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.own_database
def test_concurrent_transfers_have_consecutive_numbers_and_times(own_database: Database, lagune: Workspace) -> None:
    grant_credits(workspace=lagune, book="live", amount_credits=1_000, reason="start")

    def charge() -> None:
        for _ in range(5):
            charge_credits(workspace=lagune, book="live", amount_credits=1, reference=uuid.uuid4(), model="kling-v3")

    assert outcomes_of([charge] * 8) == {"NoneType": 8}
    rows = list(StatementEntry.objects.order_by("row_number").values_list("row_number", "created_at"))
    assert [number for number, _moment in rows] == list(range(1, 42))
    moments = [moment for _number, moment in rows]
    assert moments == sorted(moments)
    assert sum(DailySpending.objects.values_list("charged_credits", flat=True)) == 40
    assert list(verify_ledger()) == []


# --- Verification -----------------------------------------------------------------------------------------------------


def tamper(statement: str) -> None:
    drop_triggers(ENTRIES)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.check_constraints()
    ENTRIES.create_triggers(connection)


@pytest.mark.parametrize(
    ("statement", "code", "row", "message"),
    [
        (
            "UPDATE ledger_statemententry SET change_credits = -1 WHERE row_number = 2",
            "statement", 2, "The statement gives change_credits as -1; expected -1,300.",
        ),
        (
            "UPDATE ledger_statemententry SET model = 'seedance-2' WHERE row_number = 4",
            "statement", 4, "The statement gives model as seedance-2; expected kling-v3.",
        ),
        ("DELETE FROM ledger_statemententry WHERE row_number = 1", "statement", 1, "It is missing in the statement."),
        (
            "UPDATE ledger_dailyspending SET charged_credits = 7 WHERE key_id IS NULL",
            "daily-spending", None,
            "2026-11-23, member {member}, key –, model kling-v3: the sums are (7, 0); expected (1300, 0) (charged, "
            "refunded).",
        ),
        (
            "UPDATE ledger_dailyspending SET day = '2026-11-21' WHERE key_id IS NULL",
            "daily-spending", None,
            "2026-11-21, member {member}, key –, model kling-v3: the sums are (1300, 0); expected (0, 0) (charged, "
            "refunded).",
        ),
        (
            "DELETE FROM ledger_dailyspending WHERE refunded_credits > 0",
            "daily-spending", None,
            f"2026-11-24, member {{member}}, key {KEY}, model kling-v3: the sums are (0, 0); expected (0, 1300) "
            "(charged, refunded).",
        ),
        (
            "UPDATE ledger_account SET last_at = NULL WHERE name = 'wallet'",
            "head", 4, "The wallet's last time is –; expected 2026-11-24 12:00:00+00:00.",
        ),
    ],
)  # fmt: skip
def test_each_broken_row_is_named(
    history: Workspace, alice: User, statement: str, code: str, row: int | None, message: str
) -> None:
    tamper(statement)
    found = list(verify_statement(workspace_id=history.pk, book="live"))
    assert (found[0].code, found[0].sequence, found[0].message) == (code, row, message.format(member=alice.pk))


def test_statement_is_compared_in_ranges_of_its_index(history: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_verification, "CHUNK_SIZE", 2)
    with listed_by_index(Transfer, StatementEntry), CaptureQueriesContext(connection) as statements:
        assert list(verify_statement(workspace_id=history.pk, book="live")) == []
    # The wallet, its latest sums, the first sequence; for each of two ranges its rows and the start of the next; the
    # charge of the refund; the sums before the first day, and those of it.
    assert len(statements) == 3 + 2 * 2 + 1 + 2
