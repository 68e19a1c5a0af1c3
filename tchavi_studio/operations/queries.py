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
    """The names of the clusters without a recent heartbeat from any machine."""
    fresh = Heartbeat.objects.filter(beat_at__gt=timezone.now() - FRESH_FOR).values_list("name", flat=True)
    return sorted(set(configured_clusters()) - set(fresh))


def has_unapplied_migrations() -> bool:
    """Whether this code has migrations that the database lacks."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
