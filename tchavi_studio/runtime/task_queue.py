"""The queue of a cluster: django-q2's, with a doorbell instead of frequent polls."""

from django.db import transaction
from django_q.brokers.orm import ORM

from .doorbells import doorbell_of

POLL_SECONDS = 5.0
"""How long a task whose ring was lost may wait."""


class TaskQueue(ORM):  # type: ignore[misc]  # django-q2 has no types
    """Rings when a task is queued. The `poll` of django-q2's settings is 0, since waiting is done here."""

    def __init__(self, list_key: str) -> None:
        super().__init__(list_key=list_key)
        self._doorbell = doorbell_of(list_key)

    def enqueue(self, task: str) -> int:
        """Queue a signed task; returns its row's id."""
        queued_id: int = super().enqueue(task)
        transaction.on_commit(self._doorbell.ring, robust=True)
        return queued_id

    def dequeue(self) -> list[tuple[int | None, str]] | None:
        """Take the next task; None if there is none after a while."""
        self._doorbell.listen()
        tasks: list[tuple[int | None, str]] | None = super().dequeue()
        # An empty list means that another machine took the task: there may be more.
        if tasks is None:
            self._doorbell.wait(self.seconds_to_wait())
        return tasks

    def seconds_to_wait(self) -> float:
        """How long to wait for a ring before looking at the queue again."""
        return POLL_SECONDS
