"""Tasks that the watchdog queues every few seconds."""

import logging

from tchavi_studio.generations import tasks as generations
from tchavi_studio.webhooks import tasks as webhooks

from .services import record_heartbeat

logger = logging.getLogger(__name__)

SWEEP_HEARTBEAT = "sweep"


def beat(cluster: str) -> None:
    """Prove that `cluster` starts and finishes tasks."""
    record_heartbeat(cluster)


def sweep() -> None:
    """Find work whose wake-up was lost, app by app, and record a heartbeat. One app's failure doesn't stop the rest."""
    for name, app_sweep in (("generations", generations.sweep), ("webhooks", webhooks.sweep)):
        try:
            app_sweep()
        except Exception:
            logger.exception("The %s sweep failed; the next one runs in a few seconds.", name)
    record_heartbeat(SWEEP_HEARTBEAT)
