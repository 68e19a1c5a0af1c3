"""Tasks that the watchdog queues every few seconds."""

import logging
import time
from collections.abc import Callable

from tchavi_studio.generations import tasks as generations
from tchavi_studio.webhooks import tasks as webhooks
from tchavi_studio.workspaces.services import delete_expired_sessions

from .services import record_heartbeat

CLEAN_UP_SECONDS = 60.0
_cleaned_up_at = -CLEAN_UP_SECONDS

logger = logging.getLogger(__name__)

SWEEP_HEARTBEAT = "sweep"


def beat(cluster: str) -> None:
    """Prove that `cluster` starts and finishes tasks."""
    record_heartbeat(cluster)


def sweep() -> None:
    """Find work whose wake-up was lost, and once a minute delete what is over. Records a heartbeat."""
    _run_each({"generations sweep": generations.sweep, "webhooks sweep": webhooks.sweep})
    _clean_up_if_due()
    record_heartbeat(SWEEP_HEARTBEAT)


def _clean_up_if_due() -> None:
    # Each worker has its own clock: more often does no harm, and one that all share would be written to all day.
    global _cleaned_up_at
    if time.monotonic() - _cleaned_up_at < CLEAN_UP_SECONDS:
        return
    _cleaned_up_at = time.monotonic()
    _run_each(
        {
            "generations clean-up": generations.clean_up,
            "webhooks clean-up": webhooks.clean_up,
            "sessions clean-up": delete_expired_sessions,
        }
    )


def _run_each(parts: dict[str, Callable[[], object]]) -> None:
    """Run every part, even if one fails."""
    for name, part in parts.items():
        try:
            part()
        except Exception:
            logger.exception("The %s failed; the next one runs soon.", name)
