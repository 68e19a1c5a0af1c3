"""Reads about how the studio is running."""

from datetime import timedelta

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from .clusters import configured_clusters
from .models import Heartbeat

FRESH_FOR = timedelta(seconds=20)
"""How long a heartbeat counts. A working cluster has one every ten seconds."""


def stale_clusters() -> list[str]:
    """The names of the clusters without a recent heartbeat from any machine.

    One from the future proves nothing: it stays there for hours if a clock was set back, whatever becomes of its
    cluster. The clocks of machines may differ by as much as a heartbeat counts.
    """
    now = timezone.now()
    fresh = Heartbeat.objects.filter(beat_at__gt=now - FRESH_FOR, beat_at__lte=now + FRESH_FOR)
    return sorted(set(configured_clusters()) - set(fresh.values_list("name", flat=True)))


def has_unapplied_migrations() -> bool:
    """Whether this code has migrations that the database lacks."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
