"""Wake-ups: queued tasks that only say "look at the rows". With every one of them lost, the sweep finishes it all."""

import logging

from django.db import DatabaseError
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

logger = logging.getLogger(__name__)


def queue_wake_up(task: str, *, cluster: str, max_unread: int = 1) -> None:
    """Queue `task` for a worker of `cluster`, unless `max_unread` of it lie there unread.

    Never raises: the caller's work is done and committed, and the sweep comes by in a few seconds anyway.
    """
    try:
        unread = OrmQ.objects.filter(key=cluster, lock__lte=timezone.now())
        # Heartbeats, and others' wake-ups, lie in the same queue.
        if sum(row.task.get("func") == task for row in unread) < max_unread:
            async_task(task, cluster=cluster)
    except DatabaseError:
        logger.warning("A wake-up for the %s cluster could not be queued; the sweep will find the work.", cluster)
