"""A system check for the triggers of append-only tables."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from .append_only import protected_tables


@register(Tags.database)
def tables_are_append_only(*, databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Run by `migrate` and by `check --database default`. A database that has no such table yet passes."""
    errors: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        applied = MigrationRecorder(connection).applied_migrations()
        errors += [
            Error(
                f"{table.name} isn't protected: the trigger {name} is missing or was changed.",
                hint="A migration that rebuilds the table must end with RunPython(TABLE.install). To restore the "
                "triggers, run manage.py verify_ledger --restore-triggers.",
                id="records.E001",
            )
            for table in protected_tables
            if table.since in applied
            for name in table.missing_triggers(connection)
        ]
    return errors
