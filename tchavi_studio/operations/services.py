"""Writes about how the studio is running."""

from django.utils import timezone

from .models import Heartbeat


def record_heartbeats(*names: str) -> None:
    """Record a heartbeat of each of `names` now: one statement if the rows exist, as they soon do.

    An upsert alone would write twice as much on SQLite, which counts ids up before it finds the row.
    """
    now = timezone.now()
    if Heartbeat.objects.filter(name__in=names).update(beat_at=now) < len(names):
        rows = [Heartbeat(name=name, beat_at=now) for name in names]
        Heartbeat.objects.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=["beat_at"])
