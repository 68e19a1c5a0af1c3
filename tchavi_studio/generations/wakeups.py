"""Waking the workers when there is work for them."""

from django.conf import settings
from django.utils import timezone

from tchavi_studio.runtime.leases import taken
from tchavi_studio.runtime.wakeups import queue_wake_up

from .models import IS_OPEN, Engine, Generation, PumpSlot, State

RENDER_CLUSTER = "render"
RENDER_TASK = "tchavi_studio.generations.tasks.render_waiting"
PUMP_CLUSTER = "pump"
PUMP_TASK = "tchavi_studio.generations.tasks.pump_upstream"
DISCARD_TASK = "tchavi_studio.generations.tasks.discard_waiting"
BULK_TASK = "tchavi_studio.generations.tasks.work_on_bulk_jobs"
TRANSFER_CLUSTER = "transfer"
TRANSFER_TASK = "tchavi_studio.generations.tasks.transfer_waiting"


def wake_renders() -> None:
    """Wake a render worker."""
    queue_wake_up(RENDER_TASK, cluster=RENDER_CLUSTER)


def wake_renders_if_any_wait() -> None:
    """Wake a render worker if any preview is waiting: its wake-up may have been lost with a worker."""
    if Generation.objects.filter(IS_OPEN, engine=Engine.PREVIEW, state=State.QUEUED).exists():
        wake_renders()


def wake_pump() -> None:
    """Start a pump, unless STUDIO_PUMPS are running already: those notice new rows without a wake-up."""
    running = PumpSlot.objects.filter(taken(timezone.now()), number__lt=settings.STUDIO_PUMPS)
    if settings.STUDIO_MODE == "live" and running.count() < settings.STUDIO_PUMPS:
        queue_wake_up(PUMP_TASK, cluster=PUMP_CLUSTER)


def wake_discards() -> None:
    """Wake a worker to delete what somebody discarded."""
    queue_wake_up(DISCARD_TASK, cluster=PUMP_CLUSTER)


def wake_bulk_jobs() -> None:
    """Wake a worker to go on with what people do to many clips."""
    queue_wake_up(BULK_TASK, cluster=PUMP_CLUSTER)


def wake_transfers() -> None:
    """Wake a transfer worker: a file is waiting to be uploaded or fetched."""
    if settings.STUDIO_MODE == "live":
        queue_wake_up(TRANSFER_TASK, cluster=TRANSFER_CLUSTER)
