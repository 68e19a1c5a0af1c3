"""Records of how the studio is running."""

from typing import ClassVar

from django.db import models


class Heartbeat(models.Model):
    """When something that has to happen regularly last did: `name` is a cluster's, or "sweep".

    A cluster's heartbeat is written by finishing a task: a wedged cluster can't, even if its processes are alive.
    """

    name = models.CharField(max_length=40, unique=True)
    beat_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return f"{self.name} at {self.beat_at:%Y-%m-%d %H:%M:%S}"
