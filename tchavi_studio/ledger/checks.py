"""A system check for the triggers that protect the ledger."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from .append_only import missing_triggers


@register(Tags.database)
def ledger_is_append_only(*, databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Run by `migrate` and by `check --database default`. A database that has no ledger yet passes."""
    errors: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if ("ledger", "0002_append_only") not in MigrationRecorder(connection).applied_migrations():
            continue
        errors += [
            Error(
                f"The ledger isn't protected: the trigger {name} is missing or was changed.",
                hint="A migration that rebuilds the table must end with RunPython(install_triggers). To restore the "
                "triggers, run manage.py verify_ledger --restore-triggers.",
                id="ledger.E001",
            )
            for name in missing_triggers(connection)
        ]
    return errors
