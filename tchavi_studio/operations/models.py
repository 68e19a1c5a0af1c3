"""What operating the studio writes down."""

from typing import ClassVar

from django.db import models


class Heartbeat(models.Model):
    """When something that must happen again and again last did: `name` is a cluster's, or "sweep".

    A cluster's heart beats when it finishes a task, which one that is alive but wedged cannot.
    """

    name = models.CharField(max_length=40, unique=True)
    beat_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return f"{self.name} at {self.beat_at:%Y-%m-%d %H:%M:%S}"
