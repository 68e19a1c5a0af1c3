"""Who is woken up for which work."""

from django.conf import settings
from django.utils import timezone

from tchavi_studio.runtime.leases import taken
from tchavi_studio.runtime.wakeups import queue_wake_up

from .models import Engine, Generation, PumpSlot, State

RENDER_CLUSTER = "render"
RENDER_TASK = "tchavi_studio.generations.tasks.render_waiting"
PUMP_CLUSTER = "pump"
PUMP_TASK = "tchavi_studio.generations.tasks.pump_upstream"
TRANSFER_CLUSTER = "transfer"
TRANSFER_TASK = "tchavi_studio.generations.tasks.transfer_waiting"


def wake_renders() -> None:
    """Tell a render worker that something waits."""
    queue_wake_up(RENDER_TASK, cluster=RENDER_CLUSTER)


def wake_renders_if_any_wait() -> None:
    """Wake a render worker while previews wait, for wake-ups that were lost with their worker."""
    if Generation.objects.filter(engine=Engine.PREVIEW, state=State.QUEUED).exists():
        wake_renders()


def wake_pump() -> None:
    """Have a pump begin, unless as many as there should be are at work: those see new rows by themselves."""
    at_work = PumpSlot.objects.filter(taken(timezone.now()), number__lt=settings.STUDIO_PUMPS)
    if settings.STUDIO_MODE == "live" and at_work.count() < settings.STUDIO_PUMPS:
        queue_wake_up(PUMP_TASK, cluster=PUMP_CLUSTER)


def wake_transfers() -> None:
    """Tell a transfer worker that a file waits to be sent or fetched."""
    if settings.STUDIO_MODE == "live":
        queue_wake_up(TRANSFER_TASK, cluster=TRANSFER_CLUSTER)
