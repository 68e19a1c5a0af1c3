"""A system check for prices that somebody set in vain."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from .models import PRICE_VERSIONS
from .queries import ignored_overrides


@register(Tags.database)
def prices_in_settings_are_in_force(*, databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Run by `migrate` and by `check --database default`. A database that has no versions yet passes."""
    return [
        Warning(
            f"STUDIO_PRICES differs from the prices in force ({name}) and changes nothing.",
            hint="Prices are changed on the page Prices of the site. Remove STUDIO_PRICES.",
            id="generations.W001",
        )
        for alias in databases or []
        if PRICE_VERSIONS.since in MigrationRecorder(connections[alias]).applied_migrations()
        for name in ignored_overrides()
    ]
