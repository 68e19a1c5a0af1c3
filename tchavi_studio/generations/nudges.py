"""Hints to the workers that there is work. The row is the truth: with every hint lost, the sweep finishes it all."""

import logging

from django.db import DatabaseError
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from .models import Engine, Generation, State

logger = logging.getLogger(__name__)

RENDER_CLUSTER = "render"
RENDER_TASK = "tchavi_studio.generations.tasks.render_waiting"


def nudge_renders() -> None:
    """Tell a render worker that something waits, unless an earlier hint still lies there unread.

    Never raises: the caller's work is done and committed, and the sweep comes by in a few seconds anyway.
    """
    try:
        unread = OrmQ.objects.filter(key=RENDER_CLUSTER, lock__lte=timezone.now())
        # Heartbeats lie in the same queue.
        if not any(row.task.get("func") == RENDER_TASK for row in unread):
            async_task(RENDER_TASK, cluster=RENDER_CLUSTER)
    except DatabaseError:
        logger.warning("A render hint could not be queued; the sweep will find the work.", exc_info=True)


def nudge_forgotten_renders() -> None:
    """Hint again while previews wait, for hints that were lost with their worker."""
    if Generation.objects.filter(engine=Engine.PREVIEW, state=State.QUEUED).exists():
        nudge_renders()
