"""The triggers that make transfers append-only, for SQLite and PostgreSQL. Nothing bypasses them, not even tests.

Django drops a table's triggers on SQLite whenever a migration rebuilds the table (AlterField, AddConstraint, …). Such a
migration must end with `RunPython(install_triggers)`; the system check in `checks.py` fails until it does.
"""

from django.apps.registry import Apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "ledger_transfer"
TABLES = (TABLE, "ledger_account", "ledger_spendinglimit", "ledger_limitedcharge")

SQLITE_TRIGGERS = {
    "ledger_transfer_no_update": (
        "CREATE TRIGGER ledger_transfer_no_update BEFORE UPDATE ON ledger_transfer "
        "BEGIN SELECT RAISE(ABORT, 'ledger rows never change or vanish'); END"
    ),
    "ledger_transfer_no_delete": (
        "CREATE TRIGGER ledger_transfer_no_delete BEFORE DELETE ON ledger_transfer "
        "BEGIN SELECT RAISE(ABORT, 'ledger rows never change or vanish'); END"
    ),
    # INSERT OR REPLACE deletes conflicting rows without firing the trigger above, unless the connection has set
    # PRAGMA recursive_triggers. Connections other than ours haven't, so conflicts are refused here.
    "ledger_transfer_no_replace": (
        "CREATE TRIGGER ledger_transfer_no_replace BEFORE INSERT ON ledger_transfer "
        "WHEN EXISTS (SELECT 1 FROM ledger_transfer WHERE id = NEW.id OR hash = NEW.hash "
        "OR (workspace_id = NEW.workspace_id AND book = NEW.book AND sequence = NEW.sequence) "
        "OR (reference = NEW.reference AND kind = NEW.kind)) "
        "BEGIN SELECT RAISE(ABORT, 'ledger rows never change or vanish'); END"
    ),
}
"""Trigger names and their exact definitions, as stored in sqlite_master."""

POSTGRESQL_TRIGGER = "ledger_transfer_append_only"
POSTGRESQL_FUNCTION = "ledger_transfer_refuse"
POSTGRESQL_FUNCTION_BODY = (
    " BEGIN RAISE EXCEPTION 'ledger rows never change or vanish' USING ERRCODE = 'integrity_constraint_violation'; END "
)
POSTGRESQL_TRIGGER_TYPE = 58
"""pg_trigger.tgtype: BEFORE (2), DELETE (8), UPDATE (16) and TRUNCATE (32), per statement (not 1)."""


def install_triggers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create every trigger, from a migration's RunPython."""
    create_triggers(schema_editor.connection)


def create_triggers(connection: BaseDatabaseWrapper) -> None:
    """Create every trigger, replacing existing ones."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name, definition in SQLITE_TRIGGERS.items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(definition)
            return
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {POSTGRESQL_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$body${POSTGRESQL_FUNCTION_BODY}$body$"
        )
        cursor.execute(f"DROP TRIGGER IF EXISTS {POSTGRESQL_TRIGGER} ON {TABLE}")
        cursor.execute(
            f"CREATE TRIGGER {POSTGRESQL_TRIGGER} BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {POSTGRESQL_FUNCTION}()"
        )
        # ALWAYS: sessions in replica mode skip ordinary triggers.
        cursor.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {POSTGRESQL_TRIGGER}")


def foreign_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of triggers and rules on the ledger's tables that aren't ours, and might change what is written."""
    places = ", ".join(["%s"] * len(TABLES))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({places}) "  # noqa: S608
                f"UNION ALL SELECT name FROM sqlite_temp_master WHERE type = 'trigger' AND tbl_name IN ({places})",
                [*TABLES, *TABLES],
            )
        else:
            cursor.execute(
                "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "  # noqa: S608
                f"WHERE NOT tgisinternal AND relname IN ({places}) "
                f"UNION ALL SELECT rulename FROM pg_rules WHERE tablename IN ({places})",
                [*TABLES, *TABLES],
            )
        found = [name for (name,) in cursor.fetchall()]
    return sorted(set(found) - {*SQLITE_TRIGGERS, POSTGRESQL_TRIGGER})


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of the triggers that are missing, disabled or changed. The table must exist."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
            found = dict(cursor.fetchall())
            return [name for name, definition in SQLITE_TRIGGERS.items() if found.get(name) != definition]
        cursor.execute(
            "SELECT 1 FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
            "WHERE tgrelid = to_regclass(%s) AND tgname = %s AND tgenabled = 'A' AND tgtype = %s AND prosrc = %s",
            [TABLE, POSTGRESQL_TRIGGER, POSTGRESQL_TRIGGER_TYPE, POSTGRESQL_FUNCTION_BODY],
        )
        return [] if cursor.fetchone() else [POSTGRESQL_TRIGGER]
