"""Hints to the workers that something is to be sent. The row is the truth: without any hint, the sweep finds it."""

import logging

from django.db import DatabaseError
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

logger = logging.getLogger(__name__)

CLUSTER = "pump"
TASK = "tchavi_studio.webhooks.tasks.deliver_due"
MAX_UNREAD_HINTS = 10


def nudge_deliveries() -> None:
    """Tell a worker that something is to be sent, unless the queue is long anyway.

    Never raises: the caller's work is done and committed, and the sweep comes by in a few seconds.
    """
    try:
        if OrmQ.objects.filter(key=CLUSTER, lock__lte=timezone.now()).count() < MAX_UNREAD_HINTS:
            async_task(TASK, cluster=CLUSTER)
    except DatabaseError:
        logger.warning("A webhook hint could not be queued; the sweep will find the work.", exc_info=True)
