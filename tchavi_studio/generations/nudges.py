"""Hints to the workers that there is work. The row is the truth: with every hint lost, the sweep finishes it all."""

import logging

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from .models import Engine, Generation, PumpSeat, State

logger = logging.getLogger(__name__)

RENDER_CLUSTER = "render"
RENDER_TASK = "tchavi_studio.generations.tasks.render_waiting"
PUMP_CLUSTER = "pump"
PUMP_TASK = "tchavi_studio.generations.tasks.pump_upstream"
TRANSFER_CLUSTER = "transfer"
TRANSFER_TASK = "tchavi_studio.generations.tasks.transfer_waiting"


def nudge_renders() -> None:
    """Tell a render worker that something waits."""
    _nudge(RENDER_TASK, RENDER_CLUSTER)


def nudge_forgotten_renders() -> None:
    """Hint again while previews wait, for hints that were lost with their worker."""
    if Generation.objects.filter(engine=Engine.PREVIEW, state=State.QUEUED).exists():
        nudge_renders()


def nudge_pump() -> None:
    """Have a pump begin, unless as many as there should be are at work: those see new rows by themselves."""
    taken = PumpSeat.objects.filter(number__lt=settings.STUDIO_PUMPS, held_until__gte=timezone.now())
    if settings.STUDIO_MODE == "live" and taken.count() < settings.STUDIO_PUMPS:
        _nudge(PUMP_TASK, PUMP_CLUSTER)


def nudge_transfers() -> None:
    """Tell a transfer worker that a file waits to be sent or fetched."""
    if settings.STUDIO_MODE == "live":
        _nudge(TRANSFER_TASK, TRANSFER_CLUSTER)


def _nudge(task: str, cluster: str) -> None:
    """Queue a hint unless an earlier one still lies there unread.

    Never raises: the caller's work is done and committed, and the sweep comes by in a few seconds anyway.
    """
    try:
        unread = OrmQ.objects.filter(key=cluster, lock__lte=timezone.now())
        # Heartbeats lie in the same queue.
        if not any(row.task.get("func") == task for row in unread):
            async_task(task, cluster=cluster)
    except DatabaseError:
        logger.warning("A hint for the %s cluster could not be queued; the sweep will find the work.", cluster)
