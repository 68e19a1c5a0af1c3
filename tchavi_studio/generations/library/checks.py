"""A system check for what keeps the text index in line with the entries."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from .text_index import missing_parts

SINCE = ("generations", "0017_library_indexes")


@register(Tags.database)
def text_index_is_kept(*, databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Run by `migrate` and by `check --database default`. A database that has no such index yet passes."""
    return [
        Error(
            f"Clips can't be searched reliably: {name} is missing or was changed.",
            hint="A migration that rebuilds the table must end with RunPython(text_index.install).",
            id="generations.E001",
        )
        for alias in databases or []
        if SINCE in MigrationRecorder(connections[alias]).applied_migrations()
        for name in missing_parts(connections[alias])
    ]
