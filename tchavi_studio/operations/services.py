"""Writes about how the studio is running."""

from datetime import datetime

from django.utils import timezone

from .models import Heartbeat


def record_heartbeat(name: str) -> datetime:
    """Record a heartbeat of `name` now; returns the time.

    A single statement, whether or not the row exists, so that concurrent calls can't clash.
    """
    heartbeat = Heartbeat(name=name, beat_at=timezone.now())
    Heartbeat.objects.bulk_create([heartbeat], update_conflicts=True, unique_fields=["name"], update_fields=["beat_at"])
    return heartbeat.beat_at
