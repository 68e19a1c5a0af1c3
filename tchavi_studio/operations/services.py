"""Writes of the operations room."""

from django.utils import timezone

from .models import Heartbeat


def record_heartbeat(name: str) -> None:
    """Write down that `name` beats now. One statement, whether there was a row or not, so two at once cannot clash."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, beat_at=timezone.now())],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["beat_at"],
    )
