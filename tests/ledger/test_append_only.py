"""Rows never change or vanish, and the studio notices if that protection is gone."""

import uuid
from typing import Any

import pytest
from django.core.checks import Error, Tags, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

from tchavi_studio.ledger.append_only import TRANSFERS
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.services import charge_credits, grant_credits
from tchavi_studio.records.append_only import AppendOnlyTable
from tchavi_studio.workspaces.models import Workspace
from tests.databases import Database

Rows = list[Any]
REFUSAL = "ledger rows never change or vanish"
CLIP = uuid.UUID("11111111-1111-4111-8111-111111111111")

CHANGES = [
    "UPDATE ledger_transfer SET amount_credits = 1",
    "UPDATE ledger_transfer SET reason = reason",
    "UPDATE ledger_transfer SET actor_id = NULL WHERE sequence = 1",
    "DELETE FROM ledger_transfer",
    "DELETE FROM ledger_transfer WHERE sequence = 2",
]
ON_CONFLICT = (
    "INSERT INTO ledger_transfer SELECT * FROM ledger_transfer WHERE sequence = 1 "
    "ON CONFLICT (id) DO UPDATE SET amount_credits = 1"
)


def every_trigger(table: AppendOnlyTable = TRANSFERS) -> list[str]:
    if connection.vendor == "sqlite":
        return [f"{table.name}_{what}" for what in ("no_update", "no_delete", "no_replace")]
    return [f"{table.name}_append_only"]


def drop_triggers(table: AppendOnlyTable = TRANSFERS) -> None:
    # PostgreSQL can't drop a trigger while deferred foreign keys of its table are unchecked.
    connection.check_constraints()
    with connection.cursor() as cursor:
        for name in every_trigger(table):
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table.name}" if connection.vendor == "postgresql" else ""))


@pytest.fixture
def two_rows(lagune: Workspace) -> Rows:
    grant_credits(workspace=lagune, book="live", amount_credits=5000, reason="first")
    charge_credits(workspace=lagune, book="live", amount_credits=1300, reference=CLIP)
    return list(Transfer.objects.order_by("sequence").values())


def refuse(statement: str, rows: Rows) -> None:
    with pytest.raises(IntegrityError, match=REFUSAL), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(Transfer.objects.order_by("sequence").values()) == rows


@pytest.mark.parametrize("statement", [*CHANGES, ON_CONFLICT])
def test_rows_cannot_be_changed_or_deleted(two_rows: Rows, statement: str) -> None:
    refuse(statement, two_rows)


def test_the_orm_is_refused_too(two_rows: Rows) -> None:
    transfer = Transfer.objects.earliest("sequence")
    transfer.amount_credits = 1
    with pytest.raises(IntegrityError, match=REFUSAL), transaction.atomic():
        transfer.save()
    with pytest.raises(models.ProtectedError), transaction.atomic():
        transfer.delete()
    assert list(Transfer.objects.order_by("sequence").values()) == two_rows


@pytest.mark.parametrize(
    ("same", "other"),
    [
        ("id", "sequence = 9, hash = 'x', reference = 'f'"),
        ("sequence", "id = 900, hash = 'x', reference = 'f'"),
        ("hash", "id = 900, sequence = 9, reference = 'f'"),
        ("reference and kind", "id = 900, sequence = 9, hash = 'x'"),
    ],
)
@pytest.mark.parametrize("recursive_triggers", ["ON", "OFF"])
def test_rows_cannot_be_replaced_on_sqlite(two_rows: Rows, same: str, other: str, recursive_triggers: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has INSERT OR REPLACE")
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA recursive_triggers = {recursive_triggers}")
        cursor.execute("CREATE TEMPORARY TABLE copied AS SELECT * FROM ledger_transfer WHERE sequence = 2")
        cursor.execute("UPDATE copied SET amount_credits = 1")
        cursor.execute(f"UPDATE copied SET {other}")
    try:
        refuse("INSERT OR REPLACE INTO ledger_transfer SELECT * FROM copied", two_rows)
        refuse("REPLACE INTO ledger_transfer SELECT * FROM copied", two_rows)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE copied")
            cursor.execute("PRAGMA recursive_triggers = ON")


@pytest.mark.parametrize(
    "statement", ["TRUNCATE ledger_transfer, ledger_statemententry", "TRUNCATE workspaces_workspace CASCADE"]
)
def test_table_cannot_be_truncated_on_postgresql(two_rows: Rows, statement: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    # Otherwise PostgreSQL refuses for another reason: unchecked foreign keys.
    connection.check_constraints()
    refuse(statement, two_rows)


def test_replica_sessions_are_refused_on_postgresql(two_rows: Rows) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no replicas")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    refuse("UPDATE ledger_transfer SET amount_credits = 1", two_rows)


def database_errors() -> list[Error]:
    return [
        message for message in run_checks(tags=[Tags.database], databases=["default"]) if isinstance(message, Error)
    ]


def test_check_passes_with_all_triggers(db: None) -> None:
    assert TRANSFERS.missing_triggers(connection) == []
    assert database_errors() == []


def test_check_names_every_missing_trigger(two_rows: Rows) -> None:
    drop_triggers()
    assert TRANSFERS.missing_triggers(connection) == every_trigger()
    assert [(error.id, error.msg) for error in database_errors()] == [
        ("records.E001", f"ledger_transfer isn't protected: the trigger {name} is missing or was changed.")
        for name in every_trigger()
    ]
    with pytest.raises(SystemCheckError, match=r"records\.E001"):
        call_command("check", databases=["default"])
    TRANSFERS.create_triggers(connection)
    assert database_errors() == []


def test_check_detects_triggers_that_do_nothing(two_rows: Rows) -> None:
    drop_triggers()
    TRANSFERS.create_triggers(connection)
    connection.check_constraints()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER ledger_transfer_no_update")
            cursor.execute(
                "CREATE TRIGGER ledger_transfer_no_update BEFORE UPDATE ON ledger_transfer BEGIN SELECT 1; END"
            )
            assert TRANSFERS.missing_triggers(connection) == ["ledger_transfer_no_update"]
            return
        cursor.execute("ALTER TABLE ledger_transfer DISABLE TRIGGER ledger_transfer_append_only")
        assert TRANSFERS.missing_triggers(connection) == ["ledger_transfer_append_only"]
        cursor.execute("ALTER TABLE ledger_transfer ENABLE ALWAYS TRIGGER ledger_transfer_append_only")
        assert TRANSFERS.missing_triggers(connection) == []
        cursor.execute(
            "CREATE OR REPLACE FUNCTION ledger_transfer_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN RETURN NEW; END'"
        )
        assert TRANSFERS.missing_triggers(connection) == ["ledger_transfer_append_only"]


def test_check_passes_without_a_ledger(two_rows: Rows) -> None:
    drop_triggers()
    MigrationRecorder(connection).record_unapplied("ledger", "0002_append_only")
    assert database_errors() == []


@pytest.mark.own_database
def test_check_detects_a_table_rebuild(own_database: Database) -> None:
    wider = models.CharField(max_length=70)
    wider.set_attributes_from_name("previous_hash")
    wider.model = Transfer
    with connection.schema_editor() as editor:
        editor.alter_field(Transfer, Transfer._meta.get_field("previous_hash"), wider, strict=True)
    # Only SQLite rebuilds the table and drops its triggers.
    assert TRANSFERS.missing_triggers(connection) == (every_trigger() if connection.vendor == "sqlite" else [])
