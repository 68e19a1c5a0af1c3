"""Writes of the operations room."""

from datetime import datetime

from django.utils import timezone

from .models import Heartbeat


def record_heartbeat(name: str) -> datetime:
    """Write down that `name` beats now; returns when that was.

    One statement, whether there was a row or not, so that two at once cannot clash.
    """
    heartbeat = Heartbeat(name=name, beat_at=timezone.now())
    Heartbeat.objects.bulk_create([heartbeat], update_conflicts=True, unique_fields=["name"], update_fields=["beat_at"])
    return heartbeat.beat_at
