"""Wake-ups: queued tasks that only say "look at the rows". If they are all lost, the sweep still finds the work."""

import logging
from typing import Any

from django.db import DatabaseError
from django.db.models import CharField, DateTimeField, QuerySet
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from tchavi_studio.prepared import Parameter, Prepared

logger = logging.getLogger(__name__)


def _unread() -> QuerySet[Any, Any]:
    cluster, now = Parameter("cluster", CharField()), Parameter("now", DateTimeField())
    rows: QuerySet[Any, Any] = OrmQ.objects.filter(key=cluster, lock__lte=now)
    return rows.values_list("payload")


_prepared_unread = Prepared(_unread)


def queue_wake_up(task: str, *, cluster: str, max_unread: int = 1) -> None:
    """Queue `task` for a worker of `cluster`, unless `max_unread` of them are already waiting.

    Never raises: the caller's work is committed, and the sweep runs in a few seconds anyway.
    """
    try:
        unread = _prepared_unread.rows(cluster=cluster, now=timezone.now())
        # Heartbeats and other wake-ups share the queue. A task signed with an earlier secret key has no function.
        if sum(OrmQ(payload=payload).task.get("func") == task for (payload,) in unread) < max_unread:
            async_task(task, cluster=cluster)
    except DatabaseError:
        logger.warning("Couldn't queue a wake-up for the %s cluster; the sweep will find the work.", cluster)
