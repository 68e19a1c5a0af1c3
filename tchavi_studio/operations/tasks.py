"""What the watchdog has the clusters do every few seconds."""

import logging

from tchavi_studio.generations import tasks as generations
from tchavi_studio.webhooks import tasks as webhooks

from .services import record_heartbeat

logger = logging.getLogger(__name__)

SWEEP_HEARTBEAT = "sweep"


def beat(cluster: str) -> None:
    """Prove that `cluster` takes tasks and finishes them."""
    record_heartbeat(cluster)


def sweep() -> None:
    """Find the work that fell through, and write down when that was last done. One room's trouble stops no other's."""
    for name, room_sweep in (("generations", generations.sweep), ("webhooks", webhooks.sweep)):
        try:
            room_sweep()
        except Exception:
            logger.exception("The sweep of %s failed; the next one comes in a few seconds.", name)
    record_heartbeat(SWEEP_HEARTBEAT)
