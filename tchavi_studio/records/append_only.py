"""Triggers that make a table append-only, on SQLite and PostgreSQL. Nothing bypasses them, not even tests.

Django drops a table's triggers on SQLite whenever a migration rebuilds the table (AlterField, AddConstraint, …). Such a
migration must end with `RunPython(TABLE.install)`; the system check in `checks.py` fails until it does.
"""

from dataclasses import dataclass, field

from django.apps.registry import Apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

POSTGRESQL_TRIGGER_TYPE = 58
"""pg_trigger.tgtype: BEFORE (2), DELETE (8), UPDATE (16) and TRUNCATE (32), per statement (not 1)."""


@dataclass(frozen=True, kw_only=True)
class AppendOnlyTable:
    """A table whose rows never change or vanish.

    `message` is what a refused statement fails with. `is_same_row` is SQL that tells whether an existing row clashes
    with the row `NEW`. `since` is the migration that first installs the triggers. `watched` are the tables on which no
    foreign triggers are wanted, because they might change what is written.
    """

    name: str
    message: str
    is_same_row: str
    since: tuple[str, str]
    watched: tuple[str, ...] = field(default=())

    @property
    def sqlite_triggers(self) -> dict[str, str]:
        """Trigger names and their exact definitions, as stored in sqlite_master."""
        refusal = f"BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
        return {
            f"{self.name}_no_update": f"CREATE TRIGGER {self.name}_no_update BEFORE UPDATE ON {self.name} {refusal}",
            f"{self.name}_no_delete": f"CREATE TRIGGER {self.name}_no_delete BEFORE DELETE ON {self.name} {refusal}",
            # INSERT OR REPLACE deletes conflicting rows without firing the trigger above, unless the connection has set
            # PRAGMA recursive_triggers. Connections other than ours haven't, so conflicts are refused here.
            f"{self.name}_no_replace": (
                f"CREATE TRIGGER {self.name}_no_replace BEFORE INSERT ON {self.name} "  # noqa: S608
                f"WHEN EXISTS (SELECT 1 FROM {self.name} WHERE {self.is_same_row}) {refusal}"
            ),
        }

    @property
    def postgresql_trigger(self) -> str:
        return f"{self.name}_append_only"

    @property
    def postgresql_function(self) -> str:
        return f"{self.name}_refuse"

    @property
    def postgresql_function_body(self) -> str:
        return f" BEGIN RAISE EXCEPTION '{self.message}' USING ERRCODE = 'integrity_constraint_violation'; END "

    def install(self, apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Create every trigger, from a migration's RunPython."""
        self.create_triggers(schema_editor.connection)

    def create_triggers(self, connection: BaseDatabaseWrapper) -> None:
        """Create every trigger, replacing existing ones."""
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                for name, definition in self.sqlite_triggers.items():
                    cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                    cursor.execute(definition)
                return
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {self.postgresql_function}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$body${self.postgresql_function_body}$body$"
            )
            cursor.execute(f"DROP TRIGGER IF EXISTS {self.postgresql_trigger} ON {self.name}")
            cursor.execute(
                f"CREATE TRIGGER {self.postgresql_trigger} BEFORE UPDATE OR DELETE OR TRUNCATE ON {self.name} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {self.postgresql_function}()"
            )
            # ALWAYS: sessions in replica mode skip ordinary triggers.
            cursor.execute(f"ALTER TABLE {self.name} ENABLE ALWAYS TRIGGER {self.postgresql_trigger}")

    def missing_triggers(self, connection: BaseDatabaseWrapper) -> list[str]:
        """Names of the triggers that are missing, disabled or changed. The table must exist."""
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(
                    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [self.name]
                )
                found = dict(cursor.fetchall())
                return [name for name, definition in self.sqlite_triggers.items() if found.get(name) != definition]
            cursor.execute(
                "SELECT 1 FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
                "WHERE tgrelid = to_regclass(%s) AND tgname = %s AND tgenabled = 'A' AND tgtype = %s AND prosrc = %s",
                [self.name, self.postgresql_trigger, POSTGRESQL_TRIGGER_TYPE, self.postgresql_function_body],
            )
            return [] if cursor.fetchone() else [self.postgresql_trigger]

    def foreign_triggers(self, connection: BaseDatabaseWrapper) -> list[str]:
        """Names of triggers and rules on the watched tables that aren't ours, and might change what is written."""
        tables = (self.name, *self.watched)
        places = ", ".join(["%s"] * len(tables))
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(
                    f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({places}) "  # noqa: S608
                    f"UNION ALL SELECT name FROM sqlite_temp_master WHERE type = 'trigger' AND tbl_name IN ({places})",
                    [*tables, *tables],
                )
            else:
                cursor.execute(
                    "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "  # noqa: S608
                    f"WHERE NOT tgisinternal AND relname IN ({places}) "
                    f"UNION ALL SELECT rulename FROM pg_rules WHERE tablename IN ({places})",
                    [*tables, *tables],
                )
            found = [name for (name,) in cursor.fetchall()]
        return sorted(set(found) - {*self.sqlite_triggers, self.postgresql_trigger})


protected_tables: list[AppendOnlyTable] = []


def protect(table: AppendOnlyTable) -> AppendOnlyTable:
    """Have the system check watch over `table`; call this where the table is declared."""
    protected_tables.append(table)
    return table
