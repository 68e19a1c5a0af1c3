"""Records of how the studio is running."""

from typing import ClassVar

from django.db import models


class Heartbeat(models.Model):
    """When the cluster `name` last showed that it works, on any machine.

    The watchdog records it when the cluster has finished a task: a wedged one can't, even if its processes are alive.
    """

    name = models.CharField(max_length=40, unique=True)
    beat_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return f"{self.name} at {self.beat_at:%Y-%m-%d %H:%M:%S}"
